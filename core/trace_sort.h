/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_TRACE_SORT_H
#define MP_CORE_TRACE_SORT_H

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

/* The events of @trace as they were seen first; at the same time, in canonical order. */
const struct mp_trace_event **mp_trace_sort_by_time(const struct mp_trace *trace,
						    size_t *n_events_out);

#endif
