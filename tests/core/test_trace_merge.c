/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/trace_merge.h"

#include "core/file.h"
#include "core/trace_sort.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(trace_merge, .timeout = 60);

#define TRAILER "{\"events\":%d,\"dropped\":%d,\"truncated\":%d,\"unread\":%d,\"untracked\":%d}\n"

static struct mp_trace *parse(const char *text)
{
	struct mp_trace *trace = NULL;
	struct mp_error err = { 0 };

	cr_assert_eq(mp_trace_parse(text, strlen(text), "t", &trace, &err), 0, "%s", err.msg);
	return trace;
}

/* The bytes that @trace has in a file. */
static char *bytes_of(const struct mp_trace *trace)
{
	char path[] = "/tmp/mp-test-merge-XXXXXX";
	MP_AUTO(mp_closep) int fd = mkstemp(path);
	struct mp_buf text = { 0 };
	struct mp_error err = { 0 };

	cr_assert(fd >= 0);
	cr_assert_eq(mp_trace_write(trace, path, &err), 0, "%s", err.msg);
	cr_assert_eq(mp_file_read(path, 1 << 24, &text, &err), 0, "%s", err.msg);
	unlink(path);
	return mp_buf_steal(&text);
}

static struct mp_trace *merge(const struct mp_trace *const *traces, size_t n)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	struct mp_trace *merged = NULL;
	struct mp_error err = { 0 };

	cr_assert(n <= MP_ARRAY_LEN(names));
	cr_assert_eq(mp_trace_merge(traces, names, n, &merged, &err), 0, "%s", err.msg);
	return merged;
}

static struct mp_trace *merge_two(const struct mp_trace *a, const struct mp_trace *b)
{
	const struct mp_trace *const traces[] = { a, b };

	return merge(traces, 2);
}

static void expect_same(const struct mp_trace *a, const struct mp_trace *b, const char *what)
{
	MP_AUTO(mp_freep) char *one = bytes_of(a);
	MP_AUTO(mp_freep) char *other = bytes_of(b);

	cr_expect_str_eq(one, other, "%s:\n%s\nand\n%s", what, one, other);
}

/* Generated traces */

/* Few values, so that traces have events, and parts of events, in common. */
static const char *pick(unsigned int *seed, const char *const *values, size_t n)
{
	return values[(size_t)rand_r(seed) % n];
}

/* @time: of the event itself; < 0: the header has them. */
static void add_event(struct mp_buf *text, unsigned int *seed, int time)
{
	static const char *const ops[] = { "exec", "open", "stat" };
	static const char *const paths[] = { "/a", "/a/b", "/b", "/\\xff", "/B" };
	static const char *const more[] = {
		"",
		",\"real\":\"/a\"",
		",\"errno\":\"ENOENT\"",
		",\"flags\":[\"dir\"]",
		",\"session\":1",
	};
	static const char *const exes[] = { "", ",\"exe\":\"/x\"", ",\"exe\":\"/y\"" };
	char *json_path = strdup(pick(seed, paths, MP_ARRAY_LEN(paths)));

	mp_buf_addf(text, "{\"op\":\"%s\",\"path\":\"", pick(seed, ops, MP_ARRAY_LEN(ops)));
	for (const char *p = json_path; *p; p++)
		mp_buf_addf(text, *p == '\\' ? "\\\\" : "%c", *p);
	free(json_path);
	mp_buf_addf(text, "\"%s%s", pick(seed, more, MP_ARRAY_LEN(more)),
		    pick(seed, exes, MP_ARRAY_LEN(exes)));
	if (time >= 0)
		mp_buf_addf(text, ",\"first_ns\":%d", time);
	mp_buf_adds(text, "}\n");
}

static struct mp_trace *generate(unsigned int *seed)
{
	/* All of one image, or of none. */
	static const char *const headers[] = {
		"\"source\":\"container\",\"image\":\"n:1\",\"image_id\":\"sha256:1\"",
		"\"source\":\"container\",\"image\":\"n:2\",\"image_id\":\"sha256:1\",\"arch\":"
		"\"b\"",
		"\"source\":\"container\",\"image_id\":\"sha256:1\",\"kernel\":\"6.1\"",
		"\"source\":\"import\",\"arch\":\"a, c\"",
		"\"source\":\"import\",\"kernel\":\"6.12, 5.10\"",
		"\"generator\":\"other 1\"",
	};
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	int n = rand_r(seed) % 12, losses[4];
	bool times_in_header = rand_r(seed) % 2;

