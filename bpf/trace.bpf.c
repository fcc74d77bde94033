// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Follows containers and processes and reports every path that they name to the kernel.
 *
 * Four programs, all on BTF tracepoints (Linux 5.8 and later; no kprobes, no LSM hooks):
 *
 *   sched_process_exec  finds a container's processes by their cgroup; reports programs
 *   sched_process_fork  follows children
 *   sched_process_exit  forgets the dead
 *   sys_exit            reports the paths of system calls
 *
 * Paths are read at the exit of a call, when the page with the text is resident (at its entry it
 * may not be, and a page fault is not allowed here).
 */
#include "bpf/kernel.h"
#include "bpf/event.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define O_ACCMODE 03
#define O_CREAT 0100
#define O_NOFOLLOW_X86 0400000
#define O_NOFOLLOW_ARM64 0100000
#define AT_FDCWD (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AF_UNIX 1
#define S_IFMT 0170000
#define S_IFDIR 0040000
#define EINTR 4
#define EFAULT 14
#define ERESTARTSYS 512
#define ERESTART_RESTARTBLOCK 516
#define MAX_ERRNO 4095

#if defined(__TARGET_ARCH_x86)
#define O_NOFOLLOW O_NOFOLLOW_X86
#else
#define O_NOFOLLOW O_NOFOLLOW_ARM64
#endif

/* Room for base, path and real, each with one name more than fits; a power of two for the verifier.
 */
#define DATA_SIZE 16384
#define DATA_MASK (DATA_SIZE - 1)
#define NAME_SIZE 256

/* Where an event is put together. */
struct scratch {
	struct mp_event event;
	char data[DATA_SIZE + MP_PATH_SIZE + 8]; /* past the mask: what one read may add */
	__u32 which;                             /* its own index */
	__u32 end; /* of the data so far: in memory, or the verifier would follow its every value */
	struct dentry *dentry;         /* where a walk to the root is … */
	struct mount *mount, *ns_root; /* … and where it ends */
	char cgroup_name[1 + NAME_SIZE];
	char id[MP_CONTAINER_ID_LEN];
};

/* One for each program: they may interrupt each other. */
enum { SCRATCH_EXEC, SCRATCH_SYSCALL, SCRATCHES };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCHES);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MP_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* Thread groups that are followed. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct mp_process);
} processes SEC(".maps");

/* Containers to follow, by ID. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, char[MP_CONTAINER_ID_LEN]);
	__type(value, struct mp_target);
} targets SEC(".maps");

/*
 * Keys of events that were delivered. Least recently used keys make room for new ones: then an
 * event may be delivered twice, never lost.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 131072);
	__type(key, __u64);
	__type(value, __u8);
} delivered SEC(".maps");

/* The user side sets the size. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 24);
} events SEC(".maps");

/* Set by the user side before the program is loaded. */
const volatile struct mp_call calls[MP_CALLS];        /* by call number */
const volatile struct mp_call compat_calls[MP_CALLS]; /* the same for 32-bit calls */
const volatile __u32 host_mnt_ns;                     /* inode number of the tracer's own */
const volatile __u32 wakeup_bytes;                    /* wake the reader when this much waits */

static __always_inline void count(__u32 which)
{
	__u64 *counter = bpf_map_lookup_elem(&counters, &which);

	if (counter)
		(*counter)++; /* per CPU, and not preempted by itself */
}

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

/*
 * The functions that are not static are verified once, whoever calls them; for that they take
 * numbers only (Linux 5.8), and find their scratch by its index.
 */

static __always_inline struct scratch *scratch_at(__u32 which)
{
	return bpf_map_lookup_elem(&scratches, &which);
}

/*
 * Loops: the verifier follows a bounded loop turn by turn, and bpf_loop() is only there since Linux
 * 5.17; a program that merely mentions it, even where it would not be reached, is refused before
 * 5.13. So a long loop is one in a function of its own, verified once, called from another loop.
 */

