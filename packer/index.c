/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/index.h"

#include "core/siphash.h"
#include "core/path.h"
#include "packer/index_records.h"
#include "packer/name_table.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORDS_MAX (sizeof(void *) > 4 ? (uint64_t)16 << 30 : (uint64_t)512 << 20)

/* An index of less than this may be in memory whole; of a larger one, and of all other files that
 * are mapped, about as much, which is looked at after so many paths. */
#define RESIDENT_MAX ((uint64_t)24 << 20)
#define PATHS_BETWEEN 64

/* A directory of no more names is searched from end to end; the names of others are in the table.
 * It is where a layer lies that many files are, and pages of a table are anywhere. */
#define FEW 32
#define MANY UINT8_MAX

/* A name in a directory. What is not of this module's is all references to others of the kind. */
struct name {
	uint32_t parent, next, previous, children;
	uint32_t file;    /* what it stands for */
	uint16_t touched; /* the last layer that had an entry for it, or for something below it */
	uint16_t listed;  /* the last layer that had an entry for it */
	uint16_t hidden;  /* the last layer that hid what lower ones have below it */
	uint8_t few;      /* how many names are in it, or MANY, until there are none */
	uint8_t len;
	char text[]; /* ends in a NUL */
};

struct mp_index {
	struct mp_arena arena;
	struct mp_name_table table; /* the names in directories of MANY */
	uint32_t top;               /* "/" */
	uint16_t layer;
	struct mp_rootfs_totals totals;
	/* The directory that was last put into, and its path: "" where that is not known. Valid as
	 * long as no name is taken out. */
	uint32_t last_dir;
	char last_path[PATH_MAX];
	unsigned int paths; /* since its memory was looked at */
	int statm_fd;       /* -1: there is no /proc */
};

static struct name *at(const struct mp_index *index, uint32_t name)
{
	return mp_arena_at(&index->arena, name);
}

static struct mp_index_file *file_of(const struct mp_index *index, uint32_t name)
{
	return mp_arena_at(&index->arena, at(index, name)->file);
}

static bool is_directory(const struct mp_index *index, uint32_t name)
{
	return S_ISDIR(file_of(index, name)->mode);
}

/* Memory */

