/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_IMAGE_H
#define MP_CORE_IMAGE_H

#include "core/buf.h"
#include "core/image_config.h"
#include "core/json.h"

#include <stdint.h>

/* What is known of an image besides its files, wherever it is kept: an engine, an archive. */
struct mp_image {
	char *reference;    /* as asked for */
	char *id;           /* "sha256:…" */
	char *architecture; /* "" where nothing says, as os and created */
	char *variant;      /* NULL without one */
	char *os;
	char *created; /* RFC 3339 */
	int64_t size_bytes;
	struct mp_json *config_json; /* "Config" of an engine, "config" of an image configuration */
	struct mp_image_config config;
	/*
	 * The directories of an overlay2 image, uppermost first, as the engine names them on its
	 * own host; empty for any other storage driver.
	 */
	struct mp_strv layer_dirs;
};

/*
 * Reads @json, a document about one image: an OCI image configuration (image-spec, config.md), or
 * what `docker image inspect` prints, an array of one object or that object. Without layer_dirs; of
 * an image configuration without id and size_bytes, which it does not say. MP_E_FORMAT naming the
 * member that has a wrong type, or where it is neither. *image_out belongs to the caller.
 */
MP_MUST_USE int mp_image_from_json(const struct mp_json *json, const char *reference,
				   struct mp_image **image_out, struct mp_error *err);

void mp_image_freep(struct mp_image **image);

#endif
