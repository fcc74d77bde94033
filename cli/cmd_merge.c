/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"
#include "cli/traces.h"
#include "core/trace_merge.h"

/* The traces that the command line names. */
struct inputs {
	struct mp_trace **traces;
	size_t n;
};

static void inputs_clear(struct inputs *inputs)
{
	for (size_t i = 0; i < inputs->n; i++)
		mp_trace_freep(&inputs->traces[i]);
	mp_freep(&inputs->traces);
}

static int inputs_read(struct inputs *inputs, const struct mp_strv *paths, struct mp_error *err)
{
	inputs->traces = mp_xcalloc(paths->n, sizeof(struct mp_trace *));
	for (; inputs->n < paths->n; inputs->n++) {
		if (mp_load_trace(paths->v[inputs->n], &inputs->traces[inputs->n], err))
			return -1;
	}
	return 0;
}

int mp_cmd_merge(const struct mp_options *options, struct mp_error *err)
{
	const struct mp_strv *paths = &options->arguments;
	MP_AUTO(inputs_clear) struct inputs inputs = { 0 };
	MP_AUTO(mp_trace_freep) struct mp_trace *merged = NULL;

	if (paths->n == 0 || !options->output || options->has_separator)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "one TRACE or more, and -o FILE, are needed; see 'micropack "
				    "merge --help'");
	if (inputs_read(&inputs, paths, err) ||
	    mp_trace_merge((const struct mp_trace *const *)inputs.traces,
			   (const char *const *)paths->v, paths->n, &merged, err))
		return -1;
	return mp_save_trace(merged, options->output, err);
}
