/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_TRACE_DIFF_H
#define MP_CORE_TRACE_DIFF_H

#include "core/trace.h"

/* An event that only one of two traces has. */
struct mp_trace_difference {
	bool added;                         /* the second trace has it; else the first */
	const struct mp_trace_event *event; /* the trace's */
};

struct mp_trace_diff {
	struct mp_trace_difference *differences; /* by path; of a path first those that went */
	size_t n;
	size_t cap;
	bool losses_differ; /* one is cut or has lost what the other has not */
};

/*
 * What @before has and @after has not, and the other way round. When an event was first seen makes
 * no difference, nor do headers. @diff is zero-initialised by the caller, and freed by it before
 * the traces are.
 */
void mp_trace_diff(const struct mp_trace *before, const struct mp_trace *after,
		   struct mp_trace_diff *diff);
bool mp_trace_diff_is_empty(const struct mp_trace_diff *diff);
void mp_trace_diff_free(struct mp_trace_diff *diff);

/* Appends "open /path -> /real ENOENT (write,create) session 1 by /exe", paths escaped. */
void mp_trace_event_text(struct mp_buf *text, const struct mp_trace_event *event);

/* Appends "complete", or "incomplete: " and why. */
void mp_trace_state_text(struct mp_buf *text, const struct mp_trace *trace);

#endif
