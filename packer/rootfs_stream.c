/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/rootfs_internal.h"

#include "core/path.h"
#include "packer/rootfs_indexed.h"
#include "packer/tar_reader.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is read at once of an archive that lies in a file. */
#define BUFFER 65536

/* Whiteouts, in names (OCI image-spec, layer.md, "Whiteouts"). */
#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"
/* What AUFS keeps at the top of a layer is nobody's, but that names of one file may be there. */
#define AUFS "/.wh..wh."
#define AUFS_LINKS "/.wh..wh.plnk"

struct mp_rootfs_stream {
	struct mp_indexed *contents; /* NULL once it was handed out */
	struct mp_tar_reader *reader;
	char *layer;    /* its name; NULL: this is no layer */
	bool begun;     /* something of this archive was read */
	bool aufs;      /* this layer has links of AUFS */
	uint32_t taken; /* contents stay in that source; MP_INDEXED_STORED: they are fed */
	uint64_t taken_at;
	bool stored;       /* contents of the current entry are wanted in the store */
	uint64_t store_at; /* and belong there */
	bool failed;
	struct mp_error failure;
	struct mp_strv engine_paths; /* what an engine makes in a container; empty: no engine's */
};

/* Entries */

/*
 * The path that an entry's name stands for. Engines take names relative to the root, whether they
 * begin with '/', "./" or neither; ".." has no business in an archive of a whole file system.
 */
static int entry_path(const char *name, char **path_out, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *rooted = mp_path_join("/", name);
	MP_AUTO(mp_freep) char *path = mp_path_clean(rooted);

	if (strlen(path) >= PATH_MAX)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "malformed archive: a path of %zu bytes, which no Linux system "
				    "takes: '%.300s...'",
				    strlen(path), path);
	for (const char *text = path; *text; text += strcspn(text, "/")) {
		size_t len = strcspn(++text, "/");

		if (len == 2 && text[0] == '.' && text[1] == '.')
			return mp_error_set(err, MP_E_FORMAT, 0,
					    "malformed archive: '%.300s' leads out of it", name);
		if (len > NAME_MAX)
			return mp_error_set(
				err, MP_E_FORMAT, 0,
				"malformed archive: a name of %zu bytes, which no Linux "
				"system takes: '%.300s...'",
				len, path);
	}
	*path_out = MP_STEAL(path);
	return 0;
}

static int check_target(const struct mp_node *node, const char *path, struct mp_error *err)
{
	size_t len = node->target ? strlen(node->target) : 1;

	if (len > 0 && len < PATH_MAX)
		return 0;
	return mp_error_set(err, MP_E_FORMAT, 0,
			    "malformed archive: the target of symlink '%.300s' is %s", path,
			    len ? "too long" : "empty");
}

static bool is_whiteout(const char *name)
{
	return strncmp(name, WHITEOUT, strlen(WHITEOUT)) == 0;
}

/*
 * Engines make a directory of that name, which they then take for a whiteout in the next layer: no
 * file system has such a thing in it.
 */
static int check_parents(const char *path, struct mp_error *err)
{
	for (const char *text = path + 1, *slash; (slash = strchr(text, '/')); text = slash + 1) {
		if (is_whiteout(text))
			return mp_error_set(err, MP_E_FORMAT, 0,
					    "malformed archive: '%.300s' lies below a whiteout",
					    path);
	}
	return 0;
}

static int hide(struct mp_index *index, const char *path, const char *base, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *dir = mp_path_parent(path);
	MP_AUTO(mp_freep) char *hidden = NULL;
	const char *name = base + strlen(WHITEOUT);

	if (strcmp(base, OPAQUE) == 0)
		return mp_index_hide_below(index, dir, err);
	/* "" would be the directory itself, as "." is, and ".." what holds it. */
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "malformed archive: '%.300s' is a whiteout of no name", path);
	hidden = mp_path_join(dir, name);
	return mp_index_hide(index, hidden, err);
}

/* Whether an entry of a layer was no file, and done with: 1. 0: it is one. */
static int take_mark(struct mp_rootfs_stream *stream, const char *path,
		     const struct mp_tar_entry *entry, struct mp_error *err)
{
	const char *base = mp_path_base(path);

	if (strncmp(path, AUFS, strlen(AUFS)) == 0 && strcmp(base, OPAQUE) != 0) {
		bool link = mp_path_is_under(path, AUFS_LINKS) && !entry->link_name &&
			    S_ISREG(entry->node.mode);

		stream->aufs |= link;
		return !link;
	}
	if (check_parents(path, err))
		return -1;
	if (!is_whiteout(base))
		return 0;
	return hide(stream->contents->index, path, base, err) ? -1 : 1;
}

