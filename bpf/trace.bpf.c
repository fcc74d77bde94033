// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Follows containers and processes and reports every path that they name to the kernel.
 *
 * All programs are on tracepoints (Linux 5.8 and later; no kprobes, no LSM hooks):
 *
 *   sched_process_exec  finds a container's processes by their cgroup; reports programs
 *   sched_process_fork  follows children
 *   sched_process_exit  forgets the dead
 *   sys_exit            reports the paths of system calls
 *   io_uring_*          report the paths of requests (uring.h)
 *
 * Paths are read at the exit of a call, when the page with the text is resident (at its entry it
 * may not be, and a page fault is not allowed here).
 *
 * One program for all system calls, and no tracepoint for each that takes a path: what they cost a
 * call that takes none differs by a tenth (`make bench`), as it is the kernel's way to any of them
 * that costs; and the latter do not see 32-bit calls.
 */
#include "bpf/kernel.h"
#include "bpf/event.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define O_ACCMODE 03
#define O_CREAT 0100
#define O_NOFOLLOW_X86 0400000
#define O_NOFOLLOW_ARM64 0100000
#define O_TRUNC 01000
#define O_PATH 010000000
#define RESOLVE_IN_ROOT 0x10
#define FMODE_CREATED 0x100000
#define AT_FDCWD (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_SYMLINK_FOLLOW 0x400
#define AT_EMPTY_PATH 0x1000
#define AF_UNIX 1
#define SUN_PATH_SIZE 108
#define SOL_SOCKET 1
#define SCM_RIGHTS 1
#define SCM_MAX_FD 253
#define BPF_OBJ_PIN_COMMAND 6
#define BPF_OBJ_GET_COMMAND 7
#define MS_BIND 4096
#define MS_MOVE 8192
#define S_IFMT 0170000
#define S_IFDIR 0040000
#define EINTR 4
#define EBADF 9
#define EFAULT 14
#define ERESTARTSYS 512
#define ERESTART_RESTARTBLOCK 516
#define MAX_ERRNO 4095
#define PROC_PREFIX 0x6f72702f /* "/pro", little-endian */

#if defined(__TARGET_ARCH_x86)
#define O_NOFOLLOW O_NOFOLLOW_X86
#else
#define O_NOFOLLOW O_NOFOLLOW_ARM64
#endif

#include "bpf/record.h"
#include "bpf/follow.h"

/* Set by the user side before the program is loaded. */
const volatile struct mp_call calls[MP_CALLS];        /* by call number */
const volatile struct mp_call compat_calls[MP_CALLS]; /* the same for 32-bit calls */

/* Places */

static __always_inline bool place_of_file(struct file *file, struct place *place)
{
	place->dentry = BPF_CORE_READ(file, f_path.dentry);
	place->mnt = BPF_CORE_READ(file, f_path.mnt);
	return place->dentry && place->mnt;
}

/* The open file behind descriptor @fd of the current task, or NULL. */
static __always_inline struct file *file_of(const struct scratch *s, __u64 fd)
{
	struct file *file = 0;

	if (fd < s->n_files)
		bpf_probe_read_kernel(&file, sizeof(file), s->files + fd);
	return file;
}

static __always_inline bool place_of_fd(const struct scratch *s, __u32 fd, struct place *place)
{
	struct file *file = file_of(s, fd);

	return file && place_of_file(file, place);
}

/*
 * Where a path that begins with @first at @dirfd is looked up from. @before: the directories before
 * the call, where it has changed them; else NULL. False: from nowhere.
 */
static __always_inline bool base_of(const struct scratch *s, char first, int dirfd,
				    const struct directories *before, struct place *base)
{
	if (first == '/')
		*base = before ? before->root : s->now.root;
	else if (dirfd == AT_FDCWD)
		*base = before ? before->pwd : s->now.pwd;
	else
		return place_of_fd(s, dirfd, base);
	return true;
}

/* Reports a file that is named by no path: that is where it begins and what was reached. */
static __always_inline void report_place(struct scratch *s, const struct place *place)
{
	s->event.path_len = 0;
	s->base = *place;
	s->real = *place;
	report(s->which);
}

static __always_inline bool report_fd(struct scratch *s, __u32 fd)
{
	struct place place;

	if (!place_of_fd(s, fd, &place))
		return false;
	report_place(s, &place);
	return true;
}

/* Flags, errors, texts */

