/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/oci.h"

#include <string.h>

#define REF_NAME "org.opencontainers.image.ref.name"
/* What BuildKit puts beside an image to describe it. */
#define REFERENCE_TYPE "vnd.docker.reference.type"

static void descriptor_clear(struct mp_oci_descriptor *descriptor)
{
	mp_freep(&descriptor->media_type);
	mp_freep(&descriptor->digest);
	mp_freep(&descriptor->name);
	mp_freep(&descriptor->os);
	mp_freep(&descriptor->architecture);
	mp_freep(&descriptor->variant);
	*descriptor = (struct mp_oci_descriptor){ 0 };
}

void mp_oci_index_clear(struct mp_oci_index *index)
{
	for (size_t i = 0; i < index->n; i++)
		descriptor_clear(&index->v[i]);
	mp_freep(&index->v);
	*index = (struct mp_oci_index){ 0 };
}

void mp_oci_manifest_clear(struct mp_oci_manifest *manifest)
{
	descriptor_clear(&manifest->config);
	mp_oci_index_clear(&manifest->layers);
}

/* Other algorithms are registered (descriptor.md, "Digests"), and used by nobody. */
static int check_digest(const char *digest, struct mp_error *err)
{
	if (strlen(digest) == MP_OCI_DIGEST_LEN && strncmp(digest, "sha256:", 7) == 0 &&
	    strspn(digest + 7, "0123456789abcdef") == MP_OCI_DIGEST_LEN - 7)
		return 0;
	return mp_error_set(err, MP_E_FORMAT, 0, "'digest': '%.100s' is no SHA-256 digest", digest);
}

static int read_platform(const struct mp_json *json, struct mp_oci_descriptor *descriptor,
			 struct mp_error *err)
{
	const struct mp_json *platform = NULL;

	if (mp_json_get_object(json, "platform", &platform, err) ||
	    mp_json_copy_string(platform, "os", &descriptor->os, err) ||
	    mp_json_copy_string(platform, "architecture", &descriptor->architecture, err) ||
	    mp_json_copy_string(platform, "variant", &descriptor->variant, err))
		return mp_error_prefix(err, "platform");
	return 0;
}

/* @descriptor: zero-initialised, and cleared by the caller, also after a failure. */
static int read_descriptor(const struct mp_json *json, struct mp_oci_descriptor *descriptor,
			   struct mp_error *err)
{
	const char *media_type = "", *digest = "";
	const struct mp_json *annotations = NULL;
	int64_t size = -1;

	if (!mp_json_is_object(json))
		return mp_error_set(err, MP_E_FORMAT, 0, "a descriptor is not an object");
	if (mp_json_get_string(json, "mediaType", &media_type, err) ||
	    mp_json_get_string(json, "digest", &digest, err) || check_digest(digest, err) ||
	    mp_json_get_integer(json, "size", &size, err) ||
	    mp_json_get_object(json, "annotations", &annotations, err) ||
	    mp_json_copy_string(annotations, REF_NAME, &descriptor->name, err) ||
	    read_platform(json, descriptor, err))
		return -1;
	if (size < 0)
		return mp_error_set(err, MP_E_FORMAT, 0, "%s: no 'size'", digest);
	descriptor->media_type = mp_xstrdup(media_type);
	descriptor->digest = mp_xstrdup(digest);
	descriptor->size_bytes = (uint64_t)size;
	return 0;
}

/* A new descriptor at the end of @index. */
static struct mp_oci_descriptor *append(struct mp_oci_index *index)
{
	index->v = mp_array_grow(index->v, index->n, &index->cap, sizeof(*index->v));
	index->v[index->n] = (struct mp_oci_descriptor){ 0 };
	return &index->v[index->n++];
}

static int check_version(const struct mp_json *json, struct mp_error *err)
{
	int64_t version = 2;

	if (!mp_json_is_object(json))
		return mp_error_set(err, MP_E_FORMAT, 0, "it is not an object");
	if (mp_json_get_integer(json, "schemaVersion", &version, err))
		return -1;
	if (version != 2)
		return mp_error_set(err, MP_E_FORMAT, 0, "'schemaVersion' is %lld, and not 2",
				    (long long)version);
	return 0;
}

bool mp_oci_is_index(const struct mp_json *json)
{
	return mp_json_get(json, "manifests") && !mp_json_get(json, "layers");
}

