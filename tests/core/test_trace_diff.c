/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/trace_diff.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(trace_diff, .timeout = 30);

#define HEADER "{\"micropack_trace\":1}\n"
#define OPEN(path, more) "{\"op\":\"open\",\"path\":\"" path "\"" more "}\n"
#define TRAILER(n, dropped)                                                                        \
	"{\"events\":" n ",\"dropped\":" dropped ",\"truncated\":0,\"unread\":0,\"untracked\":0}"  \
						 "\n"

static struct mp_trace *parse(const char *text)
{
	struct mp_trace *trace = NULL;
	struct mp_error err = { 0 };

	cr_assert_eq(mp_trace_parse(text, strlen(text), "t", &trace, &err), 0, "%s", err.msg);
	return trace;
}

/* The difference of two texts, a line each. */
static char *diff_text(const char *before_text, const char *after_text, bool *losses_differ)
{
	MP_AUTO(mp_trace_freep) struct mp_trace *before = parse(before_text);
	MP_AUTO(mp_trace_freep) struct mp_trace *after = parse(after_text);
	MP_AUTO(mp_trace_diff_free) struct mp_trace_diff diff = { 0 };
	struct mp_buf text = { 0 };

	mp_trace_diff(before, after, &diff);
	for (size_t i = 0; i < diff.n; i++) {
		mp_buf_addc(&text, diff.differences[i].added ? '+' : '-');
		mp_trace_event_text(&text, diff.differences[i].event);
		mp_buf_addc(&text, '\n');
	}
	*losses_differ = diff.losses_differ;
	cr_expect_eq(mp_trace_diff_is_empty(&diff), text.len == 0 && !*losses_differ);
	return mp_buf_steal(&text);
}

Test(trace_diff, events)
{
	static const struct {
		const char *before, *after, *expected;
	} cases[] = {
		{ HEADER, HEADER, "" },
		{ HEADER OPEN("/a", ""), HEADER OPEN("/a", ",\"first_ns\":9"), "" },
		{ HEADER OPEN("/a", "") OPEN("/b", ""), HEADER OPEN("/b", "") OPEN("/a", ""), "" },
		{ HEADER OPEN("/a", "") OPEN("/a", ""), HEADER OPEN("/a", ""), "" },
		{ HEADER OPEN("/a", ""), HEADER, "-open /a -> ?\n" },
		{ HEADER, HEADER OPEN("/a", ",\"real\":\"/a\""), "+open /a\n" },
		{ HEADER OPEN("/a", ",\"real\":\"/r\"") OPEN("/z", ",\"errno\":\"EPERM\""),
		  HEADER OPEN("/a", ",\"errno\":\"ENOENT\"") OPEN("/b", ",\"real\":\"/b\"")
			  OPEN("/a", ",\"real\":\"/q\""),
		  "-open /a -> /r\n"
		  "+open /a ENOENT\n"
		  "+open /a -> /q\n"
		  "+open /b\n"
		  "-open /z EPERM\n" },
		/* Everything but the time counts. */
		{ HEADER OPEN("/a", ",\"flags\":[\"dir\"]") OPEN("/b", ",\"session\":1")
			  OPEN("/c", ",\"exe\":\"/x\""),
		  HEADER OPEN("/a", "") OPEN("/b", "") OPEN("/c", ",\"exe\":\"/y\""),
		  "-open /a -> ? (dir)\n"
		  "+open /a -> ?\n"
		  "-open /b -> ? session 1\n"
		  "+open /b -> ?\n"
		  "-open /c -> ? by /x\n"
		  "+open /c -> ? by /y\n" },
		{ HEADER "{\"op\":\"stat\",\"path\":\"/\\\\x0a\",\"errno\":\"E512\",\"flags\":"
			 "[\"write\",\"nofollow\"],\"exe\":\"/\\\\\\\\\",\"session\":2}\n",
		  HEADER, "-stat /\\x0a E512 (write,nofollow) session 2 by /\\\\\n" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		bool losses_differ;
		MP_AUTO(mp_freep)
		char *text = diff_text(cases[i].before, cases[i].after, &losses_differ);

		cr_expect_str_eq(text, cases[i].expected, "case %zu: %s", i, text);
		cr_expect_not(losses_differ);
	}
}

/* Headers make no difference; what is known to be missing does. */
Test(trace_diff, losses)
{
	static const struct {
		const char *before, *after;
		bool differ;
	} cases[] = {
		{ HEADER, HEADER TRAILER("0", "0"), true },
		{ HEADER TRAILER("0", "0"), HEADER TRAILER("0", "0"), false },
		{ HEADER TRAILER("0", "1"), HEADER TRAILER("0", "0"), true },
		{ HEADER TRAILER("0", "1"), HEADER TRAILER("0", "1"), false },
		{ HEADER TRAILER("0", "1"), HEADER TRAILER("0", "2"), true },
		{ HEADER TRAILER("0", "1"), HEADER, true },
		{ HEADER, "{\"micropack_trace\":1,\"image\":\"n\"}\n", false },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		bool losses_differ;
		MP_AUTO(mp_freep)
		char *text = diff_text(cases[i].before, cases[i].after, &losses_differ);

		cr_expect_str_eq(text, "");
		cr_expect_eq(losses_differ, cases[i].differ, "case %zu", i);
	}
}

Test(trace_diff, state_text)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ HEADER, "incomplete: no trailer" },
		{ HEADER TRAILER("0", "0"), "complete" },
		{ HEADER TRAILER("0", "3"), "incomplete: 3 events dropped, 0 paths truncated, 0 "
					    "unread, 0 processes not followed" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_trace_freep) struct mp_trace *trace = parse(cases[i].text);
		MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };

		mp_trace_state_text(&text, trace);
		cr_expect_str_eq(text.data, cases[i].expected, "%s", text.data);
	}
}

/* What is added to a trace, and nothing else, is in the difference. */
Test(trace_diff, of_everything)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	MP_AUTO(mp_trace_freep) struct mp_trace *before = NULL;
	MP_AUTO(mp_trace_freep) struct mp_trace *after = NULL;
	MP_AUTO(mp_trace_diff_free) struct mp_trace_diff diff = { 0 };
	MP_AUTO(mp_trace_diff_free) struct mp_trace_diff back = { 0 };

	mp_buf_adds(&text, HEADER);
	for (int i = 0; i < 2000; i++) {
		if (i == 1000)
			before = parse(text.data);
		mp_buf_addf(&text, "{\"op\":\"open\",\"path\":\"/%d\"}\n", i * 7919 % 2000);
	}
	after = parse(text.data);
	mp_trace_diff(before, after, &diff);
	mp_trace_diff(after, before, &back);
	cr_expect_eq(diff.n, 1000);
	cr_expect_eq(back.n, 1000);
	for (size_t i = 0; i < diff.n; i++) {
		cr_expect(diff.differences[i].added);
		cr_expect_not(back.differences[i].added);
		cr_expect_eq(diff.differences[i].event, back.differences[i].event);
	}
}
