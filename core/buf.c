/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/buf.h"

#include "core/siphash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_die(void *ptr)
{
	if (!ptr) {
		fputs("micropack: out of memory\n", stderr);
		exit(1);
	}
	return ptr;
}

void *mp_xmalloc(size_t size)
{
	return or_die(malloc(size ? size : 1));
}

void *mp_xcalloc(size_t count, size_t size)
{
	return or_die(calloc(count ? count : 1, size ? size : 1));
}

void *mp_xrealloc(void *ptr, size_t size)
{
	return or_die(realloc(ptr, size ? size : 1));
}

char *mp_xstrdup(const char *text)
{
	return text ? or_die(strdup(text)) : NULL;
}

char *mp_xstrndup(const char *text, size_t len)
{
	return or_die(strndup(text, len));
}

char *mp_xasprintf(const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	return or_die(text);
}

void *mp_array_grow(void *array, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return array;
	*cap = *cap ? *cap * 2 : 8;
	return or_die(reallocarray(array, *cap, size));
}

static void buf_reserve(struct mp_buf *buf, size_t more)
{
	size_t need = buf->len + more + 1;

	if (need <= buf->cap)
		return;
	if (need < buf->cap * 2)
		need = buf->cap * 2;
	buf->data = mp_xrealloc(buf->data, need);
	buf->cap = need;
}

bool mp_is_zero(const void *data, size_t len)
{
	const unsigned char *bytes = data;

	return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

void mp_buf_add(struct mp_buf *buf, const void *data, size_t len)
{
	buf_reserve(buf, len);
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void mp_buf_adds(struct mp_buf *buf, const char *text)
{
	mp_buf_add(buf, text, strlen(text));
}

void mp_buf_addc(struct mp_buf *buf, char c)
{
	mp_buf_add(buf, &c, 1);
}

void mp_buf_addf(struct mp_buf *buf, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0)
		return;
	buf_reserve(buf, (size_t)len);
	va_start(args, fmt);
	vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, args);
	va_end(args);
	buf->len += (size_t)len;
}

void mp_buf_clear(struct mp_buf *buf)
{
	buf->len = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

void mp_buf_free(struct mp_buf *buf)
{
	mp_freep(&buf->data);
	*buf = (struct mp_buf){ 0 };
}

char *mp_buf_steal(struct mp_buf *buf)
{
	char *data = buf->data ? buf->data : mp_xstrdup("");

	*buf = (struct mp_buf){ 0 };
	return data;
}

void mp_strv_push_take(struct mp_strv *list, char *text)
{
	list->v = mp_array_grow(list->v, list->n, &list->cap, sizeof(*list->v));
	list->v[list->n++] = text;
}

void mp_strv_push(struct mp_strv *list, const char *text)
{
	mp_strv_push_take(list, mp_xstrdup(text));
}

long mp_strv_find(const struct mp_strv *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->v[i], text) == 0)
			return (long)i;
	}
	return -1;
}

void mp_strv_copy(struct mp_strv *dst, const struct mp_strv *src)
{
	for (size_t i = 0; i < src->n; i++)
		mp_strv_push(dst, src->v[i]);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void mp_strv_sort(struct mp_strv *list)
{
	if (list->n)
		qsort(list->v, list->n, sizeof(*list->v), by_bytes);
}

void mp_strv_free(struct mp_strv *list)
{
	for (size_t i = 0; i < list->n; i++)
		mp_freep(&list->v[i]);
	mp_freep(&list->v);
	*list = (struct mp_strv){ 0 };
}

void mp_strv_split(struct mp_strv *list, const char *text, const char *separators)
{
	for (;;) {
		size_t len = strcspn(text, separators);

		mp_strv_push_take(list, mp_xstrndup(text, len));
		if (!text[len])
			return;
		text += len + 1;
	}
}

struct map_entry {
	uint64_t hash;
	void *value;
	char key[];
};

/* Open addressing: an entry is at the place that its hash names, or as soon behind as can be. */
struct mp_strmap {
	struct map_entry **slots; /* a power of two of them, less than 3/4 in use */
	size_t n_slots;
	size_t count;
	void (*free_value)(void *value);
};

#define MAP_FIRST_SLOTS 16

struct mp_strmap *mp_strmap_new(void (*free_value)(void *value))
{
	struct mp_strmap *map = mp_xcalloc(1, sizeof(*map));

	map->free_value = free_value;
	return map;
}

/* The slot that has @key, or the free one where it belongs. */
static struct map_entry **map_slot(const struct mp_strmap *map, uint64_t hash, const char *key)
{
	size_t at = (size_t)hash & (map->n_slots - 1);

	while (map->slots[at] &&
	       (map->slots[at]->hash != hash || strcmp(map->slots[at]->key, key) != 0))
		at = (at + 1) & (map->n_slots - 1);
	return &map->slots[at];
}

static void map_grow(struct mp_strmap *map)
{
	struct mp_strmap larger = *map;

	larger.n_slots = map->n_slots ? 2 * map->n_slots : MAP_FIRST_SLOTS;
	larger.slots = mp_xcalloc(larger.n_slots, sizeof(struct map_entry *));
	for (size_t i = 0; i < map->n_slots; i++) {
		struct map_entry *entry = map->slots[i];

		if (entry)
			*map_slot(&larger, entry->hash, entry->key) = entry;
	}
	mp_freep(&map->slots);
	*map = larger;
}

void *mp_strmap_put(struct mp_strmap *map, const char *key, void *value)
{
	size_t len = strlen(key);
	uint64_t hash = mp_siphash(0, key, len);
	struct map_entry **slot;
	void *replaced;

	if (4 * (map->count + 1) > 3 * map->n_slots)
		map_grow(map);
	slot = map_slot(map, hash, key);
	if (!*slot) {
		*slot = mp_xmalloc(sizeof(**slot) + len + 1);
		(*slot)->hash = hash;
		(*slot)->value = NULL;
		memcpy((*slot)->key, key, len + 1);
		map->count++;
	}
	replaced = (*slot)->value;
	(*slot)->value = value;
	return replaced;
}

void *mp_strmap_get(const struct mp_strmap *map, const char *key)
{
	const struct map_entry *entry;

	if (map->count == 0)
		return NULL;
	entry = *map_slot(map, mp_siphash(0, key, strlen(key)), key);
	return entry ? entry->value : NULL;
}

size_t mp_strmap_count(const struct mp_strmap *map)
{
	return map->count;
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(const struct map_entry *const *)a)->key,
		      (*(const struct map_entry *const *)b)->key);
}

void mp_strmap_each(const struct mp_strmap *map,
		    void (*visit)(const char *key, void *value, void *context), void *context)
{
	MP_AUTO(mp_freep)
	struct map_entry **sorted = mp_xcalloc(map->count + 1, sizeof(*sorted));
	size_t n = 0;

	for (size_t i = 0; i < map->n_slots; i++) {
		if (map->slots[i])
			sorted[n++] = map->slots[i];
	}
	qsort(sorted, n, sizeof(*sorted), by_key);
	for (size_t i = 0; i < n; i++)
		visit(sorted[i]->key, sorted[i]->value, context);
}

void mp_strmap_freep(struct mp_strmap **map)
{
	if (!*map)
		return;
	for (size_t i = 0; i < (*map)->n_slots; i++) {
		struct map_entry *entry = (*map)->slots[i];

		if (entry && (*map)->free_value && entry->value)
			(*map)->free_value(entry->value);
		mp_freep(&entry);
	}
	mp_freep(&(*map)->slots);
	mp_freep(map);
}
