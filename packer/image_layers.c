/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/image_layers.h"

#include "packer/decompress.h"
#include "packer/digest.h"

#include <inttypes.h>
#include <string.h>

/* What a function returns that failed with an error of the stream's, which names the layer. */
#define NAMED (-2)

struct mp_layer *mp_layers_add(struct mp_layers *layers)
{
	layers->v = mp_array_grow(layers->v, layers->n, &layers->cap, sizeof(*layers->v));
	layers->v[layers->n] = (struct mp_layer){ .size_bytes = MP_CONTENTS_TO_END };
	return &layers->v[layers->n++];
}

void mp_layers_clear(struct mp_layers *layers)
{
	for (size_t i = 0; i < layers->n; i++) {
		mp_freep(&layers->v[i].path);
		mp_freep(&layers->v[i].digest);
		mp_freep(&layers->v[i].diff_id);
	}
	mp_freep(&layers->v);
	*layers = (struct mp_layers){ 0 };
}

int mp_layer_check_digest(const char *expected, const char *sha256_hex, struct mp_error *err)
{
	if (!expected || strcmp(expected + strlen("sha256:"), sha256_hex) == 0)
		return 0;
	return mp_error_set(err, MP_E_FORMAT, 0, "its digest is sha256:%s, and should be %s",
			    sha256_hex, expected);
}

/*
 * Checks the digest of a file that @rc says whether it could be read. Where it could not, and has
 * another digest too, that is the better reason.
 */
static int settle(int rc, struct mp_digest **digest, const char *expected, struct mp_error *err)
{
	char hex[MP_SHA256_HEX_SIZE];

	if (rc && (!err || err->code != MP_E_FORMAT))
		return rc;
	if (!*digest)
		return rc;
	if (mp_digest_finish(digest, hex, err) || mp_layer_check_digest(expected, hex, err))
		return -1;
	return rc;
}

/* Where it lies, it stays: its file is the archive's. */
static int take_plain(struct mp_rootfs_stream *stream, const struct mp_layer *layer,
		      const struct mp_contents *contents, struct mp_error *err)
{
	const char *expected = layer->digest ? layer->digest : layer->diff_id;
	MP_AUTO(mp_digest_freep) struct mp_digest *digest = NULL;
	int rc = 0;

	if (layer->digest && layer->diff_id && strcmp(layer->digest, layer->diff_id) != 0)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "it is not compressed, so its digest should be %s, and not %s",
				    layer->diff_id, layer->digest);
	if (expected && mp_digest_of(contents, &digest, err))
		return -1;
	if (mp_rootfs_stream_take(stream, contents->fd, contents->offset, contents->size_bytes,
				  err))
		rc = NAMED;
	return settle(rc, &digest, expected, err);
}

static int feed(struct mp_rootfs_stream *stream, struct mp_decompressor *decompressor,
		struct mp_digest *digest, struct mp_error *err)
{
	const void *data;
	size_t len;
	int rc;

	while ((rc = mp_decompressor_next(decompressor, &data, &len, err)) > 0) {
		if (digest)
			mp_digest_add(digest, data, len);
		if (mp_rootfs_stream_feed(stream, data, len, err))
			return NAMED;
	}
	return rc;
}

static int feed_compressed(struct mp_rootfs_stream *stream, const struct mp_layer *layer,
			   const struct mp_contents *contents, enum mp_compression compression,
			   struct mp_error *err)
{
	MP_AUTO(mp_digest_freep) struct mp_digest *digest = NULL;
	MP_AUTO(mp_digest_freep) struct mp_digest *diff_digest = NULL;
	MP_AUTO(mp_decompressor_freep) struct mp_decompressor *decompressor = NULL;
	int rc;

	if (layer->digest && mp_digest_of(contents, &digest, err))
		return -1;
	if (layer->diff_id)
		diff_digest = mp_digest_new();
	rc = mp_decompressor_start(contents, compression, &decompressor, err);
	if (rc == 0)
		rc = feed(stream, decompressor, diff_digest, err);
	rc = settle(rc, &digest, layer->digest, err);
	if (rc)
		return rc;
	if (settle(0, &diff_digest, layer->diff_id, err))
		return mp_error_prefix(err, "decompressed");
	return 0;
}

static int take_contents(struct mp_rootfs_stream *stream, const struct mp_layer *layer,
			 const struct mp_contents *contents, struct mp_error *err)
{
	enum mp_compression compression;

	if (layer->size_bytes != MP_CONTENTS_TO_END && layer->size_bytes != contents->size_bytes)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "it has %" PRIu64 " bytes, and should have %" PRIu64,
				    contents->size_bytes, layer->size_bytes);
	if (mp_compression_of(contents, &compression, err))
		return -1;
	if (compression == MP_COMPRESSION_NONE)
		return take_plain(stream, layer, contents, err);
	return feed_compressed(stream, layer, contents, compression, err);
}

static int take_layer(struct mp_rootfs_stream *stream, const struct mp_blobs *blobs,
		      const struct mp_layer *layer, struct mp_error *err)
{
	MP_AUTO(mp_contents_close) struct mp_contents contents = MP_CONTENTS_CLOSED;
	int rc = mp_blobs_find(blobs, layer->path, &contents, err);

	if (rc < 0)
		return -1;
	if (rc == 0 && layer->is_foreign)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "it is not there: a foreign layer, which its registry alone "
				    "may give away");
	if (rc == 0)
		return mp_error_set(err, MP_E_FORMAT, 0, "it is not there");
	return take_contents(stream, layer, &contents, err);
}

int mp_layers_open(const struct mp_blobs *blobs, const struct mp_layers *layers,
		   struct mp_rootfs **root_out, struct mp_error *err)
{
	static const char empty[1024];
	MP_AUTO(mp_rootfs_stream_freep) struct mp_rootfs_stream *stream = NULL;

	if (mp_rootfs_stream_new(&stream, err))
		return -1;
	/* An image without layers has an empty file system: two blocks of zeros. */
	if (layers->n == 0 && mp_rootfs_stream_feed(stream, empty, sizeof(empty), err))
		return -1;
	for (size_t i = 0; i < layers->n; i++) {
		const struct mp_layer *layer = &layers->v[i];
		int rc;

		if (mp_rootfs_stream_begin_layer(stream, layer->path, err))
			return -1;
		rc = take_layer(stream, blobs, layer, err);
		if (rc)
			return rc == NAMED ? -1
					   : mp_error_prefix(err, "layer '%.300s'", layer->path);
	}
	return mp_rootfs_stream_finish(stream, root_out, err);
}
