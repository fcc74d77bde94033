/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CLI_TRACES_H
#define MP_CLI_TRACES_H

#include "core/trace.h"

/* Reads a trace that the command line names: MP_E_USAGE where it cannot be read, MP_E_FORMAT where
 * it is none. */
MP_MUST_USE int mp_load_trace(const char *path, struct mp_trace **trace_out, struct mp_error *err);

/* Writes @trace, prints where, and warns if 'pack' will refuse it. */
MP_MUST_USE int mp_save_trace(const struct mp_trace *trace, const char *path, struct mp_error *err);

#endif
