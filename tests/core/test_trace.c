/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/trace.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/file.h"

#define HEADER "{\"micropack_trace\":1,\"source\":\"container\"}\n"
#define TIMES(list) "{\"micropack_trace\":1,\"first_ns\":[" list "]}\n"
#define OPEN "{\"op\":\"open\",\"path\":\"/etc/hosts\"}\n"
#define EVENT "{\"op\":\"open\",\"path\":\"/etc/hosts\",\"first_ns\":7}\n"
#define TRAILER(n) "{\"events\":" n ",\"dropped\":0,\"truncated\":0,\"unread\":0,\"untracked\":0}\n"

/* Every byte that a path may have. */
static const char *every_byte(void)
{
	static char path[256] = "/";

	for (int i = 1; i < 255; i++)
		path[i] = (char)(i < '/' ? i : i + 1);
	return path;
}

/* What is written of @trace. */
static char *write_text(const struct mp_trace *trace, const struct mp_trace_losses *losses)
{
	MP_AUTO(mp_closep) int fd = memfd_create("trace", MFD_CLOEXEC);
	struct mp_buf text = { 0 };
	struct mp_error err = { 0 };

	cr_assert_eq(mp_trace_write_fd(trace, fd, "trace", losses, &err), 0, "%s", err.msg);
	lseek(fd, 0, SEEK_SET);
	cr_assert_eq(mp_fd_read_all(fd, "trace", 1 << 24, &text, &err), 0, "%s", err.msg);
	return mp_buf_steal(&text);
}

/* The same of @events. */
static void write_trace(struct mp_buf *text, const struct mp_trace_event *events, size_t n,
			const struct mp_trace_losses *losses)
{
	const struct mp_trace trace = {
		.header = { (char *)"container", (char *)"nginx:1.27", (char *)"sha256:0123",
			    (char *)"x86_64", (char *)"6.1.0-18-amd64", (char *)"micropack 0" },
		.events = (struct mp_trace_event *)(uintptr_t)events,
		.n_events = n,
	};
	MP_AUTO(mp_freep) char *written = write_text(&trace, losses);

	mp_buf_adds(text, written);
}

static char path_plain[] = "/etc/nginx/nginx.conf", path_latin1[] = "/srv/caf\xe9",
	    path_utf8[] = "/srv/caf\xc3\xa9", path_backslash[] = "/a\\x41\\",
	    path_newline[] = "/a\nb", path_root[] = "/", exe[] = "/usr/sbin/nginx\xff";

/* In canonical order. */
static const struct mp_trace_event samples[] = {
	{ .op = MP_OP_CREATE, .path = path_newline, .error = 512, .first_ns = INT64_MAX },
	{ .op = MP_OP_OTHER, .path = path_backslash, .flags = 0x7f, .session = 3, .exe = exe },
	{ .op = MP_OP_EXEC, .path = path_plain, .real = path_root, .first_ns = 0 },
	{ .op = MP_OP_STAT, .path = path_utf8, .real = path_utf8, .flags = MP_TRACE_DIR },
	{ .op = MP_OP_OPEN, .path = path_latin1, .error = ENOENT, .exe = exe, .first_ns = -1 },
};

static void expect_text(const char *got, const char *expected, const char *what, size_t number)
{
	cr_expect_eq(!got, !expected, "event %zu: %s", number, what);
	if (got && expected)
		cr_expect_str_eq(got, expected, "event %zu: %s", number, what);
}

static void expect_events(const struct mp_trace *trace, const struct mp_trace_event *events,
			  size_t n)
{
	cr_assert_eq(trace->n_events, n);
	for (size_t i = 0; i < n; i++) {
		const struct mp_trace_event *got = &trace->events[i];

		cr_expect_eq(got->op, events[i].op, "event %zu", i);
		cr_expect_eq(got->flags, events[i].flags, "event %zu", i);
		cr_expect_eq(got->error, events[i].error, "event %zu: %d", i, got->error);
		cr_expect_eq(got->session, events[i].session, "event %zu", i);
		cr_expect_eq(got->first_ns, events[i].first_ns, "event %zu", i);
		expect_text(got->path, events[i].path, "path", i);
		expect_text(got->real, events[i].real, "real", i);
		expect_text(got->exe, events[i].exe, "exe", i);
	}
}

