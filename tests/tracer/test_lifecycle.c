/* SPDX-License-Identifier: BSD-2-Clause */
#include "contained.h"

#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* How processes begin and end: nothing of a short life is missed, nothing of a stranger is taken.
 */

TestSuite(lifecycle, .init = traced_setup, .fini = traced_teardown, .timeout = 300);

/* How often: as a soak test more often than usual. */
static int times(int otherwise)
{
	const char *text = getenv("MICROPACK_TEST_RUNS");

	return text && atoi(text) > 0 ? atoi(text) : otherwise;
}

static void follow_process(struct mp_recorder *recorder, pid_t pid)
{
	struct mp_error err = { 0 };

	cr_assert(mp_session_add_process(mp_recorder_session(recorder), 0, pid, &err) == 0, "%s",
		  err.msg);
}

static void follow_container(struct mp_recorder *recorder, unsigned int sink, const char *id)
{
	struct mp_error err = { 0 };

	cr_assert(mp_session_add_container(mp_recorder_session(recorder), sink, id, &err) == 0,
		  "%s", err.msg);
}

/* The events that are about a path with @text in it; those of another session are counted too. */
static size_t count_events(const struct mp_trace *trace, const char *text, unsigned int session,
			   size_t *others_out)
{
	size_t n = 0, others = 0;

	for (size_t i = 0; i < trace->n_events; i++) {
		if (!strstr(trace->events[i].path, text))
			continue;
		if (trace->events[i].session == session)
			n++;
		else
			others++;
	}
	if (others_out)
		*others_out = others;
	return n;
}

/* Container @number of this test: another test may run at the same time. */
static void container_id(int number, char id[65])
{
	snprintf(id, 65, "%032x%032x", (unsigned int)getpid(), (unsigned int)number);
}

/* Short lives */

#define LIFE_FILES 3

/* A container that opens its three files and is gone, about a millisecond after its start. */
static void live_shortly(const char *hierarchy, const char *id, int number)
{
	MP_AUTO(mp_freep) char *name = mp_xasprintf("docker/%s", id);
	MP_AUTO(remove_cgroup) char *cgroup = make_cgroup(hierarchy, name);
	char script[128];

	snprintf(script, sizeof(script), ": >life-%d-a; : >life-%d-b; : >life-%d-c", number, number,
		 number);
	cr_assert_eq(run_shell_in(cgroup, true, script), 0);
}

static char *life_path(int number)
{
	return mp_xasprintf("%s/life-%d.jsonl", out_dir, number);
}

/* Its sink. */
static unsigned int add_life(struct mp_recorder *recorder, int number)
{
	MP_AUTO(mp_freep) char *path = life_path(number);
	const struct mp_recorder_trace trace = { .path = path, .source = "container" };
	struct mp_error err = { 0 };
	unsigned int sink;

	cr_assert(mp_recorder_add(recorder, &trace, &sink, &err) == 0, "%s", err.msg);
	return sink;
}

/* The trace is of life @number and of nothing else. */
static void expect_life(const struct mp_trace *trace, int number)
{
	MP_AUTO(mp_freep) char *text = mp_xasprintf("/life-%d-", number);
	size_t others, n = count_events(trace, text, 0, &others);

	cr_expect_eq(n, LIFE_FILES, "of life %d there are %zu events", number, n);
	cr_expect_eq(others, 0, "life %d: a main process is told as another session", number);
	n = count_events(trace, "/life-", 0, NULL);
	cr_expect_eq(n, LIFE_FILES, "life %d has %zu events of others", number, n - LIFE_FILES);
	cr_expect_eq(first_event(trace)->op, MP_OP_EXEC);
	cr_expect_str_eq(first_event(trace)->path, "/bin/sh", "it begins with the exec");
	expect_complete(trace);
}

