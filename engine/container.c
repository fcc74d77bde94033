/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/internal.h"

#include "core/interrupt.h"
#include "core/log.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define ID_LEN 64

/* An answer that names a new container is worth waiting for after a signal: nothing else says what
 * there is to remove. */
#define CREATE_GRACE_MS 10000
/* An engine that hangs must not hang the cleanup, which no signal ends. */
#define REMOVE_TIMEOUT_MS 30000

/* "/containers/ID" + @suffix, for the caller to free; NULL where @id can be none. */
static char *container_path(const char *id, const char *suffix, struct mp_error *err)
{
	struct mp_buf path = { 0 };

	if (mp_container_check(id, err))
		return NULL;
	mp_buf_adds(&path, "/containers/");
	mp_url_escape(&path, id, "");
	mp_buf_adds(&path, suffix);
	return mp_buf_steal(&path);
}

/* A request without a body to /containers/ID@suffix. */
static int call_container(struct mp_engine *engine, const char *method, const char *id,
			  const char *suffix, struct mp_http_response *response,
			  struct mp_error *err)
{
	MP_AUTO(mp_freep) char *path = container_path(id, suffix, err);
	struct mp_http_request request = { .method = method, .path = path };

	return path ? mp_engine_call(engine, &request, response, err) : -1;
}

/* For messages: as many digits as docker prints. */
static int failed(const char *action, const char *id, struct mp_error *err)
{
	return mp_error_prefix(err, "%s container '%.12s'", action, id);
}

/* A 404 has more than one meaning where more than one object takes part. */
static int only_missing(const struct mp_http_response *response, const char *phrase,
			struct mp_error *err)
{
	if (err && err->sys_errno == ENOENT &&
	    !(response->body.data && strcasestr(response->body.data, phrase)))
		err->sys_errno = 0;
	return -1;
}

bool mp_container_is_id(const char *text)
{
	return strlen(text) == ID_LEN && strspn(text, "0123456789abcdef") == ID_LEN;
}

static int read_created(const struct mp_http_response *response, char **id_out,
			struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv warnings = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	const char *id = "";

	if (mp_engine_parse(response, &json, err))
		return -1;
	if (mp_json_get_string(json, "Id", &id, err) ||
	    mp_json_get_strv(json, "Warnings", &warnings, err))
		return mp_engine_bad_answer(err);
	if (!mp_container_is_id(id)) {
		mp_error_set(err, MP_E_ENGINE, 0, "'%s' is no container ID", id);
		return mp_engine_bad_answer(err);
	}
	for (size_t i = 0; i < warnings.n; i++)
		mp_warn("engine: %s", warnings.v[i]);
	*id_out = mp_xstrdup(id);
	return 0;
}

int mp_engine_container_create(struct mp_engine *engine, const struct mp_json *spec, char **id_out,
			       struct mp_error *err)
{
	MP_AUTO(mp_freep) char *body = mp_json_dump(spec);
	MP_AUTO(mp_http_response_clear) struct mp_http_response response = { 0 };
	struct mp_http_request request = { .method = "POST",
					   .path = "/containers/create",
					   .content_type = "application/json",
					   .body = body,
					   .body_len = strlen(body),
					   .grace_ms = CREATE_GRACE_MS };

	/* Later signals find the engine at work already. */
	if (mp_interrupt_check(err))
		return mp_error_prefix(err, "create container");
	if (mp_engine_call(engine, &request, &response, err)) {
		only_missing(&response, "no such image", err);
		return mp_error_prefix(err, "create container");
	}
	if (read_created(&response, id_out, err))
		return mp_error_prefix(err, "create container");
	return 0;
}

int mp_engine_container_start(struct mp_engine *engine, const char *id, struct mp_error *err)
{
	MP_AUTO(mp_http_response_clear) struct mp_http_response response = { 0 };

	if (call_container(engine, "POST", id, "/start", &response, err) == 0)
		return 0;
	/* An entrypoint that does not exist is answered with 404 by some versions. */
	only_missing(&response, "no such container", err);
	return failed("start", id, err);
}