/* Where the contents are, or go. */
static int place_contents(struct mp_rootfs_stream *stream, const char *path,
			  const struct mp_tar_entry *entry, struct mp_index_place *place,
			  struct mp_error *err)
{
	if (stream->taken && !entry->sparse) {
		*place = (struct mp_index_place){ stream->taken,
						  stream->taken_at + entry->data_offset };
		return 0;
	}
	if (!mp_store_reserve(&stream->contents->store, entry->node.size_bytes, &place->offset))
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "malformed archive: '%.300s' is larger than a file can be",
				    path);
	stream->store_at = place->offset;
	stream->stored = true;
	return 0;
}

static int take_entry(struct mp_rootfs_stream *stream, const char *path,
		      const struct mp_tar_entry *entry, struct mp_error *err)
{
	struct mp_index *index = stream->contents->index;
	struct mp_index_place place = { MP_INDEXED_STORED, 0 };
	MP_AUTO(mp_freep) char *other = NULL;

	if (stream->layer) {
		int rc = take_mark(stream, path, entry, err);

		if (rc)
			return rc < 0 ? -1 : 0;
	}
	if (entry->link_name) {
		if (entry_path(entry->link_name, &other, err))
			return mp_error_prefix(err, "hard link '%.300s'", path);
		return mp_index_link(index, path, other, err);
	}
	if (check_target(&entry->node, path, err) ||
	    (S_ISREG(entry->node.mode) && place_contents(stream, path, entry, &place, err)))
		return -1;
	return mp_index_put(index, path, &entry->node, &place, err);
}

static int on_entry(void *context, const struct mp_tar_entry *entry, struct mp_error *err)
{
	struct mp_rootfs_stream *stream = context;
	MP_AUTO(mp_freep) char *path = NULL;

	stream->stored = false;
	if (entry_path(entry->name, &path, err))
		return -1;
	if (take_entry(stream, path, entry, err) == 0)
		return 0;
	/* What is wrong with an entry names it; what this host has no room for does not. */
	return err->code == MP_E_SYS ? mp_error_hint(err, "stopped at '%.300s'", path) : -1;
}

static int on_data(void *context, uint64_t offset, const void *data, size_t len,
		   struct mp_error *err)
{
	struct mp_rootfs_stream *stream = context;

	if (!stream->stored)
		return 0;
	return mp_store_write(&stream->contents->store, stream->store_at + offset, data, len, err);
}

/* The stream */

void mp_rootfs_stream_bound_index(struct mp_rootfs_stream *stream, size_t max_bytes)
{
	mp_index_bound(stream->contents->index, max_bytes);
}

static void start_reader(struct mp_rootfs_stream *stream)
{
	static const struct mp_tar_events events = {
		.entry = on_entry,
		.data = on_data,
	};

	mp_tar_reader_freep(&stream->reader);
	stream->reader = mp_tar_reader_new(&events, stream);
	stream->begun = stream->aufs = false;
	stream->taken = MP_INDEXED_STORED;
}

int mp_rootfs_stream_new(struct mp_rootfs_stream **stream_out, struct mp_error *err)
{
	MP_AUTO(mp_indexed_freep) struct mp_indexed *contents = NULL;
	struct mp_rootfs_stream *stream;

	if (mp_indexed_new(&contents, err))
		return -1;
	stream = mp_xcalloc(1, sizeof(*stream));
	stream->contents = MP_STEAL(contents);
	start_reader(stream);
	*stream_out = stream;
	return 0;
}

/* The first failure is that of every later call. */
static int settle(struct mp_rootfs_stream *stream, int rc, struct mp_error *err)
{
	if (rc && stream->layer)
		mp_error_prefix(&stream->failure, "layer '%.300s'", stream->layer);
	if (rc)
		stream->failed = true;
	if (stream->failed && err)
		*err = stream->failure;
	return stream->failed ? -1 : 0;
}

int mp_rootfs_stream_feed(struct mp_rootfs_stream *stream, const void *data, size_t len,
			  struct mp_error *err)
{
	int rc = 0;

	stream->begun |= len > 0;
	if (!stream->failed)
		rc = mp_tar_reader_feed(stream->reader, data, len, &stream->failure);
	return settle(stream, rc, err);
}

/* Layers */

/* The archive at hand is complete, or it is an error. */
static int end_archive(struct mp_rootfs_stream *stream, struct mp_error *err)
{
	if (mp_tar_reader_finish(stream->reader, stream->layer != NULL, err))
		return -1;
	if (stream->aufs)
		mp_index_remove(stream->contents->index, AUFS_LINKS);
	return 0;
}

static int begin_layer(struct mp_rootfs_stream *stream, struct mp_error *err)
{
	if (!stream->layer && stream->begun)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "a layer cannot lie over an archive that is none");
	if (stream->layer && end_archive(stream, err))
		return -1;
	return mp_index_begin_layer(stream->contents->index, err);
}

int mp_rootfs_stream_begin_layer(struct mp_rootfs_stream *stream, const char *name,
				 struct mp_error *err)
{
	if (settle(stream, !stream->failed && begin_layer(stream, &stream->failure), err))
		return -1;
	start_reader(stream);
	mp_freep(&stream->layer);
	stream->layer = mp_xstrdup(name);
	return 0;
}

