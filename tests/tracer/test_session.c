/* SPDX-License-Identifier: BSD-2-Clause */
#include "contained.h"

#include <dirent.h>
#include <linux/types.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "bpf/event.h"

/* Which processes are followed, what is counted, and what a recorder leaves behind. */

TestSuite(session, .init = traced_setup, .fini = traced_teardown, .timeout = 120);

/* Families */

static void *in_thread(void *path)
{
	REQUIRE(open_file(path));
	return NULL;
}

static void run_thread(const char *path)
{
	pthread_t thread;

	REQUIRE(pthread_create(&thread, NULL, in_thread, (void *)path) == 0);
	REQUIRE(pthread_join(thread, NULL) == 0);
}

/* A grandchild whose parent is gone, as daemons are; the pipe says when it is done. */
static void run_daemon(const char *path)
{
	int ends[2];
	char byte;
	pid_t pid;

	REQUIRE(pipe(ends) == 0);
	pid = fork();
	if (pid == 0) {
		if (fork() > 0)
			_exit(0);
		REQUIRE(setsid() > 0 && open_file(path));
		_exit(0);
	}
	wait_for(pid);
	close(ends[1]);
	REQUIRE(read(ends[0], &byte, 1) == 0);
}

SCENARIO(leaf)
{
	REQUIRE(open_file("by-exec"));
}

static void *in_thread_exec(void *unused)
{
	char *argv[] = { (char *)"self", NULL };
	char *envp[] = { (char *)SCENARIO_VARIABLE "=leaf2", NULL };

	(void)unused;
	execve("/proc/self/exe", argv, envp);
	_exit(97);
}

SCENARIO(leaf2)
{
	REQUIRE(open_file("by-exec-of-a-thread"));
}

static void *after_main(void *unused)
{
	(void)unused;
	usleep(100000); /* the main thread has ended by now */
	REQUIRE(open_file("after-main-thread"));
	_exit(0);
}

SCENARIO(family)
{
	char *argv[] = { (char *)"self", NULL };
	char *envp[] = { (char *)SCENARIO_VARIABLE "=leaf", NULL };
	pthread_t thread;
	pid_t pid;

	pid = fork();
	if (pid == 0)
		_exit(open_file("by-fork") ? 0 : 1);
	wait_for(pid);
	pid = vfork();
	if (pid == 0)
		_exit(syscall(SYS_openat, AT_FDCWD, "by-vfork", O_RDONLY) < 0);
	wait_for(pid);
	run_thread("by-thread");
	run_daemon("by-daemon");
	pid = fork();
	if (pid == 0) {
		execve("/proc/self/exe", argv, envp);
		_exit(97);
	}
	wait_for(pid);
	pid = fork();
	if (pid == 0) {
		pthread_create(&thread, NULL, in_thread_exec, NULL);
		pthread_join(thread, NULL);
		_exit(97);
	}
	wait_for(pid);
	pid = fork();
	if (pid == 0) {
		pthread_create(&thread, NULL, after_main, NULL);
		syscall(SYS_exit, 0);
	}
	wait_for(pid);
}

Test(session, children_and_threads_are_followed)
{
	static const char *const files[] = { "by-fork",           "by-vfork", "by-thread",
					     "by-daemon",         "by-exec",  "by-exec-of-a-thread",
					     "after-main-thread", "elsewhere" };
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;

	for (size_t i = 0; i < MP_ARRAY_LEN(files); i++)
		make_file(files[i], "", 0644);
	trace = traced_run("family", 0, NULL);
	for (size_t i = 0; i + 1 < MP_ARRAY_LEN(files); i++)
		expect_opened(trace, files[i]);
	expect_complete(trace);
	for (size_t i = 0; i < trace->n_events; i++)
		cr_expect_eq(trace->events[i].session, 0, "'%s'", trace->events[i].path);
}

/* Others */

SCENARIO(followed)
{
	REQUIRE(open_file("followed"));
}

SCENARIO(unrelated)
{
	REQUIRE(open_file("unrelated"));
}

