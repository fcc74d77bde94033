/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef MP_BPF_RECORD_H
#define MP_BPF_RECORD_H

/*
 * How an event is put together, told from those that were delivered, and delivered. Included by
 * trace.bpf.c alone.
 *
 * A helper's call costs some 40 ns where the processor's return is guarded against speculation, so
 * the way to "this was delivered already" has as few as can be: an event is known by the addresses
 * of what it is about, and names are read only for what is new.
 */

/* Room for path, base and real, each with one name more than fits; a power of two for the verifier.
 */
#define DATA_SIZE 16384
#define DATA_MASK (DATA_SIZE - 1)
#define NAME_SIZE 256

/* A file as the kernel knows it. dentry NULL: none. */
struct place {
	struct dentry *dentry;
	struct vfsmount *mnt;
};

/* A process's directories. */
struct directories {
	struct place root, pwd;
};

/* The members that matter of struct msghdr, and of struct cmsghdr. */
struct message {
	__u64 name, name_len, control, control_len;
};

struct control {
	__u64 len;
	__u32 level, type;
};

/* Keys that were delivered from this processor lately, by their low bits. */
#define RECENT 1024

/* Where an event is put together; less than 32 KiB, which is what a per-CPU map takes. */
struct scratch {
	struct mp_event event;
	char data[DATA_SIZE + MP_PATH_SIZE + 8]; /* past the mask: what one read may add */
	__u64 args[8];                           /* of the system call; the last two are 0 */
	__u32 which;                             /* its own index */
	__u32 end; /* of the data so far: in memory, or the verifier would follow its every value */
	struct place base, real;       /* what the event is about */
	struct dentry *dentry;         /* where a walk to the root is … */
	struct mount *mount, *ns_root; /* … and where it ends */
	struct dentry *stop;           /* where a walk within a file system ends */
	struct dentry *mount_root;     /* of the mount that the walk is in */
	struct {
		struct dentry *parent;
		__u64 hash_len;
		const unsigned char *name;
	} link; /* of the dentry of a walk */
	/* The root of the mount that was looked at last; an address alone may be another's by now.
	 */
	struct vfsmount *seen_mnt;
	struct dentry *seen_root;
	__u64 seen_mounts;
	/* Of the current task: its directories, its open files, and mnt_namespace.event. */
	struct directories now;
	struct file **files;
	__u32 n_files;
	bool in_root;                 /* the path's beginning is its root as well */
	struct fs_struct *remembered; /* whose directories were remembered last */
	bool moved; /* by the call that is looked at: what was before is still needed */
	__u64 mounts;
	/* The process that was looked up last. */
	struct mp_process process;
	__u32 process_tgid, process_generation;
	bool process_followed;
	/* What is too much for the stack. */
	struct message message;
	struct control control;
	__u64 words[6];
	__u32 halves[6];
	union mp_target_key target;
	char cgroup_name[1 + NAME_SIZE];
	__u64 recent[RECENT];
};

/* One for each kind of program: they may interrupt each other. */
enum { SCRATCH_EXEC, SCRATCH_SYSCALL, SCRATCH_REQUEST, SCRATCHES };

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

/*
 * Keys of events that were delivered. Least recently used keys make room for new ones: then an
 * event may be delivered twice, never lost.
 *
 * Two different events with the same key would be a loss that nobody counts. Of n keys of 64 well
 * mixed bits the chance that any two are the same is about n²/2^65: for a million 2.7e-8, and as
 * most of these would have to be in the map at the same time, less.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 131072);
	__type(key, __u64);
	__type(value, __u8);
} delivered SEC(".maps");

/*
 * Where a process was before the call that is being looked at: by its fs_struct, which threads
 * share. Calls that change directory have forgotten it when they are seen.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct directories);
} directories SEC(".maps");

/* The user side sets the size. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} events SEC(".maps");

/* Set by the user side before the program is loaded. */
const volatile __u32 wakeup_bytes; /* wake the reader when this much waits */

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
 * Begins an event of @process, whose current task is @task. All that is needed of the task is read
 * here: the verifier takes its time for each such read, along each way to it.
 */
