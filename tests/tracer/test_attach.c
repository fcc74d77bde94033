/* SPDX-License-Identifier: BSD-2-Clause */
#include "child.h"
#include "core/path.h"
#include "tracer/attach.h"
#include "tracer/processes.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What /proc says of real processes, which are children of the test. Root, as for tracing. */

static char scratch[] = "/tmp/mp-test-attach-XXXXXX";
static char own_exe[4096];
static unsigned int here; /* flags of what is in the scratch folder */

/* The ID of the mount that @path is on, by another way than the code's. */
static unsigned long mount_id(const char *path)
{
	unsigned char data[256] = { 0 };
	unsigned long long id;

	/* struct statx of Linux 5.8: stx_mnt_id is at 0x90, STATX_MNT_ID is 0x1000. */
	cr_assert_eq(statx(AT_FDCWD, path, 0, 0x1000, (struct statx *)data), 0);
	memcpy(&id, data + 0x90, sizeof(id));
	return id;
}

static void setup(void)
{
	ssize_t len = readlink("/proc/self/exe", own_exe, sizeof(own_exe) - 1);

	if (geteuid() != 0)
		cr_skip("needs root");
	cr_assert(len > 0 && mkdtemp(scratch));
	own_exe[len] = '\0';
	here = MP_TRACE_ATTACHED;
	if (mount_id(scratch) != mount_id("/"))
		here |= MP_TRACE_MOUNTED;
}

static void teardown(void)
{
	remove_tree(scratch);
}

TestSuite(attach, .init = setup, .fini = teardown, .timeout = 60);

