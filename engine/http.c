/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/http.h"

#include "core/clock.h"
#include "core/interrupt.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* How long a signal that another thread took may go unnoticed. */
#define WAIT_SLICE_MS 200
#define CONNECT_TIMEOUT_MS 10000L
#define TRANSFER_BUFFER_BYTES (256L << 10)
/* An engine sends ten lines. libcurl keeps every header, so someone has to count. */
#define MAX_HEADER_BYTES ((size_t)256 << 10)

struct mp_http {
	const struct mp_http_target *target;
	CURLM *multi; /* holds the connection between requests */
	CURL *easy;
	char message[CURL_ERROR_SIZE];
};

/* One request on its way. */
struct transfer {
	const struct mp_http_request *request;
	struct mp_http_response *response;
	CURL *easy;
	struct mp_error *err;
	bool failed;  /* a callback has set err */
	bool paused;  /* upload_fd has nothing to read yet */
	bool refused; /* the engine does not want the rest of it */
	size_t header_bytes;
	int64_t stop_ms; /* when it is given up, after a signal; 0: there was none */
};

static void init_once(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

int mp_http_new(const struct mp_http_target *target, struct mp_http **http_out,
		struct mp_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	MP_AUTO(mp_http_freep) struct mp_http *http = mp_xcalloc(1, sizeof(*http));

	pthread_once(&once, init_once);
	http->target = target;
	http->multi = curl_multi_init();
	http->easy = curl_easy_init();
	if (!http->multi || !http->easy)
		return mp_error_set(err, MP_E_SYS, 0, "libcurl cannot be initialised");
	*http_out = MP_STEAL(http);
	return 0;
}

void mp_http_freep(struct mp_http **http)
{
	int saved_errno = errno;

	if (!*http)
		return;
	curl_easy_cleanup((*http)->easy);
	curl_multi_cleanup((*http)->multi);
	mp_freep(http);
	errno = saved_errno;
}

void mp_http_response_clear(struct mp_http_response *response)
{
	mp_buf_free(&response->body);
	response->status = 0;
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;

	(void)data;
	transfer->header_bytes += size * count;
	if (transfer->header_bytes <= MAX_HEADER_BYTES)
		return size * count;
	transfer->failed = true;
	mp_error_set(transfer->err, MP_E_ENGINE, 0, "the answer's header is larger than %zu bytes",
		     MAX_HEADER_BYTES);
	return CURL_WRITEFUNC_ERROR;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;
	const struct mp_http_request *request = transfer->request;
	struct mp_buf *body = &transfer->response->body;
	size_t len = size * count;
	long status = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (request->sink && status / 100 == 2) {
		if (request->sink(data, len, request->context, transfer->err) == 0)
			return len;
	} else if (len <= MP_HTTP_MAX_BYTES - body->len) {
		mp_buf_add(body, data, len);
		return len;
	} else {
		mp_error_set(transfer->err, MP_E_ENGINE, 0, "the answer is larger than %zu bytes",
			     MP_HTTP_MAX_BYTES);
	}
	transfer->failed = true;
	return CURL_WRITEFUNC_ERROR;
}

static bool is_readable(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, 0) > 0;
}

/* Never blocks: while a pipe is empty, an early answer and a signal must still be seen. */
static size_t on_upload(char *data, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;
	ssize_t got;

	if (transfer->refused)
		return 0;
	if (!is_readable(transfer->request->upload_fd)) {
		transfer->paused = true;
		return CURL_READFUNC_PAUSE;
	}
	do
		got = read(transfer->request->upload_fd, data, size * count);
	while (got < 0 && errno == EINTR);
	if (got >= 0)
		return (size_t)got;
	transfer->failed = true;
	mp_error_set(transfer->err, MP_E_SYS, errno, "read what is to be sent to the engine");
	return CURL_READFUNC_ABORT;
}

