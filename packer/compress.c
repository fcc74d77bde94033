/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/compress.h"

#include "core/buf.h"
#include "core/file.h"
#include "packer/store.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define CHUNK ((size_t)1 << 18)
#define GZIP_LEVEL 6
/* 16 more than the size of the window: a gzip header (zlib.h). */
#define GZIP_WINDOW (MAX_WBITS + 16)
#define GZIP_MEMORY 8
#define ZSTD_LEVEL 3

struct mp_compressor {
	enum mp_compression how;
	int fd;
	const char *name;
	bool is_temporary;
	unsigned char *pending; /* of CHUNK bytes, not yet compressed or written */
	size_t n_pending;
	unsigned char *packed; /* of CHUNK bytes; NULL without compression */
	z_stream gzip;
	ZSTD_CCtx *zstd;
	struct mp_sha256 *sum; /* NULL without compression */
	uint64_t size_bytes;   /* written */
};

/* How archives are called. */
static const struct suffix {
	const char *text;
	enum mp_compression how;
} suffixes[] = {
	{ ".tar", MP_COMPRESSION_NONE },  { ".tar.gz", MP_COMPRESSION_GZIP },
	{ ".tgz", MP_COMPRESSION_GZIP },  { ".tar.zst", MP_COMPRESSION_ZSTD },
	{ ".tzst", MP_COMPRESSION_ZSTD },
};

static bool ends_with(const char *path, const char *suffix)
{
	size_t len = strlen(path), suffix_len = strlen(suffix);

	return len >= suffix_len && strcmp(path + len - suffix_len, suffix) == 0;
}

/* That of @path, or NULL. */
static const struct suffix *suffix_of(const char *path)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(suffixes); i++) {
		if (ends_with(path, suffixes[i].text))
			return &suffixes[i];
	}
	return NULL;
}

enum mp_compression mp_compression_of_name(const char *path)
{
	const struct suffix *suffix = suffix_of(path);

	return suffix ? suffix->how : MP_COMPRESSION_NONE;
}

size_t mp_archive_stem_length(const char *path)
{
	const struct suffix *suffix = suffix_of(path);
	size_t len = strlen(path), stem = len - (suffix ? strlen(suffix->text) : 0);

	return stem > 0 && path[stem - 1] != '/' ? stem : len;
}

int mp_compression_check_name(const char *path, struct mp_error *err)
{
	static const char *const others[] = { ".gz",   ".zst",  ".xz",  ".txz", ".bz2",
					      ".tbz2", ".lzma", ".lz4", ".lz",  ".br" };

	if (mp_compression_of_name(path) != MP_COMPRESSION_NONE)
		return 0;
	for (size_t i = 0; i < MP_ARRAY_LEN(others); i++) {
		if (ends_with(path, others[i]))
			return mp_error_set(err, MP_E_USAGE, 0,
					    "'%s': what is compressed ends in .tar.gz, .tgz, "
					    ".tar.zst or .tzst",
					    path);
	}
	return 0;
}

static int no_memory(const char *library, struct mp_error *err)
{
	return mp_error_set(err, MP_E_SYS, ENOMEM, "start %s", library);
}

