/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/plan_file.h"

#include "core/file.h"
#include "core/interrupt.h"
#include "core/path.h"
#include "packer/touched.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAGIC "#micropack-plan"
#define CHUNK (1u << 16)

enum column {
	COLUMN_PATH,
	COLUMN_TYPE,
	COLUMN_SIZE,
	COLUMN_REASON,
	COLUMN_BECAUSE,
	COLUMN_DETAIL,
	COLUMN_DATA,
	COLUMN_CONTENTS,
	COLUMNS,
};

/* What the column TYPE may say. */
static const struct type {
	const char *word;
	mode_t type;
	enum mp_plan_origin origin;
} types[] = {
	{ "file", S_IFREG, MP_PLAN_IMAGE },     { "dir", S_IFDIR, MP_PLAN_IMAGE },
	{ "symlink", S_IFLNK, MP_PLAN_IMAGE },  { "char", S_IFCHR, MP_PLAN_IMAGE },
	{ "block", S_IFBLK, MP_PLAN_IMAGE },    { "fifo", S_IFIFO, MP_PLAN_IMAGE },
	{ "socket", S_IFSOCK, MP_PLAN_IMAGE },  { "empty-file", S_IFREG, MP_PLAN_EMPTIED },
	{ "made-file", S_IFREG, MP_PLAN_MADE }, { "made-dir", S_IFDIR, MP_PLAN_MADE },
};

static const char *const reason_words[MP_REASON_COUNT] = {
	[MP_REASON_TRACED] = "traced",
	[MP_REASON_LISTED] = "listed",
	[MP_REASON_PARENT] = "parent",
	[MP_REASON_SYMLINK] = "symlink",
	[MP_REASON_TARGET] = "target",
	[MP_REASON_INTERPRETER] = "interpreter",
	[MP_REASON_NEEDED] = "needed",
	[MP_REASON_DLOPEN] = "dlopen",
	[MP_REASON_LIBC] = "libc",
	[MP_REASON_SHEBANG] = "shebang",
	[MP_REASON_USERS] = "users",
	[MP_REASON_WORKDIR] = "workdir",
	[MP_REASON_VOLUME] = "volume",
	[MP_REASON_MOUNT_POINT] = "mount-point",
	[MP_REASON_ENTRYPOINT] = "entrypoint",
	[MP_REASON_RULE] = "rule",
	[MP_REASON_PACKAGE] = "package",
};

const char *mp_reason_word(enum mp_reason reason)
{
	return reason_words[reason];
}

void mp_plan_header_clear(struct mp_plan_header *header)
{
	mp_freep(&header->image_id);
	mp_strv_free(&header->options);
}

/* Writing */

struct output {
	struct mp_buf *text;
	int fd; /* negative: all stays in the text */
	const char *name;
};

static int flush(struct output *output, size_t unless_below, struct mp_error *err)
{
	if (output->fd < 0 || output->text->len == 0 || output->text->len < unless_below)
		return 0;
	if (mp_fd_write_all(output->fd, output->text->data, output->text->len, output->name, err))
		return -1;
	mp_buf_clear(output->text);
	return 0;
}

static void add_column(struct mp_buf *line, const char *text)
{
	mp_buf_addc(line, '\t');
	if (text)
		mp_path_escape(line, text);
}

/* Bytes, among which may be NUL. */
static void add_contents(struct mp_buf *line, const struct mp_buf *contents)
{
	mp_buf_addc(line, '\t');
	for (size_t at = 0; at < contents->len;) {
		const char *piece = contents->data + at;

		/* A buffer ends in a NUL that is none of its bytes. */
		mp_path_escape(line, piece);
		at += strlen(piece);
		if (at < contents->len)
			mp_buf_adds(line, "\\x00");
		at++;
	}
}

static void end_line(struct mp_buf *line)
{
	while (line->len > 0 && line->data[line->len - 1] == '\t')
		line->len--;
	mp_buf_addc(line, '\n');
}

static void put_header(struct mp_buf *text, const struct mp_plan_header *header)
{
	mp_buf_addf(text, MAGIC "\t%d", MP_PLAN_FILE_VERSION);
	add_column(text, header->image_id);
	for (size_t i = 0; i < header->options.n; i++)
		add_column(text, header->options.v[i]);
	end_line(text);
}

