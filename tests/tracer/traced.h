/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TESTS_TRACER_TRACED_H
#define MP_TESTS_TRACER_TRACED_H

#include "core/path.h"
#include "tracer/recorder.h"

#include "child.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Real processes under a real tracer. What a traced process does is a scenario of the test program
 * itself, which it executes again: a process is followed from its next exec on. It runs in the
 * folder `work` and is traced into `out/trace.jsonl`, both in a scratch folder of the test.
 */
#define SCENARIO_VARIABLE "MP_TEST_SCENARIO"

/* SCENARIO(name) { … } runs in a process of its own, before Criterion's main(). */
#define SCENARIO(name)                                                                             \
	static void scenario_##name(void);                                                         \
	__attribute__((constructor)) static void start_##name(void)                                \
	{                                                                                          \
		const char *wanted = getenv(SCENARIO_VARIABLE);                                    \
                                                                                                   \
		if (!wanted || strcmp(wanted, #name) != 0)                                         \
			return;                                                                    \
		scenario_##name();                                                                 \
		_exit(0);                                                                          \
	}                                                                                          \
	static void scenario_##name(void)

static char scratch_dir[] = "/tmp/mp-test-tracer-XXXXXX";
static char work_dir[64], out_dir[64], trace_path[80];
static char own_exe[4096];
/* Of all files in the work folder: MP_TRACE_MOUNTED where that is not on the root's file system. */
static unsigned int work_flags;

static inline bool must_run_bpf(void)
{
	const char *list = getenv("MP_TEST_MUST_RUN");

	return list && strstr(list, "bpf");
}

static inline void traced_setup(void)
{
	ssize_t len = readlink("/proc/self/exe", own_exe, sizeof(own_exe) - 1);
	struct stat work, root;

	cr_assert(len > 0);
	own_exe[len] = '\0';
	cr_assert(mkdtemp(scratch_dir));
	snprintf(work_dir, sizeof(work_dir), "%s/work", scratch_dir);
	snprintf(out_dir, sizeof(out_dir), "%s/out", scratch_dir);
	snprintf(trace_path, sizeof(trace_path), "%s/trace.jsonl", out_dir);
	cr_assert(mkdir(work_dir, 0755) == 0 && mkdir(out_dir, 0755) == 0);
	cr_assert(stat(work_dir, &work) == 0 && stat("/", &root) == 0);
	work_flags = work.st_dev == root.st_dev ? 0 : MP_TRACE_MOUNTED;
}

static inline void traced_teardown(void)
{
	if (work_dir[0])
		remove_tree(scratch_dir);
}

/* The path of @name in the work folder; the caller's to free. */
static inline char *at_work(const char *name)
{
	return mp_path_join(work_dir, name);
}

/* Makes a file in the work folder. */
static inline void make_file(const char *name, const char *text, mode_t mode)
{
	MP_AUTO(mp_freep) char *path = at_work(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);

	cr_assert(fd >= 0, "create '%s': %s", path, strerror(errno));
	cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static inline void make_folder(const char *name)
{
	MP_AUTO(mp_freep) char *path = at_work(name);

	cr_assert(mkdir(path, 0755) == 0, "mkdir '%s': %s", path, strerror(errno));
}

static inline void make_symlink(const char *name, const char *target)
{
	MP_AUTO(mp_freep) char *path = at_work(name);

	cr_assert(symlink(target, path) == 0, "symlink '%s': %s", path, strerror(errno));
}

/*
 * A recorder with one sink, which has the number 0. Skips the test where the kernel does not let
 * this user trace, and only there.
 */
static inline struct mp_recorder *traced_open_with(const struct mp_session_options *options)
{
	const struct mp_recorder_trace trace = { .path = trace_path, .source = "command" };
	struct mp_recorder *recorder = NULL;
	struct mp_error err = { 0 };
	unsigned int sink;
	int rc = mp_recorder_open(options, &recorder, &err);

	if (rc && !must_run_bpf() && (err.sys_errno == EPERM || err.sys_errno == EACCES))
		cr_skip("%s", err.msg);
	cr_assert(rc == 0, "%s", err.msg);
	cr_assert(mp_recorder_add(recorder, &trace, &sink, &err) == 0, "%s", err.msg);
	cr_assert_eq(sink, 0);
	return recorder;
}

static inline struct mp_recorder *traced_open(size_t buffer_bytes)
{
	const struct mp_session_options options = { .buffer_bytes = buffer_bytes };

	return traced_open_with(&options);
}

/* A process that executes @scenario in the work folder once *go_out is written to. */
static inline pid_t traced_fork(const char *scenario, int *go_out)
{
	MP_AUTO(mp_freep) char *variable = mp_xasprintf("%s=%s", SCENARIO_VARIABLE, scenario);
	char *argv[] = { own_exe, NULL };
	char *envp[] = { variable, NULL };
	int gate[2];
	char byte;
	pid_t pid;

	cr_assert(pipe2(gate, O_CLOEXEC) == 0);
	pid = fork();
	cr_assert(pid >= 0);
	if (pid == 0) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) == 1 && chdir(work_dir) == 0)
			execve(own_exe, argv, envp);
		_exit(98);
	}
	close(gate[0]);
	*go_out = gate[1];
	return pid;
}