/* One name, or one step from a mount to what it is mounted on. True: that was the last. */
static __always_inline bool walk_step(struct scratch *s, __u32 start, __u32 foreign_flag)
{
	struct dentry *dentry = s->dentry, *parent;
	struct mount *mount = s->mount;
	long len;

	if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
		struct mount *parent_mount = BPF_CORE_READ(mount, mnt_parent);

		if (parent_mount == mount) {
			if (mount != s->ns_root)
				s->event.flags |= foreign_flag;
			return true;
		}
		s->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		s->mount = parent_mount;
		return false;
	}
	parent = BPF_CORE_READ(dentry, d_parent);
	if (parent == dentry) {
		/* The root of a file system of which only a part is mounted. */
		s->event.flags |= foreign_flag;
		return true;
	}
	len = bpf_probe_read_kernel_str(&s->data[s->end & DATA_MASK], NAME_SIZE,
					BPF_CORE_READ(dentry, d_name.name));
	if (len <= 0) {
		s->event.flags |= MP_EVENT_UNREAD;
		return true;
	}
	s->end += len;
	if (s->end - start > MP_PATH_SIZE) {
		s->event.flags |= MP_EVENT_TRUNCATED;
		return true;
	}
	s->dentry = parent;
	return false;
}

#define WALK_STEPS 16

/* The next steps of the walk in the scratch. 1: it is at its end. */
__noinline int walk_steps(__u32 which, __u32 start, __u32 foreign_flag)
{
	struct scratch *s = scratch_at(which);

	if (!s)
		return 1;
	for (int turn = 0; turn < WALK_STEPS; turn++) {
		if (walk_step(s, start, foreign_flag))
			return 1;
	}
	return 0;
}

/*
 * Appends the names from @dentry, which was reached through @mount, up to the root of the mount
 * namespace to the event's data at @off, deepest first. Returns the new offset. Sets
 * MP_EVENT_TRUNCATED or _UNREAD in the event, or @foreign_flag when another root is reached.
 */
__noinline __u32 append_names(__u32 which, __u32 off, __u64 dentry, __u64 mount, __u32 foreign_flag)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct scratch *s = scratch_at(which);

	if (!s)
		return 0;
	s->end = off;
	s->dentry = (void *)dentry;
	s->mount = (void *)mount;
	s->ns_root = BPF_CORE_READ(task, nsproxy, mnt_ns, root);
	for (int turn = 0; turn < MP_PATH_DEPTH / WALK_STEPS; turn++) {
		if (walk_steps(which, off, foreign_flag))
			return s->end;
	}
	s->event.flags |= MP_EVENT_TRUNCATED;
	return s->end;
}

#define HASH_STEPS 32

/* Mixes the next words of the event's data, up to @len, into @value. */
__noinline __u64 hash_steps(__u32 which, __u32 off, __u32 len, __u64 value)
{
	struct scratch *s = scratch_at(which);
	__u64 word;

	if (!s)
		return 0;
	for (int turn = 0; turn < HASH_STEPS && off < len; turn++) {
		__builtin_memcpy(&word, &s->data[off & DATA_MASK], 8);
		if (len - off < 8)
			word &= (1ull << (len - off) * 8) - 1;
		value = (value ^ word) * 0xff51afd7ed558ccdull;
		value ^= value >> 32;
		off += 8;
	}
	return value;
}

/* A strong 64-bit mix of @len bytes of the event's data from its start. */
__noinline __u64 hash_data(__u32 which, __u32 len, __u64 seed)
{
	__u64 value = seed ^ (__u64)len * 0x9e3779b97f4a7c15ull;

	for (__u32 off = 0; off < DATA_SIZE && off < len; off += HASH_STEPS * 8)
		value = hash_steps(which, off, len, value);
	value ^= value >> 33;
	value *= 0xc4ceb9fe1a85ec53ull;
	return value ^ value >> 29;
}

static __always_inline __u64 mix(__u64 h, __u64 word)
{
	h = (h ^ word) * 0xff51afd7ed558ccdull;
	return h ^ h >> 32;
}

/*
 * Delivers the event that was put together, unless an equal one was. Its key is remembered only
 * once it is in the ring buffer, so that a dropped event has another chance. Returns 0.
 */