static int set_target(struct mp_http *http, struct mp_error *err)
{
	const struct mp_http_target *target = http->target;
	CURL *easy = http->easy;

	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, http->message);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, TRANSFER_BUFFER_BYTES);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, TRANSFER_BUFFER_BYTES);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "micropack/" MP_VERSION);
	if (target->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, target->ca_file);
	if (target->cert_file)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, target->cert_file);
	if (target->key_file)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, target->key_file);
	/* A libcurl without this would ask whatever listens on port 80 of this host. */
	if (target->socket_path &&
	    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, target->socket_path) != CURLE_OK)
		return mp_error_set(err, MP_E_ENGINE, 0,
				    "this libcurl cannot connect to a Unix socket");
	return 0;
}

static void set_method(CURL *easy, const struct mp_http_request *request)
{
	if (strcmp(request->method, "POST") == 0) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		if (!request->upload) {
			curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
					 request->body ? request->body : "");
			curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
					 (curl_off_t)request->body_len);
		}
	} else if (strcmp(request->method, "GET") != 0) {
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	}
}

static void free_headers(struct curl_slist **headers)
{
	curl_slist_free_all(*headers);
}

static void add_header(struct curl_slist **headers, const char *name, const char *value)
{
	MP_AUTO(mp_freep) char *line = mp_xasprintf("%s:%s%s", name, value ? " " : "", value ?: "");
	struct curl_slist *grown = curl_slist_append(*headers, line);

	if (grown)
		*headers = grown;
}

/* A header without a value is one that libcurl would send by itself and must not. */
static struct curl_slist *make_headers(const struct mp_http_request *request)
{
	struct curl_slist *headers = NULL;

	add_header(&headers, "Content-Type", request->content_type);
	add_header(&headers, "Expect", NULL);
	if (request->upload)
		add_header(&headers, "Transfer-Encoding", "chunked");
	if (request->registry_auth)
		add_header(&headers, "X-Registry-Auth", request->registry_auth);
	return headers;
}

static void set_callbacks(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	if (transfer->request->upload) {
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_upload);
		curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
	}
}

static int multi_failed(CURLMcode code, struct mp_error *err)
{
	return mp_error_set(err, MP_E_ENGINE, 0, "the request to the engine failed: %s",
			    curl_multi_strerror(code));
}

/* libcurl waits for the rest of an upload even when the answer was no and the connection is closed.
 */
static bool is_refused(const struct transfer *transfer)
{
	long status = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	return status >= 300;
}

/* Sleeps until there is something to do; a paused upload goes on once its descriptor has data. */
static int wait_for_activity(struct mp_http *http, struct transfer *transfer)
{
	struct curl_waitfd extra = { .fd = transfer->request->upload_fd,
				     .events = CURL_WAIT_POLLIN };
	int active = 0;
	CURLMcode code = curl_multi_poll(http->multi, &extra, transfer->paused ? 1 : 0,
					 WAIT_SLICE_MS, &active);

	if (code != CURLM_OK)
		return multi_failed(code, transfer->err);
	if (!transfer->paused)
		return 0;
	/* Not before all is quiet, so that the reason has been read. */
	transfer->refused = active == 0 && is_refused(transfer);
	/* What poll says of extra leaves out a pipe that was closed while it was empty. */
	if (transfer->refused || is_readable(transfer->request->upload_fd)) {
		transfer->paused = false;
		curl_easy_pause(http->easy, CURLPAUSE_CONT);
	}
	return 0;
}

/* Fails as mp_interrupt_check, but not before the request's time of grace is over. */
static int check_interrupt(struct transfer *transfer)
{
	if (transfer->request->grace_ms == 0 || !mp_interrupt_signal())
		return mp_interrupt_check(transfer->err);
	if (transfer->stop_ms == 0)
		transfer->stop_ms = mp_clock_ms() + transfer->request->grace_ms;
	return mp_clock_ms() < transfer->stop_ms ? 0 : mp_interrupt_check(transfer->err);
}