/* Whether @file, which is packed, is as @node, which the image has. */
static bool is_as_in_image(const struct mp_file *file, const struct mp_node *node)
{
	const struct mp_node *own = &file->node;
	bool same_time = own->mtime_s == node->mtime_s && own->mtime_ns == node->mtime_ns;

	return own->mode == node->mode && own->uid == node->uid && own->gid == node->gid &&
	       (same_time || mp_touched_always(file->path));
}

static int origin_of(struct mp_rootfs *root, const struct mp_file *file,
		     enum mp_plan_origin *origin_out, struct mp_error *err)
{
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 };
	bool same;
	int rc;

	*origin_out = MP_PLAN_IMAGE;
	if (!file->made && !S_ISDIR(file->node.mode))
		return 0;
	rc = mp_rootfs_lookup(root, file->path, &node, err);
	if (rc < 0)
		return -1;
	same = rc > 0 && is_as_in_image(file, &node);
	if (!same || (file->made && file->made->len > 0))
		*origin_out = MP_PLAN_MADE;
	else if (file->made)
		*origin_out = MP_PLAN_EMPTIED;
	return 0;
}

static const char *type_word(mode_t mode, enum mp_plan_origin origin)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(types); i++) {
		if (types[i].type == (mode & S_IFMT) && types[i].origin == origin)
			return types[i].word;
	}
	return "file";
}

static int put_file(struct mp_buf *text, struct mp_rootfs *root, const struct mp_file *file,
		    struct mp_error *err)
{
	const struct mp_node *node = &file->node;
	enum mp_plan_origin origin;

	if (origin_of(root, file, &origin, err))
		return -1;
	mp_path_escape(text, file->path);
	mp_buf_addf(text, "\t%s\t%" PRIu64 "\t%s", type_word(node->mode, origin), node->size_bytes,
		    reason_words[file->why.reason]);
	add_column(text, file->why.because);
	add_column(text, file->why.detail);
	if (origin == MP_PLAN_MADE)
		mp_buf_addf(text, "\t%04o %u %u %" PRId64 ".%09u", (unsigned int)node->mode & 07777,
			    node->uid, node->gid, node->mtime_s, node->mtime_ns);
	else
		add_column(text, node->target);
	if (origin == MP_PLAN_MADE && file->made)
		add_contents(text, file->made);
	end_line(text);
	return 0;
}

int mp_plan_file_write(struct mp_rootfs *root, const struct mp_fileset *set,
		       const struct mp_plan_header *header, int fd, const char *name,
		       struct mp_buf *text, struct mp_error *err)
{
	MP_AUTO(mp_freep) const struct mp_file **files = mp_fileset_sorted(set);
	MP_AUTO(mp_buf_free) struct mp_buf own = { 0 };
	struct output output = { .text = fd < 0 ? text : &own, .fd = fd, .name = name };

	put_header(output.text, header);
	for (size_t i = 0; i < mp_fileset_count(set); i++) {
		if (mp_interrupt_check(err) || put_file(output.text, root, files[i], err) ||
		    flush(&output, CHUNK, err))
			return -1;
	}
	return flush(&output, 0, err);
}

/* Reading */

struct reader {
	const char *name;
	size_t number;
};

static int bad_line(const struct reader *reader, struct mp_error *err, const char *what)
{
	return mp_error_set(err, MP_E_FORMAT, 0, "%s:%zu: %s", reader->name, reader->number, what);
}

void mp_plan_line_clear(struct mp_plan_line *line)
{
	mp_freep(&line->path);
	free((char *)line->why.because);
	free((char *)line->why.detail);
	mp_freep(&line->target);
	mp_node_clear(&line->node);
	mp_buf_free(&line->contents);
}

/* Digits of @base alone. */
static bool parse_number(const char *text, int base, uint64_t max, uint64_t *out)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, base);
	return !errno && !*end && *out <= max;
}

/* "0755 0 0 1700000000.000000000": mode, owner, group, mtime. */
static bool parse_made(const char *data, struct mp_node *node)
{
	MP_AUTO(mp_strv_free) struct mp_strv words = { 0 };
	uint64_t mode, uid, gid, seconds, nanoseconds;
	bool negative;
	char *dot;

	mp_strv_split(&words, data, " ");
	if (words.n != 4)
		return false;
	negative = words.v[3][0] == '-';
	dot = strchr(words.v[3], '.');
	if (!dot || strlen(dot + 1) != 9)
		return false;
	*dot = '\0';
	if (!parse_number(words.v[0], 8, 07777, &mode) ||
	    !parse_number(words.v[1], 10, UINT32_MAX - 1, &uid) ||
	    !parse_number(words.v[2], 10, UINT32_MAX - 1, &gid) ||
	    !parse_number(words.v[3] + negative, 10, INT64_MAX, &seconds) ||
	    !parse_number(dot + 1, 10, 999999999, &nanoseconds))
		return false;
	node->mode |= (mode_t)mode;
	node->uid = (uid_t)uid;
	node->gid = (gid_t)gid;
	node->mtime_s = negative ? -(int64_t)seconds : (int64_t)seconds;
	node->mtime_ns = (uint32_t)nanoseconds;
	node->nlink = 1;
	return true;
}