__noinline int deliver(__u32 which)
{
	struct scratch *s = scratch_at(which);
	__u64 flags = BPF_RB_NO_WAKEUP;
	struct mp_event *event;
	__u8 yes = 1;
	__u64 key;
	__u32 len;

	if (!s)
		return 0;
	event = &s->event;
	len = event->base_len + event->path_len + event->real_len;
	if (len > DATA_SIZE) {
		count(MP_COUNT_UNREAD);
		return 0;
	}
	key = hash_data(which, len, event->exe_id);
	key = mix(key, event->new_exe_id);
	key = mix(key, (__u64)event->session << 32 | (__u32)event->error);
	key = mix(key, (__u64)event->op << 48 | (__u64)event->flags << 32 |
			       (__u64)event->base_len << 16 | event->path_len);
	event->key = key;
	if (bpf_map_lookup_elem(&delivered, &key))
		return 0;
	event->time_ns = bpf_ktime_get_ns();
	if (bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= wakeup_bytes)
		flags = BPF_RB_FORCE_WAKEUP;
	if (bpf_ringbuf_output(&events, s, sizeof(*event) + len, flags)) {
		count(MP_COUNT_DROPPED);
		return 0;
	}
	bpf_map_update_elem(&delivered, &key, &yes, BPF_ANY);
	return 0;
}

static __always_inline struct scratch *scratch_new(__u32 which, const struct mp_process *process)
{
	struct scratch *s = scratch_at(which);

	if (!s)
		return 0;
	s->which = which;
	s->event.exe_id = process->exe_id;
	s->event.new_exe_id = 0;
	s->event.session = process->session;
	s->event.error = 0;
	s->event.flags = 0;
	s->event.base_len = 0;
	s->event.path_len = 0;
	s->event.real_len = 0;
	return s;
}

/* The names of @path become the event's base. */
static __always_inline void set_base(struct scratch *s, const struct path *path)
{
	s->event.base_len =
		append_names(s->which, 0, (__u64)BPF_CORE_READ(path, dentry),
			     (__u64)mount_of(BPF_CORE_READ(path, mnt)), MP_EVENT_BASE_FOREIGN);
}

/* The names of @path become the event's real path; base and path are there already. */
static __always_inline void set_real(struct scratch *s, const struct path *path)
{
	struct dentry *dentry = BPF_CORE_READ(path, dentry);
	__u32 off = s->event.base_len + s->event.path_len;

	s->event.real_len =
		append_names(s->which, off, (__u64)dentry,
			     (__u64)mount_of(BPF_CORE_READ(path, mnt)), MP_EVENT_FOREIGN) -
		off;
	s->event.flags |= MP_EVENT_HAS_REAL;
	if (!BPF_CORE_READ(dentry, d_hash.pprev) && BPF_CORE_READ(dentry, d_parent) != dentry)
		s->event.flags |= MP_EVENT_DELETED;
	if ((BPF_CORE_READ(dentry, d_inode, i_mode) & S_IFMT) == S_IFDIR)
		s->event.flags |= MP_EVENT_DIR;
}

/* The open file behind descriptor @fd of the current task, or NULL. */
static __always_inline struct file *file_of(struct task_struct *task, __u64 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file *file = 0;

	if (fd < BPF_CORE_READ(table, max_fds))
		bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(table, fd) + fd);
	return file;
}

/* Which processes */

/*
 * Whether @cgroup is named for a target: "<id>", "docker-<id>.scope", "libpod-<id>.scope". The ID
 * is left in the scratch.
 */
__noinline int is_target(__u32 which, __u64 cgroup_address)
{
	struct scratch *s = scratch_at(which);
	struct cgroup *cgroup = (void *)cgroup_address;
	long len;

	if (!s)
		return 0;
	/* Behind a dash, so that an ID at the start is as any other. */
	s->cgroup_name[0] = '-';
	len = bpf_probe_read_kernel_str(&s->cgroup_name[1], NAME_SIZE,
					BPF_CORE_READ(cgroup, kn, name));
	for (int i = 0; i < 32; i++) {
		char end = s->cgroup_name[1 + i + MP_CONTAINER_ID_LEN];

		if (i + MP_CONTAINER_ID_LEN >= len)
			break;
		if (s->cgroup_name[i] != '-' || (end && end != '.'))
			continue;
		bpf_probe_read_kernel(s->id, sizeof(s->id), &s->cgroup_name[1 + i]);
		if (bpf_map_lookup_elem(&targets, s->id))
			return 1;
	}
	return 0;
}

