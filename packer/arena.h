/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_ARENA_H
#define MP_PACKER_ARENA_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Room for records that may be more than memory holds: it lies in an unnamed temporary file
 * (packer/store.h) that is mapped as a whole, so that a record never moves, and the kernel writes
 * out what nobody uses. Records are referred to by numbers of half a pointer's size.
 * Zero-initialised is closed.
 */
#define MP_ARENA_UNIT 8
#define MP_ARENA_CLASSES 64

struct mp_arena {
	unsigned char *base; /* NULL: closed */
	int fd;
	uint64_t used, grown;              /* bytes: handed out, and there on the disk */
	uint64_t max, mapped;              /* bounds of both */
	uint32_t unused[MP_ARENA_CLASSES]; /* freed records, by size in units, as lists */
};

/* @max_bytes: bounds it; addresses for as much are taken at once, disk and memory as it grows. */
MP_MUST_USE int mp_arena_open(struct mp_arena *arena, uint64_t max_bytes, struct mp_error *err);
void mp_arena_close(struct mp_arena *arena);

/*
 * A record of @size bytes, all zeros. MP_E_SYS beyond the arena's bound, and where the disk
 * has no room, which is found out here and not by a signal when the record is written.
 */
MP_MUST_USE int mp_arena_alloc(struct mp_arena *arena, size_t size, uint32_t *ref_out,
			       struct mp_error *err);

/* @size: as it was allocated. Small records are handed out again, room of large ones is lost. */
void mp_arena_free(struct mp_arena *arena, uint32_t ref, size_t size);

/* No record has the number 0. */
static inline void *mp_arena_at(const struct mp_arena *arena, uint32_t ref)
{
	return arena->base + (uint64_t)ref * MP_ARENA_UNIT;
}

/*
 * To be called before a record that was not used for long is read: the first access to a page that
 * only reads maps up to 64 KiB around it as well (fault_around_bytes, mm/memory.c), which a walk
 * through records that lie anywhere would fill memory with.
 */
static inline void mp_arena_touch(void *record)
{
	__atomic_fetch_or((unsigned char *)record, 0, __ATOMIC_RELAXED);
}

/* What is used next is nowhere near what was used last: the kernel need not read ahead. */
void mp_arena_expect_random(const struct mp_arena *arena);

/* Takes all of it out of this process's memory; what is used again comes from the page cache, or
 * the disk. */
void mp_arena_trim(const struct mp_arena *arena);

#endif
