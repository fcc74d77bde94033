/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/internal.h"

#include <criterion/criterion.h>
#include <string.h>

/* Takes both streams, each piece as "1<text>" or "2<text>". */
static void collect(int stream_fd, const char *data, size_t len, void *context)
{
	struct mp_buf *out = context;

	for (size_t i = 0; i < len; i++)
		mp_buf_addf(out, "%d%c", stream_fd, data[i]);
}

static int feed_in_pieces(mp_http_sink sink, void *context, const char *data, size_t len,
			  size_t piece, struct mp_error *err)
{
	for (size_t at = 0; at < len; at += piece) {
		if (sink(data + at, len - at < piece ? len - at : piece, context, err))
			return -1;
	}
	return 0;
}

static int demux(const char *data, size_t len, size_t piece, struct mp_buf *out,
		 struct mp_error *err)
{
	MP_AUTO(mp_log_stream_clear)
	struct mp_log_stream stream = { .output = collect, .context = out };

	if (feed_in_pieces(mp_log_stream_feed, &stream, data, len, piece, err))
		return -1;
	return mp_log_stream_end(&stream, err);
}

#define FRAME(stream, len) stream "\0\0\0\0\0\0" len

Test(engine_streams, logs_are_split_by_stream)
{
	static const char data[] = FRAME("\1", "\2") "ab" FRAME("\2", "\1") "c" FRAME("\1", "\0")
		FRAME("\0", "\1") "d" FRAME("\1", "\1") "\n";

	for (size_t piece = 1; piece <= sizeof(data); piece++) {
		MP_AUTO(mp_buf_free) struct mp_buf out = { 0 };
		struct mp_error err = { 0 };

		cr_assert_eq(demux(data, sizeof(data) - 1, piece, &out, &err), 0, "%s", err.msg);
		cr_expect_str_eq(out.data, "1a1b2c1d1\n", "in pieces of %zu: %s", piece, out.data);
	}
}

Test(engine_streams, logs_of_a_terminal_are_as_they_are)
{
	MP_AUTO(mp_buf_free) struct mp_buf out = { 0 };
	struct mp_log_stream stream = { .raw = true, .output = collect, .context = &out };

	cr_expect_eq(mp_log_stream_feed("\2\0x", 3, &stream, NULL), 0);
	cr_expect_eq(mp_log_stream_end(&stream, NULL), 0);
	cr_expect_eq(out.len, 6);
	cr_expect_arr_eq(out.data, "1\0021\0001x", 6);
}

