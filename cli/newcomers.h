/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CLI_NEWCOMERS_H
#define MP_CLI_NEWCOMERS_H

#include "cli/outputs.h"
#include "engine/engine.h"

/*
 * What is to be said of each container that begins while a session is open: the trace of its image,
 * or nothing. The session's thread asks, through a connection to the engine of its own; everything
 * else is for the main thread.
 */
struct mp_newcomers;

/* Connects. @outputs is borrowed; their sinks are looked at after _ready. */
MP_MUST_USE int mp_newcomers_open(const struct mp_outputs *outputs,
				  struct mp_newcomers **newcomers_out, struct mp_error *err);

/* Containers of this image are for the output with that index. */
void mp_newcomers_follow(struct mp_newcomers *newcomers, const char *image_id, size_t output);

/* This container is for the output with that index, or of no interest (-1): the engine need not be
 * asked. */
void mp_newcomers_know(struct mp_newcomers *newcomers, const char *id, int output);
/* Whether that has been said, or asked for, of container @id. */
bool mp_newcomers_are_known(struct mp_newcomers *newcomers, const char *id);

/* From now on questions are answered; before, they wait. */
void mp_newcomers_ready(struct mp_newcomers *newcomers);
/* From now on every answer is no: call it before the session is freed. */
void mp_newcomers_close(struct mp_newcomers *newcomers);

/* mp_session_options.new_container; @newcomers: the struct. */
int mp_newcomers_answer(const char *id, void *newcomers);

/* After the session. */
void mp_newcomers_freep(struct mp_newcomers **newcomers);

#endif
