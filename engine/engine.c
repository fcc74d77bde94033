/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/internal.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* An engine that systemd starts on the first connection takes its time. */
#define VERSION_TIMEOUT_MS 30000
/* Of an answer that is no JSON, as much as helps to see what it is. */
#define MAX_QUOTED_BYTES 200

void mp_engine_freep(struct mp_engine **engine)
{
	if (!*engine)
		return;
	mp_http_freep(&(*engine)->http);
	mp_http_target_clear(&(*engine)->target);
	mp_freep(&(*engine)->version);
	mp_freep(&(*engine)->api_version);
	mp_freep(&(*engine)->architecture);
	mp_freep(engine);
}

const char *mp_engine_host(const struct mp_engine *engine)
{
	return engine->target.name;
}

const char *mp_engine_address(const struct mp_engine *engine)
{
	return engine->target.address;
}

const char *mp_engine_version(const struct mp_engine *engine)
{
	return engine->version;
}

const char *mp_engine_api_version(const struct mp_engine *engine)
{
	return engine->api_version;
}

const char *mp_engine_architecture(const struct mp_engine *engine)
{
	return engine->architecture;
}

void mp_url_escape(struct mp_buf *buf, const char *text, const char *keep)
{
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x80 && (isalnum(c) || strchr("-._~", c) || strchr(keep, c)))
			mp_buf_addc(buf, *p);
		else
			mp_buf_addf(buf, "%%%02X", c);
	}
}

int mp_engine_bad_answer(struct mp_error *err)
{
	if (err)
		err->code = MP_E_ENGINE;
	return mp_error_prefix(err, "the engine's answer");
}

/* The "message" of an error's body, or NULL; owned by the caller. */
static char *refusal_message(const struct mp_http_response *response)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	const char *text = NULL;
	size_t len;

	if (response->body.len)
		json = mp_json_parse(response->body.data, response->body.len, "", NULL);
	if (!json || mp_json_get_string(json, "message", &text, NULL) || !text)
		return NULL;
	len = strlen(text);
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	return len ? mp_xstrndup(text, len) : NULL;
}

int mp_engine_refusal(const struct mp_http_response *response, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *message = refusal_message(response);
	const char *body = response->body.data ? response->body.data : "";

	if (!message)
		return mp_error_set(err, MP_E_ENGINE, 0, "the engine answered HTTP %ld%s%.*s",
				    response->status, body[0] ? ": " : "",
				    (int)strcspn(body, "\r\n") > MAX_QUOTED_BYTES
					    ? MAX_QUOTED_BYTES
					    : (int)strcspn(body, "\r\n"),
				    body);
	mp_error_set(err, MP_E_ENGINE, 0, "%s", message);
	/* "page not found" is about the request itself, which this engine does not know. */
	if (err && response->status == 404 && strcmp(message, "page not found") != 0)
		err->sys_errno = ENOENT;
	return -1;
}

int mp_engine_call(struct mp_engine *engine, const struct mp_http_request *request,
		   struct mp_http_response *response, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *path = mp_xasprintf("/v%s%s", engine->api_version, request->path);
	struct mp_http_request versioned = *request;

	versioned.path = path;
	if (mp_http_perform(engine->http, &versioned, response, err))
		return -1;
	if (response->status / 100 == 2 || response->status == 304)
		return 0;
	return mp_engine_refusal(response, err);
}

int mp_engine_parse(const struct mp_http_response *response, struct mp_json **json_out,
		    struct mp_error *err)
{
	MP_AUTO(mp_json_freep)
	struct mp_json *json = mp_json_parse(response->body.len ? response->body.data : "",
					     response->body.len, "JSON", err);

	if (!json)
		return mp_engine_bad_answer(err);
	if (!mp_json_is_object(json)) {
		mp_error_set(err, MP_E_ENGINE, 0, "not a JSON object");
		return mp_engine_bad_answer(err);
	}
	*json_out = MP_STEAL(json);
	return 0;
}

int mp_engine_call_json(struct mp_engine *engine, const struct mp_http_request *request,
			struct mp_json **json_out, struct mp_error *err)
{
	MP_AUTO(mp_http_response_clear) struct mp_http_response response = { 0 };

	if (mp_engine_call(engine, request, &response, err))
		return -1;
	return mp_engine_parse(&response, json_out, err);
}

/* It becomes part of every path. */
static bool is_api_version(const char *text)
{
	size_t major = strspn(text, "0123456789");
	size_t minor;

	if (major == 0 || major > 4 || text[major] != '.')
		return false;
	minor = strspn(text + major + 1, "0123456789");
	return minor > 0 && minor <= 4 && !text[major + 1 + minor];
}

int mp_engine_read_version(struct mp_engine *engine, const struct mp_json *json,
			   struct mp_error *err)
{
	const char *version = "unknown", *api_version = "", *architecture = "";

	if (mp_json_get_string(json, "Version", &version, err) ||
	    mp_json_get_string(json, "ApiVersion", &api_version, err) ||
	    mp_json_get_string(json, "Arch", &architecture, err))
		return mp_engine_bad_answer(err);
	if (!is_api_version(api_version))
		return mp_error_set(err, MP_E_ENGINE, 0,
				    "the engine's answer: '%s' is no API version", api_version);
	engine->version = mp_xstrdup(version);
	engine->api_version = mp_xstrdup(api_version);
	engine->architecture = mp_xstrdup(architecture);
	return 0;
}

/* Only here is a path without a version right: the answer tells which to use. */
static int negotiate(struct mp_engine *engine, struct mp_error *err)
{
	static const struct mp_http_request request = { .method = "GET",
							.path = "/version",
							.timeout_ms = VERSION_TIMEOUT_MS };
	MP_AUTO(mp_http_response_clear) struct mp_http_response response = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	int rc;

	if (mp_http_perform(engine->http, &request, &response, err))
		return -1;
	if (response.status != 200)
		rc = mp_engine_refusal(&response, err);
	else if ((rc = mp_engine_parse(&response, &json, err)) == 0)
		rc = mp_engine_read_version(engine, json, err);
	if (rc == 0)
		return 0;
	if (err)
		err->sys_errno = 0;
	return mp_error_prefix(err, "what listens at '%s' does not answer as a Docker engine",
			       engine->target.name);
}

int mp_engine_connect(struct mp_engine **engine_out, struct mp_error *err)
{
	MP_AUTO(mp_engine_freep) struct mp_engine *engine = mp_xcalloc(1, sizeof(*engine));

	if (mp_http_target_from_env(&engine->target, err) ||
	    mp_http_new(&engine->target, &engine->http, err) || negotiate(engine, err))
		return -1;
	*engine_out = MP_STEAL(engine);
	return 0;
}

int mp_engine_maps_owners(struct mp_engine *engine, bool *maps_out, struct mp_error *err)
{
	const struct mp_http_request request = { .method = "GET", .path = "/info" };
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	MP_AUTO(mp_strv_free) struct mp_strv options = { 0 };
	bool maps = false;

	if (mp_engine_call_json(engine, &request, &json, err))
		return mp_error_prefix(err, "ask the engine about itself");
	if (mp_json_get_strv(json, "SecurityOptions", &options, err))
		return mp_engine_bad_answer(err);
	/* "name=userns" and the like; before API 1.24 without "name=". */
	for (size_t i = 0; i < options.n; i++) {
		if (strstr(options.v[i], "userns") || strstr(options.v[i], "rootless"))
			maps = true;
	}
	*maps_out = maps;
	return 0;
}
