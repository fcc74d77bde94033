/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_DIGEST_H
#define MP_PACKER_DIGEST_H

#include "core/sha256.h"
#include "packer/rootfs.h"

/*
 * SHA-256 in a thread of its own, beside whoever reads the same bytes: it takes about as long as
 * reading them does.
 */
struct mp_digest;

/* Of all of @contents, which are read for it; borrowed until it is finished. */
MP_MUST_USE int mp_digest_of(const struct mp_contents *contents, struct mp_digest **digest_out,
			     struct mp_error *err);

/* Of what is added, piece by piece. */
struct mp_digest *mp_digest_new(void);
void mp_digest_add(struct mp_digest *digest, const void *data, size_t len);

/* Waits for it. MP_E_SYS where the contents cannot be read. *digest is NULL afterwards. */
MP_MUST_USE int mp_digest_finish(struct mp_digest **digest, char hex_out[MP_SHA256_HEX_SIZE],
				 struct mp_error *err);

/* Ends it, finished or not. */
void mp_digest_freep(struct mp_digest **digest);

#endif
