/* SPDX-License-Identifier: BSD-2-Clause */
#include "traced.h"

#include "tracer/processes.h"
#include "tracer/running.h"

#include <signal.h>

/* Processes that run already, followed by a real tracer. */

TestSuite(running, .init = traced_setup, .fini = traced_teardown, .timeout = 120);

/* Where a scenario says that it has come so far. */
static void say(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	REQUIRE(fd >= 0);
	close(fd);
}

static bool is_said(const char *name)
{
	return access(name, F_OK) == 0;
}

static void open_file(const char *name)
{
	int fd = open(name, O_RDONLY);

	REQUIRE(fd >= 0);
	close(fd);
}

/* In the test: waits for what a scenario says. */
static void await(const char *name)
{
	MP_AUTO(mp_freep) char *path = at_work(name);

	for (int i = 0; i < 2000 && !is_said(path); i++)
		usleep(5000);
	cr_assert(is_said(path), "'%s' does not come", name);
}

static void tell(const char *name)
{
	make_file(name, "", 0600);
}

static unsigned int add_trace(struct mp_recorder *recorder)
{
	const struct mp_recorder_trace trace = { .path = trace_path, .source = "command" };
	struct mp_error err = { 0 };
	unsigned int sink;

	cr_assert_eq(mp_recorder_add(recorder, &trace, &sink, &err), 0, "%s", err.msg);
	return sink;
}

static struct mp_recorder *armed(unsigned int *sink_out)
{
	const struct mp_session_options options = { 0 };
	struct mp_recorder *recorder = NULL;
	struct mp_error err = { 0 };

	cr_assert_eq(mp_recorder_open(&options, &recorder, &err), 0, "%s", err.msg);
	*sink_out = add_trace(recorder);
	return recorder;
}

static size_t attach(struct mp_recorder *recorder, unsigned int sink,
		     const struct mp_running *running)
{
	struct mp_error err = { 0 };
	size_t n = 0;

	if (mp_processes_check(&err) && !must_run_bpf())
		cr_skip("%s", err.msg);
	cr_assert_eq(mp_session_attach(mp_recorder_session(recorder), sink, running, &n, &err), 0,
		     "%s", err.msg);
	return n;
}

static bool is_attached(const struct mp_trace *trace, enum mp_trace_op op, const char *path)
{
	const struct mp_trace_event *event = find_event(trace, op, path);

	return event && (event->flags & MP_TRACE_ATTACHED);
}

SCENARIO(service)
{
	REQUIRE(open("held", O_RDONLY) >= 0);
	open_file("closed-before");
	say("ready");
	while (!is_said("go"))
		usleep(1000);
	open_file("later");
	if (fork() == 0) {
		open_file("by-child");
		_exit(0);
	}
	wait(NULL);
	say("done");
	pause();
}

Test(running, a_process_that_runs)
{
	unsigned int sink;
	int go;
	pid_t pid = traced_fork("service", &go);
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = armed(&sink);
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	const struct mp_running running = { .pid = pid };

	for (const char *const *name =
		     (const char *const[]){ "held", "closed-before", "later", "by-child", NULL };
	     *name; name++)
		make_file(*name, "", 0644);
	traced_go(go);
	await("ready");
	cr_expect_eq(attach(recorder, sink, &running), 1);
	tell("go");
	await("done");
	kill(pid, SIGKILL);
	traced_wait(pid);
	trace = traced_finish(&recorder, NULL);
	cr_expect(is_attached(trace, MP_OP_EXEC, own_exe));
	cr_expect(is_attached(trace, MP_OP_OPEN, "held"));
	cr_expect(is_attached(trace, MP_OP_CHDIR, ""));
	cr_expect_null(find_event(trace, MP_OP_OPEN, "closed-before"));
	cr_assert_not_null(find_event(trace, MP_OP_OPEN, "later"));
	cr_expect_not(is_attached(trace, MP_OP_OPEN, "later"));
	cr_expect_str_eq(find_event(trace, MP_OP_OPEN, "later")->exe, own_exe);
	cr_assert_not_null(find_event(trace, MP_OP_OPEN, "by-child"));
	cr_expect_str_eq(find_event(trace, MP_OP_OPEN, "by-child")->exe, own_exe);
	expect_complete(trace);
}

/* Children are born all the time, and each uses a file when it is sure to be followed: none may be
 * missed, whenever it was born. */
#define CHILDREN 300
#define CHILDREN_BEFORE 30

static void be_a_child(int number)
{
	MP_AUTO(mp_freep) char *name = mp_xasprintf("born-%d", number);

	while (!is_said("attached"))
		usleep(2000);
	say(name);
	_exit(0);
}

SCENARIO(forker)
{
	for (int i = 0; i < CHILDREN; i++) {
		pid_t child = fork();

		REQUIRE(child >= 0);
		/* Some in a tree: their parent is not the one that is named. */
		if (child == 0 && i % 3 == 0 && fork() != 0) {
			while (wait(NULL) > 0)
				;
			_exit(0);
		}
		if (child == 0)
			be_a_child(i);
		if (i == CHILDREN_BEFORE)
			say("ready");
		if (i > CHILDREN_BEFORE)
			usleep(200);
	}
	while (wait(NULL) > 0)
		;
	say("done");
	pause();
}

Test(running, no_child_is_missed)
{
	unsigned int sink;
	int go, missed = 0;
	pid_t pid = traced_fork("forker", &go);
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = armed(&sink);
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	const struct mp_running running = { .pid = pid };

	traced_go(go);
	await("ready");
	attach(recorder, sink, &running);
	tell("attached");
	await("done");
	kill(pid, SIGKILL);
	traced_wait(pid);
	trace = traced_finish(&recorder, NULL);
	for (int i = 0; i < CHILDREN; i++) {
		MP_AUTO(mp_freep) char *name = mp_xasprintf("born-%d", i);

		missed += find_event(trace, MP_OP_OPEN, name) == NULL;
	}
	cr_expect_eq(missed, 0, "%d of %d children were not followed", missed, CHILDREN);
	expect_complete(trace);
}

/* What it starts may be the tracer itself, which must not see itself. */
Test(running, the_tracer_is_not_followed)
{
	unsigned int sink;
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = armed(&sink);
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	const struct mp_running running = { .pid = getpid() };
	MP_AUTO(mp_freep) char *path = at_work("own");

	cr_expect_eq(attach(recorder, sink, &running), 1);
	make_file("own", "", 0600);
	trace = traced_finish(&recorder, NULL);
	cr_expect_eq(trace->n_events, 0, "'%s'", trace->n_events ? trace->events[0].path : "");
}

Test(running, what_has_ended)
{
	unsigned int sink;
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = armed(&sink);
	int go;
	pid_t pid = traced_fork("service", &go);
	const struct mp_running running = { .pid = pid };

	close(go);
	traced_wait(pid);
	cr_expect_eq(attach(recorder, sink, &running), 0);
}