/* Neither another process, nor the tracer, nor what a process did before its exec. */
Test(session, others_are_not_followed)
{
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = traced_open(0);
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	MP_AUTO(mp_freep) char *path = at_work("unrelated");
	struct mp_error err = { 0 };
	pid_t followed, unrelated;
	int go, other_go;

	make_file("followed", "", 0644);
	make_file("unrelated", "", 0644);
	followed = traced_fork("followed", &go);
	unrelated = traced_fork("unrelated", &other_go);
	cr_assert(mp_session_add_process(mp_recorder_session(recorder), 0, followed, &err) == 0);
	traced_go(other_go);
	traced_go(go);
	cr_assert(open_file(path));
	cr_assert_eq(traced_wait(unrelated), 0);
	cr_assert_eq(traced_wait(followed), 0);
	trace = traced_finish(&recorder, NULL);
	expect_opened(trace, "followed");
	expect_no_event(trace, "unrelated");
	cr_expect_eq(first_event(trace)->op, MP_OP_EXEC);
	cr_expect_str_eq(first_event(trace)->path, own_exe);
	expect_complete(trace);
}

Test(session, two_at_once)
{
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = traced_open(0);
	MP_AUTO(mp_trace_freep) struct mp_trace *first = NULL;
	MP_AUTO(mp_trace_freep) struct mp_trace *second = NULL;
	struct mp_error err = { 0 };
	int go;
	pid_t pid = traced_fork("unrelated", &go);

	make_file("followed", "", 0644);
	make_file("unrelated", "", 0644);
	cr_assert(mp_session_add_process(mp_recorder_session(recorder), 0, pid, &err) == 0);
	snprintf(trace_path, sizeof(trace_path), "%s/second.jsonl", out_dir);
	second = traced_run("followed", 0, NULL);
	traced_go(go);
	cr_assert_eq(traced_wait(pid), 0);
	snprintf(trace_path, sizeof(trace_path), "%s/trace.jsonl", out_dir);
	first = traced_finish(&recorder, NULL);
	expect_opened(first, "unrelated");
	expect_no_event(first, "/followed");
	expect_opened(second, "followed");
	expect_no_event(second, "unrelated");
	expect_complete(first);
	expect_complete(second);
}

/* Many */

#define MILLION 1000000

SCENARIO(million)
{
	for (int i = 0; i < MILLION; i++)
		REQUIRE(open_file("same"));
}

Test(session, a_million_opens_are_one_event)
{
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	MP_AUTO(mp_freep) char *path = at_work("same");
	int count = 0;

	make_file("same", "", 0644);
	trace = traced_run("million", 64 << 10, NULL);
	for (size_t i = 0; i < trace->n_events; i++)
		count += strcmp(trace->events[i].path, path) == 0;
	cr_expect_eq(count, 1, "%d events", count);
	expect_complete(trace);
}

#define FLOOD_PROCESSES 4
#define FLOOD_PATHS 5000
#define FLOOD_LENGTH 600 /* all of them are less than the default buffer */

