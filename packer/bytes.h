/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_BYTES_H
#define MP_PACKER_BYTES_H

#include <stdint.h>

/* Numbers of 32 bits as files have them, aligned or not: big-endian, and little-endian. */

static inline uint32_t mp_be32(const void *data)
{
	const unsigned char *p = data;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint32_t mp_le32(const void *data)
{
	const unsigned char *p = data;

	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

#endif
