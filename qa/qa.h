/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_QA_QA_H
#define MP_QA_QA_H

#include "engine/engine.h"
#include "qa/spec.h"

/*
 * The QA: what is done with a container of an image to see that it does its job. The same for the
 * original image, while it is traced, and for the packed one, as the proof.
 *
 *   with tests   the container is started, waited for until it is ready, SCRIPT runs on the host
 *   with runs    a container for each of them, with those arguments, that ends by itself
 *   with a time  the container is watched that long
 *   else         one container that ends by itself, with exit status 0
 */
struct mp_qa {
	struct mp_run_spec spec;
	char *tests;         /* absolute path of SCRIPT; NULL without */
	struct mp_strv runs; /* arguments, as a shell would split them */
	int64_t watch_ms;    /* 0: not by time */
	char *ready_cmd; /* for /bin/sh -c on the host, 0 means ready; NULL: see mp_ready_wait */
	int64_t ready_timeout_ms;
	unsigned int stop_grace_s; /* between the stop signal and SIGKILL */
	bool output_to_stderr;     /* SCRIPT's standard output too: ours is for a machine */
};

void mp_qa_free(struct mp_qa *qa);

/* What the run tells while it goes on. Members may be NULL. */
struct mp_qa_observer {
	/* A container was created and is not started yet. -1 with @err ends the run. */
	int (*created)(const char *container_id, void *context, struct mp_error *err);
	/* What a container that ended by itself had printed. */
	mp_engine_output output;
	void *context;
};

struct mp_qa_result {
	bool passed;
	char reason[1024]; /* why not */
	int64_t tests_ms;  /* spent in SCRIPT, in waiting for runs to end, in watching */
};

/*
 * Runs @qa on @image. Whether it passed is in *result_out; -1 is for what kept it from running
 * (MP_E_ENGINE, MP_E_INTERRUPTED, …). No container is left behind either way.
 */
MP_MUST_USE int mp_qa_run(const struct mp_qa *qa, struct mp_engine *engine,
			  const struct mp_image *image, const struct mp_qa_observer *observer,
			  struct mp_qa_result *result_out, struct mp_error *err);

#endif
