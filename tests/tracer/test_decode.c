/* SPDX-License-Identifier: BSD-2-Clause */
#include "tracer/decode.h"

#include <linux/types.h>

#include "bpf/event.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes, with the NUL that ends the literal: NAMES("c\0b\0a") is what the kernel side says for
 * /a/b/c, PATH("etc/x") the text of a call. */
struct bytes {
	const char *data;
	size_t len;
};

#define NAMES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text)                                                                 \
	}
#define PATH(text) NAMES(text)
#define ROOT                                                                                       \
	{                                                                                          \
		NULL, 0                                                                            \
	}
#define NO_PATH ROOT

#define RECORD_MAX (sizeof(struct mp_event) + (size_t)3 * UINT16_MAX)

struct given {
	enum mp_trace_op op;
	unsigned int flags;
	int error;
	struct bytes path, base, real;
	unsigned int rest;
	unsigned int sink, session;
	uint64_t exe_id, new_exe_id, request, time_ns;
};

#define RECORD(op_, flags_, error_, path_, base_, real_, ...)                                      \
	{                                                                                          \
		.op = op_, .flags = flags_, .error = error_, .path = path_, .base = base_,         \
		.real = real_, __VA_ARGS__                                                         \
	}

/* @record: of RECORD_MAX bytes. Returns its size. */
static size_t make_record(char *record, const struct given *given)
{
	struct mp_event head = {
		.time_ns = given->time_ns,
		.exe_id = given->exe_id,
		.new_exe_id = given->new_exe_id,
		.request = given->request,
		.sink = given->sink,
		.session = given->session,
		.error = given->error,
		.flags = given->flags,
		.op = (__u16)given->op,
		.path_len = (__u16)given->path.len,
		.base_len = (__u16)given->base.len,
		.real_len = (__u16)given->real.len,
		.rest = (__u16)given->rest,
	};
	const struct bytes *parts[] = { &given->path, &given->base, &given->real };
	size_t size = sizeof(head);

	memcpy(record, &head, sizeof(head));
	for (size_t i = 0; i < MP_ARRAY_LEN(parts); i++) {
		if (parts[i]->len)
			memcpy(record + size, parts[i]->data, parts[i]->len);
		size += parts[i]->len;
	}
	return size;
}

static struct mp_event *head_of(char *record)
{
	return (struct mp_event *)record;
}

/* What a decoder has emitted. */
#define SEEN_MAX 64
struct seen {
	struct mp_trace_event events[SEEN_MAX];
	unsigned int sinks[SEEN_MAX];
	size_t n;
};

static void seen_clear(struct seen *seen)
{
	for (size_t i = 0; i < seen->n; i++)
		mp_trace_event_clear(&seen->events[i]);
	seen->n = 0;
}

static void see(unsigned int sink, struct mp_trace_event *event, void *context)
{
	struct seen *seen = context;

	cr_assert_lt(seen->n, SEEN_MAX);
	seen->sinks[seen->n] = sink;
	seen->events[seen->n++] = *event;
}

/* Copies end where the record does, so that ASan sees a read beyond it. */
static char *copy_of(const char *record, size_t size)
{
	char *copy = mp_xmalloc(size ? size : 1);

	memcpy(copy, record, size);
	return copy;
}

static int learn(struct mp_decoder *decoder, const char *record, size_t size, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *copy = copy_of(record, size);

	memset(err, 0, sizeof(*err));
	return mp_decoder_learn(decoder, copy, size, err);
}

static void feed(struct mp_decoder *decoder, const char *record, size_t size, struct seen *seen)
{
	MP_AUTO(mp_freep) char *copy = copy_of(record, size);

	mp_decoder_feed(decoder, copy, size, see, seen);
}

/* Shows @n records as a session does: all are learned, then all are fed. */
static void show(struct mp_decoder *decoder, const struct given *givens, size_t n,
		 struct seen *seen)
{
	MP_AUTO(mp_freep) char *record = mp_xmalloc(RECORD_MAX);
	struct mp_error err;

	for (size_t i = 0; i < n; i++) {
		size_t size = make_record(record, &givens[i]);

		cr_assert_eq(learn(decoder, record, size, &err), 0, "record %zu: %s", i, err.msg);
	}
	for (size_t i = 0; i < n; i++)
		feed(decoder, record, make_record(record, &givens[i]), seen);
}

static void expect_text(const char *what, const char *got, const char *expected, const char *about)
{
	if (!expected)
		cr_expect_null(got, "%s: %s is '%s'", about, what, got);
	else
		cr_expect(got && strcmp(got, expected) == 0, "%s: %s is '%s', not '%s'", about,
			  what, got ? got : "(null)", expected);
}