Test(trace, round_trip)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	const struct mp_trace_losses losses = { 0 };
	struct mp_error err = { 0 };

	write_trace(&text, samples, MP_ARRAY_LEN(samples), &losses);
	cr_assert_eq(mp_trace_parse(text.data, text.len, "t", &trace, &err), 0, "%s", err.msg);
	expect_events(trace, samples, MP_ARRAY_LEN(samples));
	cr_expect(trace->complete);
	cr_expect_eq(mp_trace_check_complete(trace, &err), 0, "%s", err.msg);
	cr_expect_str_eq(trace->header.source, "container");
	cr_expect_str_eq(trace->header.image, "nginx:1.27");
	cr_expect_str_eq(trace->header.image_id, "sha256:0123");
	cr_expect_str_eq(trace->header.arch, "x86_64");
	cr_expect_str_eq(trace->header.kernel, "6.1.0-18-amd64");
	cr_expect_str_eq(trace->header.generator, "micropack 0");
}

/* The names in the file are the format: they do not change with the enum. */
Test(trace, every_op_flag_and_byte)
{
	static const char *const ops[] = { "exec",     "open",   "stat",   "access",
					   "readlink", "chdir",  "create", "remove",
					   "attr",     "socket", "list",   "other" };
	static const char *const flags[] = { "write",   "create",  "dir",      "deleted",
					     "foreign", "script",  "nofollow", "mounted",
					     "located", "created", "attached" };
	const struct mp_trace_losses losses = { 0 };

	cr_assert_eq(MP_ARRAY_LEN(ops), MP_OP_COUNT);
	for (size_t op = 0; op < MP_ARRAY_LEN(ops); op++) {
		for (size_t flag = 0; flag < MP_ARRAY_LEN(flags); flag++) {
			MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
			MP_AUTO(mp_freep) char *path = mp_xstrdup(every_byte());
			MP_AUTO(mp_freep)
			char *expected = mp_xasprintf("{\"op\":\"%s\",\"path\":\"/", ops[op]);
			MP_AUTO(mp_freep)
			char *word = mp_xasprintf(",\"flags\":[\"%s\"],", flags[flag]);
			MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
			const struct mp_trace_event event = {
				.op = (enum mp_trace_op)op,
				.flags = 1u << flag,
				.path = path,
				.real = path,
				.exe = path,
			};
			struct mp_error err = { 0 };

			write_trace(&text, &event, 1, &losses);
			cr_expect_not_null(strstr(text.data, expected), "%s", text.data);
			cr_expect_not_null(strstr(text.data, word), "%s", text.data);
			cr_assert_eq(mp_trace_parse(text.data, text.len, "t", &trace, &err), 0,
				     "%s", err.msg);
			expect_events(trace, &event, 1);
		}
		cr_expect_str_eq(mp_trace_op_name((enum mp_trace_op)op), ops[op]);
	}
}

/* Every failure stays a failure, whether libc has a name for it or not. */
Test(trace, every_errno)
{
	static struct mp_trace_event events[4095];
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	const struct mp_trace_losses losses = { 0 };
	struct mp_error err = { 0 };

	for (int i = 0; i < 4095; i++)
		events[i] = (struct mp_trace_event){ .path = path_plain, .error = i + 1 };
	write_trace(&text, events, 4095, &losses);
	cr_expect_not_null(strstr(text.data, "\"errno\":\"ENOENT\""));
	cr_expect_not_null(strstr(text.data, "\"errno\":\"E512\""));
	cr_assert_eq(mp_trace_parse(text.data, text.len, "t", &trace, &err), 0, "%s", err.msg);
	expect_events(trace, events, 4095);
}

