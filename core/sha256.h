/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_SHA256_H
#define MP_CORE_SHA256_H

#include "core/error.h"

#include <stddef.h>

/* 64 lower-case hexadecimal digits and a NUL. */
#define MP_SHA256_HEX_SIZE 65

void mp_sha256_hex(const void *data, size_t len, char hex_out[MP_SHA256_HEX_SIZE]);

/* Of all bytes of the file at @path. */
MP_MUST_USE int mp_sha256_file(const char *path, char hex_out[MP_SHA256_HEX_SIZE],
			       struct mp_error *err);

#endif
