/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef MP_BPF_FOLLOW_H
#define MP_BPF_FOLLOW_H

/* Which processes are followed, and to which trace their events go. Included by trace.bpf.c alone.
 */

#define EEXIST 17

/* Thread groups that are followed. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct mp_process);
} processes SEC(".maps");

/* Containers and control groups to follow. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, union mp_target_key);
	__type(value, struct mp_target);
} targets SEC(".maps");

/* Another number after every change of `processes`, on both sides. */
__u32 generation;
/* Whether any target may have processes in the host's mount namespace; the user side says. */
bool host_targets;

/* Set by the user side before the program is loaded. */
const volatile __u32 host_mnt_ns; /* inode number of the tracer's own */
const volatile bool
	follow_new;            /* containers that begin: the user side says which are of interest */
const volatile bool main_only; /* no exec sessions and health checks */

static __always_inline void put_process(__u32 tgid, const struct mp_process *process)
{
	if (bpf_map_update_elem(&processes, &tgid, process, BPF_ANY))
		count(MP_COUNT_UNTRACKED);
	__sync_fetch_and_add(&generation, 1);
}

/*
 * The current task's process, or NULL when it is not followed. Each processor remembers the last
 * one that it was asked about, until any process is followed or forgotten.
 */
static __always_inline const struct mp_process *current_process(struct scratch *s,
								struct task_struct *task)
{
	__u32 tgid = TASK_READ(task, tgid), now = *(volatile __u32 *)&generation;
	struct mp_process *found;

	if (s->process_tgid != tgid || s->process_generation != now || !tgid) {
		found = bpf_map_lookup_elem(&processes, &tgid);
		s->process_followed = found && !found->pending;
		if (found)
			s->process = *found;
		s->process_tgid = tgid;
		s->process_generation = now;
	}
	return s->process_followed ? &s->process : 0;
}

/* Whether the 64 characters at @at of the cgroup's name are hexadecimal digits. */
__noinline int is_container_id(__u32 which, __u32 at)
{
	struct scratch *s = scratch_at(which);

	for (int i = 0; s && i < MP_CONTAINER_ID_LEN; i++) {
		char c = s->cgroup_name[(at + i) & (NAME_SIZE - 1)];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
			return 0;
	}
	return 1;
}

/* A container that nobody asked for: becomes a target, and the user side hears of it. */
static __always_inline void announce(struct scratch *s)
{
	__u32 which = MP_COUNT_CONTAINERS;
	__u64 *counter = bpf_map_lookup_elem(&counters, &which);
	struct mp_target target = {};
	long rc;

	if (!counter)
		return;
	/* Each processor has its own numbers: a count of all would need Linux 5.12. */
	target.sink =
		MP_SINK_NEW | (bpf_get_smp_processor_id() & 0x7ff) << 20 | (*counter & 0xfffff);
	(*counter)++;
	rc = bpf_map_update_elem(&targets, &s->target, &target, BPF_NOEXIST);
	if (rc && rc != -EEXIST)
		count(MP_COUNT_UNTRACKED); /* the table is full */
	if (rc)
		return;
	s->event.op = 0;
	s->event.flags = MP_EVENT_CONTAINER;
	s->event.sink = target.sink;
	s->event.path_len = MP_CONTAINER_ID_LEN + 1;
	bpf_probe_read_kernel(s->data, MP_CONTAINER_ID_LEN, s->target.container);
	s->data[MP_CONTAINER_ID_LEN] = '\0';
	report(s->which);
	s->event.path_len = 0;
}

/*
 * Whether @cgroup is a target: by its ID, or by its name, which for a container is "<id>",
 * "docker-<id>.scope", "libpod-<id>.scope". What it is called there is left in s->target.
 */
__noinline int is_target(__u32 which, __u64 cgroup_address)
{
	struct scratch *s = scratch_at(which);
	struct cgroup *cgroup = (void *)cgroup_address;
	long len;

	if (!s)
		return 0;
	__builtin_memset(&s->target, 0, sizeof(s->target));
	s->target.cgroup.id = BPF_CORE_READ(cgroup, kn, id);
	len = bpf_probe_read_kernel_str(s->target.cgroup.name, sizeof(s->target.cgroup.name),
					BPF_CORE_READ(cgroup, kn, name));
	if (bpf_map_lookup_elem(&targets, &s->target))
		return 1;
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
		bpf_probe_read_kernel(&s->target, sizeof(s->target), &s->cgroup_name[1 + i]);
		if (bpf_map_lookup_elem(&targets, &s->target))
			return 1;
		if (follow_new && is_container_id(which, 1 + i)) {
			announce(s);
			return 1;
		}
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
	return found ? bpf_map_lookup_elem(&targets, &s->target) : 0;
}

/* The number of @task's thread group in its own PID namespace, and which that is. */
static __always_inline struct upid own_pid(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid upid = {};

	bpf_probe_read_kernel(&upid, sizeof(upid),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      level * bpf_core_type_size(struct upid));
	return upid;
}

/*
 * Whether @task begins the main tree of its container, also of one that was restarted. The main
 * process is the first of its PID namespace. Where that is another process of the same container,
 * this one has entered by `docker exec`, maybe before the first one has executed its program. Where
 * the PID namespace is not the container's own, the tree that is seen first is the main one.
 */
static __always_inline bool is_main(struct task_struct *task, const struct mp_target *target)
{
	struct upid own = own_pid(task);
	struct pid_namespace *ns = own.ns;
	struct task_struct *first = BPF_CORE_READ(ns, child_reaper);

	if (own.nr == 1 || target->on_host)
		return true;
	if (BPF_CORE_READ(first, nsproxy, mnt_ns) == BPF_CORE_READ(task, nsproxy, mnt_ns))
		return false;
	return !target->started;
}

/*
 * Whether @task, which has just executed a program, is to be followed from here on. The engine's
 * runtime executes itself inside of the container's cgroup on some versions, but still in the mount
 * namespace of the host: that is not the container yet.
 */
static __always_inline bool adopt(struct scratch *s, struct task_struct *task,
				  struct mp_process *process)
{
	bool on_host = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum) == host_mnt_ns;
	struct mp_target *target;

	if (on_host && !host_targets)
		return false;
	target = target_of(s, task);
	if (!target || target->ignored || (on_host && !target->on_host))
		return false;
	process->sink = target->sink;
	process->session = !is_main(task, target);
	if (process->session && main_only)
		return false;
	target->started = 1;
	return true;
}

#endif
