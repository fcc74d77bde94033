/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/image.h"

void mp_image_freep(struct mp_image **image)
{
	if (!*image)
		return;
	mp_freep(&(*image)->reference);
	mp_freep(&(*image)->id);
	mp_freep(&(*image)->architecture);
	mp_freep(&(*image)->variant);
	mp_freep(&(*image)->os);
	mp_freep(&(*image)->created);
	mp_json_freep(&(*image)->config_json);
	mp_image_config_free(&(*image)->config);
	mp_strv_free(&(*image)->layer_dirs);
	mp_freep(image);
}

/* The members of both documents, which differ in their spelling; NULL: there is none. */
struct keys {
	const char *id, *architecture, *variant, *os, *created, *size, *config;
};

static int read_members(struct mp_image *image, const struct mp_json *json, const struct keys *keys,
			struct mp_error *err)
{
	const char *id = "", *architecture = "", *os = "", *created = "";
	const struct mp_json *config = NULL;

	if (mp_json_get_string(json, keys->id, &id, err) ||
	    mp_json_get_string(json, keys->architecture, &architecture, err) ||
	    mp_json_copy_string(json, keys->variant, &image->variant, err) ||
	    mp_json_get_string(json, keys->os, &os, err) ||
	    mp_json_get_string(json, keys->created, &created, err) ||
	    mp_json_get_integer(json, keys->size, &image->size_bytes, err) ||
	    mp_json_get_object(json, keys->config, &config, err))
		return -1;
	image->id = mp_xstrdup(id);
	image->architecture = mp_xstrdup(architecture);
	image->os = mp_xstrdup(os);
	image->created = mp_xstrdup(created);
	image->config_json = config ? mp_json_copy(config) : mp_json_object();
	return mp_image_config_read(&image->config, image->config_json, err);
}

int mp_image_from_json(const struct mp_json *json, const char *reference,
		       struct mp_image **image_out, struct mp_error *err)
{
	static const struct keys inspected = { "Id",      "Architecture", "Variant", "Os",
					       "Created", "Size",         "Config" };
	static const struct keys configuration = { NULL,      "architecture", "variant", "os",
						   "created", NULL,           "config" };
	MP_AUTO(mp_image_freep) struct mp_image *image = mp_xcalloc(1, sizeof(*image));
	const struct mp_json *document = mp_json_len(json) == 1 ? mp_json_at(json, 0) : json;
	bool is_inspected = mp_json_get(document, "Config") || mp_json_get(document, "Id");

	/* An image configuration must have "rootfs", and need not have "config". */
	if (!is_inspected && !mp_json_get(document, "config") && !mp_json_get(document, "rootfs"))
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "no \"Config\" (docker image inspect) and no \"config\" (OCI "
				    "image configuration)");
	image->reference = mp_xstrdup(reference);
	if (read_members(image, document, is_inspected ? &inspected : &configuration, err))
		return -1;
	*image_out = MP_STEAL(image);
	return 0;
}
