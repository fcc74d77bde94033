/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"
#include "cli/images.h"
#include "cli/places.h"
#include "core/file.h"
#include "core/log.h"
#include "dockerfile-gen/dockerfile.h"

#include <stdio.h>
#include <string.h>

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

/* The engine is asked only for an image that nothing else holds. */
static int find_image(const struct mp_options *options, struct mp_image **image_out,
		      struct mp_error *err)
{
	MP_AUTO(mp_engine_freep) struct mp_engine *engine = NULL;

	if (options->config)
		return mp_image_read_config(options->config, image_out, err);
	if (mp_image_archive_is(options->image))
		return mp_image_archive_open(options->image, image_out, NULL, err);
	if (mp_engine_connect(&engine, err))
		return -1;
	return mp_image_get(engine, options->image, image_out, err);
}

int mp_cmd_dockerfile(const struct mp_options *options, struct mp_error *err)
{
	MP_AUTO(mp_image_freep) struct mp_image *image = NULL;

	if (!options->image == !options->config || options->arguments.n > 0 ||
	    options->has_separator)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "one of --image IMAGE and --config FILE is needed, and no "
				    "argument; see 'micropack dockerfile --help'");
	if (mp_places_check("--config", options->config, options->output, err) ||
	    find_image(options, &image, err))
		return -1;
	return write_dockerfile(options, &image->config, err);
}
