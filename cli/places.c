/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/places.h"

#include "core/file.h"
#include "core/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct mp_known_place {
	struct mp_place place;
	char *key;  /* the directory as it really is, and the name */
	char *real; /* where links lead, for what is read; NULL: the same, or not there */
};

/* A link that is written is replaced, so that the last name is not followed. */
static char *key_of(const char *path)
{
	MP_AUTO(mp_freep) char *directory = mp_path_directory(path);
	MP_AUTO(mp_freep) char *real = realpath(directory, NULL);

	return mp_path_join(real ? real : directory, mp_path_base(path));
}

int mp_place_check_writable(const char *path, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *parent = mp_path_directory(path);
	/* With a slash, so that it must be a directory. */
	MP_AUTO(mp_freep) char *directory = mp_xasprintf("%s/", parent);
	bool in_place = mp_outfile_is_in_place(path);
	struct stat st;

	if (!path[0])
		return mp_error_set(err, MP_E_USAGE, ENOENT, "create '%s'", path);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return mp_error_set(err, MP_E_USAGE, EISDIR, "create '%s'", path);
	if (faccessat(AT_FDCWD, in_place ? path : directory, W_OK, AT_EACCESS) < 0)
		return mp_error_set(err, MP_E_USAGE, errno, "create '%s'", path);
	return 0;
}

static bool is_same(const struct mp_known_place *a, const struct mp_known_place *b)
{
	return strcmp(a->key, b->key) == 0 || (a->real && strcmp(a->real, b->key) == 0) ||
	       (b->real && strcmp(b->real, a->key) == 0);
}

static bool exclude_each_other(enum mp_place_use a, enum mp_place_use b)
{
	return a != b || a == MP_PLACE_WRITTEN;
}

int mp_places_add(struct mp_places *places, struct mp_place place, struct mp_error *err)
{
	struct mp_known_place *known;

	if (!place.path)
		return 0;
	if (place.use == MP_PLACE_WRITTEN && mp_place_check_writable(place.path, err))
		return -1;
	/* What is no regular file takes what is written, as often as one likes. */
	if (mp_outfile_is_in_place(place.path))
		return 0;
	places->v = mp_array_grow(places->v, places->n, &places->cap, sizeof(*places->v));
	known = &places->v[places->n++];
	*known = (struct mp_known_place){ .place = place, .key = key_of(place.path) };
	if (place.use == MP_PLACE_READ)
		known->real = realpath(place.path, NULL);
	for (size_t i = 0; i + 1 < places->n; i++) {
		const struct mp_place *other = &places->v[i].place;

		if (is_same(&places->v[i], known) && exclude_each_other(other->use, place.use))
			return mp_error_set(err, MP_E_USAGE, 0,
					    "%s '%s' and %s '%s' are the same place", other->what,
					    other->text, place.what, place.text);
	}
	return 0;
}

void mp_places_free(struct mp_places *places)
{
	for (size_t i = 0; i < places->n; i++) {
		mp_freep(&places->v[i].key);
		mp_freep(&places->v[i].real);
	}
	mp_freep(&places->v);
	*places = (struct mp_places){ 0 };
}

int mp_places_check(const char *what, const char *input, const char *output, struct mp_error *err)
{
	MP_AUTO(mp_places_free) struct mp_places places = { 0 };
	const struct mp_place read = { MP_PLACE_READ, what, input, input };
	const struct mp_place written = { MP_PLACE_WRITTEN, "-o", output, output };

	if (mp_places_add(&places, read, err))
		return -1;
	return mp_places_add(&places, written, err);
}
