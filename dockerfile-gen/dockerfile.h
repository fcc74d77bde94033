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
 * (legacy and BuildKit) reads back exactly the same bytes, whatever its length. A value that a
 * Dockerfile cannot say, such as one with a newline where no JSON form exists, is MP_E_FORMAT
 * naming the field. @text_out belongs to the caller. Pure: reads and writes nothing else.
 *
 * Four things come out in another spelling, none of them with another meaning to an engine: names
 * that ENV sets twice are one, with the last value; the builder adds the default PATH where there
 * is none, and BuildKit the working directory "/"; a port without a protocol becomes tcp.
 */
MP_MUST_USE int mp_dockerfile_generate(const struct mp_image_config *config,
				       const char *rootfs_name, char **text_out,
				       struct mp_error *err);

/*
 * The image configuration (OCI image-spec config.md) of a one-layer image, with @config_json as its
 * "config" (NULL: an empty one). Unknown members are kept. Left out are nulls; members which only a
 * container has, such as Hostname and AttachStdin, where they are empty, so that inspection prints
 * the same without them; and Image, which names the parent in the legacy builder's cache.
 * @architecture, @os: of the original; @variant may be NULL. @created: RFC 3339. @layer_sha256: 64
 * digits, of the uncompressed layer. The result belongs to the caller.
 */
struct mp_json *mp_image_json_generate(const struct mp_json *config_json, const char *architecture,
				       const char *variant, const char *os, const char *created,
				       const char *layer_sha256);

#endif