static int start(struct mp_compressor *compressor, struct mp_error *err)
{
	if (compressor->how == MP_COMPRESSION_GZIP) {
		if (deflateInit2(&compressor->gzip, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW,
				 GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
			return no_memory("zlib", err);
		return 0;
	}
	compressor->zstd = ZSTD_createCCtx();
	if (!compressor->zstd)
		return no_memory("libzstd", err);
	ZSTD_CCtx_setParameter(compressor->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	ZSTD_CCtx_setParameter(compressor->zstd, ZSTD_c_checksumFlag, 1);
	return 0;
}

int mp_compressor_new(enum mp_compression how, int fd, const char *name,
		      struct mp_compressor **compressor_out, struct mp_error *err)
{
	MP_AUTO(mp_compressor_freep)
	struct mp_compressor *compressor = mp_xcalloc(1, sizeof(*compressor));

	compressor->how = how;
	compressor->fd = fd;
	compressor->name = name ? name : "a temporary file";
	compressor->is_temporary = !name;
	compressor->pending = mp_xmalloc(CHUNK);
	if (how != MP_COMPRESSION_NONE) {
		compressor->packed = mp_xmalloc(CHUNK);
		compressor->sum = mp_sha256_new();
		if (start(compressor, err))
			return -1;
	}
	*compressor_out = MP_STEAL(compressor);
	return 0;
}

static int put(struct mp_compressor *compressor, const void *data, size_t len, struct mp_error *err)
{
	if (compressor->sum)
		mp_sha256_add(compressor->sum, data, len);
	compressor->size_bytes += len;
	if (mp_fd_write_all(compressor->fd, data, len, compressor->name, err) == 0)
		return 0;
	if (compressor->is_temporary && err->code == MP_E_SYS)
		return mp_store_failed(err->sys_errno, "write to", err);
	return -1;
}

/* It fails only where it is not called as it has to be. */
static int put_gzip(struct mp_compressor *compressor, size_t len, bool last, struct mp_error *err)
{
	z_stream *gzip = &compressor->gzip;
	int rc;

	gzip->next_in = compressor->pending;
	gzip->avail_in = (uInt)len;
	do {
		gzip->next_out = compressor->packed;
		gzip->avail_out = (uInt)CHUNK;
		rc = deflate(gzip, last ? Z_FINISH : Z_NO_FLUSH);
		if (rc == Z_STREAM_ERROR)
			return mp_error_set(err, MP_E_SYS, 0, "compress '%s': %s", compressor->name,
					    gzip->msg ? gzip->msg : "zlib is in disorder");
		if (put(compressor, compressor->packed, CHUNK - gzip->avail_out, err))
			return -1;
	} while (last ? rc != Z_STREAM_END : gzip->avail_out == 0);
	return 0;
}

static int put_zstd(struct mp_compressor *compressor, size_t len, bool last, struct mp_error *err)
{
	ZSTD_inBuffer in = { compressor->pending, len, 0 };
	size_t left;

	do {
		ZSTD_outBuffer out = { compressor->packed, CHUNK, 0 };

		left = ZSTD_compressStream2(compressor->zstd, &out, &in,
					    last ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left))
			return mp_error_set(err, MP_E_SYS, 0, "compress '%s': %s", compressor->name,
					    ZSTD_getErrorName(left));
		if (put(compressor, compressor->packed, out.pos, err))
			return -1;
	} while (last ? left != 0 : in.pos < in.size);
	return 0;
}

static int flush(struct mp_compressor *compressor, bool last, struct mp_error *err)
{
	size_t len = compressor->n_pending;

	compressor->n_pending = 0;
	switch (compressor->how) {
	case MP_COMPRESSION_GZIP:
		return put_gzip(compressor, len, last, err);
	case MP_COMPRESSION_ZSTD:
		return put_zstd(compressor, len, last, err);
	default:
		return put(compressor, compressor->pending, len, err);
	}
}

/* Pieces that are compressed are all of one size, so that nothing depends on how they came. */
int mp_compressor_add(struct mp_compressor *compressor, const void *data, size_t len,
		      struct mp_error *err)
{
	const unsigned char *bytes = data;

	if (compressor->how == MP_COMPRESSION_NONE && len >= CHUNK)
		return flush(compressor, false, err) || put(compressor, data, len, err) ? -1 : 0;
	while (len > 0) {
		size_t room = CHUNK - compressor->n_pending;
		size_t part = len < room ? len : room;

		memcpy(compressor->pending + compressor->n_pending, bytes, part);
		compressor->n_pending += part;
		bytes += part;
		len -= part;
		if (compressor->n_pending == CHUNK && flush(compressor, false, err))
			return -1;
	}
	return 0;
}

int mp_compressor_finish(struct mp_compressor *compressor, char sha256_out[MP_SHA256_HEX_SIZE],
			 uint64_t *size_out, struct mp_error *err)
{
	if (flush(compressor, true, err))
		return -1;
	if (compressor->sum)
		mp_sha256_finish(compressor->sum, sha256_out);
	*size_out = compressor->size_bytes;
	return 0;
}

void mp_compressor_freep(struct mp_compressor **compressor)
{
	int saved_errno = errno;

	if (!*compressor)
		return;
	if ((*compressor)->how == MP_COMPRESSION_GZIP)
		deflateEnd(&(*compressor)->gzip);
	ZSTD_freeCCtx((*compressor)->zstd);
	mp_sha256_freep(&(*compressor)->sum);
	mp_freep(&(*compressor)->pending);
	mp_freep(&(*compressor)->packed);
	mp_freep(compressor);
	errno = saved_errno;
}
