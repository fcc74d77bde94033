/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CLI_TRACING_H
#define MP_CLI_TRACING_H

#include "cli/options.h"
#include "core/trace.h"

/*
 * Runs the QA of @options on @image, traced into the file at @path. *result_out says whether it
 * passed; where it did not, the file is written only when @keep_failed. *losses_out: what the trace
 * does not have.
 */
MP_MUST_USE int mp_trace_image(const struct mp_options *options, struct mp_engine *engine,
			       const struct mp_image *image, const char *path, bool keep_failed,
			       struct mp_qa_result *result_out, struct mp_trace_losses *losses_out,
			       struct mp_error *err);

/* -1 with MP_E_USAGE unless the QA's options go together. */
MP_MUST_USE int mp_check_qa_options(const struct mp_qa *qa, struct mp_error *err);

#endif