/* One after the other under one tracer, each with a trace of its own. */
Test(lifecycle, short_lives)
{
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = traced_open(0);
	const char *hierarchy = any_hierarchy();
	const int lives = times(500) < 1000 ? times(500) : 1000; /* a session has 1,024 */
	char id[65];

	for (int i = 0; i < lives; i++) {
		container_id(i, id);
		follow_container(recorder, add_life(recorder, i), id);
		live_shortly(hierarchy, id, i);
	}
	mp_trace_freep(&(struct mp_trace *){ traced_finish(&recorder, NULL) });
	for (int i = 0; i < lives; i++) {
		MP_AUTO(mp_freep) char *path = life_path(i);
		MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
		struct mp_error err = { 0 };

		cr_assert(mp_trace_read(path, &trace, &err) == 0, "%s", err.msg);
		expect_life(trace, i);
	}
}

/* Armed, lived, ended: the recorder finishes at once, and nothing else is in its trace. */
Test(lifecycle, a_tracer_for_each_short_life)
{
	const char *hierarchy = any_hierarchy();
	char id[65];

	for (int i = 0; i < times(25); i++) {
		MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = traced_open(0);
		MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;

		container_id(i, id);
		follow_container(recorder, 0, id);
		live_shortly(hierarchy, id, i);
		trace = traced_finish(&recorder, NULL);
		expect_life(trace, i);
	}
}

/* Who is the main process */

/* Process 1 of the container is, also after a restart; what enters is not, whenever it does. */
Test(lifecycle, main_process_and_those_that_enter)
{
	static const struct {
		const char *text;
		bool as_process_1;
		unsigned int session;
	} trees[] = {
		{ "first-life", true, 0 },  { "entered", false, 1 },    { "again", false, 1 },
		{ "second-life", true, 0 }, { "late-entry", false, 1 },
	};
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = traced_open(0);
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	MP_AUTO(remove_cgroup) char *cgroup = NULL;
	char id[65];

	container_id(0, id);
	cgroup = make_cgroup(any_hierarchy(), id);
	follow_container(recorder, 0, id);
	for (size_t i = 0; i < MP_ARRAY_LEN(trees); i++) {
		MP_AUTO(mp_freep)
		char *script = mp_xasprintf(": >%s-here; sh -c ': >%s-child'; :", trees[i].text,
					    trees[i].text);

		cr_assert_eq(run_shell_in(cgroup, trees[i].as_process_1, script), 0);
	}
	trace = traced_finish(&recorder, NULL);
	for (size_t i = 0; i < MP_ARRAY_LEN(trees); i++) {
		MP_AUTO(mp_freep) char *text = mp_xasprintf("/%s-", trees[i].text);
		size_t others, n = count_events(trace, text, trees[i].session, &others);

		cr_expect(n == 2 && others == 0, "%s: %zu of session %u, %zu of another",
			  trees[i].text, n, trees[i].session, others);
	}
	expect_complete(trace);
}

/* Who begins */

static int raw_clone3(struct clone_args *args)
{
	return (int)syscall(SYS_clone3, args, sizeof(*args));
}

/* A child by clone3(2), without what fork(3) does; @pid: the one that it has to get, or 0. */
static pid_t clone3_fork(uint64_t flags, pid_t pid)
{
	struct clone_args args = {
		.flags = flags,
		.exit_signal = SIGCHLD,
		.set_tid = pid ? (uintptr_t)&pid : 0,
		.set_tid_size = pid != 0,
	};

	return raw_clone3(&args);
}

#define STORM_CHILDREN 2000
#define STORM_AT_ONCE 64

/* Children that do one thing each, and are gone. */
SCENARIO(storm)
{
	char name[32];

	for (int i = 0; i < STORM_CHILDREN; i++) {
		pid_t pid;

		if (i >= STORM_AT_ONCE)
			REQUIRE(wait(NULL) > 0);
		pid = fork();
		REQUIRE(pid >= 0);
		if (pid > 0)
			continue;
		snprintf(name, sizeof(name), "storm-%d", i);
		_exit(open(name, O_WRONLY | O_CREAT, 0600) < 0);
	}
	while (wait(NULL) > 0)
		;
}

