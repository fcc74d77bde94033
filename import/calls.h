/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_IMPORT_CALLS_H
#define MP_IMPORT_CALLS_H

#include "core/trace.h"

/* What a system call means for the paths of its process. */
enum mp_syscall_kind {
	MP_SYSCALL_NAMES,   /* it names a path, or two */
	MP_SYSCALL_OPENS,   /* the same, with flags of open(2) */
	MP_SYSCALL_EXECS,   /* it runs what it names */
	MP_SYSCALL_CHDIRS,  /* it changes the working directory to it */
	MP_SYSCALL_CHROOTS, /* it changes the root to it */
	MP_SYSCALL_SOCKETS, /* it names a path in the address of a socket */
	/* No path, but to be watched: */
	MP_SYSCALL_FORKS,   /* it returns a child */
	MP_SYSCALL_GETCWD,  /* it says what the working directory is */
	MP_SYSCALL_FCHDIR,  /* it changes that to a descriptor */
	MP_SYSCALL_UNSHARE, /* it may end the sharing of it */
	MP_SYSCALL_REROOTS, /* it may change the root to anything */
	MP_SYSCALL_LISTS,   /* it reads the names in the directory of a descriptor */
};

/* A path among a call's arguments: indices, -1 where there is none. */
struct mp_path_argument {
	enum mp_trace_op op;
	unsigned int flags;
	int dirfd;
	int path;
};

/* A system call by its name in user space. */
struct mp_traced_call {
	const char *name;
	enum mp_syscall_kind kind;
	enum mp_trace_op op; /* of its first path, as the next three */
	unsigned int flags;
	int dirfd;
	int path;
	int how; /* index of the argument with flags: AT_… or O_…; -1: none */
	struct mp_path_argument second; /* .path 0: no second one */
};

/* NULL: a call without interest. */
const struct mp_traced_call *mp_traced_call_by_name(const char *name);

#endif