static __always_inline __u32 open_flags(__u64 how)
{
	__u32 flags = 0;

	if (how & O_PATH)
		flags |= MP_EVENT_LOCATED;
	else if (how & (O_ACCMODE | O_TRUNC))
		flags |= MP_EVENT_WRITE;
	if (how & O_CREAT && !(how & O_PATH))
		flags |= MP_EVENT_CREATE;
	if (how & O_NOFOLLOW)
		flags |= MP_EVENT_NOFOLLOW;
	return flags;
}

/* @flags: those that the call has anyway. */
static __always_inline __u32 path_flags(__u32 flags, __u64 how)
{
	if (how & AT_SYMLINK_NOFOLLOW)
		flags |= MP_EVENT_NOFOLLOW;
	if (how & AT_SYMLINK_FOLLOW)
		flags &= ~MP_EVENT_NOFOLLOW;
	return flags;
}

static __always_inline __s32 error_of(long ret)
{
	if (ret >= 0 || ret < -MAX_ERRNO)
		return 0;
	/* Restarted after a signal, or seen as EINTR by the program. */
	if (ret <= -ERESTARTSYS && ret >= -ERESTART_RESTARTBLOCK)
		return EINTR;
	return -ret;
}

/* Reports the file behind a descriptor that somebody else has opened. */
static __always_inline bool report_opened(struct scratch *s, __u32 fd)
{
	struct file *file = file_of(s, fd);
	struct place place;

	if (!file || !place_of_file(file, &place))
		return false;
	s->event.flags = open_flags(BPF_CORE_READ(file, f_flags));
	report_place(s, &place);
	return true;
}

/* The file behind the descriptor that an open gave. */
static __always_inline void set_opened(struct scratch *s, __u32 fd)
{
	struct file *file = file_of(s, fd);

	if (!file || !place_of_file(file, &s->real)) {
		s->real.dentry = 0; /* closed already, by another thread */
		return;
	}
	if (BPF_CORE_READ(file, f_mode) & FMODE_CREATED)
		s->event.flags |= MP_EVENT_CREATED;
}

/*
 * Puts the path at @text (user memory, at most @room bytes with its NUL), relative to @dirfd, into
 * the event. False: nothing to report, because there is no path, the call itself could not read it,
 * or @dirfd is no file.
 */
static __always_inline bool set_path(struct scratch *s, const char *text, __u32 room, int dirfd,
				     const struct directories *before, long ret)
{
	long len;

	s->event.path_len = 0;
	s->base.dentry = 0;
	if (!text || ret == -EFAULT)
		return false;
	/* The call has read it: it is there, unless another thread unmapped it meanwhile. */
	barrier_var(room);
	len = bpf_probe_read_user_str(s->data, room & (2 * MP_PATH_SIZE - 1), text);
	if (len < 0) {
		count(MP_COUNT_UNREAD);
		return false;
	}
	/*
	 * Longer than PATH_MAX: refused by the call (ENAMETOOLONG). Empty: it names nothing; of
	 * such a text older kernels say 0 instead of 1.
	 */
	if (len > MP_PATH_SIZE || len <= 1)
		return false;
	s->event.path_len = len;
	/* A directory that stands for the root (openat2): absolute paths begin there as well. */
	if (!base_of(s, s->in_root ? 0 : s->data[0], dirfd, before, &s->base)) {
		/* Closed meanwhile by another thread. */
		if (ret != -EBADF)
			count(MP_COUNT_UNREAD);
		return false;
	}
	return true;
}

/*
 * The text of a Unix socket's address of @len bytes; NULL for any other family and for abstract
 * names. *room_out: what it may have with a NUL.
 */
static __always_inline const char *socket_path(const void *address, __u32 len, __u32 *room_out)
{
	struct {
		__u16 family;
		char first;
	} start = {};

	*room_out = len - 2 < SUN_PATH_SIZE ? len - 2 + 1 : SUN_PATH_SIZE + 1;
	if (!address || len < 3 || bpf_probe_read_user(&start, 3, address) ||
	    start.family != AF_UNIX || !start.first)
		return 0;
	return address + 2;
}

#include "bpf/magic.h"
#include "bpf/message.h"
#include "bpf/uring.h"

/* Programs */

/* Puts the text at @text (kernel memory) into the event. */
static __always_inline void set_exec_path(struct scratch *s, const char *text)
{
	long len = bpf_probe_read_kernel_str(s->data, MP_PATH_SIZE, text);

	s->event.path_len = len > 0 ? len : 0;
	if (len <= 0)
		s->event.flags |= MP_EVENT_UNREAD;
	base_of(s, s->data[0], AT_FDCWD, 0, &s->base);
}

#define DEV_FD_LEN 8 /* of "/dev/fd/" */

