/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/dlopen_note.h"

#include "core/json.h"

#include <limits.h>
#include <string.h>

/* Of one note, and of one file; the largest in use have about twenty. */
#define DLOPENS_MAX 256
#define SONAMES_MAX 64

void mp_dlopens_free(struct mp_dlopens *dlopens)
{
	for (size_t i = 0; i < dlopens->n; i++)
		mp_strv_free(&dlopens->v[i].sonames);
	mp_freep(&dlopens->v);
	*dlopens = (struct mp_dlopens){ 0 };
}

static int malformed(struct mp_error *err, const char *what)
{
	return mp_error_set(err, MP_E_FORMAT, 0, "%s", what);
}

static int read_priority(const struct mp_json *object, enum mp_dlopen_priority *out,
			 struct mp_error *err)
{
	static const char *const words[] = {
		[MP_DLOPEN_REQUIRED] = "required",
		[MP_DLOPEN_RECOMMENDED] = "recommended",
		[MP_DLOPEN_SUGGESTED] = "suggested",
	};
	const char *word = words[MP_DLOPEN_RECOMMENDED];

	if (mp_json_get_string(object, "priority", &word, err))
		return -1;
	for (size_t i = 0; i < MP_ARRAY_LEN(words); i++) {
		if (strcmp(word, words[i]) != 0)
			continue;
		*out = (enum mp_dlopen_priority)i;
		return 0;
	}
	return mp_error_set(err, MP_E_FORMAT, 0, "'%s' is no priority", word);
}

/* A list of names; the first drafts of the specification had one name. */
static int read_sonames(const struct mp_json *object, struct mp_strv *sonames, struct mp_error *err)
{
	const char *one = mp_json_text(mp_json_get(object, "soname"));

	if (one)
		mp_strv_push(sonames, one);
	else if (mp_json_get_strv(object, "soname", sonames, err))
		return -1;
	if (sonames->n == 0)
		return malformed(err, "it names no library");
	if (sonames->n > SONAMES_MAX)
		return malformed(err, "it names more than 64 libraries for one feature");
	for (size_t i = 0; i < sonames->n; i++) {
		if (!sonames->v[i][0] || strlen(sonames->v[i]) >= PATH_MAX)
			return malformed(err, "the name of a library is empty or too long");
	}
	return 0;
}

static int read_object(const struct mp_json *object, struct mp_dlopens *found, struct mp_error *err)
{
	struct mp_dlopen *dlopen;

	if (!mp_json_is_object(object))
		return malformed(err, "it is no JSON object, and no array of those");
	if (found->n == DLOPENS_MAX)
		return malformed(err, "it has more than 256 entries");
	found->v = mp_array_grow(found->v, found->n, &found->cap, sizeof(*found->v));
	dlopen = &found->v[found->n++];
	*dlopen = (struct mp_dlopen){ 0 };
	if (read_sonames(object, &dlopen->sonames, err))
		return -1;
	return read_priority(object, &dlopen->priority, err);
}

int mp_dlopen_parse(const char *text, const char *name, struct mp_dlopens *dlopens,
		    struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = mp_json_parse(text, strlen(text), "it", err);
	MP_AUTO(mp_dlopens_free) struct mp_dlopens found = { 0 };
	int rc = json ? 0 : -1;

	if (json && mp_json_is_object(json))
		rc = read_object(json, &found, err);
	else if (json && mp_json_len(json) == 0)
		rc = malformed(err, "it is no JSON object, and no array of those");
	for (size_t i = 0; rc == 0 && i < mp_json_len(json); i++)
		rc = read_object(mp_json_at(json, i), &found, err);
	if (rc)
		return mp_error_prefix(err, "the dlopen note of '%s'", name);
	for (size_t i = 0; i < found.n; i++) {
		dlopens->v =
			mp_array_grow(dlopens->v, dlopens->n, &dlopens->cap, sizeof(*dlopens->v));
		dlopens->v[dlopens->n++] = found.v[i];
		found.v[i].sonames = (struct mp_strv){ 0 };
	}
	return 0;
}
