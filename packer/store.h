/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_STORE_H
#define MP_PACKER_STORE_H

#include "core/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Unnamed temporary files, in TMPDIR or else /tmp, that go when they are closed, however this
 * program ends.
 */
MP_MUST_USE int mp_store_open(int *fd_out, struct mp_error *err);

/* What is said when one cannot be used: @what was tried ("write to") failed with @error. Returns
 * -1. */
int mp_store_failed(int error, const char *what, struct mp_error *err);

/*
 * Contents of files, one after the other in such a temporary file. Blocks of zeros become holes, so
 * that neither a sparse file nor one of zeros takes room. Zero-initialised is closed.
 */
struct mp_store {
	int fd;       /* valid while buffer is not NULL */
	uint64_t end; /* where the next file's contents go */
	unsigned char *buffer;
	uint64_t buffer_at; /* where its contents belong */
	size_t buffer_len;
};

MP_MUST_USE int mp_store_start(struct mp_store *store, struct mp_error *err);

/* A place for @size_bytes, which begins at a block. False where no file can be that large. */
bool mp_store_reserve(struct mp_store *store, uint64_t size_bytes, uint64_t *offset_out);

/* What is not written is a hole. Fast where offsets ascend. */
MP_MUST_USE int mp_store_write(struct mp_store *store, uint64_t offset, const void *data,
			       size_t len, struct mp_error *err);

/* Nothing more will be written: @fd stays open, and is as long as all that was reserved. */
MP_MUST_USE int mp_store_finish(struct mp_store *store, struct mp_error *err);
void mp_store_close(struct mp_store *store);

#endif
