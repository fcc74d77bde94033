/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/rootfs_internal.h"

#include "core/path.h"
#include "core/temporary.h"
#include "packer/tar_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A stream of nothing but names must not take all memory. */
#define INDEX_MAX ((size_t)1 << 30)

/* Beyond what any file system can hold, and far from where sums of it would overflow. */
#define CONTENTS_MAX ((uint64_t)1 << 62)

/* Blocks of zeros become holes; file systems allocate in blocks of this size or smaller. */
#define HOLE 4096
#define BUFFER 65536

/* What malloc and tsearch add to an allocation, roughly. */
#define OVERHEAD 32

/* What names refer to: an inode. */
struct file {
	struct mp_node node; /* nlink counts the names */
	uint64_t offset;     /* of the contents, in the temporary file */
};

/* A name in a directory. */
struct name {
	struct name *parent, *next, *children;
	struct file *file;
	char text[];
};

struct index {
	struct mp_rootfs base;
	struct name *top; /* "/" */
	void *names;   /* tsearch tree of all others, by parent and text: no hash to be flooded */
	size_t memory; /* bytes, roughly */
	size_t memory_max;
	uint64_t last_ino;
	struct mp_rootfs_totals totals;
	int contents_fd;
	uint64_t contents_end; /* where the next file's contents go */
};

struct mp_rootfs_stream {
	struct index *index; /* NULL once it was handed out */
	struct mp_tar_reader *reader;
	struct file *current;
	unsigned char *buffer;
	uint64_t buffer_at; /* where its contents belong, in the temporary file */
	size_t buffer_len;
	bool failed;
	struct mp_error failure;
	struct mp_strv engine_paths; /* what an engine makes in a container; empty: no engine's */
};

/* The temporary file */

static int pwrite_all(int fd, const unsigned char *data, size_t len, uint64_t offset,
		      struct mp_error *err)
{
	while (len > 0) {
		ssize_t put = pwrite(fd, data, len, (off_t)offset);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return mp_temporary_failed(errno, "write to", err);
		data += put;
		len -= (size_t)put;
		offset += (uint64_t)put;
	}
	return 0;
}

