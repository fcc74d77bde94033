/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_JSON_H
#define MP_CORE_JSON_H

#include "core/buf.h"
#include "core/error.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * JSON values (RFC 8259) with 64-bit integers, valid UTF-8, and no duplicate keys. A value belongs
 * to whoever made it until a _take call hands it to a container; what accessors return is borrowed.
 */
struct mp_json;

/* @what names the document in errors (MP_E_FORMAT with line and column). NULL on failure. */
struct mp_json *mp_json_parse(const char *text, size_t len, const char *what, struct mp_error *err);
void mp_json_freep(struct mp_json **json);

struct mp_json *mp_json_object(void);
struct mp_json *mp_json_array(void);
/* NULL where @text is not UTF-8. */
struct mp_json *mp_json_string(const char *text);
struct mp_json *mp_json_integer(int64_t value);
struct mp_json *mp_json_boolean(bool value);
struct mp_json *mp_json_copy(const struct mp_json *json);

/* A NULL value is ignored, so that a failed mp_json_string leaves the member out. */
void mp_json_set_take(struct mp_json *object, const char *key, struct mp_json *value);
void mp_json_push_take(struct mp_json *array, struct mp_json *value);
void mp_json_set_string(struct mp_json *object, const char *key, const char *text);
void mp_json_set_integer(struct mp_json *object, const char *key, int64_t value);
void mp_json_set_boolean(struct mp_json *object, const char *key, bool value);
/* Every string of @list as an array of strings. */
struct mp_json *mp_json_from_strv(const struct mp_strv *list);
void mp_json_remove(struct mp_json *object, const char *key);

/* Text, owned by the caller. Members keep the order in which they were set. */
char *mp_json_dump(const struct mp_json *json);        /* one line, no spaces */
char *mp_json_dump_pretty(const struct mp_json *json); /* indented by two, ends in a newline */

/* Members: NULL where @object is no object, or the member is absent or null. */
struct mp_json *mp_json_get(const struct mp_json *object, const char *key);

/*
 * Typed members. Absent and null leave *out untouched; another type is MP_E_FORMAT naming @key.
 * A string is borrowed from @object.
 */
MP_MUST_USE int mp_json_get_string(const struct mp_json *object, const char *key, const char **out,
				   struct mp_error *err);
/* The same as a copy that the caller frees; an empty string is as good as none. */
MP_MUST_USE int mp_json_copy_string(const struct mp_json *object, const char *key, char **out,
				    struct mp_error *err);
MP_MUST_USE int mp_json_get_integer(const struct mp_json *object, const char *key, int64_t *out,
				    struct mp_error *err);
MP_MUST_USE int mp_json_get_boolean(const struct mp_json *object, const char *key, bool *out,
				    struct mp_error *err);
MP_MUST_USE int mp_json_get_object(const struct mp_json *object, const char *key,
				   const struct mp_json **out, struct mp_error *err);
MP_MUST_USE int mp_json_get_array(const struct mp_json *object, const char *key,
				  const struct mp_json **out, struct mp_error *err);
/* Appends the member's strings to @list. */
MP_MUST_USE int mp_json_get_strv(const struct mp_json *object, const char *key,
				 struct mp_strv *list, struct mp_error *err);

/* The member's integers, in an array that the caller frees: not NULL where there is one. */
MP_MUST_USE int mp_json_get_integers(const struct mp_json *object, const char *key, int64_t **out,
				     size_t *n_out, struct mp_error *err);

/* The text of a string value, or NULL when @json is none. */
const char *mp_json_text(const struct mp_json *json);
bool mp_json_is_object(const struct mp_json *json);

/* Arrays (0 and NULL for anything else). */
size_t mp_json_len(const struct mp_json *array);
struct mp_json *mp_json_at(const struct mp_json *array, size_t index);

/* Appends the keys of @object (none where it is no object) to @keys, in the order of the document.
 */
void mp_json_keys(const struct mp_json *object, struct mp_strv *keys);

#endif