/* How base, path and real of a record become those of an event. */
Test(decode, paths)
{
	static const struct {
		const char *about;
		struct given given;
		const char *path, *real; /* NULL as path: no event */
		unsigned int flags;
	} cases[] = {
		{ "an absolute path",
		  RECORD(MP_OP_OPEN, 0, ENOENT, PATH("/etc/passwd"), ROOT, ROOT), "/etc/passwd",
		  NULL, 0 },
		{ "the root itself", RECORD(MP_OP_STAT, 0, 0, PATH("/"), ROOT, ROOT), "/", NULL,
		  0 },
		{ "a path below a working directory, names deepest first",
		  RECORD(MP_OP_OPEN, 0, 0, PATH("x/y"), NAMES("c\0bb\0a"), ROOT), "/a/bb/c/x/y",
		  NULL, 0 },
		{ "'..' stays, '.' and doubled slashes go",
		  RECORD(MP_OP_OPEN, 0, 0, PATH(".././/x/"), NAMES("b\0a"), ROOT), "/a/b/../x",
		  NULL, 0 },
		{ "an absolute path of a process in a chroot",
		  RECORD(MP_OP_OPEN, 0, 0, PATH("/etc/passwd"), NAMES("jail\0srv"), ROOT),
		  "/srv/jail/etc/passwd", NULL, 0 },
		{ "no text: what was reached from is the path",
		  RECORD(MP_OP_CHDIR, MP_EVENT_HAS_REAL, 0, NO_PATH, NAMES("b\0a"), NAMES("b\0a")),
		  "/a/b", "/a/b", 0 },
		{ "a real path that differs",
		  RECORD(MP_OP_OPEN, MP_EVENT_HAS_REAL, 0, PATH("link"), NAMES("a"), NAMES("z\0y")),
		  "/a/link", "/y/z", 0 },
		{ "the root as real path",
		  RECORD(MP_OP_OPEN, MP_EVENT_HAS_REAL | MP_EVENT_DIR, 0, PATH("/x"), ROOT, ROOT),
		  "/x", "/", MP_TRACE_DIR },
		{ "names without the flag are no real path",
		  RECORD(MP_OP_OPEN, 0, 0, PATH("/x"), ROOT, NAMES("y")), "/x", NULL, 0 },
		{ "names that are no text",
		  RECORD(MP_OP_OPEN, MP_EVENT_HAS_REAL, 0, PATH("\x01\n"), NAMES("\xe9\xff"),
			 NAMES("\x01\n\0\xe9\xff")),
		  "/\xe9\xff/\x01\n", "/\xe9\xff/\x01\n", 0 },
		{ "foreign: the path stays, what it reached is not said",
		  RECORD(MP_OP_OPEN, MP_EVENT_HAS_REAL | MP_EVENT_FOREIGN, 0, PATH("3"),
			 NAMES("fd\0"
			       "1\0proc"),
			 NAMES("elsewhere")),
		  "/proc/1/fd/3", NULL, MP_TRACE_FOREIGN },
		{ "base foreign, but a path of the container was reached: that is the path",
		  RECORD(MP_OP_OPEN, MP_EVENT_HAS_REAL | MP_EVENT_BASE_FOREIGN, 0,
			 PATH("../etc/passwd"), NAMES("host\0x"), NAMES("passwd\0etc")),
		  "/etc/passwd", "/etc/passwd", 0 },
		{ "base foreign, nothing reached",
		  RECORD(MP_OP_STAT, MP_EVENT_BASE_FOREIGN, 0, PATH("f"), NAMES("host\0x"), ROOT),
		  NULL, NULL, 0 },
		{ "base foreign, something foreign reached",
		  RECORD(MP_OP_OPEN, MP_EVENT_HAS_REAL | MP_EVENT_FOREIGN | MP_EVENT_BASE_FOREIGN,
			 0, PATH("f"), NAMES("host\0x"), NAMES("f\0host\0x")),
		  NULL, NULL, 0 },
		{ "a deleted file",
		  RECORD(MP_OP_OPEN, MP_EVENT_HAS_REAL | MP_EVENT_DELETED, 0,
			 PATH("/proc/self/fd/3"), ROOT, NAMES("gone\0tmp")),
		  "/proc/self/fd/3", "/tmp/gone", MP_TRACE_DELETED },
		{ "every flag of a trace, and none but those",
		  RECORD(MP_OP_OPEN, MP_EVENT_TRACE_FLAGS | MP_EVENT_HAS_REAL | 0xff00fc00, 0,
			 PATH("/x"), ROOT, NAMES("x")),
		  "/x", NULL, 0x3ff },
		{ "behind a magic link: the rest follows where it leads to",
		  RECORD(MP_OP_STAT, MP_EVENT_HAS_REAL, 0, PATH("/proc/self/root/etc/./x"), ROOT,
			 NAMES("jail\0srv"), .rest = 15),
		  "/proc/self/root/etc/x", "/srv/jail/etc/x", 0 },
		{ "a link that leads to the root",
		  RECORD(MP_OP_STAT, MP_EVENT_HAS_REAL, 0, PATH("/proc/self/cwd/a"), ROOT, ROOT,
			 .rest = 14),
		  "/proc/self/cwd/a", "/a", 0 },
		{ "nothing but a slash behind the link",
		  RECORD(MP_OP_STAT, MP_EVENT_HAS_REAL, 0, PATH("/proc/self/cwd//"), ROOT,
			 NAMES("b\0a"), .rest = 14),
		  "/proc/self/cwd", "/a/b", 0 },
		{ "the same, and it leads to the root",
		  RECORD(MP_OP_STAT, MP_EVENT_HAS_REAL, 0, PATH("/proc/self/cwd/"), ROOT, ROOT,
			 .rest = 14),
		  "/proc/self/cwd", "/", 0 },
		{ "a link that leads elsewhere: no real path",
		  RECORD(MP_OP_STAT, MP_EVENT_HAS_REAL | MP_EVENT_FOREIGN, 0,
			 PATH("/proc/self/fd/3/a"), ROOT, NAMES("host"), .rest = 15),
		  "/proc/self/fd/3/a", NULL, MP_TRACE_FOREIGN },
		{ "a rest and nothing reached",
		  RECORD(MP_OP_STAT, 0, ENOENT, PATH("/proc/self/fd/3/a"), ROOT, ROOT, .rest = 15),
		  "/proc/self/fd/3/a", NULL, 0 },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
		MP_AUTO(seen_clear) struct seen seen = { 0 };
		const struct mp_trace_event *event = seen.events;

		show(decoder, &cases[i].given, 1, &seen);
		cr_expect_eq(seen.n, cases[i].path ? 1 : 0, "%s: %zu events", cases[i].about,
			     seen.n);
		if (seen.n != 1)
			continue;
		expect_text("path", event->path, cases[i].path, cases[i].about);
		expect_text("real", event->real, cases[i].real, cases[i].about);
		expect_text("exe", event->exe, NULL, cases[i].about);
		cr_expect_eq(event->flags, cases[i].flags, "%s: flags %#x", cases[i].about,
			     event->flags);
		cr_expect_eq(event->op, cases[i].given.op, "%s: op %d", cases[i].about, event->op);
		cr_expect_eq(event->error, cases[i].given.error, "%s: error %d", cases[i].about,
			     event->error);
	}
}

