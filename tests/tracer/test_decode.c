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
	struct bytes base, path, real;
};

static uint64_t last_key;

/* @record: of RECORD_MAX bytes. Returns its size. */
static size_t make_record(char *record, const struct given *given)
{
	struct mp_event head = {
		.time_ns = 1000,
		.key = ++last_key,
		.op = (__u16)given->op,
		.flags = (__u16)given->flags,
		.error = given->error,
		.base_len = (__u16)given->base.len,
		.path_len = (__u16)given->path.len,
		.real_len = (__u16)given->real.len,
	};
	const struct bytes *parts[] = { &given->base, &given->path, &given->real };
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

/* Feeds a copy that ends where the record does, so that ASan sees a read beyond it. */
static int feed(struct mp_decoder *decoder, const void *record, size_t size,
		struct mp_trace_event *event, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *copy = mp_xmalloc(size ? size : 1);

	memcpy(copy, record, size);
	memset(err, 0, sizeof(*err));
	return mp_decoder_feed(decoder, copy, size, event, err);
}

static int feed_given(struct mp_decoder *decoder, const struct given *given,
		      struct mp_trace_event *event)
{
	MP_AUTO(mp_freep) char *record = mp_xmalloc(RECORD_MAX);
	size_t size = make_record(record, given);
	struct mp_error err;

	return feed(decoder, record, size, event, &err);
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
		  { MP_OP_OPEN, 0, ENOENT, ROOT, PATH("/etc/passwd"), ROOT },
		  "/etc/passwd",
		  NULL,
		  0 },
		{ "the root itself", { MP_OP_STAT, 0, 0, ROOT, PATH("/"), ROOT }, "/", NULL, 0 },
		{ "a path below a working directory, names deepest first",
		  { MP_OP_OPEN, 0, 0, NAMES("c\0bb\0a"), PATH("x/y"), ROOT },
		  "/a/bb/c/x/y",
		  NULL,
		  0 },
		{ "'..' stays, '.' and doubled slashes go",
		  { MP_OP_OPEN, 0, 0, NAMES("b\0a"), PATH(".././/x/"), ROOT },
		  "/a/b/../x",
		  NULL,
		  0 },
		{ "an absolute path of a process in a chroot",
		  { MP_OP_OPEN, 0, 0, NAMES("jail\0srv"), PATH("/etc/passwd"), ROOT },
		  "/srv/jail/etc/passwd",
		  NULL,
		  0 },
		{ "no text: what was reached from is the path",
		  { MP_OP_CHDIR, MP_EVENT_HAS_REAL, 0, NAMES("b\0a"), NO_PATH, NAMES("b\0a") },
		  "/a/b",
		  "/a/b",
		  0 },
		{ "a real path that differs",
		  { MP_OP_OPEN, MP_EVENT_HAS_REAL, 0, NAMES("a"), PATH("link"), NAMES("z\0y") },
		  "/a/link",
		  "/y/z",
		  0 },
		{ "the root as real path",
		  { MP_OP_OPEN, MP_EVENT_HAS_REAL | MP_EVENT_DIR, 0, ROOT, PATH("/x"), ROOT },
		  "/x",
		  "/",
		  MP_TRACE_DIR },
		{ "names without the flag are no real path",
		  { MP_OP_OPEN, 0, 0, ROOT, PATH("/x"), NAMES("y") },
		  "/x",
		  NULL,
		  0 },
		{ "names that are no text",
		  { MP_OP_OPEN, MP_EVENT_HAS_REAL, 0, NAMES("\xe9\xff"), PATH("\x01\n"),
		    NAMES("\x01\n\0\xe9\xff") },
		  "/\xe9\xff/\x01\n",
		  "/\xe9\xff/\x01\n",
		  0 },
		{ "foreign: the path stays, what it reached is not said",
		  { MP_OP_OPEN, MP_EVENT_HAS_REAL | MP_EVENT_FOREIGN, 0,
		    NAMES("fd\0"
			  "1\0proc"),
		    PATH("3"), NAMES("elsewhere") },
		  "/proc/1/fd/3",
		  NULL,
		  MP_TRACE_FOREIGN },
		{ "base foreign, but a path of the container was reached: that is the path",
		  { MP_OP_OPEN, MP_EVENT_HAS_REAL | MP_EVENT_BASE_FOREIGN, 0, NAMES("host\0x"),
		    PATH("../etc/passwd"), NAMES("passwd\0etc") },
		  "/etc/passwd",
		  "/etc/passwd",
		  0 },
		{ "base foreign, nothing reached",
		  { MP_OP_STAT, MP_EVENT_BASE_FOREIGN, 0, NAMES("host\0x"), PATH("f"), ROOT },
		  NULL,
		  NULL,
		  0 },
		{ "base foreign, something foreign reached",
		  { MP_OP_OPEN, MP_EVENT_HAS_REAL | MP_EVENT_FOREIGN | MP_EVENT_BASE_FOREIGN, 0,
		    NAMES("host\0x"), PATH("f"), NAMES("f\0host\0x") },
		  NULL,
		  NULL,
		  0 },
		{ "a deleted file",
		  { MP_OP_OPEN, MP_EVENT_HAS_REAL | MP_EVENT_DELETED, 0, ROOT,
		    PATH("/proc/self/fd/3"), NAMES("gone\0tmp") },
		  "/proc/self/fd/3",
		  "/tmp/gone",
		  MP_TRACE_DELETED },
		{ "every flag of a trace, and none but those",
		  { MP_OP_OPEN,
		    0xffff & ~(MP_EVENT_BASE_FOREIGN | MP_EVENT_TRUNCATED | MP_EVENT_UNREAD |
			       MP_EVENT_EXECUTED),
		    0, ROOT, PATH("/x"), NAMES("x") },
		  "/x",
		  NULL,
		  0x7f },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
		MP_AUTO(mp_trace_event_clear) struct mp_trace_event event = { 0 };
		int rc = feed_given(decoder, &cases[i].given, &event);

		cr_expect_eq(rc, cases[i].path ? 1 : 0, "%s: returned %d", cases[i].about, rc);
		if (rc != 1)
			continue;
		expect_text("path", event.path, cases[i].path, cases[i].about);
		expect_text("real", event.real, cases[i].real, cases[i].about);
		expect_text("exe", event.exe, NULL, cases[i].about);
		cr_expect_eq(event.flags, cases[i].flags, "%s: flags %#x", cases[i].about,
			     event.flags);
		cr_expect_eq(event.op, cases[i].given.op, "%s: op %d", cases[i].about, event.op);
		cr_expect_eq(event.error, cases[i].given.error, "%s: error %d", cases[i].about,
			     event.error);
	}
}

