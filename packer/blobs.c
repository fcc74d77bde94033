/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/blobs.h"

#include "core/interrupt.h"
#include "core/path.h"
#include "packer/decompress.h"
#include "packer/store.h"
#include "packer/tar_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHUNK ((size_t)1 << 16)
#define BLOCK 512 /* of a tar archive */

/* Names in an archive: an image has a few for each of its layers. */
#define ENTRIES_MAX 65536
#define NAMES_MAX ((size_t)16 << 20)

/* As many symlinks in a row as the kernel follows. */
#define LINKS_MAX 40

/* A file in an archive. */
struct entry {
	char *target;             /* of a symlink, or the other name of the file */
	bool is_symlink, is_file; /* neither: a directory, a device */
	bool is_sparse;
	uint64_t offset, size_bytes; /* of a file's contents */
};

struct mp_blobs {
	char *name;
	int dir_fd;                 /* of a layout; -1: an archive */
	struct mp_contents archive; /* plain bytes */
	struct mp_strmap *entries;  /* by clean path */
	size_t name_bytes;
};

static void entry_free(void *value)
{
	struct entry *entry = value;

	mp_freep(&entry->target);
	mp_freep(&entry);
}

static struct mp_blobs *blobs_new(const char *name)
{
	struct mp_blobs *blobs = mp_xcalloc(1, sizeof(*blobs));

	blobs->name = mp_xstrdup(name);
	blobs->dir_fd = -1;
	blobs->archive = MP_CONTENTS_CLOSED;
	blobs->entries = mp_strmap_new(entry_free);
	return blobs;
}

void mp_blobs_freep(struct mp_blobs **blobs)
{
	if (!*blobs)
		return;
	mp_freep(&(*blobs)->name);
	mp_closep(&(*blobs)->dir_fd);
	mp_contents_close(&(*blobs)->archive);
	mp_strmap_freep(&(*blobs)->entries);
	mp_freep(blobs);
}

const char *mp_blobs_name(const struct mp_blobs *blobs)
{
	return blobs->name;
}

/* Layouts */

int mp_blobs_open_directory(const char *path, struct mp_blobs **blobs_out, struct mp_error *err)
{
	MP_AUTO(mp_blobs_freep) struct mp_blobs *blobs = blobs_new(path);

	blobs->dir_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (blobs->dir_fd < 0)
		return mp_error_set(err, MP_E_USAGE, errno, "open '%s'", path);
	*blobs_out = MP_STEAL(blobs);
	return 0;
}

static int find_below(const struct mp_blobs *blobs, const char *path,
		      struct mp_contents *contents_out, struct mp_error *err)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	MP_AUTO(mp_closep)
	int place = (int)syscall(SYS_openat2, blobs->dir_fd, path, &how, sizeof(how));
	char link[32];
	struct stat st;
	int fd;

	if (place < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (place < 0 && errno == EXDEV)
		return mp_error_set(err, MP_E_FORMAT, 0, "'%s' leads out of the layout", path);
	if (place < 0 || fstat(place, &st) < 0)
		return mp_error_set(err, MP_E_SYS, errno, "open '%s'", path);
	if (!S_ISREG(st.st_mode))
		return mp_error_set(err, MP_E_FORMAT, 0, "'%s' is not a regular file", path);
	/* O_PATH opened nothing so far: a FIFO would wait, a device might do something. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", place);
	fd = open(link, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return mp_error_set(err, MP_E_SYS, errno, "open '%s'", path);
	*contents_out = (struct mp_contents){ .fd = fd, .size_bytes = (uint64_t)st.st_size };
	return 1;
}

/* Archives */

/* @dir and @name as a path from the archive's root, ".." taken by its word; NULL: it leads out. */
static char *normal_path(const char *dir, const char *name)
{
	MP_AUTO(mp_freep) char *joined = mp_path_join(dir, name);
	MP_AUTO(mp_freep) char *clean = mp_path_clean(name[0] == '/' ? name : joined);
	MP_AUTO(mp_buf_free) struct mp_buf path = { 0 };

	for (const char *text = clean; *text; text += strcspn(text, "/")) {
		size_t len = strcspn(++text, "/");

		if (len == 0)
			break;
		if (len != 2 || strncmp(text, "..", 2) != 0) {
			mp_buf_addc(&path, '/');
			mp_buf_add(&path, text, len);
			continue;
		}
		if (path.len == 0)
			return NULL;
		while (path.data[--path.len] != '/')
			;
		path.data[path.len] = '\0';
	}
	return path.len ? mp_buf_steal(&path) : mp_xstrdup("/");
}

/* What is beside an image in its archive may be called what it likes, as long as nobody asks. */
static int on_entry(void *context, const struct mp_tar_entry *tar, struct mp_error *err)
{
	struct mp_blobs *blobs = context;
	MP_AUTO(mp_freep) char *path = normal_path("/", tar->name);
	const char *target = tar->link_name ? tar->link_name : tar->node.target;
	struct entry *entry, *replaced;

	if (!path)
		return 0;
	blobs->name_bytes += strlen(path) + (target ? strlen(target) : 0);
	if (mp_strmap_count(blobs->entries) >= ENTRIES_MAX || blobs->name_bytes > NAMES_MAX)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "it has more files than any archive of images: stopped at "
				    "'%.300s'",
				    path);
	entry = mp_xcalloc(1, sizeof(*entry));
	entry->target = mp_xstrdup(target);
	entry->is_symlink = S_ISLNK(tar->node.mode);
	entry->is_file = S_ISREG(tar->node.mode) && !tar->link_name;
	entry->is_sparse = tar->sparse;
	entry->offset = tar->data_offset;
	entry->size_bytes = tar->node.size_bytes;
	replaced = mp_strmap_put(blobs->entries, path, entry);
	if (replaced)
		entry_free(replaced);
	return 0;
}

