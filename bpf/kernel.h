/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef MP_BPF_KERNEL_H
#define MP_BPF_KERNEL_H

/*
 * The parts of the kernel's types that the program reads. Only names and types matter: offsets are
 * relocated against the running kernel's BTF (CO-RE), so that no vmlinux.h of the build machine is
 * needed.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

typedef _Bool bool;
#define true 1
#define false 0

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct qstr {
	__u64 hash_len;
	const unsigned char *name;
};

struct inode {
	unsigned short i_mode;
};

struct hlist_bl_node {
	struct hlist_bl_node *next, **pprev;
};

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct super_block;

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct ns_common {
	unsigned int inum;
};

struct mnt_namespace {
	struct ns_common ns;
	struct mount *root;
	__u64 event; /* another number after every change of the mounts */
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	unsigned int f_mode, f_flags;
	struct path f_path;
	void *private_data;
};

struct sock_common {
	unsigned short skc_family;
};

struct sock {
	struct sock_common __sk_common;
};

struct socket {
	struct sock *sk;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	struct path root, pwd;
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
};

struct task_struct;

struct pid_namespace {
	struct task_struct *child_reaper;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct mm_struct {
	struct file *exe_file;
};

struct kernfs_node {
	const char *name;
	__u64 id;
};

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup_subsys_state *subsys[1];
	struct cgroup *dfl_cgrp;
};

struct thread_info {
	unsigned long flags;
	__u32 status; /* x86 */
};

struct task_struct {
	struct thread_info thread_info;
	int tgid;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct css_set *cgroups;
};

struct linux_binprm {
	struct file *file;
	const char *filename;
	const char *interp;
	const char *fdpath;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r10, r9, r8, dx, si, di, orig_ax;
	unsigned long bx, cx, bp;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	int syscallno;
};
#else
#error "micropack's tracer knows x86_64 and arm64"
#endif

#pragma clang attribute pop

/*
 * The six arguments of a system call, read at its exit: both architectures keep them in pt_regs
 * until then, but for the first on arm64, which the result replaces (orig_x0 has it). @regs is the
 * tracepoint's own: no helper is needed to read it.
 */
static __always_inline void syscall_args(const struct pt_regs *regs, bool compat, __u64 *args)
{
#if defined(__TARGET_ARCH_x86)
	if (compat) {
		/* int 0x80 and sysenter: ebx, ecx, edx, esi, edi, ebp */
		args[0] = (__u32)regs->bx;
		args[1] = (__u32)regs->cx;
		args[2] = (__u32)regs->dx;
		args[3] = (__u32)regs->si;
		args[4] = (__u32)regs->di;
		args[5] = (__u32)regs->bp;
		return;
	}
	args[0] = regs->di;
	args[1] = regs->si;
	args[2] = regs->dx;
	args[3] = regs->r10;
	args[4] = regs->r8;
	args[5] = regs->r9;
#else
	args[0] = regs->orig_x0;
	args[1] = regs->regs[1];
	args[2] = regs->regs[2];
	args[3] = regs->regs[3];
	args[4] = regs->regs[4];
	args[5] = regs->regs[5];
#endif
}

#define X32_SYSCALL_BIT 0x40000000

static __always_inline __u64 syscall_number(const struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->orig_ax & ~(__u64)X32_SYSCALL_BIT;
#else
	return (__u32)regs->syscallno;
#endif
}

/*
 * Reading what hangs on the current task: since Linux 5.11 it can be had as a pointer that the
 * verifier knows, and be followed by plain loads, which cost a twentieth of a helper's call.
 */
const volatile bool typed_task;

static __always_inline struct task_struct *current_task(void)
{
	return typed_task ? bpf_get_current_task_btf() : (void *)bpf_get_current_task();
}

#define TASK_READ(task, ...)                                                                       \
	(typed_task ? ___arrow(task, __VA_ARGS__) : BPF_CORE_READ(task, __VA_ARGS__))

/* Whether the task is in a 32-bit system call. */
static __always_inline bool syscall_is_compat(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return TASK_READ(task, thread_info.status) & 0x0002; /* TS_COMPAT */
#else
	return TASK_READ(task, thread_info.flags) & 1ul << 22; /* TIF_32BIT */
#endif
}

#endif
