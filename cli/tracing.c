/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/tracing.h"

#include "core/log.h"
#include "tracer/recorder.h"

#include <stdio.h>
#include <unistd.h>

/* What a run tells is about. */
struct traced_run {
	struct mp_recorder *recorder;
	unsigned int sink;
	bool output_to_stderr;
};

static int follow_container(const char *id, void *context, struct mp_error *err)
{
	const struct traced_run *run = context;

	return mp_session_add_container(mp_recorder_session(run->recorder), run->sink, id, err);
}

/* A container's output goes where it would go with docker run. */
static void pass_output(int stream_fd, const char *data, size_t len, void *context)
{
	const struct traced_run *run = context;
	FILE *stream = run->output_to_stderr || stream_fd == STDERR_FILENO ? stderr : stdout;

	fwrite(data, 1, len, stream);
	fflush(stream);
}

int mp_trace_image(const struct mp_options *options, struct mp_engine *engine,
		   const struct mp_image *image, const char *path, bool keep_failed,
		   struct mp_qa_result *result_out, struct mp_trace_losses *losses_out,
		   struct mp_error *err)
{
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = NULL;
	const struct mp_session_options session_options = {
		.buffer_bytes = options->buffer_bytes,
		.main_only = options->targets.main_only,
	};
	const struct mp_recorder_trace trace = {
		.path = path,
		.source = "container",
		.image = image->reference,
		.image_id = image->id,
	};
	struct traced_run run = { .output_to_stderr = options->qa.output_to_stderr };
	const struct mp_qa_observer observer = { follow_container, pass_output, &run };
	struct mp_qa_result result;

	if (mp_recorder_open(&session_options, &recorder, err) ||
	    mp_recorder_add(recorder, &trace, &run.sink, err))
		return -1;
	run.recorder = recorder;
	if (mp_qa_run(&options->qa, engine, image, &observer, &result, err))
		return -1;
	if ((result.passed || keep_failed) && mp_recorder_finish(recorder, losses_out, err))
		return -1;
	/* Whatever was started has executed a program at least. */
	if (result.passed && mp_recorder_events(recorder, run.sink) == 0)
		return mp_error_set(err, MP_E_INCOMPLETE, 0,
				    "the trace is empty: containers of '%s' do not run on this "
				    "host's kernel; run micropack where the engine runs",
				    mp_engine_host(engine));
	*result_out = result;
	return 0;
}

int mp_check_qa_options(const struct mp_qa *qa, struct mp_error *err)
{
	if (!!qa->tests + (qa->runs.n > 0) + !!qa->watch_ms > 1)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "only one of --tests, --run and --for can be given");
	if (qa->runs.n > 0 && qa->spec.command.n > 0)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "--run has the arguments already: nothing may follow '--'");
	if (qa->ready_cmd && !qa->tests)
		return mp_error_set(err, MP_E_USAGE, 0, "--ready-cmd is of use with --tests only");
	return 0;
}