	mp_buf_addf(&text, "{\"micropack_trace\":1,%s", pick(seed, headers, MP_ARRAY_LEN(headers)));
	for (int i = 0; times_in_header && i < n; i++)
		mp_buf_addf(&text, "%s%d", i ? "," : ",\"first_ns\":[", rand_r(seed) % 4);
	mp_buf_adds(&text, times_in_header && n > 0 ? "]}\n" : "}\n");
	for (int i = 0; i < n; i++)
		add_event(&text, seed, times_in_header ? -1 : rand_r(seed) % 4);
	for (size_t i = 0; i < MP_ARRAY_LEN(losses); i++)
		losses[i] = rand_r(seed) % 4 ? 0 : rand_r(seed) % 3;
	if (rand_r(seed) % 6)
		mp_buf_addf(&text, TRAILER, n, losses[0], losses[1], losses[2], losses[3]);
	return parse(text.data);
}

/* The laws of a union, over every field of the result. */
Test(trace_merge, laws)
{
	unsigned int seed = 1;

	for (int round = 0; round < 400; round++) {
		MP_AUTO(mp_trace_freep) struct mp_trace *a = generate(&seed);
		MP_AUTO(mp_trace_freep) struct mp_trace *b = generate(&seed);
		MP_AUTO(mp_trace_freep) struct mp_trace *c = generate(&seed);
		const struct mp_trace *const abc[] = { a, b, c };
		MP_AUTO(mp_trace_freep) struct mp_trace *all = merge(abc, 3);
		MP_AUTO(mp_trace_freep) struct mp_trace *alone = merge(abc, 1);
		MP_AUTO(mp_trace_freep) struct mp_trace *twice = merge_two(a, a);
		MP_AUTO(mp_trace_freep) struct mp_trace *again = merge_two(alone, a);
		MP_AUTO(mp_trace_freep) struct mp_trace *ab = merge_two(a, b);
		MP_AUTO(mp_trace_freep) struct mp_trace *ba = merge_two(b, a);
		MP_AUTO(mp_trace_freep) struct mp_trace *bc = merge_two(b, c);
		MP_AUTO(mp_trace_freep) struct mp_trace *left = merge_two(ab, c);
		MP_AUTO(mp_trace_freep) struct mp_trace *right = merge_two(a, bc);
		MP_AUTO(mp_trace_freep) struct mp_trace *absorbed = merge_two(all, b);

		expect_same(alone, twice, "idempotent");
		expect_same(alone, again, "idempotent, again");
		expect_same(ab, ba, "commutative");
		expect_same(left, right, "associative");
		expect_same(left, all, "all at once");
		expect_same(all, absorbed, "absorbing");
		cr_expect_eq(all->complete, a->complete && b->complete && c->complete);
		cr_expect_eq(mp_trace_is_cut(all),
			     mp_trace_is_cut(a) || mp_trace_is_cut(b) || mp_trace_is_cut(c));
	}
}

/* A merged trace is one that the reader takes for what it is. */
Test(trace_merge, is_read_again)
{
	unsigned int seed = 7;

	for (int round = 0; round < 200; round++) {
		MP_AUTO(mp_trace_freep) struct mp_trace *a = generate(&seed);
		MP_AUTO(mp_trace_freep) struct mp_trace *b = generate(&seed);
		MP_AUTO(mp_trace_freep) struct mp_trace *merged = merge_two(a, b);
		MP_AUTO(mp_freep) char *text = bytes_of(merged);
		MP_AUTO(mp_trace_freep) struct mp_trace *read = parse(text);

		expect_same(merged, read, "written and read");
		cr_expect_eq(merged->complete, read->complete);
		for (size_t i = 1; i < read->n_events; i++)
			cr_expect(mp_trace_event_compare(&read->events[i - 1], &read->events[i]) <
				  0);
	}
}

/* Order, and what is the same */

#define HEADER "{\"micropack_trace\":1}\n"
#define END "{\"events\":%zu,\"dropped\":0,\"truncated\":0,\"unread\":0,\"untracked\":0}\n"

