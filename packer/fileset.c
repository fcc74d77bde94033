/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/fileset.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*
 * Sets can be as large as the image: no path is kept twice, and a reason's texts are kept once
 * however many files have them.
 */
struct mp_fileset {
	void *by_path;          /* a balanced tree (tsearch) of the files */
	struct mp_strmap *text; /* the texts of reasons, values are the texts */
	struct mp_file **files; /* in the order of their addition; each allocated on its own, so
				   that entries stay where they are while the set grows */
	size_t n;
	size_t cap;
};

struct mp_fileset *mp_fileset_new(void)
{
	struct mp_fileset *set = mp_xcalloc(1, sizeof(*set));

	set->text = mp_strmap_new(free);
	return set;
}

static void made_freep(struct mp_buf **made)
{
	if (*made)
		mp_buf_free(*made);
	mp_freep(made);
}

static void file_free(struct mp_file *file)
{
	mp_freep(&file->path);
	mp_node_clear(&file->node);
	made_freep(&file->made);
	free(file);
}

static void forget(void *file)
{
	(void)file;
}

void mp_fileset_freep(struct mp_fileset **set)
{
	if (!*set)
		return;
	tdestroy((*set)->by_path, forget);
	for (size_t i = 0; i < (*set)->n; i++)
		file_free((*set)->files[i]);
	mp_freep(&(*set)->files);
	mp_strmap_freep(&(*set)->text);
	mp_freep(set);
}

static int by_name(const void *a, const void *b)
{
	const struct mp_file *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static struct mp_file *find(const struct mp_fileset *set, const char *path)
{
	const struct mp_file key = { .path = (char *)path };
	struct mp_file **found = tfind(&key, &set->by_path, by_name);

	return found ? *found : NULL;
}

const struct mp_file *mp_fileset_find(const struct mp_fileset *set, const char *path)
{
	return find(set, path);
}

/* The set's own copy of @text. */
static const char *shared_text(struct mp_fileset *set, const char *text)
{
	char *known = text ? mp_strmap_get(set->text, text) : NULL;

	if (!text || known)
		return known;
	known = mp_xstrdup(text);
	mp_strmap_put(set->text, known, known);
	return known;
}

static void set_why(struct mp_fileset *set, struct mp_file *file, const struct mp_why *why)
{
	file->why = (struct mp_why){ why->reason, shared_text(set, why->because),
				     shared_text(set, why->detail) };
}

static struct mp_file *add(struct mp_fileset *set, const char *path, const struct mp_node *node,
			   const struct mp_why *why)
{
	struct mp_file *file = mp_xcalloc(1, sizeof(*file));

	file->path = mp_xstrdup(path);
	mp_node_copy(&file->node, node);
	set_why(set, file, why);
	set->files = mp_array_grow(set->files, set->n, &set->cap, sizeof(*set->files));
	set->files[set->n++] = file;
	if (!tsearch(file, &set->by_path, by_name))
		abort(); /* no memory for a few bytes */
	return file;
}

const struct mp_file *mp_fileset_add(struct mp_fileset *set, const char *path,
				     const struct mp_node *node, const struct mp_why *why)
{
	struct mp_file *file = find(set, path);

	return file ? file : add(set, path, node, why);
}

const struct mp_file *mp_fileset_add_made(struct mp_fileset *set, const char *path,
					  const struct mp_node *node, const void *data, size_t len,
					  const struct mp_why *why)
{
	struct mp_file *file = find(set, path);

	if (file) {
		mp_node_clear(&file->node);
		mp_node_copy(&file->node, node);
		set_why(set, file, why);
		made_freep(&file->made);
	} else {
		file = add(set, path, node, why);
	}
	file->node.size_bytes = len;
	file->node.nlink = 1;
	file->made = mp_xcalloc(1, sizeof(*file->made));
	mp_buf_add(file->made, data, len);
	return file;
}

void mp_fileset_remove_if(struct mp_fileset *set,
			  bool (*is_unwanted)(const struct mp_file *file, const void *context),
			  const void *context)
{
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++) {
		struct mp_file *file = set->files[i];

		if (!is_unwanted(file, context)) {
			set->files[n++] = file;
			continue;
		}
		tdelete(file, &set->by_path, by_name);
		file_free(file);
	}
	set->n = n;
}

