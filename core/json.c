/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/json.h"

#include <jansson.h>
#include <string.h>

/* struct mp_json is jansson's json_t under a name of ours, so that one file knows the library. */
static json_t *raw(const struct mp_json *json)
{
	return (json_t *)(uintptr_t)json;
}

static struct mp_json *wrap(json_t *json)
{
	return (struct mp_json *)json;
}

struct mp_json *mp_json_parse(const char *text, size_t len, const char *what, struct mp_error *err)
{
	json_error_t detail;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &detail);

	if (!json)
		mp_error_set(err, MP_E_FORMAT, 0, "%s: line %d, column %d: %s", what, detail.line,
			     detail.column, detail.text);
	return wrap(json);
}

void mp_json_freep(struct mp_json **json)
{
	json_decref(raw(*json));
	*json = NULL;
}

struct mp_json *mp_json_object(void)
{
	return wrap(json_object());
}

struct mp_json *mp_json_array(void)
{
	return wrap(json_array());
}

struct mp_json *mp_json_string(const char *text)
{
	return wrap(json_string(text));
}

struct mp_json *mp_json_integer(int64_t value)
{
	return wrap(json_integer(value));
}

struct mp_json *mp_json_boolean(bool value)
{
	return wrap(json_boolean(value));
}

struct mp_json *mp_json_copy(const struct mp_json *json)
{
	return wrap(json_deep_copy(raw(json)));
}

void mp_json_set_take(struct mp_json *object, const char *key, struct mp_json *value)
{
	json_object_set_new(raw(object), key, raw(value));
}

void mp_json_push_take(struct mp_json *array, struct mp_json *value)
{
	json_array_append_new(raw(array), raw(value));
}

void mp_json_set_string(struct mp_json *object, const char *key, const char *text)
{
	if (text)
		mp_json_set_take(object, key, mp_json_string(text));
}

void mp_json_set_integer(struct mp_json *object, const char *key, int64_t value)
{
	mp_json_set_take(object, key, mp_json_integer(value));
}

void mp_json_set_boolean(struct mp_json *object, const char *key, bool value)
{
	mp_json_set_take(object, key, mp_json_boolean(value));
}

struct mp_json *mp_json_from_strv(const struct mp_strv *list)
{
	struct mp_json *array = mp_json_array();

	for (size_t i = 0; i < list->n; i++)
		mp_json_push_take(array, mp_json_string(list->v[i]));
	return array;
}

void mp_json_remove(struct mp_json *object, const char *key)
{
	json_object_del(raw(object), key);
}

static char *dump(const struct mp_json *json, size_t flags, const char *end)
{
	char *text = json_dumps(raw(json), flags | JSON_ENCODE_ANY);
	char *copy = mp_xasprintf("%s%s", text ? text : "null", end);

	mp_freep(&text);
	return copy;
}

char *mp_json_dump(const struct mp_json *json)
{
	return dump(json, JSON_COMPACT, "");
}

char *mp_json_dump_pretty(const struct mp_json *json)
{
	return dump(json, JSON_INDENT(2), "\n");
}

struct mp_json *mp_json_get(const struct mp_json *object, const char *key)
{
	json_t *value = json_object_get(raw(object), key);

	return json_is_null(value) ? NULL : wrap(value);
}

static int wrong_type(const char *key, const char *expected, struct mp_error *err)
{
	return mp_error_set(err, MP_E_FORMAT, 0, "'%s' is not %s", key, expected);
}

int mp_json_get_string(const struct mp_json *object, const char *key, const char **out,
		       struct mp_error *err)
{
	const json_t *value = raw(mp_json_get(object, key));

	if (value && !json_is_string(value))
		return wrong_type(key, "a string", err);
	if (value)
		*out = json_string_value(value);
	return 0;
}

int mp_json_copy_string(const struct mp_json *object, const char *key, char **out,
			struct mp_error *err)
{
	const char *text = NULL;

	if (mp_json_get_string(object, key, &text, err))
		return -1;
	if (text && text[0])
		*out = mp_xstrdup(text);
	return 0;
}

int mp_json_get_integer(const struct mp_json *object, const char *key, int64_t *out,
			struct mp_error *err)
{
	const json_t *value = raw(mp_json_get(object, key));

	if (value && !json_is_integer(value))
		return wrong_type(key, "an integer", err);
	if (value)
		*out = json_integer_value(value);
	return 0;
}

int mp_json_get_boolean(const struct mp_json *object, const char *key, bool *out,
			struct mp_error *err)
{
	const json_t *value = raw(mp_json_get(object, key));

	if (value && !json_is_boolean(value))
		return wrong_type(key, "true or false", err);
	if (value)
		*out = json_is_true(value);
	return 0;
}

int mp_json_get_object(const struct mp_json *object, const char *key, const struct mp_json **out,
		       struct mp_error *err)
{
	const struct mp_json *value = mp_json_get(object, key);

	if (value && !json_is_object(raw(value)))
		return wrong_type(key, "an object", err);
	if (value)
		*out = value;
	return 0;
}

int mp_json_get_array(const struct mp_json *object, const char *key, const struct mp_json **out,
		      struct mp_error *err)
{
	const struct mp_json *value = mp_json_get(object, key);

	if (value && !json_is_array(raw(value)))
		return wrong_type(key, "an array", err);
	if (value)
		*out = value;
	return 0;
}

int mp_json_get_strv(const struct mp_json *object, const char *key, struct mp_strv *list,
		     struct mp_error *err)
{
	const struct mp_json *array = NULL;

	if (mp_json_get_array(object, key, &array, err))
		return -1;
	for (size_t i = 0; i < mp_json_len(array); i++) {
		if (!mp_json_text(mp_json_at(array, i)))
			return wrong_type(key, "an array of strings", err);
	}
	for (size_t i = 0; i < mp_json_len(array); i++)
		mp_strv_push(list, mp_json_text(mp_json_at(array, i)));
	return 0;
}

int mp_json_get_integers(const struct mp_json *object, const char *key, int64_t **out,
			 size_t *n_out, struct mp_error *err)
{
	MP_AUTO(mp_freep) int64_t *integers = NULL;
	const struct mp_json *array = NULL;
	size_t n;

	if (mp_json_get_array(object, key, &array, err))
		return -1;
	if (!array)
		return 0;
	n = mp_json_len(array);
	integers = mp_xcalloc(n + 1, sizeof(*integers));
	for (size_t i = 0; i < n; i++) {
		const json_t *value = raw(mp_json_at(array, i));

		if (!json_is_integer(value))
			return wrong_type(key, "an array of integers", err);
		integers[i] = json_integer_value(value);
	}
	*out = MP_STEAL(integers);
	*n_out = n;
	return 0;
}

const char *mp_json_text(const struct mp_json *json)
{
	return json_string_value(raw(json));
}

bool mp_json_is_object(const struct mp_json *json)
{
	return json_is_object(raw(json));
}

size_t mp_json_len(const struct mp_json *array)
{
	return json_array_size(raw(array));
}

struct mp_json *mp_json_at(const struct mp_json *array, size_t index)
{
	return wrap(json_array_get(raw(array), index));
}

void mp_json_keys(const struct mp_json *object, struct mp_strv *keys)
{
	const char *key;
	json_t *value;

	json_object_foreach (raw(object), key, value)
		mp_strv_push(keys, key);
}
