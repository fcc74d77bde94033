/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/tar_reader.h"

#include "packer/tar_internal.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCK 512

/* Bytes of an extended header or of a long name; far beyond any real one. */
#define META_MAX (1 << 20)

/* Offsets in a ustar header; with a length where a field is passed on as a whole. */
#define F_NAME 0, 100
#define F_MODE 100, 8
#define F_UID 108, 8
#define F_GID 116, 8
#define F_SIZE 124, 12
#define F_MTIME 136
#define F_MTIME_LEN 12
#define F_CHECKSUM 148
#define F_CHECKSUM_LEN 8
#define F_TYPE 156
#define F_LINK 157, 100
#define F_MAGIC 257
#define F_DEV_MAJOR 329, 8
#define F_DEV_MINOR 337, 8
#define F_PREFIX 345
#define F_PREFIX_LEN 155
#define F_STAR_PREFIX_LEN 131 /* star has times behind it */
#define F_STAR_TRAILER 508
#define F_GNU_SPARSE 386
#define F_GNU_SPARSE_PAIRS 4
#define F_GNU_EXTENDED 482
#define F_GNU_REAL_SIZE 483, 12

/* A block that goes on with an old GNU sparse map. */
#define GNU_BLOCK_PAIRS 21
#define GNU_BLOCK_EXTENDED 504

enum state {
	ST_HEADER,
	ST_META,       /* body of an extended header or of a GNU long name */
	ST_GNU_SPARSE, /* more blocks of an old GNU sparse map */
	ST_PAX_SPARSE, /* a GNU.sparse 1.0 map, before the contents */
	ST_DATA,       /* contents and their padding */
	ST_LAST,       /* one block of zeros was seen */
	ST_END,
};

struct mp_tar_reader {
	const struct mp_tar_events *events;
	void *context;
	enum state state;
	uint64_t offset; /* of the stream: where the current block begins */
	unsigned char block[BLOCK];
	size_t fill; /* bytes of it that came */

	char meta_type;
	struct mp_buf meta;
	uint64_t meta_left;
	char *long_name, *long_link;
	struct mp_tar_extended
		ext; /* for the next entry; its sparse map also for the current one */

	struct mp_tar_entry entry;
	uint64_t data_left; /* bytes of contents in the archive */
	size_t padding;
	uint64_t data_at;   /* offset in the file, where it is not sparse */
	size_t part;        /* of a sparse file: what data is for */
	uint64_t part_done; /* bytes of it that came */
};

struct mp_tar_reader *mp_tar_reader_new(const struct mp_tar_events *events, void *context)
{
	struct mp_tar_reader *reader = mp_xcalloc(1, sizeof(*reader));

	reader->events = events;
	reader->context = context;
	return reader;
}

/* Ready for the next header. */
static void forget_entry(struct mp_tar_reader *reader)
{
	mp_freep(&reader->entry.name);
	mp_freep(&reader->entry.link_name);
	mp_node_clear(&reader->entry.node);
	mp_tar_extended_clear(&reader->ext);
	mp_freep(&reader->long_name);
	mp_freep(&reader->long_link);
	reader->state = ST_HEADER;
}

void mp_tar_reader_freep(struct mp_tar_reader **reader)
{
	if (!*reader)
		return;
	forget_entry(*reader);
	mp_buf_free(&(*reader)->meta);
	mp_freep(reader);
}

/* @what is wrong with the current entry, or, between two, with the archive. */
static int malformed(const struct mp_tar_reader *reader, const char *what, struct mp_error *err)
{
	if (reader->entry.name)
		return mp_error_set(err, MP_E_FORMAT, 0, "malformed archive: '%.300s': %s",
				    reader->entry.name, what);
	return mp_error_set(err, MP_E_FORMAT, 0, "malformed archive: %s (at byte %" PRIu64 ")",
			    what, reader->offset);
}

/* What functions of tar_internal.h answer. */
static int check(const struct mp_tar_reader *reader, const char *wrong, struct mp_error *err)
{
	return wrong ? malformed(reader, wrong, err) : 0;
}

/* Contents */

