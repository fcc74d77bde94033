/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/archive.h"

#include "core/interrupt.h"
#include "core/log.h"
#include "core/path.h"
#include "core/summer.h"
#include "packer/links.h"
#include "packer/acl.h"
#include "packer/sparse.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (1 << 18)

/* What the engine gives an image's root where the archive says nothing. */
#define ROOT_MODE 0755

/*
 * A file is written without its holes from this many bytes of them on. That is late on purpose:
 * Docker's engine takes such an entry, but can neither save nor push the image any more, since it
 * puts the layer together again from its files (tar-split, "Caveat"). In sets so large that many
 * files below that bound would add up, it is the smaller one.
 */
#define HOLES_MIN ((uint64_t)1 << 30)
#define HOLES_MIN_OF_LARGE_SET ((uint64_t)1 << 20)
#define LARGE_SET ((uint64_t)64 << 30)

/* An archive that is being written. */
struct writer {
	struct archive *archive;
	struct archive_entry *entry;  /* used for one after the other */
	const char *name;             /* in errors */
	struct mp_compressor **forms; /* that it is written in */
	size_t n_forms, cap_forms;
	struct mp_summer *sum;                      /* NULL: nobody asks */
	struct mp_error *err;                       /* the caller's, for the callback */
	bool failed;                                /* nothing more goes out */
	unsigned char *chunk;                       /* of CHUNK bytes, for contents */
	uint64_t holes_min;                         /* bytes of holes that make a file sparse */
	const struct mp_archive_listener *listener; /* NULL: nobody wants the files' contents */
	bool telling;                               /* those of the file that is being written */
	const struct mp_fileset *set;
	bool inherits; /* some directory of the set gives an ACL to what is made in it */
	locale_t utf8, ascii, before;
};

/* Bytes out */

static int put_bytes(struct writer *writer, const void *data, size_t len)
{
	if (writer->sum)
		mp_summer_add(writer->sum, data, len);
	for (size_t i = 0; i < writer->n_forms; i++) {
		if (mp_compressor_add(writer->forms[i], data, len, writer->err))
			return -1;
	}
	return 0;
}

static la_ssize_t on_write(struct archive *archive, void *context, const void *data, size_t len)
{
	struct writer *writer = context;

	if (!writer->failed && put_bytes(writer, data, len) == 0)
		return (la_ssize_t)len;
	writer->failed = true;
	archive_set_error(archive, EIO, "write");
	return -1;
}

/*
 * A warning is no failure: there is one alone, that a name is not UTF-8, and then libarchive writes
 * it as it is and marks the header so (hdrcharset=BINARY, POSIX.1-2017 pax).
 */
static int check(struct writer *writer, int rc, struct mp_error *err)
{
	if (rc == ARCHIVE_OK || rc == ARCHIVE_WARN)
		return 0;
	if (writer->failed)
		return -1;
	return mp_error_set(err, MP_E_SYS, 0, "write '%s': %s", writer->name,
			    archive_error_string(writer->archive));
}

/*
 * libarchive converts names from the thread's character set to UTF-8, which may not change a byte
 * of them. From UTF-8 it does not, but for CESU-8, which it repairs: a set with any name that is
 * not strictly UTF-8 is written under the ASCII set instead, where each name that has more is
 * marked as binary. Not always so, because GNU tar remarks upon every mark.
 */
static void use_charset(struct writer *writer, bool utf8)
{
	uselocale(utf8 ? writer->utf8 : writer->ascii);
}

