/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/internal.h"

#include <string.h>
#include <unistd.h>

/* What the engine itself has to say, in place of output (moby pkg/stdcopy, Systemerr). */
#define STREAM_ENGINE_ERROR 3
#define MAX_ENGINE_ERROR_BYTES ((size_t)64 << 10)

void mp_log_stream_clear(struct mp_log_stream *stream)
{
	mp_buf_free(&stream->engine_error);
}

static int take_header(struct mp_log_stream *stream, struct mp_error *err)
{
	const unsigned char *h = stream->header;

	if (h[0] > STREAM_ENGINE_ERROR || h[1] || h[2] || h[3])
		return mp_error_set(err, MP_E_ENGINE, 0,
				    "the engine's answer: malformed log frame %02x%02x%02x%02x",
				    h[0], h[1], h[2], h[3]);
	stream->left = (size_t)h[4] << 24 | (size_t)h[5] << 16 | (size_t)h[6] << 8 | h[7];
	/* An empty frame is over at once. */
	if (stream->left == 0)
		stream->header_len = 0;
	return 0;
}

static void take_data(struct mp_log_stream *stream, const char *data, size_t len)
{
	struct mp_buf *error = &stream->engine_error;

	if (stream->header[0] != STREAM_ENGINE_ERROR)
		stream->output(stream->header[0] == 2 ? STDERR_FILENO : STDOUT_FILENO, data, len,
			       stream->context);
	else if (len <= MAX_ENGINE_ERROR_BYTES - error->len)
		mp_buf_add(error, data, len);
	stream->left -= len;
	if (stream->left == 0)
		stream->header_len = 0;
}

int mp_log_stream_feed(const void *data, size_t len, void *context, struct mp_error *err)
{
	struct mp_log_stream *stream = context;
	const char *p = data;

	if (stream->raw) {
		stream->output(STDOUT_FILENO, p, len, stream->context);
		return 0;
	}
	while (len > 0) {
		size_t need = sizeof(stream->header) - stream->header_len;
		size_t n;

		if (need > 0) {
			n = len < need ? len : need;
			memcpy(stream->header + stream->header_len, p, n);
			stream->header_len += n;
			if (n == need && take_header(stream, err))
				return -1;
		} else {
			n = len < stream->left ? len : stream->left;
			take_data(stream, p, n);
		}
		p += n;
		len -= n;
	}
	return 0;
}

int mp_log_stream_end(struct mp_log_stream *stream, struct mp_error *err)
{
	if (stream->header_len > 0)
		return mp_error_set(err, MP_E_ENGINE, 0,
				    "the engine's answer: the log ends within a frame");
	if (stream->engine_error.len > 0)
		return mp_error_set(err, MP_E_ENGINE, 0, "%s", stream->engine_error.data);
	return 0;
}
