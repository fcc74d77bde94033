/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"
#include "cli/images.h"
#include "core/file.h"
#include "core/log.h"
#include "dockerfile-gen/dockerfile.h"

#include <stdio.h>
#include <string.h>

#define CONFIG_MAX_BYTES ((size_t)64 << 20)

/* Finds the configuration in what `docker image inspect` prints (an array of one object with
 * "Config") or in an OCI image configuration (an object with "config"). */
static int read_config_file(const char *path, struct mp_image_config *config, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	const struct mp_json *document, *found;

	if (mp_file_read_named(path, CONFIG_MAX_BYTES, &text, err))
		return mp_error_prefix(err, "--config");
	json = mp_json_parse(text.data ? text.data : "", text.len, path, err);
	if (!json)
		return -1;
	document = mp_json_len(json) == 1 ? mp_json_at(json, 0) : json;
	found = mp_json_get(document, "Config");
	if (!found)
		found = mp_json_get(document, "config");
	if (!found)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "'%s' has no \"Config\" (docker image inspect) and no "
				    "\"config\" (OCI image configuration)",
				    path);
	if (mp_image_config_read(config, found, err))
		return mp_error_prefix(err, "'%s'", path);
	return 0;
}

static int write_dockerfile(const struct mp_options *options, const struct mp_image_config *config,
			    struct mp_error *err)
{
	const char *rootfs = options->rootfs ? options->rootfs : "rootfs.tar";
	MP_AUTO(mp_freep) char *text = NULL;

	if (mp_dockerfile_generate(config, rootfs, &text, err))
		return -1;
	if (mp_compression_of_name(rootfs) == MP_COMPRESSION_ZSTD)
		mp_warn("'%s': an engine that does not know zstd (Docker 20.10) puts it into the "
			"image as it is; every engine knows gzip",
			rootfs);
	if (options->output)
		return mp_file_replace(options->output, text, strlen(text), err);
	fputs(text, stdout);
	return 0;
}

int mp_cmd_dockerfile(const struct mp_options *options, struct mp_error *err)
{
	MP_AUTO(mp_engine_freep) struct mp_engine *engine = NULL;
	MP_AUTO(mp_image_freep) struct mp_image *image = NULL;
	MP_AUTO(mp_image_config_free) struct mp_image_config config = { 0 };

	if (!options->image == !options->config || options->arguments.n > 0 ||
	    options->has_separator)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "one of --image IMAGE and --config FILE is needed, and no "
				    "argument; see 'micropack dockerfile --help'");
	if (options->config)
		return read_config_file(options->config, &config, err)
			       ? -1
			       : write_dockerfile(options, &config, err);
	if (mp_engine_connect(&engine, err) || mp_image_get(engine, options->image, &image, err))
		return -1;
	return write_dockerfile(options, &image->config, err);
}
