/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_QA_SPEC_H
#define MP_QA_SPEC_H

#include "core/buf.h"
#include "core/error.h"
#include "core/image_config.h"
#include "core/json.h"

#include <stdbool.h>

/*
 * How containers of a QA run are started: what the user adds to the image's own configuration, with
 * the meaning that the docker command's options of the same names have.
 */
struct mp_run_spec {
	struct mp_strv env;     /* -e NAME=value; a bare NAME was resolved when it was added */
	struct mp_strv volumes; /* -v */
	struct mp_strv mounts;  /* --mount */
	struct mp_strv publish; /* -p */
	struct mp_strv cap_add; /* --cap-add */
	struct mp_strv tmpfs;   /* --tmpfs */
	char *network;          /* --network; NULL: the engine's default */
	char *user;             /* -u */
	char *workdir;          /* -w */
	char *entrypoint;       /* --entrypoint; "" removes the image's own */
	struct mp_strv command; /* what follows "--"; empty: the image's CMD */
};

void mp_run_spec_free(struct mp_run_spec *spec);

/* -e: "NAME=value", or "NAME" for the value it has here (nothing is added when it has none). */
MP_MUST_USE int mp_run_spec_add_env(struct mp_run_spec *spec, const char *text,
				    struct mp_error *err);

/* --env-file: a line each, as for -e; blank lines and lines that begin with '#' are left out. */
MP_MUST_USE int mp_run_spec_add_env_file(struct mp_run_spec *spec, const char *path,
					 struct mp_error *err);

/* Whether containers have a network of their own, so that ports can be published. */
bool mp_run_spec_publishes(const struct mp_run_spec *spec);

/*
 * The body of POST /containers/create for a container of @image_id. Every port that @config exposes
 * is published on a free port of 127.0.0.1 unless the user publishes it. @command replaces the
 * spec's own where it is not NULL. A health check's interval is at most a second, so that a
 * container that becomes healthy is seen soon. MP_E_USAGE for an option with a malformed value. The
 * result belongs to the caller.
 */
MP_MUST_USE int mp_run_spec_to_json(const struct mp_run_spec *spec, const char *image_id,
				    const struct mp_image_config *config,
				    const struct mp_strv *command, struct mp_json **json_out,
				    struct mp_error *err);

#endif
