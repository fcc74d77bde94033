/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CLI_PLACES_H
#define MP_CLI_PLACES_H

#include "core/buf.h"
#include "core/error.h"

enum mp_place_use {
	MP_PLACE_READ,
	MP_PLACE_WRITTEN,
	MP_PLACE_ADDED_TO, /* a layout: more than one image can go there */
};

/* A file that a command reads or writes. */
struct mp_place {
	enum mp_place_use use;
	const char *what; /* "-o": what names it */
	const char *text; /* what the user has said, for messages */
	const char *path; /* NULL: no file, nothing is done */
};

/* All of them, so that none takes the place of another. Zero-initialised is empty. */
struct mp_places {
	struct mp_known_place *v;
	size_t n, cap;
};

/*
 * Notes @place, whose strings are borrowed until @places is freed. MP_E_USAGE where it is written
 * and is a place that was noted before, whatever it is called, or where no file can be written.
 */
MP_MUST_USE int mp_places_add(struct mp_places *places, struct mp_place place,
			      struct mp_error *err);
void mp_places_free(struct mp_places *places);

/* The same for a command that reads @input, which @what names, and writes @output. Either: NULL. */
MP_MUST_USE int mp_places_check(const char *what, const char *input, const char *output,
				struct mp_error *err);

/* MP_E_USAGE where no file can be written at @path, as far as that can be told beforehand. */
MP_MUST_USE int mp_place_check_writable(const char *path, struct mp_error *err);

#endif