/* -1: err is set. 0: the transfer ended as *result_out says. */
static int run(struct mp_http *http, struct transfer *transfer, CURLcode *result_out)
{
	int running = 1, queued;
	CURLMsg *message;

	while (running) {
		CURLMcode code;

		if (check_interrupt(transfer))
			return -1;
		code = curl_multi_perform(http->multi, &running);
		if (code != CURLM_OK)
			return multi_failed(code, transfer->err);
		if (running && wait_for_activity(http, transfer))
			return -1;
	}
	message = curl_multi_info_read(http->multi, &queued);
	if (!message || message->msg != CURLMSG_DONE)
		return multi_failed(CURLM_INTERNAL_ERROR, transfer->err);
	*result_out = message->data.result;
	return 0;
}

static int connect_failed(struct mp_http *http, struct mp_error *err)
{
	const struct mp_http_target *target = http->target;
	long reason = 0;

	curl_easy_getinfo(http->easy, CURLINFO_OS_ERRNO, &reason);
	/* In the text only: a sys_errno of ENOENT would say that the engine has no such object. */
	mp_error_set(err, MP_E_ENGINE, 0, "cannot connect to the Docker engine at '%s': %s",
		     target->name, reason ? strerror((int)reason) : http->message);
	if (target->socket_path && (reason == EACCES || reason == EPERM))
		return mp_error_hint(err, "run with sudo, or join the group that owns the socket "
					  "(usually docker)");
	return mp_error_hint(err, "is the Docker engine running? Start it, or set DOCKER_HOST to "
				  "where it listens");
}

/* What @result means to a person. */
static int describe(struct mp_http *http, CURLcode result, const struct mp_http_request *request,
		    struct mp_error *err)
{
	const char *name = http->target->name;
	const char *reason = http->message[0] ? http->message : curl_easy_strerror(result);

	switch (result) {
	case CURLE_COULDNT_CONNECT:
		return connect_failed(http, err);
	case CURLE_COULDNT_RESOLVE_HOST:
		mp_error_set(err, MP_E_ENGINE, 0, "cannot connect to the Docker engine at '%s': %s",
			     name, reason);
		return mp_error_hint(err, "check DOCKER_HOST");
	case CURLE_OPERATION_TIMEDOUT:
		mp_error_set(err, MP_E_ENGINE, 0, "the Docker engine at '%s' does not answer: %s",
			     name, reason);
		return mp_error_hint(err, "is it one, and is it well?");
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_PEER_FAILED_VERIFICATION:
		mp_error_set(err, MP_E_ENGINE, 0, "no secure connection to the engine at '%s': %s",
			     name, reason);
		return mp_error_hint(err, "check DOCKER_TLS_VERIFY and DOCKER_CERT_PATH");
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_GOT_NOTHING:
		return mp_error_set(err, MP_E_ENGINE, 0,
				    "what listens at '%s' does not answer as a Docker engine: %s",
				    name, reason);
	default:
		return mp_error_set(err, MP_E_ENGINE, 0,
				    "the connection to the Docker engine at '%s' failed%s: %s",
				    name, request->upload ? " while sending" : "", reason);
	}
}

int mp_http_perform(struct mp_http *http, const struct mp_http_request *request,
		    struct mp_http_response *response, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *url = mp_xasprintf("%s%s", http->target->base_url, request->path);
	MP_AUTO(free_headers) struct curl_slist *headers = make_headers(request);
	struct transfer transfer = {
		.request = request, .response = response, .easy = http->easy, .err = err
	};
	CURLcode result = CURLE_OK;
	int rc;

	curl_easy_reset(http->easy);
	http->message[0] = '\0';
	if (set_target(http, err))
		return -1;
	curl_easy_setopt(http->easy, CURLOPT_URL, url);
	curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(http->easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	set_method(http->easy, request);
	set_callbacks(&transfer);

	curl_multi_add_handle(http->multi, http->easy);
	rc = run(http, &transfer, &result);
	curl_multi_remove_handle(http->multi, http->easy);
	curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &response->status);
	if (rc || transfer.failed)
		return -1;
	/* An engine that refuses an upload need not read it to the end: what it said counts. */
	if ((result == CURLE_SEND_ERROR || result == CURLE_RECV_ERROR) && request->upload &&
	    response->status >= 400)
		return 0;
	return result == CURLE_OK ? 0 : describe(http, result, request, err);
}
