/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"
#include "cli/places.h"
#include "cli/traces.h"
#include "core/file.h"
#include "import/import.h"

#include <string.h>

#define INPUT_MAX_BYTES ((size_t)4 << 30)

static int check_usage(const struct mp_options *options, struct mp_error *err)
{
	const char *workdir = options->qa.spec.workdir;

	if (options->arguments.n != 1 || !options->format || options->has_separator)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "--format FORMAT and one FILE are needed; see 'micropack "
				    "import --help'");
	if (!mp_import_knows(options->format))
		return mp_error_set(err, MP_E_USAGE, 0,
				    "--format '%s': strace, bpftrace, sysdig or list is needed",
				    options->format);
	if (workdir && strcmp(options->format, "strace") != 0)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "--workdir is of use with --format strace only");
	if (workdir && workdir[0] != '/')
		return mp_error_set(err, MP_E_USAGE, 0, "--workdir '%s' is not an absolute path",
				    workdir);
	return 0;
}

int mp_cmd_import(const struct mp_options *options, struct mp_error *err)
{
	const struct mp_import_options import = { options->format, options->qa.spec.workdir };
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	const char *output = options->output ? options->output : "trace.jsonl";
	const char *path;

	if (check_usage(options, err))
		return -1;
	path = options->arguments.v[0];
	if (mp_places_check("FILE", path, output, err))
		return -1;
	if (mp_file_read(path, INPUT_MAX_BYTES, &text, err)) {
		if (err->code == MP_E_SYS)
			err->code = MP_E_USAGE;
		return -1;
	}
	if (mp_import(&import, text.data ? text.data : "", text.len, path, &trace, err))
		return -1;
	return mp_save_trace(trace, output, err);
}
