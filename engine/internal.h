/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_ENGINE_INTERNAL_H
#define MP_ENGINE_INTERNAL_H

#include "engine/engine.h"
#include "engine/http.h"

/* What the files of engine/ share, and what their tests take apart. Not for other modules. */

struct mp_engine {
	struct mp_http_target target;
	struct mp_http *http;
	char *version;
	char *api_version; /* digits, a dot, digits */
	char *architecture;
};

/*
 * Sends @request, its path without the API version. Any answer but 2xx and 304 (nothing to do) is
 * MP_E_ENGINE with the engine's own message; see mp_engine_refusal.
 */
MP_MUST_USE int mp_engine_call(struct mp_engine *engine, const struct mp_http_request *request,
			       struct mp_http_response *response, struct mp_error *err);

/* The same, and the answer is a JSON object, owned by the caller. */
MP_MUST_USE int mp_engine_call_json(struct mp_engine *engine, const struct mp_http_request *request,
				    struct mp_json **json_out, struct mp_error *err);

/* MP_E_ENGINE with the "message" of @response; sys_errno is ENOENT for an object that does not
 * exist. Returns -1. */
int mp_engine_refusal(const struct mp_http_response *response, struct mp_error *err);

/* The body of @response, which must be a JSON object; owned by the caller. */
MP_MUST_USE int mp_engine_parse(const struct mp_http_response *response, struct mp_json **json_out,
				struct mp_error *err);

/* For an answer that has not the form it must have: makes @err one of the engine. Returns -1. */
int mp_engine_bad_answer(struct mp_error *err);

/* Reads the members of GET /version into @engine. */
MP_MUST_USE int mp_engine_read_version(struct mp_engine *engine, const struct mp_json *json,
				       struct mp_error *err);

/*
 * Appends @text percent-encoded for a URL (RFC 3986): everything but unreserved characters and
 * those in @keep.
 */
void mp_url_escape(struct mp_buf *buf, const char *text, const char *keep);

/*
 * MP_E_USAGE unless @reference may name an image. Escaping alone would not keep it in its place:
 * the engine decodes a path before it resolves "..".
 */
MP_MUST_USE int mp_reference_check(const char *reference, struct mp_error *err);

/* The same for a container's ID or name. */
MP_MUST_USE int mp_container_check(const char *id, struct mp_error *err);

/* Whether @text is a whole container ID: 64 hexadecimal digits. */
bool mp_container_is_id(const char *text);

/* A checked reference, taken apart as the docker command does. */
struct mp_reference {
	char *name;     /* without tag and digest */
	char *tag;      /* or digest; "latest" where there is none */
	char *registry; /* "docker.io" where none is given */
};

void mp_reference_split(const char *reference, struct mp_reference *reference_out);
void mp_reference_clear(struct mp_reference *reference);

/*
 * The value of X-Registry-Auth for @registry from the "auths" of a docker config.json; NULL where
 * there are none for it. Owned by the caller.
 */
char *mp_credentials_find(const struct mp_json *config, const char *registry);
/* The same from the user's own config.json; one that cannot be read is a warning. */
char *mp_credentials_load(const char *registry);

void mp_base64_encode(struct mp_buf *buf, const void *data, size_t len, bool url);
/* MP_E_FORMAT where @text is no base64. Appends. */
MP_MUST_USE int mp_base64_decode(struct mp_buf *buf, const char *text, struct mp_error *err);

/*
 * The answer to pull, load and build: JSON objects, one to a line, of which one with "error" is the
 * failure of the whole under a status of 200.
 */
struct mp_messages {
	struct mp_buf line;          /* what has come of the current one */
	mp_engine_progress progress; /* NULL: nobody looks */
	void *context;
};

/* An mp_http_sink; @context is the struct mp_messages. */
int mp_messages_feed(const void *data, size_t len, void *context, struct mp_error *err);
/* After the last piece: a last line without a newline counts. */
MP_MUST_USE int mp_messages_end(struct mp_messages *messages, struct mp_error *err);
void mp_messages_clear(struct mp_messages *messages);

/*
 * The stream of a container's output: frames of a header (stream number, three zero bytes, length
 * in big endian) and data; without any frames where the container has a terminal.
 */
struct mp_log_stream {
	bool raw;
	unsigned char header[8];
	size_t header_len; /* bytes of it that are there */
	size_t left;       /* of the current frame */
	struct mp_buf engine_error;
	mp_engine_output output;
	void *context;
};

/* An mp_http_sink; @context is the struct mp_log_stream. */
int mp_log_stream_feed(const void *data, size_t len, void *context, struct mp_error *err);
/* After the last piece: fails where a frame is not whole or the engine reported an error. */
MP_MUST_USE int mp_log_stream_end(struct mp_log_stream *stream, struct mp_error *err);
void mp_log_stream_clear(struct mp_log_stream *stream);

/* The answers of inspect. */
MP_MUST_USE int mp_image_read(const struct mp_json *json, const char *reference,
			      struct mp_image **image_out, struct mp_error *err);
MP_MUST_USE int mp_container_state_read(const struct mp_json *json,
					struct mp_container_state *state_out, struct mp_error *err);
MP_MUST_USE int mp_container_read(const struct mp_json *json, struct mp_container *container_out,
				  struct mp_error *err);

#endif
