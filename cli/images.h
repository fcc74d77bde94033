/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CLI_IMAGES_H
#define MP_CLI_IMAGES_H

#include "cli/options.h"
#include "packer/image_writer.h"
#include "packer/archive.h"
#include "packer/image_archive.h"
#include "packer/rootfs.h"

/* Inspects @reference; pulls it, with progress on a terminal, where the engine does not have it. */
MP_MUST_USE int mp_image_get(struct mp_engine *engine, const char *reference,
			     struct mp_image **image_out, struct mp_error *err);

/* -1 with MP_E_ENGINE unless this engine runs images of @image's architecture. */
MP_MUST_USE int mp_image_check_runs(struct mp_engine *engine, const struct mp_image *image,
				    struct mp_error *err);

/*
 * Opens the pristine file system of @image: its overlay layers where they can be read from here,
 * else what the engine saves of it; or, where @source says so, the export stream of a container
 * that is created for it and never started.
 */
MP_MUST_USE int mp_image_open_rootfs(struct mp_engine *engine, const struct mp_image *image,
				     enum mp_source source, struct mp_rootfs **root_out,
				     struct mp_error *err);

/*
 * The configuration of the packed image, which is that of @image with the one layer. It is of the
 * time that @image is of, or of SOURCE_DATE_EPOCH, so that it is the same whenever it is made.
 */
MP_MUST_USE int mp_image_packed_json(const struct mp_image *image, const struct mp_layer *layer,
				     struct mp_json **image_json_out, struct mp_error *err);

/* Loads an image of @layer, which has no compression, into the engine as @tag. */
MP_MUST_USE int mp_image_load_packed(struct mp_engine *engine, const struct mp_json *image_json,
				     const struct mp_layer *layer, const char *tag,
				     struct mp_image_digests *digests_out, struct mp_error *err);

/* The engine builds @dockerfile with @layer, which has no compression, as its rootfs.tar. */
MP_MUST_USE int mp_image_build_packed(struct mp_engine *engine, const char *dockerfile,
				      const struct mp_layer *layer, const char *tag,
				      struct mp_error *err);

/*
 * The image that @path describes: what `docker image inspect` prints, or an OCI image
 * configuration. MP_E_USAGE where it cannot be read, MP_E_FORMAT where it is neither.
 */
MP_MUST_USE int mp_image_read_config(const char *path, struct mp_image **image_out,
				     struct mp_error *err);

/* What is packed: a file system, and what is known of the image that it is of. */
struct mp_origin {
	struct mp_engine *engine; /* NULL: none was asked */
	struct mp_image *image;   /* NULL: a directory about which nobody says anything */
	struct mp_rootfs *root;
};

/* MP_E_USAGE unless @options names one: --image, of an engine, an archive or a layout; or --root,
 * with or without --config. */
MP_MUST_USE int mp_origin_check(const struct mp_options *options, struct mp_error *err);
/* Opens it, once it was checked. @origin: cleared by the caller. */
MP_MUST_USE int mp_origin_open(const struct mp_options *options, struct mp_origin *origin,
			       struct mp_error *err);
/* Its configuration, borrowed; NULL without one. */
const struct mp_image_config *mp_origin_config(const struct mp_origin *origin);
void mp_origin_clear(struct mp_origin *origin);

/*
 * The name of the packed image: @requested, with ":latest" where it has no tag, or NAME:TAG-micro
 * for the image that was asked for as @reference. MP_E_USAGE where @requested is no reference.
 */
MP_MUST_USE int mp_image_packed_tag(const char *reference, const char *requested, char **tag_out,
				    struct mp_error *err);

#endif