Test(lifecycle, a_storm_of_children)
{
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = traced_run("storm", 0, NULL);
	bool *seen = mp_xcalloc(STORM_CHILDREN, sizeof(*seen));
	int missing = 0;

	for (size_t i = 0; i < trace->n_events; i++) {
		const char *name = strstr(trace->events[i].path, "/storm-");

		if (name && atoi(name + 7) < STORM_CHILDREN)
			seen[atoi(name + 7)] = true;
	}
	for (int i = 0; i < STORM_CHILDREN; i++)
		missing += !seen[i];
	mp_freep(&seen);
	cr_expect_eq(missing, 0, "%d of %d children are missing", missing, STORM_CHILDREN);
	expect_complete(trace);
}

#define STACK_SIZE 65536

/* What a child of clone(2) that shares things does: open its file. */
static int open_argument(void *name)
{
	return syscall(SYS_openat, AT_FDCWD, name, O_RDONLY) < 0;
}

static int enter_sub(void *unused)
{
	(void)unused;
	return syscall(SYS_chdir, "sub") != 0;
}

static int open_sub(void *unused)
{
	(void)unused;
	return (int)syscall(SYS_openat, AT_FDCWD, "..", O_RDONLY | O_DIRECTORY);
}

static int clone_and_wait(int (*function)(void *), int flags, const char *argument)
{
	char *stack =
		mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	REQUIRE(stack != MAP_FAILED);
	pid = clone(function, stack + STACK_SIZE, flags | SIGCHLD, (void *)argument);
	REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

SCENARIO(clones)
{
	int dir;
	pid_t pid = clone3_fork(0, 0);

	if (pid == 0)
		_exit(open_argument((void *)"by-clone3"));
	wait_for(pid);
	pid = clone3_fork(CLONE_NEWPID, 0);
	if (pid == 0)
		_exit(getpid() != 1 || open_argument((void *)"by-process-1"));
	wait_for(pid);
	REQUIRE(clone_and_wait(open_argument, CLONE_VM | CLONE_VFORK, "by-shared-memory") == 0);
	/* The working directory is the child's too: what it makes of it is what the parent has. */
	REQUIRE(clone_and_wait(enter_sub, CLONE_FS, NULL) == 0);
	REQUIRE(open_file("in-sub"));
	REQUIRE(clone_and_wait(open_argument, 0, "in-sub-child") == 0);
	/* And so are the descriptors: this one is of a directory that only the child has opened. */
	dir = clone_and_wait(open_sub, CLONE_FILES, NULL);
	REQUIRE(openat(dir, "by-descriptor", O_RDONLY) >= 0);
}

Test(lifecycle, ways_to_make_a_child)
{
	static const char *const files[] = { "by-clone3",  "by-process-1",     "by-shared-memory",
					     "sub/in-sub", "sub/in-sub-child", "by-descriptor" };
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;

	make_folder("sub");
	for (size_t i = 0; i < MP_ARRAY_LEN(files); i++)
		make_file(files[i], "", 0644);
	trace = traced_run("clones", 0, NULL);
	for (size_t i = 0; i < MP_ARRAY_LEN(files); i++)
		expect_opened(trace, files[i]);
	expect_complete(trace);
}

#define RACES 30
#define RACERS 8

/* Each thread executes the next program; one wins, and is the process from then on. */
static void *race_to_exec(void *barrier)
{
	char *argv[] = { (char *)"self", NULL };
	char *envp[] = { (char *)SCENARIO_VARIABLE "=race_won", NULL, NULL };

	envp[1] = mp_xasprintf("MP_TEST_FILE=%s", getenv("MP_TEST_FILE"));
	pthread_barrier_wait(barrier);
	execve("/proc/self/exe", argv, envp);
	_exit(97);
}

SCENARIO(race_won)
{
	REQUIRE(open(getenv("MP_TEST_FILE"), O_WRONLY | O_CREAT, 0600) >= 0);
}

SCENARIO(races)
{
	pthread_barrier_t barrier;
	pthread_t thread;
	char name[32];

	for (int i = 0; i < RACES; i++) {
		pid_t pid = fork();

		if (pid > 0) {
			wait_for(pid);
			continue;
		}
		snprintf(name, sizeof(name), "race-%d-", i);
		REQUIRE(pid == 0 && setenv("MP_TEST_FILE", name, 1) == 0);
		REQUIRE(pthread_barrier_init(&barrier, NULL, RACERS) == 0);
		for (int racer = 0; racer < RACERS; racer++)
			REQUIRE(pthread_create(&thread, NULL, race_to_exec, &barrier) == 0);
		pause();
	}
}

Test(lifecycle, threads_that_race_to_exec)
{
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = traced_run("races", 0, NULL);

	for (int i = 0; i < RACES; i++) {
		MP_AUTO(mp_freep) char *text = mp_xasprintf("/race-%d-", i);

		cr_expect_eq(count_events(trace, text, 0, NULL), 1, "race %d", i);
	}
	expect_complete(trace);
}

/* Who gets the number of one that has ended */

/*
 * A process with number @pid that executes @scenario at once. The kernel gives a number on demand
 * only (Linux 5.5), and a stranger on this machine may have it already: then 0 is returned.
 */
static pid_t start_as(pid_t pid, const char *scenario)
{
	MP_AUTO(mp_freep) char *variable = mp_xasprintf("%s=%s", SCENARIO_VARIABLE, scenario);
	char *argv[] = { own_exe, NULL };
	char *envp[] = { variable, NULL };
	pid_t got = clone3_fork(0, pid);

	if (got == 0) {
		/* The tracer's thread is not here: no allocation. */
		if (chdir(work_dir) == 0)
			execve(own_exe, argv, envp);
		_exit(98);
	}
	cr_assert(got == pid || errno == EEXIST, "a process with number %d: %s", (int)pid,
		  strerror(errno));
	return got == pid ? pid : 0;
}

/* Where numbers are those of a nested namespace, they are not what the kernel side has. */
static void require_first_pid_namespace(void)
{
	char name[64] = "";

	cr_assert(readlink("/proc/self/ns/pid", name, sizeof(name) - 1) > 0);
	if (strcmp(name, "pid:[4026531836]") != 0)
		cr_skip("the first PID namespace is needed");
}

static void *end_later(void *unused)
{
	(void)unused;
	usleep(2000);
	return NULL; /* the last thread */
}

SCENARIO(ends)
{
	REQUIRE(open_file("followed"));
}

/* Its first thread is gone before it. */
SCENARIO(ends_by_another_thread)
{
	pthread_t thread;

	REQUIRE(open_file("followed"));
	REQUIRE(pthread_create(&thread, NULL, end_later, NULL) == 0);
	syscall(SYS_exit, 0);
}

SCENARIO(ends_as_another_program)
{
	char *argv[] = { (char *)"self", NULL };
	char *envp[] = { (char *)SCENARIO_VARIABLE "=race_won", (char *)"MP_TEST_FILE=followed",
			 NULL };
	pthread_t thread;

	if (open_file("followed") && pthread_create(&thread, NULL, end_later, NULL) == 0)
		execve("/proc/self/exe", argv, envp);
	_exit(97);
}

SCENARIO(ends_by_signal)
{
	REQUIRE(open_file("followed"));
	raise(SIGKILL);
}

SCENARIO(stranger)
{
	REQUIRE(open_file("strange"));
}

/* A process in the table of the followed ends in each way that there is; a stranger follows. */
Test(lifecycle, a_stranger_with_the_same_number)
{
	static const char *const ends[] = { "ends", "ends_by_another_thread",
					    "ends_as_another_program", "ends_by_signal",
					    NULL /* before it has executed anything */ };
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = NULL;
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	size_t strangers[MP_ARRAY_LEN(ends)] = { 0 };

	require_first_pid_namespace();
	make_file("followed", "", 0644);
	make_file("strange", "", 0644);
	recorder = traced_open(0);
	for (size_t i = 0; i < MP_ARRAY_LEN(ends) * 20; i++) {
		const char *end = ends[i % MP_ARRAY_LEN(ends)];
		int go;
		pid_t pid = traced_fork(end ? end : "none", &go);

		follow_process(recorder, pid);
		if (end)
			traced_go(go);
		else
			close(go);
		traced_wait(pid);
		if (start_as(pid, "stranger"))
			strangers[i % MP_ARRAY_LEN(ends)] += traced_wait(pid) == 0;
	}
	trace = traced_finish(&recorder, NULL);
	for (size_t i = 0; i < MP_ARRAY_LEN(ends); i++)
		cr_expect(strangers[i] > 0, "no stranger after '%s'", ends[i] ? ends[i] : "");
	expect_opened(trace, "followed");
	expect_no_event(trace, "strange");
	expect_complete(trace);
}

/* A child that gets the number of an ended sibling is followed, and not taken for its program. */
SCENARIO(heirs)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)":", NULL };
	pid_t first, second;

	for (int tries = 0; tries < 100; tries++) {
		first = fork();
		if (first == 0) {
			execve("/bin/sh", argv, environ);
			_exit(97);
		}
		wait_for(first);
		second = clone3_fork(0, first);
		if (second == 0)
			_exit(open_argument((void *)"heir"));
		if (second < 0)
			continue;
		wait_for(second);
		return;
	}
	REQUIRE(!"no child got the number");
}

