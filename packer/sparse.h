/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_SPARSE_H
#define MP_PACKER_SPARSE_H

#include "packer/rootfs.h"

/*
 * Where a file's zeros are. What counts is the contents alone, and not how a file system or an
 * archive happens to store them: the same bytes have the same map from every source.
 */

/* Zeros are looked at in blocks of this size, from the file's first byte. */
#define MP_SPARSE_BLOCK 4096
/* A shorter run of zeros is data: a map must not outgrow what it saves. */
#define MP_SPARSE_HOLE_MIN 65536
/* More parts than that, and the file counts as data; a map takes memory, in every reader too. */
#define MP_SPARSE_PARTS_MAX 65536
/* A larger file with more parts than that is refused, instead of written out with all zeros. */
#define MP_SPARSE_PLAIN_MAX ((uint64_t)64 << 30)

/* The parts of a file that are not left out, in order, apart from each other, none empty. */
struct mp_sparse {
	struct mp_sparse_part {
		uint64_t offset, size_bytes;
	} * parts;
	size_t n;
	size_t cap;
	uint64_t hole_bytes; /* in all that is left out */
};

/*
 * Reads the file of @size bytes, until it is clear which it is; true holes, which
 * lseek(SEEK_DATA) tells, cost nothing. 1 and *map_out (the caller clears it) where at least
 * @hole_bytes_min, and half of the file, are holes; 0 where not; -1: MP_E_SYS where it cannot be
 * read, MP_E_FORMAT where it is so large and has so many holes that neither way of packing it is
 * bounded. @path: in errors.
 */
MP_MUST_USE int mp_sparse_map(const struct mp_contents *contents, uint64_t size,
			      uint64_t hole_bytes_min, const char *path, struct mp_sparse *map_out,
			      struct mp_error *err);
void mp_sparse_clear(struct mp_sparse *map);

#endif