int mp_engine_container_stop(struct mp_engine *engine, const char *id, unsigned int grace_s,
			     struct mp_error *err)
{
	MP_AUTO(mp_freep) char *suffix = mp_xasprintf("/stop?t=%u", grace_s);
	MP_AUTO(mp_http_response_clear) struct mp_http_response response = { 0 };

	if (call_container(engine, "POST", id, suffix, &response, err))
		return failed("stop", id, err);
	return 0;
}

int mp_engine_container_remove(struct mp_engine *engine, const char *id, struct mp_error *err)
{
	MP_AUTO(mp_http_response_clear) struct mp_http_response response = { 0 };
	struct mp_error own = { 0 };
	MP_AUTO(mp_freep) char *path = container_path(id, "?force=1&v=1", err);
	const struct mp_http_request request = { .method = "DELETE",
						 .path = path,
						 .timeout_ms = REMOVE_TIMEOUT_MS };

	if (!path)
		return failed("remove", id, err);
	if (mp_engine_call(engine, &request, &response, &own) == 0)
		return 0;
	if (own.sys_errno == ENOENT)
		return 0;
	if (response.status == 409 && response.body.data &&
	    strstr(response.body.data, "already in progress"))
		return 0;
	if (err)
		*err = own;
	return failed("remove", id, err);
}

void mp_engine_container_discard(struct mp_engine *engine, char **id)
{
	struct mp_error err = { 0 };

	if (!*id)
		return;
	mp_interrupt_hold();
	if (mp_engine_container_remove(engine, *id, &err))
		mp_warn("container %.12s is left behind: %s", *id, err.msg);
	mp_interrupt_release();
	mp_freep(id);
}

void mp_container_state_clear(struct mp_container_state *state)
{
	for (size_t i = 0; i < state->n_ports; i++)
		mp_freep(&state->ports[i].host_ip);
	mp_freep(&state->ports);
	mp_freep(&state->error);
	mp_freep(&state->ip_address);
	*state = (struct mp_container_state){ 0 };
}

/* All of @text as a port number; 0 where it is none. */
static unsigned int parse_port(const char *text, size_t len)
{
	unsigned int port = 0;

	if (len == 0 || len > 5)
		return 0;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return 0;
		port = port * 10 + (unsigned int)(text[i] - '0');
	}
	return port <= 65535 ? port : 0;
}

/* "80/tcp" */
static int read_port_key(const char *key, struct mp_port_binding *binding, struct mp_error *err)
{
	size_t len = strcspn(key, "/");
	const char *protocol = key[len] ? key + len + 1 : "tcp";

	binding->container_port = parse_port(key, len);
	if (binding->container_port == 0 || strlen(protocol) >= sizeof(binding->protocol))
		return mp_error_set(err, MP_E_FORMAT, 0, "Ports: '%s' is no port", key);
	strcpy(binding->protocol, protocol);
	return 0;
}

/*
 * One of the addresses that a container port is bound to becomes @binding's, unless that has a
 * better one: IPv4 is what "127.0.0.1" reaches.
 */
static int offer_address(struct mp_port_binding *binding, const struct mp_json *json,
			 struct mp_error *err)
{
	const char *ip = "", *port = "";
	unsigned int number;

	if (!mp_json_is_object(json))
		return mp_error_set(err, MP_E_FORMAT, 0, "Ports: a binding is not an object");
	if (mp_json_get_string(json, "HostIp", &ip, err) ||
	    mp_json_get_string(json, "HostPort", &port, err))
		return mp_error_prefix(err, "Ports");
	/* Asked for, but not bound while the container does not run. */
	if (!port[0] || strcmp(port, "0") == 0)
		return 0;
	number = parse_port(port, strlen(port));
	if (number == 0)
		return mp_error_set(err, MP_E_FORMAT, 0, "Ports: '%s' is no port", port);
	if (binding->host_port != 0 && (strchr(ip, ':') || !strchr(binding->host_ip, ':')))
		return 0;
	mp_freep(&binding->host_ip);
	binding->host_ip = mp_xstrdup(strcmp(ip, "0.0.0.0") == 0 ? "" : ip);
	binding->host_port = number;
	return 0;
}

