/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_IMAGE_LAYERS_H
#define MP_PACKER_IMAGE_LAYERS_H

#include "packer/blobs.h"

/* A layer of an image, and what it must be. */
struct mp_image_layer {
	char *path;          /* in the blobs */
	char *digest;        /* "sha256:…" of the file; NULL: not told */
	char *diff_id;       /* the same of its plain bytes; NULL: not told */
	uint64_t size_bytes; /* of the file; MP_CONTENTS_TO_END: not told */
	bool is_foreign;     /* the archive need not have it (OCI "nondistributable") */
};

/* Zero-initialised is empty. The lowest first. */
struct mp_image_layers {
	struct mp_image_layer *v;
	size_t n, cap;
};

/* A new one at the end, zero-initialised but for the size, which is not told. */
struct mp_image_layer *mp_image_layers_add(struct mp_image_layers *layers);
void mp_image_layers_clear(struct mp_image_layers *layers);

/*
 * The file system that @layers of @blobs are together. MP_E_FORMAT names the layer that is missing,
 * malformed, of unknown compression, a bomb, or not what its digests say.
 */
MP_MUST_USE int mp_image_layers_open(const struct mp_blobs *blobs,
				     const struct mp_image_layers *layers,
				     struct mp_rootfs **root_out, struct mp_error *err);

/* MP_E_FORMAT with both digests unless they are the same; NULL is told by nobody, and fits. */
MP_MUST_USE int mp_image_layer_check_digest(const char *expected, const char *sha256_hex,
					    struct mp_error *err);

#endif
