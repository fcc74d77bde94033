/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TRACER_RUNNING_H
#define MP_TRACER_RUNNING_H

#include "tracer/session.h"

#include <stddef.h>

/* What runs already, and is to be followed. One of the members, but for main_pid. */
struct mp_running {
	const char *container_id; /* the processes of this container */
	pid_t main_pid; /* with it: only this one and its descendants; 0: what has entered too */
	const char *cgroup; /* those in this control group and below */
	pid_t pid;          /* this one and its descendants */
};

/*
 * Follows all of it at once, and adds what it has in use to the trace of @sink. What it starts
 * meanwhile is followed as its child: add a container or a control group to the session before, so
 * that what enters it is followed as well. *n_out: processes that were found; 0 where all have
 * ended. MP_E_TRACE: not from here, and why.
 */
MP_MUST_USE int mp_session_attach(struct mp_session *session, unsigned int sink,
				  const struct mp_running *running, size_t *n_out,
				  struct mp_error *err);

#endif
