/* SPDX-License-Identifier: BSD-2-Clause */
#include "traced.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* What a trace says about the paths that a real process names; every call: test_completeness.c. */

TestSuite(paths, .init = traced_setup, .fini = traced_teardown, .timeout = 60);

static int open_at(int dirfd, const char *path, int flags)
{
	return (int)syscall(SYS_openat, dirfd, path, flags, 0644);
}

/* Opening */

SCENARIO(opens)
{
	char beyond_memory[] = "";
	int dir;

	REQUIRE(open_at(AT_FDCWD, "./dir//../relative", O_RDONLY) >= 0);
	REQUIRE(open_at(AT_FDCWD, "relative", O_RDONLY) >= 0);
	dir = open_at(AT_FDCWD, "dir", O_RDONLY | O_DIRECTORY);
	REQUIRE(dir >= 0 && open_at(dir, "inner", O_RDONLY) >= 0);
	REQUIRE(open_at(dir, "no-base", O_RDONLY) < 0 && errno == ENOENT);
	REQUIRE(open_at(12345, "no-base", O_RDONLY) < 0 && errno == EBADF);
	REQUIRE(open_at(AT_FDCWD, beyond_memory, O_RDONLY) < 0 && errno == ENOENT);
	REQUIRE(open_at(AT_FDCWD, (char *)16, O_RDONLY) < 0 && errno == EFAULT);
}

/* What is no path is none in the trace; the program that asked is in every event. */
Test(paths, opens)
{
	static const struct expected_event events[] = {
		{ MP_OP_OPEN, "dir/../relative", "relative", 0, 0 },
		{ MP_OP_OPEN, "relative", "relative", 0, 0 },
		{ MP_OP_OPEN, "dir", "dir", 0, MP_TRACE_DIR },
		{ MP_OP_OPEN, "dir/inner", "dir/inner", 0, 0 },
		{ MP_OP_OPEN, "dir/no-base", NULL, ENOENT, 0 },
	};
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;

	make_folder("dir");
	make_file("relative", "", 0644);
	make_file("dir/inner", "", 0644);
	trace = traced_run("opens", 0, NULL);
	for (size_t i = 0; i < MP_ARRAY_LEN(events); i++)
		expect_event(trace, &events[i]);
	cr_expect_null(find_event(trace, MP_OP_OPEN, "no-base"), "a path below no directory");
	expect_complete(trace);
	for (size_t i = 0; i < trace->n_events; i++) {
		const struct mp_trace_event *event = &trace->events[i];

		cr_expect(event->op == MP_OP_EXEC || same_text(event->exe, own_exe),
			  "'%s' is used by '%s'", event->path, event->exe);
	}
}

/* What has no name in the file system, or none any more. */
SCENARIO(nameless)
{
	int ends[2];

	/* Descriptors of known numbers: some are inherited. */
	REQUIRE(dup2(open_at(AT_FDCWD, "gone", O_RDWR), 100) == 100 && unlink("gone") == 0);
	REQUIRE(open_at(AT_FDCWD, "/proc/self/fd/100", O_RDONLY) >= 0);
	REQUIRE(dup2((int)syscall(SYS_memfd_create, "a/../b", 0), 101) == 101);
	REQUIRE(open_at(AT_FDCWD, "/proc/self/fd/101", O_RDONLY) >= 0);
	REQUIRE(pipe(ends) == 0 && dup2(ends[0], 102) == 102);
	REQUIRE(open_at(AT_FDCWD, "/proc/self/fd/102", O_RDONLY) >= 0);
}

Test(paths, nameless_files)
{
	static const struct expected_event events[] = {
		{ MP_OP_OPEN, "gone", "gone", 0, MP_TRACE_WRITE },
		{ MP_OP_OPEN, "/proc/self/fd/100", "gone", 0, MP_TRACE_DELETED },
		{ MP_OP_OPEN, "/proc/self/fd/101", NULL, 0, MP_TRACE_FOREIGN },
		{ MP_OP_OPEN, "/proc/self/fd/102", NULL, 0, MP_TRACE_FOREIGN },
	};
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;

	make_file("gone", "", 0644);
	trace = traced_run("nameless", 0, NULL);
	for (size_t i = 0; i < MP_ARRAY_LEN(events); i++)
		expect_event(trace, &events[i]);
	expect_complete(trace);
}

/* Where a path begins */

