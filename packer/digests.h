/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_DIGESTS_H
#define MP_PACKER_DIGESTS_H

#include "core/sha256.h"
#include "packer/archive.h"

/*
 * SHA-1 and SHA-256 of the regular files of a set, taken by threads of their own of what goes into
 * an archive while that is written.
 */
struct mp_digests;

struct mp_file_digest {
	const struct mp_file *file; /* borrowed from the set */
	char sha1[MP_SHA1_HEX_SIZE];
	char sha256[MP_SHA256_HEX_SIZE];
};

/* @set: borrowed until mp_digests_freep; it must not change any more. */
struct mp_digests *mp_digests_new(const struct mp_fileset *set);

/* To be told what one archive of the set holds (mp_archive_write); borrowed. */
const struct mp_archive_listener *mp_digests_listener(struct mp_digests *digests);

/* When the archive has been written, and before what follows: waits until all are there. */
void mp_digests_wait(struct mp_digests *digests);

/* By path. A file of which the archive leaves out more than 1 GiB of holes has none: zeros would be
 * summed for minutes. */
size_t mp_digests_count(const struct mp_digests *digests);
const struct mp_file_digest *mp_digests_at(const struct mp_digests *digests, size_t index);

/* Ends the threads too, whatever they still have to do. */
void mp_digests_freep(struct mp_digests **digests);

#endif