Test(decode, every_operation_session_and_time)
{
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	MP_AUTO(mp_freep) char *record = mp_xmalloc(RECORD_MAX);

	for (int op = 0; op < MP_OP_COUNT; op++) {
		const struct given given = { .op = (enum mp_trace_op)op, .path = PATH("/x") };
		MP_AUTO(mp_trace_event_clear) struct mp_trace_event event = { 0 };
		size_t size = make_record(record, &given);
		struct mp_error err;

		head_of(record)->session = op % 2;
		head_of(record)->time_ns = 5000 + 10 * (__u64)op;
		cr_assert_eq(feed(decoder, record, size, &event, &err), 1, "op %d: %s", op,
			     err.msg);
		cr_expect_eq((int)event.op, op);
		cr_expect_eq(event.session, (unsigned int)(op % 2));
		cr_expect_eq(event.first_ns, 10 * op, "the first event is at 0, others from there");
	}
}

/* An exec names the program; what the program does is said to be its. */
Test(decode, programs)
{
	static const struct {
		const char *about;
		unsigned int flags;
		uint64_t exe_id, new_exe_id;
		struct bytes path, real;
		const char *expected_exe;
		unsigned int expected_flags;
	} steps[] = {
		{ "the first exec is the runtime's", MP_EVENT_EXECUTED | MP_EVENT_HAS_REAL, 0, 11,
		  PATH("/bin/sh"), NAMES("dash\0bin\0usr"), NULL, 0 },
		{ "the shell opens", MP_EVENT_HAS_REAL, 11, 0, PATH("/x"), NAMES("x"),
		  "/usr/bin/dash", 0 },
		{ "a script: itself, without a real path", MP_EVENT_EXECUTED, 11, 22,
		  PATH("/run.py"), ROOT, "/usr/bin/dash", 0 },
		{ "a script: its interpreter",
		  MP_EVENT_EXECUTED | MP_EVENT_SCRIPT | MP_EVENT_HAS_REAL, 11, 22,
		  PATH("/usr/bin/python3"), NAMES("python3.11\0bin\0usr"), "/usr/bin/dash",
		  MP_TRACE_SCRIPT },
		{ "the interpreter opens", 0, 22, 0, PATH("/run.py"), ROOT, "/usr/bin/python3.11",
		  0 },
		{ "an id that was never said", 0, 33, 0, PATH("/x"), ROOT, NULL, 0 },
		{ "a program from outside of the container",
		  MP_EVENT_EXECUTED | MP_EVENT_HAS_REAL | MP_EVENT_FOREIGN, 11, 44,
		  PATH("/proc/self/fd/7"), ROOT, "/usr/bin/dash", MP_TRACE_FOREIGN },
		{ "it has no path", 0, 44, 0, PATH("/y"), ROOT, NULL, 0 },
	};
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	MP_AUTO(mp_freep) char *record = mp_xmalloc(RECORD_MAX);

	for (size_t i = 0; i < MP_ARRAY_LEN(steps); i++) {
		const struct given given = {
			.op = steps[i].new_exe_id ? MP_OP_EXEC : MP_OP_OPEN,
			.flags = steps[i].flags,
			.path = steps[i].path,
			.real = steps[i].real,
		};
		MP_AUTO(mp_trace_event_clear) struct mp_trace_event event = { 0 };
		size_t size = make_record(record, &given);
		struct mp_error err;

		head_of(record)->exe_id = steps[i].exe_id;
		head_of(record)->new_exe_id = steps[i].new_exe_id;
		cr_assert_eq(feed(decoder, record, size, &event, &err), 1, "%s: %s", steps[i].about,
			     err.msg);
		expect_text("exe", event.exe, steps[i].expected_exe, steps[i].about);
		cr_expect_eq(event.flags, steps[i].expected_flags, "%s: flags %#x", steps[i].about,
			     event.flags);
	}
}

