/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef MP_BPF_MAGIC_H
#define MP_BPF_MAGIC_H

/*
 * Magic links: /proc/self/exe and its like lead to a file, whatever path that has. An open tells
 * what it reached; of a call that leaves nothing behind (stat, readlink, access …) the link itself
 * has to be looked at. Included by trace.bpf.c alone.
 */

#define DIGITS 10

/* Whether @word, of at most 8 bytes, is at @at of the event's path. */
static __always_inline bool text_has(const struct scratch *s, __u32 at, const char *word, __u32 len)
{
	__u64 wanted = 0, found;

	__builtin_memcpy(&wanted, word, len);
	__builtin_memcpy(&found, &s->data[at & (MP_PATH_SIZE - 1)], 8);
	return (len < 8 ? found & ((1ull << len * 8) - 1) : found) == wanted;
}

#define TEXT_HAS(s, at, word) text_has(s, at, word, sizeof(word) - 1)

/*
 * The number at @at of the event's path, and above its 32 bits how many digits it has. A function
 * of its own: the verifier would follow each number of digits through all that comes later.
 */
__noinline __u64 number_at(__u32 which, __u32 at)
{
	struct scratch *s = scratch_at(which);
	__u32 value = 0;

	if (!s)
		return 0;
	for (__u64 i = 0; i < DIGITS; i++) {
		char c = s->data[(at + i) & (MP_PATH_SIZE - 1)];

		if (c < '0' || c > '9')
			return i << 32 | value;
		value = value * 10 + (c - '0');
	}
	return (__u64)DIGITS << 32 | value;
}

/* Behind "/proc/self/", or another name of the current process; 0 where the path is none of those.
 */
static __always_inline __u32 own_entry(const struct scratch *s, struct task_struct *task)
{
	const __u32 at = sizeof("/proc/") - 1;
	__u64 number;
	__u32 end;

	if (TEXT_HAS(s, at, "self/"))
		return at + sizeof("self/") - 1;
	if (TEXT_HAS(s, at, "thread-s") && TEXT_HAS(s, at + 8, "elf/"))
		return at + sizeof("thread-self/") - 1;
	number = number_at(s->which, at);
	end = at + (number >> 32);
	if (end == at || (__u32)number != (__u32)own_pid(task).nr || !TEXT_HAS(s, end, "/"))
		return 0;
	return end + 1;
}

/* The place behind the link whose name begins at @at. Returns where the name ends; 0: no link. */
static __always_inline __u32 link_target(struct scratch *s, struct task_struct *task, __u32 at)
{
	__u64 number;

	if (TEXT_HAS(s, at, "exe")) {
		struct file *file = BPF_CORE_READ(task, mm, exe_file);

		return file && place_of_file(file, &s->real) ? at + 3 : 0;
	}
	if (TEXT_HAS(s, at, "cwd")) {
		s->real = s->now.pwd;
		return at + 3;
	}
	if (TEXT_HAS(s, at, "root")) {
		s->real = s->now.root;
		return at + 4;
	}
	if (!TEXT_HAS(s, at, "fd/"))
		return 0;
	number = number_at(s->which, at + 3);
	if (!(number >> 32) || !place_of_fd(s, number, &s->real))
		return 0;
	return at + 3 + (number >> 32);
}

/*
 * Where the event's path leads through a magic link of the current process: s->real is what the
 * link leads to, and event.rest where the path goes on behind it. @follow: also where the link is
 * its end.
 */
__noinline int find_magic(__u32 which, __u32 follow)
{
	struct scratch *s = scratch_at(which);
	struct task_struct *task = (void *)bpf_get_current_task();

	if (!s || !TEXT_HAS(s, 0, "/proc/"))
		return 0;
	/* By way of the memory: what is read from there, the verifier takes for any number. */
	s->end = own_entry(s, task);
	if (!s->end)
		return 0;
	s->end = link_target(s, task, s->end);
	if (s->end && TEXT_HAS(s, s->end, "/"))
		s->event.rest = s->end;
	else if (!s->end || !follow || s->data[s->end & (MP_PATH_SIZE - 1)])
		s->real.dentry = 0;
	return 0;
}

#endif
