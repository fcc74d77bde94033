/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/images.h"

#include "core/clock.h"
#include "core/epoch.h"
#include "core/file.h"
#include "core/log.h"
#include "core/thread.h"
#include "dockerfile-gen/dockerfile.h"
#include "packer/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_INTERVAL_MS 100
#define CONFIG_MAX_BYTES ((size_t)64 << 20)

/* Getting one */

struct progress {
	int64_t next_ms;
	bool shown;
};

/* One line that is written over, on a terminal only. */
static void show_progress(const char *line, void *context)
{
	struct progress *progress = context;
	int64_t now_ms = mp_clock_ms();

	if (!isatty(STDERR_FILENO) || now_ms < progress->next_ms)
		return;
	progress->next_ms = now_ms + PROGRESS_INTERVAL_MS;
	progress->shown = true;
	fprintf(stderr, "\r\033[K%.78s", line);
}

int mp_image_get(struct mp_engine *engine, const char *reference, struct mp_image **image_out,
		 struct mp_error *err)
{
	struct progress progress = { 0 };
	int rc;

	if (mp_engine_image_inspect(engine, reference, image_out, err) == 0)
		return 0;
	if (err->sys_errno != ENOENT)
		return -1;
	mp_info("image '%s' is not in the engine, pulling it", reference);
	rc = mp_engine_image_pull(engine, reference, show_progress, &progress, err);
	if (progress.shown)
		fputs("\r\033[K", stderr);
	if (rc)
		return mp_error_prefix(err, "image '%s' is not in the engine", reference);
	return mp_engine_image_inspect(engine, reference, image_out, err);
}

int mp_image_check_runs(struct mp_engine *engine, const struct mp_image *image,
			struct mp_error *err)
{
	const char *host = mp_engine_architecture(engine);

	if (image->os[0] && strcmp(image->os, "linux") != 0)
		return mp_error_set(err, MP_E_ENGINE, 0,
				    "image '%s' is for %s; only Linux images can be packed",
				    image->reference, image->os);
	/* A 64-bit x86 or ARM kernel runs the 32-bit images of its family. */
	if (!image->architecture[0] || strcmp(image->architecture, host) == 0 ||
	    (strcmp(host, "amd64") == 0 && strcmp(image->architecture, "386") == 0) ||
	    (strcmp(host, "arm64") == 0 && strcmp(image->architecture, "arm") == 0))
		return 0;
	return mp_error_set(err, MP_E_ENGINE, 0,
			    "image '%s' is for %s and the engine's host is %s; trace it on a host "
			    "of its architecture",
			    image->reference, image->architecture, host);
}

/* Reading one */

struct exported {
	struct mp_engine *engine;
	char *id;
};

static void exported_cleanup(struct exported *exported)
{
	mp_engine_container_discard(exported->engine, &exported->id);
}

static int feed_stream(const void *data, size_t len, void *context, struct mp_error *err)
{
	return mp_rootfs_stream_feed(context, data, len, err);
}

/* The container is never started, so its file system is the image's. */
static int open_export(struct mp_engine *engine, const struct mp_image *image,
		       struct mp_rootfs **root_out, struct mp_error *err)
{
	MP_AUTO(exported_cleanup) struct exported exported = { engine, NULL };
	MP_AUTO(mp_rootfs_stream_freep) struct mp_rootfs_stream *stream = NULL;
	MP_AUTO(mp_json_freep) struct mp_json *body = mp_json_object();
	struct mp_json *command = mp_json_array();

	mp_json_set_string(body, "Image", image->id);
	/* The engine wants a command, also for an image that has none, and makes a working
	 * directory that is not there. */
	mp_json_push_take(command, mp_json_string("/never-started"));
	mp_json_set_take(body, "Cmd", command);
	mp_json_set_string(body, "WorkingDir", "/");
	if (mp_engine_container_create(engine, body, &exported.id, err) ||
	    mp_rootfs_stream_new(&stream, err))
		return -1;
	mp_rootfs_stream_of_engine(stream, &image->config.volumes);
	if (mp_engine_container_export(engine, exported.id, feed_stream, stream, err))
		return -1;
	return mp_rootfs_stream_finish(stream, root_out, err);
}