SCENARIO(directories)
{
	int dir, jail;

	REQUIRE(chdir("dir") == 0);
	REQUIRE(open_at(AT_FDCWD, "after-chdir", O_RDONLY) >= 0);
	REQUIRE(open_at(AT_FDCWD, "../up", O_RDONLY) >= 0);
	REQUIRE(chdir("missing") < 0);
	REQUIRE(chdir("..") == 0);
	dir = open_at(AT_FDCWD, "dir", O_RDONLY | O_DIRECTORY);
	REQUIRE(dir >= 0 && fchdir(dir) == 0);
	REQUIRE(open_at(AT_FDCWD, "after-fchdir", O_RDONLY) >= 0);
	REQUIRE(chdir("..") == 0);
	jail = open_at(AT_FDCWD, "jail", O_RDONLY | O_DIRECTORY);
	REQUIRE(jail >= 0 && chroot("jail") == 0);
	REQUIRE(open_at(AT_FDCWD, "/etc/inside", O_RDONLY) >= 0);
	REQUIRE(open_at(AT_FDCWD, "/not-inside", O_RDONLY) < 0);
	REQUIRE(open_at(AT_FDCWD, "outside", O_RDONLY) >= 0);
	REQUIRE(open_at(jail, "etc/link", O_RDONLY) >= 0);
	REQUIRE(chdir("/etc") == 0);
	REQUIRE(open_at(AT_FDCWD, "after-chdir", O_RDONLY) >= 0);
}

Test(paths, working_and_root_directories)
{
	static const struct expected_event events[] = {
		{ MP_OP_CHDIR, "dir", "dir", 0, MP_TRACE_DIR },
		{ MP_OP_OPEN, "dir/after-chdir", "dir/after-chdir", 0, 0 },
		{ MP_OP_OPEN, "dir/../up", "up", 0, 0 },
		{ MP_OP_CHDIR, "dir/missing", NULL, ENOENT, 0 },
		{ MP_OP_OPEN, "dir/after-fchdir", "dir/after-fchdir", 0, 0 },
		{ MP_OP_CHDIR, "jail", "jail", 0, MP_TRACE_DIR },
		{ MP_OP_OPEN, "jail/etc/inside", "jail/etc/inside", 0, 0 },
		{ MP_OP_OPEN, "jail/not-inside", NULL, ENOENT, 0 },
		{ MP_OP_OPEN, "outside", "outside", 0, 0 },
		{ MP_OP_OPEN, "jail/etc/link", "jail/etc/inside", 0, 0 },
		{ MP_OP_CHDIR, "jail/etc", "jail/etc", 0, MP_TRACE_DIR },
		{ MP_OP_OPEN, "jail/etc/after-chdir", "jail/etc/after-chdir", 0, 0 },
	};
	static const char *const files[] = {
		"dir/after-chdir", "dir/after-fchdir", "up",
		"outside",         "jail/etc/inside",  "jail/etc/after-chdir"
	};
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;

	make_folder("dir");
	make_folder("jail");
	make_folder("jail/etc");
	for (size_t i = 0; i < MP_ARRAY_LEN(files); i++)
		make_file(files[i], "", 0644);
	make_symlink("jail/etc/link", "/etc/inside");
	trace = traced_run("directories", 0, NULL);
	for (size_t i = 0; i < MP_ARRAY_LEN(events); i++)
		expect_event(trace, &events[i]);
	expect_complete(trace);
}

/* Calls of the other kind, in a program that has both */

#ifdef __x86_64__
/* A 32-bit call from where it can be made: its pointers have 32 bits. */
static long call_i386(long number, const char *path, long flags)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long result;

	REQUIRE(low != MAP_FAILED);
	strcpy(low, path);
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(low), "c"(flags), "d"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

static void no_32_bit_calls(int sig)
{
	(void)sig;
	_exit(0);
}

SCENARIO(i386)
{
	signal(SIGSEGV, no_32_bit_calls); /* a kernel without IA32_EMULATION */
	call_i386(5 /* open */, "supported", O_RDONLY);
	REQUIRE(call_i386(5, "by-i386", O_RDONLY) >= 0);
	REQUIRE(call_i386(5, "missing", O_RDONLY) == -ENOENT);
	REQUIRE(call_i386(33 /* access */, "by-access", R_OK) == 0);
}

