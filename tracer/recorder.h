/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TRACER_RECORDER_H
#define MP_TRACER_RECORDER_H

#include "tracer/session.h"

/* A trace being recorded into a file: a session, its writer and the file, as one thing. */
struct mp_recorder;

struct mp_recorder_options {
	const char *path;   /* of the trace file; written beside, then renamed */
	const char *source; /* "container" or "command" */
	const char *image;  /* reference and ID; NULL without an image */
	const char *image_id;
	struct mp_session_options session;
};

/* Arms the tracer. Errors as mp_session_open, and those of creating the file. */
MP_MUST_USE int mp_recorder_open(const struct mp_recorder_options *options,
				 struct mp_recorder **recorder_out, struct mp_error *err);

/* To add containers and processes to; borrowed. */
struct mp_session *mp_recorder_session(struct mp_recorder *recorder);

/* Disarms, writes the trailer and puts the file in its place, complete or not: the trailer says. */
MP_MUST_USE int mp_recorder_finish(struct mp_recorder *recorder, struct mp_trace_losses *losses_out,
				   struct mp_error *err);

/* Events written so far; all of them after _finish. */
uint64_t mp_recorder_events(const struct mp_recorder *recorder);

/* Without a _finish before, nothing is left of the file. */
void mp_recorder_freep(struct mp_recorder **recorder);

#endif
