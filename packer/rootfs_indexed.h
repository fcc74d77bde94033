/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_ROOTFS_INDEXED_H
#define MP_PACKER_ROOTFS_INDEXED_H

#include "packer/index.h"
#include "packer/rootfs_internal.h"
#include "packer/store.h"

/*
 * The source that a stream of archives becomes (packer/rootfs_stream.c): an index, and the files
 * that contents are in. What places in the index mean: source 0 is the store, others were taken.
 */
#define MP_INDEXED_STORED 0

struct mp_indexed {
	struct mp_rootfs base;
	struct mp_index *index;
	struct mp_store store;
	struct mp_indexed_source *taken;
	size_t n_taken, cap_taken;
};

MP_MUST_USE int mp_indexed_new(struct mp_indexed **contents_out, struct mp_error *err);
void mp_indexed_freep(struct mp_indexed **contents);

/* Contents may be in @fd, which is duplicated; files that are the same are open once, since layers
 * often lie in one. */
MP_MUST_USE int mp_indexed_add_source(struct mp_indexed *contents, int fd, uint32_t *source_out,
				      struct mp_error *err);

/* Leaves out @path where an engine made it, not before @made_s, and nothing is in it. Its parent's
 * time, or its own where it stays, is the engine's too. */
void mp_indexed_disown(struct mp_indexed *contents, const char *path, int64_t made_s);

#endif
