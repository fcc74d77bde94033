/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hook raw|call: attaches a program that does nothing to the end of system calls, says "ready", and
 * keeps it there until its standard input ends.
 *
 *   raw    on sys_exit, which every system call passes: where micropack's program is
 *   call   on syscalls:sys_exit_openat, which is openat's own
 *
 * What such a program costs is what the kernel asks for the way there. Bare system calls, as no
 * library is to have a part in that.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EVENT_ID "/sys/kernel/tracing/events/syscalls/sys_exit_openat/id"
#define EVENT_ID_DEBUGFS "/sys/kernel/debug/tracing/events/syscalls/sys_exit_openat/id"

static int fail(const char *what)
{
	fprintf(stderr, "hook: %s: %s\n", what, strerror(errno));
	return 1;
}

/* return 0; */
static int load_program(uint32_t type)
{
	static const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = type,
		.insns = (uint64_t)(uintptr_t)program,
		.insn_cnt = sizeof(program) / sizeof(program[0]),
		.license = (uint64_t)(uintptr_t) "GPL",
	};

	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static int attach_raw(int program)
{
	union bpf_attr attr = { 0 };

	attr.raw_tracepoint.name = (uint64_t)(uintptr_t) "sys_exit";
	attr.raw_tracepoint.prog_fd = (uint32_t)program;
	return (int)syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr));
}

static int attach_call(int program)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr) };
	FILE *file = fopen(EVENT_ID, "re");
	int fd;

	if (!file)
		file = fopen(EVENT_ID_DEBUGFS, "re");
	if (!file || fscanf(file, "%llu", (unsigned long long *)&attr.config) != 1)
		return -1;
	fclose(file);
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) < 0 ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) < 0)
		return -1;
	return fd;
}

int main(int argc, char **argv)
{
	int raw = argc == 2 && !strcmp(argv[1], "raw"), program;
	char byte;

	if (!raw && (argc != 2 || strcmp(argv[1], "call") != 0)) {
		fputs("usage: hook raw|call\n", stderr);
		return 2;
	}
	program = load_program(raw ? BPF_PROG_TYPE_RAW_TRACEPOINT : BPF_PROG_TYPE_TRACEPOINT);
	if (program < 0)
		return fail("load the empty program");
	if ((raw ? attach_raw(program) : attach_call(program)) < 0)
		return fail("attach the empty program");
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