/* The events that the format's text has, in their canonical order. */
Test(trace_merge, canonical_order)
{
	static const char *const events[] = {
		"{\"op\":\"open\",\"path\":\"/\"}\n",
		"{\"op\":\"stat\",\"path\":\"/\"}\n",
		"{\"op\":\"exec\",\"path\":\"/B\"}\n",
		"{\"op\":\"open\",\"path\":\"/a\",\"exe\":\"/x\"}\n",
		"{\"op\":\"open\",\"path\":\"/a\",\"flags\":[\"write\"]}\n",
		"{\"op\":\"open\",\"path\":\"/a\",\"errno\":\"ENOENT\"}\n",
		"{\"op\":\"open\",\"path\":\"/a\",\"real\":\"/b\"}\n",
		"{\"op\":\"open\",\"path\":\"/a\",\"session\":1}\n",
		"{\"op\":\"stat\",\"path\":\"/a\"}\n",
		"{\"op\":\"exec\",\"path\":\"/a/b\"}\n",
	};
	size_t n = MP_ARRAY_LEN(events);
	MP_AUTO(mp_buf_free) struct mp_buf sorted = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf shuffled = { 0 };
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	MP_AUTO(mp_trace_freep) struct mp_trace *merged = NULL;
	MP_AUTO(mp_freep) char *text = NULL;

	mp_buf_adds(&sorted,
		    "{\"micropack_trace\":1,\"generator\":\"micropack " MP_VERSION "\"}\n");
	mp_buf_adds(&shuffled, HEADER);
	for (size_t i = 0; i < n; i++) {
		mp_buf_adds(&sorted, events[i]);
		mp_buf_adds(&shuffled, events[(i * 7 + 3) % n]);
	}
	mp_buf_addf(&sorted, END, n);
	mp_buf_addf(&shuffled, END, n);
	trace = parse(shuffled.data);
	merged = merge((const struct mp_trace *const[]){ trace }, 1);
	text = bytes_of(merged);
	cr_expect_str_eq(text, sorted.data, "%s\nnot\n%s", text, sorted.data);
}

Test(trace_merge, first_sight_is_the_earliest)
{
	MP_AUTO(mp_trace_freep)
	struct mp_trace *a = parse(HEADER "{\"op\":\"open\",\"path\":\"/a\",\"first_ns\":7}\n");
	MP_AUTO(mp_trace_freep)
	struct mp_trace *b = parse(HEADER "{\"op\":\"open\",\"path\":\"/a\",\"first_ns\":3}\n"
					  "{\"op\":\"open\",\"path\":\"/a\",\"first_ns\":5}\n");
	MP_AUTO(mp_trace_freep) struct mp_trace *merged = merge_two(a, b);

	cr_assert_eq(merged->n_events, 1);
	cr_expect_eq(merged->events[0].first_ns, 3);
}

/* Headers */

Test(trace_merge, headers)
{
	static const struct {
		const char *a, *b, *merged; /* without braces */
	} cases[] = {
		{ "\"source\":\"container\",\"image\":\"n:2\",\"image_id\":\"i\",\"arch\":\"x86_"
		  "64\"",
		  "\"source\":\"container\",\"image\":\"n:1\",\"image_id\":\"i\",\"arch\":\"x86_"
		  "64\"",
		  "\"source\":\"container\",\"image\":\"n:1\",\"image_id\":\"i\",\"arch\":\"x86_"
		  "64\"," },
		{ "\"source\":\"import\"", "\"source\":\"command\",\"kernel\":\"6\"",
		  "\"source\":\"command\",\"kernel\":\"6\"," },
		{ "\"kernel\":\"6.1, 5.4\"", "\"kernel\":\"6.1, 6.12\"",
		  "\"kernel\":\"5.4, 6.1, 6.12\"," },
		{ "\"source\":\"import\"", "\"image\":\"n:1\"",
		  "\"source\":\"import\",\"image\":\"n:1\"," },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep)
		char *a_text = mp_xasprintf("{\"micropack_trace\":1,%s}\n" TRAILER, cases[i].a, 0,
					    0, 0, 0, 0);
		MP_AUTO(mp_freep)
		char *b_text = mp_xasprintf("{\"micropack_trace\":1,%s}\n" TRAILER, cases[i].b, 0,
					    0, 0, 0, 0);
		MP_AUTO(mp_freep)
		char *expected = mp_xasprintf("{\"micropack_trace\":1,%s\"generator\":\"micropack "
					      "%s\"}\n" TRAILER,
					      cases[i].merged, MP_VERSION, 0, 0, 0, 0, 0);
		MP_AUTO(mp_trace_freep) struct mp_trace *a = parse(a_text);
		MP_AUTO(mp_trace_freep) struct mp_trace *b = parse(b_text);
		MP_AUTO(mp_trace_freep) struct mp_trace *merged = merge_two(a, b);
		MP_AUTO(mp_freep) char *text = bytes_of(merged);

		cr_expect_str_eq(text, expected, "%s", text);
	}
}

