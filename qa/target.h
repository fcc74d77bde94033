/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_QA_TARGET_H
#define MP_QA_TARGET_H

#include "engine/engine.h"
#include "qa/qa.h"

/* A running container, as scripts and readiness checks see it. */
struct mp_target_container {
	struct mp_engine *engine; /* borrowed, as the next three */
	const char *id;
	const struct mp_image_config *config;
	const struct mp_qa *qa;
};

/*
 * The environment of SCRIPT and of --ready-cmd: MICROPACK_CONTAINER, MICROPACK_HOST, MICROPACK_PORT
 * (the first port) and MICROPACK_PORT_<n> for each exposed or published port n, besides what is in
 * the environment already. @env_out is zero-initialised and freed by the caller.
 */
MP_MUST_USE int mp_target_environment(const struct mp_target_container *target,
				      struct mp_strv *env_out, struct mp_error *err);

/*
 * Waits until the container is ready: --ready-cmd ends with 0; else its HEALTHCHECK is healthy;
 * else every published TCP port accepts connections; else it runs. Returns 1 when ready, 0 when it
 * will not be (@reason, of @size bytes, says why), -1 on failure.
 */
MP_MUST_USE int mp_ready_wait(const struct mp_target_container *target, char *reason, size_t size,
			      struct mp_error *err);

/* Where a script's output goes. */
enum mp_script_output {
	MP_SCRIPT_PASS,      /* where ours goes */
	MP_SCRIPT_TO_STDERR, /* both streams to our standard error */
	MP_SCRIPT_DROP,
};

/*
 * Runs @argv on the host with @env, its standard input empty. *status_out: its exit status, or 128
 * + the signal that ended it. When a signal ends micropack, its process group is ended first.
 * @deadline_ms: on mp_clock_ms, 0 for none; when it passes, *status_out is -1.
 */
MP_MUST_USE int mp_script_run(char *const argv[], const struct mp_strv *env,
			      enum mp_script_output output, int64_t deadline_ms, int *status_out,
			      struct mp_error *err);

#endif