/* Looks in @cgroup and its ancestors. */
__noinline int is_below_target(__u32 which, __u64 cgroup_address)
{
	struct scratch *s = scratch_at(which);
	struct cgroup *cgroup = (void *)cgroup_address;

	for (int depth = 0; depth < 8 && cgroup && s; depth++) {
		struct cgroup_subsys_state *parent;

		if (is_target(which, (__u64)cgroup))
			return 1;
		parent = BPF_CORE_READ(cgroup, self.parent);
		cgroup = parent ? BPF_CORE_READ(parent, cgroup) : 0;
	}
	return 0;
}

/* The target in whose cgroup @task is: looked for in the default (v2) hierarchy, then those of v1.
 */
static __always_inline struct mp_target *target_of(struct scratch *s, struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	__u32 n = bpf_core_field_size(set->subsys) / sizeof(void *);
	bool found = is_below_target(s->which, (__u64)BPF_CORE_READ(set, dfl_cgrp));

	for (__u32 i = 0; i < 16; i++) {
		struct cgroup_subsys_state *css = 0;

		if (found || i >= n)
			break;
		bpf_probe_read_kernel(&css, sizeof(css),
				      (void *)set + bpf_core_field_offset(set->subsys) +
					      i * sizeof(css));
		if (css)
			found = is_below_target(s->which, (__u64)BPF_CORE_READ(css, cgroup));
	}
	return found ? bpf_map_lookup_elem(&targets, s->id) : 0;
}

/*
 * Whether @task, which has just executed a program, is to be followed from here on. The engine's
 * runtime executes itself inside of the container's cgroup on some versions, but still in the mount
 * namespace of the host: that is not the container yet.
 */
static __always_inline bool adopt(struct scratch *s, struct task_struct *task,
				  struct mp_process *process)
{
	struct mp_target *target;

	if (BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum) == host_mnt_ns)
		return false;
	target = target_of(s, task);
	if (!target)
		return false;
	/* The first tree is the main process's; the runtime lets no other in before it runs. */
	process->session = target->started;
	target->started = 1;
	return true;
}

/* Puts the text at @text (kernel memory), @base in front where it is relative, into the event. */
static __always_inline void set_exec_path(struct scratch *s, struct fs_struct *fs, const char *text)
{
	char first = 0;
	long len;

	bpf_probe_read_kernel(&first, 1, text);
	set_base(s, first == '/' ? &fs->root : &fs->pwd);
	len = bpf_probe_read_kernel_str(&s->data[s->event.base_len & DATA_MASK], MP_PATH_SIZE,
					text);
	if (len <= 0)
		s->event.flags |= MP_EVENT_UNREAD;
	else
		s->event.path_len = len;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct mp_process *known = bpf_map_lookup_elem(&processes, &tgid);
	struct mp_process process = {};
	struct file *file = BPF_CORE_READ(bprm, file);
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	const char *filename = BPF_CORE_READ(bprm, filename);
	const char *interp = BPF_CORE_READ(bprm, interp);
	struct scratch *s;
	__u64 exe_id;

	if (known)
		process = *known;
	process.pending = 0;
	s = scratch_new(SCRATCH_EXEC, &process);
	if (!s || (!known && !adopt(s, task, &process)))
		return 0;
	s->event.session = process.session;
	s->event.op = 0; /* MP_OP_EXEC */

	/* The program's identity is its real path. */
	set_real(s, &file->f_path);
	exe_id = hash_data(s->which, s->event.real_len, 1);
	s->event.real_len = 0;
	s->event.flags = MP_EVENT_EXECUTED;
	s->event.new_exe_id = exe_id;

	/* execveat(2) with a descriptor alone has no path but the real one. */
	if (BPF_CORE_READ(bprm, fdpath) == filename)
		set_base(s, &file->f_path);
	else
		set_exec_path(s, fs, filename);
	if (interp == filename || BPF_CORE_READ(bprm, fdpath) == filename) {
		set_real(s, &file->f_path);
		deliver(s->which);
	} else {
		/* A script: first itself, then the interpreter that runs it. */
		deliver(s->which);
		s->event.flags = MP_EVENT_EXECUTED | MP_EVENT_SCRIPT;
		s->event.path_len = 0;
		set_exec_path(s, fs, interp);
		set_real(s, &file->f_path);
		deliver(s->which);
	}

	process.exe_id = exe_id;
	if (bpf_map_update_elem(&processes, &tgid, &process, BPF_ANY))
		count(MP_COUNT_UNTRACKED);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 parent_tgid = BPF_CORE_READ(parent, tgid);
	__u32 child_tgid = BPF_CORE_READ(child, tgid);
	struct mp_process *known, process;

	if (parent_tgid == child_tgid)
		return 0; /* a thread */
	known = bpf_map_lookup_elem(&processes, &parent_tgid);
	if (!known)
		return 0;
	process = *known;
	if (bpf_map_update_elem(&processes, &child_tgid, &process, BPF_ANY))
		count(MP_COUNT_UNTRACKED);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);

	/* Not before the last thread: do_exit() counts itself out ahead of this tracepoint. */
	if (BPF_CORE_READ(task, signal, live.counter) == 0)
		bpf_map_delete_elem(&processes, &tgid);
	return 0;
}

