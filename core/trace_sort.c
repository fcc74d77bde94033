/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/trace_sort.h"

#include <stdlib.h>
#include <string.h>

/* As strcmp; NULL comes first. */
static int compare_text(const char *a, const char *b)
{
	if (!a || !b)
		return !b - !a;
	return strcmp(a, b);
}

static int compare_number(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

int mp_trace_event_compare(const struct mp_trace_event *a, const struct mp_trace_event *b)
{
	int order = strcmp(a->path, b->path);

	if (!order)
		order = compare_number(a->op, b->op);
	if (!order)
		order = compare_number(a->session, b->session);
	if (!order)
		order = compare_text(a->real, b->real);
	if (!order)
		order = compare_number(a->error, b->error);
	if (!order)
		order = compare_number(a->flags, b->flags);
	if (!order)
		order = compare_text(a->exe, b->exe);
	return order;
}

static int compare_for_sort(const void *a, const void *b)
{
	const struct mp_trace_event *const *first = a, *const *second = b;
	int order = mp_trace_event_compare(*first, *second);

	return order ? order : compare_number((*first)->first_ns, (*second)->first_ns);
}

const struct mp_trace_event **mp_trace_sort(const struct mp_trace *const *traces, size_t n,
					    size_t *n_events_out)
{
	const struct mp_trace_event **events;
	size_t all = 0, distinct = 0;

	for (size_t i = 0; i < n; i++)
		all += traces[i]->n_events;
	events = mp_xcalloc(all + 1, sizeof(const struct mp_trace_event *));
	all = 0;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < traces[i]->n_events; j++)
			events[all++] = &traces[i]->events[j];
	}
	qsort(events, all, sizeof(*events), compare_for_sort);
	for (size_t i = 0; i < all; i++) {
		if (distinct == 0 || mp_trace_event_compare(events[distinct - 1], events[i]) != 0)
			events[distinct++] = events[i];
	}
	*n_events_out = distinct;
	return events;
}

static int compare_by_time(const void *a, const void *b)
{
	const struct mp_trace_event *const *first = a, *const *second = b;
	int order = compare_number((*first)->first_ns, (*second)->first_ns);

	return order ? order : mp_trace_event_compare(*first, *second);
}

const struct mp_trace_event **mp_trace_sort_by_time(const struct mp_trace *trace,
						    size_t *n_events_out)
{
	const struct mp_trace_event **events = mp_trace_sort(&trace, 1, n_events_out);

	qsort(events, *n_events_out, sizeof(*events), compare_by_time);
	return events;
}
