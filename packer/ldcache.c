/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/ldcache.h"

#include "packer/bytes.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * The layout, in bytes (struct cache_file_new and file_entry_new):
 *    0  magic and version, 20 bytes     28  flags; bits 0 and 1: 2 little-endian, 3 big-endian
 *   20  number of entries               32  offset of extensions
 *   24  length of the strings           48  entries
 * An entry: flags (4 bytes), name (4, offset from the start of the header), path (4), osversion
 * (4), hwcap (8; not 0: for some CPUs only).
 */
#define NEW_MAGIC "glibc-ld.so.cache1.1"
#define NEW_MAGIC_LEN 20
#define NEW_HEADER_LEN 48
#define NEW_ENTRY_LEN 24

/* The older one: magic padded to 12 bytes, number of entries, entries of 12 bytes. */
#define OLD_MAGIC "ld.so-1.7.0"
#define OLD_MAGIC_LEN 11
#define OLD_HEADER_LEN 16
#define OLD_ENTRY_LEN 12

struct mp_ldcache {
	char *data;
	struct mp_ldcache_entry *entries; /* by name, then as in the file; point into data */
	size_t n;
};

static uint32_t get32(const unsigned char *p, bool big)
{
	return big ? mp_be32(p) : mp_le32(p);
}

/*
 * Where the new format begins in @data, or @len. Behind the old table it is aligned as the writer's
 * 64-bit integers are: to 8 bytes, to 4 on i386, to 2 on m68k.
 */
static size_t find_new(const unsigned char *data, size_t len)
{
	static const bool orders[] = { false, true };

	if (len < OLD_HEADER_LEN || memcmp(data, OLD_MAGIC, OLD_MAGIC_LEN) != 0)
		return 0;
	for (size_t i = 0; i < MP_ARRAY_LEN(orders); i++) {
		uint64_t end =
			OLD_HEADER_LEN + (uint64_t)get32(data + 12, orders[i]) * OLD_ENTRY_LEN;

		for (uint64_t align = 8; align >= 2; align /= 2) {
			uint64_t at = (end + align - 1) / align * align;

			if (at < len && len - at >= NEW_MAGIC_LEN &&
			    memcmp(data + at, NEW_MAGIC, NEW_MAGIC_LEN) == 0)
				return (size_t)at;
		}
	}
	return len;
}

/* Without flags (glibc before 2.33) the order is the one in which the table fits. */
static bool is_big(const unsigned char *data, size_t len)
{
	switch (data[28] & 3) {
	case 2:
		return false;
	case 3:
		return true;
	default:
		return get32(data + 20, false) > (len - NEW_HEADER_LEN) / NEW_ENTRY_LEN;
	}
}

/* The string at @offset, of 1 to @max bytes; NULL where there is none. */
static const char *string_at(const char *data, size_t len, size_t offset, size_t max)
{
	size_t room;

	if (offset >= len)
		return NULL;
	room = len - offset < max + 1 ? len - offset : max + 1;
	if (!data[offset] || !memchr(data + offset, '\0', room))
		return NULL;
	return data + offset;
}

static int by_name(const void *a, const void *b)
{
	const struct mp_ldcache_entry *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order)
		return order;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void read_entries(struct mp_ldcache *cache, size_t len, size_t n, bool big)
{
	for (size_t i = 0; i < n; i++) {
		const unsigned char *raw =
			(const unsigned char *)cache->data + NEW_HEADER_LEN + i * NEW_ENTRY_LEN;
		struct mp_ldcache_entry entry = {
			.name = string_at(cache->data, len, get32(raw + 4, big), NAME_MAX),
			.path = string_at(cache->data, len, get32(raw + 8, big), PATH_MAX),
			.variant = get32(raw + 16, big) || get32(raw + 20, big),
			.order = i,
		};

		if (entry.name && entry.path && entry.path[0] == '/')
			cache->entries[cache->n++] = entry;
	}
	if (cache->n)
		qsort(cache->entries, cache->n, sizeof(*cache->entries), by_name);
}

int mp_ldcache_parse(const void *data, size_t len, struct mp_ldcache **cache_out,
		     struct mp_error *err)
{
	const unsigned char *bytes = data;
	struct mp_ldcache *cache;
	size_t at = find_new(bytes, len);
	size_t n;
	bool big;

	bytes += at;
	len -= at;
	if (len < NEW_HEADER_LEN || memcmp(bytes, NEW_MAGIC, NEW_MAGIC_LEN) != 0)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "not a library cache that glibc 2.2 or newer reads");
	big = is_big(bytes, len);
	n = get32(bytes + 20, big);
	if (n > (len - NEW_HEADER_LEN) / NEW_ENTRY_LEN)
		return mp_error_set(err, MP_E_FORMAT, 0, "the library cache is cut short");
	cache = mp_xcalloc(1, sizeof(*cache));
	cache->data = mp_xmalloc(len);
	memcpy(cache->data, bytes, len);
	cache->entries = mp_xcalloc(n, sizeof(*cache->entries));
	read_entries(cache, len, n, big);
	*cache_out = cache;
	return 0;
}

void mp_ldcache_freep(struct mp_ldcache **cache)
{
	if (!*cache)
		return;
	mp_freep(&(*cache)->entries);
	mp_freep(&(*cache)->data);
	mp_freep(cache);
}

size_t mp_ldcache_find(const struct mp_ldcache *cache, const char *name,
		       const struct mp_ldcache_entry **first_out)
{
	size_t low = 0, high = cache->n, n = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(cache->entries[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + n < cache->n && strcmp(cache->entries[low + n].name, name) == 0)
		n++;
	if (n)
		*first_out = &cache->entries[low];
	return n;
}
