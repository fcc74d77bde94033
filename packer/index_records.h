/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_INDEX_RECORDS_H
#define MP_PACKER_INDEX_RECORDS_H

#include "packer/arena.h"
#include "packer/index.h"

/* What names of an index refer to: an inode. References are the arena's. */
struct mp_index_file {
	int64_t mtime_s;
	uint64_t size_bytes; /* of a device: its number, major in the upper half */
	uint64_t offset;     /* of the contents, in @source */
	uint32_t mode, uid, gid;
	uint32_t nlink; /* how many names it has */
	uint32_t mtime_ns;
	uint32_t source;
	uint32_t target; /* symlinks: the text */
	uint32_t xattrs;
};

/* Stores @node as a file without a name. Errors as of mp_arena_alloc. */
MP_MUST_USE int mp_index_file_new(struct mp_arena *arena, const struct mp_node *node,
				  const struct mp_index_place *place, uint32_t *file_out,
				  struct mp_error *err);
void mp_index_file_free(struct mp_arena *arena, uint32_t file);

/* All of it but file_dev and file_ino. The caller clears it. */
void mp_index_file_read(const struct mp_arena *arena, uint32_t file, struct mp_node *node_out);

#endif
