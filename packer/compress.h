/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_COMPRESS_H
#define MP_PACKER_COMPRESS_H

#include "core/error.h"
#include "core/sha256.h"
#include "packer/compression.h"

#include <stddef.h>
#include <stdint.h>

/* What the name of an archive asks for: .tar.gz or .tgz, .tar.zst or .tzst, anything else none. */
enum mp_compression mp_compression_of_name(const char *path);

/* The length of @path without .tar, or one of those; all of it where nothing would be left. */
size_t mp_archive_stem_length(const char *path);
/* MP_E_USAGE for a name that asks for a compression which is none of these (".tar.xz"). */
MP_MUST_USE int mp_compression_check_name(const char *path, struct mp_error *err);

/*
 * Bytes on their way to a file: compressed, gathered into large pieces, digested. The same bytes
 * give the same bytes however they are cut into pieces; with another version of the library they
 * may be others. gzip: zlib's level 6, no name and no time in the header; zstd: level 3, one
 * thread, with a checksum.
 */
struct mp_compressor;

/* @fd: borrowed, as @name, which is for errors; NULL: a temporary file (packer/store.h). MP_E_SYS
 * where the library has no memory. */
MP_MUST_USE int mp_compressor_new(enum mp_compression how, int fd, const char *name,
				  struct mp_compressor **compressor_out, struct mp_error *err);
MP_MUST_USE int mp_compressor_add(struct mp_compressor *compressor, const void *data, size_t len,
				  struct mp_error *err);
/*
 * Writes what is left. @sha256_out and @size_out: of what was written. Without compression
 * @sha256_out is left alone, since whoever adds the bytes has their digest.
 */
MP_MUST_USE int mp_compressor_finish(struct mp_compressor *compressor,
				     char sha256_out[MP_SHA256_HEX_SIZE], uint64_t *size_out,
				     struct mp_error *err);
void mp_compressor_freep(struct mp_compressor **compressor);

#endif
