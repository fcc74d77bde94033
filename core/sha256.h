/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_SHA256_H
#define MP_CORE_SHA256_H

#include "core/error.h"

#include <stddef.h>

/* 64 lower-case hexadecimal digits and a NUL. */
#define MP_SHA256_HEX_SIZE 65

void mp_sha256_hex(const void *data, size_t len, char hex_out[MP_SHA256_HEX_SIZE]);

/* Any bytes as lower-case digits: two for each, and a NUL. */
void mp_hex(const void *data, size_t len, char *hex_out);

/* Piece by piece; for much data, a thread of its own does it: core/summer.h. */
struct mp_sha256;
struct mp_sha256 *mp_sha256_new(void);
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

/* Of either kind, for many texts one after the other. */
enum mp_sum_kind { MP_SUM_SHA1, MP_SUM_SHA256, MP_SUM_KINDS };

struct mp_sum;
struct mp_sum *mp_sum_new(enum mp_sum_kind kind);
void mp_sum_add(struct mp_sum *sum, const void *data, size_t len);
/* Of what was added since the last cut; @hex_out: NULL where it is not wanted. */
void mp_sum_cut(struct mp_sum *sum, char *hex_out);
void mp_sum_freep(struct mp_sum **sum);

#endif
