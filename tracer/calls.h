/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TRACER_CALLS_H
#define MP_TRACER_CALLS_H

#include <linux/types.h>

#include "bpf/event.h"

/*
 * Fills the tables of system calls that take paths, by call number: those of this architecture, and
 * those of 32-bit programs on it (all zero where there are none). Both arrays have MP_CALLS
 * entries.
 */
void mp_calls_fill(struct mp_call *calls, struct mp_call *compat_calls);

#endif