Test(decode, every_operation_session_and_sink)
{
	for (int op = 0; op < MP_OP_COUNT; op++) {
		const struct given given = { .op = (enum mp_trace_op)op,
					     .path = PATH("/x"),
					     .session = (unsigned int)op % 2,
					     .sink = (unsigned int)op * 1000 };
		MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
		MP_AUTO(seen_clear) struct seen seen = { 0 };

		show(decoder, &given, 1, &seen);
		cr_assert_eq(seen.n, 1, "op %d: %zu events", op, seen.n);
		cr_expect_eq((int)seen.events[0].op, op);
		cr_expect_eq(seen.events[0].session, given.session);
		cr_expect_eq(seen.sinks[0], given.sink);
	}
}

/* Records come from several processors: the earliest may come last, and need not be an event. */
Test(decode, time_is_from_the_earliest_record)
{
	static const struct given givens[] = {
		{ .op = MP_OP_OPEN, .path = PATH("/a"), .time_ns = 5000000000 },
		{ .op = MP_OP_OPEN, .path = PATH("/b"), .time_ns = 9000000000 },
		{ .op = MP_OP_OPEN, .path = PATH("/c"), .time_ns = 4000000000 },
		{ .flags = MP_EVENT_RESULT, .request = 1, .time_ns = 3999999999 },
		{ .op = MP_OP_OPEN, .path = PATH("/d"), .time_ns = 3999999999 },
	};
	static const int64_t expected[] = { 1000000001, 5000000001, 1, 0 };

	/* With the last one, and without those that were earlier. */
	for (size_t n = 3; n <= MP_ARRAY_LEN(givens); n++) {
		MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
		MP_AUTO(seen_clear) struct seen seen = { 0 };

		show(decoder, givens, n, &seen);
		cr_assert_eq(seen.n, n == 5 ? 4 : 3);
		for (size_t i = 0; i < seen.n; i++)
			cr_expect_eq(seen.events[i].first_ns, expected[i] - (n == 3 ? 1 : 0),
				     "%zu records, event %zu: %lld", n, i,
				     (long long)seen.events[i].first_ns);
	}
}

/* Programs */

enum { N_STEPS = 8 };
static const struct {
	const char *about;
	unsigned int flags;
	uint64_t exe_id, new_exe_id;
	struct bytes path, real;
	const char *expected_exe;
	unsigned int expected_flags;
} steps[N_STEPS] = {
	{ "the first exec is the runtime's", MP_EVENT_EXECUTED | MP_EVENT_HAS_REAL, 0, 11,
	  PATH("/bin/sh"), NAMES("dash\0bin\0usr"), NULL, 0 },
	{ "the shell opens", MP_EVENT_HAS_REAL, 11, 0, PATH("/x"), NAMES("x"), "/usr/bin/dash", 0 },
	{ "a script: itself, without a real path", MP_EVENT_EXECUTED, 11, 22, PATH("/run.py"), ROOT,
	  "/usr/bin/dash", 0 },
	{ "a script: its interpreter", MP_EVENT_EXECUTED | MP_EVENT_SCRIPT | MP_EVENT_HAS_REAL, 11,
	  22, PATH("/usr/bin/python3"), NAMES("python3.11\0bin\0usr"), "/usr/bin/dash",
	  MP_TRACE_SCRIPT },
	{ "the interpreter opens", 0, 22, 0, PATH("/run.py"), ROOT, "/usr/bin/python3.11", 0 },
	{ "an id that was never said", 0, 33, 0, PATH("/x"), ROOT, NULL, 0 },
	{ "a program from outside of the container",
	  MP_EVENT_EXECUTED | MP_EVENT_HAS_REAL | MP_EVENT_FOREIGN, 11, 44, PATH("/proc/self/fd/7"),
	  ROOT, "/usr/bin/dash", MP_TRACE_FOREIGN },
	{ "it has no path", 0, 44, 0, PATH("/y"), ROOT, NULL, 0 },
};