/* Forks a child that runs @body in the scratch folder and then waits for its end. */
static pid_t start(void (*body)(void))
{
	int ready[2];
	char byte;
	pid_t pid;

	cr_assert_eq(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	cr_assert(pid >= 0);
	if (pid == 0) {
		close(ready[0]);
		REQUIRE(chdir(scratch) == 0);
		body();
		REQUIRE(write(ready[1], "", 1) == 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	cr_assert_eq(read(ready[0], &byte, 1), 1, "the child did not get ready");
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void collect(struct mp_trace_event *event, void *context)
{
	mp_trace_add_take(context, event);
}

static void read_into(struct mp_trace *trace, struct mp_attach *attach, pid_t pid)
{
	struct mp_error err = { 0 };

	cr_assert_eq(mp_attach_read(attach, pid, collect, trace, &err), 0, "%s", err.msg);
}

static struct mp_trace *read_process(pid_t pid)
{
	MP_AUTO(mp_attach_freep) struct mp_attach *attach = mp_attach_new();
	struct mp_trace *trace = mp_xcalloc(1, sizeof(*trace));

	read_into(trace, attach, pid);
	return trace;
}

static size_t count(const struct mp_trace *trace, enum mp_trace_op op, const char *path)
{
	MP_AUTO(mp_freep)
	char *wanted = path[0] == '/' ? mp_xstrdup(path) : mp_path_join(scratch, path);
	size_t n = 0;

	for (size_t i = 0; i < trace->n_events; i++)
		n += trace->events[i].op == op && strcmp(trace->events[i].path, wanted) == 0;
	return n;
}

/* The one event with @op and @path has @flags besides `attached`. */
static void expect(const struct mp_trace *trace, enum mp_trace_op op, const char *path,
		   unsigned int flags, const char *exe)
{
	MP_AUTO(mp_freep)
	char *wanted = path[0] == '/' ? mp_xstrdup(path) : mp_path_join(scratch, path);

	cr_expect_eq(count(trace, op, path), 1, "%s %s: %zu events", mp_trace_op_name(op), wanted,
		     count(trace, op, path));
	for (size_t i = 0; i < trace->n_events; i++) {
		const struct mp_trace_event *event = &trace->events[i];

		if (event->op != op || strcmp(event->path, wanted) != 0)
			continue;
		cr_expect_eq(event->flags, flags, "%s: flags %#x, not %#x", wanted, event->flags,
			     flags);
		cr_expect_str_eq(event->real, event->path);
		cr_expect_eq(event->first_ns, 0);
		cr_expect(exe ? event->exe && strcmp(event->exe, exe) == 0 : !event->exe,
			  "%s: exe %s", wanted, event->exe ? event->exe : "(none)");
	}
}

static int make(const char *name, int flags)
{
	int fd = open(name, flags | O_CREAT | O_CLOEXEC, 0600);

	REQUIRE(fd >= 0 && ftruncate(fd, 4096) == 0);
	return fd;
}

static void map(const char *name, int protection, int flags)
{
	int fd = make(name, O_RDWR);

	close(fd);
	fd = open(name, protection & PROT_WRITE ? O_RDWR : O_RDONLY);
	REQUIRE(mmap(NULL, 4096, protection, flags, fd, 0) != MAP_FAILED);
	close(fd);
}

static void use_everything(void)
{
	int ends[2];
	DIR *dir;

	close(make("read", O_RDWR));
	REQUIRE(open("read", O_RDONLY) >= 0);
	make("written", O_WRONLY);
	REQUIRE(mkdir("dir", 0700) == 0 && open("dir", O_RDONLY | O_DIRECTORY) >= 0);
	REQUIRE(mkdir("listed", 0700) == 0 && (dir = opendir("listed")));
	REQUIRE(readdir(dir));
	close(make("place", O_RDWR));
	REQUIRE(open("place", O_PATH) >= 0);
	make("gone", O_RDWR);
	REQUIRE(unlink("gone") == 0);
	make("named (deleted)", O_RDWR);
	map("mapped", PROT_READ, MAP_PRIVATE);
	map("shared", PROT_READ | PROT_WRITE, MAP_SHARED);
	REQUIRE(mkfifo("fifo", 0600) == 0 && open("fifo", O_RDWR) >= 0);
	REQUIRE(memfd_create("memory", 0) >= 0 && eventfd(0, 0) >= 0);
	REQUIRE(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	REQUIRE(mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	REQUIRE(open("/dev/null", O_RDONLY) >= 0 && open("/proc/self/status", O_RDONLY) >= 0);
	REQUIRE(mkdir("cwd", 0700) == 0 && chdir("cwd") == 0);
}

Test(attach, what_a_process_has_in_use)
{
	pid_t pid = start(use_everything);
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = read_process(pid);
	MP_AUTO(mp_freep) char *status = mp_xasprintf("/proc/%d/status", (int)pid);
	unsigned int exe_flags = MP_TRACE_ATTACHED;

	if (mount_id(own_exe) != mount_id("/"))
		exe_flags |= MP_TRACE_MOUNTED;
	expect(trace, MP_OP_EXEC, own_exe, exe_flags, NULL);
	cr_expect_eq(count(trace, MP_OP_OPEN, own_exe), 0, "it is executed, not opened");
	expect(trace, MP_OP_OPEN, "read", here, own_exe);
	expect(trace, MP_OP_OPEN, "written", here | MP_TRACE_WRITE, own_exe);
	expect(trace, MP_OP_OPEN, "dir", here | MP_TRACE_DIR, own_exe);
	cr_expect_eq(count(trace, MP_OP_LIST, "dir"), 0);
	expect(trace, MP_OP_OPEN, "listed", here | MP_TRACE_DIR, own_exe);
	expect(trace, MP_OP_LIST, "listed", here | MP_TRACE_DIR, own_exe);
	expect(trace, MP_OP_OPEN, "place", here | MP_TRACE_LOCATED, own_exe);
	expect(trace, MP_OP_OPEN, "gone", here | MP_TRACE_WRITE | MP_TRACE_DELETED, own_exe);
	expect(trace, MP_OP_OPEN, "named (deleted)", here | MP_TRACE_WRITE, own_exe);
	expect(trace, MP_OP_OPEN, "mapped", here, own_exe);
	expect(trace, MP_OP_OPEN, "shared", here | MP_TRACE_WRITE, own_exe);
	expect(trace, MP_OP_OPEN, "fifo", here | MP_TRACE_WRITE, own_exe);
	expect(trace, MP_OP_OPEN, status, MP_TRACE_ATTACHED | MP_TRACE_MOUNTED, own_exe);
	expect(trace, MP_OP_CHDIR, "cwd", here | MP_TRACE_DIR, own_exe);
	cr_expect_eq(count(trace, MP_OP_CHDIR, "/"), 0, "it has the root of its namespace");
	for (size_t i = 0; i < trace->n_events; i++) {
		const char *path = trace->events[i].path;

		cr_expect(path[0] == '/' && !strstr(path, "memory") && !strstr(path, "zero") &&
				  !strchr(path, '['),
			  "'%s' is no file", path);
	}
	end(pid);
}

static void use_nothing(void)
{
}

/* The libraries that the process's own maps name. */
Test(attach, a_program_and_its_libraries)
{
	pid_t pid = start(use_nothing);
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = read_process(pid);
	MP_AUTO(mp_freep) char *maps = mp_xasprintf("/proc/%d/maps", (int)pid);
	char line[4400], name[4096];
	int libraries = 0;
	FILE *file = fopen(maps, "re");

	cr_assert_not_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %*s %*s %*s %*s /%4000[^\n]", name + 1) != 1 ||
		    strstr(line, "(deleted)"))
			continue;
		name[0] = '/';
		if (strcmp(name, own_exe) == 0)
			continue;
		cr_expect_eq(count(trace, MP_OP_OPEN, name), 1, "'%s'", name);
		libraries += strstr(name, ".so") != NULL;
	}
	fclose(file);
	cr_expect_geq(libraries, 2, "libc and the loader");
	end(pid);
}

static void use_own_mounts(void)
{
	make("before", O_RDWR);
	REQUIRE(unshare(CLONE_NEWNS) == 0 && mount("", "/", "", MS_REC | MS_PRIVATE, "") == 0);
	make("after", O_RDWR);
	REQUIRE(mkdir("tmpfs", 0700) == 0 && mount("none", "tmpfs", "tmpfs", 0, "") == 0);
	make("tmpfs/inside", O_RDWR);
}

/* What is of none of the mounts of the process's own namespace is no path of it. */
Test(attach, another_mount_namespace)
{
	pid_t pid = start(use_own_mounts);
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = read_process(pid);

	cr_expect_eq(count(trace, MP_OP_OPEN, "before"), 0);
	expect(trace, MP_OP_OPEN, "after", here | MP_TRACE_WRITE, NULL);
	expect(trace, MP_OP_OPEN, "tmpfs/inside",
	       MP_TRACE_ATTACHED | MP_TRACE_MOUNTED | MP_TRACE_WRITE, NULL);
	cr_expect_eq(count(trace, MP_OP_EXEC, own_exe), 0, "it was executed elsewhere");
	end(pid);
}

static void use_jail(void)
{
	make("outside", O_RDWR);
	REQUIRE(mkdir("jail", 0700) == 0 && mkdir("jail/mounted", 0700) == 0);
	REQUIRE(chroot("jail") == 0 && chdir("/") == 0);
	make("inside", O_RDWR);
}

/* Its paths are those of the mount namespace, and the mounts outside of its root are its own. */
Test(attach, a_process_with_another_root)
{
	pid_t pid = start(use_jail);
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = read_process(pid);

	expect(trace, MP_OP_OPEN, "outside", here | MP_TRACE_WRITE, own_exe);
	expect(trace, MP_OP_OPEN, "jail/inside", here | MP_TRACE_WRITE, own_exe);
	expect(trace, MP_OP_CHDIR, "jail", here | MP_TRACE_DIR, own_exe);
	cr_expect_eq(count(trace, MP_OP_EXEC, own_exe), 1);
	end(pid);
}

Test(attach, several_processes_are_told_of_once)
{
	pid_t first = start(use_nothing), second = start(use_nothing);
	MP_AUTO(mp_attach_freep) struct mp_attach *attach = mp_attach_new();
	struct mp_trace trace = { 0 };
	size_t n;

	read_into(&trace, attach, first);
	n = trace.n_events;
	cr_expect_gt(n, 2);
	read_into(&trace, attach, second);
	cr_expect_eq(trace.n_events, n, "%zu more events", trace.n_events - n);
	end(first);
	end(second);
	for (size_t i = 0; i < trace.n_events; i++)
		mp_trace_event_clear(&trace.events[i]);
	mp_freep(&trace.events);
}

Test(attach, what_has_ended_has_nothing)
{
	MP_AUTO(mp_attach_freep) struct mp_attach *attach = mp_attach_new();
	pid_t ended = start(use_nothing), zombie = fork();
	const pid_t pids[] = { ended, zombie, 2 /* kthreadd */ };
	siginfo_t info;

	if (zombie == 0)
		_exit(0);
	end(ended);
	cr_assert_eq(waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT), 0);
	for (size_t i = 0; i < MP_ARRAY_LEN(pids); i++) {
		MP_AUTO(mp_trace_freep) struct mp_trace *trace = read_process(pids[i]);
		MP_AUTO(mp_freep) char *exe = NULL;
		struct mp_error err = { 0 };

		cr_expect_eq(trace->n_events, 0, "process %d", (int)pids[i]);
		cr_expect_eq(mp_attach_program(attach, pids[i], &exe, &err), 0, "%s", err.msg);
		cr_expect_null(exe);
	}
	waitpid(zombie, NULL, 0);
}

Test(attach, without_privilege)
{
	pid_t other = start(use_nothing), pid = fork();
	int status;

	if (pid == 0) {
		MP_AUTO(mp_attach_freep) struct mp_attach *attach = mp_attach_new();
		struct mp_error err = { 0 };
		char *exe = NULL;

		REQUIRE(setresuid(65534, 65534, 65534) == 0);
		REQUIRE(mp_attach_program(attach, other, &exe, &err) == -1);
		REQUIRE(err.code == MP_E_TRACE && strstr(err.msg, "run with sudo"));
		_exit(0);
	}
	waitpid(pid, &status, 0);
	cr_expect_eq(status, 0);
	end(other);
}

/* Which processes */

/* A child, and a child of that. */
static void have_family(void)
{
	pid_t child = fork();

	if (child == 0) {
		fork();
		for (;;)
			pause();
	}
}

static void list_tree(pid_t pid, struct mp_processes *tree)
{
	struct mp_error err = { 0 };

	cr_assert_eq(mp_processes_of_tree(pid, tree, &err), 0, "%s", err.msg);
}

Test(attach, a_process_and_its_descendants)
{
	pid_t pid = start(have_family), other = start(use_nothing);
	MP_AUTO(mp_processes_free) struct mp_processes tree = { 0 };

	for (int i = 0; i < 500 && tree.n < 3; i++) {
		usleep(10000);
		list_tree(pid, &tree);
	}
	cr_expect_eq(tree.n, 3, "%zu", tree.n);
	cr_expect_eq(tree.v[0], pid);
	cr_expect_not(mp_processes_have(&tree, other) || mp_processes_have(&tree, getpid()));
	list_tree(pid, &tree);
	cr_expect_eq(tree.n, 3, "each is there once");
	for (size_t i = tree.n; i > 1; i--)
		kill(tree.v[i - 1], SIGKILL);
	end(pid);
	end(other);
	mp_processes_free(&tree);
	list_tree(pid, &tree);
	cr_expect_eq(tree.n, 0, "it has ended");
}

#define ID_DIGITS "0123456789abcdef"
#define CONTAINER_ID ID_DIGITS ID_DIGITS ID_DIGITS ID_DIGITS

Test(attach, control_groups_of_a_container)
{
	static const struct {
		const char *cgroup;
		bool is;
	} cases[] = {
		{ "/docker/" CONTAINER_ID, true },
		{ "/docker/" CONTAINER_ID "/inner/most", true },
		{ "/system.slice/docker-" CONTAINER_ID ".scope", true },
		{ "/machine.slice/libpod-" CONTAINER_ID ".scope/container", true },
		{ "/../" CONTAINER_ID, true },
		{ "/" CONTAINER_ID "0/" CONTAINER_ID, true },
		{ "/", false },
		{ "/docker/x" CONTAINER_ID, false },
		{ "/docker/" CONTAINER_ID "0", false },
		{ "/docker/" ID_DIGITS, false },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++)
		cr_expect_eq(mp_cgroup_is_of_container(cases[i].cgroup, CONTAINER_ID), cases[i].is,
			     "'%s'", cases[i].cgroup);
}

/* Makes @path, below a hierarchy of control groups, and puts @pid into it. */
static void enter(const char *path, pid_t pid)
{
	MP_AUTO(mp_freep) char *members = mp_path_join(path, "cgroup.procs");
	FILE *file;

	cr_assert(mkdir(path, 0755) == 0 || errno == EEXIST, "mkdir '%s': %s", path,
		  strerror(errno));
	if (!pid)
		return;
	file = fopen(members, "we");
	cr_assert(file && fprintf(file, "%d", (int)pid) > 0 && fclose(file) == 0, "'%s': %s",
		  members, strerror(errno));
}

static void leave(const char *path)
{
	for (int tries = 0; rmdir(path) < 0 && errno == EBUSY && tries < 200; tries++)
		usleep(10000);
	cr_expect(access(path, F_OK) < 0, "'%s' is left", path);
}

static void in_hierarchy(const char *hierarchy)
{
	MP_AUTO(mp_freep) char *top = mp_xasprintf("%s/mp-attach-%d", hierarchy, (int)getpid());
	MP_AUTO(mp_freep) char *group = mp_xasprintf("%s/%s", top, CONTAINER_ID);
	MP_AUTO(mp_freep) char *inner = mp_xasprintf("%s/inner", group);
	MP_AUTO(mp_processes_free) struct mp_processes found = { 0 };
	MP_AUTO(mp_processes_free) struct mp_processes by_id = { 0 };
	pid_t first = start(use_nothing), second = start(use_nothing), other = start(use_nothing);
	struct mp_error err = { 0 };

	enter(top, other);
	enter(group, first);
	enter(inner, second);
	cr_expect_eq(mp_processes_of_cgroup(group, &found, &err), 0, "%s", err.msg);
	cr_expect(found.n == 2 && mp_processes_have(&found, first) &&
			  mp_processes_have(&found, second),
		  "%zu in '%s'", found.n, group);
	cr_expect_eq(mp_processes_of_container(CONTAINER_ID, &by_id, &err), 0, "%s", err.msg);
	cr_expect(by_id.n == 2 && mp_processes_have(&by_id, first) &&
			  mp_processes_have(&by_id, second),
		  "%zu by ID", by_id.n);
	end(first);
	end(second);
	end(other);
	leave(inner);
	leave(group);
	leave(top);
	mp_processes_free(&found);
	cr_expect_eq(mp_processes_of_cgroup(group, &found, &err), 0, "it is gone: %s", err.msg);
	cr_expect_eq(found.n, 0);
}

Test(attach, processes_of_a_control_group)
{
	static const char *const hierarchies[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified",
						   "/sys/fs/cgroup/pids" };
	const char *must = getenv("MP_TEST_MUST_RUN");
	int tried = 0;

	for (size_t i = 0; i < MP_ARRAY_LEN(hierarchies); i++) {
		MP_AUTO(mp_freep) char *members = mp_path_join(hierarchies[i], "cgroup.procs");

		if (access(members, W_OK) < 0)
			continue;
		in_hierarchy(hierarchies[i]);
		tried++;
	}
	if (tried == 0 && !(must && strstr(must, "bpf")))
		cr_skip("no control groups that this user may make");
	cr_expect(tried > 0, "no control groups that this user may make");
}

Test(attach, only_from_the_hosts_pid_namespace)
{
	struct mp_error err = { 0 };
	pid_t pid;
	int status;

	if (mp_processes_check(&err))
		cr_skip("%s", err.msg);
	pid = fork();
	if (pid == 0) {
		REQUIRE(unshare(CLONE_NEWPID) == 0);
		pid = fork();
		if (pid == 0) {
			REQUIRE(mp_processes_check(&err) == -1 && err.code == MP_E_TRACE);
			REQUIRE(strstr(err.msg, "only from the host's own PID namespace"));
			_exit(0);
		}
		REQUIRE(waitpid(pid, &status, 0) == pid && status == 0);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	cr_expect_eq(status, 0);
}