static __always_inline void scratch_begin(struct scratch *s, __u32 which, struct task_struct *task,
					  const struct mp_process *process)
{
	s->which = which;
	s->now.root.dentry = TASK_READ(task, fs, root.dentry);
	s->now.root.mnt = TASK_READ(task, fs, root.mnt);
	s->now.pwd.dentry = TASK_READ(task, fs, pwd.dentry);
	s->now.pwd.mnt = TASK_READ(task, fs, pwd.mnt);
	s->files = TASK_READ(task, files, fdt, fd);
	s->n_files = TASK_READ(task, files, fdt, max_fds);
	s->mounts = TASK_READ(task, nsproxy, mnt_ns, event);
	s->moved = false;
	s->in_root = false;
	s->event.exe_id = process->exe_id;
	s->event.new_exe_id = 0;
	s->event.request = 0;
	s->event.sink = process->sink;
	s->event.session = process->session;
	s->event.error = 0;
	s->event.flags = 0;
	s->event.path_len = 0;
	s->event.base_len = 0;
	s->event.real_len = 0;
	s->event.rest = 0;
	s->base.dentry = 0;
	s->real.dentry = 0;
}

/*
 * Loops: the verifier follows a bounded loop turn by turn, and bpf_loop() is only there since Linux
 * 5.17; a program that merely mentions it, even where it would not be reached, is refused before
 * 5.13. So a long loop is one in a function of its own, verified once, called from another loop.
 */

/* Names */

/* What @dentry is linked by: one read where its members lie together, as they have ever since. */
static __always_inline void read_link(struct scratch *s, struct dentry *dentry)
{
	const __u32 parent = bpf_core_field_offset(struct dentry, d_parent);

	if (bpf_core_field_offset(struct dentry, d_name.hash_len) == parent + 8 &&
	    bpf_core_field_offset(struct dentry, d_name.name) == parent + 16) {
		bpf_probe_read_kernel(&s->link, sizeof(s->link), (void *)dentry + parent);
		return;
	}
	s->link.parent = BPF_CORE_READ(dentry, d_parent);
	s->link.hash_len = BPF_CORE_READ(dentry, d_name.hash_len);
	s->link.name = BPF_CORE_READ(dentry, d_name.name);
}

/* One name, or one step from a mount to what it is mounted on. True: that was the last. */
static __always_inline bool walk_step(struct scratch *s, __u32 start, __u32 foreign_flag)
{
	struct dentry *dentry = s->dentry;
	struct mount *mount = s->mount;
	long len;

	if (dentry == s->stop)
		return true;
	if (!s->stop && dentry == s->mount_root) {
		struct mount *parent_mount = BPF_CORE_READ(mount, mnt_parent);

		if (parent_mount == mount) {
			if (mount != s->ns_root)
				s->event.flags |= foreign_flag;
			return true;
		}
		s->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		s->mount = parent_mount;
		s->mount_root = BPF_CORE_READ(parent_mount, mnt.mnt_root);
		return false;
	}
	read_link(s, dentry);
	if (s->link.parent == dentry) {
		/* The root of a file system of which only a part is mounted. */
		s->event.flags |= foreign_flag;
		return true;
	}
	len = bpf_probe_read_kernel_str(&s->data[s->end & DATA_MASK], NAME_SIZE, s->link.name);
	if (len <= 0) {
		s->event.flags |= MP_EVENT_UNREAD;
		return true;
	}
	s->end += len;
	if (s->end - start > MP_PATH_SIZE) {
		s->event.flags |= MP_EVENT_TRUNCATED;
		return true;
	}
	s->dentry = s->link.parent;
	return false;
}

#define WALK_STEPS 32
#define WALK_MOUNTS 64

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

/* Appends the names of the walk in the scratch, deepest first, at @off. Returns the new offset. */
__noinline __u32 walk(__u32 which, __u32 off, __u32 foreign_flag)
{
	struct scratch *s = scratch_at(which);

	if (!s)
		return 0;
	s->end = off;
	for (int turn = 0; turn < (MP_PATH_DEPTH + WALK_MOUNTS) / WALK_STEPS; turn++) {
		if (walk_steps(which, off, foreign_flag))
			return s->end;
	}
	s->event.flags |= MP_EVENT_TRUNCATED;
	return s->end;
}

/* The root of @mnt; the one that was asked for last is known. */
static __always_inline struct dentry *mount_root(struct scratch *s, struct vfsmount *mnt)
{
	if (s->seen_mnt != mnt || s->seen_mounts != s->mounts) {
		s->seen_root = BPF_CORE_READ(mnt, mnt_root);
		s->seen_mnt = mnt;
		s->seen_mounts = s->mounts;
	}
	return s->seen_root;
}