Test(trace_merge, refuses_different_images)
{
	static const struct {
		const char *a, *b, *message;
	} cases[] = {
		{ "\"image\":\"n:1\",\"image_id\":\"sha256:1\"",
		  "\"image\":\"n:1\",\"image_id\":\"sha256:2\"",
		  "'a' and 'b' are traces of different images: sha256:1 and sha256:2" },
		{ "\"image\":\"n:1\"", "\"image\":\"n:2\"",
		  "'a' and 'b' are traces of different images: n:1 and n:2" },
		{ "\"image\":\"n:1\",\"image_id\":\"sha256:1\"", "\"image\":\"n:1\"",
		  "'a' and 'b' are traces of different images: sha256:1 and n:1" },
		{ "\"source\":\"container\"", "\"source\":\"command\"",
		  "'a' and 'b' are traces of different things: container and command" },
	};
	static const char *const names[] = { "z", "a", "b" };

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep)
		char *a_text = mp_xasprintf("{\"micropack_trace\":1,%s}\n", cases[i].a);
		MP_AUTO(mp_freep)
		char *b_text = mp_xasprintf("{\"micropack_trace\":1,%s}\n", cases[i].b);
		MP_AUTO(mp_trace_freep) struct mp_trace *z = parse(HEADER);
		MP_AUTO(mp_trace_freep) struct mp_trace *a = parse(a_text);
		MP_AUTO(mp_trace_freep) struct mp_trace *b = parse(b_text);
		const struct mp_trace *const traces[] = { z, a, b };
		struct mp_trace *merged = NULL;
		struct mp_error err = { 0 };

		cr_expect_eq(mp_trace_merge(traces, names, 3, &merged, &err), -1);
		cr_expect_eq(err.code, MP_E_USAGE);
		cr_expect_str_eq(err.msg, cases[i].message, "%s", err.msg);
		cr_expect_null(merged);
	}
}

/* Losses */

Test(trace_merge, losses_are_the_largest)
{
	MP_AUTO(mp_freep) char *a_text = mp_xasprintf(HEADER TRAILER, 0, 1, 5, 0, 0);
	MP_AUTO(mp_freep) char *b_text = mp_xasprintf(HEADER TRAILER, 0, 2, 3, 4, 0);
	MP_AUTO(mp_trace_freep) struct mp_trace *a = parse(a_text);
	MP_AUTO(mp_trace_freep) struct mp_trace *b = parse(b_text);
	MP_AUTO(mp_trace_freep) struct mp_trace *merged = merge_two(a, b);
	const struct mp_trace_losses expected = { 2, 5, 4, 0 };

	cr_expect_eq(memcmp(&merged->losses, &expected, sizeof(expected)), 0);
	cr_expect_not(merged->complete);
}

/* No member of the result may make a reader of today take it for complete. */
Test(trace_merge, a_cut_trace_has_no_trailer)
{
	MP_AUTO(mp_freep) char *whole_text = mp_xasprintf(HEADER TRAILER, 0, 1, 0, 0, 0);
	MP_AUTO(mp_trace_freep)
	struct mp_trace *cut = parse(HEADER "{\"op\":\"open\",\"path\":\"/a\"}\n");
	MP_AUTO(mp_trace_freep) struct mp_trace *whole = parse(whole_text);
	MP_AUTO(mp_trace_freep) struct mp_trace *merged = merge_two(cut, whole);
	MP_AUTO(mp_freep) char *text = bytes_of(merged);
	struct mp_error err = { 0 };

	cr_expect_null(strstr(text, "\"events\""), "%s", text);
	cr_expect_eq(mp_trace_check_complete(merged, &err), -1);
	cr_expect_str_eq(err.msg, "the trace has no trailer: the tracer was stopped midway");
}

/* A full disk leaves what stood there. */
Test(trace_merge, write_reports_a_full_disk)
{
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = parse(HEADER);
	struct mp_error err = { 0 };

	cr_expect_eq(mp_trace_write(trace, "/dev/full", &err), -1);
	cr_expect_str_eq(err.msg, "write '/dev/full': No space left on device");
	cr_expect_eq(mp_trace_write(trace, "/nonexistent/t", &err), -1);
	cr_expect_str_eq(err.msg, "create '/nonexistent/t': No such file or directory");
}
