/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_SUMMER_H
#define MP_CORE_SUMMER_H

#include "core/sha256.h"

/*
 * Digests of texts that come one after the other, each kind of digest by a thread of its own:
 * whoever adds only copies, and waits no longer than until one of a few buffers is free.
 */
struct mp_summer;

/* @kinds: bits 1u << MP_SUM_…, one or more. Where there can be no thread, it takes longer, and is
 * right as well. */
struct mp_summer *mp_summer_new(unsigned int kinds);

/* More of the text; @data is copied. */
void mp_summer_add(struct mp_summer *summer, const void *data, size_t len);

/*
 * The text ends, and the next begins. Its digests go to @sha1_out and @sha256_out, as large as
 * core/sha256.h says, which must stay where they are, and may be looked at after mp_summer_wait.
 * Either is NULL where it is not wanted, or of no kind that is taken.
 */
void mp_summer_cut(struct mp_summer *summer, char *sha1_out, char *sha256_out);

/* Until all digests that were asked for are there. More may be added afterwards. */
void mp_summer_wait(struct mp_summer *summer);

/* Digests that are not there by now will never be. */
void mp_summer_freep(struct mp_summer **summer);

#endif