/* A trace that lost its end is refused or read as incomplete, wherever the cut is. */
Test(trace, cut_at_every_byte)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	const struct mp_trace_losses losses = { 0 };

	write_trace(&text, samples, MP_ARRAY_LEN(samples), &losses);
	for (size_t len = 0; len < text.len; len++) {
		/* Of its exact size, so that the sanitizer sees a read past the end. */
		MP_AUTO(mp_freep) char *cut = mp_xmalloc(len);
		MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
		struct mp_error err = { 0 };

		memcpy(cut, text.data, len);
		if (mp_trace_parse(cut, len, "t", &trace, &err)) {
			cr_expect_null(trace);
			cr_expect_eq(err.code, MP_E_FORMAT, "cut at %zu: %s", len, err.msg);
			continue;
		}
		cr_expect_not(trace->complete, "cut at %zu", len);
		cr_expect_eq(mp_trace_check_complete(trace, &err), -1, "cut at %zu", len);
		cr_expect_eq(err.code, MP_E_INCOMPLETE);
	}
}

/* It is refused or it is read, perhaps with another meaning; nothing crashes. */
Test(trace, any_byte_changed)
{
	static const char values[] = {
		'\0', '"', '\\', '{', '}', ',', ':', '\n', '0', 'x', '\xff'
	};
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	const struct mp_trace_losses losses = { 0 };

	write_trace(&text, samples, MP_ARRAY_LEN(samples), &losses);
	for (size_t i = 0; i < text.len; i++) {
		for (size_t v = 0; v < sizeof(values); v++) {
			MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
			char original = text.data[i];
			struct mp_error err = { 0 };

			text.data[i] = values[v];
			if (mp_trace_parse(text.data, text.len, "t", &trace, &err))
				cr_expect_eq(err.code, MP_E_FORMAT);
			else
				cr_expect_not_null(trace);
			text.data[i] = original;
		}
	}
}