static struct given given_of_step(size_t i)
{
	return (struct given){
		.op = steps[i].new_exe_id ? MP_OP_EXEC : MP_OP_OPEN,
		.flags = steps[i].flags,
		.path = steps[i].path,
		.real = steps[i].real,
		.exe_id = steps[i].exe_id,
		.new_exe_id = steps[i].new_exe_id,
	};
}

/* An exec names the program; what the program does is said to be its, whichever record is first. */
Test(decode, programs)
{
	for (size_t first = 0; first < N_STEPS; first++) {
		MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
		MP_AUTO(seen_clear) struct seen seen = { 0 };
		struct given givens[N_STEPS];

		for (size_t i = 0; i < N_STEPS; i++)
			givens[i] = given_of_step((first + i) % N_STEPS);
		show(decoder, givens, N_STEPS, &seen);
		cr_assert_eq(seen.n, N_STEPS);
		for (size_t i = 0; i < N_STEPS; i++) {
			size_t step = (first + i) % N_STEPS;

			expect_text("exe", seen.events[i].exe, steps[step].expected_exe,
				    steps[step].about);
			cr_expect_eq(seen.events[i].flags, steps[step].expected_flags,
				     "%s: flags %#x", steps[step].about, seen.events[i].flags);
		}
	}
}

/* A program that ran when tracing began is known from elsewhere, and from there once. */
Test(decode, added_programs)
{
	static const struct given givens[] = {
		{ .op = MP_OP_OPEN, .path = PATH("/x"), .exe_id = 55 },
		{ .op = MP_OP_OPEN, .path = PATH("/y"), .exe_id = 0 },
		{ .op = MP_OP_OPEN, .path = PATH("/z"), .exe_id = UINT64_MAX },
	};
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	MP_AUTO(seen_clear) struct seen seen = { 0 };

	mp_decoder_add_program(decoder, 55, "/usr/sbin/server");
	mp_decoder_add_program(decoder, 55, "/usr/sbin/other");
	mp_decoder_add_program(decoder, UINT64_MAX, "/last");
	show(decoder, givens, MP_ARRAY_LEN(givens), &seen);
	cr_assert_eq(seen.n, 3);
	expect_text("exe", seen.events[0].exe, "/usr/sbin/server", "the first name");
	expect_text("exe", seen.events[1].exe, NULL, "a program that nobody knows");
	expect_text("exe", seen.events[2].exe, "/last", "any number is a program's");
}

/* Many of them, so that what is known moves about in memory. */
Test(decode, a_thousand_programs)
{
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	MP_AUTO(mp_freep) char *record = mp_xmalloc(RECORD_MAX);
	struct mp_error err;

	for (unsigned int id = 1; id <= 1000; id++) {
		char name[8];
		size_t len = (size_t)snprintf(name, sizeof(name), "p%u", id) + 1;
		const struct given given = { .op = MP_OP_EXEC,
					     .flags = MP_EVENT_EXECUTED | MP_EVENT_HAS_REAL,
					     .path = PATH("/p"),
					     .real = { name, len },
					     .new_exe_id = id };

		cr_assert_eq(learn(decoder, record, make_record(record, &given), &err), 0);
	}
	for (unsigned int id = 1000; id >= 37; id -= 37) {
		const struct given given = { .op = MP_OP_OPEN, .path = PATH("/x"), .exe_id = id };
		MP_AUTO(seen_clear) struct seen seen = { 0 };
		char name[8];

		feed(decoder, record, make_record(record, &given), &seen);
		snprintf(name, sizeof(name), "/p%u", id);
		cr_assert_eq(seen.n, 1);
		expect_text("exe", seen.events[0].exe, name, name);
	}
}

/* Requests */

#define REQUEST(number, text)                                                                      \
	{                                                                                          \
		.op = MP_OP_OPEN, .flags = MP_EVENT_PENDING | MP_EVENT_WRITE, .path = PATH(text),  \
		.request = number, .session = 1, .exe_id = 7                                       \
	}
#define RESULT(number, flags_, error_, real_)                                                      \
	{                                                                                          \
		.flags = MP_EVENT_RESULT | (flags_), .error = error_, .real = real_,               \
		.request = number                                                                  \
	}

