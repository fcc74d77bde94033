/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_TRACE_MERGE_H
#define MP_CORE_TRACE_MERGE_H

#include "core/trace.h"

/*
 * The canonical order: by path, op, session, real, errno, flags, exe; bytes as strcmp has them,
 * an absent string first, ops in the order of enum mp_trace_op. 0: the same event, whenever it was
 * first seen.
 */
int mp_trace_event_compare(const struct mp_trace_event *a, const struct mp_trace_event *b);

/*
 * The distinct events of @n traces in that order; of the same event the one that was seen first.
 * The array is the caller's, the events in it are the traces'.
 */
const struct mp_trace_event **mp_trace_sort(const struct mp_trace *const *traces, size_t n,
					    size_t *n_events_out);

/*
 * The union of @n traces (at least one): commutative, associative, idempotent, in canonical order.
 * Each loss is the largest, since the same trace may be in twice; one that is cut makes the result
 * cut. @names are used in errors. MP_E_USAGE where two traces are of different images, or of a
 * container and of a program of the host.
 */
MP_MUST_USE int mp_trace_merge(const struct mp_trace *const *traces, const char *const *names,
			       size_t n, struct mp_trace **merged_out, struct mp_error *err);

#endif