/* The key decides: the kernel side may forget keys and send an event again. */
Test(decode, duplicates)
{
	enum { EVENTS = 5000 };
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	MP_AUTO(mp_freep) char *record = mp_xmalloc(RECORD_MAX);
	const struct given given = { .op = MP_OP_OPEN, .path = PATH("/same") };
	size_t size = make_record(record, &given);

	for (int round = 0; round < 2; round++) {
		/* 0 is a key as any other, and far more of them than the set begins with. */
		for (uint64_t key = 0; key < EVENTS; key++) {
			MP_AUTO(mp_trace_event_clear) struct mp_trace_event event = { 0 };
			struct mp_error err;
			int rc;

			head_of(record)->key = key * 0x9e3779b97f4a7c15ull;
			rc = feed(decoder, record, size, &event, &err);
			cr_assert_eq(rc, round == 0 ? 1 : 0, "round %d, event %llu: %d", round,
				     (unsigned long long)key, rc);
		}
	}
}

/* A repeated exec is left out, and the program is known all the same. */
Test(decode, duplicate_of_an_exec_names_its_program)
{
	const struct given exec = { .op = MP_OP_EXEC,
				    .flags = MP_EVENT_EXECUTED | MP_EVENT_HAS_REAL,
				    .path = PATH("/a"),
				    .real = NAMES("a") };
	const struct given open = { .op = MP_OP_OPEN, .path = PATH("/x") };
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	MP_AUTO(mp_freep) char *record = mp_xmalloc(RECORD_MAX);
	MP_AUTO(mp_trace_event_clear) struct mp_trace_event event = { 0 };
	MP_AUTO(mp_trace_event_clear) struct mp_trace_event opened = { 0 };
	size_t size = make_record(record, &exec);
	struct mp_error err;

	cr_assert_eq(feed(decoder, record, size, &event, &err), 1);
	head_of(record)->new_exe_id = 77;
	cr_assert_eq(feed(decoder, record, size, &opened, &err), 0, "the key is the same");
	size = make_record(record, &open);
	head_of(record)->exe_id = 77;
	cr_assert_eq(feed(decoder, record, size, &opened, &err), 1);
	cr_expect_str_eq(opened.exe, "/a");
}