/* Bytes of files that are mapped and in this process's memory (proc_pid_statm(5), "shared"). */
static uint64_t resident(const struct mp_index *index)
{
	char text[128];
	ssize_t got = index->statm_fd < 0 ? -1 : pread(index->statm_fd, text, sizeof(text) - 1, 0);
	uint64_t shared;

	if (got <= 0)
		return UINT64_MAX;
	text[got] = '\0';
	if (sscanf(text, "%*u %*u %" SCNu64, &shared) != 1)
		return UINT64_MAX;
	return shared * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Called for every path: pages that were touched do not add up. No pointer is affected by it. */
static void bound_memory(struct mp_index *index)
{
	if (++index->paths < PATHS_BETWEEN)
		return;
	index->paths = 0;
	if (index->arena.used + index->table.arena.used < RESIDENT_MAX ||
	    resident(index) < RESIDENT_MAX)
		return;
	mp_arena_trim(&index->arena);
	mp_arena_trim(&index->table.arena);
}

/* Names */

static uint32_t hash_of(uint32_t parent, const char *text, size_t len)
{
	return (uint32_t)(mp_siphash(parent, text, len) >> 32);
}

static bool is_called(const struct name *name, const char *text, size_t len)
{
	return name->len == len && memcmp(name->text, text, len) == 0;
}

static uint32_t find_child(const struct mp_index *index, uint32_t parent, const char *text,
			   size_t len)
{
	uint64_t probe = 0;
	uint32_t hash, name;

	if (at(index, parent)->few != MANY) {
		name = at(index, parent)->children;
		while (name && !is_called(at(index, name), text, len))
			name = at(index, name)->next;
		return name;
	}
	hash = hash_of(parent, text, len);
	while ((name = mp_name_table_next(&index->table, hash, &probe))) {
		mp_arena_touch(at(index, name));
		if (at(index, name)->parent == parent && is_called(at(index, name), text, len))
			return name;
	}
	return 0;
}

static int put_in_table(struct mp_index *index, uint32_t ref, struct mp_error *err)
{
	const struct name *name = at(index, ref);

	return mp_name_table_put(&index->table, hash_of(name->parent, name->text, name->len), ref,
				 err);
}

/* @name is new in @dir, and the first of its names. */
static int count_child(struct mp_index *index, struct name *dir, uint32_t name,
		       struct mp_error *err)
{
	if (dir->few < FEW) {
		dir->few++;
		return 0;
	}
	if (dir->few == MANY)
		return put_in_table(index, name, err);
	dir->few = MANY;
	for (; name; name = at(index, name)->next) {
		if (put_in_table(index, name, err))
			return -1;
	}
	return 0;
}

static size_t name_size(size_t len)
{
	return offsetof(struct name, text) + len + 1;
}

static int add_child(struct mp_index *index, uint32_t parent, const char *text, size_t len,
		     uint32_t *name_out, struct mp_error *err)
{
	struct name *dir = at(index, parent), *name;
	uint32_t ref = 0;

	if (mp_arena_alloc(&index->arena, name_size(len), &ref, err))
		return -1;
	mp_arena_touch(dir);
	name = at(index, ref);
	memcpy(name->text, text, len);
	name->len = (uint8_t)len;
	name->parent = parent;
	name->next = dir->children;
	if (dir->children)
		at(index, dir->children)->previous = ref; /* a write, too */
	dir->children = ref;
	*name_out = ref;
	return count_child(index, dir, ref, err);
}

/* @path: clean. 0 where it does not exist, or something on the way is no directory. */
static uint32_t find(struct mp_index *index, const char *path)
{
	uint32_t name = index->top;

	bound_memory(index);
	while (name && *path++ == '/' && *path) {
		size_t len = strcspn(path, "/");

		name = find_child(index, name, path, len);
		path += len;
	}
	return name;
}

/* Files */

/* @ref has one name more. Held before the name is made, since that may take its others out. */
static void hold(struct mp_index *index, uint32_t ref)
{
	struct mp_index_file *file = mp_arena_at(&index->arena, ref);

	if (file->nlink++ == 0 && S_ISREG(file->mode))
		index->totals.size_bytes += file->size_bytes;
	if (!S_ISDIR(file->mode))
		index->totals.files++;
}

/* @ref has one name less; without any it is gone. */
static void release(struct mp_index *index, uint32_t ref)
{
	struct mp_index_file *file = mp_arena_at(&index->arena, ref);

	if (!S_ISDIR(file->mode))
		index->totals.files--;
	if (--file->nlink > 0)
		return;
	if (S_ISREG(file->mode))
		index->totals.size_bytes -= file->size_bytes;
	mp_index_file_free(&index->arena, ref);
}

/* @name stands for @ref, which is held for it, and no more for what it stood for. */
static void become(struct mp_index *index, uint32_t name, uint32_t ref)
{
	uint32_t before = at(index, name)->file;

	at(index, name)->file = ref;
	if (before)
		release(index, before);
}

/* What stands for a directory that something was put into, but that no archive lists. */
static int become_default_directory(struct mp_index *index, uint32_t name, struct mp_error *err)
{
	const struct mp_node node = { .mode = S_IFDIR | 0755 };
	uint32_t file = 0;

	if (mp_index_file_new(&index->arena, &node, NULL, &file, err))
		return -1;
	hold(index, file);
	become(index, name, file);
	return 0;
}

/* Taking out */

/* Takes out a name that has nothing below it. */
static void remove_leaf(struct mp_index *index, uint32_t ref)
{
	struct name *name = at(index, ref), *dir = at(index, name->parent);

	if (name->next)
		at(index, name->next)->previous = name->previous;
	if (name->previous)
		at(index, name->previous)->next = name->next;
	else
		dir->children = name->next;
	if (dir->few == MANY)
		mp_name_table_remove(&index->table, hash_of(name->parent, name->text, name->len),
				     ref);
	else
		dir->few--;
	if (!dir->children)
		dir->few = 0;
	if (name->file)
		release(index, name->file);
	mp_arena_free(&index->arena, ref, name_size(name->len));
	index->last_path[0] = '\0';
}

/* Everything below @top goes. Without recursion, and without a list of what is to be done. */
static void drop_children(struct mp_index *index, uint32_t top)
{
	uint32_t name = top;

	for (;;) {
		uint32_t parent = at(index, name)->parent;

		if (at(index, name)->children) {
			name = at(index, name)->children;
			continue;
		}
		if (name == top)
			return;
		remove_leaf(index, name);
		bound_memory(index);
		name = parent;
	}
}

/* The name after @name in a walk through all below @top that looks into a directory before it goes
 * on behind it; 0 at the end. */
static uint32_t walk_on(const struct mp_index *index, uint32_t top, uint32_t name, bool into)
{
	if (into && at(index, name)->children)
		return at(index, name)->children;
	while (name != top) {
		if (at(index, name)->next)
			return at(index, name)->next;
		name = at(index, name)->parent;
	}
	return 0;
}

/*
 * What lower layers have below @top goes. A directory that was hidden by this layer once has
 * nothing of lower layers below it, now and later: each is looked into once a layer, however many
 * whiteouts there are.
 */
static int hide_below(struct mp_index *index, uint32_t top, struct mp_error *err)
{
	uint32_t name = top, next;

	if (at(index, top)->hidden == index->layer)
		return 0;
	for (name = walk_on(index, top, top, true); name; name = next) {
		struct name *seen = at(index, name);
		bool into = seen->hidden != index->layer;

		if (seen->touched != index->layer) {
			drop_children(index, name);
			next = walk_on(index, top, name, false);
			remove_leaf(index, name);
			continue;
		}
		if (seen->listed != index->layer && become_default_directory(index, name, err))
			return -1;
		seen->listed = seen->hidden = index->layer;
		next = walk_on(index, top, name, into);
		bound_memory(index);
	}
	at(index, top)->hidden = index->layer;
	return 0;
}

int mp_index_hide_below(struct mp_index *index, const char *path, struct mp_error *err)
{
	uint32_t name = find(index, path);

	return name ? hide_below(index, name, err) : 0;
}

int mp_index_hide(struct mp_index *index, const char *path, struct mp_error *err)
{
	uint32_t name = find(index, path);

	if (!name)
		return 0;
	if (at(index, name)->touched != index->layer) {
		drop_children(index, name);
		remove_leaf(index, name);
		return 0;
	}
	if (at(index, name)->listed != index->layer && become_default_directory(index, name, err))
		return -1;
	at(index, name)->listed = index->layer;
	return hide_below(index, name, err);
}

void mp_index_remove(struct mp_index *index, const char *path)
{
	uint32_t name = find(index, path);

	if (!name)
		return;
	drop_children(index, name);
	if (name != index->top)
		remove_leaf(index, name);
}

/* Putting in */

static int not_a_directory(const char *path, size_t len, struct mp_error *err)
{
	return mp_error_set(err, MP_E_FORMAT, 0,
			    "malformed archive: '%.300s' lies below '%.*s', which is not a "
			    "directory",
			    path, (int)(len > 300 ? 300 : len), path);
}

/* @name, at the first @len bytes of @path, has something of this layer below it. */
static int touch_parent(struct mp_index *index, uint32_t name, const char *path, size_t len,
			struct mp_error *err)
{
	struct name *dir = at(index, name);

	if (!dir->file || !is_directory(index, name)) {
		if (dir->file && dir->touched == index->layer)
			return not_a_directory(path, len, err);
		if (become_default_directory(index, name, err))
			return -1;
	}
	dir->touched = index->layer;
	return 0;
}

/* The directory that holds the last component of @path, made where it is not there. */
static int make_parents(struct mp_index *index, const char *path, uint32_t *dir_out,
			struct mp_error *err)
{
	size_t dir_len = (size_t)(mp_path_base(path) - 1 - path);
	uint32_t dir = index->top;

	if (index->last_path[0] && strlen(index->last_path) == dir_len &&
	    memcmp(index->last_path, path, dir_len) == 0) {
		*dir_out = index->last_dir;
		return 0;
	}
	at(index, dir)->touched = index->layer;
	for (const char *text = path + 1, *slash; (slash = strchr(text, '/')); text = slash + 1) {
		size_t len = (size_t)(slash - text);
		uint32_t child = find_child(index, dir, text, len);

		if ((!child && add_child(index, dir, text, len, &child, err)) ||
		    touch_parent(index, child, path, (size_t)(slash - path), err))
			return -1;
		dir = child;
	}
	memcpy(index->last_path, path, dir_len);
	index->last_path[dir_len] = '\0';
	index->last_dir = dir;
	*dir_out = dir;
	return 0;
}

/* The name @path, made where it is not there, for a file that is a directory or not. */
static int make_name(struct mp_index *index, const char *path, bool directory, uint32_t *name_out,
		     struct mp_error *err)
{
	const char *base = mp_path_base(path);
	uint32_t dir = 0, name = index->top;

	bound_memory(index);
	if (!*base && !directory)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "malformed archive: its root is not a directory");
	if (*base) {
		if (make_parents(index, path, &dir, err))
			return -1;
		name = find_child(index, dir, base, strlen(base));
		if (!name && add_child(index, dir, base, strlen(base), &name, err))
			return -1;
	}
	*name_out = name;
	return 0;
}