static __always_inline void walk_from(struct scratch *s, const struct place *place,
				      struct dentry *stop)
{
	s->dentry = place->dentry;
	s->mount = mount_of(place->mnt);
	s->stop = stop;
	s->mount_root = mount_root(s, place->mnt);
}

/*
 * Where the file system of @place is that of @root, the process's root, but another part of it that
 * is mounted somewhere (a bind mount): its names within that file system are its real ones. Returns
 * their end, or 0 where it is not so.
 */
static __always_inline __u32 walk_source(struct scratch *s, const struct place *place,
					 struct vfsmount *root, __u32 off)
{
	__u32 end, flags = s->event.flags;
	struct vfsmount *mnt = place->mnt;

	if (mnt == root || BPF_CORE_READ(mnt, mnt_sb) != BPF_CORE_READ(root, mnt_sb))
		return 0;
	walk_from(s, place, BPF_CORE_READ(root, mnt_root));
	end = walk(s->which, off, MP_EVENT_FOREIGN);
	if (!(s->event.flags & MP_EVENT_FOREIGN))
		return end;
	s->event.flags = flags; /* not below the root: it has names by its mount only */
	return 0;
}

static __always_inline void append_real(struct scratch *s)
{
	struct vfsmount *root = s->now.root.mnt;
	struct dentry *dentry = s->real.dentry;
	__u32 off = s->event.path_len + s->event.base_len;
	__u32 end = walk_source(s, &s->real, root, off);

	if (!end) {
		walk_from(s, &s->real, 0);
		end = walk(s->which, off, MP_EVENT_FOREIGN);
	}
	s->event.real_len = end - off;
	s->event.flags |= MP_EVENT_HAS_REAL;
	if (s->event.rest)
		return; /* what the path ends at is another file */
	if (s->real.mnt != root && !(s->event.flags & MP_EVENT_FOREIGN))
		s->event.flags |= MP_EVENT_MOUNTED;
	if (!BPF_CORE_READ(dentry, d_hash.pprev) && BPF_CORE_READ(dentry, d_parent) != dentry)
		s->event.flags |= MP_EVENT_DELETED;
	if ((BPF_CORE_READ(dentry, d_inode, i_mode) & S_IFMT) == S_IFDIR)
		s->event.flags |= MP_EVENT_DIR;
}

/* Keys */

#define TEXT_STEPS 32

/* Mixes the next words of the event's path, from @off, into @value. */
__noinline __u64 text_steps(__u32 which, __u32 off, __u64 value)
{
	struct scratch *s = scratch_at(which);
	__u64 word;
	__u32 len;

	if (!s)
		return 0;
	len = s->event.path_len;
	for (int turn = 0; turn < TEXT_STEPS && off < len; turn++) {
		__builtin_memcpy(&word, &s->data[off & DATA_MASK], 8);
		if (len - off < 8)
			word &= (1ull << (len - off) * 8) - 1;
		value = mp_mix(value, word);
		off += 8;
	}
	return value;
}

#define IDENTITY_STEPS 16

/*
 * Mixes what the next dentries of the walk in the scratch are into @value: their addresses, and
 * the hashes and lengths of their names, as an address may be another's by the time it is seen
 * again, and a dentry is renamed in its place. s->dentry is NULL at the end.
 */
__noinline __u64 identity_steps(__u32 which, __u64 value)
{
	struct scratch *s = scratch_at(which);

	if (!s)
		return 0;
	for (int turn = 0; turn < IDENTITY_STEPS; turn++) {
		struct dentry *dentry = s->dentry;

		value = mp_mix(value, (__u64)dentry);
		if (dentry == s->stop || !dentry) {
			s->dentry = 0;
			return value;
		}
		read_link(s, dentry);
		value = mp_mix(value, s->link.hash_len);
		s->dentry = s->link.parent == dentry ? 0 : s->link.parent;
	}
	return value;
}

/* The same for what the first turn has left: a deep tree. */
__noinline __u64 identity_rest(__u32 which, __u64 value)
{
	struct scratch *s = scratch_at(which);

	for (int turn = 0; s && turn < MP_PATH_DEPTH / IDENTITY_STEPS && s->dentry; turn++)
		value = identity_steps(which, value);
	return value;
}

