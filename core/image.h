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

void mp_image_freep(struct mp_image **image);

#endif