/* Different paths, as fast as they can be said; none of them exists. */
SCENARIO(flood)
{
	for (int process = 0; process < FLOOD_PROCESSES; process++) {
		char path[FLOOD_LENGTH + 64];
		pid_t pid = fork();

		REQUIRE(pid >= 0);
		if (pid > 0)
			continue;
		memset(path, '/', sizeof(path));
		memcpy(path, "./", 2);
		for (int i = 0; i < FLOOD_PATHS; i++) {
			snprintf(path + FLOOD_LENGTH, 64, "flood-%d-%d", process, i);
			open_file(path);
		}
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
}

/* The number of paths with "flood-" in the trace. */
static uint64_t count_flood(const struct mp_trace *trace)
{
	uint64_t count = 0;

	for (size_t i = 0; i < trace->n_events; i++)
		count += strstr(trace->events[i].path, "/flood-") != NULL;
	return count;
}

/* A buffer that is too small loses events, and says how many: each is there or counted. */
Test(session, what_is_lost_is_counted)
{
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	struct mp_trace_losses losses;
	uint64_t seen;

	trace = traced_run("flood", 64 << 10, &losses);
	seen = count_flood(trace);
	cr_expect_geq(seen + losses.dropped, FLOOD_PROCESSES * FLOOD_PATHS,
		      "%llu seen, %llu dropped", (unsigned long long)seen,
		      (unsigned long long)losses.dropped);
	cr_expect_eq(trace->complete, losses.dropped == 0, "%llu dropped, but it is %scomplete",
		     (unsigned long long)losses.dropped, trace->complete ? "" : "not ");
	cr_expect_eq(trace->losses.dropped, losses.dropped);
}

Test(session, the_default_buffer_takes_all)
{
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	struct mp_trace_losses losses;

	trace = traced_run("flood", 0, &losses);
	cr_expect_eq(count_flood(trace), FLOOD_PROCESSES * FLOOD_PATHS, "%llu seen",
		     (unsigned long long)count_flood(trace));
	expect_complete(trace);
}

/* Containers */

/* Executes the scenario `contained` in @cgroup. Returns its exit status. */
static int run_in(const char *cgroup, bool own_mounts, const char *file)
{
	char *argv[] = { own_exe, (char *)file, NULL };
	MP_AUTO(mp_freep) char *variable = mp_xasprintf("MP_TEST_FILE=%s", file);
	char *envp[] = { (char *)SCENARIO_VARIABLE "=contained", variable, NULL };
	pid_t pid = fork();

	cr_assert(pid >= 0);
	if (pid == 0) {
		enter_cgroup(cgroup);
		REQUIRE(!own_mounts || (unshare(CLONE_NEWNS) == 0 &&
					mount("", "/", "", MS_REC | MS_PRIVATE, "") == 0));
		REQUIRE(chdir(work_dir) == 0);
		execve(own_exe, argv, envp);
		_exit(97);
	}
	return traced_wait(pid);
}

SCENARIO(contained)
{
	REQUIRE(open_file(getenv("MP_TEST_FILE")));
}

static void try_container(const char *hierarchy, const char *name, bool own_mounts, bool followed)
{
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = traced_open(0);
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	MP_AUTO(remove_cgroup) char *cgroup = make_cgroup(hierarchy, name);
	struct mp_error err = { 0 };
	const struct mp_trace_event *event;

	cr_assert(mp_session_add_container(mp_recorder_session(recorder), 0, CONTAINER_ID, &err) ==
		  0);
	cr_assert_eq(run_in(cgroup, own_mounts, "first"), 0);
	cr_assert_eq(run_in(cgroup, own_mounts, "second"), 0);
	trace = traced_finish(&recorder, NULL);
	event = find_event(trace, MP_OP_OPEN, "first");
	cr_expect_eq(event != NULL, followed, "'%s' in %s: %sfollowed", name, hierarchy,
		     event ? "" : "not ");
	if (!followed || !event)
		return;
	cr_expect_eq(event->session, 0, "the first tree is the main process's");
	event = find_event(trace, MP_OP_OPEN, "second");
	cr_expect(event && event->session == 1, "the second tree is another session");
	cr_expect_str_eq(first_event(trace)->path, own_exe, "it begins with the exec");
	expect_complete(trace);
}

Test(session, containers_by_their_cgroup)
{
	static const struct {
		const char *name;
		bool own_mounts, followed;
	} cases[] = {
		{ "docker/" CONTAINER_ID, true, true },
		{ "system.slice/docker-" CONTAINER_ID ".scope", true, true },
		{ "machine.slice/libpod-" CONTAINER_ID ".scope", true, true },
		{ "kubepods/" CONTAINER_ID "/inner/most", true, true },
		{ "docker/" CONTAINER_ID, false, false }, /* the runtime, not yet inside */
		{ "docker/" OTHER_ID, true, false },
		{ "docker/x" CONTAINER_ID, true, false },
		{ "docker/" CONTAINER_ID "0", true, false },
		{ "docker/0123", true, false },
	};
	int tried = 0;

	make_file("first", "", 0644);
	make_file("second", "", 0644);
	for (size_t h = 0; h < MP_ARRAY_LEN(hierarchies); h++) {
		if (!is_hierarchy(hierarchies[h]))
			continue;
		tried++;
		for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++)
			try_container(hierarchies[h], cases[i].name, cases[i].own_mounts,
				      cases[i].followed);
	}
	if (tried == 0 && !must_run_bpf())
		cr_skip("no control groups that this user may make");
	cr_expect(tried > 0, "no control groups that this user may make");
}

/* Refusals */

