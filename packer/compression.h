/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_COMPRESSION_H
#define MP_PACKER_COMPRESSION_H

/* How an archive, or a layer of an image, is stored. */
enum mp_compression {
	MP_COMPRESSION_NONE,
	MP_COMPRESSION_GZIP, /* RFC 1952 */
	MP_COMPRESSION_ZSTD, /* RFC 8878 */
	MP_COMPRESSIONS,     /* how many are written and read: those above */
	/* Known by name alone: */
	MP_COMPRESSION_BZIP2 = MP_COMPRESSIONS,
	MP_COMPRESSION_XZ,
	MP_COMPRESSION_LZ4,
};

#endif
