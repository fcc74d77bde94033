/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_IMAGE_CONFIG_H
#define MP_CORE_IMAGE_CONFIG_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"

/*
 * What an image says about how it is run: the part of the configuration that the OCI image
 * specification (config.md, "config") and Docker's extensions to it (Healthcheck, OnBuild, Shell)
 * have in common. null, absent and empty are the same thing, as they are to the engine.
 */
struct mp_image_config {
	struct mp_strv env;        /* "NAME=value", in order */
	struct mp_strv entrypoint; /* argv */
	struct mp_strv cmd;        /* argv */
	struct mp_strv shell;      /* argv */
	struct mp_strv onbuild;    /* instructions, in order */
	struct mp_strv exposed;    /* "80/tcp", sorted by number, then by name */
	struct mp_strv volumes;    /* paths, sorted */
	struct mp_strv label_keys; /* sorted; label_values has the same indices */
	struct mp_strv label_values;
	char *working_dir; /* NULL when not set, as the next two */
	char *user;
	char *stop_signal;
	struct mp_strv healthcheck; /* Test: "NONE", or "CMD"/"CMD-SHELL" and its arguments */
	int64_t health_interval_ns; /* 0: the engine's default, as the next four */
	int64_t health_timeout_ns;
	int64_t health_start_period_ns;
	int64_t health_start_interval_ns;
	int64_t health_retries;
};

/*
 * Reads @json: the "Config" object of `docker image inspect` or the "config" object of an OCI image
 * configuration. @config is zero-initialised by the caller and freed by it, also after a failure.
 * MP_E_FORMAT where a member has a wrong type.
 */
MP_MUST_USE int mp_image_config_read(struct mp_image_config *config, const struct mp_json *json,
				     struct mp_error *err);

/* The value of the environment variable @name, borrowed; NULL when it is not set. */
const char *mp_image_config_getenv(const struct mp_image_config *config, const char *name);

void mp_image_config_free(struct mp_image_config *config);

#endif