static int writer_open(struct writer *writer, const char *name, struct mp_error *err)
{
	struct archive *archive = archive_write_new();

	*writer = (struct writer){ .archive = archive, .name = name, .err = err };
	writer->entry = archive_entry_new();
	writer->chunk = mp_xmalloc(CHUNK);
	writer->before = uselocale((locale_t)0);
	writer->ascii = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	writer->utf8 = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
	if (!writer->utf8) /* before glibc 2.35 it had to be installed */
		writer->utf8 = duplocale(writer->ascii);
	/* Unlike "restricted", this format also keeps fractions of seconds; both write an extended
	 * header only where there is something to say in it. */
	if (check(writer, archive_write_set_format_pax(archive), err) ||
	    check(writer, archive_write_set_options(archive, "pax:xattrheader=SCHILY"), err) ||
	    check(writer, archive_write_set_bytes_per_block(archive, 0), err))
		return -1;
	return check(writer, archive_write_open(archive, writer, NULL, on_write, NULL), err);
}

/* Another file that the same bytes go to. */
static int add_form(struct writer *writer, const struct mp_layer *layer, struct mp_error *err)
{
	writer->forms = mp_array_grow(writer->forms, writer->n_forms, &writer->cap_forms,
				      sizeof(*writer->forms));
	if (mp_compressor_new(layer->compression, layer->fd, layer->name,
			      &writer->forms[writer->n_forms], err))
		return -1;
	writer->n_forms++;
	return 0;
}

static int writer_finish(struct writer *writer, struct mp_layer *layers, struct mp_error *err)
{
	if (check(writer, archive_write_close(writer->archive), err))
		return -1;
	for (size_t i = 0; i < writer->n_forms; i++) {
		if (mp_compressor_finish(writer->forms[i], layers[i].sha256, &layers[i].size_bytes,
					 err))
			return -1;
	}
	return 0;
}

static void writer_close(struct writer *writer)
{
	if (!writer->archive)
		return;
	/* What is not finished stays so: libarchive would fill up the file that it was in, with
	 * zeros, and end the archive. Not closing it at all is no way: that leaks in 3.6. */
	writer->failed = true;
	archive_write_close(writer->archive);
	archive_write_free(writer->archive);
	archive_entry_free(writer->entry);
	uselocale(writer->before);
	freelocale(writer->utf8);
	freelocale(writer->ascii);
	for (size_t i = 0; i < writer->n_forms; i++)
		mp_compressor_freep(&writer->forms[i]);
	mp_freep(&writer->forms);
	mp_freep(&writer->chunk);
}

static int put_header(struct writer *writer, struct mp_error *err)
{
	return check(writer, archive_write_header(writer->archive, writer->entry), err);
}

static int put_data(struct writer *writer, const void *data, size_t len, struct mp_error *err)
{
	la_ssize_t put = archive_write_data(writer->archive, data, len);

	return put == (la_ssize_t)len ? 0 : check(writer, ARCHIVE_FATAL, err);
}

/* Contents of a file of the set. */
static int put_told(struct writer *writer, const void *data, size_t len, struct mp_error *err)
{
	if (writer->telling)
		writer->listener->data(writer->listener->context, data, len);
	return put_data(writer, data, len, err);
}

static int size_changed(const char *path, bool grew, struct mp_error *err)
{
	return mp_error_set(err, MP_E_SYS, 0, "'%s' %s while it was read", path,
			    grew ? "grew" : "shrank");
}

/* @size bytes of @contents, from @at on. @path: in errors. */
static int put_part(struct writer *writer, const struct mp_contents *contents, uint64_t at,
		    uint64_t size, const char *path, struct mp_error *err)
{
	while (size > 0) {
		size_t want = size < CHUNK ? (size_t)size : CHUNK;
		ssize_t got;

		if (mp_interrupt_check(err))
			return -1;
		got = mp_contents_read(contents, writer->chunk, want, at);
		if (got < 0)
			return mp_error_set(err, MP_E_SYS, errno, "read '%s'", path);
		if (got == 0)
			return size_changed(path, false, err);
		if (put_told(writer, writer->chunk, (size_t)got, err))
			return -1;
		at += (uint64_t)got;
		size -= (uint64_t)got;
	}
	return 0;
}

/* One byte more than there should be shows a file that grows. */
static int check_end(const struct mp_contents *contents, uint64_t size, const char *path,
		     struct mp_error *err)
{
	char byte;
	ssize_t got = mp_contents_read(contents, &byte, 1, size);

