/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_DIGESTS_H
#define MP_PACKER_DIGESTS_H

#include "core/sha256.h"
#include "packer/fileset.h"

/*
 * SHA-1 and SHA-256 of the regular files of a set. A thread of its own takes them, in the order in
 * which an archive has the files, while that is written: what one of both reads, the other finds
 * in memory. So two threads read the rootfs: its lookups and reads may not change it.
 */
struct mp_digests;

struct mp_digest {
	const struct mp_file *file; /* borrowed from the set */
	char sha1[MP_SHA1_HEX_SIZE];
	char sha256[MP_SHA256_HEX_SIZE];
};

/* Both are borrowed until mp_digests_freep; @set must not change in the meantime. */
MP_MUST_USE int mp_digests_start(struct mp_rootfs *root, const struct mp_fileset *set,
				 struct mp_digests **digests_out, struct mp_error *err);

/* Waits until all are there. The first failure of the thread, if there was one. */
MP_MUST_USE int mp_digests_wait(struct mp_digests *digests, struct mp_error *err);

/* By path. A file of which more than 1 GiB is holes has none: zeros would be summed for minutes. */
size_t mp_digests_count(const struct mp_digests *digests);
const struct mp_digest *mp_digests_at(const struct mp_digests *digests, size_t index);

/* Ends the thread too, if it still runs. */
void mp_digests_freep(struct mp_digests **digests);

#endif