/* Archives that lie in files */

/* Reads what is next, and has passed over the contents before it: how much that is, to *done_out.
 */
static int take_piece(struct mp_rootfs_stream *stream, int fd, unsigned char *buffer, uint64_t at,
		      uint64_t left, uint64_t *done_out, struct mp_error *err)
{
	size_t want = left < BUFFER ? (size_t)left : BUFFER;
	ssize_t got;

	if (mp_tar_reader_skip(stream->reader, left, done_out, err))
		return -1;
	if (*done_out > 0)
		return 0;
	do
		got = pread(fd, buffer, want, (off_t)at);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return mp_error_set(err, MP_E_SYS, got < 0 ? errno : EIO, "read an archive");
	*done_out = (uint64_t)got;
	return mp_tar_reader_feed(stream->reader, buffer, (size_t)got, err);
}

static int take(struct mp_rootfs_stream *stream, int fd, uint64_t offset, uint64_t size_bytes,
		struct mp_error *err)
{
	MP_AUTO(mp_freep) unsigned char *buffer = mp_xmalloc(BUFFER);

	if (stream->begun)
		return mp_error_set(err, MP_E_FORMAT, 0, "an archive goes on in another");
	if (offset > INT64_MAX || size_bytes > INT64_MAX - offset)
		return mp_error_set(err, MP_E_FORMAT, 0, "an archive larger than a file can be");
	if (mp_indexed_add_source(stream->contents, fd, &stream->taken, err))
		return -1;
	stream->begun = true;
	stream->taken_at = offset;
	for (uint64_t at = 0, done; at < size_bytes; at += done) {
		if (mp_tar_reader_is_ended(stream->reader))
			return 0;
		if (take_piece(stream, fd, buffer, offset + at, size_bytes - at, &done, err))
			return -1;
	}
	return 0;
}

int mp_rootfs_stream_take(struct mp_rootfs_stream *stream, int fd, uint64_t offset,
			  uint64_t size_bytes, struct mp_error *err)
{
	int rc = 0;

	if (!stream->failed)
		rc = take(stream, fd, offset, size_bytes, &stream->failure);
	return settle(stream, rc, err);
}

/* What an engine makes, where it is not there, in a container that it creates (Docker:
 * daemon/initlayer and the runtime's mount points). Contents before what holds them. */
static const char *const engine_stubs[] = {
	"/dev/console", "/dev/pts",  "/dev/shm",         "/dev",  "/etc/hostname",
	"/etc/hosts",   "/etc/mtab", "/etc/resolv.conf", "/proc", "/sys",
};

#define ENGINE_MARK "/.dockerenv"

void mp_rootfs_stream_of_engine(struct mp_rootfs_stream *stream, const struct mp_strv *volumes)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(engine_stubs); i++)
		mp_strv_push(&stream->engine_paths, engine_stubs[i]);
	for (size_t i = 0; i < volumes->n; i++) {
		char *path = mp_path_clean(volumes->v[i]);

		/* The mount point may have needed parents. */
		while (path && strcmp(path, "/") != 0) {
			char *parent = mp_path_parent(path);

			mp_strv_push_take(&stream->engine_paths, path);
			path = parent;
		}
		mp_freep(&path);
	}
	mp_strv_push(&stream->engine_paths, ENGINE_MARK);
}

static void disown_engine(struct mp_rootfs_stream *stream)
{
	struct mp_index *index = stream->contents->index;
	MP_AUTO(mp_node_clear) struct mp_node mark = { 0 };

	if (!mp_index_get(index, ENGINE_MARK, &mark, NULL))
		return;
	for (size_t i = 0; i < stream->engine_paths.n; i++)
		mp_indexed_disown(stream->contents, stream->engine_paths.v[i], mark.mtime_s);
}

int mp_rootfs_stream_finish(struct mp_rootfs_stream *stream, struct mp_rootfs **root_out,
			    struct mp_error *err)
{
	int rc = 0;

	if (!stream->failed)
		rc = end_archive(stream, &stream->failure) ||
		     mp_store_finish(&stream->contents->store, &stream->failure);
	if (settle(stream, rc, err))
		return -1;
	if (stream->engine_paths.n > 0)
		disown_engine(stream);
	*root_out = &MP_STEAL(stream->contents)->base;
	stream->failed = true;
	mp_error_set(&stream->failure, MP_E_FORMAT, 0, "the archive was ended already");
	return 0;
}

void mp_rootfs_stream_freep(struct mp_rootfs_stream **stream)
{
	if (!*stream)
		return;
	mp_indexed_freep(&(*stream)->contents);
	mp_tar_reader_freep(&(*stream)->reader);
	mp_strv_free(&(*stream)->engine_paths);
	mp_freep(&(*stream)->layer);
	mp_freep(stream);
}
