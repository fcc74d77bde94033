/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CLI_PACKING_H
#define MP_CLI_PACKING_H

#include "core/trace.h"
#include "packer/archive.h"
#include "packer/plan.h"

/* What was packed. */
struct mp_packed {
	struct mp_archive_stats stats;
	struct mp_layer file; /* the archive at its path, its descriptor closed */
	/* By compression; the forms that were asked for can be read, the others have an fd of -1.
	 */
	struct mp_layer layers[MP_COMPRESSIONS];
};

#define MP_PACKED_NONE                                                                             \
	((struct mp_packed){ .file.fd = -1,                                                        \
			     .layers = { { .fd = -1 }, { .fd = -1 }, { .fd = -1 } } })

void mp_packed_clear(struct mp_packed *packed);

/* Where a plan is written: before anything is packed. */
struct mp_plan_output {
	const char *path;
	const char *image_id; /* NULL or "": not known */
};

/*
 * Writes a plan instead of an archive. *stats_out: of what it would pack, without a digest. Errors
 * as of mp_pack_to_file.
 */
MP_MUST_USE int mp_pack_plan(struct mp_rootfs *root, const struct mp_plan_request *request,
			     const struct mp_plan_output *output,
			     struct mp_archive_stats *stats_out, struct mp_error *err);

/*
 * Plans and writes the archive at @path (NULL: nowhere), whole or not at all, compressed as its
 * name says. @forms: bits 1u << MP_COMPRESSION_… of what is needed to read again; where @path is
 * none of them a nameless file is. *packed_out: MP_PACKED_NONE before. A listed path that the image
 * does not have is MP_E_NOTFOUND, as is a library that a kept program needs; where the trace
 * shows that it ran without, that is a warning. SOURCE_DATE_EPOCH is obeyed. @plan: where
 * to write the plan as well; NULL: nowhere.
 * Beside the archive comes an SPDX document of it (cli/sbom.h), unless the request asks for no
 * packages.
 */
MP_MUST_USE int mp_pack_to_file(struct mp_rootfs *root, const struct mp_plan_request *request,
				const struct mp_plan_output *plan, const char *path,
				unsigned int forms, struct mp_packed *packed_out,
				struct mp_error *err);

/* -1 with MP_E_INCOMPLETE for a trace with losses, unless @incomplete_ok: then a warning. */
MP_MUST_USE int mp_accept_trace(const struct mp_trace *trace, bool incomplete_ok,
				struct mp_error *err);

/* "9.9 MB", in units of 1000 as docker prints them; owned by the caller. */
char *mp_size_text(uint64_t size_bytes);

#endif