#define RECORDS_MAX 4
static const struct {
	const char *about;
	struct given records[RECORDS_MAX];
	size_t n_records;
	const char *expected[RECORDS_MAX]; /* as text_of, in the order of strcmp */
} requests[] = {
	{ "no result: as it was asked for",
	  { REQUEST(1, "/a"), RESULT(2, 0, ENOENT, ROOT) },
	  2,
	  { "0 open /a > - error 0 flags 0x1" } },
	{ "a failure",
	  { REQUEST(1, "/a"), RESULT(1, 0, ENOENT, ROOT) },
	  2,
	  { "0 open /a > - error 2 flags 0x1" } },
	{ "a success: where it led to, and its flags beside the request's",
	  { REQUEST(1, "/a"), RESULT(1, MP_EVENT_HAS_REAL | MP_EVENT_DIR, 0, NAMES("b\0srv")) },
	  2,
	  { "0 open /a > /srv/b error 0 flags 0x5" } },
	{ "the file is from elsewhere: it has no real path",
	  { REQUEST(1, "/a"), RESULT(1, MP_EVENT_HAS_REAL | MP_EVENT_FOREIGN, 0, NAMES("b\0srv")) },
	  2,
	  { "0 open /a > - error 0 flags 0x11" } },
	{ "several results: an event for each",
	  { REQUEST(1, "/a"), RESULT(1, 0, ENOENT, ROOT),
	    RESULT(1, MP_EVENT_HAS_REAL, 0, NAMES("a")), RESULT(1, 0, EINTR, ROOT) },
	  4,
	  { "0 open /a > - error 2 flags 0x1", "0 open /a > - error 4 flags 0x1",
	    "0 open /a > /a error 0 flags 0x1" } },
	{ "two requests, each its own result",
	  { REQUEST(1, "/a"), REQUEST(UINT64_MAX, "/b"), RESULT(1, 0, EACCES, ROOT),
	    RESULT(UINT64_MAX, MP_EVENT_HAS_REAL, 0, NAMES("b")) },
	  4,
	  { "0 open /a > - error 13 flags 0x1", "0 open /b > /b error 0 flags 0x1" } },
	{ "a result's sink is not the request's: it may have ended on a thread of another",
	  { REQUEST(1, "/a"),
	    { .flags = MP_EVENT_RESULT, .request = 1, .error = ENOENT, .sink = 3 },
	    { .op = MP_OP_STAT,
	      .flags = MP_EVENT_PENDING,
	      .request = 1,
	      .path = PATH("/a"),
	      .sink = 2 } },
	  3,
	  { "0 open /a > - error 2 flags 0x1", "2 stat /a > - error 2 flags 0" } },
	{ "a result whose request was not seen is no event",
	  { RESULT(5, MP_EVENT_HAS_REAL, 0, NAMES("a")), RESULT(6, 0, ENOENT, ROOT) },
	  2,
	  { NULL } },
	{ "from a directory of elsewhere, to a file of the container: that is the path",
	  { { .op = MP_OP_OPEN,
	      .flags = MP_EVENT_PENDING | MP_EVENT_BASE_FOREIGN,
	      .path = PATH("f"),
	      .base = NAMES("host"),
	      .request = 1 },
	    RESULT(1, MP_EVENT_HAS_REAL, 0, NAMES("f\0srv")),
	    RESULT(1, 0, ENOENT, ROOT) },
	  3,
	  { "0 open /srv/f > /srv/f error 0 flags 0" } },
	{ "a directory of elsewhere, and no result",
	  { { .op = MP_OP_OPEN,
	      .flags = MP_EVENT_PENDING | MP_EVENT_BASE_FOREIGN,
	      .path = PATH("f"),
	      .base = NAMES("host"),
	      .request = 1 } },
	  1,
	  { NULL } },
};

/* An event in a line. */
static char *text_of(unsigned int sink, const struct mp_trace_event *event)
{
	return mp_xasprintf("%u %s %s > %s error %d flags %#x", sink, mp_trace_op_name(event->op),
			    event->path, event->real ? event->real : "-", event->error,
			    event->flags);
}

static int compare_lines(const void *a, const void *b)
{
	char *const *first = a, *const *second = b;

	return strcmp(*first, *second);
}

static void expect_events(const struct seen *seen, const char *const expected[RECORDS_MAX],
			  const char *about)
{
	char *lines[SEEN_MAX];
	size_t n = 0;

	while (n < RECORDS_MAX && expected[n])
		n++;
	cr_expect_eq(seen->n, n, "%s: %zu events, not %zu", about, seen->n, n);
	for (size_t i = 0; i < seen->n; i++)
		lines[i] = text_of(seen->sinks[i], &seen->events[i]);
	qsort(lines, seen->n, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < seen->n; i++) {
		if (i < n)
			expect_text("event", lines[i], expected[i], about);
		mp_freep(&lines[i]);
	}
}

/* The @number-th order of @n records. False: there are not as many. */
static bool in_order(unsigned int number, const struct given *records, size_t n,
		     struct given *ordered)
{
	bool taken[RECORDS_MAX] = { false };

	for (size_t i = 0; i < n; i++) {
		size_t skip = number % (n - i), at = 0;

		number /= (unsigned int)(n - i);
		while (taken[at] || skip-- > 0)
			at++;
		taken[at] = true;
		ordered[i] = records[at];
	}
	return number == 0;
}

