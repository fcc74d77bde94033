/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"
#include "cli/images.h"
#include "cli/tracing.h"
#include "cli/watching.h"
#include "core/clock.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "tracer/recorder.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLICE_MS 100
#define EXEC_FAILED 127
#define CHILDREN_AT_ONCE 64

/* A program of this host that waits, between fork and exec, until it is traced. */
struct child {
	pid_t pid; /* 0: none */
	int pidfd;
	int channel; /* written to, it executes; closed without, it ends; it writes why it cannot */
};

/* Some of this process's children, as the kernel lists them; 0 where it does not. */
static size_t list_children(pid_t pids[CHILDREN_AT_ONCE])
{
	FILE *file = fopen("/proc/thread-self/children", "re");
	size_t n = 0;

	while (file && n < CHILDREN_AT_ONCE && fscanf(file, "%d", &pids[n]) == 1)
		n++;
	if (file)
		fclose(file);
	return n;
}

/* Ends the program and all that it has started: each whose parent ends becomes a child of ours. */
static void end_tree(pid_t pid)
{
	pid_t pids[CHILDREN_AT_ONCE] = { pid };

	for (size_t n = 1; n > 0; n = list_children(pids)) {
		for (size_t i = 0; i < n; i++)
			kill(pids[i], SIGKILL);
		for (size_t i = 0; i < n; i++)
			waitpid(pids[i], NULL, 0);
	}
}

static void child_cleanup(struct child *child)
{
	if (child->channel >= 0)
		close(child->channel);
	if (child->pid > 0)
		end_tree(child->pid);
	if (child->pidfd >= 0)
		close(child->pidfd);
}

/* In the child: waits for the word, executes. */
static void child_run(int channel, char *const argv[])
{
	int error;
	char byte;

	signal(SIGPIPE, SIG_DFL);
	if (read(channel, &byte, 1) != 1)
		_exit(EXEC_FAILED);
	execvp(argv[0], argv);
	error = errno;
	send(channel, &error, sizeof(error), MSG_NOSIGNAL);
	_exit(EXEC_FAILED);
}

static int child_start(struct child *child, char *const argv[], struct mp_error *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return mp_error_set(err, MP_E_SYS, errno, "create a pair of sockets");
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* for end_tree */
	child->pid = fork();
	if (child->pid == 0) {
		close(ends[1]);
		child_run(ends[0], argv);
	}
	close(ends[0]);
	child->channel = ends[1];
	if (child->pid < 0) {
		child->pid = 0;
		return mp_error_set(err, MP_E_SYS, errno, "fork");
	}
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	if (child->pidfd < 0)
		return mp_error_set(err, MP_E_SYS, errno, "watch '%s'", argv[0]);
	return 0;
}

/* -1 unless the child, which has ended, had executed its program. */
static int child_check_executed(const struct child *child, const char *name, struct mp_error *err)
{
	int error;

	if (recv(child->channel, &error, sizeof(error), MSG_DONTWAIT) != sizeof(error))
		return 0;
	return mp_error_set(err, MP_E_USAGE, error, "run '%s'", name);
}

/*
 * Waits for the child's end. When @watch_ms (0: no limit) is over, *ended_by_us is set and it gets
 * SIGTERM, and SIGKILL @grace_ms later.
 */
static int child_wait(struct child *child, int64_t watch_ms, int64_t grace_ms, int *status_out,
		      bool *ended_by_us, struct mp_error *err)
{
	int64_t deadline_ms = watch_ms ? mp_clock_ms() + watch_ms : INT64_MAX;
	struct pollfd wait = { .fd = child->pidfd, .events = POLLIN };

	while (poll(&wait, 1, SLICE_MS) <= 0) {
		if (mp_interrupt_check(err))
			return -1;
		if (mp_clock_ms() >= deadline_ms) {
			kill(child->pid, *ended_by_us ? SIGKILL : SIGTERM);
			*ended_by_us = true;
			deadline_ms = mp_clock_ms() + grace_ms;
		}
	}
	while (waitpid(child->pid, status_out, 0) < 0 && errno == EINTR)
		;
	child->pid = 0;
	return 0;
}

static char **argv_of(const struct mp_strv *command)
{
	char **argv = mp_xcalloc(command->n + 1, sizeof(*argv));

	memcpy(argv, command->v, command->n * sizeof(*argv));
	return argv;
}

static int trace_program(const struct mp_options *options, const char *path,
			 struct mp_trace_losses *losses, struct mp_error *err)
{
	const struct mp_strv *command = &options->qa.spec.command;
	const struct mp_session_options session_options = { .buffer_bytes = options->buffer_bytes };
	const struct mp_recorder_trace trace = { .path = path, .source = "command" };
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = NULL;
	MP_AUTO(child_cleanup) struct child child = { 0, -1, -1 };
	MP_AUTO(mp_freep) char **argv = argv_of(command);
	bool ended_by_us = false;
	unsigned int sink;
	int status;

