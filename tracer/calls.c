/* SPDX-License-Identifier: BSD-2-Clause */
#include "tracer/calls.h"

#include "core/cleanup.h"
#include "core/trace.h"

#include <sys/syscall.h>

/*
 * One line a call: its number here, its number for 32-bit programs (i386, which x86_64 runs; -1: it
 * has none there), and how it names its paths. Numbers:
 * arch/x86/entry/syscalls/syscall_{32,64}.tbl.
 */
struct known_call {
	int number, compat_number;
	struct mp_call call;
};

/* A call that this architecture does not have (arm64 has only the …at forms). */
#define NONE (-1)
#ifdef SYS_open
#define OLD(name) SYS_##name
#else
#define OLD(name) NONE
#endif
#ifdef __x86_64__
#define COMPAT(number) (number)
#else
#define COMPAT(number) NONE
#endif

#define W MP_EVENT_WRITE
#define C MP_EVENT_CREATE
#define N MP_EVENT_NOFOLLOW
#define NO_SECOND 0, 0, -1, -1, 0, 0

/* op, kind, flags, dirfd, path, how */
#define ONE(op, kind, flags, dirfd, path, how)                                                     \
	{                                                                                          \
		op, kind, flags, dirfd, path, how, NO_SECOND                                       \
	}
/* the same without how, then op, flags, dirfd, path of the second path */
#define TWO(op, flags, dirfd, path, op2, flags2, dirfd2, path2)                                    \
	{                                                                                          \
		op, MP_CALL_PATH, flags, dirfd, path, -1, op2, flags2, dirfd2, path2, 0, 0         \
	}
/* nofollow: the bit of argument how that says so */
#define FOLLOWING(op, dirfd, path, how, nofollow)                                                  \
	{                                                                                          \
		op, MP_CALL_PATH, 0, dirfd, path, how, 0, 0, -1, -1, nofollow, 0                   \
	}
#define PATH(op, flags, path) ONE(op, MP_CALL_PATH, flags, -1, path, -1)
#define PATH_AT(op, flags, how) ONE(op, MP_CALL_PATH, flags, 0, 1, how)

