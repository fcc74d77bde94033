/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/arena.h"

#include "packer/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

/* It grows by a quarter, but by no less and no more than this. */
#define GROW_MIN ((uint64_t)64 << 10)
#define GROW_MAX ((uint64_t)64 << 20)

static uint64_t units(size_t size)
{
	return (size + MP_ARENA_UNIT - 1) / MP_ARENA_UNIT;
}

int mp_arena_open(struct mp_arena *arena, uint64_t max_bytes, struct mp_error *err)
{
	MP_AUTO(mp_closep) int fd = -1;
	void *base;

	if (mp_store_open(&fd, err))
		return -1;
	/* What lies beyond the end of the file is not touched before there is a file. */
	base = mmap(NULL, max_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (base == MAP_FAILED)
		return mp_store_failed(errno, "map", err);
	*arena = (struct mp_arena){
		.base = base,
		.fd = MP_STEAL_FD(fd),
		.used = MP_ARENA_UNIT,
		.max = max_bytes,
		.mapped = max_bytes,
	};
	return 0;
}

void mp_arena_close(struct mp_arena *arena)
{
	if (!arena->base)
		return;
	munmap(arena->base, arena->mapped);
	mp_closep(&arena->fd);
	*arena = (struct mp_arena){ 0 };
}

/* Makes the file @need bytes long, or somewhat more. */
static int grow(struct mp_arena *arena, uint64_t need, struct mp_error *err)
{
	uint64_t step = arena->grown / 4, end;
	int error;

	step = step < GROW_MIN ? GROW_MIN : step > GROW_MAX ? GROW_MAX : step;
	end = arena->grown + step > need ? arena->grown + step : need;
	if (end > arena->mapped)
		end = arena->mapped;
	do
		error = posix_fallocate(arena->fd, (off_t)arena->grown,
					(off_t)(end - arena->grown));
	while (error == EINTR);
	if (error)
		return mp_store_failed(error, "write to", err);
	arena->grown = end;
	return 0;
}

int mp_arena_alloc(struct mp_arena *arena, size_t size, uint32_t *ref_out, struct mp_error *err)
{
	uint64_t n = units(size), end = arena->used + n * MP_ARENA_UNIT;
	uint32_t ref;

	if (n < MP_ARENA_CLASSES && arena->unused[n]) {
		ref = arena->unused[n];
		memcpy(&arena->unused[n], mp_arena_at(arena, ref), sizeof(ref));
		memset(mp_arena_at(arena, ref), 0, n * MP_ARENA_UNIT);
		*ref_out = ref;
		return 0;
	}
	if (end > arena->max)
		return mp_error_set(err, MP_E_SYS, 0,
				    "there are more files than can be indexed in %llu MiB",
				    (unsigned long long)arena->max >> 20);
	if (end > arena->grown && grow(arena, end, err))
		return -1;
	*ref_out = (uint32_t)(arena->used / MP_ARENA_UNIT);
	arena->used = end;
	return 0;
}

void mp_arena_free(struct mp_arena *arena, uint32_t ref, size_t size)
{
	uint64_t n = units(size);

	if (n >= MP_ARENA_CLASSES)
		return;
	memcpy(mp_arena_at(arena, ref), &arena->unused[n], sizeof(ref));
	arena->unused[n] = ref;
}

void mp_arena_expect_random(const struct mp_arena *arena)
{
	madvise(arena->base, arena->mapped, MADV_RANDOM);
}

void mp_arena_trim(const struct mp_arena *arena)
{
	/* Of a shared mapping nothing is lost by it (madvise(2), MADV_DONTNEED). */
	if (arena->base)
		madvise(arena->base, arena->grown, MADV_DONTNEED);
}
