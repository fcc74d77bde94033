/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_LDCACHE_H
#define MP_PACKER_LDCACHE_H

#include "core/buf.h"
#include "core/error.h"

#include <stdbool.h>

/*
 * /etc/ld.so.cache: what ldconfig found (glibc, sysdeps/generic/dl-cache.h). The
 * "glibc-ld.so.cache1.1" format, by itself or behind a table in the older "ld.so-1.7.0" one; either
 * byte order.
 */
struct mp_ldcache;

struct mp_ldcache_entry {
	const char *name; /* soname */
	const char *path; /* absolute */
	bool variant;     /* for some CPUs only (glibc-hwcaps) */
	size_t order;     /* in the file */
};

/* A bound for whoever reads it: 700,000 entries. */
#define MP_LDCACHE_MAX_BYTES (16u << 20)

/* MP_E_FORMAT for anything else. An entry that makes no sense is left out. @data is copied. */
MP_MUST_USE int mp_ldcache_parse(const void *data, size_t len, struct mp_ldcache **cache_out,
				 struct mp_error *err);
void mp_ldcache_freep(struct mp_ldcache **cache);

/* The entries of @name, for all machines, in the order of the file: their number, and the first. */
size_t mp_ldcache_find(const struct mp_ldcache *cache, const char *name,
		       const struct mp_ldcache_entry **first_out);

#endif