Test(trace, malformed)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "", "'t' is not a micropack trace" },
		{ "/bin/sh\n", "'t' is not a micropack trace" },
		{ "{ \"micropack_trace\":1}\n", "'t' is not a micropack trace" },
		{ "{\"micropack_trace\":2}\n",
		  "'t' line 1: trace format 2, this micropack reads format 1" },
		{ "{\"micropack_trace\":\"1\"}\n",
		  "'t' line 1: 'micropack_trace' is not an integer" },
		{ "{\"micropack_trace\":1,\"image\":7}\n", "'t' line 1: 'image' is not a string" },
		{ HEADER "{}\n", "'t' line 2: unknown op ''" },
		{ HEADER "[]\n", "'t' line 2: unknown op ''" },
		{ HEADER "{\"op\":\"fly\",\"path\":\"/\"}\n", "'t' line 2: unknown op 'fly'" },
		{ HEADER "{\"op\":1}\n", "'t' line 2: 'op' is not a string" },
		{ HEADER "{\"op\":\"open\"}\n", "'t' line 2: 'path' is not an absolute path" },
		{ HEADER "{\"op\":\"open\",\"path\":\"\"}\n",
		  "'t' line 2: 'path' is not an absolute path" },
		{ HEADER "{\"op\":\"open\",\"path\":\"a\"}\n",
		  "'t' line 2: 'path' is not an absolute path" },
		{ HEADER "{\"op\":\"open\",\"path\":\"/\",\"real\":\"a\"}\n",
		  "'t' line 2: 'real' is not an absolute path" },
		{ HEADER "{\"op\":\"open\",\"path\":\"/\\\\x4\"}\n",
		  "'t' line 2: 'path' has a malformed escape: /\\x4" },
		{ HEADER "{\"op\":\"open\",\"path\":\"/\\\\x00\"}\n",
		  "'t' line 2: 'path' has a malformed escape: /\\x00" },
		{ HEADER "{\"op\":\"open\",\"path\":\"/\",\"exe\":\"\\\\\"}\n",
		  "'t' line 2: 'exe' has a malformed escape: \\" },
		{ HEADER "{\"op\":\"open\",\"path\":\"/\",\"errno\":\"ENOPE\"}\n",
		  "'t' line 2: unknown errno 'ENOPE'" },
		{ HEADER "{\"op\":\"open\",\"path\":\"/\",\"errno\":2}\n",
		  "'t' line 2: 'errno' is not a string" },
		{ HEADER "{\"op\":\"open\",\"path\":\"/\",\"flags\":[\"red\"]}\n",
		  "'t' line 2: unknown flag 'red'" },
		{ HEADER "{\"op\":\"open\",\"path\":\"/\",\"flags\":\"dir\"}\n",
		  "'t' line 2: 'flags' is not an array" },
		{ HEADER "{\"op\":\"open\",\"path\":\"/\",\"flags\":[1]}\n",
		  "'t' line 2: 'flags' is not an array of strings" },
		{ HEADER "{\"op\":\"open\",\"path\":\"/\",\"session\":-1}\n",
		  "'t' line 2: 'session' is out of range" },
		{ HEADER "{\"op\":\"open\",\"path\":\"/\",\"session\":2147483648}\n",
		  "'t' line 2: 'session' is out of range" },
		{ HEADER "{\"op\":\"open\",\"path\":\"/\",\"first_ns\":1.5}\n",
		  "'t' line 2: 'first_ns' is not an integer" },
		{ TIMES("7") EVENT, "'t' line 2: 'first_ns' is in the header already" },
		{ TIMES("") OPEN, "'t' line 2: the header has 0 times, this is event 1" },
		{ TIMES("1") OPEN OPEN, "'t' line 3: the header has 1 times, this is event 2" },
		{ TIMES("1,2") OPEN TRAILER("1"),
		  "'t' line 3: the header has 2 times, the trace has 1 events" },
		{ TIMES("0") TRAILER("0"),
		  "'t' line 2: the header has 1 times, the trace has 0 events" },
		{ TIMES("1.5") OPEN, "'t' line 1: 'first_ns' is not an array of integers" },
		{ TIMES("[]") OPEN, "'t' line 1: 'first_ns' is not an array of integers" },
		{ TIMES("null") OPEN, "'t' line 1: 'first_ns' is not an array of integers" },
		{ "{\"micropack_trace\":1,\"first_ns\":7}\n",
		  "'t' line 1: 'first_ns' is not an array" },
		{ HEADER EVENT TRAILER("2"),
		  "'t' line 3: the trailer counts 2 events, the trace has 1" },
		{ HEADER EVENT TRAILER("-1"), "'t' line 3: 'events' is not a count" },
		{ HEADER EVENT "{\"events\":1}\n", "'t' line 3: 'dropped' is not a count" },
		{ HEADER EVENT TRAILER("1") EVENT, "'t' line 4: something follows the trailer" },
		{ HEADER EVENT TRAILER("1") TRAILER("1"),
		  "'t' line 4: something follows the trailer" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_trace *trace = NULL;
		struct mp_error err = { 0 };

		cr_expect_eq(
			mp_trace_parse(cases[i].text, strlen(cases[i].text), "t", &trace, &err), -1,
			"%s", cases[i].text);
		cr_expect_null(trace);
		cr_expect_eq(err.code, MP_E_FORMAT);
		cr_expect_str_eq(err.msg, cases[i].message, "%s: %s", cases[i].text, err.msg);
	}
}

/* jansson's own words follow. */
Test(trace, not_json)
{
	static const char *const lines[] = {
		"\n",
		"x\n",
		"{\"op\":\"open\"\n",
		"{\"op\":\"open\",\"op\":\"open\"}\n",
		"{\"op\":\"open\",\"path\":\"/\xff\"}\n",
		"{\"op\":\"open\",\"path\":\"/\\u0000\"}\n",
		"{\"first_ns\":99999999999999999999}\n",
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(lines); i++) {
		MP_AUTO(mp_freep) char *text = mp_xasprintf(HEADER EVENT "%s", lines[i]);
		struct mp_trace *trace = NULL;
		struct mp_error err = { 0 };

		cr_expect_eq(mp_trace_parse(text, strlen(text), "t", &trace, &err), -1, "%s",
			     lines[i]);
		cr_expect_eq(err.code, MP_E_FORMAT);
		cr_expect_eq(strncmp(err.msg, "'t' line 3: JSON: line 1, column ", 33), 0, "%s",
			     err.msg);
	}
}