void mp_fileset_clamp_times(struct mp_fileset *set, int64_t seconds)
{
	for (size_t i = 0; i < set->n; i++) {
		struct mp_node *node = &set->files[i]->node;
		bool is_newer =
			node->mtime_s > seconds || (node->mtime_s == seconds && node->mtime_ns > 0);

		if (!is_newer && !set->files[i]->made)
			continue;
		node->mtime_s = seconds;
		node->mtime_ns = 0;
	}
}

void mp_fileset_forget_time(struct mp_fileset *set, const char *path)
{
	struct mp_file *file = find(set, path);

	if (!file || !S_ISDIR(file->node.mode))
		return;
	file->node.mtime_s = 0;
	file->node.mtime_ns = 0;
}

size_t mp_fileset_count(const struct mp_fileset *set)
{
	return set->n;
}

const struct mp_file *mp_fileset_at(const struct mp_fileset *set, size_t index)
{
	return set->files[index];
}

/* strcmp, but a '/' sorts before any other byte: a directory's contents follow it at once. */
static int by_path(const void *a, const void *b)
{
	const unsigned char *x = (const unsigned char *)(*(const struct mp_file *const *)a)->path;
	const unsigned char *y = (const unsigned char *)(*(const struct mp_file *const *)b)->path;

	while (*x && *x == *y)
		x++, y++;
	if (*x == *y)
		return 0;
	if (!*x || !*y)
		return *x ? 1 : -1;
	if (*x == '/' || *y == '/')
		return *x == '/' ? -1 : 1;
	return *x < *y ? -1 : 1;
}

const struct mp_file **mp_fileset_sorted(const struct mp_fileset *set)
{
	const struct mp_file **sorted = mp_xcalloc(set->n, sizeof(*sorted));

	for (size_t i = 0; i < set->n; i++)
		sorted[i] = set->files[i];
	if (set->n)
		qsort(sorted, set->n, sizeof(*sorted), by_path);
	return sorted;
}

static const char *reason_text(enum mp_reason reason)
{
	static const char *const text[MP_REASON_COUNT] = {
		[MP_REASON_TRACED] = "traced",
		[MP_REASON_LISTED] = "listed",
		[MP_REASON_PARENT] = "parent of",
		[MP_REASON_SYMLINK] = "symlink on the way to",
		[MP_REASON_TARGET] = "target of",
		[MP_REASON_INTERPRETER] = "ELF interpreter of",
		[MP_REASON_NEEDED] = "needed by",
		[MP_REASON_DLOPEN] = "dlopen note of",
		[MP_REASON_LIBC] = "loaded by the C library for",
		[MP_REASON_SHEBANG] = "shebang interpreter of",
		[MP_REASON_USERS] = "user database",
		[MP_REASON_WORKDIR] = "working directory",
		[MP_REASON_VOLUME] = "volume",
		[MP_REASON_MOUNT_POINT] = "mount point",
		[MP_REASON_ENTRYPOINT] = "entrypoint",
		[MP_REASON_RULE] = "kept by rule",
		[MP_REASON_PACKAGE] = "package record",
	};

	return text[reason];
}

char *mp_why_text(const struct mp_why *why)
{
	struct mp_buf text = { 0 };

	mp_buf_adds(&text, reason_text(why->reason));
	if (why->because)
		mp_buf_addf(&text, " %s", why->because);
	if (why->detail)
		mp_buf_addf(&text, " (%s)", why->detail);
	return text.data;
}