/* BuildKit's attestations are listed beside the image for a platform that does not exist. */
static bool is_image(const struct mp_json *json, const struct mp_oci_descriptor *descriptor)
{
	const struct mp_json *annotations = mp_json_get(json, "annotations");

	return !mp_json_get(annotations, REFERENCE_TYPE) &&
	       !(descriptor->os && strcmp(descriptor->os, "unknown") == 0);
}

int mp_oci_index_read(const struct mp_json *json, struct mp_oci_index *index_out,
		      struct mp_error *err)
{
	MP_AUTO(mp_oci_index_clear) struct mp_oci_index index = { 0 };
	const struct mp_json *manifests = NULL;

	if (check_version(json, err) || mp_json_get_array(json, "manifests", &manifests, err))
		return -1;
	for (size_t i = 0; i < mp_json_len(manifests); i++) {
		const struct mp_json *entry = mp_json_at(manifests, i);
		struct mp_oci_descriptor *descriptor = append(&index);

		if (read_descriptor(entry, descriptor, err))
			return mp_error_prefix(err, "manifests: entry %zu", i);
		if (!is_image(entry, descriptor)) {
			descriptor_clear(descriptor);
			index.n--;
		}
	}
	*index_out = index;
	index = (struct mp_oci_index){ 0 };
	return 0;
}

static int check_layer(const struct mp_oci_descriptor *layer, struct mp_error *err)
{
	if (!strstr(layer->media_type, "encrypted"))
		return 0;
	mp_error_set(err, MP_E_FORMAT, 0, "layer %s is encrypted (%.100s)", layer->digest,
		     layer->media_type);
	return mp_error_hint(err, "skopeo copy --decryption-key makes a plain one of it");
}

static int read_layers(const struct mp_json *json, struct mp_oci_index *layers,
		       struct mp_error *err)
{
	const struct mp_json *array = NULL;

	if (mp_json_get_array(json, "layers", &array, err))
		return -1;
	if (!array)
		return mp_error_set(err, MP_E_FORMAT, 0, "no 'layers'");
	if (mp_json_len(array) > MP_OCI_LAYERS_MAX)
		return mp_error_set(err, MP_E_FORMAT, 0, "%zu layers; at most %d can be read",
				    mp_json_len(array), MP_OCI_LAYERS_MAX);
	for (size_t i = 0; i < mp_json_len(array); i++) {
		struct mp_oci_descriptor *layer = append(layers);

		if (read_descriptor(mp_json_at(array, i), layer, err))
			return mp_error_prefix(err, "layers: entry %zu", i);
		if (check_layer(layer, err))
			return -1;
	}
	return 0;
}

/* Charts, policies and the like have manifests as well. */
static int check_config(const struct mp_oci_descriptor *config, struct mp_error *err)
{
	static const char *const known[] = {
		"",
		"application/vnd.oci.image.config.v1+json",
		"application/vnd.docker.container.image.v1+json",
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(known); i++) {
		if (strcmp(config->media_type, known[i]) == 0)
			return 0;
	}
	return mp_error_set(err, MP_E_FORMAT, 0,
			    "no container image: its configuration is '%.100s'",
			    config->media_type);
}

int mp_oci_manifest_read(const struct mp_json *json, struct mp_oci_manifest *manifest_out,
			 struct mp_error *err)
{
	MP_AUTO(mp_oci_manifest_clear) struct mp_oci_manifest manifest = { 0 };
	const struct mp_json *config = NULL;

	if (check_version(json, err) || mp_json_get_object(json, "config", &config, err))
		return -1;
	if (!config)
		return mp_error_set(err, MP_E_FORMAT, 0, "no 'config'");
	if (read_descriptor(config, &manifest.config, err))
		return mp_error_prefix(err, "config");
	if (check_config(&manifest.config, err) || read_layers(json, &manifest.layers, err))
		return -1;
	*manifest_out = manifest;
	manifest = (struct mp_oci_manifest){ 0 };
	return 0;
}

int mp_oci_diff_ids(const struct mp_json *json, struct mp_strv *diff_ids, struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv found = { 0 };
	const struct mp_json *rootfs = NULL;

	if (mp_json_get_object(json, "rootfs", &rootfs, err) ||
	    mp_json_get_strv(rootfs, "diff_ids", &found, err))
		return mp_error_prefix(err, "rootfs");
	for (size_t i = 0; i < found.n; i++) {
		if (check_digest(found.v[i], err))
			return mp_error_prefix(err, "rootfs: diff_ids");
	}
	mp_strv_copy(diff_ids, &found);
	return 0;
}