static inline void traced_go(int go)
{
	cr_assert(write(go, "", 1) == 1);
	close(go);
}

/* Waits for a process of traced_fork. Returns its exit status. */
static inline int traced_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		cr_assert(errno == EINTR, "waitpid: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Ends the recording and reads what it wrote. */
static inline struct mp_trace *traced_finish(struct mp_recorder **recorder,
					     struct mp_trace_losses *losses_out)
{
	struct mp_trace_losses losses = { 0 };
	struct mp_trace *trace = NULL;
	struct mp_error err = { 0 };

	cr_assert(mp_recorder_finish(*recorder, &losses, &err) == 0, "%s", err.msg);
	mp_recorder_freep(recorder);
	cr_assert(mp_trace_read(trace_path, &trace, &err) == 0, "%s", err.msg);
	if (losses_out)
		*losses_out = losses;
	return trace;
}

/* Runs @scenario under a tracer of its own. The trace is the caller's to free. */
static inline struct mp_trace *traced_run(const char *scenario, size_t buffer_bytes,
					  struct mp_trace_losses *losses_out)
{
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = traced_open(buffer_bytes);
	struct mp_error err = { 0 };
	int go, status;
	pid_t pid = traced_fork(scenario, &go);

	cr_assert(mp_session_add_process(mp_recorder_session(recorder), 0, pid, &err) == 0, "%s",
		  err.msg);
	traced_go(go);
	status = traced_wait(pid);
	cr_assert_eq(status, 0, "scenario %s ended with status %d", scenario, status);
	return traced_finish(&recorder, losses_out);
}

/* An event that a trace has to have. Paths that do not begin with '/' are in the work folder. */
struct expected_event {
	enum mp_trace_op op;
	const char *path;
	const char *real; /* NULL: none */
	int error;
	unsigned int flags;
};

static inline char *expand(const char *path)
{
	if (!path || path[0] == '/')
		return mp_xstrdup(path);
	return path[0] ? at_work(path) : mp_xstrdup(work_dir);
}

static inline bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The events that do something with @path, for messages. */
static inline void describe_path(const struct mp_trace *trace, const char *path,
				 struct mp_buf *text)
{
	for (size_t i = 0; i < trace->n_events; i++) {
		const struct mp_trace_event *event = &trace->events[i];

		if (strcmp(event->path, path) != 0)
			continue;
		mp_buf_addf(text, "\n  there is %s real %s, error %d, flags %#x, session %u",
			    mp_trace_op_name(event->op), event->real ? event->real : "(none)",
			    event->error, event->flags, event->session);
	}
}

/* The first event with @op and @path (of the work folder where it is relative), or NULL. */
static inline const struct mp_trace_event *find_event(const struct mp_trace *trace,
						      enum mp_trace_op op, const char *path)
{
	MP_AUTO(mp_freep) char *wanted = expand(path);

	for (size_t i = 0; i < trace->n_events; i++) {
		if (trace->events[i].op == op && strcmp(trace->events[i].path, wanted) == 0)
			return &trace->events[i];
	}
	return NULL;
}

/* The event that was seen first; there has to be one. */
static inline const struct mp_trace_event *first_event(const struct mp_trace *trace)
{
	const struct mp_trace_event *first = trace->events;

	cr_assert(trace->n_events > 0);
	for (size_t i = 1; i < trace->n_events; i++) {
		if (trace->events[i].first_ns < first->first_ns)
			first = &trace->events[i];
	}
	return first;
}

static inline void expect_event(const struct mp_trace *trace, const struct expected_event *expected)
{
	MP_AUTO(mp_freep) char *path = expand(expected->path);
	MP_AUTO(mp_freep) char *real = expand(expected->real);
	MP_AUTO(mp_buf_free) struct mp_buf others = { 0 };
	unsigned int flags = expected->flags;

	if (expected->real && expected->real[0] != '/')
		flags |= work_flags;
	for (size_t i = 0; i < trace->n_events; i++) {
		const struct mp_trace_event *event = &trace->events[i];

		if (event->op == expected->op && event->error == expected->error &&
		    event->flags == flags && strcmp(event->path, path) == 0 &&
		    same_text(event->real, real))
			return;
	}
	describe_path(trace, path, &others);
	cr_expect(false, "no event: %s '%s' real %s, error %d, flags %#x%s",
		  mp_trace_op_name(expected->op), path, real ? real : "(none)", expected->error,
		  flags, others.data ? others.data : "");
}

/* No event says anything of a path that has @text in it. */
static inline void expect_no_event(const struct mp_trace *trace, const char *text)
{
	for (size_t i = 0; i < trace->n_events; i++)
		cr_expect_not(strstr(trace->events[i].path, text), "'%s' is in the trace",
			      trace->events[i].path);
}

static inline void expect_complete(const struct mp_trace *trace)
{
	struct mp_error err = { 0 };

	cr_expect(mp_trace_check_complete(trace, &err) == 0, "%s", err.msg);
}

#endif
