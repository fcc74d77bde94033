/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_SHA256_H
#define MP_CORE_SHA256_H

#include "core/error.h"

#include <stddef.h>

/* 64 lower-case hexadecimal digits and a NUL. */
#define MP_SHA256_HEX_SIZE 65

void mp_sha256_hex(const void *data, size_t len, char hex_out[MP_SHA256_HEX_SIZE]);

/* Piece by piece. */
struct mp_sha256;
struct mp_sha256 *mp_sha256_new(void);
/* The same, by a thread of its own, so that the caller does not wait: for much data. */
struct mp_sha256 *mp_sha256_new_beside(void);
void mp_sha256_add(struct mp_sha256 *sum, const void *data, size_t len);
/* Of all that was added. Nothing can be added afterwards. */
void mp_sha256_finish(struct mp_sha256 *sum, char hex_out[MP_SHA256_HEX_SIZE]);
void mp_sha256_freep(struct mp_sha256 **sum);

/* Of all bytes of the file at @path. */
MP_MUST_USE int mp_sha256_file(const char *path, char hex_out[MP_SHA256_HEX_SIZE],
			       struct mp_error *err);

/* SHA-1, which other formats ask for beside it; 40 digits and a NUL. */
#define MP_SHA1_HEX_SIZE 41

struct mp_sha1;
struct mp_sha1 *mp_sha1_new(void);
void mp_sha1_add(struct mp_sha1 *sum, const void *data, size_t len);
void mp_sha1_finish(struct mp_sha1 *sum, char hex_out[MP_SHA1_HEX_SIZE]);
void mp_sha1_freep(struct mp_sha1 **sum);

#endif