/* All that comes before the contents was read. */
static int start_data(struct mp_tar_reader *reader, struct mp_error *err)
{
	const struct mp_tar_sparse *sparse = &reader->ext.sparse;

	if (sparse->used) {
		if (check(reader, mp_tar_sparse_check(sparse, reader->data_left), err))
			return -1;
		reader->entry.node.size_bytes = sparse->size;
	}
	reader->entry.sparse = sparse->used;
	reader->entry.data_offset = reader->offset + BLOCK; /* behind the block at hand */
	if (reader->events->entry(reader->context, &reader->entry, err))
		return -1;
	reader->data_at = reader->part = reader->part_done = 0;
	reader->padding = (size_t)(-reader->data_left % BLOCK);
	reader->state = ST_DATA;
	if (!reader->data_left)
		forget_entry(reader);
	return 0;
}

static int deliver_sparse(struct mp_tar_reader *reader, const char *data, size_t len,
			  struct mp_error *err)
{
	while (len > 0) {
		const struct mp_tar_segment *part = &reader->ext.sparse.v[reader->part];
		uint64_t left = part->len - reader->part_done;
		size_t take = len < left ? len : (size_t)left;

		if (take == 0) {
			reader->part++;
			reader->part_done = 0;
			continue;
		}
		if (reader->events->data(reader->context, part->offset + reader->part_done, data,
					 take, err))
			return -1;
		reader->part_done += take;
		data += take;
		len -= take;
	}
	return 0;
}

static int deliver(struct mp_tar_reader *reader, const char *data, size_t len, struct mp_error *err)
{
	if (reader->ext.sparse.used)
		return deliver_sparse(reader, data, len, err);
	return reader->events->data(reader->context, reader->data_at, data, len, err);
}

/* Takes contents or padding, of which @len bytes came: how much goes to *used_out. @data: NULL,
 * where contents are not delivered. */
static int take_data(struct mp_tar_reader *reader, const char *data, uint64_t len,
		     uint64_t *used_out, struct mp_error *err)
{
	uint64_t take;

	if (reader->data_left > 0) {
		take = len < reader->data_left ? len : reader->data_left;
		if (data && deliver(reader, data, (size_t)take, err))
			return -1;
		reader->data_left -= take;
		reader->data_at += take;
	} else {
		take = len < reader->padding ? len : reader->padding;
		reader->padding -= (size_t)take;
	}
	reader->offset += take;
	*used_out = take;
	if (!reader->data_left && !reader->padding)
		forget_entry(reader);
	return 0;
}

int mp_tar_reader_skip(struct mp_tar_reader *reader, uint64_t max, uint64_t *skipped_out,
		       struct mp_error *err)
{
	*skipped_out = 0;
	if (max == 0 || reader->state != ST_DATA || reader->ext.sparse.used)
		return 0;
	return take_data(reader, NULL, max, skipped_out, err);
}

/* Extended headers and long names */

static int finish_meta(struct mp_tar_reader *reader, struct mp_error *err)
{
	char **name = reader->meta_type == 'L' ? &reader->long_name : &reader->long_link;
	const char *text = reader->meta.len ? reader->meta.data : "";

	reader->state = ST_HEADER;
	switch (reader->meta_type) {
	case 'x':
	case 'X': /* Solaris's early form of it */
		mp_tar_extended_clear(&reader->ext);
		return check(reader, mp_tar_extended_parse(&reader->ext, text, reader->meta.len),
			     err);
	case 'L':
	case 'K':
		mp_freep(name);
		*name = mp_xstrdup(text); /* ends at the first NUL */
		return 0;
	default: /* 'g', the global one: engines do not obey it either */
		return 0;
	}
}

static int take_meta(struct mp_tar_reader *reader, struct mp_error *err)
{
	size_t take = reader->meta_left < BLOCK ? (size_t)reader->meta_left : BLOCK;

	mp_buf_add(&reader->meta, reader->block, take);
	reader->meta_left -= take;
	return reader->meta_left ? 0 : finish_meta(reader, err);
}

/* Headers */

/* The sum of all bytes, the field itself as spaces; some old writers summed signed characters. */
static bool checksum_is_right(const unsigned char *block)
{
	uint32_t as_unsigned = 0, high = 0;
	int64_t said, sum;

	for (size_t i = 0; i < BLOCK; i++) {
		as_unsigned += block[i];
		high += block[i] >> 7;
	}
	for (size_t i = F_CHECKSUM; i < F_CHECKSUM + F_CHECKSUM_LEN; i++) {
		as_unsigned += ' ' - block[i];
		high -= block[i] >> 7;
	}
	sum = as_unsigned;
	return mp_tar_parse_number(block + F_CHECKSUM, F_CHECKSUM_LEN, &said) &&
	       (said == sum || said == sum - 256 * (int64_t)high);
}