static bool is_zero(const unsigned char *data, size_t len)
{
	return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

/* Bytes from @offset to the end of its block, @len at most. */
static size_t block_left(uint64_t offset, size_t len)
{
	size_t left = HOLE - (size_t)(offset % HOLE);

	return left < len ? left : len;
}

/* Writes what is buffered, but blocks of zeros. */
static int flush_buffer(struct mp_rootfs_stream *stream, struct mp_error *err)
{
	const unsigned char *data = stream->buffer;
	uint64_t offset = stream->buffer_at;
	size_t left = stream->buffer_len;

	stream->buffer_len = 0;
	while (left > 0) {
		size_t run = 0, step = 0;

		while (run < left &&
		       !is_zero(data + run, step = block_left(offset + run, left - run)))
			run += step;
		if (run && pwrite_all(stream->index->contents_fd, data, run, offset, err))
			return -1;
		if (run < left)
			run += step;
		data += run;
		offset += run;
		left -= run;
	}
	return 0;
}

/* The index */

static size_t file_memory(const struct file *file)
{
	size_t memory = sizeof(*file) + OVERHEAD;

	if (file->node.target)
		memory += strlen(file->node.target) + OVERHEAD;
	for (size_t i = 0; i < file->node.n_xattrs; i++)
		memory += strlen(file->node.xattrs[i].name) + file->node.xattrs[i].size +
			  sizeof(struct mp_xattr) + 2 * OVERHEAD;
	return memory;
}

static size_t name_memory(const struct name *name)
{
	return sizeof(*name) + strlen(name->text) + 3 * OVERHEAD;
}

/* @node is copied. The file has no name yet. */
static struct file *file_new(struct index *index, const struct mp_node *node)
{
	struct file *file = mp_xcalloc(1, sizeof(*file));

	mp_node_copy(&file->node, node);
	file->node.file_dev = 0;
	file->node.file_ino = ++index->last_ino;
	file->node.nlink = 0;
	index->memory += file_memory(file);
	if (S_ISREG(node->mode))
		index->totals.size_bytes += node->size_bytes;
	return file;
}

/* @name stands for @file from now on. */
static void attach(struct index *index, struct name *name, struct file *file)
{
	name->file = file;
	file->node.nlink++;
	if (!S_ISDIR(file->node.mode))
		index->totals.files++;
}

/* @name's file has one name less; without any it is gone. */
static void detach(struct index *index, struct name *name)
{
	struct file *file = MP_STEAL(name->file);

	if (!S_ISDIR(file->node.mode))
		index->totals.files--;
	if (--file->node.nlink > 0)
		return;
	if (S_ISREG(file->node.mode))
		index->totals.size_bytes -= file->node.size_bytes;
	index->memory -= file_memory(file);
	mp_node_clear(&file->node);
	mp_freep(&file);
}

struct key {
	const struct name *parent;
	const char *text;
	size_t len;
};

static int by_key(const void *a, const void *b)
{
	const struct key *key = a;
	const struct name *name = b;
	int order;

	if (key->parent != name->parent)
		return (uintptr_t)key->parent < (uintptr_t)name->parent ? -1 : 1;
	order = strncmp(key->text, name->text, key->len);
	return order ? order : -(name->text[key->len] != '\0');
}

static int by_name(const void *a, const void *b)
{
	const struct name *name = a;
	struct key key = { name->parent, name->text, strlen(name->text) };

	return by_key(&key, b);
}

static struct name *find_child(const struct index *index, const struct name *parent,
			       const char *text, size_t len)
{
	struct key key = { parent, text, len };
	struct name **found = tfind(&key, &index->names, by_key);

	return found ? *found : NULL;
}

static struct name *add_child(struct index *index, struct name *parent, const char *text,
			      size_t len)
{
	struct name *name = mp_xcalloc(1, sizeof(*name) + len + 1);

	memcpy(name->text, text, len);
	name->parent = parent;
	name->next = parent->children;
	parent->children = name;
	if (!tsearch(name, &index->names, by_name))
		abort(); /* out of memory, where mp_xmalloc has no say */
	index->memory += name_memory(name);
	return name;
}

/* Everything below @dir goes. Without recursion: how deep it is, the stream decides. */
static void drop_children(struct index *index, struct name *dir)
{
	struct name *todo = MP_STEAL(dir->children);

	while (todo) {
		struct name *name = todo, **last = &name->children;

		while (*last)
			last = &(*last)->next;
		*last = name->next;
		todo = name->children;
		tdelete(name, &index->names, by_name);
		detach(index, name);
		index->memory -= name_memory(name);
		mp_freep(&name);
	}
}

/* @path: clean. NULL where it does not exist, or something on the way is no directory. */
static struct name *find_path(const struct index *index, const char *path)
{
	struct name *name = index->top;

	while (name && *path++ == '/' && *path) {
		size_t len = strcspn(path, "/");

		name = find_child(index, name, path, len);
		path += len;
	}
	return name;
}

/* What stands in for a directory that the stream puts something into but does not list. */
static struct file *default_directory(struct index *index)
{
	struct mp_node node = { .mode = S_IFDIR | 0755 };

	return file_new(index, &node);
}

/* The directory that holds the last component of @path, made where it is not there. */
static int make_parents(struct index *index, const char *path, struct name **dir_out,
			struct mp_error *err)
{
	struct name *dir = index->top;

	for (const char *text = path + 1, *slash; (slash = strchr(text, '/')); text = slash + 1) {
		size_t len = (size_t)(slash - text);
		struct name *child = find_child(index, dir, text, len);

		if (!child) {
			child = add_child(index, dir, text, len);
			attach(index, child, default_directory(index));
		}
		if (!S_ISDIR(child->file->node.mode))
			return mp_error_set(err, MP_E_FORMAT, 0,
					    "malformed archive: '%.300s' lies below '%.*s', which "
					    "is not a directory",
					    path, (int)(slash - path > 300 ? 300 : slash - path),
					    path);
		dir = child;
	}
	*dir_out = dir;
	return 0;
}

/*
 * The name @path in the index, made where it is not there, for a file that is a directory or not.
 * The caller sets its file.
 */
static int make_name(struct index *index, const char *path, bool is_directory,
		     struct name **name_out, struct mp_error *err)
{
	const char *base = mp_path_base(path);
	struct name *dir = NULL, *name = index->top;

	if (!*base && !is_directory)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "malformed archive: its root is not a directory");
	if (*base) {
		if (make_parents(index, path, &dir, err))
			return -1;
		name = find_child(index, dir, base, strlen(base));
		if (!name)
			name = add_child(index, dir, base, strlen(base));
	}
	*name_out = name;
	return 0;
}

/*
 * @name stands for @file from now on, and not for what it stood for before: the last entry wins,
 * and only a directory over a directory leaves what is in it, as where engines unpack.
 */
static void set_file(struct index *index, struct name *name, struct file *file)
{
	file->node.nlink++; /* held: the old name may be its only one, or hold it somewhere below */
	if (!S_ISDIR(file->node.mode))
		drop_children(index, name);
	if (name->file)
		detach(index, name);
	file->node.nlink--;
	attach(index, name, file);
}

static struct index *index_new(int contents_fd)
{
	struct index *index = mp_xcalloc(1, sizeof(*index));

