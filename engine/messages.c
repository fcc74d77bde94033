/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/internal.h"

#include "core/log.h"
#include "core/path.h"

#include <stdio.h>
#include <string.h>

#define MAX_LINE_BYTES ((size_t)1 << 20)

void mp_messages_clear(struct mp_messages *messages)
{
	mp_buf_free(&messages->line);
}

/* Older engines send "error" alone, newer ones both. */
static int check_failure(const struct mp_json *message, struct mp_error *err)
{
	const struct mp_json *error = mp_json_get(message, "error");
	const struct mp_json *detail = mp_json_get(message, "errorDetail");
	const char *text = mp_json_text(mp_json_get(detail, "message"));

	if (!error && !detail)
		return 0;
	if (!text || !text[0])
		text = mp_json_text(error);
	return mp_error_set(err, MP_E_ENGINE, 0, "%s",
			    text && text[0] ? text : "the engine failed and does not say why");
}

/* "a1b2c3: Downloading 3.1 of 27 MB" */
static void report(const struct mp_messages *messages, const struct mp_json *message)
{
	const char *status = mp_json_text(mp_json_get(message, "status"));
	const char *id = mp_json_text(mp_json_get(message, "id"));
	const struct mp_json *detail = mp_json_get(message, "progressDetail");
	int64_t current = 0, total = 0;
	char line[256], printable[512];
	int len;

	if (!messages->progress || !status)
		return;
	len = snprintf(line, sizeof(line), "%.64s%s%.128s", id ? id : "", id ? ": " : "", status);
	if (mp_json_get_integer(detail, "current", &current, NULL) == 0 &&
	    mp_json_get_integer(detail, "total", &total, NULL) == 0 && total > 0 && current >= 0)
		snprintf(line + len, sizeof(line) - (size_t)len, " %.1f of %.1f MB",
			 (double)current / 1e6, (double)total / 1e6);
	mp_text_printable(line, printable, sizeof(printable));
	messages->progress(printable, messages->context);
}

/* What a build prints is for -v. */
static void log_build_output(const struct mp_json *message)
{
	const char *text = mp_json_text(mp_json_get(message, "stream"));
	size_t len = text ? strcspn(text, "\r\n") : 0;

	if (len)
		mp_debug("engine: %.*s", (int)(len > 1000 ? 1000 : len), text);
}

static int take_line(struct mp_messages *messages, struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *message = NULL;
	struct mp_buf *line = &messages->line;

	if (line->len == 0 || strspn(line->data, " \t\r") == line->len) {
		mp_buf_clear(line);
		return 0;
	}
	message = mp_json_parse(line->data, line->len, "progress message", err);
	if (!message)
		return mp_engine_bad_answer(err);
	mp_buf_clear(line);
	if (!mp_json_is_object(message)) {
		mp_error_set(err, MP_E_ENGINE, 0, "progress message: not a JSON object");
		return mp_engine_bad_answer(err);
	}
	if (check_failure(message, err))
		return -1;
	report(messages, message);
	log_build_output(message);
	return 0;
}

int mp_messages_feed(const void *data, size_t len, void *context, struct mp_error *err)
{
	struct mp_messages *messages = context;
	const char *p = data, *end = p + len;

	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t piece = (size_t)((newline ? newline : end) - p);

		if (piece > MAX_LINE_BYTES - messages->line.len) {
			mp_error_set(err, MP_E_ENGINE, 0, "progress message: larger than %zu bytes",
				     MAX_LINE_BYTES);
			return mp_engine_bad_answer(err);
		}
		mp_buf_add(&messages->line, p, piece);
		p += piece;
		if (newline) {
			if (take_line(messages, err))
				return -1;
			p++;
		}
	}
	return 0;
}

int mp_messages_end(struct mp_messages *messages, struct mp_error *err)
{
	return take_line(messages, err);
}
