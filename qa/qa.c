/* SPDX-License-Identifier: BSD-2-Clause */
#include "qa/qa.h"

#include "core/clock.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/words.h"
#include "qa/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How often a container that should end by itself is looked at, and when a person is told to wait.
 */
#define END_POLL_MS 50
#define HINT_AFTER_MS 10000
/* How much of a container's output helps to see why it failed. */
#define FAILURE_LOG_LINES 20

void mp_qa_free(struct mp_qa *qa)
{
	mp_run_spec_free(&qa->spec);
	mp_freep(&qa->tests);
	mp_strv_free(&qa->runs);
	mp_freep(&qa->ready_cmd);
}

/* One container of a run. */
struct run {
	const struct mp_qa *qa;
	struct mp_engine *engine;
	const struct mp_image *image;
	const struct mp_qa_observer *observer;
	struct mp_qa_result *result;
	char *id;
};

static void run_cleanup(struct run *run)
{
	mp_engine_container_discard(run->engine, &run->id);
}

static int MP_PRINTF(2, 3) fail(struct run *run, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(run->result->reason, sizeof(run->result->reason), fmt, args);
	va_end(args);
	run->result->passed = false;
	return 0;
}

static void give_output(struct run *run, unsigned int tail)
{
	struct mp_error err = { 0 };

	if (run->observer->output &&
	    mp_engine_container_logs(run->engine, run->id, tail, run->observer->output,
				     run->observer->context, &err))
		mp_info("no output of the container: %s", err.msg);
}

/* Creates the container, shows it to the observer, starts it. An entrypoint that the engine cannot
 * start is a failed run, not a failed engine. */
static int run_start(struct run *run, const struct mp_strv *command, struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *body = NULL;

	if (mp_run_spec_to_json(&run->qa->spec, run->image->id, &run->image->config, command, &body,
				err) ||
	    mp_engine_container_create(run->engine, body, &run->id, err))
		return -1;
	if (run->observer->created && run->observer->created(run->id, run->observer->context, err))
		return -1;
	if (mp_engine_container_start(run->engine, run->id, err)) {
		if (err->code != MP_E_ENGINE)
			return -1;
		return fail(run, "the container could not be started: %s", err->msg);
	}
	return 0;
}

/* A container that somebody else has removed fails the run. */
static int run_stop(struct run *run, struct mp_error *err)
{
	if (mp_engine_container_stop(run->engine, run->id, run->qa->stop_grace_s, err) == 0)
		return 0;
	if (err->sys_errno != ENOENT)
		return -1;
	return run->result->passed ? fail(run, "the container was removed during the run") : 0;
}

/* Waits until the container has ended by itself, or until @deadline_ms (0: however long it takes).
 */
static int wait_end(struct run *run, int64_t deadline_ms, struct mp_container_state *state,
		    struct mp_error *err)
{
	int64_t hint_ms = deadline_ms ? INT64_MAX : mp_clock_ms() + HINT_AFTER_MS;

	for (;;) {
		mp_container_state_clear(state);
		if (mp_engine_container_inspect(run->engine, run->id, state, err))
			return -1;
		if (!state->running || (deadline_ms && mp_clock_ms() >= deadline_ms))
			return 0;
		if (mp_clock_ms() >= hint_ms) {
			mp_warn("the container still runs; a service needs --tests SCRIPT or "
				"--for TIME");
			hint_ms = INT64_MAX;
		}
		if (mp_interrupt_sleep_ms(END_POLL_MS, err))
			return -1;
	}
}

static void judge_end(struct run *run, const struct mp_container_state *state)
{
	if (state->running || state->exit_code == 0)
		return;
	fail(run, "the container ended with exit status %d%s", state->exit_code,
	     state->oom_killed ? " (out of memory)" : "");
}

/* A container that is its own test, or is watched for a time. */
static int run_to_end(struct run *run, const struct mp_strv *command, struct mp_error *err)
{
	MP_AUTO(mp_container_state_clear) struct mp_container_state state = { 0 };
	int64_t start_ms = mp_clock_ms();

	if (run_start(run, command, err))
		return -1;
	if (!run->result->passed)
		return 0;
	if (wait_end(run, run->qa->watch_ms ? start_ms + run->qa->watch_ms : 0, &state, err))
		return -1;
	run->result->tests_ms += mp_clock_ms() - start_ms;
	judge_end(run, &state);
	if (state.running)
		return run_stop(run, err);
	give_output(run, 0);
	return 0;
}

/* Ready, then SCRIPT. */
static int test_running(struct run *run, struct mp_error *err)
{
	const struct mp_target_container target = { run->engine, run->id, &run->image->config,
						    run->qa };
	MP_AUTO(mp_strv_free) struct mp_strv env = { 0 };
	char *argv[] = { run->qa->tests, NULL };
	int64_t start_ms;
	int status, rc;

	rc = mp_ready_wait(&target, run->result->reason, sizeof(run->result->reason), err);
	if (rc < 0)
		return -1;
	if (rc == 0) {
		run->result->passed = false;
		return 0;
	}
	if (mp_target_environment(&target, &env, err))
		return -1;
	start_ms = mp_clock_ms();
	if (mp_script_run(argv, &env,
			  run->qa->output_to_stderr ? MP_SCRIPT_TO_STDERR : MP_SCRIPT_PASS, 0,
			  &status, err))
		return -1;
	run->result->tests_ms += mp_clock_ms() - start_ms;
	if (status != 0)
		return fail(run, "'%s' ended with exit status %d", run->qa->tests, status);
	return 0;
}

static int run_tests(struct run *run, struct mp_error *err)
{
	if (run_start(run, NULL, err))
		return -1;
	if (run->result->passed && test_running(run, err))
		return -1;
	if (!run->result->passed)
		give_output(run, FAILURE_LOG_LINES);
	return run_stop(run, err);
}

static int run_one(const struct run *common, const char *arguments, struct mp_error *err)
{
	MP_AUTO(run_cleanup) struct run run = *common;
	MP_AUTO(mp_strv_free) struct mp_strv command = { 0 };

	if (arguments && mp_words_split(arguments, &command, err))
		return mp_error_prefix(err, "--run");
	if (run.qa->tests)
		return run_tests(&run, err);
	return run_to_end(&run, arguments ? &command : NULL, err);
}

int mp_qa_run(const struct mp_qa *qa, struct mp_engine *engine, const struct mp_image *image,
	      const struct mp_qa_observer *observer, struct mp_qa_result *result_out,
	      struct mp_error *err)
{
	struct mp_qa_result result = { .passed = true };
	const struct run common = { qa, engine, image, observer, &result, NULL };
	int rc = 0;

	if (qa->runs.n == 0)
		rc = run_one(&common, NULL, err);
	for (size_t i = 0; i < qa->runs.n && rc == 0 && result.passed; i++)
		rc = run_one(&common, qa->runs.v[i], err);
	if (rc)
		return -1;
	*result_out = result;
	return 0;
}
