/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/*
 * Containers that others have made. What an engine remembers of those that are gone is its events:
 * Docker keeps the last 256 of all containers.
 */

/* How far back events are asked for: those of a container that is gone are of this moment. */
#define MEMORY_S 3600
#define MAX_EVENT_BYTES ((size_t)1 << 20)

void mp_container_clear(struct mp_container *container)
{
	mp_freep(&container->id);
	mp_freep(&container->name);
	mp_freep(&container->image);
	mp_freep(&container->image_id);
	mp_freep(&container->status);
	mp_freep(&container->started);
	*container = (struct mp_container){ 0 };
}

static int read_running(struct mp_container *container, const struct mp_json *state,
			struct mp_error *err)
{
	bool restarting = false;
	int64_t pid = 0;

	if (mp_json_copy_string(state, "Status", &container->status, err) ||
	    mp_json_copy_string(state, "StartedAt", &container->started, err) ||
	    mp_json_get_boolean(state, "Running", &container->running, err) ||
	    mp_json_get_boolean(state, "Restarting", &restarting, err) ||
	    mp_json_get_integer(state, "Pid", &pid, err))
		return mp_error_prefix(err, "State");
	if (pid < 0 || pid > INT32_MAX)
		return mp_error_set(err, MP_E_FORMAT, 0, "State: 'Pid' is out of range");
	container->running = container->running || restarting;
	container->pid = (pid_t)pid;
	return 0;
}

static int read_container(struct mp_container *container, const struct mp_json *json,
			  struct mp_error *err)
{
	const struct mp_json *state = NULL, *config = NULL;
	const char *name = "";

	if (mp_json_copy_string(json, "Id", &container->id, err) ||
	    mp_json_get_string(json, "Name", &name, err) ||
	    mp_json_copy_string(json, "Image", &container->image_id, err) ||
	    mp_json_get_object(json, "Config", &config, err) ||
	    mp_json_copy_string(config, "Image", &container->image, err) ||
	    mp_json_get_object(json, "State", &state, err) || read_running(container, state, err))
		return -1;
	if (!container->id || !mp_container_is_id(container->id))
		return mp_error_set(err, MP_E_FORMAT, 0, "'Id' is no container ID");
	if (!state || !container->image_id)
		return mp_error_set(err, MP_E_FORMAT, 0, "no '%s'", state ? "Image" : "State");
	container->name = mp_xstrdup(name[0] == '/' ? name + 1 : name);
	if (!container->image)
		container->image = mp_xstrdup(container->image_id);
	if (!container->status)
		container->status = mp_xstrdup(container->running ? "running" : "exited");
	if (!container->started)
		container->started = mp_xstrdup("");
	return 0;
}

int mp_container_read(const struct mp_json *json, struct mp_container *container_out,
		      struct mp_error *err)
{
	MP_AUTO(mp_container_clear) struct mp_container container = { 0 };

	if (read_container(&container, json, err))
		return mp_engine_bad_answer(err);
	*container_out = container;
	container = (struct mp_container){ 0 };
	return 0;
}

int mp_engine_container_find(struct mp_engine *engine, const char *name,
			     struct mp_container *container_out, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf path = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	struct mp_http_request request = { .method = "GET" };

	if (mp_container_check(name, err))
		return -1;
	mp_buf_adds(&path, "/containers/");
	mp_url_escape(&path, name, "");
	mp_buf_adds(&path, "/json");
	request.path = path.data;
	if (mp_engine_call_json(engine, &request, &json, err) ||
	    mp_container_read(json, container_out, err))
		return mp_error_prefix(err, "find container '%s'", name);
	return 0;
}

/* The list of containers; @filter: JSON, or NULL for those that run. The caller frees the object,
 * whose member "list" it is. */
static int list_containers(struct mp_engine *engine, const char *filter, struct mp_json **json_out,
			   const struct mp_json **list_out, struct mp_error *err)
{
	MP_AUTO(mp_http_response_clear) struct mp_http_response response = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	MP_AUTO(mp_freep) char *object = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf path = { 0 };
	struct mp_http_request request = { .method = "GET" };
	const struct mp_json *list = NULL;

	mp_buf_adds(&path, "/containers/json");
	if (filter) {
		mp_buf_adds(&path, "?all=1&filters=");
		mp_url_escape(&path, filter, "");
	}
	request.path = path.data;
	if (mp_engine_call(engine, &request, &response, err))
		return -1;
	object = mp_xasprintf("{\"list\":%s}", response.body.data ? response.body.data : "");
	json = mp_json_parse(object, strlen(object), "JSON", err);
	if (!json || mp_json_get_array(json, "list", &list, err))
		return mp_engine_bad_answer(err);
	*json_out = MP_STEAL(json);
	*list_out = list;
	return 0;
}

/* Podman leaves "sha256:" out here. */
static bool same_image_id(const char *a, const char *b)
{
	static const char prefix[] = "sha256:";
	size_t len = strlen(prefix);

	return strcmp(strncmp(a, prefix, len) == 0 ? a + len : a,
		      strncmp(b, prefix, len) == 0 ? b + len : b) == 0;
}

