/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/calls.h"

#include <string.h>

#define W MP_TRACE_WRITE
#define C MP_TRACE_CREATE
#define N MP_TRACE_NOFOLLOW

/* kind, op, flags, then the arguments that are dirfd, path and how; of a second path the same but
 * for how */
#define ONE(kind, op, flags, dirfd, path, how)                                                     \
	MP_SYSCALL_##kind, MP_OP_##op, flags, dirfd, path, how,                                    \
	{                                                                                          \
		0                                                                                  \
	}
#define TWO(op, flags, dirfd, path, how, op2, flags2, dirfd2, path2)                               \
	MP_SYSCALL_NAMES, MP_OP_##op, flags, dirfd, path, how,                                     \
	{                                                                                          \
		MP_OP_##op2, flags2, dirfd2, path2                                                 \
	}
#define NONE(kind) ONE(kind, OTHER, 0, -1, -1, -1)

/* What each means is as in tracer/calls.c. */
static const struct mp_traced_call known_calls[] = {
	{ "open", ONE(OPENS, OPEN, 0, -1, 0, 1) },
	{ "openat", ONE(OPENS, OPEN, 0, 0, 1, 2) },
	{ "openat2", ONE(OPENS, OPEN, 0, 0, 1, 2) },
	{ "creat", ONE(OPENS, OPEN, W | C, -1, 0, -1) },
	{ "execve", ONE(EXECS, EXEC, 0, -1, 0, -1) },
	{ "execveat", ONE(EXECS, EXEC, 0, 0, 1, 4) },
	{ "stat", ONE(NAMES, STAT, 0, -1, 0, -1) },
	{ "stat64", ONE(NAMES, STAT, 0, -1, 0, -1) },
	{ "lstat", ONE(NAMES, STAT, N, -1, 0, -1) },
	{ "lstat64", ONE(NAMES, STAT, N, -1, 0, -1) },
	{ "oldstat", ONE(NAMES, STAT, 0, -1, 0, -1) },
	{ "oldlstat", ONE(NAMES, STAT, N, -1, 0, -1) },
	{ "newfstatat", ONE(NAMES, STAT, 0, 0, 1, 3) },
	{ "fstatat64", ONE(NAMES, STAT, 0, 0, 1, 3) },
	{ "statx", ONE(NAMES, STAT, 0, 0, 1, 2) },
	{ "statfs", ONE(NAMES, STAT, 0, -1, 0, -1) },
	{ "statfs64", ONE(NAMES, STAT, 0, -1, 0, -1) },
	{ "access", ONE(NAMES, ACCESS, 0, -1, 0, -1) },
	{ "faccessat", ONE(NAMES, ACCESS, 0, 0, 1, -1) },
	{ "faccessat2", ONE(NAMES, ACCESS, 0, 0, 1, 3) },
	{ "readlink", ONE(NAMES, READLINK, N, -1, 0, -1) },
	{ "readlinkat", ONE(NAMES, READLINK, N, 0, 1, -1) },
	{ "chdir", ONE(CHDIRS, CHDIR, 0, -1, 0, -1) },
	{ "chroot", ONE(CHROOTS, CHDIR, 0, -1, 0, -1) },
	{ "mkdir", ONE(NAMES, CREATE, C, -1, 0, -1) },
	{ "mkdirat", ONE(NAMES, CREATE, C, 0, 1, -1) },
	{ "mknod", ONE(NAMES, CREATE, C, -1, 0, -1) },
	{ "mknodat", ONE(NAMES, CREATE, C, 0, 1, -1) },
	{ "symlink", ONE(NAMES, CREATE, C | N, -1, 1, -1) },
	{ "symlinkat", ONE(NAMES, CREATE, C | N, 1, 2, -1) },
	{ "link", TWO(OTHER, N, -1, 0, -1, CREATE, C | N, -1, 1) },
	{ "linkat", TWO(OTHER, 0, 0, 1, 4, CREATE, C | N, 2, 3) },
	{ "rename", TWO(REMOVE, W | N, -1, 0, -1, CREATE, C | N, -1, 1) },
	{ "renameat", TWO(REMOVE, W | N, 0, 1, -1, CREATE, C | N, 2, 3) },
	{ "renameat2", TWO(REMOVE, W | N, 0, 1, -1, CREATE, C | N, 2, 3) },
	{ "unlink", ONE(NAMES, REMOVE, W | N, -1, 0, -1) },
	{ "rmdir", ONE(NAMES, REMOVE, W | N, -1, 0, -1) },
	{ "unlinkat", ONE(NAMES, REMOVE, W | N, 0, 1, -1) },
	{ "chmod", ONE(NAMES, ATTR, W, -1, 0, -1) },
	{ "fchmodat", ONE(NAMES, ATTR, W, 0, 1, -1) },
	{ "fchmodat2", ONE(NAMES, ATTR, W, 0, 1, 3) },
	{ "chown", ONE(NAMES, ATTR, W, -1, 0, -1) },
	{ "chown32", ONE(NAMES, ATTR, W, -1, 0, -1) },
	{ "lchown", ONE(NAMES, ATTR, W | N, -1, 0, -1) },
	{ "lchown32", ONE(NAMES, ATTR, W | N, -1, 0, -1) },
	{ "fchownat", ONE(NAMES, ATTR, W, 0, 1, 4) },
	{ "utime", ONE(NAMES, ATTR, W, -1, 0, -1) },
	{ "utimes", ONE(NAMES, ATTR, W, -1, 0, -1) },
	{ "futimesat", ONE(NAMES, ATTR, W, 0, 1, -1) },
	{ "utimensat", ONE(NAMES, ATTR, W, 0, 1, 3) },
	{ "utimensat_time64", ONE(NAMES, ATTR, W, 0, 1, 3) },
	{ "truncate", ONE(NAMES, ATTR, W, -1, 0, -1) },
	{ "truncate64", ONE(NAMES, ATTR, W, -1, 0, -1) },
	{ "setxattr", ONE(NAMES, ATTR, W, -1, 0, -1) },
	{ "lsetxattr", ONE(NAMES, ATTR, W | N, -1, 0, -1) },
	{ "getxattr", ONE(NAMES, ATTR, 0, -1, 0, -1) },
	{ "lgetxattr", ONE(NAMES, ATTR, N, -1, 0, -1) },
	{ "listxattr", ONE(NAMES, ATTR, 0, -1, 0, -1) },
	{ "llistxattr", ONE(NAMES, ATTR, N, -1, 0, -1) },
	{ "removexattr", ONE(NAMES, ATTR, W, -1, 0, -1) },
	{ "lremovexattr", ONE(NAMES, ATTR, W | N, -1, 0, -1) },
	{ "setxattrat", ONE(NAMES, ATTR, W, 0, 1, 2) },
	{ "getxattrat", ONE(NAMES, ATTR, 0, 0, 1, 2) },
	{ "listxattrat", ONE(NAMES, ATTR, 0, 0, 1, 2) },
	{ "removexattrat", ONE(NAMES, ATTR, W, 0, 1, 2) },
	{ "file_getattr", ONE(NAMES, ATTR, 0, 0, 1, 4) },
	{ "file_setattr", ONE(NAMES, ATTR, W, 0, 1, 4) },
	{ "connect", ONE(SOCKETS, SOCKET, 0, -1, 1, -1) },
	{ "bind", ONE(SOCKETS, SOCKET, C, -1, 1, -1) },
	{ "inotify_add_watch", ONE(NAMES, OTHER, 0, -1, 1, -1) },
	{ "name_to_handle_at", ONE(NAMES, OTHER, 0, 0, 1, -1) },
	{ "uselib", ONE(NAMES, OTHER, 0, -1, 0, -1) },
	{ "swapon", ONE(NAMES, OTHER, 0, -1, 0, -1) },
	{ "swapoff", ONE(NAMES, OTHER, 0, -1, 0, -1) },
	{ "acct", ONE(NAMES, OTHER, 0, -1, 0, -1) },
	{ "fanotify_mark", ONE(NAMES, OTHER, 0, 3, 4, -1) },
	{ "mount", ONE(NAMES, OTHER, 0, -1, 1, -1) },
	{ "umount", ONE(NAMES, OTHER, 0, -1, 0, -1) },
	{ "umount2", ONE(NAMES, OTHER, 0, -1, 0, -1) },
	{ "open_tree", ONE(NAMES, OTHER, 0, 0, 1, 2) },
	{ "move_mount", TWO(OTHER, 0, 0, 1, -1, OTHER, 0, 2, 3) },
	{ "fspick", ONE(NAMES, OTHER, 0, 0, 1, -1) },
	{ "mount_setattr", ONE(NAMES, OTHER, 0, 0, 1, 2) },
	{ "open_tree_attr", ONE(NAMES, OTHER, 0, 0, 1, 2) },
	{ "fork", NONE(FORKS) },
	{ "vfork", NONE(FORKS) },
	{ "clone", NONE(FORKS) },
	{ "clone2", NONE(FORKS) },
	{ "clone3", NONE(FORKS) },
	{ "getcwd", NONE(GETCWD) },
	{ "fchdir", NONE(FCHDIR) },
	{ "unshare", NONE(UNSHARE) },
	{ "setns", NONE(REROOTS) },
	{ "pivot_root", NONE(REROOTS) },
	{ "getdents", NONE(LISTS) },
	{ "getdents64", NONE(LISTS) },
};

const struct mp_traced_call *mp_traced_call_by_name(const char *name)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(known_calls); i++) {
		if (strcmp(known_calls[i].name, name) == 0)
			return &known_calls[i];
	}
	return NULL;
}
