/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_ENGINE_HTTP_H
#define MP_ENGINE_HTTP_H

#include "core/buf.h"
#include "core/error.h"

#include <stdbool.h>

/*
 * HTTP to one engine, over a Unix socket or TCP with or without TLS: one request at a time, the
 * connection kept for the next. Nothing here knows about containers. No redirect is followed and no
 * proxy asked: whoever answers is whoever DOCKER_HOST names.
 */

/* Where the engine is. All strings owned; NULL where they do not apply. */
struct mp_http_target {
	char *name;        /* as in DOCKER_HOST, for messages */
	char *address;     /* host name or IP address, without brackets */
	char *base_url;    /* "http://localhost", "https://[::1]:2376" */
	char *socket_path; /* NULL: TCP */
	char *ca_file;     /* PEM files for TLS */
	char *cert_file;
	char *key_file;
};

/*
 * Reads @host, an address in one of the forms that DOCKER_HOST takes; @tls: whether TCP is
 * encrypted. MP_E_USAGE naming it where it is none, or is of a kind that is not supported.
 */
MP_MUST_USE int mp_http_target_parse(const char *host, bool tls, struct mp_http_target *target_out,
				     struct mp_error *err);
/* From DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, as the docker command reads them. */
MP_MUST_USE int mp_http_target_from_env(struct mp_http_target *target_out, struct mp_error *err);
void mp_http_target_clear(struct mp_http_target *target);

/* Is given the body piece by piece; -1 with @err set ends the transfer. */
typedef int (*mp_http_sink)(const void *data, size_t len, void *context, struct mp_error *err);

struct mp_http_request {
	const char *method; /* "GET", "POST", "DELETE" */
	const char *path;   /* begins with '/'; with its query, escaped */
	const char *content_type;
	const char *body; /* NULL: none */
	size_t body_len;
	bool upload; /* the body is what is read from upload_fd, to its end */
	int upload_fd;
	const char *registry_auth; /* value of X-Registry-Auth; NULL: not sent */
	mp_http_sink sink;         /* takes the body of a 2xx answer; NULL: it is collected */
	void *context;
	unsigned int timeout_ms; /* for all of it; 0: as long as it takes */
	unsigned int grace_ms;   /* after a signal, how long the answer is still waited for */
};

/* Zero-initialised by the caller. */
struct mp_http_response {
	long status;
	struct mp_buf body; /* at most MP_HTTP_MAX_BYTES; empty where a sink took it */
};

/* A collected answer that is larger is an error. */
#define MP_HTTP_MAX_BYTES ((size_t)64 << 20)

struct mp_http;

/* @target is borrowed for the life of the result. */
MP_MUST_USE int mp_http_new(const struct mp_http_target *target, struct mp_http **http_out,
			    struct mp_error *err);
void mp_http_freep(struct mp_http **http);

/*
 * Sends @request and waits for the answer, of whatever status. MP_E_ENGINE (never with a sys_errno)
 * where none came or it was cut short, with what to do about it; MP_E_INTERRUPTED after a signal;
 * MP_E_SYS where upload_fd cannot be read; and whatever the sink set.
 */
MP_MUST_USE int mp_http_perform(struct mp_http *http, const struct mp_http_request *request,
				struct mp_http_response *response, struct mp_error *err);
void mp_http_response_clear(struct mp_http_response *response);

#endif