Test(decode, requests_and_results_in_every_order)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(requests); i++) {
		struct given ordered[RECORDS_MAX];

		for (unsigned int number = 0;
		     in_order(number, requests[i].records, requests[i].n_records, ordered);
		     number++) {
			MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
			MP_AUTO(seen_clear) struct seen seen = { 0 };

			mp_decoder_add_program(decoder, 7, "/bin/server");
			show(decoder, ordered, requests[i].n_records, &seen);
			expect_events(&seen, requests[i].expected, requests[i].about);
		}
	}
}

/* What is the request's stays so: who asked, and when. */
Test(decode, a_result_says_nothing_of_its_own)
{
	static const struct given givens[] = {
		{ .flags = MP_EVENT_RESULT,
		  .request = 1,
		  .time_ns = 3000,
		  .exe_id = 8,
		  .path = PATH("/no") },
		REQUEST(1, "/a"),
	};
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	MP_AUTO(seen_clear) struct seen seen = { 0 };
	struct given timed[2] = { givens[0], givens[1] };

	timed[1].time_ns = 1000;
	mp_decoder_add_program(decoder, 7, "/bin/server");
	mp_decoder_add_program(decoder, 8, "/bin/other");
	show(decoder, timed, 2, &seen);
	cr_assert_eq(seen.n, 1);
	cr_expect_eq(seen.events[0].first_ns, 0);
	cr_expect_eq(seen.events[0].session, 1);
	cr_expect_str_eq(seen.events[0].path, "/a");
	cr_expect_str_eq(seen.events[0].exe, "/bin/server");
}

/* Results that come before and after many others are found all the same. */
Test(decode, many_requests)
{
	enum { REQUESTS = 2000 };
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	MP_AUTO(mp_freep) char *record = mp_xmalloc(RECORD_MAX);
	struct mp_error err;

	for (uint64_t i = 0; i < REQUESTS; i++) {
		const struct given given = { .flags = MP_EVENT_RESULT,
					     .request = i * 0x9e3779b97f4a7c15,
					     .error = (int)(i % 4000) + 1 };

		cr_assert_eq(learn(decoder, record, make_record(record, &given), &err), 0);
	}
	for (uint64_t i = 0; i < REQUESTS; i++) {
		const struct given given = { .op = MP_OP_STAT,
					     .flags = MP_EVENT_PENDING,
					     .path = PATH("/x"),
					     .request = i * 0x9e3779b97f4a7c15 };
		MP_AUTO(seen_clear) struct seen seen = { 0 };

		feed(decoder, record, make_record(record, &given), &seen);
		cr_assert_eq(seen.n, 1, "request %llu: %zu events", (unsigned long long)i, seen.n);
		cr_assert_eq(seen.events[0].error, (int)(i % 4000) + 1);
	}
}

/* Neither is an event by itself. */
Test(decode, records_that_are_no_events)
{
	static const struct given givens[] = {
		{ .flags = MP_EVENT_CONTAINER, .path = PATH("0123456789abcdef") },
		{ .flags = MP_EVENT_RESULT, .request = 3 },
	};
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	MP_AUTO(seen_clear) struct seen seen = { 0 };
	struct mp_trace_losses losses;

	show(decoder, givens, MP_ARRAY_LEN(givens), &seen);
	cr_expect_eq(seen.n, 0);
	mp_decoder_losses(decoder, &losses);
	cr_expect(!mp_trace_lost_any(&losses));
}

/* What is missing is counted, and makes no event; a result's request is one all the same. */
Test(decode, losses)
{
	static const struct given givens[] = {
		RECORD(MP_OP_OPEN, MP_EVENT_TRUNCATED, 0, PATH("x"), NAMES("b\0a"), ROOT),
		RECORD(MP_OP_OPEN, MP_EVENT_TRUNCATED | MP_EVENT_HAS_REAL, 0, PATH("/x"), ROOT,
		       NAMES("b\0a")),
		RECORD(MP_OP_OPEN, MP_EVENT_TRUNCATED | MP_EVENT_UNREAD, 0, PATH("x"), NAMES("a"),
		       ROOT),
		RECORD(MP_OP_EXEC, MP_EVENT_UNREAD | MP_EVENT_EXECUTED, 0, NO_PATH, NAMES("a"),
		       ROOT),
		RESULT(1, MP_EVENT_TRUNCATED | MP_EVENT_HAS_REAL, 0, NAMES("b\0a")),
		RESULT(1, MP_EVENT_UNREAD | MP_EVENT_HAS_REAL, 0, NAMES("b\0a")),
		REQUEST(1, "/a"),
	};
	static const char *const expected[RECORDS_MAX] = { "0 open /a > - error 0 flags 0x1",
							   "0 open /a > - error 0 flags 0x1" };
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	MP_AUTO(seen_clear) struct seen seen = { 0 };
	struct mp_trace_losses losses;

	show(decoder, givens, MP_ARRAY_LEN(givens), &seen);
	expect_events(&seen, expected, "paths that are not whole");
	mp_decoder_losses(decoder, &losses);
	cr_expect_eq(losses.truncated, 4, "%llu truncated", (unsigned long long)losses.truncated);
	cr_expect_eq(losses.unread, 2, "%llu unread", (unsigned long long)losses.unread);
	cr_expect_eq(losses.dropped, 0);
	cr_expect_eq(losses.untracked, 0);
}

