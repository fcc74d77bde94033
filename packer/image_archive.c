/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/image_archive.h"

#include "core/sha256.h"
#include "packer/image_layers.h"
#include "packer/oci.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Indexes in indexes; real ones have one more than "index.json". */
#define INDEX_DEPTH_MAX 8

enum kind { KIND_DOCKER_ARCHIVE, KIND_OCI_ARCHIVE, KIND_OCI_LAYOUT, KINDS };

static const char *const kind_prefixes[KINDS] = { "docker-archive:", "oci-archive:", "oci:" };

/* The kind of what @reference names; KINDS: none of them. */
static enum kind kind_of(const char *reference)
{
	enum kind kind = 0;

	while (kind < KINDS &&
	       strncmp(reference, kind_prefixes[kind], strlen(kind_prefixes[kind])) != 0)
		kind++;
	return kind;
}

bool mp_image_archive_is(const char *reference)
{
	return kind_of(reference) != KINDS;
}

/* Documents */

/* The text of the file at @path: 1, 0 where there is none, -1. *text is cleared by the caller. */
static int read_text(const struct mp_blobs *blobs, const char *path, struct mp_buf *text,
		     struct mp_error *err)
{
	MP_AUTO(mp_contents_close) struct mp_contents contents = MP_CONTENTS_CLOSED;
	int rc = mp_blobs_find(blobs, path, &contents, err);

	if (rc <= 0)
		return rc;
	return mp_contents_read_all(&contents, path, MP_OCI_JSON_MAX, text, err) ? -1 : 1;
}

static int parse_text(const struct mp_buf *text, const char *path, struct mp_json **json_out,
		      struct mp_error *err)
{
	*json_out = mp_json_parse(text->data ? text->data : "", text->len, path, err);
	return *json_out ? 0 : -1;
}

/* The document at @path, which has to be there. @hint: what to do where it is not. */
static int read_document(const struct mp_blobs *blobs, const char *path, const char *hint,
			 struct mp_json **json_out, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	int rc = read_text(blobs, path, &text, err);

	if (rc < 0)
		return -1;
	if (rc == 0) {
		mp_error_set(err, MP_E_USAGE, 0, "no '%.300s' is in it", path);
		return hint ? mp_error_hint(err, "%s", hint) : -1;
	}
	return parse_text(&text, path, json_out, err);
}

/* Where a layout has the blob of @digest, which was checked. Owned by the caller. */
static char *blob_path(const char *digest)
{
	return mp_xasprintf("blobs/sha256/%s", digest + strlen("sha256:"));
}

static int check_blob(const struct mp_oci_descriptor *descriptor, const struct mp_buf *text,
		      struct mp_error *err)
{
	char hex[MP_SHA256_HEX_SIZE];

	if (text->len != descriptor->size_bytes)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "it has %zu bytes, and should have %" PRIu64, text->len,
				    descriptor->size_bytes);
	mp_sha256_hex(text->data ? text->data : "", text->len, hex);
	return mp_image_layer_check_digest(descriptor->digest, hex, err);
}

/* The document that @descriptor leads to. */
static int read_blob(const struct mp_blobs *blobs, const struct mp_oci_descriptor *descriptor,
		     struct mp_json **json_out, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *path = blob_path(descriptor->digest);
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	int rc = read_text(blobs, path, &text, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return mp_error_set(err, MP_E_FORMAT, 0, "'%s' is not there", path);
	if (check_blob(descriptor, &text, err))
		return mp_error_prefix(err, "'%s'", path);
	return parse_text(&text, path, json_out, err);
}

/* An image */

struct found {
	struct mp_image *image;
	struct mp_image_layers layers;
};

static void found_clear(struct found *found)
{
	mp_image_freep(&found->image);
	mp_image_layers_clear(&found->layers);
}

/* @id: its digest with "sha256:". Its layers are in @found already. */
static int read_config(struct found *found, const struct mp_json *json, const char *id,
		       const char *reference, struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv diff_ids = { 0 };

	if (mp_image_from_json(json, reference, &found->image, err) ||
	    mp_oci_diff_ids(json, &diff_ids, err))
		return mp_error_prefix(err, "configuration");
	mp_freep(&found->image->id);
	found->image->id = mp_xstrdup(id);
	if (diff_ids.n != found->layers.n)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "the manifest has %zu layers and the configuration %zu",
				    found->layers.n, diff_ids.n);
	for (size_t i = 0; i < diff_ids.n; i++)
		found->layers.v[i].diff_id = mp_xstrdup(diff_ids.v[i]);
	return 0;
}

/* OCI layouts */

/* From @json, an index, to the manifest of one image. */
static int find_manifest(const struct mp_blobs *blobs, const struct mp_json *json,
			 const char *wanted, int depth, struct mp_oci_manifest *manifest_out,
			 struct mp_error *err)
{
	MP_AUTO(mp_oci_index_clear) struct mp_oci_index index = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *next = NULL;
	const struct mp_oci_descriptor *chosen = NULL;
	struct mp_oci_platform platform;

	if (depth == INDEX_DEPTH_MAX)
		return mp_error_set(err, MP_E_FORMAT, 0, "more than %d indexes in each other",
				    INDEX_DEPTH_MAX);
	mp_oci_platform_of_host(&platform);
	if (mp_oci_index_read(json, &index, err))
		return mp_error_prefix(err, "index");
	if (mp_oci_choose(&index, wanted, &platform, &chosen, err) ||
	    read_blob(blobs, chosen, &next, err))
		return -1;
	if (mp_oci_is_index(next))
		return find_manifest(blobs, next, NULL, depth + 1, manifest_out, err);
	if (mp_oci_manifest_read(next, manifest_out, err))
		return mp_error_prefix(err, "manifest %s", chosen->digest);
	return 0;
}

