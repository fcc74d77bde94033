/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TRACER_ATTACH_H
#define MP_TRACER_ATTACH_H

#include "core/trace.h"

#include <sys/types.h>

/*
 * What a process that runs already has in use, read from /proc: its program, the files that it has
 * mapped and open, its working directory, its root where that is another than its mount
 * namespace's. Paths are those of its mount namespace; what is of none of its mounts (a socket, a
 * pipe, memory, a file of another namespace) is no path of it. The events have the flag `attached`
 * and no time. What several processes have alike is told once.
 */
struct mp_attach;

struct mp_attach *mp_attach_new(void);
void mp_attach_freep(struct mp_attach **attach);

/* The path of the program that @pid runs; NULL where it has ended, or the program has no path in
 * its mount namespace. Owned by the caller. */
MP_MUST_USE int mp_attach_program(struct mp_attach *attach, pid_t pid, char **exe_out,
				  struct mp_error *err);

/* Is given each event; takes what it points to. */
typedef void (*mp_attach_found)(struct mp_trace_event *event, void *context);

/*
 * Reads process @pid. Nothing is found where it has ended. MP_E_TRACE: not permitted, and what to
 * do about it.
 */
MP_MUST_USE int mp_attach_read(struct mp_attach *attach, pid_t pid, mp_attach_found found,
			       void *context, struct mp_error *err);

/* Paths so far that were too long for /proc to tell. */
uint64_t mp_attach_truncated(const struct mp_attach *attach);

#endif