Test(paths, calls_of_32_bit_programs)
{
	static const struct expected_event events[] = {
		{ MP_OP_OPEN, "by-i386", "by-i386", 0, 0 },
		{ MP_OP_OPEN, "missing", NULL, ENOENT, 0 },
		{ MP_OP_ACCESS, "by-access", NULL, 0, 0 },
	};
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;

	make_file("by-i386", "", 0644);
	make_file("by-access", "", 0644);
	trace = traced_run("i386", 0, NULL);
	if (!find_event(trace, MP_OP_OPEN, "supported"))
		cr_skip("this kernel has no 32-bit calls");
	for (size_t i = 0; i < MP_ARRAY_LEN(events); i++)
		expect_event(trace, &events[i]);
	expect_complete(trace);
}
#endif

/* Programs */

SCENARIO(leaf)
{
	REQUIRE(open_at(AT_FDCWD, "by-leaf", O_RDONLY) >= 0);
}

/* Executes in a child what @argv says, and wants @expected as its exit status. */
static void spawn_and_wait(char *const argv[], char *const envp[], int expected)
{
	pid_t pid = fork();
	int status;

	REQUIRE(pid >= 0);
	if (pid == 0) {
		execve(argv[0], argv, envp);
		_exit(errno == ENOENT ? 44 : 45);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	REQUIRE(WEXITSTATUS(status) == expected);
}

SCENARIO(programs)
{
	char *leaf_env[] = { (char *)SCENARIO_VARIABLE "=leaf", NULL };
	char *copy[] = { (char *)"./copy", NULL }, *link[] = { (char *)"./link", NULL };
	char *script[] = { (char *)"./script", NULL }, *missing[] = { (char *)"./none", NULL };
	char *denied[] = { (char *)"./denied", NULL };
	pid_t pid;
	int fd, status;

	spawn_and_wait(copy, leaf_env, 0);
	spawn_and_wait(link, leaf_env, 0);
	spawn_and_wait(script, leaf_env, 0);
	spawn_and_wait(missing, leaf_env, 44);
	spawn_and_wait(denied, leaf_env, 45);

	fd = open_at(AT_FDCWD, "copy2", O_RDONLY);
	pid = fork();
	if (pid == 0) {
		fexecve(fd, copy, leaf_env);
		_exit(46);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid && status == 0);
}

static void copy_own_program(const char *name)
{
	MP_AUTO(mp_freep) char *path = at_work(name);
	MP_AUTO(mp_freep) char *command = mp_xasprintf("cp '%s' '%s'", own_exe, path);

	cr_assert(system(command) == 0);
}

/* Whether @exe, a program in the work folder, opened by-leaf. */
static void expect_leaf_of(const struct mp_trace *trace, const char *exe)
{
	MP_AUTO(mp_freep) char *path = expand(exe);
	MP_AUTO(mp_freep) char *opened = at_work("by-leaf");
	bool found = false;

	for (size_t i = 0; i < trace->n_events; i++)
		found = found || (strcmp(trace->events[i].path, opened) == 0 &&
				  same_text(trace->events[i].exe, path));
	cr_expect(found, "'%s' opened nothing", path);
}

Test(paths, programs)
{
	MP_AUTO(mp_freep) char *shell = realpath("/bin/sh", NULL);
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	const struct expected_event events[] = {
		{ MP_OP_EXEC, own_exe, own_exe, 0, 0 },
		{ MP_OP_EXEC, "copy", "copy", 0, 0 },
		{ MP_OP_EXEC, "link", "copy", 0, 0 },
		{ MP_OP_EXEC, "script", NULL, 0, 0 },
		{ MP_OP_EXEC, "/bin/sh", shell, 0, MP_TRACE_SCRIPT },
		{ MP_OP_OPEN, "by-script", "by-script", 0, 0 },
		{ MP_OP_EXEC, "none", NULL, ENOENT, 0 },
		{ MP_OP_EXEC, "denied", NULL, EACCES, 0 },
		{ MP_OP_EXEC, "copy2", "copy2", 0, 0 },
	};

	make_file("by-leaf", "", 0644);
	make_file("by-script", "", 0644);
	make_file("script", "#!/bin/sh\nread line <by-script\nexit 0\n", 0755);
	make_file("denied", "", 0644);
	copy_own_program("copy");
	copy_own_program("copy2");
	make_symlink("link", "copy");
	trace = traced_run("programs", 0, NULL);
	for (size_t i = 0; i < MP_ARRAY_LEN(events); i++)
		expect_event(trace, &events[i]);
	expect_leaf_of(trace, "copy");
	expect_leaf_of(trace, "copy2");
	cr_expect_eq(first_event(trace)->op, MP_OP_EXEC, "it begins with the program's exec");
	cr_expect_null(first_event(trace)->exe, "before it nothing was traced");
	expect_complete(trace);
}

/* A program in memory has no path: neither it nor what it does is said to be of another one. */
SCENARIO(memory_program)
{
	char *argv[] = { (char *)"memory", NULL };
	char *envp[] = { (char *)SCENARIO_VARIABLE "=leaf", NULL };
	int from = open_at(AT_FDCWD, "/proc/self/exe", O_RDONLY);
	int to = (int)syscall(SYS_memfd_create, "program", 0);
	char block[65536];
	ssize_t len;

	REQUIRE(from >= 0 && to >= 0);
	while ((len = read(from, block, sizeof(block))) > 0)
		REQUIRE(write(to, block, (size_t)len) == len);
	fexecve(to, argv, envp);
	REQUIRE(false);
}

Test(paths, programs_in_memory)
{
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	const struct mp_trace_event *opened;

	make_file("by-leaf", "", 0644);
	trace = traced_run("memory_program", 0, NULL);
	opened = find_event(trace, MP_OP_OPEN, "by-leaf");
	cr_assert(opened, "what it opens is traced");
	cr_expect_null(opened->exe, "it is '%s'", opened->exe);
	expect_complete(trace);
}

/* Limits */

/* Enters @depth folders below the work folder, made on the way. */
static void go_down(int depth)
{
	for (int i = 0; i < depth; i++)
		REQUIRE((mkdir("d", 0755) == 0 || errno == EEXIST) && chdir("d") == 0);
}

SCENARIO(deep)
{
	go_down(1000);
	REQUIRE(open_at(AT_FDCWD, "at-1000", O_WRONLY | O_CREAT) >= 0);
	go_down(1100);
	REQUIRE(open_at(AT_FDCWD, "at-2100", O_WRONLY | O_CREAT) >= 0);
}

static char *deep_path(int depth, const char *name)
{
	struct mp_buf path = { 0 };

	for (int i = 0; i < depth; i++)
		mp_buf_adds(&path, "d/");
	mp_buf_adds(&path, name);
	return mp_buf_steal(&path);
}

/* Deeper than any path may be long: not in the trace, least of all cut short, and said so. */
Test(paths, too_deep)
{
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	MP_AUTO(mp_freep) char *at_1000 = deep_path(1000, "at-1000");
	const struct expected_event event = { MP_OP_OPEN, at_1000, at_1000, 0,
					      MP_TRACE_WRITE | MP_TRACE_CREATE | MP_TRACE_CREATED };
	struct mp_trace_losses losses;
	struct mp_error err = { 0 };

	trace = traced_run("deep", 0, &losses);
	expect_event(trace, &event);
	expect_no_event(trace, "at-2100");
	cr_expect(losses.truncated > 0, "none is counted");
	cr_expect_eq(losses.dropped + losses.unread + losses.untracked, 0);
	cr_expect_eq(mp_trace_check_complete(trace, &err), -1);
	cr_expect_eq(err.code, MP_E_INCOMPLETE);
	cr_expect(strstr(err.msg, "paths truncated"), "'%s'", err.msg);
}

/* The longest text that a call takes, and one byte more. */
SCENARIO(long_text)
{
	char path[4098];

	memset(path, '/', sizeof(path));
	strcpy(path + 4095 - strlen("file"), "file");
	memcpy(path, "./", 2);
	REQUIRE(strlen(path) == 4095 && open_at(AT_FDCWD, path, O_RDONLY) >= 0);
	memset(path, '/', sizeof(path));
	memcpy(path, "./", 2);
	strcpy(path + 4096 - strlen("beyond"), "beyond");
	REQUIRE(strlen(path) == 4096 && open_at(AT_FDCWD, path, O_RDONLY) < 0);
	REQUIRE(errno == ENAMETOOLONG);
}

Test(paths, long_texts)
{
	static const struct expected_event event = { MP_OP_OPEN, "file", "file", 0, 0 };
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;

	make_file("file", "", 0644);
	trace = traced_run("long_text", 0, NULL);
	expect_event(trace, &event);
	expect_no_event(trace, "beyond");
	expect_complete(trace);
}