static int write_temporary(const void *data, size_t len, void *context, struct mp_error *err)
{
	if (mp_fd_write_all(*(int *)context, data, len, "a temporary file", err) == 0)
		return 0;
	return err->code == MP_E_SYS ? mp_store_failed(err->sys_errno, "write to", err) : -1;
}

/* The archive that the engine saves has what no export tells: all attributes, fractions of seconds,
 * and nothing of an engine's. */
static int open_saved(struct mp_engine *engine, const struct mp_image *image,
		      struct mp_rootfs **root_out, struct mp_error *err)
{
	MP_AUTO(mp_image_freep) struct mp_image *saved = NULL;
	MP_AUTO(mp_closep) int fd = -1;

	if (mp_store_open(&fd, err) ||
	    mp_engine_image_save(engine, image->id, write_temporary, &fd, err))
		return -1;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read a temporary file");
	return mp_image_archive_open_saved_take(MP_STEAL_FD(fd), image->reference, &saved, root_out,
						err);
}

/* Whether the image's layer directories, if this host has them, hold it as its containers see it.
 */
static int has_plain_layers(struct mp_engine *engine, const struct mp_image *image, bool *plain_out,
			    struct mp_error *err)
{
	bool maps_owners;

	if (image->layer_dirs.n == 0 || strncmp(mp_engine_host(engine), "unix://", 7) != 0) {
		*plain_out = false;
		return 0;
	}
	if (mp_engine_maps_owners(engine, &maps_owners, err))
		return -1;
	*plain_out = !maps_owners;
	return 0;
}

int mp_image_open_rootfs(struct mp_engine *engine, const struct mp_image *image,
			 enum mp_source source, struct mp_rootfs **root_out, struct mp_error *err)
{
	struct mp_error overlay_err = { 0 };
	bool plain_layers;

	if (source == MP_SOURCE_OVERLAY && image->layer_dirs.n == 0)
		return mp_error_set(err, MP_E_ENGINE, 0,
				    "the engine does not keep image '%s' in overlay layers; "
				    "--source save reads it anyway",
				    image->reference);
	if (source == MP_SOURCE_OVERLAY)
		return mp_rootfs_open_overlay(&image->layer_dirs, root_out, err);
	if (has_plain_layers(engine, image, &plain_layers, err))
		return -1;
	if (source == MP_SOURCE_AUTO && plain_layers) {
		if (mp_rootfs_open_overlay(&image->layer_dirs, root_out, &overlay_err) == 0)
			return 0;
		mp_info("reading the image as the engine saves it: %s", overlay_err.msg);
	}
	if (source == MP_SOURCE_EXPORT ? open_export(engine, image, root_out, err)
				       : open_saved(engine, image, root_out, err))
		return mp_error_prefix(err, "%s image '%s'",
				       source == MP_SOURCE_EXPORT ? "export" : "save",
				       image->reference);
	return 0;
}

/* Whatever is named */

int mp_image_read_config(const char *path, struct mp_image **image_out, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;

	if (mp_file_read_named(path, CONFIG_MAX_BYTES, &text, err))
		return mp_error_prefix(err, "--config");
	json = mp_json_parse(text.data ? text.data : "", text.len, path, err);
	if (!json)
		return -1;
	if (mp_image_from_json(json, path, image_out, err))
		return mp_error_prefix(err, "'%s'", path);
	return 0;
}

static int open_directory(const struct mp_options *options, struct mp_origin *origin,
			  struct mp_error *err)
{
	if (options->config && mp_image_read_config(options->config, &origin->image, err))
		return -1;
	if (mp_rootfs_open_directory(options->root, &origin->root, err) == 0)
		return 0;
	err->code = MP_E_USAGE;
	return mp_error_prefix(err, "--root");
}