/* A field of text, which ends at a NUL or where the field does. */
static char *field_text(const unsigned char *block, size_t at, size_t len)
{
	return mp_xstrndup((const char *)block + at, len);
}

static char *header_name(const unsigned char *block)
{
	bool star = memcmp(block + F_STAR_TRAILER, "tar", 4) == 0;
	MP_AUTO(mp_freep) char *name = field_text(block, F_NAME);
	MP_AUTO(mp_freep) char *prefix = NULL;

	/* GNU's magic is "ustar  ", and other fields stand where the prefix would. */
	if (memcmp(block + F_MAGIC, "ustar", 6) != 0 || !block[F_PREFIX])
		return MP_STEAL(name);
	prefix = field_text(block, F_PREFIX, star ? F_STAR_PREFIX_LEN : F_PREFIX_LEN);
	return mp_xasprintf("%s/%s", prefix, name);
}

static char *entry_name(const struct mp_tar_reader *reader)
{
	if (reader->ext.sparse_name)
		return mp_xstrdup(reader->ext.sparse_name);
	if (reader->ext.path)
		return mp_xstrdup(reader->ext.path);
	return reader->long_name ? mp_xstrdup(reader->long_name) : header_name(reader->block);
}

static char *entry_link(const struct mp_tar_reader *reader)
{
	if (reader->ext.link)
		return mp_xstrdup(reader->ext.link);
	return reader->long_link ? mp_xstrdup(reader->long_link)
				 : field_text(reader->block, F_LINK);
}

/* The file type that a type flag stands for; 0: none that is known. */
static mode_t type_of(char flag, const char *name)
{
	size_t len = strlen(name);

	switch (flag) {
	case '\0': /* v7 has no flag for directories */
		return len > 0 && name[len - 1] == '/' ? S_IFDIR : S_IFREG;
	case '0':
	case '7': /* contiguous */
	case 'S': /* old GNU sparse */
	case '1': /* hard link: the type is that of the other name */
		return S_IFREG;
	case '2':
		return S_IFLNK;
	case '3':
		return S_IFCHR;
	case '4':
		return S_IFBLK;
	case '5':
		return S_IFDIR;
	case '6':
		return S_IFIFO;
	default:
		return 0;
	}
}

/* A field between 0 and @max; *out is set already where @extended. */
static int read_field(const struct mp_tar_reader *reader, bool extended, size_t at, size_t len,
		      int64_t max, const char *wrong, int64_t *out, struct mp_error *err)
{
	if (!extended && !mp_tar_parse_number(reader->block + at, len, out))
		return malformed(reader, wrong, err);
	return *out < 0 || *out > max ? malformed(reader, wrong, err) : 0;
}

static int read_owner_and_mode(struct mp_tar_reader *reader, struct mp_error *err)
{
	const struct mp_tar_extended *ext = &reader->ext;
	struct mp_node *node = &reader->entry.node;
	int64_t uid = ext->uid, gid = ext->gid, mode;
	int64_t max = UINT32_MAX - 1; /* (uid_t)-1 is nobody: "leave as it is" to chown(2) */

	if (read_field(reader, ext->has_uid, F_UID, max, "bad owner", &uid, err) ||
	    read_field(reader, ext->has_gid, F_GID, max, "bad group", &gid, err) ||
	    read_field(reader, false, F_MODE, INT64_MAX, "bad mode", &mode, err))
		return -1;
	node->uid = (uid_t)uid;
	node->gid = (gid_t)gid;
	node->mode |= (mode_t)mode & 07777;
	return 0;
}

static int read_time(struct mp_tar_reader *reader, struct mp_error *err)
{
	struct mp_node *node = &reader->entry.node;

	if (reader->ext.has_mtime) {
		node->mtime_s = reader->ext.mtime_s;
		node->mtime_ns = reader->ext.mtime_ns;
		return 0;
	}
	/* Before 1970 is a time like any other. */
	if (!mp_tar_parse_number(reader->block + F_MTIME, F_MTIME_LEN, &node->mtime_s))
		return malformed(reader, "bad modification time", err);
	return 0;
}