Test(session, container_ids)
{
	static const struct {
		const char *id;
		bool good;
	} cases[] = {
		{ CONTAINER_ID, true },
		{ "", false },
		{ "0123456789ab", false },
		{ CONTAINER_ID "0", false },
		{ "g123456789abcdef" ID_DIGITS ID_DIGITS ID_DIGITS, false },
		{ "F123456789ABCDEF" ID_DIGITS ID_DIGITS ID_DIGITS, false },
		{ "../3456789abcdef" ID_DIGITS ID_DIGITS ID_DIGITS, false },
	};
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = traced_open(0);

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_error err = { 0 };
		int rc = mp_session_add_container(mp_recorder_session(recorder), 0, cases[i].id,
						  &err);

		cr_expect_eq(rc, cases[i].good ? 0 : -1, "'%s': %d", cases[i].id, rc);
		if (cases[i].good)
			continue;
		cr_expect_eq(err.code, MP_E_USAGE, "'%s': code %d", cases[i].id, err.code);
		cr_expect(strstr(err.msg, "is no container ID of 64 hexadecimal digits"), "'%s'",
			  err.msg);
	}
}

/* The files in @path, but for . and .. */
static int count_files(const char *path)
{
	DIR *dir = opendir(path);
	int count = -2;

	cr_assert(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

Test(session, buffer_sizes)
{
	static const struct {
		size_t bytes;
		bool good;
	} cases[] = {
		{ 1, false },        { 4096, false },
		{ 65535, false },    { 65537, false },
		{ 3 << 20, false },  { (size_t)2 << 30, false },
		{ SIZE_MAX, false }, { (size_t)1 << 63, false },
		{ 65536, true },     { 1 << 20, true },
		{ 64 << 20, true },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		const struct mp_session_options options = { .buffer_bytes = cases[i].bytes };
		MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = NULL;
		struct mp_error err = { 0 };
		int rc = mp_recorder_open(&options, &recorder, &err);

		cr_expect_eq(rc, cases[i].good ? 0 : -1, "%zu bytes: %s", cases[i].bytes, err.msg);
		if (cases[i].good)
			continue;
		cr_expect_null(recorder);
		cr_expect_eq(err.code, MP_E_USAGE);
		cr_expect(strstr(err.msg, "a power of two from 64 KiB to 1 GiB"), "'%s'", err.msg);
		cr_expect_eq(count_files(out_dir), 0, "%zu bytes: a file is left", cases[i].bytes);
	}
}

Test(session, closing_without_finish_leaves_no_file)
{
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = traced_open(0);

	cr_expect_eq(count_files(out_dir), 1, "it is written beside its place");
	cr_expect(access(trace_path, F_OK) < 0);
	mp_recorder_freep(&recorder);
	cr_expect_null(recorder);
	cr_expect_eq(count_files(out_dir), 0);
}

/* Nor does it touch what stood there. */
Test(session, an_older_trace_stays_until_finish)
{
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = NULL;
	char byte = 0;
	int fd;

	fd = open(trace_path, O_WRONLY | O_CREAT, 0600);
	cr_assert(fd >= 0 && write(fd, "x", 1) == 1);
	close(fd);
	recorder = traced_open(0);
	mp_recorder_freep(&recorder);
	fd = open(trace_path, O_RDONLY);
	cr_expect(read(fd, &byte, 1) == 1 && byte == 'x');
	close(fd);
	recorder = traced_open(0);
	trace = traced_finish(&recorder, NULL);
	cr_expect_eq(trace->n_events, 0);
	cr_expect_eq(count_files(out_dir), 1);
}

Test(session, an_empty_trace_is_said_to_be)
{
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = traced_open(0);
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = traced_finish(&recorder, NULL);
	struct mp_error err = { 0 };

	cr_expect_str_eq(trace->header.source, "command");
	cr_expect_null(trace->header.image);
	cr_expect_str_eq(trace->header.generator, "micropack " MP_VERSION);
	cr_expect_eq(mp_trace_check_complete(trace, &err), -1);
	cr_expect_eq(err.code, MP_E_INCOMPLETE);
	cr_expect_str_eq(err.msg, "the trace is empty: nothing ran");
}

Test(session, a_folder_that_does_not_exist)
{
	const struct mp_recorder_trace trace = { .path = "/nonexistent/trace.jsonl",
						 .source = "command" };
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = traced_open(0);
	struct mp_error err = { 0 };
	unsigned int sink;

	cr_expect_eq(mp_recorder_add(recorder, &trace, &sink, &err), -1);
	cr_expect_str_eq(err.msg, "create '/nonexistent/trace.jsonl': No such file or directory");
}