	if (child_start(&child, argv, err) || mp_recorder_open(&session_options, &recorder, err) ||
	    mp_recorder_add(recorder, &trace, &sink, err) ||
	    mp_session_add_process(mp_recorder_session(recorder), sink, child.pid, err))
		return -1;
	if (write(child.channel, "", 1) != 1)
		return mp_error_set(err, MP_E_SYS, errno, "start '%s'", argv[0]);
	if (child_wait(&child, options->qa.watch_ms, INT64_C(1000) * options->qa.stop_grace_s,
		       &status, &ended_by_us, err))
		return -1;
	if (child_check_executed(&child, argv[0], err))
		return -1;
	if (!ended_by_us && WIFSIGNALED(status))
		return mp_error_set(err, MP_E_TESTS, 0, "'%s' was ended by SIG%s; no trace written",
				    argv[0], sigabbrev_np(WTERMSIG(status)));
	if (!ended_by_us && WEXITSTATUS(status) != 0)
		return mp_error_set(err, MP_E_TESTS, 0,
				    "'%s' ended with exit status %d; no trace written", argv[0],
				    WEXITSTATUS(status));
	return mp_recorder_finish(recorder, losses, err);
}

static int trace_container(const struct mp_options *options, const char *path,
			   struct mp_trace_losses *losses, struct mp_error *err)
{
	MP_AUTO(mp_engine_freep) struct mp_engine *engine = NULL;
	MP_AUTO(mp_image_freep) struct mp_image *image = NULL;
	struct mp_qa_result result;

	if (mp_engine_connect(&engine, err) ||
	    mp_image_get(engine, options->arguments.v[0], &image, err) ||
	    mp_image_check_runs(engine, image, err) ||
	    mp_trace_image(options, engine, image, path, false, &result, losses, err))
		return -1;
	if (!result.passed)
		return mp_error_set(err, MP_E_TESTS, 0, "%s; no trace written", result.reason);
	return 0;
}

/* Whether an option was given that would do nothing for a program of this host. */
static bool wants_container(const struct mp_qa *qa)
{
	const struct mp_run_spec *spec = &qa->spec;

	return qa->tests || qa->runs.n || qa->ready_cmd || spec->env.n || spec->volumes.n ||
	       spec->mounts.n || spec->publish.n || spec->cap_add.n || spec->tmpfs.n ||
	       spec->network || spec->user || spec->workdir || spec->entrypoint;
}

/* -1 unless the options go together that say what others have started. */
static int check_targets(const struct mp_options *options, struct mp_error *err)
{
	const struct mp_targets *targets = &options->targets;
	bool any = mp_targets_any(targets);
	bool containers = targets->containers.n || targets->images.n || options->arguments.n;

	if (any && (options->arguments.n > 0 || options->qa.spec.command.n > 0))
		return mp_error_set(err, MP_E_USAGE, 0,
				    "--container, --follow-image, --cgroup and --pid are about "
				    "what others start: there is no IMAGE and no COMMAND then");
	if (any && wants_container(&options->qa))
		return mp_error_set(err, MP_E_USAGE, 0,
				    "options that say how a container is started and tested need "
				    "an IMAGE");
	if (targets->attach && !any)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "--attach needs --container, --follow-image, --cgroup or "
				    "--pid");
	if (targets->main_only && !containers)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "--main-only is about containers: it needs an IMAGE, "
				    "--container or --follow-image");
	return 0;
}

static int trace(const struct mp_options *options, struct mp_trace_losses *losses,
		 struct mp_error *err)
{
	const char *path = options->output ? options->output : "trace.jsonl";
	bool program = options->arguments.n == 0;

	if (mp_targets_any(&options->targets))
		return mp_watch(options, losses, err);
	if (program ? trace_program(options, path, losses, err)
		    : trace_container(options, path, losses, err))
		return -1;
	printf("%s\n", path);
	return 0;
}

int mp_cmd_trace(const struct mp_options *options, struct mp_error *err)
{
	bool program = options->arguments.n == 0 && options->qa.spec.command.n > 0;
	struct mp_trace_losses losses;

	if (check_targets(options, err))
		return -1;
	if (options->arguments.n != 1 && !program && !mp_targets_any(&options->targets))
		return mp_error_set(err, MP_E_USAGE, 0,
				    "one IMAGE, or a COMMAND after '--', is needed; see 'micropack "
				    "trace --help'");
	if (program && wants_container(&options->qa))
		return mp_error_set(err, MP_E_USAGE, 0,
				    "a COMMAND on this host is its own test: options that say how "
				    "a container is started and tested need an IMAGE");
	if (mp_check_qa_options(&options->qa, err) || trace(options, &losses, err))
		return -1;
	if (mp_trace_lost_any(&losses)) {
		MP_AUTO(mp_freep) char *text = mp_trace_losses_text(&losses);

		mp_warn("the trace is incomplete: %s; 'pack' will refuse it", text);
	}
	return 0;
}
