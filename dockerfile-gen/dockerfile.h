/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_DOCKERFILE_GEN_DOCKERFILE_H
#define MP_DOCKERFILE_GEN_DOCKERFILE_H

#include "core/image_config.h"

/*
 * The Dockerfile that makes an image with @config from a root file system archive:
 *
 *     FROM scratch
 *     ADD rootfs.tar /
 *     ENV …
 *
 * @rootfs_name: the archive's name in the build context. Every value is quoted so that the builder
 * (legacy and BuildKit) reads back exactly the same bytes. A value that a Dockerfile cannot say, such
 * as one with a newline where no JSON form exists, is MP_E_FORMAT naming the field. @text_out belongs
 * to the caller. Pure: reads and writes nothing else.
 */
MP_MUST_USE int mp_dockerfile_generate(const struct mp_image_config *config,
				       const char *rootfs_name, char **text_out,
				       struct mp_error *err);

/*
 * The image configuration (OCI image-spec config.md) of a one-layer image: @config_json as it is,
 * with what the engine needs around it. @architecture, @os: of the original; @variant may be NULL.
 * @created: RFC 3339. @layer_sha256: of the uncompressed layer. The result belongs to the caller.
 */
struct mp_json *mp_image_json_generate(const struct mp_json *config_json, const char *architecture,
				       const char *variant, const char *os, const char *created,
				       const char *layer_sha256);

#endif
