/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TRACER_SESSION_H
#define MP_TRACER_SESSION_H

#include "core/trace.h"

#include <sys/types.h>

/*
 * One armed tracer, for any number of traces at once, its sinks. While it is open a thread of its
 * own takes records from the kernel and keeps them; _finish makes events of them. Nothing outlives
 * it: the programs go with the process at the latest.
 */
struct mp_session;

/* Answers of new_container that are no sink. */
#define MP_NEW_CONTAINER_IGNORE (-1)
#define MP_NEW_CONTAINER_UNKNOWN (-2) /* what it was cannot be found out: counted as a loss */

struct mp_session_options {
	/* Between kernel and tracer; 0: 4 MiB; else a power of two from 64 KiB to 1 GiB. */
	size_t buffer_bytes;
	/* Leave out what enters a container later: docker exec, health checks. */
	bool main_only;
	/*
	 * Asked, from the session's thread, about every container that begins while the session is
	 * open and was not added, before anything of it is kept: the sink for its events, or one of
	 * the above. NULL: such containers are not followed.
	 */
	int (*new_container)(const char *id, void *context);
	void *context;
};

/*
 * Loads the programs and attaches them. MP_E_TRACE: this host or this user cannot trace, and what
 * to do about it.
 */
MP_MUST_USE int mp_session_open(const struct mp_session_options *options,
				struct mp_session **session_out, struct mp_error *err);

/* Events for this sink go to @trace, which is borrowed, at _finish. Call it before what uses it. */
unsigned int mp_session_add_sink(struct mp_session *session, struct mp_trace *trace);

/*
 * Follows the container with this ID (64 hexadecimal digits), from the next program on that any of
 * its processes executes: from the first where it is not started yet.
 */
MP_MUST_USE int mp_session_add_container(struct mp_session *session, unsigned int sink,
					 const char *id, struct mp_error *err);

/* The same for a control group and those below it: a directory of a cgroup file system, v1 or v2.
 */
MP_MUST_USE int mp_session_add_cgroup(struct mp_session *session, unsigned int sink,
				      const char *path, struct mp_error *err);

/* Follows process @pid, from the program that it executes next. */
MP_MUST_USE int mp_session_add_process(struct mp_session *session, unsigned int sink, pid_t pid,
				       struct mp_error *err);

/*
 * Follows process @pid from now on, unless it is followed already. @exe: its program's path, NULL
 * when not known. Processes that it starts are followed as well.
 */
MP_MUST_USE int mp_session_follow_running(struct mp_session *session, unsigned int sink, pid_t pid,
					  const char *exe, struct mp_error *err);

/* Adds an event that was found by other means; takes its strings. */
void mp_session_add_event(struct mp_session *session, unsigned int sink,
			  struct mp_trace_event *event);

/* Counts paths that were too long to be found by those means. */
void mp_session_add_truncated(struct mp_session *session, uint64_t paths);

/*
 * Detaches, takes what is still there, fills the sinks' traces, and says what was lost: of which
 * trace is not known, so that it counts for each.
 */
MP_MUST_USE int mp_session_finish(struct mp_session *session, struct mp_trace_losses *losses_out,
				  struct mp_error *err);

void mp_session_freep(struct mp_session **session);

#endif
