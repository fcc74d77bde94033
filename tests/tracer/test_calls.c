/* SPDX-License-Identifier: BSD-2-Clause */
#include "tracer/calls.h"

#include "core/cleanup.h"
#include "core/trace.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/syscall.h>

/* A call of this architecture: its name, and where its paths stand by its manual page. */
struct expected {
	const char *name;
	int number;
	enum mp_trace_op op;
	int dirfd, path, how;          /* -1: none */
	int second_dirfd, second_path; /* -1: none */
};

#define ONE_AT(name, op, dirfd, path, how)                                                         \
	{                                                                                          \
#name, SYS_##name, op, dirfd, path, how, -1, -1                                    \
	}
#define ONE(name, op, path, how) ONE_AT(name, op, -1, path, how)
#define TWO(name, op, dirfd, path, dirfd2, path2)                                                  \
	{                                                                                          \
#name, SYS_##name, op, dirfd, path, -1, dirfd2, path2                              \
	}
/* Calls that Debian 12's headers do not name; since Linux 5.1 a number is for all architectures. */
#define NUMBERED(name, number, op, dirfd, path, how)                                               \
	{                                                                                          \
#name, number, op, dirfd, path, how, -1, -1                                        \
	}

static const struct expected everywhere[] = {
	ONE_AT(openat, MP_OP_OPEN, 0, 1, 2),
	NUMBERED(openat2, 437, MP_OP_OPEN, 0, 1, 2),
	ONE(execve, MP_OP_EXEC, 0, -1),
	ONE_AT(execveat, MP_OP_EXEC, 0, 1, 4),
	ONE_AT(newfstatat, MP_OP_STAT, 0, 1, 3),
	ONE_AT(statx, MP_OP_STAT, 0, 1, 2),
	ONE(statfs, MP_OP_STAT, 0, -1),
	ONE_AT(faccessat, MP_OP_ACCESS, 0, 1, -1),
	NUMBERED(faccessat2, 439, MP_OP_ACCESS, 0, 1, 3),
	ONE_AT(readlinkat, MP_OP_READLINK, 0, 1, -1),
	ONE(chdir, MP_OP_CHDIR, 0, -1),
	ONE(chroot, MP_OP_CHDIR, 0, -1),
	ONE(fchdir, MP_OP_CHDIR, -1, -1),
	ONE(unshare, MP_OP_OTHER, -1, -1),
	ONE(setns, MP_OP_OTHER, -1, -1),
	ONE(getdents64, MP_OP_LIST, 0, -1),
	ONE(open_by_handle_at, MP_OP_OPEN, -1, -1),
	NUMBERED(pidfd_getfd, 438, MP_OP_OPEN, -1, -1, -1),
	ONE(recvmsg, MP_OP_OPEN, 1, -1),
	ONE(recvmmsg, MP_OP_OPEN, 1, -1),
	ONE_AT(mkdirat, MP_OP_CREATE, 0, 1, -1),
	ONE_AT(mknodat, MP_OP_CREATE, 0, 1, -1),
	ONE_AT(symlinkat, MP_OP_CREATE, 1, 2, -1),
	{ "linkat", SYS_linkat, MP_OP_OTHER, 0, 1, 4, 2, 3 },
	TWO(renameat2, MP_OP_REMOVE, 0, 1, 2, 3),
	ONE_AT(unlinkat, MP_OP_REMOVE, 0, 1, -1),
	ONE_AT(fchmodat, MP_OP_ATTR, 0, 1, -1),
	NUMBERED(fchmodat2, 452, MP_OP_ATTR, 0, 1, 3),
	ONE_AT(fchownat, MP_OP_ATTR, 0, 1, 4),
	ONE_AT(utimensat, MP_OP_ATTR, 0, 1, 3),
	ONE(truncate, MP_OP_ATTR, 0, -1),
	ONE(setxattr, MP_OP_ATTR, 0, -1),
	ONE(lsetxattr, MP_OP_ATTR, 0, -1),
	ONE(getxattr, MP_OP_ATTR, 0, -1),
	ONE(lgetxattr, MP_OP_ATTR, 0, -1),
	ONE(listxattr, MP_OP_ATTR, 0, -1),
	ONE(llistxattr, MP_OP_ATTR, 0, -1),
	ONE(removexattr, MP_OP_ATTR, 0, -1),
	ONE(lremovexattr, MP_OP_ATTR, 0, -1),
	NUMBERED(setxattrat, 463, MP_OP_ATTR, 0, 1, 2),
	NUMBERED(getxattrat, 464, MP_OP_ATTR, 0, 1, 2),
	NUMBERED(listxattrat, 465, MP_OP_ATTR, 0, 1, 2),
	NUMBERED(removexattrat, 466, MP_OP_ATTR, 0, 1, 2),
	NUMBERED(file_getattr, 468, MP_OP_ATTR, 0, 1, 4),
	NUMBERED(file_setattr, 469, MP_OP_ATTR, 0, 1, 4),
	ONE(connect, MP_OP_SOCKET, 1, 2),
	ONE(bind, MP_OP_SOCKET, 1, 2),
	ONE(sendto, MP_OP_SOCKET, 4, 5),
	ONE(sendmsg, MP_OP_SOCKET, 1, -1),
	ONE(sendmmsg, MP_OP_SOCKET, 1, -1),
	ONE(inotify_add_watch, MP_OP_OTHER, 1, 2),
	ONE_AT(fanotify_mark, MP_OP_OTHER, 3, 4, 1),
	ONE(quotactl, MP_OP_OTHER, 1, -1),
	ONE(bpf, MP_OP_OTHER, 1, -1),
	ONE_AT(name_to_handle_at, MP_OP_OTHER, 0, 1, 4),
	ONE(swapon, MP_OP_OTHER, 0, -1),
	ONE(swapoff, MP_OP_OTHER, 0, -1),
	ONE(acct, MP_OP_OTHER, 0, -1),
	{ "mount", SYS_mount, MP_OP_OTHER, -1, 1, 3, -1, 0 },
	ONE(umount2, MP_OP_OTHER, 0, 1),
	TWO(pivot_root, MP_OP_OTHER, -1, 0, -1, 1),
	NUMBERED(open_tree, 428, MP_OP_OTHER, 0, 1, 2),
	{ "move_mount", 429, MP_OP_OTHER, 0, 1, -1, 2, 3 },
	NUMBERED(fspick, 433, MP_OP_OTHER, 0, 1, -1),
	NUMBERED(mount_setattr, 442, MP_OP_OTHER, 0, 1, 2),
	NUMBERED(open_tree_attr, 467, MP_OP_OTHER, 0, 1, 2),
#ifdef SYS_open /* arm64 has only the …at forms */
	ONE(getdents, MP_OP_LIST, 0, -1),
	ONE(open, MP_OP_OPEN, 0, 1),
	ONE(creat, MP_OP_OPEN, 0, -1),
	ONE(stat, MP_OP_STAT, 0, -1),
	ONE(lstat, MP_OP_STAT, 0, -1),
	ONE(access, MP_OP_ACCESS, 0, -1),
	ONE(readlink, MP_OP_READLINK, 0, -1),
	ONE(mkdir, MP_OP_CREATE, 0, -1),
	ONE(mknod, MP_OP_CREATE, 0, -1),
	ONE(symlink, MP_OP_CREATE, 1, -1),
	TWO(link, MP_OP_OTHER, -1, 0, -1, 1),
	TWO(rename, MP_OP_REMOVE, -1, 0, -1, 1),
	ONE(unlink, MP_OP_REMOVE, 0, -1),
	ONE(rmdir, MP_OP_REMOVE, 0, -1),
	ONE(chmod, MP_OP_ATTR, 0, -1),
	ONE(chown, MP_OP_ATTR, 0, -1),
	ONE(lchown, MP_OP_ATTR, 0, -1),
	ONE(utime, MP_OP_ATTR, 0, -1),
	ONE(utimes, MP_OP_ATTR, 0, -1),
	ONE_AT(futimesat, MP_OP_ATTR, 0, 1, -1),
	ONE(uselib, MP_OP_OTHER, 0, -1),
#endif
#ifdef SYS_renameat
	TWO(renameat, MP_OP_REMOVE, 0, 1, 2, 3),
#endif
};