static bool is_foreign(const struct mp_oci_descriptor *layer)
{
	return strstr(layer->media_type, "foreign") ||
	       strstr(layer->media_type, "nondistributable");
}

static int find_in_layout(const struct mp_blobs *blobs, const char *wanted, const char *reference,
			  struct found *found, struct mp_error *err)
{
	MP_AUTO(mp_oci_manifest_clear) struct mp_oci_manifest manifest = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *index = NULL;
	MP_AUTO(mp_json_freep) struct mp_json *config = NULL;

	if (read_document(blobs, "index.json",
			  "an OCI layout has one; docker-archive: reads what "
			  "'docker save' wrote",
			  &index, err) ||
	    find_manifest(blobs, index, wanted, 0, &manifest, err) ||
	    read_blob(blobs, &manifest.config, &config, err))
		return -1;
	for (size_t i = 0; i < manifest.layers.n; i++) {
		const struct mp_oci_descriptor *descriptor = &manifest.layers.v[i];
		struct mp_image_layer *layer = mp_image_layers_add(&found->layers);

		layer->path = blob_path(descriptor->digest);
		layer->digest = mp_xstrdup(descriptor->digest);
		layer->size_bytes = descriptor->size_bytes;
		layer->is_foreign = is_foreign(descriptor);
	}
	return read_config(found, config, manifest.config.digest, reference, err);
}

/* Docker archives */

/* A name such as "<digest>.json" or "blobs/sha256/<digest>" says what must be in the file; else
 * NULL. Owned by the caller. */
static char *digest_in_name(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

	if (strspn(base, "0123456789abcdef") != 64 || (base[64] && strcmp(base + 64, ".json") != 0))
		return NULL;
	return mp_xasprintf("sha256:%.64s", base);
}

static int find_saved_config(const struct mp_blobs *blobs, const char *path, const char *reference,
			     struct found *found, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *expected = digest_in_name(path);
	MP_AUTO(mp_freep) char *id = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	char hex[MP_SHA256_HEX_SIZE];
	int rc = read_text(blobs, path, &text, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return mp_error_set(err, MP_E_FORMAT, 0, "'%.300s' is not there", path);
	mp_sha256_hex(text.data ? text.data : "", text.len, hex);
	if (mp_image_layer_check_digest(expected, hex, err))
		return mp_error_prefix(err, "'%.300s'", path);
	if (parse_text(&text, path, &json, err))
		return -1;
	id = mp_xasprintf("sha256:%s", hex);
	return read_config(found, json, id, reference, err);
}

static int find_saved(const struct mp_blobs *blobs, const char *wanted, const char *reference,
		      struct found *found, struct mp_error *err)
{
	MP_AUTO(mp_docker_image_clear) struct mp_docker_image image = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *manifest = NULL;

	if (read_document(blobs, "manifest.json",
			  "a docker archive has one; oci-archive: reads an OCI layout", &manifest,
			  err))
		return -1;
	if (mp_docker_choose(manifest, wanted, &image, err))
		return mp_error_prefix(err, "manifest.json");
	for (size_t i = 0; i < image.layers.n; i++)
		mp_image_layers_add(&found->layers)->path = mp_xstrdup(image.layers.v[i]);
	return find_saved_config(blobs, image.config, reference, found, err);
}

/* What they have in common */

static int open_found(const struct mp_blobs *blobs, enum kind kind, const char *wanted,
		      const char *reference, struct mp_image **image_out,
		      struct mp_rootfs **root_out, struct mp_error *err)
{
	MP_AUTO(found_clear) struct found found = { 0 };
	int rc = kind == KIND_DOCKER_ARCHIVE
			 ? find_saved(blobs, wanted, reference, &found, err)
			 : find_in_layout(blobs, wanted, reference, &found, err);

	if (rc || (root_out && mp_image_layers_open(blobs, &found.layers, root_out, err)))
		return mp_error_prefix(err, "'%s%s%s'", mp_blobs_name(blobs), wanted ? ":" : "",
				       wanted ? wanted : "");
	*image_out = MP_STEAL(found.image);
	return 0;
}

int mp_image_archive_open(const char *reference, struct mp_image **image_out,
			  struct mp_rootfs **root_out, struct mp_error *err)
{
	enum kind kind = kind_of(reference);
	const char *place, *colon;
	MP_AUTO(mp_blobs_freep) struct mp_blobs *blobs = NULL;
	MP_AUTO(mp_freep) char *path = NULL;

	if (kind == KINDS)
		return mp_error_set(err, MP_E_USAGE, 0, "'%s' names no archive and no layout",
				    reference);
	place = reference + strlen(kind_prefixes[kind]);
	colon = strchr(place, ':');
	path = mp_xstrndup(place, colon ? (size_t)(colon - place) : strlen(place));
	if (!path[0])
		return mp_error_set(err, MP_E_USAGE, 0, "'%s' names no %s", reference,
				    kind == KIND_OCI_LAYOUT ? "directory" : "file");
	if (kind == KIND_OCI_LAYOUT ? mp_blobs_open_directory(path, &blobs, err)
				    : mp_blobs_open_archive(path, &blobs, err))
		return -1;
	return open_found(blobs, kind, colon && colon[1] ? colon + 1 : NULL, reference, image_out,
			  root_out, err);
}

int mp_image_archive_open_saved_take(int fd, const char *name, struct mp_image **image_out,
				     struct mp_rootfs **root_out, struct mp_error *err)
{
	MP_AUTO(mp_blobs_freep) struct mp_blobs *blobs = NULL;

	if (mp_blobs_open_archive_take(fd, name, &blobs, err))
		return -1;
	return open_found(blobs, KIND_DOCKER_ARCHIVE, NULL, name, image_out, root_out, err);
}