int mp_origin_check(const struct mp_options *options, struct mp_error *err)
{
	if (!options->image == !options->root)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "one of --image IMAGE and --root DIR is needed; see 'micropack "
				    "%s --help'",
				    mp_command_word(options->command));
	if (options->config && !options->root)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "--config is for --root: an image has a configuration");
	if (options->source != MP_SOURCE_AUTO &&
	    (options->root || mp_image_archive_is(options->image)))
		return mp_error_set(err, MP_E_USAGE, 0,
				    "--source says how the image of an engine is read, and '%s' is "
				    "none",
				    options->root ? options->root : options->image);
	return 0;
}

int mp_origin_open(const struct mp_options *options, struct mp_origin *origin, struct mp_error *err)
{
	if (options->root)
		return open_directory(options, origin, err);
	if (mp_image_archive_is(options->image))
		return mp_image_archive_open(options->image, &origin->image, &origin->root, err);
	if (mp_engine_connect(&origin->engine, err) ||
	    mp_image_get(origin->engine, options->image, &origin->image, err))
		return -1;
	return mp_image_open_rootfs(origin->engine, origin->image, options->source, &origin->root,
				    err);
}

const struct mp_image_config *mp_origin_config(const struct mp_origin *origin)
{
	return origin->image ? &origin->image->config : NULL;
}

void mp_origin_clear(struct mp_origin *origin)
{
	mp_rootfs_freep(&origin->root);
	mp_image_freep(&origin->image);
	mp_engine_freep(&origin->engine);
}

/* Making one */

int mp_image_packed_json(const struct mp_image *image, const struct mp_layer *layer,
			 struct mp_json **image_json_out, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *epoch = NULL;
	int64_t seconds;
	int rc = mp_epoch_read(&seconds, err);

	if (rc < 0)
		return -1;
	if (rc > 0)
		epoch = mp_epoch_text(seconds);
	*image_json_out = mp_image_json_generate(
		image->config_json, image->architecture, image->variant, image->os,
		epoch ? epoch : image->created, layer->diff_sha256);
	return 0;
}

/* The writing end of an upload: a thread, since the engine's client reads from the other end. */
struct upload {
	const struct mp_archive_member *members;
	size_t n_members;
	/* Or, where there are none, the archive of an image: */
	const struct mp_layer *layer;
	const struct mp_json *image_json;
	const char *tag;
	struct mp_image_digests digests;
	int ends[2];
	pthread_t thread;
	int rc;
	struct mp_error err;
};

static void *write_upload(void *context)
{
	struct upload *upload = context;
	int fd = upload->ends[1];

	if (upload->members)
		upload->rc = mp_archive_write_members(upload->members, upload->n_members, fd,
						      "the build context", &upload->err);
	else
		upload->rc =
			mp_image_write_docker(upload->layer, upload->image_json, upload->tag, fd,
					      "the image archive", &upload->digests, &upload->err);
	close(fd);
	return NULL;
}

static int upload_start(struct upload *upload, struct mp_error *err)
{
	int rc;

	if (pipe2(upload->ends, O_CLOEXEC) < 0)
		return mp_error_set(err, MP_E_SYS, errno, "create a pipe");
	rc = mp_thread_start(&upload->thread, write_upload, upload);
	if (!rc)
		return 0;
	close(upload->ends[0]);
	close(upload->ends[1]);
	return mp_error_set(err, MP_E_SYS, rc, "start a thread");
}

/* @rc: what the engine said. Its reason counts, unless there was one not to give it all. */
static int upload_end(struct upload *upload, int rc, struct mp_error *err)
{
	/* Where the engine failed, the writer sees it by a broken pipe. */
	close(upload->ends[0]);
	pthread_join(upload->thread, NULL);
	if (!upload->rc || upload->err.sys_errno == EPIPE)
		return rc;
	*err = upload->err;
	return -1;
}

int mp_image_load_packed(struct mp_engine *engine, const struct mp_json *image_json,
			 const struct mp_layer *layer, const char *tag,
			 struct mp_image_digests *digests_out, struct mp_error *err)
{
	struct upload upload = { .layer = layer, .image_json = image_json, .tag = tag };