static int on_data(void *context, uint64_t offset, const void *data, size_t len,
		   struct mp_error *err)
{
	(void)context, (void)offset, (void)data, (void)len, (void)err;
	return 0;
}

static int read_headers(struct mp_blobs *blobs, struct mp_tar_reader *reader, struct mp_error *err)
{
	char block[BLOCK];
	uint64_t at = 0;

	for (;;) {
		uint64_t skipped;
		ssize_t got;

		if (mp_interrupt_check(err) ||
		    mp_tar_reader_skip(reader, blobs->archive.size_bytes - at, &skipped, err))
			return -1;
		at += skipped;
		/* What follows is nobody's, however much it is. */
		if (mp_tar_reader_is_ended(reader))
			return 0;
		got = mp_contents_read(&blobs->archive, block, sizeof(block), at);
		if (got < 0)
			return mp_error_set(err, MP_E_SYS, errno, "read");
		if (got == 0)
			return mp_tar_reader_finish(reader, false, err);
		if (mp_tar_reader_feed(reader, block, (size_t)got, err))
			return -1;
		at += (uint64_t)got;
	}
}

static int index_archive(struct mp_blobs *blobs, struct mp_error *err)
{
	static const struct mp_tar_events events = { .entry = on_entry, .data = on_data };
	MP_AUTO(mp_tar_reader_freep)
	struct mp_tar_reader *reader = mp_tar_reader_new(&events, blobs);

	return read_headers(blobs, reader, err);
}

/* The plain bytes of the archive so far go to a temporary file, which takes its place. */
static int decompress_archive(struct mp_blobs *blobs, enum mp_compression compression,
			      struct mp_error *err)
{
	MP_AUTO(mp_decompressor_freep) struct mp_decompressor *decompressor = NULL;
	MP_AUTO(mp_store_close) struct mp_store store = { 0 };
	uint64_t at = 0, start;
	const void *data;
	size_t len;
	int rc;

	if (mp_decompressor_start(&blobs->archive, compression, &decompressor, err) ||
	    mp_store_start(&store, err))
		return -1;
	while ((rc = mp_decompressor_next(decompressor, &data, &len, err)) > 0) {
		if (mp_store_write(&store, at, data, len, err))
			return -1;
		at += len;
	}
	if (rc || !mp_store_reserve(&store, at, &start) || mp_store_finish(&store, err))
		return -1;
	mp_decompressor_freep(&decompressor);
	mp_contents_close(&blobs->archive);
	blobs->archive = (struct mp_contents){ .fd = MP_STEAL_FD(store.fd), .size_bytes = at };
	return 0;
}

static int spool_stream(int from, int *fd_out, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *chunk = mp_xmalloc(CHUNK);
	MP_AUTO(mp_store_close) struct mp_store store = { 0 };
	uint64_t at = 0, start;
	ssize_t got;

	if (mp_store_start(&store, err))
		return -1;
	while ((got = read(from, chunk, CHUNK)) != 0) {
		if (mp_interrupt_check(err))
			return -1;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return mp_error_set(err, MP_E_USAGE, errno, "read");
		if (mp_store_write(&store, at, chunk, (size_t)got, err))
			return -1;
		at += (uint64_t)got;
	}
	if (!mp_store_reserve(&store, at, &start) || mp_store_finish(&store, err))
		return -1;
	*fd_out = MP_STEAL_FD(store.fd);
	return 0;
}

