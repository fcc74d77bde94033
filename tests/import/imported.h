/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TESTS_IMPORTED_H
#define MP_TESTS_IMPORTED_H

#include "core/trace_diff.h"
#include "import/import.h"

#include <criterion/criterion.h>
#include <string.h>

/* A text in a format, and what it is imported as: an event a line as `micropack diff` prints it,
 * then the losses that are not 0. */
struct imported {
	const char *text;
	const char *expected;
};

static char *imported_text(const struct mp_trace *trace)
{
	const struct mp_trace_losses *losses = &trace->losses;
	struct mp_buf text = { 0 };

	for (size_t i = 0; i < trace->n_events; i++) {
		mp_trace_event_text(&text, &trace->events[i]);
		mp_buf_addc(&text, '\n');
	}
	if (losses->dropped)
		mp_buf_addf(&text, "dropped %d\n", (int)losses->dropped);
	if (losses->truncated)
		mp_buf_addf(&text, "truncated %d\n", (int)losses->truncated);
	if (losses->unread)
		mp_buf_addf(&text, "unread %d\n", (int)losses->unread);
	if (losses->untracked)
		mp_buf_addf(&text, "untracked %d\n", (int)losses->untracked);
	return mp_buf_steal(&text);
}

/* Of its exact size, so that the sanitizer sees a read past the end. */
static inline int import_exactly(const struct mp_import_options *options, const char *text,
				 size_t len, struct mp_trace **trace_out, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *copy = mp_xmalloc(len);

	memcpy(copy, text, len);
	return mp_import(options, copy, len, "f", trace_out, err);
}

static inline void expect_imported(const struct mp_import_options *options,
				   const struct imported *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
		MP_AUTO(mp_freep) char *text = NULL;
		struct mp_error err = { 0 };

		cr_expect_eq(
			import_exactly(options, cases[i].text, strlen(cases[i].text), &trace, &err),
			0, "%s\n%s", cases[i].text, err.msg);
		if (!trace)
			continue;
		text = imported_text(trace);
		cr_expect_str_eq(text, cases[i].expected, "%s\nis\n%snot\n%s", cases[i].text, text,
				 cases[i].expected);
		cr_expect_eq(trace->complete, !mp_trace_lost_any(&trace->losses));
		cr_expect_str_eq(trace->header.source, "import");
		cr_expect_null(trace->header.image);
	}
}

/* Here expected is the message. */
static inline void expect_malformed(const struct mp_import_options *options,
				    const struct imported *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct mp_trace *trace = NULL;
		struct mp_error err = { 0 };

		cr_expect_eq(
			import_exactly(options, cases[i].text, strlen(cases[i].text), &trace, &err),
			-1, "%s", cases[i].text);
		cr_expect_eq(err.code, MP_E_FORMAT);
		cr_expect_str_eq(err.msg, cases[i].expected, "%s", err.msg);
		cr_expect_null(trace);
	}
}

/* Cut anywhere, and with any byte changed, it is refused or read; nothing crashes. */
static inline void expect_robust(const struct mp_import_options *options, const char *text)
{
	static const char values[] = {
		'\0', '"', '\\', '<', '>', '(', ')', ',', '=', '\n', '\xff'
	};
	MP_AUTO(mp_freep) char *changed = mp_xstrdup(text);
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		MP_AUTO(mp_trace_freep) struct mp_trace *cut = NULL;
		struct mp_error err = { 0 };

		if (import_exactly(options, text, i, &cut, &err))
			cr_expect_eq(err.code, MP_E_FORMAT);
		for (size_t v = 0; v < sizeof(values); v++) {
			MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;

			changed[i] = values[v];
			if (import_exactly(options, changed, len, &trace, &err))
				cr_expect_eq(err.code, MP_E_FORMAT);
		}
		changed[i] = text[i];
	}
}

#endif
