/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_CLOCK_H
#define MP_CORE_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC in milliseconds. */
int64_t mp_clock_ms(void);

/*
 * A duration as people write it: "30", "30s", "500ms", "2m", "1h" (a bare number is seconds).
 * Returns milliseconds, or -1 when @text is none (also when it is negative or beyond 365 days).
 */
int64_t mp_duration_parse_ms(const char *text);

#endif
