/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CLI_PACKING_H
#define MP_CLI_PACKING_H

#include "core/trace.h"
#include "packer/archive.h"
#include "packer/plan.h"

/*
 * Plans and writes the archive at @path, whole or not at all. A listed path that the image does not
 * have is MP_E_NOTFOUND, as is a library that a kept program needs; where the trace shows that it
 * ran without, that is a warning.
 */
MP_MUST_USE int mp_pack_to_file(struct mp_rootfs *root, const struct mp_plan_request *request,
				const char *path, struct mp_archive_stats *stats_out,
				struct mp_error *err);

/* -1 with MP_E_INCOMPLETE for a trace with losses, unless @incomplete_ok: then a warning. */
MP_MUST_USE int mp_accept_trace(const struct mp_trace *trace, bool incomplete_ok,
				struct mp_error *err);

/* "9.9 MB", in units of 1000 as docker prints them; owned by the caller. */
char *mp_size_text(uint64_t size_bytes);

#endif
