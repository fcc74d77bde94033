/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/decompress.h"

#include "core/interrupt.h"
#include "core/thread.h"
#include "packer/ring.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

#define CHUNK ((size_t)1 << 17)

/* DEFLATE packs at most 1,032 bytes into one; a small file of zeros may do better by zstd. */
#define BOMB_MIN_BYTES ((uint64_t)1 << 30)
#define BOMB_RATIO 1100

static const struct magic {
	enum mp_compression compression;
	const char *name;
	size_t len;
	const char *bytes;
} magics[] = {
	{ MP_COMPRESSION_GZIP, "gzip", 2, "\x1f\x8b" },
	{ MP_COMPRESSION_ZSTD, "zstd", 4, "\x28\xb5\x2f\xfd" },
	{ MP_COMPRESSION_BZIP2, "bzip2", 3, "BZh" },
	{ MP_COMPRESSION_XZ, "xz", 6, "\xfd\x37zXZ\0" },
	{ MP_COMPRESSION_LZ4, "lz4", 4, "\x04\x22\x4d\x18" },
};

int mp_compression_of(const struct mp_contents *contents, enum mp_compression *compression_out,
		      struct mp_error *err)
{
	char head[8] = { 0 };
	ssize_t got = mp_contents_read(contents, head, sizeof(head), 0);

	if (got < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read");
	*compression_out = MP_COMPRESSION_NONE;
	for (size_t i = 0; i < MP_ARRAY_LEN(magics); i++) {
		if ((size_t)got >= magics[i].len &&
		    memcmp(head, magics[i].bytes, magics[i].len) == 0)
			*compression_out = magics[i].compression;
	}
	return 0;
}

struct mp_decompressor {
	pthread_t thread;
	struct mp_contents contents;
	struct mp_ring *ring;
	struct archive *archive;
	unsigned char *chunk;  /* of CHUNK bytes: compressed ones */
	uint64_t taken, given; /* bytes so far, compressed and plain */
	int rc;                /* of the thread, once the ring has ended */
	struct mp_error err;
};

static la_ssize_t on_read(struct archive *archive, void *context, const void **data_out)
{
	struct mp_decompressor *decompressor = context;
	ssize_t got = mp_contents_read(&decompressor->contents, decompressor->chunk, CHUNK,
				       decompressor->taken);

	if (got < 0) {
		archive_set_error(archive, errno, "read: %s", strerrordesc_np(errno));
		return -1;
	}
	decompressor->taken += (uint64_t)got;
	*data_out = decompressor->chunk;
	return got;
}

static int damaged(struct mp_decompressor *decompressor)
{
	const char *text = archive_error_string(decompressor->archive);

	return mp_error_set(&decompressor->err, MP_E_FORMAT, 0, "decompress it: %s",
			    text ? text : "damaged data");
}

/* As one stream of bytes by one filter, and not, as libarchive would, by what is found in it. */
static int open_archive(struct mp_decompressor *decompressor, int filter)
{
	struct archive *archive = decompressor->archive;
	struct archive_entry *entry;

	/* Anything but OK, also a warning: that it would run a program for it. */
	if (archive_read_append_filter(archive, filter) != ARCHIVE_OK ||
	    archive_read_support_format_raw(archive) != ARCHIVE_OK ||
	    archive_read_open(archive, decompressor, NULL, on_read, NULL) != ARCHIVE_OK)
		return damaged(decompressor);
	/* Cut short in its first block looks the same as empty, which no archive and no layer is.
	 */
	if (archive_read_next_header(archive, &entry) != ARCHIVE_OK)
		return mp_error_set(&decompressor->err, MP_E_FORMAT, 0,
				    "decompress it: it is empty, damaged or cut short");
	return 0;
}

static int check_bomb(struct mp_decompressor *decompressor)
{
	if (decompressor->given <= BOMB_MIN_BYTES ||
	    decompressor->given / BOMB_RATIO <= decompressor->taken)
		return 0;
	return mp_error_set(&decompressor->err, MP_E_FORMAT, 0,
			    "decompress it: %llu bytes became more than %llu, which no honest file "
			    "does",
			    (unsigned long long)decompressor->taken,
			    (unsigned long long)decompressor->given);
}

static int pump(struct mp_decompressor *decompressor)
{
	for (;;) {
		void *room = mp_ring_room(decompressor->ring);
		la_ssize_t got;

		if (!room)
			return 0; /* nobody wants it any more */
		if (mp_interrupt_check(&decompressor->err))
			return -1;
		got = archive_read_data(decompressor->archive, room, MP_RING_SLOT);
		if (got < 0)
			return damaged(decompressor);
		if (got == 0)
			return 0;
		decompressor->given += (uint64_t)got;
		if (check_bomb(decompressor))
			return -1;
		mp_ring_put(decompressor->ring, (size_t)got);
	}
}

static void *run(void *context)
{
	struct mp_decompressor *decompressor = context;

	decompressor->rc = pump(decompressor);
	mp_ring_end(decompressor->ring);
	return NULL;
}

static int not_read(enum mp_compression compression, struct mp_error *err)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(magics); i++) {
		if (magics[i].compression != compression)
			continue;
		mp_error_set(err, MP_E_FORMAT, 0, "it is compressed by %s, which is not read",
			     magics[i].name);
		return mp_error_hint(err, "decompress it, or use gzip or zstd");
	}
	return mp_error_set(err, MP_E_FORMAT, 0, "it is compressed by an unknown method");
}

static void release(struct mp_decompressor **decompressor)
{
	archive_read_free((*decompressor)->archive);
	mp_ring_freep(&(*decompressor)->ring);
	mp_freep(&(*decompressor)->chunk);
	mp_freep(decompressor);
}

int mp_decompressor_start(const struct mp_contents *contents, enum mp_compression compression,
			  struct mp_decompressor **decompressor_out, struct mp_error *err)
{
	struct mp_decompressor *decompressor;
	int rc;

	if (compression != MP_COMPRESSION_GZIP && compression != MP_COMPRESSION_ZSTD)
		return not_read(compression, err);
	decompressor = mp_xcalloc(1, sizeof(*decompressor));
	decompressor->contents = *contents;
	decompressor->chunk = mp_xmalloc(CHUNK);
	decompressor->ring = mp_ring_new();
	decompressor->archive = archive_read_new();
	rc = open_archive(decompressor, compression == MP_COMPRESSION_GZIP ? ARCHIVE_FILTER_GZIP
									   : ARCHIVE_FILTER_ZSTD);
	if (rc) {
		mp_error_set(err, decompressor->err.code, 0, "%s", decompressor->err.msg);
		release(&decompressor);
		return -1;
	}
	rc = mp_thread_start(&decompressor->thread, run, decompressor);
	if (rc) {
		release(&decompressor);
		return mp_error_set(err, MP_E_SYS, rc, "start a thread");
	}
	*decompressor_out = decompressor;
	return 0;
}

int mp_decompressor_next(struct mp_decompressor *decompressor, const void **data_out,
			 size_t *len_out, struct mp_error *err)
{
	*len_out = mp_ring_take(decompressor->ring, data_out);
	if (*len_out > 0)
		return 1;
	if (decompressor->rc && err)
		*err = decompressor->err;
	return decompressor->rc;
}

void mp_decompressor_freep(struct mp_decompressor **decompressor)
{
	if (!*decompressor)
		return;
	mp_ring_stop((*decompressor)->ring);
	pthread_join((*decompressor)->thread, NULL);
	release(decompressor);
}