	if (upload_start(&upload, err) ||
	    upload_end(&upload, mp_engine_image_load(engine, upload.ends[0], err), err))
		return mp_error_prefix(err, "load image '%s'", tag);
	*digests_out = upload.digests;
	return 0;
}

int mp_image_build_packed(struct mp_engine *engine, const char *dockerfile,
			  const struct mp_layer *layer, const char *tag, struct mp_error *err)
{
	const struct mp_archive_member members[] = {
		{ "Dockerfile", dockerfile, -1, strlen(dockerfile) },
		{ "rootfs.tar", NULL, layer->fd, layer->size_bytes },
	};
	struct upload upload = { .members = members, .n_members = MP_ARRAY_LEN(members) };

	if (upload_start(&upload, err))
		return mp_error_prefix(err, "build image '%s'", tag);
	return upload_end(&upload, mp_engine_image_build(engine, upload.ends[0], tag, err), err);
}

/* Naming one */

/* Where the tag of a reference begins (its ':'), or NULL: a port in the registry's name is none. */
static const char *tag_of(const char *reference)
{
	const char *colon = strrchr(reference, ':');

	return colon && !strchr(colon, '/') ? colon : NULL;
}

/* Docker's reference grammar (distribution/reference), but for the details of a registry's name. */
static bool is_reference(const char *text)
{
	static const char name_characters[] = "abcdefghijklmnopqrstuvwxyz0123456789._-/";
	static const char tag_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					     "0123456789._-";
	const char *tag = tag_of(text);
	size_t name_len = tag ? (size_t)(tag - text) : strlen(text);
	const char *path = strchr(text, '/');
	size_t host_len = 0;

	/* A first component with a dot or a port is a registry; its name may have capitals. */
	if (path && path < text + name_len && strcspn(text, ".:") < (size_t)(path - text))
		host_len = (size_t)(path - text) + 1;
	if (name_len == 0 || name_len > 255 || strchr("/.-_", text[name_len - 1]) ||
	    strchr("/.-_", text[0]) || strstr(text, "//"))
		return false;
	if (host_len + strspn(text + host_len, name_characters) < name_len)
		return false;
	return !tag || (tag[1] && !strchr(".-", tag[1]) && strlen(tag + 1) <= 128 &&
			strspn(tag + 1, tag_characters) == strlen(tag + 1));
}

/* Whether the engine knows the image by a digest alone. */
static bool is_image_id(const char *reference)
{
	size_t len = strlen(reference);

	return strncmp(reference, "sha256:", 7) == 0 ||
	       (len >= 12 && len <= 64 && strspn(reference, "0123456789abcdef") == len);
}

static char *default_tag(const char *reference)
{
	const char *digest = strchr(reference, '@');
	MP_AUTO(mp_freep) char *name = NULL;
	const char *tag;

	if (is_image_id(reference))
		return mp_xasprintf("micropack-%.12s:micro",
				    strncmp(reference, "sha256:", 7) ? reference : reference + 7);
	name = digest ? mp_xstrndup(reference, (size_t)(digest - reference))
		      : mp_xstrdup(reference);
	tag = tag_of(name);
	return mp_xasprintf("%.*s:%s-micro", tag ? (int)(tag - name) : (int)strlen(name), name,
			    tag ? tag + 1 : "latest");
}

int mp_image_packed_tag(const char *reference, const char *requested, char **tag_out,
			struct mp_error *err)
{
	MP_AUTO(mp_freep) char *tag = requested ? mp_xstrdup(requested) : default_tag(reference);

	if (!is_reference(tag))
		return mp_error_set(err, MP_E_USAGE, 0,
				    "'%s' is no name for an image; --tag NAME:TAG sets one, in "
				    "lower case",
				    tag);
	*tag_out = tag_of(tag) ? MP_STEAL(tag) : mp_xasprintf("%s:latest", tag);
	return 0;
}
