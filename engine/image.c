/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/internal.h"

#include <errno.h>
#include <string.h>

/* A ':' or '@' may stand in a path; '%3A' is not the same to every engine's router. */
#define KEEP_IN_PATH "/:@"

static int add_layer_dirs(struct mp_strv *dirs, const struct mp_json *data, const char *key,
			  struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv pieces = { 0 };
	const char *text = NULL;

	if (mp_json_get_string(data, key, &text, err))
		return -1;
	if (!text || !text[0])
		return 0;
	mp_strv_split(&pieces, text, ":");
	for (size_t i = 0; i < pieces.n; i++) {
		if (pieces.v[i][0] != '/')
			return mp_error_set(err, MP_E_FORMAT, 0, "'%s' has '%s', no absolute path",
					    key, pieces.v[i]);
		mp_strv_push(dirs, pieces.v[i]);
	}
	return 0;
}

/* Only what overlay2 reports is known to be all of the image and in this order. */
static int read_layer_dirs(struct mp_strv *dirs, const struct mp_json *json, struct mp_error *err)
{
	const struct mp_json *driver = NULL, *data = NULL;
	const char *name = "";

	if (mp_json_get_object(json, "GraphDriver", &driver, err) ||
	    mp_json_get_string(driver, "Name", &name, err))
		return -1;
	if (strcmp(name, "overlay2") != 0)
		return 0;
	if (mp_json_get_object(driver, "Data", &data, err) ||
	    add_layer_dirs(dirs, data, "UpperDir", err) ||
	    add_layer_dirs(dirs, data, "LowerDir", err))
		return mp_error_prefix(err, "GraphDriver");
	return 0;
}

static int check_members(const struct mp_json *json, struct mp_error *err)
{
	const char *id = "";

	if (mp_json_get_string(json, "Id", &id, err))
		return -1;
	return id[0] ? 0 : mp_error_set(err, MP_E_FORMAT, 0, "no 'Id'");
}

int mp_image_read(const struct mp_json *json, const char *reference, struct mp_image **image_out,
		  struct mp_error *err)
{
	MP_AUTO(mp_image_freep) struct mp_image *image = NULL;

	if (check_members(json, err) || mp_image_from_json(json, reference, &image, err) ||
	    read_layer_dirs(&image->layer_dirs, json, err))
		return mp_engine_bad_answer(err);
	*image_out = MP_STEAL(image);
	return 0;
}

int mp_engine_image_inspect(struct mp_engine *engine, const char *reference,
			    struct mp_image **image_out, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf path = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	struct mp_http_request request = { .method = "GET" };

	if (mp_reference_check(reference, err))
		return -1;
	mp_buf_adds(&path, "/images/");
	mp_url_escape(&path, reference, KEEP_IN_PATH);
	mp_buf_adds(&path, "/json");
	request.path = path.data;
	if (mp_engine_call_json(engine, &request, &json, err) ||
	    mp_image_read(json, reference, image_out, err))
		return mp_error_prefix(err, "inspect image '%s'", reference);
	return 0;
}

int mp_engine_image_save(struct mp_engine *engine, const char *reference, mp_engine_sink sink,
			 void *context, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf path = { 0 };
	MP_AUTO(mp_http_response_clear) struct mp_http_response response = { 0 };
	struct mp_http_request request = { .method = "GET", .sink = sink, .context = context };

	if (mp_reference_check(reference, err))
		return -1;
	mp_buf_adds(&path, "/images/");
	mp_url_escape(&path, reference, KEEP_IN_PATH);
	mp_buf_adds(&path, "/get");
	request.path = path.data;
	if (mp_engine_call(engine, &request, &response, err))
		return mp_error_prefix(err, "save image '%s'", reference);
	return 0;
}

int mp_engine_image_remove(struct mp_engine *engine, const char *reference, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf path = { 0 };
	MP_AUTO(mp_http_response_clear) struct mp_http_response response = { 0 };
	struct mp_http_request request = { .method = "DELETE" };

	if (mp_reference_check(reference, err))
		return -1;
	mp_buf_adds(&path, "/images/");
	mp_url_escape(&path, reference, KEEP_IN_PATH);
	request.path = path.data;
	if (mp_engine_call(engine, &request, &response, err))
		return mp_error_prefix(err, "remove image '%s'", reference);
	return 0;
}

/* A request that is answered by messages. */
static int call_for_messages(struct mp_engine *engine, struct mp_http_request *request,
			     mp_engine_progress progress, void *context, struct mp_error *err)
{
	MP_AUTO(mp_messages_clear)
	struct mp_messages messages = { .progress = progress, .context = context };
	MP_AUTO(mp_http_response_clear) struct mp_http_response response = { 0 };

	request->method = "POST";
	request->sink = mp_messages_feed;
	request->context = &messages;
	if (mp_engine_call(engine, request, &response, err))
		return -1;
	return mp_messages_end(&messages, err);
}

/* Which of docker's ways to keep credentials micropack reads matters once a registry refuses. */
static int pull_failed(const char *reference, bool had_credentials, struct mp_error *err)
{
	mp_error_prefix(err, "pull image '%s'", reference);
	if (err && !had_credentials && err->code == MP_E_ENGINE &&
	    (strstr(err->msg, "denied") || strstr(err->msg, "unauthorized")))
		mp_error_hint(err, "no credentials for its registry in docker's config.json (those "
				   "in a credential helper are not read): pull it with docker");
	return -1;
}

int mp_engine_image_pull(struct mp_engine *engine, const char *reference,
			 mp_engine_progress progress, void *context, struct mp_error *err)
{
	MP_AUTO(mp_reference_clear) struct mp_reference parts = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf path = { 0 };
	MP_AUTO(mp_freep) char *auth = NULL;
	struct mp_http_request request = { 0 };

	if (mp_reference_check(reference, err))
		return -1;
	mp_reference_split(reference, &parts);
	auth = mp_credentials_load(parts.registry);
	mp_buf_adds(&path, "/images/create?fromImage=");
	mp_url_escape(&path, parts.name, "");
	mp_buf_adds(&path, "&tag=");
	mp_url_escape(&path, parts.tag, "");
	request.path = path.data;
	request.registry_auth = auth;
	if (call_for_messages(engine, &request, progress, context, err))
		return pull_failed(reference, auth != NULL, err);
	return 0;
}

int mp_engine_image_load(struct mp_engine *engine, int fd, struct mp_error *err)
{
	struct mp_http_request request = { .path = "/images/load?quiet=1",
					   .content_type = "application/x-tar",
					   .upload = true,
					   .upload_fd = fd };

	if (call_for_messages(engine, &request, NULL, NULL, err))
		return mp_error_prefix(err, "load image");
	return 0;
}

int mp_engine_image_build(struct mp_engine *engine, int fd, const char *tag, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf path = { 0 };
	struct mp_http_request request = { .content_type = "application/x-tar",
					   .upload = true,
					   .upload_fd = fd };

	if (mp_reference_check(tag, err))
		return -1;
	mp_buf_adds(&path, "/build?rm=1&forcerm=1&t=");
	mp_url_escape(&path, tag, "");
	request.path = path.data;
	if (call_for_messages(engine, &request, NULL, NULL, err))
		return mp_error_prefix(err, "build image '%s'", tag);
	return 0;
}