	if (got < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read '%s'", path);
	return got ? size_changed(path, true, err) : 0;
}

/* Exactly @size bytes: that is what the header says. @path: in errors. */
static int put_contents(struct writer *writer, const struct mp_contents *contents, uint64_t size,
			const char *path, struct mp_error *err)
{
	ssize_t got;

	if (size >= CHUNK)
		return put_part(writer, contents, 0, size, path, err) ||
				       check_end(contents, size, path, err)
			       ? -1
			       : 0;
	/* Most files are small: one read shows that there is no byte more. */
	got = mp_contents_read(contents, writer->chunk, (size_t)size + 1, 0);
	if (got < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read '%s'", path);
	if ((uint64_t)got != size)
		return size_changed(path, (uint64_t)got > size, err);
	return put_told(writer, writer->chunk, (size_t)size, err);
}

/* libarchive wants the holes' bytes too, and looks at none of them. */
static int put_hole(struct writer *writer, uint64_t size, struct mp_error *err)
{
	memset(writer->chunk, 0, size < CHUNK ? (size_t)size : CHUNK);
	while (size > 0) {
		size_t len = size < CHUNK ? (size_t)size : CHUNK;

		if (mp_interrupt_check(err) || put_told(writer, writer->chunk, len, err))
			return -1;
		size -= len;
	}
	return 0;
}

static int put_sparse(struct writer *writer, const struct mp_contents *contents, uint64_t size,
		      const struct mp_sparse *map, const char *path, struct mp_error *err)
{
	uint64_t at = 0;

	for (size_t i = 0; i < map->n; i++) {
		const struct mp_sparse_part *part = &map->parts[i];

		if (put_hole(writer, part->offset - at, err) ||
		    put_part(writer, contents, part->offset, part->size_bytes, path, err))
			return -1;
		at = part->offset + part->size_bytes;
	}
	if (put_hole(writer, size - at, err))
		return -1;
	return check_end(contents, size, path, err);
}

/* The archive of a set */

/* The file of which @file is another name, and that is in the archive already; or NULL. */
static const struct mp_file *first_of(struct mp_links *links, const struct mp_file *file)
{
	const struct mp_node *node = &file->node;

	if (S_ISDIR(node->mode) || node->nlink < 2)
		return NULL;
	return mp_links_first(links, node->file_dev, node->file_ino, file);
}

/* libarchive writes these in names of attributes as %HH, which nothing undoes. */
static bool is_plain_name(const char *name)
{
	for (; *name; name++) {
		if (*name < 33 || *name > 126 || *name == '%' || *name == '=')
			return false;
	}
	return true;
}

/*
 * Whoever unpacks makes a file in its directory, whose default ACL the file gets (acl(5), "OBJECT
 * CREATION AND DEFAULT ACLs"). Where it had none in the image, this is said with ACLs that say
 * nothing.
 */
static void fill_void_acls(struct archive_entry *entry, const struct mp_node *node)
{
	static const unsigned char none[MP_ACL_NONE_SIZE] = { 2 };
	unsigned char acl[MP_ACL_OF_MODE_SIZE];

	mp_acl_of_mode(node->mode, acl);
	if (!mp_acl_is_there(node, MP_ACL_ACCESS))
		archive_entry_xattr_add_entry(entry, MP_ACL_ACCESS, acl, sizeof(acl));
	if (S_ISDIR(node->mode) && !mp_acl_is_there(node, MP_ACL_DEFAULT))
		archive_entry_xattr_add_entry(entry, MP_ACL_DEFAULT, none, sizeof(none));
}

static bool inherits_acl(const struct writer *writer, const struct mp_file *file)
{
	MP_AUTO(mp_freep) char *parent = NULL;
	const struct mp_file *dir;

	if (!writer->inherits || S_ISLNK(file->node.mode) || !file->path[1])
		return false;
	parent = mp_path_parent(file->path);
	dir = mp_fileset_find(writer->set, parent);
	return dir && mp_acl_is_there(&dir->node, MP_ACL_DEFAULT);
}

static void fill_xattrs(struct archive_entry *entry, const struct mp_file *file)
{
	for (size_t i = 0; i < file->node.n_xattrs; i++) {
		const struct mp_xattr *xattr = &file->node.xattrs[i];

		if (mp_acl_is_void(xattr, file->node.mode))
			continue;
		if (is_plain_name(xattr->name))
			archive_entry_xattr_add_entry(entry, xattr->name, xattr->value,
						      xattr->size);
		else
			mp_warn("'%s': left out attribute '%s', whose name an archive cannot hold",
				file->path, xattr->name);
	}
}

/*
 * libarchive writes seconds, a dot and nanoseconds, which before 1970 is not the sum of them: so
 * its parts are those of "-4.75", and not -5 and 0.25. Between -1 and 0 there is no such pair.
 */
static void fill_time(struct archive_entry *entry, const struct mp_node *node)
{
	if (node->mtime_s >= 0 || node->mtime_ns == 0)
		archive_entry_set_mtime(entry, node->mtime_s, node->mtime_ns);
	else if (node->mtime_s == -1)
		archive_entry_set_mtime(entry, -1, 0);
	else
		archive_entry_set_mtime(entry, node->mtime_s + 1,
					1000000000 - (long)node->mtime_ns);
}

/*
 * @first: the file of which this is another name, or NULL. A hard link has all metadata again:
 * engines change the owner of each name they unpack, by which the kernel takes set-uid bits and
 * capabilities away from the file, and then set what that entry says.
 */
static void fill_entry(struct writer *writer, const struct mp_file *file,
		       const struct mp_file *first)
{
	struct archive_entry *entry = writer->entry;
	const struct mp_node *node = &file->node;

	archive_entry_clear(entry);
	archive_entry_copy_pathname(entry, file->path[1] ? file->path + 1 : "/");
	archive_entry_set_mode(entry, node->mode);
	archive_entry_set_uid(entry, node->uid);
	archive_entry_set_gid(entry, node->gid);
	fill_time(entry, node);
	archive_entry_set_size(entry,
			       S_ISREG(node->mode) && !first ? (int64_t)node->size_bytes : 0);
	fill_xattrs(entry, file);
	if (inherits_acl(writer, file))
		fill_void_acls(entry, node);
	if (first)
		archive_entry_copy_hardlink(entry, first->path + 1);
	else if (S_ISLNK(node->mode))
		archive_entry_copy_symlink(entry, node->target);
	if (S_ISCHR(node->mode) || S_ISBLK(node->mode)) {
		archive_entry_set_rdevmajor(entry, node->rdev_major);
		archive_entry_set_rdevminor(entry, node->rdev_minor);
	}
}

/* A map without any part stands for a file that is all hole. */
static void fill_map(struct archive_entry *entry, const struct mp_sparse *map)
{
	for (size_t i = 0; i < map->n; i++)
		archive_entry_sparse_add_entry(entry, (int64_t)map->parts[i].offset,
					       (int64_t)map->parts[i].size_bytes);
	if (map->n == 0)
		archive_entry_sparse_add_entry(entry, 0, 0);
}

static void begin_telling(struct writer *writer, const struct mp_file *file, uint64_t hole_bytes)
{
	const struct mp_archive_listener *listener = writer->listener;

	writer->telling = listener && listener->begin(listener->context, file, hole_bytes);
}

static void end_telling(struct writer *writer)
{
	if (writer->telling)
		writer->listener->end(writer->listener->context);
	writer->telling = false;
}

/* The header and the contents of a regular file under its first name. */
static int put_regular(struct writer *writer, const struct mp_contents *contents,
		       const struct mp_file *file, struct mp_error *err)
{
	MP_AUTO(mp_sparse_clear) struct mp_sparse map = { 0 };
	uint64_t size = file->node.size_bytes;
	int sparse = mp_sparse_map(contents, size, writer->holes_min, file->path, &map, err);

	if (sparse < 0)
		return -1;
	fill_entry(writer, file, NULL);
	if (sparse) {
		mp_warn("'%s': %" PRIu64 " bytes of holes are left out; an engine that loads this "
			"may not be able to save or push it again",
			file->path, map.hole_bytes);
		fill_map(writer->entry, &map);
	}
	if (put_header(writer, err))
		return -1;
	begin_telling(writer, file, sparse ? map.hole_bytes : 0);
	if (sparse ? put_sparse(writer, contents, size, &map, file->path, err)
		   : put_contents(writer, contents, size, file->path, err))
		return -1;
	end_telling(writer);
	return 0;
}

/* What was made here. */
static int put_made(struct writer *writer, const struct mp_file *file, struct mp_error *err)
{
	begin_telling(writer, file, 0);
	if (put_told(writer, file->made->data, file->made->len, err))
		return -1;
	end_telling(writer);
	return 0;
}

static int put_file(struct writer *writer, struct mp_rootfs *root, const struct mp_file *file,
		    const struct mp_file *first, struct mp_error *err)
{
	MP_AUTO(mp_contents_close) struct mp_contents contents = MP_CONTENTS_CLOSED;

	if (S_ISREG(file->node.mode) && !first && !file->made) {
		/* Opened first: a header without its contents would spoil the archive. */
		if (mp_rootfs_open(root, file->path, &contents, err))
			return -1;
		return put_regular(writer, &contents, file, err);
	}
	fill_entry(writer, file, first);
	if (put_header(writer, err))
		return -1;
	if (file->made)
		return put_made(writer, file, err);
	if (first && S_ISREG(file->node.mode) && writer->listener)
		writer->listener->link(writer->listener->context, file, first);
	return 0;
}

/*
 * The root itself is an entry only where an engine would not make it the same by itself. Its time
 * does not count: an export stream does not tell it. It is called "/", which GNU tar remarks upon,
 * because Docker's overlay2 driver leaves out what is called "./" (moby, archive.Unpack).
 */
static bool is_default_root(const struct mp_file *file)
{
	const struct mp_node *node = &file->node;

	return !file->path[1] && (node->mode & 07777) == ROOT_MODE && node->uid == 0 &&
	       node->gid == 0 && node->n_xattrs == 0;
}

static bool is_left_out(const struct mp_file *file)
{
	if (S_ISSOCK(file->node.mode))
		mp_warn("'%s' is a socket, which an archive cannot hold: left out", file->path);
	if (strncmp(mp_path_base(file->path), ".wh.", 4) == 0)
		mp_warn("'%s': engines take a name that begins with '.wh.' for a deleted file",
			file->path);
	return S_ISSOCK(file->node.mode) || is_default_root(file);
}

static void count(struct mp_archive_stats *stats, const struct mp_file *file,
		  const struct mp_file *first)
{
	if (S_ISDIR(file->node.mode))
		return;
	stats->files++;
	if (S_ISREG(file->node.mode) && !first)
		stats->size_bytes += file->node.size_bytes;
}

/* Names count, not files, so that the order in which they come does not matter. */
static uint64_t holes_min(const struct mp_file *const *files, size_t n)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n && total <= LARGE_SET; i++)
		total += files[i]->node.size_bytes;
	return total > LARGE_SET ? HOLES_MIN_OF_LARGE_SET : HOLES_MIN;
}

