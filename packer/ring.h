/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_RING_H
#define MP_PACKER_RING_H

#include "core/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

/* Bytes on their way from one thread to another: a few slots, so that neither waits for long. */
struct mp_ring;

/* Of one slot. */
#define MP_RING_SLOT ((size_t)1 << 17)

struct mp_ring *mp_ring_new(void);
/* Both threads are done with it. */
void mp_ring_freep(struct mp_ring **ring);

/* The writer: a slot to be filled, waited for; NULL once the reader has stopped. */
void *mp_ring_room(struct mp_ring *ring);
/* @len bytes of that slot are for the reader. */
void mp_ring_put(struct mp_ring *ring, size_t len);
/* There is nothing more. */
void mp_ring_end(struct mp_ring *ring);

/*
 * The reader: the bytes of the next slot, valid until the next call; 0 after the end. @data_out:
 * borrowed.
 */
size_t mp_ring_take(struct mp_ring *ring, const void **data_out);
/* Nothing more is wanted. */
void mp_ring_stop(struct mp_ring *ring);

#endif
