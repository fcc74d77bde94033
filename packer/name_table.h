/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_NAME_TABLE_H
#define MP_PACKER_NAME_TABLE_H

#include "packer/arena.h"

/*
 * Finds records by the hash of what they stand for, such as a name in a directory: a table of
 * references. The hash is to have a key (core/siphash.h), so that no archive can be made to fill
 * one place of it; the memory is an arena's. Zero-initialised is closed.
 */
struct mp_name_table {
	struct mp_arena arena;
	uint64_t *slots;   /* 0: free; else the upper half is the hash, the lower the reference */
	unsigned int bits; /* 1 << bits of them */
	uint64_t n;
};

MP_MUST_USE int mp_name_table_open(struct mp_name_table *table, struct mp_error *err);
void mp_name_table_close(struct mp_name_table *table);

/* The references that were put under @hash, and perhaps others: one a call, 0 at the end. *at: 0
 * for the first call. */
uint32_t mp_name_table_next(const struct mp_name_table *table, uint32_t hash, uint64_t *at);

/* Errors as of mp_arena_alloc. */
MP_MUST_USE int mp_name_table_put(struct mp_name_table *table, uint32_t hash, uint32_t ref,
				  struct mp_error *err);
/* @ref was put under @hash. */
void mp_name_table_remove(struct mp_name_table *table, uint32_t hash, uint32_t ref);

#endif