int mp_engine_containers_of_image(struct mp_engine *engine, const char *image_id,
				  struct mp_strv *ids, struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	MP_AUTO(mp_strv_free) struct mp_strv found = { 0 };
	const struct mp_json *list = NULL;

	if (list_containers(engine, NULL, &json, &list, err))
		return mp_error_prefix(err, "list the containers that run");
	for (size_t i = 0; i < mp_json_len(list); i++) {
		const char *id = "", *of_image = "";

		if (mp_json_get_string(mp_json_at(list, i), "Id", &id, err) ||
		    mp_json_get_string(mp_json_at(list, i), "ImageID", &of_image, err))
			return mp_engine_bad_answer(err);
		if (mp_container_is_id(id) && same_image_id(of_image, image_id))
			mp_strv_push(&found, id);
	}
	mp_strv_copy(ids, &found);
	return 0;
}

/* The image of a container that the engine has. Not by inspecting it: Docker answers that only when
 * the container has been started whole, and what asks may be what its programs wait for. */
static int image_of_present(struct mp_engine *engine, const char *id, char **image_id_out,
			    struct mp_error *err)
{
	MP_AUTO(mp_freep) char *filter = mp_xasprintf("{\"id\":[\"%s\"]}", id);
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	const struct mp_json *list = NULL;
	const char *image_id = NULL;

	if (list_containers(engine, filter, &json, &list, err))
		return -1;
	if (mp_json_get_string(mp_json_at(list, 0), "ImageID", &image_id, err))
		return mp_engine_bad_answer(err);
	if (image_id && image_id[0])
		*image_id_out = strchr(image_id, ':') ? mp_xstrdup(image_id)
						      : mp_xasprintf("sha256:%s", image_id);
	return 0;
}

/* What an engine remembers. Events are JSON objects, one to a line. */
struct memory {
	const char *id; /* of the container that is looked for */
	bool found;
	char *image;     /* the name of its image */
	size_t n_events; /* of all objects */
	struct mp_buf line;
};

static void memory_clear(struct memory *memory)
{
	mp_buf_free(&memory->line);
	mp_freep(&memory->image);
}

static void take_event(struct memory *memory)
{
	struct mp_buf *line = &memory->line;
	MP_AUTO(mp_json_freep)
	struct mp_json *event = mp_json_parse(line->data, line->len, "event", NULL);
	const struct mp_json *actor = mp_json_get(event, "Actor");
	const char *id = mp_json_text(mp_json_get(actor, "ID"));
	const char *image = mp_json_text(mp_json_get(mp_json_get(actor, "Attributes"), "image"));

	mp_buf_clear(line);
	memory->n_events += mp_json_is_object(event);
	if (!id || strcmp(id, memory->id) != 0)
		return;
	memory->found = true;
	if (image && image[0] && !memory->image)
		memory->image = mp_xstrdup(image);
}

static int feed_events(const void *data, size_t len, void *context, struct mp_error *err)
{
	struct memory *memory = context;

	for (const char *p = data, *end = p + len; p < end; p++) {
		if (*p != '\n') {
			mp_buf_addc(&memory->line, *p);
			if (memory->line.len <= MAX_EVENT_BYTES)
				continue;
			mp_error_set(err, MP_E_ENGINE, 0, "an event of more than %zu bytes",
				     MAX_EVENT_BYTES);
			return mp_engine_bad_answer(err);
		}
		if (memory->line.len > 0)
			take_event(memory);
	}
	return 0;
}

static int remember(struct mp_engine *engine, struct memory *memory, struct mp_error *err)
{
	MP_AUTO(mp_http_response_clear) struct mp_http_response response = { 0 };
	MP_AUTO(mp_freep) char *path = NULL;
	struct mp_http_request request = { .method = "GET",
					   .sink = feed_events,
					   .context = memory };
	struct timespec now;

	/* Without an end, the engine would go on with what happens next. */
	clock_gettime(CLOCK_REALTIME, &now);
	path = mp_xasprintf("/events?since=%lld&until=%lld.%09ld", (long long)now.tv_sec - MEMORY_S,
			    (long long)now.tv_sec, now.tv_nsec);
	request.path = path;
	if (mp_engine_call(engine, &request, &response, err))
		return -1;
	if (memory->line.len > 0)
		take_event(memory);
	return 0;
}

/*
 * The image of a container that the engine does not have. Where it remembers anything at all, it
 * would remember one that was there a moment ago: else it is another engine's.
 */
static int image_of_gone(struct mp_engine *engine, const char *id, char **image_id_out,
			 struct mp_error *err)
{
	MP_AUTO(memory_clear) struct memory memory = { .id = id };
	MP_AUTO(mp_image_freep) struct mp_image *image = NULL;

	if (remember(engine, &memory, err))
		return -1;
	if (!memory.found && memory.n_events > 0)
		return 0;
	if (!memory.image)
		return mp_error_set(err, MP_E_ENGINE, 0,
				    "the engine does not have it any more, and does not remember "
				    "it");
	if (mp_engine_image_inspect(engine, memory.image, &image, err))
		return -1;
	*image_id_out = mp_xstrdup(image->id);
	return 1;
}

int mp_engine_container_image(struct mp_engine *engine, const char *id, char **image_id_out,
			      struct mp_error *err)
{
	MP_AUTO(mp_freep) char *image_id = NULL;
	int rc;

	if (mp_container_check(id, err))
		return -1;
	rc = image_of_present(engine, id, &image_id, err);
	if (rc == 0)
		rc = image_id ? 1 : image_of_gone(engine, id, &image_id, err);
	if (rc < 0)
		return mp_error_prefix(err, "find the image of container '%.12s'", id);
	if (rc > 0)
		*image_id_out = MP_STEAL(image_id);
	return rc;
}