/* @path stands for @file, which is held for it, from now on. Only a directory over a directory
 * leaves what is in it, as where engines unpack. */
static int put(struct mp_index *index, const char *path, uint32_t file, struct mp_error *err)
{
	bool directory = S_ISDIR(((struct mp_index_file *)mp_arena_at(&index->arena, file))->mode);
	uint32_t name = 0;

	if (make_name(index, path, directory, &name, err))
		return -1;
	if (!directory) {
		drop_children(index, name);
		index->last_path[0] = '\0';
	}
	become(index, name, file);
	at(index, name)->touched = at(index, name)->listed = index->layer;
	return 0;
}

int mp_index_put(struct mp_index *index, const char *path, const struct mp_node *node,
		 const struct mp_index_place *place, struct mp_error *err)
{
	uint32_t file = 0;

	if (mp_index_file_new(&index->arena, node, place, &file, err))
		return -1;
	hold(index, file);
	return put(index, path, file, err);
}

int mp_index_link(struct mp_index *index, const char *path, const char *other, struct mp_error *err)
{
	uint32_t target = find(index, other);

	if (!target || is_directory(index, target))
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "malformed archive: '%.300s' is a hard link to '%.300s', which "
				    "is not a file before it",
				    path, other);
	hold(index, at(index, target)->file);
	return put(index, path, at(index, target)->file, err);
}