/* Escaped text in which \x00 is a byte as others are. */
static bool parse_contents(const char *text, struct mp_buf *out)
{
	for (;;) {
		const char *nul = strstr(text, "\\x00");

		/* Not where the backslash is itself escaped: "\\\\x00". */
		while (nul) {
			const char *first = nul;

			while (first > text && first[-1] == '\\')
				first--;
			if ((nul - first) % 2 == 0)
				break;
			nul = strstr(nul + 1, "\\x00");
		}
		MP_AUTO(mp_freep)
		char *piece = mp_xstrndup(text, nul ? (size_t)(nul - text) : strlen(text));
		MP_AUTO(mp_freep) char *bytes = mp_path_unescape(piece);
		if (!bytes)
			return false;
		mp_buf_adds(out, bytes);
		if (!nul)
			return true;
		mp_buf_addc(out, '\0');
		text = nul + strlen("\\x00");
	}
}

static int parse_type(const struct reader *reader, struct mp_plan_line *line,
		      const struct mp_strv *columns, struct mp_error *err)
{
	uint64_t size;

	for (size_t i = 0; i < MP_ARRAY_LEN(types) && !line->type; i++) {
		if (strcmp(columns->v[COLUMN_TYPE], types[i].word) == 0) {
			line->type = types[i].type;
			line->origin = types[i].origin;
		}
	}
	if (!line->type)
		return bad_line(reader, err, "unknown type in column 2");
	if (columns->n > COLUMN_SIZE) {
		if (!parse_number(columns->v[COLUMN_SIZE], 10, INT64_MAX, &size))
			return bad_line(reader, err, "no size in column 3");
		line->size_bytes = size;
	}
	return 0;
}

/* An escaped column, or NULL where it is not there or empty. */
static int parse_text(const struct reader *reader, const struct mp_strv *columns,
		      enum column column, char **out, struct mp_error *err)
{
	if (columns->n <= (size_t)column || !columns->v[column][0])
		return 0;
	*out = mp_path_unescape(columns->v[column]);
	return *out ? 0 : bad_line(reader, err, "malformed escape; a backslash is written '\\\\'");
}

static int parse_why(const struct reader *reader, struct mp_plan_line *line,
		     const struct mp_strv *columns, struct mp_error *err)
{
	int reason = 0;

	if (columns->n <= COLUMN_REASON)
		return 0;
	while (reason < MP_REASON_COUNT &&
	       strcmp(columns->v[COLUMN_REASON], reason_words[reason]) != 0)
		reason++;
	if (reason == MP_REASON_COUNT)
		return bad_line(reader, err, "unknown reason in column 4");
	line->why.reason = (enum mp_reason)reason;
	if (parse_text(reader, columns, COLUMN_BECAUSE, (char **)&line->why.because, err))
		return -1;
	return parse_text(reader, columns, COLUMN_DETAIL, (char **)&line->why.detail, err);
}

static int parse_data(const struct reader *reader, struct mp_plan_line *line,
		      const struct mp_strv *columns, struct mp_error *err)
{
	if (line->origin != MP_PLAN_MADE)
		return S_ISLNK(line->type)
			       ? parse_text(reader, columns, COLUMN_DATA, &line->target, err)
			       : 0;
	line->node.mode = line->type;
	if (columns->n <= COLUMN_DATA || !parse_made(columns->v[COLUMN_DATA], &line->node))
		return bad_line(reader, err,
				"column 7 of what is made is 'MODE UID GID SECONDS.NANOSECONDS'");
	if (columns->n > COLUMN_CONTENTS &&
	    !parse_contents(columns->v[COLUMN_CONTENTS], &line->contents))
		return bad_line(reader, err, "malformed escape; a backslash is written '\\\\'");
	return 0;
}

