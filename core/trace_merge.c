/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/trace_merge.h"

#include "core/trace_sort.h"

#include <string.h>

/* Headers */

/* What an image is known by: its ID, or where a header has none, its name. */
static const char *identity(const struct mp_trace_header *header)
{
	return header->image_id ? header->image_id : header->image;
}

/* What was imported may be of anything. */
static const char *origin(const struct mp_trace_header *header)
{
	return header->source && strcmp(header->source, "import") != 0 ? header->source : NULL;
}

/* The first of the traces of which @of tells something that another's header contradicts. */
static int check_same(const struct mp_trace *const *traces, const char *const *names, size_t n,
		      const char *(*of)(const struct mp_trace_header *), const char *what,
		      struct mp_error *err)
{
	size_t first = 0;

	while (first < n && !of(&traces[first]->header))
		first++;
	for (size_t i = first + 1; i < n; i++) {
		const char *one = of(&traces[first]->header);
		const char *other = of(&traces[i]->header);

		if (!other || strcmp(one, other) == 0)
			continue;
		return mp_error_set(err, MP_E_USAGE, 0,
				    "'%s' and '%s' are traces of different %s: %s and %s",
				    names[first], names[i], what, one, other);
	}
	return 0;
}

/* Sets *@text to the lesser of both: a choice in which the order of traces has no part. */
static void take_least(char **text, const char *other)
{
	if (!other || (*text && strcmp(*text, other) <= 0))
		return;
	mp_freep(text);
	*text = mp_xstrdup(other);
}

/* Adds the names in @text, a list with ", " between them. */
static void add_names(struct mp_strv *names, const char *text)
{
	while (text && *text) {
		const char *end = strstr(text, ", ");
		size_t len = end ? (size_t)(end - text) : strlen(text);
		MP_AUTO(mp_freep) char *name = mp_xstrndup(text, len);

		if (len > 0 && mp_strv_find(names, name) < 0)
			mp_strv_push_take(names, MP_STEAL(name));
		text += len + (end ? 2 : 0);
	}
}

static void take_names(char **text, const char *other)
{
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf joined = { 0 };

	add_names(&names, *text);
	add_names(&names, other);
	mp_strv_sort(&names);
	for (size_t i = 0; i < names.n; i++)
		mp_buf_addf(&joined, "%s%s", i ? ", " : "", names.v[i]);
	mp_freep(text);
	if (joined.len)
		*text = mp_buf_steal(&joined);
}

static void merge_header(struct mp_trace_header *merged, const struct mp_trace_header *header)
{
	/* An import gives way to what was traced; beside that, all sources are the same. */
	if (!merged->source || (origin(header) && !origin(merged))) {
		mp_freep(&merged->source);
		merged->source = mp_xstrdup(header->source);
	}
	take_least(&merged->image, header->image);
	take_least(&merged->image_id, header->image_id);
	take_names(&merged->arch, header->arch);
	take_names(&merged->kernel, header->kernel);
}

static void take_most(uint64_t *count, uint64_t other)
{
	if (other > *count)
		*count = other;
}

/*
 * Losses: of a trace that is cut nobody knows them, and what is cut has none, so that in any order
 * the same comes out.
 */
static void merge_losses(struct mp_trace *merged, const struct mp_trace *const *traces, size_t n)
{
	bool cut = false;

	for (size_t i = 0; i < n; i++) {
		cut = cut || mp_trace_is_cut(traces[i]);
		take_most(&merged->losses.dropped, traces[i]->losses.dropped);
		take_most(&merged->losses.truncated, traces[i]->losses.truncated);
		take_most(&merged->losses.unread, traces[i]->losses.unread);
		take_most(&merged->losses.untracked, traces[i]->losses.untracked);
	}
	if (cut)
		merged->losses = (struct mp_trace_losses){ 0 };
	merged->complete = !cut && !mp_trace_lost_any(&merged->losses);
}

static void merge_events(struct mp_trace *merged, const struct mp_trace *const *traces, size_t n)
{
	size_t n_events;
	MP_AUTO(mp_freep)
	const struct mp_trace_event **events = mp_trace_sort(traces, n, &n_events);

	for (size_t i = 0; i < n_events; i++) {
		struct mp_trace_event copy = *events[i];

		copy.path = mp_xstrdup(copy.path);
		copy.real = mp_xstrdup(copy.real);
		copy.exe = mp_xstrdup(copy.exe);
		mp_trace_add_take(merged, &copy);
	}
}

int mp_trace_merge(const struct mp_trace *const *traces, const char *const *names, size_t n,
		   struct mp_trace **merged_out, struct mp_error *err)
{
	MP_AUTO(mp_trace_freep) struct mp_trace *merged = mp_xcalloc(1, sizeof(*merged));

	if (check_same(traces, names, n, identity, "images", err) ||
	    check_same(traces, names, n, origin, "things", err))
		return -1;
	for (size_t i = 0; i < n; i++)
		merge_header(&merged->header, &traces[i]->header);
	merged->header.generator = mp_xstrdup("micropack " MP_VERSION);
	merge_losses(merged, traces, n);
	merge_events(merged, traces, n);
	*merged_out = MP_STEAL(merged);
	return 0;
}
