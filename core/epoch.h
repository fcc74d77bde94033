/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_EPOCH_H
#define MP_CORE_EPOCH_H

#include "core/error.h"

#include <stdint.h>

/*
 * SOURCE_DATE_EPOCH (reproducible-builds.org/specs/source-date-epoch): the time, in seconds since
 * 1970, that is to stand for now in what is made, and that nothing in it may be newer than. Returns
 * 1 where it is set, 0 where not, -1 with MP_E_USAGE where it is not a plain decimal number, or
 * beyond the year 9999, which RFC 3339 cannot say.
 */
MP_MUST_USE int mp_epoch_read(int64_t *seconds_out, struct mp_error *err);

/* "2026-11-22T10:00:00Z" (RFC 3339), for seconds that mp_epoch_read gives; the caller's to free. */
char *mp_epoch_text(int64_t seconds);

#endif
