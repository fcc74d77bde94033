/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_BUF_H
#define MP_CORE_BUF_H

#include "core/cleanup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Memory: every allocation in micropack goes through these. A small request that cannot be met ends
 * the process with exit status 1 ("out of memory"): there is nothing useful left to do. Sizes that
 * come from input are bounded by whoever reads that input.
 */
void *mp_xmalloc(size_t size);
void *mp_xcalloc(size_t count, size_t size);
void *mp_xrealloc(void *ptr, size_t size);
char *mp_xstrdup(const char *text); /* NULL for NULL */
char *mp_xstrndup(const char *text, size_t len);
char *mp_xasprintf(const char *fmt, ...) MP_PRINTF(1, 2);

/*
 * Makes room for one more element in a grown array: returns @array, moved where needed, with
 * *cap > n. @size: of one element, in bytes.
 */
void *mp_array_grow(void *array, size_t n, size_t *cap, size_t size);

/* Whether all of @data, one byte or more, is zero. */
bool mp_is_zero(const void *data, size_t len);

/* A byte buffer that grows. Zero-initialised is empty; data, where not NULL, ends in a NUL. */
struct mp_buf {
	char *data;
	size_t len;
	size_t cap;
};

void mp_buf_add(struct mp_buf *buf, const void *data, size_t len);
void mp_buf_adds(struct mp_buf *buf, const char *text);
void mp_buf_addc(struct mp_buf *buf, char c);
void mp_buf_addf(struct mp_buf *buf, const char *fmt, ...) MP_PRINTF(2, 3);
void mp_buf_clear(struct mp_buf *buf); /* empty, memory kept */
void mp_buf_free(struct mp_buf *buf);  /* empty, memory released; for MP_AUTO too */
/* The contents as a string ("" when empty), owned by the caller; @buf is empty afterwards. */
char *mp_buf_steal(struct mp_buf *buf);

/* A list of strings, each owned. Zero-initialised is empty. */
struct mp_strv {
	char **v;
	size_t n;
	size_t cap;
};

void mp_strv_push(struct mp_strv *list, const char *text);
void mp_strv_push_take(struct mp_strv *list, char *text);
/* Index of the first string equal to @text, or -1. */
long mp_strv_find(const struct mp_strv *list, const char *text);
void mp_strv_copy(struct mp_strv *dst, const struct mp_strv *src); /* appends */
/* By bytes, as strcmp. */
void mp_strv_sort(struct mp_strv *list);
void mp_strv_free(struct mp_strv *list);
/* Appends the pieces of @text between any of @separators; empty pieces are kept. */
void mp_strv_split(struct mp_strv *list, const char *text, const char *separators);

/*
 * A map from strings to pointers. Keys are copied; values are freed by @free_value when the map is
 * (mp_strmap_freep), or stay the caller's when it is NULL.
 */
struct mp_strmap;
struct mp_strmap *mp_strmap_new(void (*free_value)(void *value));
/* Sets @key; returns what it replaced (not freed), or NULL. */
void *mp_strmap_put(struct mp_strmap *map, const char *key, void *value);
void *mp_strmap_get(const struct mp_strmap *map, const char *key);
size_t mp_strmap_count(const struct mp_strmap *map);
/* Calls @visit for every key in the order of strcmp. */
void mp_strmap_each(const struct mp_strmap *map,
		    void (*visit)(const char *key, void *value, void *context), void *context);
void mp_strmap_freep(struct mp_strmap **map);

#endif