/* Names that are not whole make no event, and are counted, once for each key. */
Test(decode, losses)
{
	static const struct given givens[] = {
		{ MP_OP_OPEN, MP_EVENT_TRUNCATED, 0, NAMES("b\0a"), PATH("x"), ROOT },
		{ MP_OP_OPEN, MP_EVENT_TRUNCATED | MP_EVENT_HAS_REAL, 0, ROOT, PATH("/x"),
		  NAMES("b\0a") },
		{ MP_OP_OPEN, MP_EVENT_TRUNCATED | MP_EVENT_UNREAD, 0, NAMES("a"), PATH("x"),
		  ROOT },
		{ MP_OP_EXEC, MP_EVENT_UNREAD | MP_EVENT_EXECUTED, 0, NAMES("a"), NO_PATH, ROOT },
	};
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	struct mp_trace_losses losses;

	for (size_t i = 0; i < MP_ARRAY_LEN(givens); i++) {
		MP_AUTO(mp_freep) char *record = mp_xmalloc(RECORD_MAX);
		MP_AUTO(mp_trace_event_clear) struct mp_trace_event event = { 0 };
		size_t size = make_record(record, &givens[i]);
		struct mp_error err;

		for (int times = 0; times < 2; times++)
			cr_expect_eq(feed(decoder, record, size, &event, &err), 0,
				     "a path that is not whole is no event (%zu)", i);
	}
	mp_decoder_losses(decoder, &losses);
	cr_expect_eq(losses.truncated, 3, "%llu truncated", (unsigned long long)losses.truncated);
	cr_expect_eq(losses.unread, 1, "%llu unread", (unsigned long long)losses.unread);
	cr_expect_eq(losses.dropped, 0);
	cr_expect_eq(losses.untracked, 0);
}

/* A record that has everything. */
static const struct given whole = { MP_OP_OPEN,       MP_EVENT_HAS_REAL, 0,
				    NAMES("c\0b\0a"), PATH("x/y"),       NAMES("y\0x\0c\0b\0a") };

