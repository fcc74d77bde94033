/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/fileset.h"

#include <stdlib.h>
#include <string.h>

struct mp_fileset {
	struct mp_strmap *by_path; /* values borrowed from files */
	struct mp_file **files;    /* in the order of their addition; each allocated on its own, so
				      that entries stay where they are while the set grows */
	size_t n;
	size_t cap;
};

struct mp_fileset *mp_fileset_new(void)
{
	struct mp_fileset *set = mp_xcalloc(1, sizeof(*set));

	set->by_path = mp_strmap_new(NULL);
	return set;
}

void mp_fileset_freep(struct mp_fileset **set)
{
	if (!*set)
		return;
	for (size_t i = 0; i < (*set)->n; i++) {
		struct mp_file *file = (*set)->files[i];

		mp_freep(&file->path);
		mp_freep(&file->because);
		mp_node_clear(&file->node);
		mp_freep(&file);
	}
	mp_freep(&(*set)->files);
	mp_strmap_freep(&(*set)->by_path);
	mp_freep(set);
}

const struct mp_file *mp_fileset_find(const struct mp_fileset *set, const char *path)
{
	return mp_strmap_get(set->by_path, path);
}

const struct mp_file *mp_fileset_add(struct mp_fileset *set, const char *path,
				     const struct mp_node *node, enum mp_reason reason,
				     const char *because)
{
	struct mp_file *file = mp_strmap_get(set->by_path, path);

	if (file)
		return file;
	file = mp_xcalloc(1, sizeof(*file));
	file->path = mp_xstrdup(path);
	file->reason = reason;
	file->because = mp_xstrdup(because);
	mp_node_copy(&file->node, node);
	set->files = mp_array_grow(set->files, set->n, &set->cap, sizeof(*set->files));
	set->files[set->n++] = file;
	mp_strmap_put(set->by_path, file->path, file);
	return file;
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

const char *mp_reason_text(enum mp_reason reason)
{
	static const char *const text[MP_REASON_COUNT] = {
		[MP_REASON_TRACED] = "traced",
		[MP_REASON_LISTED] = "listed",
		[MP_REASON_PARENT] = "parent of",
		[MP_REASON_SYMLINK] = "symlink on the way to",
		[MP_REASON_TARGET] = "target of",
		[MP_REASON_INTERPRETER] = "ELF interpreter of",
		[MP_REASON_NEEDED] = "needed by",
		[MP_REASON_SHEBANG] = "shebang interpreter of",
		[MP_REASON_USERS] = "user database",
		[MP_REASON_WORKDIR] = "working directory",
		[MP_REASON_VOLUME] = "volume",
		[MP_REASON_MOUNT_POINT] = "mount point",
		[MP_REASON_ENTRYPOINT] = "entrypoint",
	};

	return reason >= 0 && reason < MP_REASON_COUNT ? text[reason] : "unknown";
}