/*
 * The same for execveat(2): the kernel calls what it was given /dev/fd/N, or /dev/fd/N/PATH, where
 * nothing need be mounted. Where the descriptor is closed by the exec itself, only @program is
 * known.
 */
static __always_inline void set_execveat_path(struct scratch *s, const char *text,
					      const struct place *program)
{
	__u64 number;
	__u32 end;
	long len;

	s->event.path_len = 0;
	s->base = *program;
	bpf_probe_read_kernel_str(s->data, MP_PATH_SIZE, text);
	number = number_at(SCRATCH_EXEC, DEV_FD_LEN);
	end = DEV_FD_LEN + (number >> 32);
	if (!place_of_fd(s, number, &s->base)) {
		s->base = *program;
		return;
	}
	if (!TEXT_HAS(s, end, "/"))
		return;
	len = bpf_probe_read_kernel_str(s->data, MP_PATH_SIZE, text + end + 1);
	s->event.path_len = len > 1 ? len : 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	__u32 tgid = task->tgid;
	struct mp_process *known = bpf_map_lookup_elem(&processes, &tgid);
	struct mp_process process = {};
	struct file *file = BPF_CORE_READ(bprm, file);
	const char *filename = BPF_CORE_READ(bprm, filename);
	const char *interp = BPF_CORE_READ(bprm, interp);
	const char *fdpath = BPF_CORE_READ(bprm, fdpath);
	struct scratch *s = scratch_at(SCRATCH_EXEC);
	struct place program;

	if (known)
		process = *known;
	process.pending = 0;
	if (!s)
		return 0;
	scratch_begin(s, SCRATCH_EXEC, task, &process);
	if ((!known && !adopt(s, task, &process)) || !place_of_file(file, &program))
		return 0;
	scratch_begin(s, SCRATCH_EXEC, task, &process);
	s->event.op = MP_EVENT_OP_EXEC;
	s->event.flags = MP_EVENT_EXECUTED;
	s->event.new_exe_id = mix_place(s, &program, s->mounts);

	if (fdpath && fdpath == filename)
		set_execveat_path(s, filename, &program);
	else
		set_exec_path(s, filename);
	if (interp == filename)
		s->real = program;
	report(SCRATCH_EXEC);
	if (interp != filename) {
		/* That was a script; now the interpreter that runs it. */
		s->event.flags = MP_EVENT_EXECUTED | MP_EVENT_SCRIPT;
		s->event.base_len = 0;
		set_exec_path(s, interp);
		s->real = program;
		report(SCRATCH_EXEC);
	}
	process.exe_id = s->event.new_exe_id;
	put_process(tgid, &process);
	remember(BPF_CORE_READ(task, fs), &s->now);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 parent_tgid = parent->tgid;
	__u32 child_tgid = child->tgid;
	struct mp_process *known, process;
	struct directories now;

	known = bpf_map_lookup_elem(&processes, &parent_tgid);
	if (!known)
		return 0;
	now.root.dentry = child->fs->root.dentry;
	now.root.mnt = child->fs->root.mnt;
	now.pwd.dentry = child->fs->pwd.dentry;
	now.pwd.mnt = child->fs->pwd.mnt;
	remember(child->fs, &now);
	if (parent_tgid == child_tgid)
		return 0; /* a thread */
	process = *known;
	put_process(child_tgid, &process);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	__u32 tgid = task->tgid;

	/* Not before the last thread: do_exit() counts itself out ahead of this tracepoint. */
	if (BPF_CORE_READ(task, signal, live.counter) == 0 &&
	    bpf_map_delete_elem(&processes, &tgid) == 0)
		__sync_fetch_and_add(&generation, 1);
	return 0;
}

/* System calls */

/* The value of the call's argument @index; an absent one (-1) is 0. */
static __always_inline __u64 arg_at(const struct scratch *s, __s8 index)
{
	return s->args[index & 7];
}

static __always_inline int dirfd_at(const struct scratch *s, __s8 index)
{
	return index < 0 ? AT_FDCWD : (int)s->args[index & 7];
}

/* The current task's directories may be others now. */
static __always_inline void remember_now(struct scratch *s)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	remember(BPF_CORE_READ(task, fs), &s->now);
}