static const struct known_call known_calls[] = {
	{ OLD(open), 5, ONE(MP_OP_OPEN, MP_CALL_OPEN, 0, -1, 0, 1) },
	{ SYS_openat, 295, ONE(MP_OP_OPEN, MP_CALL_OPEN, 0, 0, 1, 2) },
	{ 437 /* openat2 */, 437, ONE(MP_OP_OPEN, MP_CALL_OPENAT2, 0, 0, 1, 2) },
	{ OLD(creat), 8, ONE(MP_OP_OPEN, MP_CALL_OPEN, W | C, -1, 0, -1) },

	{ SYS_execve, 11, ONE(MP_OP_EXEC, MP_CALL_EXEC, 0, -1, 0, -1) },
	{ SYS_execveat, 358, ONE(MP_OP_EXEC, MP_CALL_EXEC, 0, 0, 1, 4) },

	{ OLD(stat), 106, PATH(MP_OP_STAT, 0, 0) },
	{ OLD(lstat), 107, PATH(MP_OP_STAT, N, 0) },
	{ NONE, 18 /* oldstat */, PATH(MP_OP_STAT, 0, 0) },
	{ NONE, 84 /* oldlstat */, PATH(MP_OP_STAT, N, 0) },
	{ NONE, 195 /* stat64 */, PATH(MP_OP_STAT, 0, 0) },
	{ NONE, 196 /* lstat64 */, PATH(MP_OP_STAT, N, 0) },
#ifdef SYS_newfstatat
	{ SYS_newfstatat, 300, PATH_AT(MP_OP_STAT, 0, 3) },
#endif
	{ SYS_statx, 383, PATH_AT(MP_OP_STAT, 0, 2) },
	{ SYS_statfs, 99, PATH(MP_OP_STAT, 0, 0) },
	{ NONE, 268 /* statfs64 */, PATH(MP_OP_STAT, 0, 0) },

	{ OLD(access), 33, PATH(MP_OP_ACCESS, 0, 0) },
	{ SYS_faccessat, 307, PATH_AT(MP_OP_ACCESS, 0, -1) },
	{ 439 /* faccessat2 */, 439, PATH_AT(MP_OP_ACCESS, 0, 3) },

	{ OLD(readlink), 85, PATH(MP_OP_READLINK, N, 0) },
	{ SYS_readlinkat, 305, PATH_AT(MP_OP_READLINK, N, -1) },

	{ SYS_chdir, 12, ONE(MP_OP_CHDIR, MP_CALL_CHDIR, 0, -1, 0, -1) },
	{ SYS_fchdir, 133, ONE(MP_OP_CHDIR, MP_CALL_FCHDIR, 0, -1, -1, -1) },
	{ SYS_chroot, 61, ONE(MP_OP_CHDIR, MP_CALL_CHROOT, 0, -1, 0, -1) },

	{ OLD(mkdir), 39, PATH(MP_OP_CREATE, C, 0) },
	{ SYS_mkdirat, 296, PATH_AT(MP_OP_CREATE, C, -1) },
	{ OLD(mknod), 14, PATH(MP_OP_CREATE, C, 0) },
	{ SYS_mknodat, 297, PATH_AT(MP_OP_CREATE, C, -1) },
	{ OLD(symlink), 83, PATH(MP_OP_CREATE, C | N, 1) },
	{ SYS_symlinkat, 304, ONE(MP_OP_CREATE, MP_CALL_PATH, C | N, 1, 2, -1) },
	{ OLD(link), 9, TWO(MP_OP_OTHER, N, -1, 0, MP_OP_CREATE, C | N, -1, 1) },
	{ SYS_linkat,
	  303,
	  { MP_OP_OTHER, MP_CALL_PATH, N, 0, 1, 4, MP_OP_CREATE, C | N, 2, 3, 0, 0 } },
	{ OLD(rename), 38, TWO(MP_OP_REMOVE, W | N, -1, 0, MP_OP_CREATE, C | N, -1, 1) },
#ifdef SYS_renameat
	{ SYS_renameat, 302, TWO(MP_OP_REMOVE, W | N, 0, 1, MP_OP_CREATE, C | N, 2, 3) },
#endif
	{ SYS_renameat2, 353, TWO(MP_OP_REMOVE, W | N, 0, 1, MP_OP_CREATE, C | N, 2, 3) },
	{ OLD(unlink), 10, PATH(MP_OP_REMOVE, W | N, 0) },
	{ OLD(rmdir), 40, PATH(MP_OP_REMOVE, W | N, 0) },
	{ SYS_unlinkat, 301, PATH_AT(MP_OP_REMOVE, W | N, -1) },

	{ OLD(chmod), 15, PATH(MP_OP_ATTR, W, 0) },
	{ SYS_fchmodat, 306, PATH_AT(MP_OP_ATTR, W, -1) },
	{ 452 /* fchmodat2 */, 452, PATH_AT(MP_OP_ATTR, W, 3) },
	{ OLD(chown), 182, PATH(MP_OP_ATTR, W, 0) },
	{ NONE, 212 /* chown32 */, PATH(MP_OP_ATTR, W, 0) },
	{ OLD(lchown), 16, PATH(MP_OP_ATTR, W | N, 0) },
	{ NONE, 198 /* lchown32 */, PATH(MP_OP_ATTR, W | N, 0) },
	{ SYS_fchownat, 298, PATH_AT(MP_OP_ATTR, W, 4) },
	{ OLD(utime), 30, PATH(MP_OP_ATTR, W, 0) },
	{ OLD(utimes), 271, PATH(MP_OP_ATTR, W, 0) },
	{ OLD(futimesat), 299, PATH_AT(MP_OP_ATTR, W, -1) },
	{ SYS_utimensat, 320, PATH_AT(MP_OP_ATTR, W, 3) },
	{ NONE, 412 /* utimensat_time64 */, PATH_AT(MP_OP_ATTR, W, 3) },
	{ SYS_truncate, 92, PATH(MP_OP_ATTR, W, 0) },
	{ NONE, 193 /* truncate64 */, PATH(MP_OP_ATTR, W, 0) },
	{ SYS_setxattr, 226, PATH(MP_OP_ATTR, W, 0) },
	{ SYS_lsetxattr, 227, PATH(MP_OP_ATTR, W | N, 0) },
	{ SYS_getxattr, 229, PATH(MP_OP_ATTR, 0, 0) },
	{ SYS_lgetxattr, 230, PATH(MP_OP_ATTR, N, 0) },
	{ SYS_listxattr, 232, PATH(MP_OP_ATTR, 0, 0) },
	{ SYS_llistxattr, 233, PATH(MP_OP_ATTR, N, 0) },
	{ SYS_removexattr, 235, PATH(MP_OP_ATTR, W, 0) },
	{ SYS_lremovexattr, 236, PATH(MP_OP_ATTR, W | N, 0) },
	{ 463 /* setxattrat */, 463, PATH_AT(MP_OP_ATTR, W, 2) },
	{ 464 /* getxattrat */, 464, PATH_AT(MP_OP_ATTR, 0, 2) },
	{ 465 /* listxattrat */, 465, PATH_AT(MP_OP_ATTR, 0, 2) },
	{ 466 /* removexattrat */, 466, PATH_AT(MP_OP_ATTR, W, 2) },
	{ 468 /* file_getattr */, 468, PATH_AT(MP_OP_ATTR, 0, 4) },
	{ 469 /* file_setattr */, 469, PATH_AT(MP_OP_ATTR, W, 4) },

	/* Directories that are read, and files that come without a path of their own. */
	{ OLD(getdents), 141, ONE(MP_OP_LIST, MP_CALL_LIST, 0, -1, 0, -1) },
	{ SYS_getdents64, 220, ONE(MP_OP_LIST, MP_CALL_LIST, 0, -1, 0, -1) },
	{ NONE, 89 /* readdir */, ONE(MP_OP_LIST, MP_CALL_LIST, 0, -1, 0, -1) },
	{ SYS_open_by_handle_at, 342, ONE(MP_OP_OPEN, MP_CALL_DESCRIPTOR, 0, -1, -1, -1) },
	{ 438 /* pidfd_getfd */, 438, ONE(MP_OP_OPEN, MP_CALL_DESCRIPTOR, 0, -1, -1, -1) },
	{ SYS_recvmsg, 372, ONE(MP_OP_OPEN, MP_CALL_RECVMSG, 0, -1, 1, -1) },
	{ SYS_recvmmsg, 337, ONE(MP_OP_OPEN, MP_CALL_RECVMMSG, 0, -1, 1, -1) },
	{ NONE, 417 /* recvmmsg_time64 */, ONE(MP_OP_OPEN, MP_CALL_RECVMMSG, 0, -1, 1, -1) },

	{ SYS_connect, 362, ONE(MP_OP_SOCKET, MP_CALL_SOCKET, 0, -1, 1, 2) },
	{ SYS_bind, 361, ONE(MP_OP_SOCKET, MP_CALL_SOCKET, C, -1, 1, 2) },
	{ SYS_sendto, 369, ONE(MP_OP_SOCKET, MP_CALL_SOCKET, 0, -1, 4, 5) },
	{ SYS_sendmsg, 370, ONE(MP_OP_SOCKET, MP_CALL_SENDMSG, 0, -1, 1, -1) },
	{ SYS_sendmmsg, 345, ONE(MP_OP_SOCKET, MP_CALL_SENDMMSG, 0, -1, 1, -1) },
	{ NONE, 102 /* socketcall */, ONE(MP_OP_SOCKET, MP_CALL_SOCKETCALL, 0, -1, 1, -1) },

	{ SYS_inotify_add_watch, 292, FOLLOWING(MP_OP_OTHER, -1, 1, 2, 25 /* IN_DONT_FOLLOW */) },
	{ SYS_name_to_handle_at, 341, PATH_AT(MP_OP_OTHER, N, 4) },
	{ OLD(uselib), 86, PATH(MP_OP_OTHER, 0, 0) },
	{ SYS_swapon, 87, PATH(MP_OP_OTHER, 0, 0) },
	{ SYS_swapoff, 115, PATH(MP_OP_OTHER, 0, 0) },
	{ SYS_quotactl, 131, PATH(MP_OP_OTHER, 0, 1) },
	{ SYS_bpf, 357, ONE(MP_OP_OTHER, MP_CALL_BPF, 0, -1, 1, -1) },
	{ SYS_acct, 51, PATH(MP_OP_OTHER, 0, 0) },
	{ SYS_fanotify_mark, NONE, FOLLOWING(MP_OP_OTHER, 3, 4, 1, 2 /* FAN_MARK_DONT_FOLLOW */) },
	{ NONE, 339 /* fanotify_mark */, FOLLOWING(MP_OP_OTHER, 4, 5, 1, 2) },

	/* Of mount, where it is put, and what if it is a path. */
	{ SYS_mount, 21, { MP_OP_OTHER, MP_CALL_MOUNT, 0, -1, 1, 3, MP_OP_OTHER, 0, -1, 0, 0, 0 } },
	{ SYS_umount2, 52, FOLLOWING(MP_OP_OTHER, -1, 0, 1, 3 /* UMOUNT_NOFOLLOW */) },
	{ NONE, 22 /* oldumount */, PATH(MP_OP_OTHER, 0, 0) },
	{ SYS_pivot_root,
	  217,
	  { MP_OP_OTHER, MP_CALL_PIVOT, 0, -1, 0, -1, MP_OP_OTHER, 0, -1, 1, 0, 0 } },
	{ SYS_unshare, 310, ONE(MP_OP_OTHER, MP_CALL_NAMESPACE, 0, -1, -1, -1) },
	{ SYS_setns, 346, ONE(MP_OP_OTHER, MP_CALL_NAMESPACE, 0, -1, -1, -1) },
	{ 428 /* open_tree */, 428, PATH_AT(MP_OP_OTHER, 0, 2) },
	/* Its flags are its own: the first path may be empty, then a descriptor is all there is. */
	{ 429 /* move_mount */, 429, TWO(MP_OP_OTHER, 0, 0, 1, MP_OP_OTHER, 0, 2, 3) },
	{ 433 /* fspick */, 433, PATH_AT(MP_OP_OTHER, 0, -1) },
	{ 442 /* mount_setattr */, 442, PATH_AT(MP_OP_OTHER, 0, 2) },
	{ 467 /* open_tree_attr */, 467, PATH_AT(MP_OP_OTHER, 0, 2) },
};

static void put(struct mp_call *table, int number, const struct mp_call *call)
{
	if (number >= 0 && number < MP_CALLS)
		table[number] = *call;
}

void mp_calls_fill(struct mp_call *calls, struct mp_call *compat_calls)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(known_calls); i++) {
		put(calls, known_calls[i].number, &known_calls[i].call);
		put(compat_calls, COMPAT(known_calls[i].compat_number), &known_calls[i].call);
	}
}
