/* SPDX-License-Identifier: BSD-2-Clause */
#include "dockerfile-gen/dockerfile.h"

#include <string.h>

/*
 * Members that inspection prints because the engine keeps images and containers in one struct. They
 * say nothing about an image: one that holds what it would also print for an absent one is left
 * out.
 */
static const char *const container_members[] = {
	"Hostname", "Domainname", "AttachStdin", "AttachStdout", "AttachStderr",
	"Tty",      "OpenStdin",  "StdinOnce",   "MacAddress",   "NetworkDisabled",
};

static bool says_nothing(const struct mp_json *config, const char *key)
{
	const struct mp_json *value = mp_json_get(config, key);
	const char *text = mp_json_text(value);
	bool truth = true;

	if (!value || (text && !text[0]))
		return true;
	return !text && mp_json_get_boolean(config, key, &truth, NULL) == 0 && !truth;
}

static struct mp_json *image_config(const struct mp_json *config_json)
{
	MP_AUTO(mp_strv_free) struct mp_strv keys = { 0 };
	struct mp_json *config;

	if (!mp_json_is_object(config_json))
		return mp_json_object();
	config = mp_json_copy(config_json);
	for (size_t i = 0; i < MP_ARRAY_LEN(container_members); i++) {
		if (says_nothing(config, container_members[i]))
			mp_json_remove(config, container_members[i]);
	}
	mp_json_keys(config, &keys);
	for (size_t i = 0; i < keys.n; i++) {
		if (!mp_json_get(config, keys.v[i]))
			mp_json_remove(config, keys.v[i]);
	}
	/* The parent in the legacy builder's cache; the new image has none. */
	mp_json_remove(config, "Image");
	return config;
}

static struct mp_json *one_layer(const char *layer_sha256)
{
	MP_AUTO(mp_freep) char *digest = mp_xasprintf("sha256:%s", layer_sha256);
	struct mp_json *rootfs = mp_json_object();
	struct mp_json *diff_ids = mp_json_array();

	mp_json_push_take(diff_ids, mp_json_string(digest));
	mp_json_set_string(rootfs, "type", "layers");
	mp_json_set_take(rootfs, "diff_ids", diff_ids);
	return rootfs;
}

static struct mp_json *one_step(const char *created)
{
	struct mp_json *history = mp_json_array();
	struct mp_json *step = mp_json_object();

	if (created[0])
		mp_json_set_string(step, "created", created);
	mp_json_set_string(step, "created_by", "micropack");
	mp_json_push_take(history, step);
	return history;
}

struct mp_json *mp_image_json_generate(const struct mp_json *config_json, const char *architecture,
				       const char *variant, const char *os, const char *created,
				       const char *layer_sha256)
{
	struct mp_json *image = mp_json_object();

	mp_json_set_string(image, "architecture", architecture);
	if (variant && variant[0])
		mp_json_set_string(image, "variant", variant);
	mp_json_set_string(image, "os", os);
	/* Readers take an empty one for a malformed time. */
	if (created[0])
		mp_json_set_string(image, "created", created);
	mp_json_set_take(image, "config", image_config(config_json));
	mp_json_set_take(image, "rootfs", one_layer(layer_sha256));
	mp_json_set_take(image, "history", one_step(created));
	return image;
}