/* Calls that name a file by other means than a path; @arg: what mp_call.path_arg says. */
__noinline int report_pathless(__u32 which, __u32 kind, __u64 arg, long ret)
{
	struct scratch *s = scratch_at(which);

	if (!s || ret < 0)
		return 0;
	switch (kind) {
	case MP_CALL_NAMESPACE:
		remember_now(s);
		break;
	case MP_CALL_FCHDIR:
		report_place(s, &s->now.pwd);
		remember_now(s);
		break;
	case MP_CALL_LIST:
		if (!report_fd(s, arg))
			count(MP_COUNT_UNREAD);
		break;
	case MP_CALL_DESCRIPTOR:
		if (!report_opened(s, ret))
			count(MP_COUNT_UNREAD);
		break;
	}
	return 0;
}

/* Messages that came or went; not a case of the above, as functions may be but eight deep. */
static __always_inline void report_messages(struct scratch *s, __u8 kind, __u64 arg, long ret,
					    bool compat)
{
	if (kind == MP_CALL_RECVMSG && ret >= 0)
		report_received(SCRATCH_SYSCALL, arg, compat);
	else if (kind == MP_CALL_RECVMMSG && ret > 0 && is_unix_socket(file_of(s, s->args[0])))
		report_received_many(SCRATCH_SYSCALL, arg, ret, compat);
	else if (kind == MP_CALL_SENDMSG)
		report_sent(SCRATCH_SYSCALL, arg, ret, compat);
	else if (kind == MP_CALL_SENDMMSG && is_unix_socket(file_of(s, s->args[0])))
		report_sent_many(SCRATCH_SYSCALL, arg, ret, compat);
}

static __always_inline bool is_pathless(__u8 kind)
{
	return kind == MP_CALL_NAMESPACE || kind == MP_CALL_FCHDIR || kind == MP_CALL_LIST ||
	       kind == MP_CALL_DESCRIPTOR;
}

static __always_inline bool is_message(__u8 kind)
{
	return kind == MP_CALL_SENDMSG || kind == MP_CALL_SENDMMSG || kind == MP_CALL_RECVMSG ||
	       kind == MP_CALL_RECVMMSG;
}

/* The path in the union bpf_attr at @address: its first member, for the commands that have one. */
static __always_inline const char *object_path(struct scratch *s, __u64 address)
{
	if (s->args[0] != BPF_OBJ_PIN_COMMAND && s->args[0] != BPF_OBJ_GET_COMMAND)
		return 0;
	if (bpf_probe_read_user(s->words, sizeof(s->words[0]), (void *)address))
		return 0;
	return (const char *)s->words[0];
}

/* The text of the call's first path, and how many bytes it may have. */
static __always_inline const char *text_of(struct scratch *s, __u8 kind, __u64 arg, __u64 how,
					   long ret, bool compat, __u32 *room_out)
{
	switch (kind) {
	case MP_CALL_SOCKET:
		return socket_path((void *)arg, how, room_out);
	case MP_CALL_SOCKETCALL:
		return socketcall_path(s, s->args[0], arg, ret, room_out);
	}
	/* One byte more than PATH_MAX, to tell what is too long. */
	*room_out = MP_PATH_SIZE + 1;
	if (kind == MP_CALL_BPF)
		return object_path(s, arg);
	return (const char *)arg;
}

static __always_inline __u32 flags_of(struct scratch *s, __u8 kind, __u32 flags, __u64 how,
				      __u8 nofollow_bit)
{
	if (nofollow_bit)
		return how >> (nofollow_bit & 63) & 1 ? flags | MP_EVENT_NOFOLLOW : flags;
	switch (kind) {
	case MP_CALL_PATH:
	case MP_CALL_EXEC:
		return path_flags(flags, how);
	case MP_CALL_OPENAT2:
		if (bpf_probe_read_user(s->words, 3 * sizeof(s->words[0]), (void *)how))
			return flags;
		s->in_root = s->words[2] & RESOLVE_IN_ROOT;
		return flags | open_flags(s->words[0]);
	case MP_CALL_OPEN:
		return flags | open_flags(how);
	}
	return flags;
}

static __always_inline bool changes_directories(__u8 kind)
{
	return kind == MP_CALL_CHDIR || kind == MP_CALL_CHROOT || kind == MP_CALL_PIVOT;
}

/* What was reached, where the call leaves something to see it by. */
static __always_inline void set_result(struct scratch *s, __u8 kind, long ret)
{
	if (kind == MP_CALL_OPEN || kind == MP_CALL_OPENAT2)
		set_opened(s, ret);
	else if (kind == MP_CALL_CHDIR)
		s->real = s->now.pwd;
	else if (kind == MP_CALL_CHROOT)
		s->real = s->now.root;
	else if (*(__u32 *)s->data == PROC_PREFIX)
		find_magic(s->which, !(s->event.flags & MP_EVENT_NOFOLLOW) ||
					     s->event.op == MP_EVENT_OP_READLINK);
}