static void expect_heir(const struct mp_trace *trace)
{
	const struct mp_trace_event *event = find_event(trace, MP_OP_OPEN, "heir");

	cr_assert(event, "it is not followed");
	cr_expect_str_eq(event->exe, own_exe);
	expect_complete(trace);
}

Test(lifecycle, a_child_with_the_number_of_a_sibling)
{
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;

	make_file("heir", "", 0644);
	trace = traced_run("heirs", 0, NULL);
	expect_heir(trace);
}

/* Nor does it matter that a stranger had the number. */
SCENARIO(heir_of_a_stranger)
{
	char number[16] = "";
	int fd = open("number", O_RDONLY);
	pid_t pid;

	REQUIRE(fd >= 0 && read(fd, number, sizeof(number) - 1) > 0);
	pid = clone3_fork(0, atoi(number));
	if (pid == 0)
		_exit(open_argument((void *)"heir"));
	if (pid < 0 && errno == EEXIST)
		return; /* one of another test has it already */
	wait_for(pid);
}

Test(lifecycle, a_child_with_the_number_of_a_stranger)
{
	MP_AUTO(mp_freep) char *path = at_work("number");

	require_first_pid_namespace();
	make_file("heir", "", 0644);
	make_file("strange", "", 0644);
	for (int tries = 0; tries < 20; tries++) {
		MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = traced_open(0);
		MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
		char number[16];
		int go, heir_go;
		pid_t stranger = traced_fork("stranger", &go);
		pid_t heir = traced_fork("heir_of_a_stranger", &heir_go);

		traced_go(go);
		cr_assert_eq(traced_wait(stranger), 0);
		unlink(path);
		snprintf(number, sizeof(number), "%d", (int)stranger);
		make_file("number", number, 0644);
		follow_process(recorder, heir);
		traced_go(heir_go);
		cr_assert_eq(traced_wait(heir), 0);
		trace = traced_finish(&recorder, NULL);
		expect_no_event(trace, "strange");
		if (!find_event(trace, MP_OP_OPEN, "heir"))
			continue;
		expect_heir(trace);
		return;
	}
	cr_assert(false, "it is not followed");
}

