/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_IMAGE_ARCHIVE_H
#define MP_PACKER_IMAGE_ARCHIVE_H

#include "core/image.h"
#include "packer/rootfs.h"

/*
 * Images outside of an engine, named as containers-transports(5) has it:
 *
 *     docker-archive:FILE[:REF]  what `docker save` writes
 *     oci-archive:FILE[:REF]     a tar archive of an OCI layout
 *     oci:DIR[:REF]              an OCI layout (image-spec, image-layout.md)
 *
 * FILE is "-" for standard input, and may be compressed as a whole. REF: a tag, or the value of
 * org.opencontainers.image.ref.name, or "@N" for the image at position N. No privilege is needed.
 *
 * All that is read is checked against the digests that lead there: manifests, configurations,
 * layers, and the bytes that those decompress to. The images may be hostile: time and memory are
 * bounded, and nothing outside of the archive or layout is reached.
 */

/* Whether @reference begins with one of these words; else it is for an engine. */
bool mp_image_archive_is(const char *reference);

/*
 * Opens the image @reference: what is known of it, and its file system, unless @root_out is NULL.
 * Layers that are not compressed stay in their place, the others go to a temporary file (TMPDIR).
 * MP_E_USAGE for what cannot be opened or chosen, with a list of what there is; MP_E_FORMAT for
 * what is malformed, or has another digest, naming it.
 */
MP_MUST_USE int mp_image_archive_open(const char *reference, struct mp_image **image_out,
				      struct mp_rootfs **root_out, struct mp_error *err);

/* The one image in a docker archive on @fd, which is taken over, also on failure. @name: in errors.
 */
MP_MUST_USE int mp_image_archive_open_saved_take(int fd, const char *name,
						 struct mp_image **image_out,
						 struct mp_rootfs **root_out, struct mp_error *err);

#endif