static bool any_default_acl(const struct mp_file *const *files, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (S_ISDIR(files[i]->node.mode) &&
		    mp_acl_is_there(&files[i]->node, MP_ACL_DEFAULT))
			return true;
	}
	return false;
}

static int put_files(struct writer *writer, struct mp_rootfs *root,
		     const struct mp_file *const *files, size_t n, struct mp_archive_stats *stats,
		     struct mp_error *err)
{
	MP_AUTO(mp_links_clear) struct mp_links links = { 0 };

	writer->holes_min = holes_min(files, n);
	writer->inherits = any_default_acl(files, n);
	for (size_t i = 0; i < n; i++) {
		const struct mp_file *first;

		if (is_left_out(files[i]))
			continue;
		first = first_of(&links, files[i]);
		if (put_file(writer, root, files[i], first, err))
			return mp_error_prefix(err, "pack '%s'", files[i]->path);
		count(stats, files[i], first);
	}
	return 0;
}

/* Whether @text is strictly UTF-8, as the thread's character set has to be. */
static bool is_utf8(const char *text)
{
	return mbstowcs(NULL, text, 0) != (size_t)-1;
}

static bool all_utf8(const struct mp_fileset *set)
{
	for (size_t i = 0; i < mp_fileset_count(set); i++) {
		const struct mp_file *file = mp_fileset_at(set, i);

		if (!is_utf8(file->path) || (file->node.target && !is_utf8(file->node.target)))
			return false;
	}
	return true;
}