/* @fd as it is, where it can be read at any place, else a copy of it. */
static int make_seekable(struct mp_blobs *blobs, int fd, struct mp_error *err)
{
	struct stat st;
	off_t start;
	int copy = -1;

	blobs->archive = (struct mp_contents){ .fd = fd };
	if (fstat(fd, &st) < 0)
		return mp_error_set(err, MP_E_USAGE, errno, "open");
	if (S_ISDIR(st.st_mode)) {
		mp_error_set(err, MP_E_USAGE, 0, "it is a directory, and no archive");
		return mp_error_hint(err, "oci: reads an OCI layout");
	}
	start = lseek(fd, 0, SEEK_CUR);
	if (S_ISREG(st.st_mode) && start >= 0) {
		blobs->archive.offset = (uint64_t)start;
		blobs->archive.size_bytes = st.st_size > start ? (uint64_t)(st.st_size - start) : 0;
		return 0;
	}
	if (spool_stream(fd, &copy, err))
		return -1;
	mp_contents_close(&blobs->archive);
	blobs->archive.fd = copy;
	if (fstat(copy, &st) < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read");
	blobs->archive.size_bytes = (uint64_t)st.st_size;
	return 0;
}

static int open_archive(struct mp_blobs *blobs, int fd, struct mp_error *err)
{
	enum mp_compression compression;

	if (make_seekable(blobs, fd, err) || mp_compression_of(&blobs->archive, &compression, err))
		return -1;
	if (compression != MP_COMPRESSION_NONE && decompress_archive(blobs, compression, err))
		return -1;
	return index_archive(blobs, err);
}

int mp_blobs_open_archive_take(int fd, const char *name, struct mp_blobs **blobs_out,
			       struct mp_error *err)
{
	MP_AUTO(mp_blobs_freep) struct mp_blobs *blobs = blobs_new(name);

	if (open_archive(blobs, fd, err))
		return mp_error_prefix(err, "'%s'", name);
	*blobs_out = MP_STEAL(blobs);
	return 0;
}

int mp_blobs_open_archive(const char *path, struct mp_blobs **blobs_out, struct mp_error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
			  : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && mp_interrupt_check(err))
		return -1;
	if (fd < 0)
		return mp_error_set(err, MP_E_USAGE, errno, "open '%s'", path);
	return mp_blobs_open_archive_take(fd, is_stdin ? "standard input" : path, blobs_out, err);
}

/* What @path names once hard and symbolic links are followed: 1, 0, -1. */
static int find_entry(const struct mp_blobs *blobs, const char *path,
		      const struct entry **entry_out, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *at = normal_path("/", path);

	for (int links = 0; at && links < LINKS_MAX; links++) {
		const struct entry *entry = mp_strmap_get(blobs->entries, at);
		MP_AUTO(mp_freep) char *dir = mp_path_parent(at);

		if (!entry)
			return 0;
		*entry_out = entry;
		if (!entry->target)
			return 1;
		mp_freep(&at);
		at = normal_path(entry->is_symlink ? dir : "/", entry->target);
	}
	return mp_error_set(err, MP_E_FORMAT, 0, "'%.300s' %s", path,
			    at ? "is a loop of links" : "leads out of the archive");
}

static int find_in_archive(const struct mp_blobs *blobs, const char *path,
			   struct mp_contents *contents_out, struct mp_error *err)
{
	const struct entry *entry = NULL;
	int rc = find_entry(blobs, path, &entry, err);

	if (rc <= 0)
		return rc;
	if (!entry->is_file)
		return mp_error_set(err, MP_E_FORMAT, 0, "'%.300s' is not a regular file", path);
	if (entry->is_sparse)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "'%.300s' is kept as a sparse file; make the archive without "
				    "such (tar without --sparse)",
				    path);
	*contents_out = (struct mp_contents){
		.fd = blobs->archive.fd,
		.offset = blobs->archive.offset + entry->offset,
		.size_bytes = entry->size_bytes,
		.borrowed = true,
	};
	return 1;
}

int mp_blobs_find(const struct mp_blobs *blobs, const char *path, struct mp_contents *contents_out,
		  struct mp_error *err)
{
	if (blobs->dir_fd >= 0)
		return find_below(blobs, path, contents_out, err);
	return find_in_archive(blobs, path, contents_out, err);
}
