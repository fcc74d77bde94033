/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/trace_diff.h"

#include "core/path.h"
#include "core/trace_sort.h"

#include <string.h>

/* A trace's events in order, and how far they are read. */
struct cursor {
	const struct mp_trace_event **events;
	size_t n, at;
};

static void cursor_clear(struct cursor *cursor)
{
	mp_freep(&cursor->events);
}

static void differ(struct mp_trace_diff *diff, const struct mp_trace_event *event, bool added)
{
	diff->differences =
		mp_array_grow(diff->differences, diff->n, &diff->cap, sizeof(*diff->differences));
	diff->differences[diff->n++] = (struct mp_trace_difference){ added, event };
}

/* < 0: the next event of @a comes first; 0: they are the same. One must have a next event. */
static int compare_next(const struct cursor *a, const struct cursor *b)
{
	if (a->at == a->n || b->at == b->n)
		return a->at == a->n ? 1 : -1;
	return mp_trace_event_compare(a->events[a->at], b->events[b->at]);
}

/* Puts what went before what came, since the event @from on. */
static void group(struct mp_trace_diff *diff, size_t from, struct mp_trace_difference *scratch)
{
	size_t n = 0;

	for (int added = 0; added < 2; added++) {
		for (size_t i = from; i < diff->n; i++) {
			if (diff->differences[i].added == added)
				scratch[n++] = diff->differences[i];
		}
	}
	if (n > 0)
		memcpy(diff->differences + from, scratch, n * sizeof(*scratch));
}

static void group_by_path(struct mp_trace_diff *diff)
{
	size_t n = diff->n;
	MP_AUTO(mp_freep)
	struct mp_trace_difference *scratch = mp_xcalloc(n + 1, sizeof(*scratch));

	for (size_t from = 0, to; from < n; from = to) {
		const char *path = diff->differences[from].event->path;

		for (to = from; to < n; to++) {
			if (strcmp(diff->differences[to].event->path, path) != 0)
				break;
		}
		diff->n = to;
		group(diff, from, scratch);
	}
	diff->n = n;
}

void mp_trace_diff(const struct mp_trace *before, const struct mp_trace *after,
		   struct mp_trace_diff *diff)
{
	MP_AUTO(cursor_clear) struct cursor a = { 0 };
	MP_AUTO(cursor_clear) struct cursor b = { 0 };

	a.events = mp_trace_sort(&before, 1, &a.n);
	b.events = mp_trace_sort(&after, 1, &b.n);
	while (a.at < a.n || b.at < b.n) {
		int order = compare_next(&a, &b);

		if (order < 0)
			differ(diff, a.events[a.at], false);
		else if (order > 0)
			differ(diff, b.events[b.at], true);
		a.at += order <= 0;
		b.at += order >= 0;
	}
	group_by_path(diff);
	diff->losses_differ = before->complete != after->complete ||
			      memcmp(&before->losses, &after->losses, sizeof(before->losses)) != 0;
}

bool mp_trace_diff_is_empty(const struct mp_trace_diff *diff)
{
	return diff->n == 0 && !diff->losses_differ;
}

void mp_trace_diff_free(struct mp_trace_diff *diff)
{
	mp_freep(&diff->differences);
	diff->n = diff->cap = 0;
}

void mp_trace_event_text(struct mp_buf *text, const struct mp_trace_event *event)
{
	char number[MP_ERRNO_TEXT_SIZE];
	const char *separator = " (";

	mp_buf_addf(text, "%s ", mp_trace_op_name(event->op));
	mp_path_escape(text, event->path);
	if (event->real && strcmp(event->real, event->path) != 0) {
		mp_buf_adds(text, " -> ");
		mp_path_escape(text, event->real);
	}
	if (event->error)
		mp_buf_addf(text, " %s", mp_trace_errno_name(event->error, number));
	else if (!event->real)
		mp_buf_adds(text, " -> ?");
	for (unsigned int bit = 1; bit && bit <= event->flags; bit <<= 1) {
		if (!(event->flags & bit))
			continue;
		mp_buf_addf(text, "%s%s", separator, mp_trace_flag_name((enum mp_trace_flag)bit));
		separator = ",";
	}
	if (event->flags)
		mp_buf_addc(text, ')');
	if (event->session)
		mp_buf_addf(text, " session %u", event->session);
	if (event->exe) {
		mp_buf_adds(text, " by ");
		mp_path_escape(text, event->exe);
	}
}

void mp_trace_state_text(struct mp_buf *text, const struct mp_trace *trace)
{
	MP_AUTO(mp_freep) char *losses = mp_trace_losses_text(&trace->losses);

	if (trace->complete)
		mp_buf_adds(text, "complete");
	else
		mp_buf_addf(text, "incomplete: %s", mp_trace_is_cut(trace) ? "no trailer" : losses);
}