int mp_archive_write(struct mp_rootfs *root, const struct mp_fileset *set,
		     const struct mp_archive_listener *listener, struct mp_layer *layers,
		     size_t n_layers, struct mp_archive_stats *stats_out, struct mp_error *err)
{
	MP_AUTO(mp_freep) const struct mp_file **files = mp_fileset_sorted(set);
	MP_AUTO(mp_summer_freep) struct mp_summer *sum = mp_summer_new(1u << MP_SUM_SHA256);
	MP_AUTO(writer_close) struct writer writer = { 0 };
	struct mp_archive_stats stats = { 0 };

	if (writer_open(&writer, layers[0].name ? layers[0].name : "a temporary file", err))
		return -1;
	for (size_t i = 0; i < n_layers; i++) {
		if (add_form(&writer, &layers[i], err))
			return -1;
	}
	writer.sum = sum;
	writer.set = set;
	writer.listener = listener;
	use_charset(&writer, true);
	use_charset(&writer, all_utf8(set));
	if (put_files(&writer, root, files, mp_fileset_count(set), &stats, err) ||
	    writer_finish(&writer, layers, err))
		return -1;
	mp_summer_cut(sum, NULL, stats.layer_sha256);
	mp_summer_wait(sum);
	for (size_t i = 0; i < n_layers; i++) {
		strcpy(layers[i].diff_sha256, stats.layer_sha256);
		if (layers[i].compression == MP_COMPRESSION_NONE)
			strcpy(layers[i].sha256, stats.layer_sha256);
	}
	*stats_out = stats;
	return 0;
}

