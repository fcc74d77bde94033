/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TRACER_RECORDER_H
#define MP_TRACER_RECORDER_H

#include "tracer/session.h"

/* Traces being recorded into files: a session and the files of its sinks, as one thing. */
struct mp_recorder;

/* A trace and its file, which is written beside its place and put there at _finish. */
struct mp_recorder_trace {
	const char *path;
	const char *source; /* "container" or "command" */
	const char *image;  /* reference and ID; NULL without an image */
	const char *image_id;
};

/* Arms the tracer. Errors as mp_session_open. */
MP_MUST_USE int mp_recorder_open(const struct mp_session_options *options,
				 struct mp_recorder **recorder_out, struct mp_error *err);

/* Adds a trace, whose sink is *sink_out. Errors are those of creating the file. */
MP_MUST_USE int mp_recorder_add(struct mp_recorder *recorder, const struct mp_recorder_trace *trace,
				unsigned int *sink_out, struct mp_error *err);

/* To add containers and processes to; borrowed. */
struct mp_session *mp_recorder_session(struct mp_recorder *recorder);

/* Disarms, writes the files and puts them in their places, complete or not: the trailers say. */
MP_MUST_USE int mp_recorder_finish(struct mp_recorder *recorder, struct mp_trace_losses *losses_out,
				   struct mp_error *err);

/* Events of a sink, once _finish is over; those that are the same are counted once for each. */
size_t mp_recorder_events(const struct mp_recorder *recorder, unsigned int sink);

/* Without a _finish before, nothing is left of the files. */
void mp_recorder_freep(struct mp_recorder **recorder);

#endif