static int parse_path(const struct reader *reader, struct mp_plan_line *line, const char *text,
		      struct mp_error *err)
{
	MP_AUTO(mp_freep) char *bytes = mp_path_unescape(text);

	if (!bytes)
		return bad_line(reader, err, "malformed escape; a backslash is written '\\\\'");
	line->path = mp_path_clean(bytes);
	if (!line->path)
		return bad_line(reader, err, "a line begins with an absolute path");
	if (mp_path_has_dotdot(line->path))
		return bad_line(reader, err, "a path of a plan has no '..'");
	return 0;
}

static int parse_line(const struct reader *reader, const char *text, struct mp_plan_line *line,
		      struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv columns = { 0 };

	line->number = reader->number;
	line->why.reason = MP_REASON_LISTED;
	mp_strv_split(&columns, text, "\t");
	if (columns.n > COLUMNS)
		return bad_line(reader, err, "too many columns");
	if (parse_path(reader, line, columns.v[COLUMN_PATH], err))
		return -1;
	line->bare = columns.n == 1;
	if (line->bare)
		return 0;
	if (parse_type(reader, line, &columns, err) || parse_why(reader, line, &columns, err))
		return -1;
	return parse_data(reader, line, &columns, err);
}

static int parse_header(const struct reader *reader, const char *text,
			struct mp_plan_header *header, struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv columns = { 0 };
	uint64_t version;

	mp_strv_split(&columns, text, "\t");
	if (strcmp(columns.v[0], MAGIC) != 0 || columns.n < 2)
		return bad_line(reader, err,
				"not a plan: it begins with '" MAGIC "', a tab, and the version");
	if (!parse_number(columns.v[1], 10, UINT32_MAX, &version))
		return bad_line(reader, err, "no version in column 2");
	if (version != MP_PLAN_FILE_VERSION)
		return bad_line(reader, err, "a plan of another version; this one reads 1");
	if (parse_text(reader, &columns, 2, &header->image_id, err))
		return -1;
	for (size_t i = 3; i < columns.n; i++) {
		char *option = NULL;

		if (parse_text(reader, &columns, (enum column)i, &option, err))
			return -1;
		if (option)
			mp_strv_push_take(&header->options, option);
	}
	return 0;
}

bool mp_plan_file_looks_like(const char *text, size_t len)
{
	size_t magic = strlen(MAGIC);

	return len > magic && memcmp(text, MAGIC, magic) == 0 && text[magic] == '\t';
}

static int read_line(const struct reader *reader, const char *text,
		     struct mp_plan_header *header_out,
		     int (*take)(void *context, struct mp_plan_line *line, struct mp_error *err),
		     void *context, struct mp_error *err)
{
	MP_AUTO(mp_plan_line_clear) struct mp_plan_line line = { 0 };

	if (reader->number == 1)
		return parse_header(reader, text, header_out, err);
	if (!text[strspn(text, " \t")] || text[0] == '#')
		return 0;
	if (mp_interrupt_check(err) || parse_line(reader, text, &line, err))
		return -1;
	return take(context, &line, err);
}

int mp_plan_file_read(const char *text, size_t len, const char *name,
		      struct mp_plan_header *header_out,
		      int (*take)(void *context, struct mp_plan_line *line, struct mp_error *err),
		      void *context, struct mp_error *err)
{
	struct reader reader = { .name = name, .number = 1 };
	const char *end = text + len;

	if (len == 0)
		return bad_line(&reader, err, "not a plan: it is empty");
	for (; text < end; reader.number++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t length = newline ? (size_t)(newline - text) : 0;
		MP_AUTO(mp_freep) char *line = NULL;

		if (!newline)
			return bad_line(&reader, err, "cut short: the line does not end");
		if (memchr(text, '\0', length))
			return bad_line(&reader, err, "a NUL byte");
		if (length > 0 && text[length - 1] == '\r')
			length--;
		line = mp_xstrndup(text, length);
		if (read_line(&reader, line, header_out, take, context, err))
			return -1;
		text = newline + 1;
	}
	return 0;
}

int mp_plan_file_read_header(const char *text, size_t len, const char *name,
			     struct mp_plan_header *header_out, struct mp_error *err)
{
	const char *newline = len ? memchr(text, '\n', len) : NULL;

	/* No line is left for anyone to take. */
	return mp_plan_file_read(text, newline ? (size_t)(newline + 1 - text) : len, name,
				 header_out, NULL, NULL, err);
}
