/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_OCI_H
#define MP_PACKER_OCI_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The JSON documents that lead from an archive or a layout to the blobs of one image: OCI
 * image-spec (image-index.md, manifest.md, descriptor.md, config.md) with Docker's schema 2 for the
 * same, and moby's image/spec/v1.2.md ("manifest.json"). Pure: nothing is read but what is passed.
 * The documents may be hostile: MP_E_FORMAT names the member that is wrong.
 */

/* A larger document is refused; registries and other readers have the same bound. */
#define MP_OCI_JSON_MAX ((size_t)4 << 20)
/* Far beyond what an engine can join (overlayfs: 500). */
#define MP_OCI_LAYERS_MAX 512
/* "sha256:" and 64 digits. */
#define MP_OCI_DIGEST_LEN 71

struct mp_oci_descriptor {
	char *media_type;                  /* "" where nothing says */
	char *digest;                      /* "sha256:…", checked */
	uint64_t size_bytes;               /* of the blob */
	char *name;                        /* org.opencontainers.image.ref.name; else NULL */
	char *os, *architecture, *variant; /* of its platform; NULL where nothing says */
};

/* Zero-initialised is empty. */
struct mp_oci_index {
	struct mp_oci_descriptor *v;
	size_t n, cap;
};

struct mp_oci_manifest {
	struct mp_oci_descriptor config;
	struct mp_oci_index layers; /* the lowest first */
};

void mp_oci_index_clear(struct mp_oci_index *index);
void mp_oci_manifest_clear(struct mp_oci_manifest *manifest);

/* Whether @json is an index of manifests, and no manifest itself. */
bool mp_oci_is_index(const struct mp_json *json);

/*
 * An image index, or a Docker manifest list; without what describes another entry and is no image
 * (attestations). *index_out is cleared by the caller, as the next one's output, on success.
 */
MP_MUST_USE int mp_oci_index_read(const struct mp_json *json, struct mp_oci_index *index_out,
				  struct mp_error *err);

/* An image manifest of a container image. */
MP_MUST_USE int mp_oci_manifest_read(const struct mp_json *json,
				     struct mp_oci_manifest *manifest_out, struct mp_error *err);

/* Appends "rootfs"."diff_ids" of an image configuration: checked digests, one for each layer. */
MP_MUST_USE int mp_oci_diff_ids(const struct mp_json *json, struct mp_strv *diff_ids,
				struct mp_error *err);

/* A platform as image configurations name it (Go's GOOS, GOARCH; variant: NULL without one). */
struct mp_oci_platform {
	const char *os, *architecture, *variant;
};

/* That of this machine, by uname(2). Constants. */
void mp_oci_platform_of_host(struct mp_oci_platform *platform_out);

/*
 * Which entry of @index is meant. @reference: the name of one, or "@N" for the entry at position N
 * (containers-transports(5)), or NULL. Of entries that are one image for several platforms, the one
 * for @platform; where there is but one entry, that one. MP_E_USAGE, with a list of what there is,
 * where none fits or more than one does.
 */
MP_MUST_USE int mp_oci_choose(const struct mp_oci_index *index, const char *reference,
			      const struct mp_oci_platform *platform,
			      const struct mp_oci_descriptor **chosen_out, struct mp_error *err);

/* An image of a docker archive: names of files in it. */
struct mp_docker_image {
	char *config;
	struct mp_strv tags;   /* "nginx:latest" */
	struct mp_strv layers; /* the lowest first */
};

void mp_docker_image_clear(struct mp_docker_image *image);

/*
 * The image of @json, a manifest.json, that is meant. @reference: a tag, in the short form or in
 * full ("docker.io/library/nginx"), or "@N", or NULL where there is but one. MP_E_USAGE as above.
 */
MP_MUST_USE int mp_docker_choose(const struct mp_json *json, const char *reference,
				 struct mp_docker_image *image_out, struct mp_error *err);

#endif
