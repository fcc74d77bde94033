/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TRACER_SESSION_H
#define MP_TRACER_SESSION_H

#include "core/trace.h"

#include <sys/types.h>

/*
 * One armed tracer. While it is open a thread of its own takes events from the kernel and gives
 * them to the writer. Nothing outlives it: the programs go with the process at the latest.
 */
struct mp_session;

struct mp_session_options {
	size_t buffer_bytes; /* between kernel and tracer; 0: 16 MiB; else a power of two >= 64 KiB
			      */
};

/*
 * Loads the programs and attaches them. @writer: borrowed until _finish or _freep; only the
 * session's thread uses it meanwhile. MP_E_TRACE: this host or this user cannot trace, and what to
 * do about it.
 */
MP_MUST_USE int mp_session_open(const struct mp_session_options *options,
				struct mp_trace_writer *writer, struct mp_session **session_out,
				struct mp_error *err);

/* Follows the container with this ID (64 hexadecimal digits), from its first program on. Call it
 * before the container is started. */
MP_MUST_USE int mp_session_add_container(struct mp_session *session, const char *id,
					 struct mp_error *err);

/* Follows process @pid, from the program that it executes next. */
MP_MUST_USE int mp_session_add_process(struct mp_session *session, pid_t pid, struct mp_error *err);

/* Detaches, takes what is still there, and says what was lost. The writer is the caller's again. */
MP_MUST_USE int mp_session_finish(struct mp_session *session, struct mp_trace_losses *losses_out,
				  struct mp_error *err);

void mp_session_freep(struct mp_session **session);

#endif