static int read_binding(struct mp_container_state *state, size_t *cap, const char *key,
			const struct mp_json *addresses, struct mp_error *err)
{
	struct mp_port_binding binding = { 0 };
	int rc = read_port_key(key, &binding, err);

	for (size_t i = 0; rc == 0 && i < mp_json_len(addresses); i++)
		rc = offer_address(&binding, mp_json_at(addresses, i), err);
	if (rc || binding.host_port == 0) {
		mp_freep(&binding.host_ip);
		return rc;
	}
	state->ports = mp_array_grow(state->ports, state->n_ports, cap, sizeof(*state->ports));
	state->ports[state->n_ports++] = binding;
	return 0;
}

static int by_port(const void *a, const void *b)
{
	const struct mp_port_binding *x = a, *y = b;

	if (x->container_port != y->container_port)
		return x->container_port < y->container_port ? -1 : 1;
	return strcmp(x->protocol, y->protocol);
}

static int read_ports(struct mp_container_state *state, const struct mp_json *network,
		      struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv keys = { 0 };
	const struct mp_json *ports = NULL;
	size_t cap = 0;

	if (mp_json_get_object(network, "Ports", &ports, err))
		return -1;
	mp_json_keys(ports, &keys);
	for (size_t i = 0; i < keys.n; i++) {
		const struct mp_json *addresses = NULL;

		if (mp_json_get_array(ports, keys.v[i], &addresses, err) ||
		    read_binding(state, &cap, keys.v[i], addresses, err))
			return -1;
	}
	if (state->n_ports)
		qsort(state->ports, state->n_ports, sizeof(*state->ports), by_port);
	return 0;
}

static int read_address(struct mp_container_state *state, const struct mp_json *network,
			struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };
	const struct mp_json *networks = NULL;

	if (mp_json_get_object(network, "Networks", &networks, err))
		return -1;
	mp_json_keys(networks, &names);
	for (size_t i = 0; i < names.n && !state->ip_address; i++) {
		const struct mp_json *one = NULL;
		const char *ip = "";

		if (mp_json_get_object(networks, names.v[i], &one, err) ||
		    mp_json_get_string(one, "IPAddress", &ip, err))
			return mp_error_prefix(err, "Networks");
		if (ip[0])
			state->ip_address = mp_xstrdup(ip);
	}
	return 0;
}

static int read_health(struct mp_container_state *state, const struct mp_json *json,
		       struct mp_error *err)
{
	static const struct {
		const char *name;
		enum mp_health health;
	} known[] = {
		{ "", MP_HEALTH_NONE },
		{ "none", MP_HEALTH_NONE },
		{ "starting", MP_HEALTH_STARTING },
		{ "healthy", MP_HEALTH_HEALTHY },
		{ "unhealthy", MP_HEALTH_UNHEALTHY },
	};
	const struct mp_json *health = NULL;
	const char *status = "";

	if (mp_json_get_object(json, "Health", &health, err) ||
	    mp_json_get_string(health, "Status", &status, err))
		return -1;
	for (size_t i = 0; i < MP_ARRAY_LEN(known); i++) {
		if (strcmp(status, known[i].name) == 0) {
			state->health = known[i].health;
			return 0;
		}
	}
	return mp_error_set(err, MP_E_FORMAT, 0, "Health: '%s' is no known status", status);
}

static int read_state(struct mp_container_state *state, const struct mp_json *json,
		      struct mp_error *err)
{
	const char *error = "";
	int64_t exit_code = 0;

