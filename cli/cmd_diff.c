/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"
#include "cli/traces.h"
#include "core/json.h"
#include "core/trace_diff.h"

#include <stdio.h>

#define DIFFERENT 1

/* The two sides. */
struct side {
	const char *path;
	struct mp_trace *trace;
};

static void side_clear(struct side *side)
{
	mp_trace_freep(&side->trace);
}

/* Exit status 1 says that they differ, so that a malformed trace must not. */
static int side_read(struct side *side, const char *path, struct mp_error *err)
{
	side->path = path;
	if (mp_load_trace(path, &side->trace, err) == 0)
		return 0;
	if (err->code == MP_E_FORMAT)
		err->code = MP_E_USAGE;
	return -1;
}

static void print_line(const char *start, struct mp_buf *text)
{
	printf("%s%s\n", start, text->data);
	mp_buf_clear(text);
}

static void print_side(const char *start, const struct side *side)
{
	const char *image = side->trace->header.image;

	printf("%s %s%s%s\n", start, side->path, image ? "\t" : "", image ? image : "");
}

static void print_text(const struct side *before, const struct side *after,
		       const struct mp_trace_diff *diff)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };

	if (mp_trace_diff_is_empty(diff))
		return;
	print_side("---", before);
	print_side("+++", after);
	for (size_t i = 0; i < diff->n; i++) {
		mp_trace_event_text(&text, diff->differences[i].event);
		print_line(diff->differences[i].added ? "+" : "-", &text);
	}
	if (!diff->losses_differ)
		return;
	mp_trace_state_text(&text, before->trace);
	print_line("-", &text);
	mp_trace_state_text(&text, after->trace);
	print_line("+", &text);
}

static struct mp_json *side_json(const struct side *side)
{
	const struct mp_trace *trace = side->trace;
	const struct mp_trace_losses *losses = &trace->losses;
	struct mp_json *json = mp_json_object();

	/* A name that is not UTF-8 is left out. */
	mp_json_set_take(json, "trace", mp_json_string(side->path));
	mp_json_set_string(json, "image", trace->header.image);
	mp_json_set_string(json, "image_id", trace->header.image_id);
	mp_json_set_boolean(json, "complete", trace->complete);
	mp_json_set_boolean(json, "cut", mp_trace_is_cut(trace));
	mp_json_set_integer(json, "dropped", (int64_t)losses->dropped);
	mp_json_set_integer(json, "truncated", (int64_t)losses->truncated);
	mp_json_set_integer(json, "unread", (int64_t)losses->unread);
	mp_json_set_integer(json, "untracked", (int64_t)losses->untracked);
	return json;
}

static struct mp_json *events_json(const struct mp_trace_diff *diff, bool added)
{
	struct mp_json *events = mp_json_array();

	for (size_t i = 0; i < diff->n; i++) {
		if (diff->differences[i].added == added)
			mp_json_push_take(events, mp_trace_event_json(diff->differences[i].event));
	}
	return events;
}

static void print_json(const struct side *before, const struct side *after,
		       const struct mp_trace_diff *diff)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = mp_json_object();
	MP_AUTO(mp_freep) char *text = NULL;

	mp_json_set_boolean(json, "equal", mp_trace_diff_is_empty(diff));
	mp_json_set_take(json, "before", side_json(before));
	mp_json_set_take(json, "after", side_json(after));
	mp_json_set_take(json, "removed", events_json(diff, false));
	mp_json_set_take(json, "added", events_json(diff, true));
	text = mp_json_dump_pretty(json);
	fputs(text, stdout);
}

int mp_cmd_diff(const struct mp_options *options, struct mp_error *err)
{
	const struct mp_strv *paths = &options->arguments;
	MP_AUTO(side_clear) struct side before = { 0 };
	MP_AUTO(side_clear) struct side after = { 0 };
	MP_AUTO(mp_trace_diff_free) struct mp_trace_diff diff = { 0 };

	if (paths->n != 2 || options->has_separator)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "two traces are needed; see 'micropack diff --help'");
	if (side_read(&before, paths->v[0], err) || side_read(&after, paths->v[1], err))
		return -1;
	mp_trace_diff(before.trace, after.trace, &diff);
	if (options->json)
		print_json(&before, &after, &diff);
	else
		print_text(&before, &after, &diff);
	return mp_trace_diff_is_empty(&diff) ? 0 : DIFFERENT;
}
