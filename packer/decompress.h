/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_DECOMPRESS_H
#define MP_PACKER_DECOMPRESS_H

#include "packer/compression.h"
#include "packer/rootfs.h"

/*
 * What bytes are compressed by: told by their first ones, whatever a media type says. None: also
 * what is not known at all.
 */
MP_MUST_USE int mp_compression_of(const struct mp_contents *contents,
				  enum mp_compression *compression_out, struct mp_error *err);

/*
 * The plain bytes of compressed @contents, made by a thread of its own. Neither more memory nor
 * more than a few pieces ahead of whoever takes them.
 */
struct mp_decompressor;

/*
 * @contents: borrowed until the end. MP_E_FORMAT for what is known and not read (bzip2, xz, lz4:
 * layers have gzip and zstd), with what to do.
 */
MP_MUST_USE int mp_decompressor_start(const struct mp_contents *contents,
				      enum mp_compression compression,
				      struct mp_decompressor **decompressor_out,
				      struct mp_error *err);

/*
 * The next piece: 1, and *data_out, valid until the next call; 0 at the end; -1 with MP_E_FORMAT
 * for damaged data or an expansion that no honest file has (a bomb), MP_E_SYS, MP_E_INTERRUPTED.
 */
MP_MUST_USE int mp_decompressor_next(struct mp_decompressor *decompressor, const void **data_out,
				     size_t *len_out, struct mp_error *err);
void mp_decompressor_freep(struct mp_decompressor **decompressor);

#endif