	index->contents_fd = contents_fd;
	index->top = mp_xcalloc(1, sizeof(*index->top) + 1);
	attach(index, index->top, default_directory(index));
	return index;
}

static void index_freep(struct index **index)
{
	if (!*index)
		return;
	drop_children(*index, (*index)->top);
	detach(*index, (*index)->top);
	mp_freep(&(*index)->top);
	mp_closep(&(*index)->contents_fd);
	mp_freep(index);
}

/* Reading the stream */

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

static int take_hard_link(struct index *index, const char *path, const struct mp_tar_entry *entry,
			  struct mp_error *err)
{
	MP_AUTO(mp_freep) char *other = NULL;
	struct name *target, *name = NULL;

	if (entry_path(entry->link_name, &other, err))
		return mp_error_prefix(err, "hard link '%.300s'", path);
	target = find_path(index, other);
	if (!target || S_ISDIR(target->file->node.mode))
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "malformed archive: '%.300s' is a hard link to '%.300s', which "
				    "is not a file before it",
				    path, other);
	if (make_name(index, path, false, &name, err))
		return -1;
	set_file(index, name, target->file);
	return 0;
}

/* Where the contents go; blocks of different files are kept apart, so that each keeps its holes. */
static int reserve_contents(struct index *index, struct file *file, const char *path,
			    struct mp_error *err)
{
	uint64_t size = file->node.size_bytes;

	if (size >= CONTENTS_MAX - index->contents_end - HOLE)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "malformed archive: '%.300s' is larger than a file can be",
				    path);
	file->offset = index->contents_end;
	index->contents_end += (size + HOLE - 1) / HOLE * HOLE;
	return 0;
}