/* No path at all: the file is @dirfd's. fstat(2) is no use of a path, by whatever name. */
static __always_inline void report_empty(struct scratch *s, __u8 kind, int dirfd, __u64 how,
					 long ret)
{
	if (kind != MP_CALL_PATH || ret < 0 || !(how & AT_EMPTY_PATH) ||
	    s->event.op == MP_EVENT_OP_STAT)
		return;
	if (dirfd == AT_FDCWD)
		report_place(s, &s->now.pwd);
	else
		report_fd(s, dirfd);
}

/*
 * The first path of a call. @before: the directories before a call that has changed them; NULL
 * where it has not, or where they are not known.
 */
static __always_inline void report_path(struct scratch *s, __u8 kind, const char *text, __u32 room,
					int dirfd, __u64 how, const struct directories *before,
					long ret)
{
	if (!set_path(s, text, room, dirfd, before, ret)) {
		report_empty(s, kind, dirfd, how, ret);
		return;
	}
	if (!s->event.error)
		set_result(s, kind, ret);
	if (s->moved && !before && (kind != MP_CALL_CHDIR || s->data[0] != '/')) {
		/* Where it began is forgotten: a symlink on the way may be lost. */
		count(MP_COUNT_UNREAD);
		s->event.path_len = 0;
		s->base = s->real;
	}
	report(s->which);
}

/* The second path of the call with number @nr. */
__noinline int report_second(__u32 which, __u64 nr, __u32 compat, long ret)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	const struct directories *before = 0;
	struct scratch *s = scratch_at(which);
	__u64 fs = (__u64)BPF_CORE_READ(task, fs);
	const volatile struct mp_call *call;

	if (!s || nr >= MP_CALLS)
		return 0;
	call = compat ? &compat_calls[nr] : &calls[nr];
	if (s->moved)
		before = bpf_map_lookup_elem(&directories, &fs);
	s->event.op = call->second_op;
	s->event.flags = call->second_flags;
	s->event.base_len = 0;
	s->event.real_len = 0;
	s->event.rest = 0;
	s->real.dentry = 0;
	if (set_path(s, (const char *)arg_at(s, call->second_path_arg), MP_PATH_SIZE + 1,
		     dirfd_at(s, call->second_dirfd_arg), before, ret))
		report(which);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_syscall, struct pt_regs *regs, long ret)
{
	__u64 nr = syscall_number(regs), how, arg, fs;
	const struct directories *before = 0;
	const volatile struct mp_call *call;
	const struct mp_process *process;
	struct task_struct *task;
	const char *text;
	struct scratch *s;
	__u32 room;
	bool compat;
	__u8 kind;

	if (nr >= MP_CALLS || !(calls[nr].kind | compat_calls[nr].kind))
		return 0;
	s = scratch_at(SCRATCH_SYSCALL);
	task = current_task();
	process = s ? current_process(s, task) : 0;
	if (!process)
		return 0;
	compat = syscall_is_compat(task);
	call = compat ? &compat_calls[nr] : &calls[nr];
	kind = call->kind;
	if (kind == MP_CALL_NONE || (kind == MP_CALL_EXEC && ret >= 0))
		return 0;
	syscall_args(regs, compat, s->args);
	scratch_begin(s, SCRATCH_SYSCALL, task, process);
	arg = arg_at(s, call->path_arg);
	how = arg_at(s, call->how_arg);
	s->event.op = call->op;
	s->event.error = error_of(ret);
	s->event.flags = flags_of(s, kind, call->flags, how, call->nofollow_bit);
	if (is_pathless(kind)) {
		report_pathless(SCRATCH_SYSCALL, kind, arg, ret);
		return 0;
	}
	if (is_message(kind)) {
		report_messages(s, kind, arg, ret, compat);
		return 0;
	}
	s->moved = changes_directories(kind) && ret == 0;
	if (s->moved) {
		fs = (__u64)BPF_CORE_READ(task, fs);
		before = bpf_map_lookup_elem(&directories, &fs);
	}
	text = text_of(s, kind, arg, how, ret, compat, &room);
	report_path(s, kind, text, room, dirfd_at(s, call->dirfd_arg), how, before, ret);
	/* What is mounted is a path only where it is another part of the tree. */
	if (call->second_path_arg >= 0 && (kind != MP_CALL_MOUNT || how & (MS_BIND | MS_MOVE)))
		report_second(SCRATCH_SYSCALL, nr, compat, ret);
	if (s->moved)
		remember_now(s);
	return 0;
}