/* Looking */

bool mp_index_get(struct mp_index *index, const char *path, struct mp_node *node_out,
		  struct mp_index_place *place_out)
{
	uint32_t name = find(index, path);

	if (!name)
		return false;
	if (node_out) {
		mp_index_file_read(&index->arena, at(index, name)->file, node_out);
		node_out->file_ino = at(index, name)->file;
	}
	if (place_out)
		*place_out = (struct mp_index_place){ file_of(index, name)->source,
						      file_of(index, name)->offset };
	return true;
}

void mp_index_set_time(struct mp_index *index, const char *path, int64_t mtime_s, uint32_t mtime_ns)
{
	struct mp_index_file *file = file_of(index, find(index, path));

	file->mtime_s = mtime_s;
	file->mtime_ns = mtime_ns;
}

bool mp_index_is_empty(struct mp_index *index, const char *path)
{
	uint32_t name = find(index, path);

	return !name || !at(index, name)->children;
}

void mp_index_list(struct mp_index *index, const char *path, struct mp_strv *names_out)
{
	uint32_t name = at(index, find(index, path))->children;

	for (; name; name = at(index, name)->next) {
		mp_strv_push(names_out, at(index, name)->text);
		bound_memory(index);
	}
}

void mp_index_totals(const struct mp_index *index, struct mp_rootfs_totals *totals_out)
{
	*totals_out = index->totals;
}

/* The whole */

int mp_index_begin_layer(struct mp_index *index, struct mp_error *err)
{
	if (index->layer == UINT16_MAX)
		return mp_error_set(err, MP_E_FORMAT, 0, "more than %d layers", UINT16_MAX);
	index->layer++;
	index->last_path[0] = '\0';
	return 0;
}

void mp_index_bound(struct mp_index *index, uint64_t max_bytes)
{
	index->arena.max = max_bytes;
}

int mp_index_new(struct mp_index **index_out, struct mp_error *err)
{
	MP_AUTO(mp_index_freep) struct mp_index *index = mp_xcalloc(1, sizeof(*index));

	index->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	/* Names that were there before any layer are of layer 0. */
	if (mp_arena_open(&index->arena, RECORDS_MAX, err) ||
	    mp_name_table_open(&index->table, err) ||
	    mp_arena_alloc(&index->arena, name_size(0), &index->top, err) ||
	    become_default_directory(index, index->top, err))
		return -1;
	*index_out = MP_STEAL(index);
	return 0;
}

void mp_index_freep(struct mp_index **index)
{
	if (!*index)
		return;
	mp_arena_close(&(*index)->arena);
	mp_name_table_close(&(*index)->table);
	mp_closep(&(*index)->statm_fd);
	mp_freep(index);
}