/* Which paths */

/* Where a path that begins with @first at @dirfd is looked up from; NULL: from nowhere. */
static __always_inline const struct path *base_of(struct task_struct *task, char first, int dirfd)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct file *file;

	if (first == '/')
		return &fs->root;
	if (dirfd == AT_FDCWD)
		return &fs->pwd;
	file = file_of(task, (__u32)dirfd);
	return file ? &file->f_path : 0;
}

/*
 * Puts the path at @text (user memory), relative to @dirfd, into the event. False: nothing to
 * report, because there is no path, the call itself could not read it, or @dirfd is no file.
 */
static __always_inline bool set_path(struct scratch *s, struct task_struct *task, const char *text,
				     int dirfd, long ret)
{
	const struct path *base;
	char first = 0;
	long len;

	if (!text || ret == -EFAULT)
		return false;
	if (bpf_probe_read_user(&first, 1, text)) {
		count(MP_COUNT_UNREAD);
		return false;
	}
	if (!first)
		return false; /* AT_EMPTY_PATH, or ENOENT */
	base = base_of(task, first, dirfd);
	if (!base)
		return false;
	set_base(s, base);
	if (s->event.base_len > DATA_SIZE - 2 * MP_PATH_SIZE)
		return false;
	/* One byte more than PATH_MAX: what does not fit was refused by the call (ENAMETOOLONG). */
	len = bpf_probe_read_user_str(&s->data[s->event.base_len & DATA_MASK], MP_PATH_SIZE + 1,
				      text);
	if (len <= 0) {
		count(MP_COUNT_UNREAD);
		return false;
	}
	if (len > MP_PATH_SIZE)
		return false;
	s->event.path_len = len;
	return true;
}

/* The text of a Unix socket's address; NULL for any other family and for abstract names. */
static __always_inline const char *socket_path(const void *address)
{
	struct {
		__u16 family;
		char first;
	} start = {};

	if (!address || bpf_probe_read_user(&start, 3, address) || start.family != AF_UNIX ||
	    !start.first)
		return 0;
	return address + 2;
}

/* Flags of the event from the flags of the call. */
static __always_inline __u16 how_flags(__u8 kind, __u64 how)
{
	__u16 flags = 0;

	if (kind == MP_CALL_PATH || kind == MP_CALL_EXEC)
		return how & AT_SYMLINK_NOFOLLOW ? MP_EVENT_NOFOLLOW : 0;
	if (kind == MP_CALL_OPENAT2 && bpf_probe_read_user(&how, sizeof(how), (void *)how))
		return 0;
	if (how & O_ACCMODE)
		flags |= MP_EVENT_WRITE;
	if (how & O_CREAT)
		flags |= MP_EVENT_CREATE;
	if (how & O_NOFOLLOW)
		flags |= MP_EVENT_NOFOLLOW;
	return flags;
}