static void expect_malformed(const char *record, size_t size, const char *message,
			     const char *about)
{
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	struct mp_trace_event event = { .path = (char *)"untouched" };
	struct mp_error err;
	int rc = feed(decoder, record, size, &event, &err);

	cr_expect_eq(rc, -1, "%s: returned %d", about, rc);
	cr_expect_eq(err.code, MP_E_FORMAT, "%s: code %d", about, err.code);
	cr_expect(strstr(err.msg, message), "%s: '%s', not '%s'", about, err.msg, message);
	cr_expect_str_eq(event.path, "untouched", "%s: the output was written to", about);
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
	MP_AUTO(mp_trace_event_clear) struct mp_trace_event event = { 0 };
	size_t size = make_record(record, &whole);
	struct mp_error err;

	cr_assert_eq(feed(decoder, record, size + 7, &event, &err), 1, "%s", err.msg);
	cr_expect_str_eq(event.path, "/a/b/c/x/y");
	cr_expect_str_eq(event.real, "/a/b/c/x/y");
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
		{ "base ends within a name", offsetof(struct mp_event, base_len), 5,
		  "a path without an end" },
		{ "path has no NUL", offsetof(struct mp_event, path_len), 3,
		  "a path without an end" },
		{ "real ends within a name", offsetof(struct mp_event, real_len), 9,
		  "a real path without an end" },
		{ "an operation that does not exist", offsetof(struct mp_event, op), MP_OP_COUNT,
		  "unknown operation 11" },
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

/* Whatever the bytes: no crash, no read beyond the record, and only sound events. */
static void feed_noise(struct mp_decoder *decoder, const char *record, size_t size)
{
	MP_AUTO(mp_trace_event_clear) struct mp_trace_event event = { 0 };
	struct mp_error err;

	if (feed(decoder, record, size, &event, &err) != 1)
		return;
	cr_assert(event.path && event.path[0] == '/', "path '%s'", event.path);
	cr_assert(!event.real || event.real[0] == '/', "real '%s'", event.real);
	cr_assert(event.op < MP_OP_COUNT && event.flags <= 0x7f);
}

Test(decode, random_bytes)
{
	enum { ROUNDS = 5000, SIZE = 512 };
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	MP_AUTO(mp_freep) char *record = mp_xmalloc(RECORD_MAX);
	unsigned int seed = 20240117;

	for (int round = 0; round < ROUNDS; round++) {
		size_t size = (size_t)rand_r(&seed) % SIZE;

		for (size_t i = 0; i < size; i++)
			record[i] = (char)(rand_r(&seed) >> 8);
		feed_noise(decoder, record, size);

		/* A sound record with a few bytes changed comes much further. */
		size = make_record(record, &whole);
		for (int changes = 1 + rand_r(&seed) % 4; changes > 0; changes--)
			record[(size_t)rand_r(&seed) % size] = (char)(rand_r(&seed) >> 8);
		feed_noise(decoder, record, size);

		/* Lengths that fit, names of any kind. */
		size = make_record(record, &whole);
		head_of(record)->base_len = (__u16)(rand_r(&seed) % (SIZE / 3));
		head_of(record)->path_len = (__u16)(rand_r(&seed) % (SIZE / 3));
		head_of(record)->real_len = (__u16)(rand_r(&seed) % (SIZE / 3));
		for (size_t i = sizeof(struct mp_event); i < sizeof(struct mp_event) + SIZE; i++)
			record[i] = rand_r(&seed) % 3 ? "/.ab"[rand_r(&seed) % 4] : '\0';
		feed_noise(decoder, record, sizeof(struct mp_event) + SIZE);
	}
}

Test(decode, the_longest_record)
{
	MP_AUTO(mp_freep) char *record = mp_xmalloc(RECORD_MAX);
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	MP_AUTO(mp_trace_event_clear) struct mp_trace_event event = { 0 };
	struct mp_event head = { .key = 1,
				 .op = MP_OP_OPEN,
				 .flags = MP_EVENT_HAS_REAL,
				 .base_len = 4096,
				 .path_len = 4096,
				 .real_len = 4096 };
	size_t size = sizeof(head) + (size_t)3 * 4096;
	struct mp_error err;

	/* "a" 2,048 times as base and as real; one name of 4,095 bytes as path. */
	memcpy(record, &head, sizeof(head));
	for (size_t i = sizeof(head); i < size; i++)
		record[i] = i % 2 ? '\0' : 'a';
	memset(record + sizeof(head) + 4096, 'b', 4095);
	record[sizeof(head) + 8191] = '\0';
	cr_assert_eq(feed(decoder, record, size, &event, &err), 1, "%s", err.msg);
	cr_expect_eq(strlen(event.path), 4096 + 1 + 4095);
	cr_expect_eq(strlen(event.real), 4096);
}

Test(decode, free_of_nothing)
{
	struct mp_decoder *decoder = NULL;

	mp_decoder_freep(&decoder);
	cr_expect_null(decoder);
}