/* Only regular files have contents, whatever the size field of others says. */
static int read_size(struct mp_tar_reader *reader, bool has_contents, struct mp_error *err)
{
	int64_t size = reader->ext.size;

	if (read_field(reader, reader->ext.has_size, F_SIZE, INT64_MAX, "bad size", &size, err))
		return -1;
	reader->data_left = has_contents ? (uint64_t)size : 0;
	reader->entry.node.size_bytes = reader->data_left;
	return 0;
}

static int read_device(struct mp_tar_reader *reader, struct mp_error *err)
{
	struct mp_node *node = &reader->entry.node;
	int64_t major, minor;

	if (read_field(reader, false, F_DEV_MAJOR, UINT32_MAX, "bad device", &major, err) ||
	    read_field(reader, false, F_DEV_MINOR, UINT32_MAX, "bad device", &minor, err))
		return -1;
	node->rdev_major = (uint32_t)major;
	node->rdev_minor = (uint32_t)minor;
	return 0;
}

static int read_entry(struct mp_tar_reader *reader, char flag, struct mp_error *err)
{
	struct mp_tar_entry *entry = &reader->entry;
	struct mp_node *node = &entry->node;

	entry->name = entry_name(reader);
	*node = reader->ext.xattrs;
	reader->ext.xattrs = (struct mp_node){ 0 };
	node->mode = type_of(flag, entry->name);
	if (!node->mode)
		return malformed(reader, "an entry of unknown type", err);
	if (read_owner_and_mode(reader, err) || read_time(reader, err) ||
	    read_size(reader, S_ISREG(node->mode) && flag != '1', err))
		return -1;
	if (flag == '1')
		entry->link_name = entry_link(reader);
	else if (S_ISLNK(node->mode))
		node->target = entry_link(reader);
	else if (S_ISCHR(node->mode) || S_ISBLK(node->mode))
		return read_device(reader, err);
	return 0;
}

static int start_gnu_sparse(struct mp_tar_reader *reader, struct mp_error *err)
{
	struct mp_tar_sparse *sparse = &reader->ext.sparse;
	int64_t size;

	mp_tar_sparse_clear(sparse);
	sparse->used = true;
	if (read_field(reader, false, F_GNU_REAL_SIZE, INT64_MAX, "bad size of a sparse file",
		       &size, err) ||
	    check(reader,
		  mp_tar_sparse_add_gnu(sparse, reader->block + F_GNU_SPARSE, F_GNU_SPARSE_PAIRS),
		  err))
		return -1;
	sparse->size = (uint64_t)size;
	if (!reader->block[F_GNU_EXTENDED])
		return start_data(reader, err);
	reader->state = ST_GNU_SPARSE;
	return 0;
}

static int take_gnu_sparse(struct mp_tar_reader *reader, struct mp_error *err)
{
	const char *wrong =
		mp_tar_sparse_add_gnu(&reader->ext.sparse, reader->block, GNU_BLOCK_PAIRS);

	if (check(reader, wrong, err))
		return -1;
	return reader->block[GNU_BLOCK_EXTENDED] ? 0 : start_data(reader, err);
}

static int start_pax_sparse(struct mp_tar_reader *reader, struct mp_error *err)
{
	const struct mp_tar_extended *ext = &reader->ext;

	if (!ext->has_sparse_size)
		return malformed(reader, "a sparse file without its size", err);
	if (ext->sparse_major == 0)
		return start_data(reader, err);
	if (ext->sparse_major != 1 || ext->sparse_minor != 0)
		return malformed(reader, "a sparse file of an unknown form", err);
	reader->state = ST_PAX_SPARSE;
	return 0;
}

/* The map takes whole blocks of what the header counts as contents. */
static int take_pax_sparse(struct mp_tar_reader *reader, struct mp_error *err)
{
	struct mp_tar_sparse *sparse = &reader->ext.sparse;

	if (reader->data_left < BLOCK)
		return malformed(reader, "bad map of a sparse file", err);
	reader->data_left -= BLOCK;
	if (check(reader, mp_tar_sparse_add_text(sparse, (const char *)reader->block, BLOCK), err))
		return -1;
	return mp_tar_sparse_is_read(sparse) ? start_data(reader, err) : 0;
}