/* Ends with events in flight */

#define IN_FLIGHT 2000

SCENARIO(in_flight)
{
	char name[32];

	for (int i = 0; i < IN_FLIGHT; i++) {
		snprintf(name, sizeof(name), "flight-%d", i);
		syscall(SYS_openat, AT_FDCWD, name, O_RDONLY);
	}
}

/* It says the most in its last moment, and the tracer finishes in the same. */
Test(lifecycle, an_end_with_events_in_flight)
{
	for (int round = 0; round < times(10); round++) {
		MP_AUTO(mp_trace_freep) struct mp_trace *trace = traced_run("in_flight", 0, NULL);
		size_t n = count_events(trace, "/flight-", 0, NULL);

		cr_expect_eq(n, IN_FLIGHT, "round %d: %zu of %d", round, n, IN_FLIGHT);
		expect_complete(trace);
	}
}

/* How far the scenario below has come: in memory that outlives it. */
static atomic_int *map_counter(void)
{
	MP_AUTO(mp_freep) char *path = at_work("counter");
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	atomic_int *counter;

	cr_assert(fd >= 0 && ftruncate(fd, sizeof(*counter)) == 0);
	counter = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert(counter != MAP_FAILED);
	atomic_store(counter, 0); /* another round has left one */
	close(fd);
	return counter;
}

