/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include "core/image.h"
#include "dockerfile-gen/dockerfile.h"
#include "packer/oci.h"

/*
 * The input is a JSON document, read as each of those that lead to an image: an index, a manifest,
 * the manifest.json of a docker archive, an image configuration. Of what can be read as the last
 * one, the Dockerfile and the configuration of the packed image are written; and what is written is
 * read again.
 */

static void require_digest(const char *digest)
{
	REQUIRE(strlen(digest) == MP_OCI_DIGEST_LEN);
	REQUIRE(strspn(digest + 7, "0123456789abcdef") == MP_OCI_DIGEST_LEN - 7);
}

static void read_index(const struct mp_json *json)
{
	MP_AUTO(mp_oci_index_clear) struct mp_oci_index index = { 0 };
	const struct mp_oci_descriptor *chosen = NULL;
	const struct mp_oci_platform platform = { "linux", "arm", "v7" };
	struct mp_error err = { 0 };

	if (mp_oci_index_read(json, &index, &err)) {
		REQUIRE(err.code == MP_E_FORMAT && err.msg[0]);
		return;
	}
	for (size_t i = 0; i < index.n; i++)
		require_digest(index.v[i].digest);
	if (mp_oci_choose(&index, NULL, &platform, &chosen, &err))
		REQUIRE(err.code == MP_E_USAGE && err.msg[0]);
	else
		REQUIRE(chosen >= index.v && chosen < index.v + index.n);
	if (index.n && index.v[0].name &&
	    mp_oci_choose(&index, index.v[0].name, &platform, &chosen, &err) == 0)
		REQUIRE(index.v[0].name[0] == '@' || same_text(chosen->name, index.v[0].name));
	/* Whatever is there can be chosen by its position. */
	if (index.n) {
		REQUIRE(mp_oci_choose(&index, "@0", &platform, &chosen, &err) == 0);
		REQUIRE(chosen == index.v);
	}
}

static void read_manifest(const struct mp_json *json)
{
	MP_AUTO(mp_oci_manifest_clear) struct mp_oci_manifest manifest = { 0 };
	struct mp_error err = { 0 };

	if (mp_oci_manifest_read(json, &manifest, &err)) {
		REQUIRE(err.code == MP_E_FORMAT && err.msg[0]);
		return;
	}
	require_digest(manifest.config.digest);
	REQUIRE(manifest.layers.n <= MP_OCI_LAYERS_MAX);
	for (size_t i = 0; i < manifest.layers.n; i++)
		require_digest(manifest.layers.v[i].digest);
}

static void read_docker_manifest(const struct mp_json *json)
{
	MP_AUTO(mp_docker_image_clear) struct mp_docker_image image = { 0 };
	MP_AUTO(mp_docker_image_clear) struct mp_docker_image again = { 0 };
	struct mp_error err = { 0 };

	if (mp_docker_choose(json, NULL, &image, &err)) {
		REQUIRE((err.code == MP_E_FORMAT || err.code == MP_E_USAGE) && err.msg[0]);
		return;
	}
	REQUIRE(image.config && image.layers.n <= MP_OCI_LAYERS_MAX);
	if (image.tags.n && image.tags.v[0][0] != '@')
		REQUIRE(mp_docker_choose(json, image.tags.v[0], &again, &err) == 0);
}

/* What is written of an image says the same about how it is run. */
static void require_same_config(const struct mp_image *image, const char *dockerfile)
{
	MP_AUTO(mp_json_freep)
	struct mp_json *json = mp_image_json_generate(
		image->config_json, image->architecture, image->variant, image->os, image->created,
		"0000000000000000000000000000000000000000000000000000000000000000");
	MP_AUTO(mp_image_freep) struct mp_image *again = NULL;
	MP_AUTO(mp_freep) char *text = NULL;
	MP_AUTO(mp_strv_free) struct mp_strv diff_ids = { 0 };
	struct mp_error err = { 0 };

	REQUIRE(mp_image_from_json(json, "again", &again, &err) == 0);
	REQUIRE(same_text(again->architecture, image->architecture));
	REQUIRE(mp_oci_diff_ids(json, &diff_ids, &err) == 0 && diff_ids.n == 1);
	if (mp_dockerfile_generate(&again->config, "rootfs.tar", &text, &err))
		REQUIRE(!dockerfile && err.code == MP_E_FORMAT);
	else
		REQUIRE(same_text(text, dockerfile));
}

static void read_config(const struct mp_json *json)
{
	MP_AUTO(mp_strv_free) struct mp_strv diff_ids = { 0 };
	MP_AUTO(mp_image_freep) struct mp_image *image = NULL;
	MP_AUTO(mp_freep) char *text = NULL;
	struct mp_error err = { 0 };

	if (mp_oci_diff_ids(json, &diff_ids, &err))
		REQUIRE(err.code == MP_E_FORMAT);
	for (size_t i = 0; i < diff_ids.n; i++)
		require_digest(diff_ids.v[i]);
	if (mp_image_from_json(json, "input", &image, &err)) {
		REQUIRE(!image && err.code == MP_E_FORMAT && err.msg[0]);
		return;
	}
	REQUIRE(image->id && image->architecture && image->os && image->created);
	if (mp_dockerfile_generate(&image->config, "rootfs.tar", &text, &err))
		REQUIRE(!text && err.code == MP_E_FORMAT && err.msg[0]);
	else
		REQUIRE(strncmp(text, "FROM scratch\nADD rootfs.tar /\n", 30) == 0);
	require_same_config(image, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	struct mp_error err = { 0 };

	json = mp_json_parse((const char *)data, size, "input", &err);
	if (!json) {
		REQUIRE(err.code == MP_E_FORMAT && err.msg[0]);
		return 0;
	}
	read_index(json);
	read_manifest(json);
	read_docker_manifest(json);
	read_config(json);
	return 0;
}