/* A program whose name is not whole is none. */
Test(decode, a_program_that_was_not_read_has_no_name)
{
	static const struct given givens[] = {
		{ .op = MP_OP_EXEC,
		  .flags = MP_EVENT_EXECUTED | MP_EVENT_HAS_REAL | MP_EVENT_TRUNCATED,
		  .path = PATH("/p"),
		  .real = NAMES("p"),
		  .new_exe_id = 9 },
		{ .op = MP_OP_OPEN, .path = PATH("/x"), .exe_id = 9 },
	};
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	MP_AUTO(seen_clear) struct seen seen = { 0 };

	show(decoder, givens, MP_ARRAY_LEN(givens), &seen);
	cr_assert_eq(seen.n, 1);
	cr_expect_null(seen.events[0].exe);
}

/* Malformed records */

/* A record that has everything. */
static const struct given whole = RECORD(MP_OP_OPEN, MP_EVENT_HAS_REAL, 0, PATH("x/y"),
					 NAMES("c\0b\0a"), NAMES("y\0x\0c\0b\0a"), .time_ns = 1000);

static void expect_malformed(const char *record, size_t size, const char *message,
			     const char *about)
{
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	MP_AUTO(seen_clear) struct seen seen = { 0 };
	struct mp_error err;
	int rc = learn(decoder, record, size, &err);

	cr_expect_eq(rc, -1, "%s: returned %d", about, rc);
	cr_expect_eq(err.code, MP_E_FORMAT, "%s: code %d", about, err.code);
	cr_expect(strstr(err.msg, message), "%s: '%s', not '%s'", about, err.msg, message);
	feed(decoder, record, size, &seen);
	cr_expect_eq(seen.n, 0, "%s: it made an event", about);
}

Test(decode, every_truncation_is_malformed)
{
	MP_AUTO(mp_freep) char *record = mp_xmalloc(RECORD_MAX);
	size_t size = make_record(record, &whole);

	for (size_t cut = 0; cut < size; cut++) {
		char about[32];

		snprintf(about, sizeof(about), "%zu of %zu bytes", cut, size);
		expect_malformed(record, cut,
				 cut < sizeof(struct mp_event) ? "a record of "
							       : "a record shorter than it says",
				 about);
	}
}

Test(decode, padding_behind_a_record_is_ignored)
{
	MP_AUTO(mp_freep) char *record = mp_xcalloc(1, RECORD_MAX);
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	MP_AUTO(seen_clear) struct seen seen = { 0 };
	size_t size = make_record(record, &whole);
	struct mp_error err;

	memset(record + size, 0xa5, 7);
	cr_assert_eq(learn(decoder, record, size + 7, &err), 0, "%s", err.msg);
	feed(decoder, record, size + 7, &seen);
	cr_assert_eq(seen.n, 1);
	cr_expect_str_eq(seen.events[0].path, "/a/b/c/x/y");
	cr_expect_str_eq(seen.events[0].real, "/a/b/c/x/y");
}