static struct mp_call calls[MP_CALLS], compat_calls[MP_CALLS];

static void fill(void)
{
	memset(calls, 0, sizeof(calls));
	memset(compat_calls, 0, sizeof(compat_calls));
	mp_calls_fill(calls, compat_calls);
}

TestSuite(calls, .init = fill);

static void expect_call(const struct mp_call *call, const struct expected *expected)
{
	cr_expect_neq(call->kind, MP_CALL_NONE, "%s is not in the table", expected->name);
	cr_expect_eq((int)call->op, (int)expected->op, "%s: op %d", expected->name, call->op);
	cr_expect_eq(call->dirfd_arg, expected->dirfd, "%s: dirfd is argument %d", expected->name,
		     call->dirfd_arg);
	cr_expect_eq(call->path_arg, expected->path, "%s: the path is argument %d", expected->name,
		     call->path_arg);
	cr_expect_eq(call->how_arg, expected->how, "%s: the flags are argument %d", expected->name,
		     call->how_arg);
	cr_expect_eq(call->second_dirfd_arg, expected->second_dirfd, "%s: second dirfd %d",
		     expected->name, call->second_dirfd_arg);
	cr_expect_eq(call->second_path_arg, expected->second_path, "%s: second path %d",
		     expected->name, call->second_path_arg);
}

