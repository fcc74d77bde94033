/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/archive.h"

#include "core/interrupt.h"
#include "core/log.h"
#include "core/path.h"
#include "core/sha256.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (1 << 18)

/* What the engine gives an image's root where the archive says nothing. */
#define ROOT_MODE 0755

/* An archive that is being written. */
struct writer {
	struct archive *archive;
	struct archive_entry *entry;  /* used for one after the other */
	const char *name;             /* in errors */
	struct mp_compressor **forms; /* that it is written in */
	size_t n_forms, cap_forms;
	struct mp_sha256 *sum; /* NULL: nobody asks */
	struct mp_error *err;  /* the caller's, for the callback */
	bool failed;           /* nothing more goes out */
	unsigned char *chunk;  /* of CHUNK bytes, for contents */
	locale_t utf8, ascii, before;
};

/* Bytes out */

static int put_bytes(struct writer *writer, const void *data, size_t len)
{
	if (writer->sum)
		mp_sha256_add(writer->sum, data, len);
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

/* Exactly @size bytes: that is what the header says. @path: in errors. */
static int put_contents(struct writer *writer, const struct mp_contents *contents, uint64_t size,
			const char *path, struct mp_error *err)
{
	uint64_t left = size;
	ssize_t got;

	/* One byte more than there should be shows a file that grows. */
	for (;;) {
		size_t want = left < CHUNK ? (size_t)left + 1 : CHUNK;

		if (mp_interrupt_check(err))
			return -1;
		got = mp_contents_read(contents, writer->chunk, want, size - left);
		if (got < 0)
			return mp_error_set(err, MP_E_SYS, errno, "read '%s'", path);
		if (got == 0 || (uint64_t)got > left)
			break;
		if (put_data(writer, writer->chunk, (size_t)got, err))
			return -1;
		left -= (uint64_t)got;
	}
	if (got == 0 && left == 0)
		return 0;
	return mp_error_set(err, MP_E_SYS, 0, "'%s' %s while it was read", path,
			    got ? "grew" : "shrank");
}

/* The archive of a set */

/* Files with several names: the first in the archive carries the contents. */
struct link {
	uint64_t dev, ino;
	const char *first;
};

static int by_file(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino == y->ino ? 0 : x->ino < y->ino ? -1 : 1;
}

/* The name under which @file is in the archive already, or NULL. */
static const char *first_name(void **links, const struct mp_file *file)
{
	const struct mp_node *node = &file->node;
	struct link *link, **known;

	if (S_ISDIR(node->mode) || node->nlink < 2)
		return NULL;
	link = mp_xmalloc(sizeof(*link));
	*link = (struct link){ node->file_dev, node->file_ino, file->path };
	known = tsearch(link, links, by_file);
	if (!known || *known == link)
		return NULL;
	mp_freep(&link);
	return (*known)->first;
}

static void links_free(void **links)
{
	tdestroy(*links, free);
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

static void fill_xattrs(struct archive_entry *entry, const struct mp_file *file)
{
	for (size_t i = 0; i < file->node.n_xattrs; i++) {
		const struct mp_xattr *xattr = &file->node.xattrs[i];

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
 * @first: the name of which this is another, or NULL. A hard link has all metadata again: engines
 * change the owner of each name they unpack, by which the kernel takes set-uid bits and
 * capabilities away from the file, and then set what that entry says.
 */
static void fill_entry(struct archive_entry *entry, const struct mp_file *file, const char *first)
{
	const struct mp_node *node = &file->node;

	archive_entry_clear(entry);
	archive_entry_copy_pathname(entry, file->path[1] ? file->path + 1 : "./");
	archive_entry_set_mode(entry, node->mode);
	archive_entry_set_uid(entry, node->uid);
	archive_entry_set_gid(entry, node->gid);
	fill_time(entry, node);
	archive_entry_set_size(entry,
			       S_ISREG(node->mode) && !first ? (int64_t)node->size_bytes : 0);
	fill_xattrs(entry, file);
	if (first)
		archive_entry_copy_hardlink(entry, first + 1);
	else if (S_ISLNK(node->mode))
		archive_entry_copy_symlink(entry, node->target);
	if (S_ISCHR(node->mode) || S_ISBLK(node->mode)) {
		archive_entry_set_rdevmajor(entry, node->rdev_major);
		archive_entry_set_rdevminor(entry, node->rdev_minor);
	}
}

static int put_file(struct writer *writer, struct mp_rootfs *root, const struct mp_file *file,
		    const char *first, struct mp_error *err)
{
	MP_AUTO(mp_contents_close) struct mp_contents contents = MP_CONTENTS_CLOSED;
	bool has_contents = S_ISREG(file->node.mode) && !first && !file->made;

	/* Opened first: a header without its contents would spoil the archive. */
	if (has_contents && mp_rootfs_open(root, file->path, &contents, err))
		return -1;
	fill_entry(writer->entry, file, first);
	if (put_header(writer, err))
		return -1;
	if (file->made)
		return put_data(writer, file->made->data, file->made->len, err);
	if (!has_contents)
		return 0;
	return put_contents(writer, &contents, file->node.size_bytes, file->path, err);
}

/*
 * The root itself is an entry, "./", only where an engine would not make it the same by itself. Its
 * time does not count: an export stream does not tell it.
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

static void count(struct mp_archive_stats *stats, const struct mp_file *file, const char *first)
{
	if (S_ISDIR(file->node.mode))
		return;
	stats->files++;
	if (S_ISREG(file->node.mode) && !first)
		stats->size_bytes += file->node.size_bytes;
}

static int put_files(struct writer *writer, struct mp_rootfs *root,
		     const struct mp_file *const *files, size_t n, struct mp_archive_stats *stats,
		     struct mp_error *err)
{
	MP_AUTO(links_free) void *links = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *first;

		if (is_left_out(files[i]))
			continue;
		first = first_name(&links, files[i]);
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

int mp_archive_write_layers(struct mp_rootfs *root, const struct mp_fileset *set,
			    struct mp_layer *layers, size_t n_layers,
			    struct mp_archive_stats *stats_out, struct mp_error *err)
{
	MP_AUTO(mp_freep) const struct mp_file **files = mp_fileset_sorted(set);
	MP_AUTO(mp_sha256_freep) struct mp_sha256 *sum = mp_sha256_new();
	MP_AUTO(writer_close) struct writer writer = { 0 };
	struct mp_archive_stats stats = { 0 };

	if (writer_open(&writer, layers[0].name, err))
		return -1;
	for (size_t i = 0; i < n_layers; i++) {
		if (add_form(&writer, &layers[i], err))
			return -1;
	}
	writer.sum = sum;
	use_charset(&writer, true);
	use_charset(&writer, all_utf8(set));
	if (put_files(&writer, root, files, mp_fileset_count(set), &stats, err) ||
	    writer_finish(&writer, layers, err))
		return -1;
	mp_sha256_finish(sum, stats.layer_sha256);
	for (size_t i = 0; i < n_layers; i++) {
		strcpy(layers[i].diff_sha256, stats.layer_sha256);
		if (layers[i].compression == MP_COMPRESSION_NONE)
			strcpy(layers[i].sha256, stats.layer_sha256);
	}
	*stats_out = stats;
	return 0;
}

int mp_archive_write(struct mp_rootfs *root, const struct mp_fileset *set, int fd, const char *name,
		     struct mp_archive_stats *stats_out, struct mp_error *err)
{
	struct mp_layer plain = { .fd = fd, .name = name };

	return mp_archive_write_layers(root, set, &plain, 1, stats_out, err);
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