/* Members that a later version adds are no error. */
Test(trace, unknown_members)
{
	static const char text[] = "{\"micropack_trace\":1,\"source\":\"command\",\"new\":[1]}\n"
				   "{\"op\":\"stat\",\"path\":\"/a\",\"new\":{}}\n"
				   "{\"events\":1,\"dropped\":0,\"truncated\":0,\"unread\":0,"
				   "\"untracked\":0,\"new\":9}\n";
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	struct mp_error err = { 0 };

	cr_assert_eq(mp_trace_parse(text, strlen(text), "t", &trace, &err), 0, "%s", err.msg);
	cr_expect(trace->complete);
	cr_expect_str_eq(trace->events[0].path, "/a");
	cr_expect_null(trace->events[0].real);
	cr_expect_null(trace->header.image);
}

Test(trace, check_complete)
{
	static const struct {
		const char *text, *message; /* NULL: complete */
	} cases[] = {
		{ HEADER EVENT TRAILER("1"), NULL },
		{ HEADER TRAILER("0"), "the trace is empty: nothing ran" },
		{ HEADER, "the trace is empty: nothing ran" },
		{ HEADER EVENT, "the trace has no trailer: the tracer was stopped midway" },
		{ HEADER EVENT "{\"events\":1,\"dropped\":4,\"truncated\":3,\"unread\":2,"
			       "\"untracked\":1}\n",
		  "the trace is incomplete: 4 events dropped, 3 paths truncated, 2 unread, 1 "
		  "processes not followed" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
		struct mp_error err = { 0 };

		cr_assert_eq(
			mp_trace_parse(cases[i].text, strlen(cases[i].text), "t", &trace, &err), 0,
			"%s", err.msg);
		cr_expect_eq(mp_trace_check_complete(trace, &err), cases[i].message ? -1 : 0);
		if (cases[i].message) {
			cr_expect_eq(err.code, MP_E_INCOMPLETE);
			cr_expect_str_eq(err.msg, cases[i].message, "%s", err.msg);
		}
	}
}

Test(trace, each_loss_alone_is_incomplete)
{
	const struct mp_trace_losses losses[] = {
		{ .dropped = 1 },
		{ .truncated = 1 },
		{ .unread = 1 },
		{ .untracked = 1 },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(losses); i++) {
		MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
		MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
		struct mp_error err = { 0 };

		write_trace(&text, samples, 1, &losses[i]);
		cr_assert_eq(mp_trace_parse(text.data, text.len, "t", &trace, &err), 0, "%s",
			     err.msg);
		cr_expect_not(trace->complete);
		cr_expect_eq(memcmp(&trace->losses, &losses[i], sizeof(losses[i])), 0);
	}
}

/* Times are in the header alone, and not even there where there are none. */
Test(trace, times)
{
	static const struct {
		const char *read, *written;
	} cases[] = {
		{ HEADER OPEN TRAILER("1"),
		  "{\"micropack_trace\":1,\"source\":\"container\"}\n" OPEN },
		{ TIMES("0") OPEN TRAILER("1"), "{\"micropack_trace\":1}\n" OPEN },
		{ TIMES("") TRAILER("0"), "{\"micropack_trace\":1}\n" },
		{ TIMES("7") OPEN TRAILER("1"), TIMES("7") OPEN },
		{ "{\"micropack_trace\":1}\n" EVENT TRAILER("1"), TIMES("7") OPEN },
		{ "{\"micropack_trace\":1,\"first_ns\":null}\n" EVENT TRAILER("1"),
		  TIMES("7") OPEN },
		{ "{\"micropack_trace\":1,\"first_ns\": [ 7 ],\"source\":\"import\"}\n" OPEN,
		  "{\"micropack_trace\":1,\"source\":\"import\",\"first_ns\":[7]}\n" OPEN },
		/* A trace that is cut may have times of events that are gone. */
		{ TIMES("7,-3,9223372036854775807") OPEN, TIMES("7") OPEN },
		{ TIMES("9,8") OPEN OPEN, TIMES("8") OPEN },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
		MP_AUTO(mp_freep) char *text = NULL;
		struct mp_error err = { 0 };

		cr_assert_eq(
			mp_trace_parse(cases[i].read, strlen(cases[i].read), "t", &trace, &err), 0,
			"%s%s", cases[i].read, err.msg);
		text = write_text(trace, NULL);
		cr_expect_str_eq(text, cases[i].written, "%sgave\n%s", cases[i].read, text);
	}
}

/* A full disk is told, be it early or late. */
Test(trace, write_reports_a_full_disk)
{
	MP_AUTO(mp_closep) int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	const struct mp_trace_losses losses = { 0 };
	struct mp_error err = { 0 };

	for (size_t events = 0; events <= 10000; events += 10000) {
		MP_AUTO(mp_trace_freep) struct mp_trace *trace = mp_xcalloc(1, sizeof(*trace));

		for (size_t i = 0; i < events; i++) {
			struct mp_trace_event event = { .path = mp_xasprintf("/%zu", i) };

			mp_trace_add_take(trace, &event);
		}
		cr_expect_eq(mp_trace_write_fd(trace, fd, "t.jsonl", &losses, &err), -1);
		cr_expect_eq(err.code, MP_E_SYS);
		cr_expect_str_eq(err.msg, "write 't.jsonl': No space left on device");
	}
}

Test(trace, read_names_the_file)
{
	struct mp_trace *trace = NULL;
	struct mp_error err = { 0 };

	cr_expect_eq(mp_trace_read("/nonexistent/trace", &trace, &err), -1);
	cr_expect_str_eq(err.msg, "open '/nonexistent/trace': No such file or directory");
	cr_expect_eq(mp_trace_read("/dev/null", &trace, &err), -1);
	cr_expect_str_eq(err.msg, "'/dev/null' is not a micropack trace");
	cr_expect_null(trace);
}

Test(trace, looks_like)
{
	cr_expect(mp_trace_looks_like(HEADER, strlen(HEADER)));
	cr_expect_not(mp_trace_looks_like("{\"micropack_trace\"", 18));
	cr_expect_not(mp_trace_looks_like("/bin/sh", 7));
	cr_expect_not(mp_trace_looks_like("", 0));
}

/* The example in docs/trace-format.md is a trace as it would be written. (Tests run in the source
 * directory.) */
Test(trace, documented_example)
{
	MP_AUTO(mp_buf_free) struct mp_buf page = { 0 };
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	MP_AUTO(mp_freep) char *text = NULL;
	struct mp_error err = { 0 };
	const char *begin, *end;

	cr_assert_eq(mp_file_read("docs/trace-format.md", 1 << 20, &page, &err), 0, "%s", err.msg);
	begin = strstr(page.data, "```json\n");
	cr_assert_not_null(begin);
	begin += strlen("```json\n");
	end = strstr(begin, "```");
	cr_assert_not_null(end);
	cr_assert_eq(mp_trace_parse(begin, (size_t)(end - begin), "example", &trace, &err), 0, "%s",
		     err.msg);
	cr_expect(trace->complete);
	cr_expect_eq(trace->n_events, 5);
	cr_expect_str_eq(trace->events[3].path, "/srv/caf\xe9");
	cr_expect_eq(trace->events[3].first_ns, 90155321);
	text = write_text(trace, &trace->losses);
	cr_expect_eq(strncmp(text, begin, (size_t)(end - begin)), 0, "%s", text);
	cr_expect_eq(strlen(text), (size_t)(end - begin));
}
