/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CLI_WATCHING_H
#define MP_CLI_WATCHING_H

#include "cli/options.h"
#include "core/trace.h"

/* Whether @targets names something to follow. */
bool mp_targets_any(const struct mp_targets *targets);

/*
 * Follows what @options names and others have started, until all of it has ended, the time is over,
 * or a signal asks for the end, which is no failure here: the traces are written, and their names
 * printed. *losses_out: what they do not have.
 */
MP_MUST_USE int mp_watch(const struct mp_options *options, struct mp_trace_losses *losses_out,
			 struct mp_error *err);

#endif
