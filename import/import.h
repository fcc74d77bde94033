/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_IMPORT_IMPORT_H
#define MP_IMPORT_IMPORT_H

#include "core/trace.h"

/*
 * Traces from what other tools have recorded, for those who cannot load BPF. The commands whose
 * output is understood are in docs/micropack-import.1.
 */
struct mp_import_options {
	const char *format;  /* "strace", "bpftrace", "sysdig" or "list" */
	const char *workdir; /* strace: where the first process began; NULL: not known */
};

/* Whether there is such a format. */
bool mp_import_knows(const char *format);

/*
 * Makes a trace of @text. What cannot be resolved is in its losses. MP_E_FORMAT, with @name and the
 * line, where @text is not what the tool writes.
 */
MP_MUST_USE int mp_import(const struct mp_import_options *options, const char *text, size_t len,
			  const char *name, struct mp_trace **trace_out, struct mp_error *err);

#endif