/*
 * Mixes which file @place is into @value: its mount, and the dentries up to the mount's root. Where
 * mounts are is in s->mounts, which is mixed in as well.
 */
static __always_inline __u64 mix_place(struct scratch *s, const struct place *place, __u64 value)
{
	struct dentry *root = mount_root(s, place->mnt);

	value = mp_mix(value, (__u64)place->mnt);
	if (place->dentry == root)
		return mp_mix(value, 1);
	s->dentry = place->dentry;
	s->stop = root;
	value = identity_steps(s->which, value);
	return s->dentry ? identity_rest(s->which, value) : value;
}

/* What makes this event another than the others. */
static __always_inline __u64 key_of(struct scratch *s)
{
	const struct mp_event *event = &s->event;
	__u64 key = mp_mix(event->exe_id, s->mounts);

	key = mp_mix(key, event->new_exe_id);
	key = mp_mix(key, (__u64)event->sink << 32 | event->session);
	key = mp_mix(key, (__u64)event->flags << 32 | (__u32)event->error);
	key = mp_mix(key, (__u64)event->op << 32 | (__u64)event->rest << 16 | event->path_len);
	key = mp_mix(key, event->request);
	for (__u32 off = 0; off < event->path_len && off <= MP_PATH_SIZE; off += TEXT_STEPS * 8)
		key = text_steps(s->which, off, key);
	if (s->base.dentry)
		key = mix_place(s, &s->base, key);
	if (s->real.dentry)
		key = mix_place(s, &s->real, key);
	key ^= key >> 33;
	key *= 0xc4ceb9fe1a85ec53ull;
	return key ^ key >> 29;
}

/* Delivery */

/* Those of @fs, a process's, are @directories from now on. */
static __always_inline void remember(struct fs_struct *fs, const struct directories *now)
{
	__u64 key = (__u64)fs;

	bpf_map_update_elem(&directories, &key, now, BPF_ANY);
}

/*
 * Delivers the event that was put together. Its @key is remembered only once it is in the ring
 * buffer, so that a dropped event has another chance. Returns 0, or 1 where it was dropped.
 */
__noinline int deliver(__u32 which, __u64 key)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct scratch *s = scratch_at(which);
	__u64 wakeup = BPF_RB_NO_WAKEUP;
	struct fs_struct *fs;
	__u8 yes = 1;
	__u32 len;

	if (!s)
		return 1;
	s->ns_root = BPF_CORE_READ(task, nsproxy, mnt_ns, root);
	if (s->base.dentry) {
		walk_from(s, &s->base, 0);
		s->event.base_len =
			walk(which, s->event.path_len, MP_EVENT_BASE_FOREIGN) - s->event.path_len;
	}
	if (s->real.dentry)
		append_real(s);
	len = s->event.path_len + s->event.base_len + s->event.real_len;
	if (len > DATA_SIZE) {
		count(MP_COUNT_UNREAD);
		return 1;
	}
	s->event.time_ns = bpf_ktime_get_ns();
	if (bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= wakeup_bytes)
		wakeup = BPF_RB_FORCE_WAKEUP;
	if (bpf_ringbuf_output(&events, s, sizeof(s->event) + len, wakeup)) {
		count(MP_COUNT_DROPPED);
		return 1;
	}
	bpf_map_update_elem(&delivered, &key, &yes, BPF_ANY);
	/* For those that were running before they were followed. */
	fs = BPF_CORE_READ(task, fs);
	if (!s->moved && s->remembered != fs) {
		remember(fs, &s->now);
		s->remembered = fs;
	}
	return 0;
}

/*
 * Delivers the event in the scratch, unless an equal one was: path, flags and error in s->event,
 * where it begins in s->base, what was reached in s->real. Returns its key.
 */
__noinline __u64 report(__u32 which)
{
	struct scratch *s = scratch_at(which);
	__u64 key;

	if (!s)
		return 0;
	key = key_of(s);
	if (s->event.flags & MP_EVENT_PENDING)
		s->event.request = key;
	if (s->recent[key % RECENT] == key)
		return key;
	if (!bpf_map_lookup_elem(&delivered, &key) && deliver(which, key))
		return key;
	s->recent[key % RECENT] = key;
	return key;
}

#endif
