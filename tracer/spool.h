/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TRACER_SPOOL_H
#define MP_TRACER_SPOOL_H

#include "core/error.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Records on their way from the kernel to a trace: kept in a nameless temporary file ($TMPDIR, else
 * /tmp) as they come, so that taking them from the kernel is never slower than their being made,
 * whatever becomes of them later. Bytes that were there before are left out.
 */
struct mp_spool;

MP_MUST_USE int mp_spool_open(struct mp_spool **spool_out, struct mp_error *err);

/*
 * Adds a record; @skip of its first bytes do not make it another than the others. A failure to
 * write is kept for _rewind.
 */
void mp_spool_add(struct mp_spool *spool, const void *data, size_t size, size_t skip);

/* Ends adding, and begins reading from the first record. May be called again. */
MP_MUST_USE int mp_spool_rewind(struct mp_spool *spool, struct mp_error *err);

/* The next record: 1 and *data_out (valid until the next call), 0 at the end, -1 with @err. */
MP_MUST_USE int mp_spool_next(struct mp_spool *spool, const void **data_out, size_t *size_out,
			      struct mp_error *err);

void mp_spool_freep(struct mp_spool **spool);

#endif