static int check_memory(const struct index *index, const char *path, struct mp_error *err)
{
	if (index->memory <= index->memory_max)
		return 0;
	return mp_error_set(err, MP_E_FORMAT, 0,
			    "the archive has more files than can be indexed in %zu MiB: stopped at "
			    "'%.300s'",
			    index->memory_max >> 20, path);
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

static int on_entry(void *context, const struct mp_tar_entry *entry, struct mp_error *err)
{
	struct mp_rootfs_stream *stream = context;
	struct index *index = stream->index;
	MP_AUTO(mp_freep) char *path = NULL;
	struct name *name = NULL;
	struct file *file;

	stream->current = NULL;
	if (entry_path(entry->name, &path, err) || check_memory(index, path, err))
		return -1;
	if (entry->link_name)
		return take_hard_link(index, path, entry, err);
	if (check_target(&entry->node, path, err) ||
	    make_name(index, path, S_ISDIR(entry->node.mode), &name, err))
		return -1;
	file = file_new(index, &entry->node);
	set_file(index, name, file);
	stream->current = file;
	return S_ISREG(file->node.mode) ? reserve_contents(index, file, path, err) : 0;
}

static int on_data(void *context, uint64_t offset, const void *data, size_t len,
		   struct mp_error *err)
{
	struct mp_rootfs_stream *stream = context;
	uint64_t at = stream->current->offset + offset;
	const unsigned char *p = data;

	if (at != stream->buffer_at + stream->buffer_len && flush_buffer(stream, err))
		return -1;
	while (len > 0) {
		size_t room, take;

		if (stream->buffer_len == 0)
			stream->buffer_at = at;
		/* Up to a multiple of the buffer's size, so that later blocks lie in it whole. */
		room = BUFFER - (size_t)(at % BUFFER);
		take = len < room ? len : room;
		memcpy(stream->buffer + stream->buffer_len, p, take);
		stream->buffer_len += take;
		if (take == room && flush_buffer(stream, err))
			return -1;
		at += take;
		p += take;
		len -= take;
	}
	return 0;
}

static int on_end(void *context, struct mp_error *err)
{
	return flush_buffer(context, err);
}

void mp_rootfs_stream_bound_index(struct mp_rootfs_stream *stream, size_t max_bytes)
{
	stream->index->memory_max = max_bytes;
}

int mp_rootfs_stream_new(struct mp_rootfs_stream **stream_out, struct mp_error *err)
{
	static const struct mp_tar_events events = {
		.entry = on_entry,
		.data = on_data,
		.end = on_end,
	};
	struct mp_rootfs_stream *stream;
	int fd = -1;

	if (mp_temporary_open(&fd, err))
		return -1;
	stream = mp_xcalloc(1, sizeof(*stream));
	stream->index = index_new(fd);
	mp_rootfs_stream_bound_index(stream, INDEX_MAX);
	stream->reader = mp_tar_reader_new(&events, stream);
	stream->buffer = mp_xmalloc(BUFFER);
	*stream_out = stream;
	return 0;
}

/* The first failure is that of every later call. */
static int settle(struct mp_rootfs_stream *stream, int rc, struct mp_error *err)
{
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

	if (!stream->failed)
		rc = mp_tar_reader_feed(stream->reader, data, len, &stream->failure);
	return settle(stream, rc, err);
}

/* Sources: the interface of an index whose stream has ended. */

static int stream_lookup(struct mp_rootfs *root, const char *path, struct mp_node *node_out,
			 struct mp_error *err)
{
	const struct name *name = find_path((struct index *)root, path);

	(void)err;
	if (!name)
		return 0;
	mp_node_copy(node_out, &name->file->node);
	return 1;
}

static int stream_open(struct mp_rootfs *root, const char *path, struct mp_contents *contents_out,
		       struct mp_error *err)
{
	const struct index *index = (struct index *)root;
	const struct name *name = find_path(index, path);

	if (!name)
		return mp_rootfs_err_absent(err, path);
	if (!S_ISREG(name->file->node.mode))
		return mp_rootfs_err_not_file(err, path);
	*contents_out = (struct mp_contents){
		.fd = index->contents_fd,
		.offset = name->file->offset,
		.size_bytes = name->file->node.size_bytes,
		.borrowed = true,
	};
	return 0;
}

static int stream_list(struct mp_rootfs *root, const char *path, struct mp_strv *names_out,
		       struct mp_error *err)
{
	const struct name *name = find_path((struct index *)root, path);

	if (!name)
		return mp_rootfs_err_absent(err, path);
	if (!S_ISDIR(name->file->node.mode))
		return mp_rootfs_err_not_directory(err, path);
	for (const struct name *child = name->children; child; child = child->next)
		mp_strv_push(names_out, child->text);
	return 0;
}

static int stream_totals(struct mp_rootfs *root, struct mp_rootfs_totals *totals_out,
			 struct mp_error *err)
{
	(void)err;
	*totals_out = ((struct index *)root)->totals;
	return 0;
}

static void stream_free(struct mp_rootfs *root)
{
	struct index *index = (struct index *)root;

	index_freep(&index);
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

/* Takes one name without children out of the index. */
static void drop_name(struct index *index, struct name *name)
{
	struct name **link = &name->parent->children;

	while (*link != name)
		link = &(*link)->next;
	*link = name->next;
	tdelete(name, &index->names, by_name);
	detach(index, name);
	index->memory -= name_memory(name);
	mp_freep(&name);
}

/* Leaves out @path where the engine made it, not before @made_s, and nothing is in it. Its parent's
 * time, or its own where it stays, is the engine's too. */
static void disown(struct index *index, const char *path, int64_t made_s)
{
	struct name *name = find_path(index, path), *touched = name;

	if (!name || name->file->node.mtime_s < made_s)
		return;
	if (!name->children) {
		touched = name->parent;
		drop_name(index, name);
	}
	if (S_ISDIR(touched->file->node.mode) && touched->file->node.mtime_s >= made_s) {
		touched->file->node.mtime_s = 0;
		touched->file->node.mtime_ns = 0;
	}
}

static void disown_engine(struct mp_rootfs_stream *stream)
{
	const struct name *mark = find_path(stream->index, ENGINE_MARK);
	int64_t made_s;

	if (!mark)
		return;
	made_s = mark->file->node.mtime_s;
	for (size_t i = 0; i < stream->engine_paths.n; i++)
		disown(stream->index, stream->engine_paths.v[i], made_s);
}

int mp_rootfs_stream_finish(struct mp_rootfs_stream *stream, struct mp_rootfs **root_out,
			    struct mp_error *err)
{
	static const struct mp_rootfs_ops ops = {
		.lookup = stream_lookup,
		.open = stream_open,
		.list = stream_list,
		.totals = stream_totals,
		.free = stream_free,
	};
	int rc = 0;

	if (!stream->failed)
		rc = mp_tar_reader_finish(stream->reader, &stream->failure);
	if (settle(stream, rc, err))
		return -1;
	/* The last file may end in a hole. */
	if (ftruncate(stream->index->contents_fd, (off_t)stream->index->contents_end) < 0)
		return mp_temporary_failed(errno, "write to", err);
	if (stream->engine_paths.n > 0)
		disown_engine(stream);
	stream->index->base.ops = &ops;
	*root_out = &MP_STEAL(stream->index)->base;
	stream->failed = true;
	mp_error_set(&stream->failure, MP_E_FORMAT, 0, "the archive was ended already");
	return 0;
}

void mp_rootfs_stream_freep(struct mp_rootfs_stream **stream)
{
	if (!*stream)
		return;
	index_freep(&(*stream)->index);
	mp_tar_reader_freep(&(*stream)->reader);
	mp_strv_free(&(*stream)->engine_paths);
	mp_freep(&(*stream)->buffer);
	mp_freep(stream);
}