Test(calls, every_call_is_there)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(everywhere); i++)
		expect_call(&calls[everywhere[i].number], &everywhere[i]);
}

/* A number that stands in the table by mistake would report arguments that are no paths. */
Test(calls, and_no_other)
{
	for (int number = 0; number < MP_CALLS; number++) {
		bool expected = false;

		for (size_t i = 0; i < MP_ARRAY_LEN(everywhere); i++)
			expected = expected || everywhere[i].number == number;
		cr_expect(expected || calls[number].kind == MP_CALL_NONE,
			  "call number %d is in the table", number);
	}
}

static bool is_pathless(int kind)
{
	return kind == MP_CALL_FCHDIR || kind == MP_CALL_NAMESPACE || kind == MP_CALL_DESCRIPTOR;
}

/* What the kernel side relies on. */
static void expect_sound(const char *which, int number, const struct mp_call *call)
{
	if (call->kind == MP_CALL_NONE)
		return;
	cr_expect(call->kind <= MP_CALL_RECVMMSG, "%s call %d: kind %d", which, number, call->kind);
	cr_expect(call->op < MP_OP_COUNT && call->second_op < MP_OP_COUNT, "%s call %d: op %d, %d",
		  which, number, call->op, call->second_op);
	cr_expect(call->path_arg >= -1 && call->path_arg <= 5, "%s call %d: path %d", which, number,
		  call->path_arg);
	cr_expect(call->path_arg >= 0 || is_pathless(call->kind), "%s call %d: no path", which,
		  number);
	cr_expect(call->dirfd_arg < call->path_arg || call->dirfd_arg < 0,
		  "%s call %d: a dirfd stands before its path", which, number);
	cr_expect(call->how_arg <= 5 && call->second_path_arg <= 5, "%s call %d: argument %d, %d",
		  which, number, call->how_arg, call->second_path_arg);
	cr_expect_eq((call->flags | call->second_flags) &
			     ~(MP_EVENT_WRITE | MP_EVENT_CREATE | MP_EVENT_NOFOLLOW),
		     0, "%s call %d: flags %#x, %#x", which, number, call->flags,
		     call->second_flags);
}

Test(calls, entries_are_sound)
{
	for (int number = 0; number < MP_CALLS; number++) {
		expect_sound("native", number, &calls[number]);
		expect_sound("compat", number, &compat_calls[number]);
	}
}

Test(calls, kinds)
{
	static const struct {
		int number;
		int kind;
	} kinds[] = {
		{ SYS_openat, MP_CALL_OPEN },     { 437 /* openat2 */, MP_CALL_OPENAT2 },
		{ SYS_execve, MP_CALL_EXEC },     { SYS_execveat, MP_CALL_EXEC },
		{ SYS_chdir, MP_CALL_CHDIR },     { SYS_chroot, MP_CALL_CHROOT },
		{ SYS_connect, MP_CALL_SOCKET },  { SYS_bind, MP_CALL_SOCKET },
		{ SYS_statx, MP_CALL_PATH },      { SYS_renameat2, MP_CALL_PATH },
		{ SYS_fchdir, MP_CALL_FCHDIR },   { SYS_read, MP_CALL_NONE },
		{ SYS_mount, MP_CALL_MOUNT },     { SYS_pivot_root, MP_CALL_PIVOT },
		{ SYS_getdents64, MP_CALL_LIST }, { SYS_recvmsg, MP_CALL_RECVMSG },
		{ SYS_setsockopt, MP_CALL_NONE }, { SYS_ftruncate, MP_CALL_NONE },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(kinds); i++)
		cr_expect_eq(calls[kinds[i].number].kind, kinds[i].kind, "call %d: kind %d",
			     kinds[i].number, calls[kinds[i].number].kind);
}

