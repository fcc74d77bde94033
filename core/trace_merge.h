/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_TRACE_MERGE_H
#define MP_CORE_TRACE_MERGE_H

#include "core/trace.h"

/*
 * The union of @n traces (at least one): commutative, associative, idempotent, in canonical order.
 * Each loss is the largest, since the same trace may be in twice; one that is cut makes the result
 * cut. @names are used in errors. MP_E_USAGE where two traces are of different images, or of a
 * container and of a program of the host.
 */
MP_MUST_USE int mp_trace_merge(const struct mp_trace *const *traces, const char *const *names,
			       size_t n, struct mp_trace **merged_out, struct mp_error *err);

#endif
