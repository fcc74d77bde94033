/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/index_records.h"

#include "packer/rootfs_internal.h"

#include <string.h>
#include <sys/stat.h>

/* The attributes of a file: this, then of each its size (uint32_t), its name with a NUL, its value.
 */
struct xattrs {
	uint32_t size; /* of all this, in bytes; at most 1000 × 64 KiB (packer/tar_header.c) */
	uint32_t n;
	char data[];
};

static bool is_device(mode_t mode)
{
	return S_ISCHR(mode) || S_ISBLK(mode);
}

static int store_target(struct mp_arena *arena, const char *target, uint32_t *ref_out,
			struct mp_error *err)
{
	size_t size = strlen(target) + 1;

	if (mp_arena_alloc(arena, size, ref_out, err))
		return -1;
	memcpy(mp_arena_at(arena, *ref_out), target, size);
	return 0;
}

static int store_xattrs(struct mp_arena *arena, const struct mp_node *node, uint32_t *ref_out,
			struct mp_error *err)
{
	struct xattrs *stored;
	size_t size = sizeof(*stored);
	char *p;

	for (size_t i = 0; i < node->n_xattrs; i++)
		size += sizeof(uint32_t) + strlen(node->xattrs[i].name) + 1 + node->xattrs[i].size;
	if (mp_arena_alloc(arena, size, ref_out, err))
		return -1;
	stored = mp_arena_at(arena, *ref_out);
	stored->size = (uint32_t)size;
	stored->n = (uint32_t)node->n_xattrs;
	p = stored->data;
	for (size_t i = 0; i < node->n_xattrs; i++) {
		const struct mp_xattr *xattr = &node->xattrs[i];
		uint32_t value_size = (uint32_t)xattr->size;

		memcpy(p, &value_size, sizeof(value_size));
		p = stpcpy(p + sizeof(value_size), xattr->name) + 1;
		memcpy(p, xattr->value, xattr->size);
		p += xattr->size;
	}
	return 0;
}

int mp_index_file_new(struct mp_arena *arena, const struct mp_node *node,
		      const struct mp_index_place *place, uint32_t *file_out, struct mp_error *err)
{
	uint32_t target = 0, xattrs = 0, ref = 0;
	struct mp_index_file *file;

	if ((node->target && store_target(arena, node->target, &target, err)) ||
	    (node->n_xattrs && store_xattrs(arena, node, &xattrs, err)) ||
	    mp_arena_alloc(arena, sizeof(*file), &ref, err))
		return -1;
	file = mp_arena_at(arena, ref);
	*file = (struct mp_index_file){
		.mtime_s = node->mtime_s,
		.mtime_ns = node->mtime_ns,
		.size_bytes = is_device(node->mode)
				      ? (uint64_t)node->rdev_major << 32 | node->rdev_minor
				      : node->size_bytes,
		.offset = place ? place->offset : 0,
		.source = place ? place->source : 0,
		.mode = node->mode,
		.uid = node->uid,
		.gid = node->gid,
		.target = target,
		.xattrs = xattrs,
	};
	*file_out = ref;
	return 0;
}

void mp_index_file_free(struct mp_arena *arena, uint32_t ref)
{
	const struct mp_index_file *file = mp_arena_at(arena, ref);

	if (file->target)
		mp_arena_free(arena, file->target, strlen(mp_arena_at(arena, file->target)) + 1);
	if (file->xattrs) {
		const struct xattrs *stored = mp_arena_at(arena, file->xattrs);

		mp_arena_free(arena, file->xattrs, stored->size);
	}
	mp_arena_free(arena, ref, sizeof(*file));
}

static void read_xattrs(const struct xattrs *stored, struct mp_node *node)
{
	const char *p = stored->data;

	for (uint32_t i = 0; i < stored->n; i++) {
		const char *name = p + sizeof(uint32_t), *value = name + strlen(name) + 1;
		uint32_t size;

		memcpy(&size, p, sizeof(size));
		mp_node_set_xattr(node, name, value, size);
		p = value + size;
	}
}

void mp_index_file_read(const struct mp_arena *arena, uint32_t ref, struct mp_node *node_out)
{
	const struct mp_index_file *file = mp_arena_at(arena, ref);
	bool device = is_device(file->mode);

	*node_out = (struct mp_node){
		.mode = file->mode,
		.uid = file->uid,
		.gid = file->gid,
		.size_bytes = device ? 0 : file->size_bytes,
		.mtime_s = file->mtime_s,
		.mtime_ns = file->mtime_ns,
		.rdev_major = device ? (uint32_t)(file->size_bytes >> 32) : 0,
		.rdev_minor = device ? (uint32_t)file->size_bytes : 0,
		.nlink = file->nlink,
	};
	if (file->target)
		node_out->target = mp_xstrdup(mp_arena_at(arena, file->target));
	if (file->xattrs)
		read_xattrs(mp_arena_at(arena, file->xattrs), node_out);
}
