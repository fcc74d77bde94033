/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/name_table.h"

#include <errno.h>
#include <string.h>

#define FIRST_BITS 10
/* As many slots as the hash can tell apart. */
#define LAST_BITS 32

/* An empty table. */
static int open_slots(struct mp_name_table *table, unsigned int bits, struct mp_error *err)
{
	size_t size = sizeof(*table->slots) << bits;
	struct mp_arena arena = { 0 };
	uint32_t ref = 0;

	if (mp_arena_open(&arena, size + MP_ARENA_UNIT, err))
		return -1;
	if (mp_arena_alloc(&arena, size, &ref, err)) {
		mp_arena_close(&arena);
		return -1;
	}
	mp_arena_expect_random(&arena);
	table->arena = arena;
	table->slots = mp_arena_at(&arena, ref);
	table->bits = bits;
	table->n = 0;
	return 0;
}

int mp_name_table_open(struct mp_name_table *table, struct mp_error *err)
{
	struct mp_name_table made = { 0 };

	if (open_slots(&made, FIRST_BITS, err))
		return -1;
	*table = made;
	return 0;
}

void mp_name_table_close(struct mp_name_table *table)
{
	mp_arena_close(&table->arena);
	*table = (struct mp_name_table){ 0 };
}

static uint64_t mask(const struct mp_name_table *table)
{
	return ((uint64_t)1 << table->bits) - 1;
}

/* Where what has this hash belongs, or as soon behind it as there is room. By the upper bits, so
 * that a table is copied into a larger one from its begin to its end. */
static uint64_t home(const struct mp_name_table *table, uint64_t hash)
{
	return hash >> (32 - table->bits);
}

static void put_slot(struct mp_name_table *table, uint64_t slot)
{
	uint64_t i = home(table, slot >> 32);

	mp_arena_touch(&table->slots[i]);
	while (table->slots[i])
		i = (i + 1) & mask(table);
	table->slots[i] = slot;
	table->n++;
}

static int enlarge(struct mp_name_table *table, struct mp_error *err)
{
	struct mp_name_table larger = { 0 };

	if (table->bits >= LAST_BITS)
		return mp_error_set(err, MP_E_SYS, 0, "there are more files than can be indexed");
	if (open_slots(&larger, table->bits + 1, err))
		return -1;
	for (uint64_t i = 0; i <= mask(table); i++) {
		if (table->slots[i])
			put_slot(&larger, table->slots[i]);
		/* A table may be larger than what this process should hold of two. */
		if (i % ((uint64_t)1 << 18) == 0) {
			mp_arena_trim(&table->arena);
			mp_arena_trim(&larger.arena);
		}
	}
	mp_arena_close(&table->arena);
	*table = larger;
	return 0;
}

uint32_t mp_name_table_next(const struct mp_name_table *table, uint32_t hash, uint64_t *at)
{
	if (*at == 0)
		mp_arena_touch(&table->slots[home(table, hash)]);
	for (;;) {
		uint64_t slot = table->slots[(home(table, hash) + (*at)++) & mask(table)];

		if (!slot || (uint32_t)(slot >> 32) == hash)
			return (uint32_t)slot;
	}
}

int mp_name_table_put(struct mp_name_table *table, uint32_t hash, uint32_t ref,
		      struct mp_error *err)
{
	if ((table->n + 1) * 4 > ((uint64_t)3 << table->bits) && enlarge(table, err))
		return -1;
	put_slot(table, (uint64_t)hash << 32 | ref);
	return 0;
}

void mp_name_table_remove(struct mp_name_table *table, uint32_t hash, uint32_t ref)
{
	uint64_t i = home(table, hash), next;

	while (table->slots[i] != ((uint64_t)hash << 32 | ref))
		i = (i + 1) & mask(table);
	/* What stands behind it moves up, unless that were before its home. */
	for (next = (i + 1) & mask(table); table->slots[next]; next = (next + 1) & mask(table)) {
		uint64_t from_home = (next - home(table, table->slots[next] >> 32)) & mask(table);

		if (from_home < ((next - i) & mask(table)))
			continue;
		table->slots[i] = table->slots[next];
		i = next;
	}
	table->slots[i] = 0;
	table->n--;
}
