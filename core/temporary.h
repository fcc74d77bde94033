/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_TEMPORARY_H
#define MP_CORE_TEMPORARY_H

#include "core/error.h"

/*
 * A file without a name, to be written and read, in TMPDIR (else /tmp): it goes with its last
 * descriptor, whatever ends the process.
 */
MP_MUST_USE int mp_temporary_open(int *fd_out, struct mp_error *err);

/* -1 with MP_E_SYS: that @what ("write") failed for such a file, and what to do about no room. */
int mp_temporary_failed(int error, const char *what, struct mp_error *err);

#endif