static int start_entry(struct mp_tar_reader *reader, struct mp_error *err)
{
	char flag = (char)reader->block[F_TYPE];

	if (read_entry(reader, flag, err))
		return -1;
	if (flag == 'S')
		return start_gnu_sparse(reader, err);
	if (reader->ext.sparse.used && S_ISREG(reader->entry.node.mode) && flag != '1')
		return start_pax_sparse(reader, err);
	mp_tar_sparse_clear(&reader->ext.sparse);
	return start_data(reader, err);
}

static int start_meta(struct mp_tar_reader *reader, struct mp_error *err)
{
	int64_t size;

	if (read_field(reader, false, F_SIZE, INT64_MAX, "bad size of an extended header", &size,
		       err))
		return -1;
	if (size > META_MAX)
		return malformed(reader, "an extended header larger than 1 MiB", err);
	mp_buf_clear(&reader->meta);
	reader->meta_type = (char)reader->block[F_TYPE];
	reader->meta_left = (uint64_t)size;
	reader->state = ST_META;
	return size ? 0 : finish_meta(reader, err);
}

static int take_header(struct mp_tar_reader *reader, struct mp_error *err)
{
	if (mp_is_zero(reader->block, BLOCK)) {
		reader->state = reader->state == ST_LAST ? ST_END : ST_LAST;
		return 0;
	}
	if (reader->state == ST_LAST)
		return malformed(reader, "it goes on after its end", err);
	if (!checksum_is_right(reader->block))
		return malformed(reader, "no tar header, or a damaged one", err);
	switch (reader->block[F_TYPE]) {
	case 'x':
	case 'X':
	case 'g':
	case 'L':
	case 'K':
		return start_meta(reader, err);
	default:
		return start_entry(reader, err);
	}
}

static int take_block(struct mp_tar_reader *reader, struct mp_error *err)
{
	switch (reader->state) {
	case ST_HEADER:
	case ST_LAST:
		return take_header(reader, err);
	case ST_META:
		return take_meta(reader, err);
	case ST_GNU_SPARSE:
		return take_gnu_sparse(reader, err);
	case ST_PAX_SPARSE:
		return take_pax_sparse(reader, err);
	case ST_DATA:
	case ST_END:
		break; /* not read in blocks */
	}
	return 0;
}

/* Adds to the current block, and takes it once it is full. */
static int fill_block(struct mp_tar_reader *reader, const char *data, size_t len,
		      uint64_t *used_out, struct mp_error *err)
{
	size_t take = len < BLOCK - reader->fill ? len : BLOCK - reader->fill;

	memcpy(reader->block + reader->fill, data, take);
	reader->fill += take;
	*used_out = take;
	if (reader->fill < BLOCK)
		return 0;
	reader->fill = 0;
	if (take_block(reader, err))
		return -1;
	reader->offset += BLOCK;
	return 0;
}

int mp_tar_reader_feed(struct mp_tar_reader *reader, const void *data, size_t len,
		       struct mp_error *err)
{
	const char *p = data;

	while (len > 0 && reader->state != ST_END) {
		uint64_t used = 0;

		if (reader->state == ST_DATA ? take_data(reader, p, len, &used, err)
					     : fill_block(reader, p, len, &used, err))
			return -1;
		p += used;
		len -= (size_t)used;
	}
	return 0;
}

bool mp_tar_reader_is_ended(const struct mp_tar_reader *reader)
{
	return reader->state == ST_END;
}

/* Whether nothing is known yet of another entry. */
static bool is_between_entries(const struct mp_tar_reader *reader)
{
	const struct mp_tar_extended *ext = &reader->ext;

	return reader->state == ST_HEADER && reader->fill == 0 && !ext->used &&
	       !reader->long_name && !reader->long_link;
}

int mp_tar_reader_finish(const struct mp_tar_reader *reader, bool bare_end, struct mp_error *err)
{
	/* The second of the two blocks of zeros tells nothing that the first does not. */
	if (reader->state == ST_END || (reader->state == ST_LAST && reader->fill == 0) ||
	    (bare_end && is_between_entries(reader)))
		return 0;
	return malformed(reader, "it ends too early", err);
}