Test(calls, flags)
{
	static const struct {
		int number;
		unsigned int first, second;
	} flags[] = {
		{ SYS_openat, 0, 0 },
		{ SYS_readlinkat, MP_EVENT_NOFOLLOW, 0 },
		{ SYS_mkdirat, MP_EVENT_CREATE, 0 },
		{ SYS_symlinkat, MP_EVENT_CREATE | MP_EVENT_NOFOLLOW, 0 },
		{ SYS_unlinkat, MP_EVENT_WRITE | MP_EVENT_NOFOLLOW, 0 },
		{ SYS_renameat2, MP_EVENT_WRITE | MP_EVENT_NOFOLLOW,
		  MP_EVENT_CREATE | MP_EVENT_NOFOLLOW },
		{ SYS_linkat, MP_EVENT_NOFOLLOW, MP_EVENT_CREATE | MP_EVENT_NOFOLLOW },
		{ SYS_lgetxattr, MP_EVENT_NOFOLLOW, 0 },
		{ SYS_getxattr, 0, 0 },
		{ SYS_fchmodat, MP_EVENT_WRITE, 0 },
#ifdef SYS_open
		{ SYS_creat, MP_EVENT_WRITE | MP_EVENT_CREATE, 0 },
		{ SYS_lstat, MP_EVENT_NOFOLLOW, 0 },
		{ SYS_link, MP_EVENT_NOFOLLOW, MP_EVENT_CREATE | MP_EVENT_NOFOLLOW },
#endif
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(flags); i++) {
		const struct mp_call *call = &calls[flags[i].number];

		cr_expect_eq(call->flags, flags[i].first, "call %d: flags %#x", flags[i].number,
			     call->flags);
		cr_expect_eq(call->second_flags, flags[i].second, "call %d: second flags %#x",
			     flags[i].number, call->second_flags);
	}
}

#ifdef __x86_64__
/* Numbers of arch/x86/entry/syscalls/syscall_32.tbl. */
Test(calls, i386)
{
	static const struct expected sample[] = {
		NUMBERED(open, 5, MP_OP_OPEN, -1, 0, 1),
		NUMBERED(creat, 8, MP_OP_OPEN, -1, 0, -1),
		NUMBERED(execve, 11, MP_OP_EXEC, -1, 0, -1),
		NUMBERED(chdir, 12, MP_OP_CHDIR, -1, 0, -1),
		NUMBERED(access, 33, MP_OP_ACCESS, -1, 0, -1),
		{ "rename", 38, MP_OP_REMOVE, -1, 0, -1, -1, 1 },
		NUMBERED(readlink, 85, MP_OP_READLINK, -1, 0, -1),
		NUMBERED(stat64, 195, MP_OP_STAT, -1, 0, -1),
		NUMBERED(lstat64, 196, MP_OP_STAT, -1, 0, -1),
		NUMBERED(chown32, 212, MP_OP_ATTR, -1, 0, -1),
		NUMBERED(statfs64, 268, MP_OP_STAT, -1, 0, -1),
		NUMBERED(openat, 295, MP_OP_OPEN, 0, 1, 2),
		NUMBERED(fstatat64, 300, MP_OP_STAT, 0, 1, 3),
		NUMBERED(fanotify_mark, 339, MP_OP_OTHER, 4, 5, 1),
		NUMBERED(connect, 362, MP_OP_SOCKET, -1, 1, 2),
		NUMBERED(socketcall, 102, MP_OP_SOCKET, -1, 1, -1),
		NUMBERED(fchdir, 133, MP_OP_CHDIR, -1, -1, -1),
		NUMBERED(getdents, 141, MP_OP_LIST, -1, 0, -1),
		NUMBERED(statx, 383, MP_OP_STAT, 0, 1, 2),
		NUMBERED(utimensat_time64, 412, MP_OP_ATTR, 0, 1, 3),
		NUMBERED(openat2, 437, MP_OP_OPEN, 0, 1, 2),
		NUMBERED(faccessat2, 439, MP_OP_ACCESS, 0, 1, 3),
	};
	/* Numbers of 64-bit calls that are something else there. */
	static const int others[] = { SYS_openat,    SYS_newfstatat, SYS_statx,
				      6 /* close */, 3 /* read */,   197 /* fstat64 */ };

	for (size_t i = 0; i < MP_ARRAY_LEN(sample); i++)
		expect_call(&compat_calls[sample[i].number], &sample[i]);
	for (size_t i = 0; i < MP_ARRAY_LEN(others); i++)
		cr_expect_eq(compat_calls[others[i]].kind, MP_CALL_NONE, "i386 call %d is there",
			     others[i]);
}
#else
Test(calls, no_32_bit_programs)
{
	for (int number = 0; number < MP_CALLS; number++)
		cr_expect_eq(compat_calls[number].kind, MP_CALL_NONE, "32-bit call %d is there",
			     number);
}
#endif
