/* SPDX-License-Identifier: BSD-2-Clause */
#include "tracer/running.h"

#include "tracer/attach.h"
#include "tracer/processes.h"

#include <unistd.h>

/* The trace that events go to. */
struct destination {
	struct mp_session *session;
	unsigned int sink;
};

static void add_event(struct mp_trace_event *event, void *context)
{
	const struct destination *destination = context;

	mp_session_add_event(destination->session, destination->sink, event);
}

static int list(const struct mp_running *running, struct mp_processes *processes,
		struct mp_error *err)
{
	if (running->container_id && running->main_pid == 0)
		return mp_processes_of_container(running->container_id, processes, err);
	if (running->cgroup)
		return mp_processes_of_cgroup(running->cgroup, processes, err);
	return mp_processes_of_tree(running->container_id ? running->main_pid : running->pid,
				    processes, err);
}

static int follow(struct mp_session *session, unsigned int sink, struct mp_attach *attach,
		  pid_t pid, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *exe = NULL;

	/* A tracer that watches itself would see what it sees, for ever. */
	if (pid == getpid())
		return 0;
	if (mp_attach_program(attach, pid, &exe, err))
		return -1;
	return mp_session_follow_running(session, sink, pid, exe, err);
}

int mp_session_attach(struct mp_session *session, unsigned int sink,
		      const struct mp_running *running, size_t *n_out, struct mp_error *err)
{
	MP_AUTO(mp_attach_freep) struct mp_attach *attach = mp_attach_new();
	MP_AUTO(mp_processes_free) struct mp_processes processes = { 0 };
	struct destination destination = { session, sink };
	size_t followed = 0;

	if (mp_processes_check(err))
		return -1;
	/* A child of one that is followed is followed; one that was born before that is listed in
	 * the next turn. */
	do {
		for (; followed < processes.n; followed++) {
			if (follow(session, sink, attach, processes.v[followed], err))
				return -1;
		}
		if (list(running, &processes, err))
			return -1;
	} while (followed < processes.n);
	for (size_t i = 0; i < processes.n; i++) {
		if (processes.v[i] != getpid() &&
		    mp_attach_read(attach, processes.v[i], add_event, &destination, err))
			return -1;
	}
	mp_session_add_truncated(session, mp_attach_truncated(attach));
	*n_out = processes.n;
	return 0;
}