	if (mp_json_get_boolean(json, "Running", &state->running, err) ||
	    mp_json_get_boolean(json, "OOMKilled", &state->oom_killed, err) ||
	    mp_json_get_integer(json, "ExitCode", &exit_code, err) ||
	    mp_json_get_string(json, "Error", &error, err) || read_health(state, json, err))
		return mp_error_prefix(err, "State");
	if (exit_code < INT_MIN || exit_code > INT_MAX)
		return mp_error_set(err, MP_E_FORMAT, 0, "State: 'ExitCode' is out of range");
	state->exit_code = (int)exit_code;
	state->error = error[0] ? mp_xstrdup(error) : NULL;
	return 0;
}

int mp_container_state_read(const struct mp_json *json, struct mp_container_state *state_out,
			    struct mp_error *err)
{
	MP_AUTO(mp_container_state_clear) struct mp_container_state state = { 0 };
	const struct mp_json *state_json = NULL, *network = NULL;

	if (mp_json_get_object(json, "State", &state_json, err) ||
	    mp_json_get_object(json, "NetworkSettings", &network, err))
		return mp_engine_bad_answer(err);
	if (!state_json) {
		mp_error_set(err, MP_E_FORMAT, 0, "no 'State'");
		return mp_engine_bad_answer(err);
	}
	if (read_state(&state, state_json, err) || read_ports(&state, network, err) ||
	    read_address(&state, network, err))
		return mp_engine_bad_answer(err);
	*state_out = state;
	state = (struct mp_container_state){ 0 };
	return 0;
}

static int inspect(struct mp_engine *engine, const char *id, struct mp_json **json_out,
		   struct mp_error *err)
{
	MP_AUTO(mp_freep) char *path = container_path(id, "/json", err);
	struct mp_http_request request = { .method = "GET", .path = path };

	return path ? mp_engine_call_json(engine, &request, json_out, err) : -1;
}

int mp_engine_container_inspect(struct mp_engine *engine, const char *id,
				struct mp_container_state *state_out, struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;

	if (inspect(engine, id, &json, err) || mp_container_state_read(json, state_out, err))
		return failed("inspect", id, err);
	return 0;
}

/* With a terminal, the streams are one and there are no frames. */
static int has_terminal(struct mp_engine *engine, const char *id, bool *tty_out,
			struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	const struct mp_json *config = NULL;

	if (inspect(engine, id, &json, err))
		return -1;
	if (mp_json_get_object(json, "Config", &config, err) ||
	    mp_json_get_boolean(config, "Tty", tty_out, err))
		return mp_engine_bad_answer(err);
	return 0;
}

int mp_engine_container_logs(struct mp_engine *engine, const char *id, unsigned int tail,
			     mp_engine_output output, void *context, struct mp_error *err)
{
	MP_AUTO(mp_log_stream_clear)
	struct mp_log_stream stream = { .output = output, .context = context };
	MP_AUTO(mp_http_response_clear) struct mp_http_response response = { 0 };
	MP_AUTO(mp_freep) char *lines = tail ? mp_xasprintf("%u", tail) : mp_xstrdup("all");
	MP_AUTO(mp_freep)
	char *suffix = mp_xasprintf("/logs?stdout=1&stderr=1&follow=0&tail=%s", lines);
	MP_AUTO(mp_freep) char *path = container_path(id, suffix, err);
	struct mp_http_request request = {
		.method = "GET", .path = path, .sink = mp_log_stream_feed, .context = &stream
	};

	if (!path || has_terminal(engine, id, &stream.raw, err) ||
	    mp_engine_call(engine, &request, &response, err) || mp_log_stream_end(&stream, err))
		return failed("read the logs of", id, err);
	return 0;
}

int mp_engine_container_export(struct mp_engine *engine, const char *id, mp_engine_sink sink,
			       void *context, struct mp_error *err)
{
	MP_AUTO(mp_http_response_clear) struct mp_http_response response = { 0 };
	MP_AUTO(mp_freep) char *path = container_path(id, "/export", err);
	struct mp_http_request request = {
		.method = "GET", .path = path, .sink = sink, .context = context
	};

	if (!path || mp_engine_call(engine, &request, &response, err))
		return failed("export", id, err);
	return 0;
}
