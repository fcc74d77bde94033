/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_IMAGE_WRITER_H
#define MP_PACKER_IMAGE_WRITER_H

#include "core/json.h"
#include "packer/archive.h"

/*
 * Writing images of one layer in the forms that other tools read. Each function borrows everything;
 * @image_json is the image configuration (OCI image-spec config.md) and names the layer's
 * diff_sha256 as its one diff_id, which whoever reads the image compares. The same image gives the
 * same bytes, and memory does not grow with the layer.
 */

/* "sha256:" and 64 hexadecimal digits. */
#define MP_DIGEST_SIZE 72

struct mp_image_digests {
	char config[MP_DIGEST_SIZE];   /* of the configuration: what Docker calls the image's ID */
	char manifest[MP_DIGEST_SIZE]; /* of OCI's manifest; "" where there is none */
};

/*
 * The archive that `docker load` reads: manifest.json, the configuration and the layer, which has
 * to be one without compression. @tag: the reference that the image gets, NULL for none. @fd: a
 * file or a pipe, called @name in errors.
 */
MP_MUST_USE int mp_image_write_docker(const struct mp_layer *layer,
				      const struct mp_json *image_json, const char *tag, int fd,
				      const char *name, struct mp_image_digests *digests_out,
				      struct mp_error *err);

/*
 * An OCI image layout (image-spec image-layout.md) in a tar archive. @ref: the image's name in the
 * index (org.opencontainers.image.ref.name), NULL for none.
 */
MP_MUST_USE int mp_image_write_oci_archive(const struct mp_layer *layer,
					   const struct mp_json *image_json, const char *ref,
					   int fd, const char *name,
					   struct mp_image_digests *digests_out,
					   struct mp_error *err);

/*
 * The same as the directory @dir. One that is not there is made beside its place and then renamed;
 * to a layout that is there the image is added, its index last: an image that had the name @ref
 * stays without it. What a failure leaves is what was there. MP_E_USAGE where @dir is no place for
 * it, MP_E_FORMAT where its index is none.
 */
MP_MUST_USE int mp_image_write_oci_layout(const struct mp_layer *layer,
					  const struct mp_json *image_json, const char *ref,
					  const char *dir, struct mp_image_digests *digests_out,
					  struct mp_error *err);

/* Whether @dir is a place for a layout: MP_E_USAGE otherwise. For a look before the work. */
MP_MUST_USE int mp_image_check_layout(const char *dir, struct mp_error *err);

/* Whether @ref has the form of a name in an index (image-spec annotations.md). */
bool mp_image_is_ref(const char *ref);

#endif