Test(decode, malformed_records)
{
	static const struct {
		const char *about;
		size_t offset; /* of the 16-bit member that is set */
		unsigned int value;
		const char *message;
	} members[] = {
		{ "base overruns", offsetof(struct mp_event, base_len), 0xffff,
		  "shorter than it says" },
		{ "path overruns", offsetof(struct mp_event, path_len), 0xffff,
		  "shorter than it says" },
		{ "real overruns", offsetof(struct mp_event, real_len), 0xffff,
		  "shorter than it says" },
		{ "path has no NUL", offsetof(struct mp_event, path_len), 3,
		  "a path without an end" },
		{ "base ends within a name", offsetof(struct mp_event, base_len), 5,
		  "a name without an end" },
		{ "real ends within a name", offsetof(struct mp_event, real_len), 9,
		  "a name without an end" },
		{ "the rest begins where the path ends", offsetof(struct mp_event, rest), 4,
		  "a path shorter than its rest" },
		{ "the rest begins far off", offsetof(struct mp_event, rest), 0xffff,
		  "a path shorter than its rest" },
		{ "the rest begins within a name", offsetof(struct mp_event, rest), 2,
		  "a rest that is no path" },
		{ "the rest is nothing", offsetof(struct mp_event, rest), 3,
		  "a rest that is no path" },
		{ "an operation that does not exist", offsetof(struct mp_event, op), MP_OP_COUNT,
		  "unknown operation 12" },
		{ "an operation far off", offsetof(struct mp_event, op), 0xffff,
		  "unknown operation 65535" },
		{ "a negative error", offsetof(struct mp_event, error) + 2, 0xffff,
		  "unknown error -65536" },
		{ "an error beyond the kernel's last", offsetof(struct mp_event, error), 4096,
		  "unknown error 4096" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(members); i++) {
		MP_AUTO(mp_freep) char *record = mp_xmalloc(RECORD_MAX);
		__u16 value = (__u16)members[i].value;
		size_t size = make_record(record, &whole);

		memcpy(record + members[i].offset, &value, sizeof(value));
		expect_malformed(record, size, members[i].message, members[i].about);
	}
}

/* One that is malformed does not say when the trace began, nor which program is which. */
Test(decode, nothing_is_learned_from_a_malformed_record)
{
	static const struct given exec = { .op = MP_OP_EXEC,
					   .flags = MP_EVENT_EXECUTED | MP_EVENT_HAS_REAL,
					   .path = PATH("/p"),
					   .real = NAMES("p"),
					   .new_exe_id = 9,
					   .time_ns = 1000 };
	static const struct given open = {
		.op = MP_OP_OPEN, .path = PATH("/x"), .exe_id = 9, .time_ns = 5000
	};
	MP_AUTO(mp_freep) char *record = mp_xmalloc(RECORD_MAX);
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	MP_AUTO(seen_clear) struct seen seen = { 0 };
	struct mp_error err;
	size_t size = make_record(record, &exec);

	head_of(record)->op = MP_OP_COUNT;
	cr_assert_eq(learn(decoder, record, size, &err), -1);
	show(decoder, &open, 1, &seen);
	cr_assert_eq(seen.n, 1);
	cr_expect_null(seen.events[0].exe);
	cr_expect_eq(seen.events[0].first_ns, 0);
}

/* Whatever the bytes: no crash, no read beyond the record, and only sound events. */
static void expect_sound(unsigned int sink, struct mp_trace_event *event, void *context)
{
	(void)sink;
	(void)context;
	cr_assert(event->path && event->path[0] == '/', "path '%s'", event->path);
	cr_assert(!event->real || event->real[0] == '/', "real '%s'", event->real);
	cr_assert(event->op < MP_OP_COUNT && event->flags <= MP_EVENT_TRACE_FLAGS);
	mp_trace_event_clear(event);
}

static void show_noise(struct mp_decoder *decoder, const char *record, size_t size)
{
	MP_AUTO(mp_freep) char *copy = copy_of(record, size);
	struct mp_error err = { 0 };

	if (mp_decoder_learn(decoder, copy, size, &err))
		cr_assert_eq(err.code, MP_E_FORMAT);
	mp_decoder_feed(decoder, copy, size, expect_sound, NULL);
}

Test(decode, random_bytes)
{
	enum { ROUNDS = 3000, SIZE = 512 };
	MP_AUTO(mp_freep) char *record = mp_xmalloc(RECORD_MAX);
	unsigned int seed = 20240117;

	for (int round = 0; round < ROUNDS; round++) {
		MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
		size_t size = (size_t)rand_r(&seed) % SIZE;

		for (size_t i = 0; i < size; i++)
			record[i] = (char)(rand_r(&seed) >> 8);
		show_noise(decoder, record, size);

		/* A sound record with a few bytes changed comes much further. */
		size = make_record(record, &whole);
		for (int changes = 1 + rand_r(&seed) % 4; changes > 0; changes--)
			record[(size_t)rand_r(&seed) % size] = (char)(rand_r(&seed) >> 8);
		show_noise(decoder, record, size);

		/* Lengths that fit, names and flags of any kind. */
		size = make_record(record, &whole);
		head_of(record)->flags = (__u32)rand_r(&seed) & 0xffffff;
		head_of(record)->base_len = (__u16)(rand_r(&seed) % (SIZE / 3));
		head_of(record)->path_len = (__u16)(rand_r(&seed) % (SIZE / 3));
		head_of(record)->real_len = (__u16)(rand_r(&seed) % (SIZE / 3));
		head_of(record)->rest = (__u16)(rand_r(&seed) % 4);
		for (size_t i = sizeof(struct mp_event); i < sizeof(struct mp_event) + SIZE; i++)
			record[i] = rand_r(&seed) % 3 ? "/.ab"[rand_r(&seed) % 4] : '\0';
		show_noise(decoder, record, sizeof(struct mp_event) + SIZE);
	}
}

Test(decode, the_longest_record)
{
	MP_AUTO(mp_freep) char *record = mp_xmalloc(RECORD_MAX);
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	MP_AUTO(seen_clear) struct seen seen = { 0 };
	struct mp_event head = { .op = MP_OP_OPEN,
				 .flags = MP_EVENT_HAS_REAL,
				 .path_len = 4096,
				 .base_len = 4096,
				 .real_len = 4096 };
	size_t size = sizeof(head) + (size_t)3 * 4096;
	struct mp_error err;

	/* "a" 2,048 times as base and as real; one name of 4,095 bytes as path. */
	memcpy(record, &head, sizeof(head));
	for (size_t i = sizeof(head); i < size; i++)
		record[i] = i % 2 ? '\0' : 'a';
	memset(record + sizeof(head), 'b', 4095);
	record[sizeof(head) + 4095] = '\0';
	cr_assert_eq(learn(decoder, record, size, &err), 0, "%s", err.msg);
	feed(decoder, record, size, &seen);
	cr_assert_eq(seen.n, 1);
	cr_expect_eq(strlen(seen.events[0].path), 4096 + 1 + 4095);
	cr_expect_eq(strlen(seen.events[0].real), 4096);
}

Test(decode, free_of_nothing)
{
	struct mp_decoder *decoder = NULL;

	mp_decoder_freep(&decoder);
	cr_expect_null(decoder);
}
