/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TRACER_PROCESSES_H
#define MP_TRACER_PROCESSES_H

#include "core/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Processes that run already, as /proc shows them: by thread group ID, each once, in the order in
 * which they were found. Zero-initialised is empty. */
struct mp_processes {
	pid_t *v;
	size_t n, cap;
};

void mp_processes_free(struct mp_processes *processes);
bool mp_processes_have(const struct mp_processes *processes, pid_t pid);

/* -1 with MP_E_TRACE unless /proc shows all processes of this host, with the kernel's own IDs. */
MP_MUST_USE int mp_processes_check(struct mp_error *err);

/*
 * Add those that are not in @processes yet. Something may be started while they look: whoever wants
 * all calls again until nothing is added.
 */

/* In a control group that is named for the container with this ID, or below one. */
MP_MUST_USE int mp_processes_of_container(const char *id, struct mp_processes *processes,
					  struct mp_error *err);
/* In the control group whose directory @path is, or below it; none where it is gone. */
MP_MUST_USE int mp_processes_of_cgroup(const char *path, struct mp_processes *processes,
				       struct mp_error *err);
/* @pid and its descendants; none where it has ended. */
MP_MUST_USE int mp_processes_of_tree(pid_t pid, struct mp_processes *processes,
				     struct mp_error *err);

/* Whether one of the names in the path @cgroup is "<id>", "docker-<id>.scope", … */
bool mp_cgroup_is_of_container(const char *cgroup, const char *id);

#endif