/* An archive of files of our own */

static int put_member(struct writer *writer, const struct mp_archive_member *member,
		      struct mp_error *err)
{
	const struct mp_contents contents = { .fd = member->fd,
					      .size_bytes = MP_CONTENTS_TO_END,
					      .borrowed = true };

	archive_entry_clear(writer->entry);
	archive_entry_copy_pathname(writer->entry, member->name);
	archive_entry_set_mode(writer->entry, S_IFREG | 0644);
	archive_entry_set_mtime(writer->entry, 0, 0);
	archive_entry_set_size(writer->entry, (int64_t)member->size_bytes);
	if (put_header(writer, err))
		return -1;
	if (member->text)
		return put_data(writer, member->text, member->size_bytes, err);
	return put_contents(writer, &contents, member->size_bytes, member->name, err);
}

int mp_archive_write_members(const struct mp_archive_member *members, size_t n_members, int fd,
			     const char *name, struct mp_error *err)
{
	MP_AUTO(writer_close) struct writer writer = { 0 };
	struct mp_layer plain = { .fd = fd, .name = name };

	if (writer_open(&writer, name, err) || add_form(&writer, &plain, err))
		return -1;
	use_charset(&writer, true);
	for (size_t i = 0; i < n_members; i++) {
		if (put_member(&writer, &members[i], err))
			return -1;
	}
	return writer_finish(&writer, &plain, err);
}