/* What was reached, where the call leaves something to see it by. */
static __always_inline void set_result(struct scratch *s, struct task_struct *task, __u8 kind,
				       long ret)
{
	if (kind == MP_CALL_OPEN || kind == MP_CALL_OPENAT2) {
		struct file *file = file_of(task, ret);

		if (file)
			set_real(s, &file->f_path);
	} else if (kind == MP_CALL_CHDIR) {
		struct fs_struct *fs = BPF_CORE_READ(task, fs);

		set_real(s, &fs->pwd);
	}
}

/* The value of argument @index (0 to 5); an absent one (-1) reads as @otherwise. */
static __always_inline __u64 arg_at(const __u64 args[6], __s8 index, __u64 otherwise)
{
	switch (index) {
	case 0:
		return args[0];
	case 1:
		return args[1];
	case 2:
		return args[2];
	case 3:
		return args[3];
	case 4:
		return args[4];
	case 5:
		return args[5];
	}
	return otherwise;
}

/*
 * Whether a chdir or chroot has changed what @text was looked up from; only an absolute path of
 * chdir, which leaves the root as it is, can still be put together.
 */
static __always_inline bool base_is_gone(__u8 kind, const char *text, long ret)
{
	char first = 0;

	if (ret != 0 || (kind != MP_CALL_CHDIR && kind != MP_CALL_CHROOT))
		return false;
	return kind == MP_CALL_CHROOT || bpf_probe_read_user(&first, 1, text) || first != '/';
}

/* Then the result is said. */
static __always_inline bool set_changed_directory(struct scratch *s, struct task_struct *task,
						  __u8 kind)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	const struct path *path = kind == MP_CALL_CHDIR ? &fs->pwd : &fs->root;

	set_base(s, path);
	set_real(s, path);
	return true;
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

SEC("tp_btf/sys_exit")
int BPF_PROG(on_syscall, struct pt_regs *regs, long ret)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct mp_process *process = bpf_map_lookup_elem(&processes, &tgid);
	struct task_struct *task;
	const volatile struct mp_call *call;
	struct scratch *s;
	__u64 args[6], nr;
	const char *text;
	bool compat, reported;
	__u8 kind;

	if (!process || process->pending)
		return 0;
	task = (void *)bpf_get_current_task();
	compat = syscall_is_compat(task);
	nr = syscall_number(regs);
	if (nr >= MP_CALLS)
		return 0;
	call = compat ? &compat_calls[nr] : &calls[nr];
	kind = call->kind;
	if (kind == MP_CALL_NONE || (kind == MP_CALL_EXEC && ret >= 0))
		return 0;
	s = scratch_new(SCRATCH_SYSCALL, process);
	if (!s)
		return 0;
	syscall_args(regs, compat, args);
	s->event.op = call->op;
	s->event.error = error_of(ret);
	s->event.flags = call->flags;
	if (call->how_arg >= 0)
		s->event.flags |= how_flags(kind, arg_at(args, call->how_arg, 0));

	text = (const char *)arg_at(args, call->path_arg, 0);
	if (kind == MP_CALL_SOCKET)
		text = socket_path(text);
	if (base_is_gone(kind, text, ret))
		reported = set_changed_directory(s, task, kind);
	else
		reported = set_path(s, task, text, arg_at(args, call->dirfd_arg, AT_FDCWD), ret);
	if (reported) {
		if (!s->event.error)
			set_result(s, task, kind, ret);
		deliver(s->which);
	}

	if (call->second_path_arg < 0)
		return 0;
	s->event.op = call->second_op;
	s->event.flags = call->second_flags;
	s->event.base_len = s->event.path_len = s->event.real_len = 0;
	text = (const char *)arg_at(args, call->second_path_arg, 0);
	if (set_path(s, task, text, arg_at(args, call->second_dirfd_arg, AT_FDCWD), ret))
		deliver(s->which);
	return 0;
}
