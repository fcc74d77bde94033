/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_IMPORT_TASKS_H
#define MP_IMPORT_TASKS_H

#include "core/buf.h"

#include <stdbool.h>

/*
 * The processes and threads of a recording: where each is, what it runs, and which call it is in.
 */

/* Where a task is, as the kernel's fs_struct; threads share it. */
struct mp_task_fs {
	unsigned int refs;
	char *cwd;      /* absolute, seen from outside of any chroot; NULL: not known */
	char *root;     /* of a chroot; NULL: "/" */
	bool lost_root; /* nobody knows what it is */
};

struct mp_task {
	struct mp_task_fs *fs;
	char *exe;        /* what it runs, as it was named; NULL: not known */
	char *pending;    /* the beginning of the call that it is in; NULL: in none */
	bool has_forked;  /* the pending call has given a child already */
	bool alive;       /* its end was not seen yet */
	bool is_prefixed; /* it has a number */
};

struct mp_tasks;
/* @workdir: where the first task is; NULL: not known. */
struct mp_tasks *mp_tasks_new(const char *workdir);
void mp_tasks_freep(struct mp_tasks **tasks);

/* Notes that the line @line tells of @child of @parent, before any task is asked for. */
void mp_tasks_foresee(struct mp_tasks *tasks, size_t line, long parent, long child);

/* The task whose number the line @line begins with; 0: with none. Made where it is new. */
struct mp_task *mp_tasks_at(struct mp_tasks *tasks, size_t line, long pid);

/* @parent's call, whose text is @call, has given @pid; where that is known, nothing happens. */
void mp_tasks_fork(struct mp_tasks *tasks, struct mp_task *parent, long pid, const char *call);

/* The task @pid ends; @heir takes its place where a thread has executed a program. */
void mp_tasks_supersede(struct mp_tasks *tasks, long pid, struct mp_task *heir);
void mp_task_end(struct mp_task *task);

/* Its fs is its own from now on. */
void mp_task_unshare(struct mp_task *task);

/* How many have not ended, those included that were never heard of again. */
size_t mp_tasks_alive(const struct mp_tasks *tasks);

/* Calls @visit for every task that is in a call. */
void mp_tasks_each_pending(struct mp_tasks *tasks,
			   void (*visit)(struct mp_task *task, void *context), void *context);

#endif