Test(engine_streams, malformed_logs)
{
	static const struct {
		const char *data;
		size_t len;
		const char *message;
	} cases[] = {
		{ "HTTP/1.1 200 OK", 15, "malformed log frame 48545450" },
		{ "\4\0\0\0\0\0\0\1x", 9, "malformed log frame 04000000" },
		{ "\1\0\1\0\0\0\0\1x", 9, "malformed log frame 01000100" },
		{ "\1\0\0", 3, "the log ends within a frame" },
		{ "\1\0\0\0\0\0\0\2x", 9, "the log ends within a frame" },
		{ "\2\0\0\0\xff\xff\xff\xffx", 9, "the log ends within a frame" },
		{ "\3\0\0\0\0\0\0\4oops", 12, "oops" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		for (size_t piece = 1; piece <= cases[i].len; piece++) {
			MP_AUTO(mp_buf_free) struct mp_buf out = { 0 };
			struct mp_error err = { 0 };

			cr_expect_eq(demux(cases[i].data, cases[i].len, piece, &out, &err), -1);
			cr_expect_eq(err.code, MP_E_ENGINE);
			cr_expect_not_null(strstr(err.msg, cases[i].message), "%s", err.msg);
		}
	}
}

static void keep_line(const char *line, void *context)
{
	mp_buf_addf(context, "%s|", line);
}

static int read_messages(const char *text, size_t piece, struct mp_buf *out, struct mp_error *err)
{
	MP_AUTO(mp_messages_clear)
	struct mp_messages messages = { .progress = keep_line, .context = out };

	if (feed_in_pieces(mp_messages_feed, &messages, text, strlen(text), piece, err))
		return -1;
	return mp_messages_end(&messages, err);
}

Test(engine_streams, pull_progress)
{
	static const char text[] =
		"{\"status\":\"Pulling from library/x\",\"id\":\"latest\"}\r\n"
		"\r\n"
		"{\"status\":\"Downloading\",\"id\":\"a1b2\",\"progressDetail\":"
		"{\"current\":3100000,\"total\":27000000}}\n"
		"{\"status\":\"Extracting\",\"id\":\"a1b2\",\"progressDetail\":{}}\n"
		"{\"stream\":\"Step 1/2\\n\"}\n{\"aux\":{\"ID\":\"sha256:00\"}}\n"
		"{\"status\":7,\"id\":[],\"progressDetail\":\"x\"}\n"
		"{\"status\":\"Waiting\",\"progressDetail\":{\"current\":\"x\",\"total\":{}}}\n"
		"{\"status\":\"\\u001b[31mred\",\"error\":null}";
	static const char expected[] = "latest: Pulling from library/x|"
				       "a1b2: Downloading 3.1 of 27.0 MB|a1b2: Extracting|Waiting|"
				       "\\x1b[31mred|";

	for (size_t piece = 1; piece <= sizeof(text); piece++) {
		MP_AUTO(mp_buf_free) struct mp_buf out = { 0 };
		struct mp_error err = { 0 };

		cr_assert_eq(read_messages(text, piece, &out, &err), 0, "%s", err.msg);
		cr_assert_str_eq(out.data, expected, "in pieces of %zu: %s", piece, out.data);
	}
}

Test(engine_streams, a_failure_among_the_messages)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "{\"status\":\"x\"}\n{\"errorDetail\":{\"code\":1,\"message\":\"long\"},"
		  "\"error\":\"short\"}\n{\"status\":\"y\"}\n",
		  "long" },
		{ "{\"error\":\"manifest unknown\"}\n", "manifest unknown" },
		{ "{\"error\":\"no newline\"}", "no newline" },
		{ "{\"errorDetail\":{}}\n", "does not say why" },
		{ "{\"error\":{}}\n", "does not say why" },
		{ "{\"error\":\"\",\"errorDetail\":7}\n", "does not say why" },
		{ "hello\n", "the engine's answer: progress message: line 1" },
		{ "{\"status\":\"cut\n", "the engine's answer: progress message" },
		{ "{} {}\n", "the engine's answer: progress message" },
		{ "[1]\n", "progress message: not a JSON object" },
		{ "\"x\"\n", "the engine's answer: progress message" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_buf_free) struct mp_buf out = { 0 };
		struct mp_error err = { 0 };

		cr_expect_eq(read_messages(cases[i].text, 7, &out, &err), -1, "%s", cases[i].text);
		cr_expect_eq(err.code, MP_E_ENGINE, "%s", cases[i].text);
		cr_expect_not_null(strstr(err.msg, cases[i].message), "%s: %s", cases[i].text,
				   err.msg);
	}
}

Test(engine_streams, a_message_without_an_end)
{
	struct mp_messages messages = { 0 };
	struct mp_error err = { 0 };
	char chunk[65536];
	int rc = 0;

	memset(chunk, ' ', sizeof(chunk));
	for (int i = 0; i < 1000 && rc == 0; i++)
		rc = mp_messages_feed(chunk, sizeof(chunk), &messages, &err);
	cr_expect_eq(rc, -1);
	cr_expect_leq(messages.line.cap, (size_t)4 << 20);
	cr_expect_not_null(strstr(err.msg, "larger than 1048576 bytes"), "%s", err.msg);
	mp_messages_clear(&messages);
}