SCENARIO(endless)
{
	atomic_int *counter = NULL;
	int fd = open("counter", O_RDWR);
	char name[32];

	REQUIRE(fd >= 0);
	counter = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	REQUIRE(counter != MAP_FAILED);
	for (int i = 0;; i++) {
		snprintf(name, sizeof(name), "flight-%d", i);
		syscall(SYS_openat, AT_FDCWD, name, O_RDONLY);
		atomic_store(counter, i + 1);
	}
}

/* Each call that came back is in the trace: of a process that is killed, … */
static void try_endless(bool killed_first)
{
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = traced_open(64 << 20);
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	atomic_int *counter = map_counter();
	int go, before, after;
	pid_t pid = traced_fork("endless", &go);
	size_t n;

	follow_process(recorder, pid);
	traced_go(go);
	while (atomic_load(counter) < 1000)
		usleep(100);
	if (killed_first) {
		kill(pid, SIGKILL);
		traced_wait(pid);
	}
	before = atomic_load(counter);
	trace = traced_finish(&recorder, NULL);
	after = atomic_load(counter);
	if (!killed_first) {
		kill(pid, SIGKILL);
		traced_wait(pid);
	}
	n = count_events(trace, "/flight-", 0, NULL);
	/* One call may have come back just now. */
	cr_expect(n >= (size_t)before && n <= (size_t)after + 1,
		  "%zu events, but %d to %d calls came back", n, before, after);
	expect_complete(trace);
	munmap(counter, sizeof(*counter));
}

Test(lifecycle, a_killed_process)
{
	for (int round = 0; round < times(5); round++)
		try_endless(true);
}

/* … and of one that runs on while the tracer finishes. */
Test(lifecycle, a_process_that_outlives_the_tracer)
{
	for (int round = 0; round < times(5); round++)
		try_endless(false);
}

/* The table of containers */

/* Those of this test, by the start of their IDs. */
static int own_container(const char *id, void *context)
{
	const char *prefix = context;

	return strncmp(id, prefix, strlen(prefix)) == 0 ? 0 : MP_NEW_CONTAINER_IGNORE;
}

#define MORE_CONTAINERS 1100

/* One that is not followed, for want of room, is counted. */
Test(lifecycle, more_containers_than_a_session_takes)
{
	char prefix[33], id[65];
	const struct mp_session_options options = { .new_container = own_container,
						    .context = prefix };
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = NULL;
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	const char *hierarchy = any_hierarchy();
	struct mp_trace_losses losses = { 0 };
	size_t n;

	snprintf(prefix, sizeof(prefix), "%032x", (unsigned int)getpid());
	recorder = traced_open_with(&options);
	for (int i = 0; i < MORE_CONTAINERS; i++) {
		container_id(i, id);
		live_shortly(hierarchy, id, i);
	}
	trace = traced_finish(&recorder, &losses);
	n = count_events(trace, "/life-", 0, NULL);
	cr_expect(n == MORE_CONTAINERS * LIFE_FILES || losses.untracked + losses.dropped > 0,
		  "%zu of %d events, and nothing is said to be lost", n,
		  MORE_CONTAINERS * LIFE_FILES);
}
