/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_PLAN_H
#define MP_PACKER_PLAN_H

#include "core/image_config.h"
#include "core/trace.h"
#include "packer/fileset.h"

/* What a plan could not do; none of it is an error by itself. */
struct mp_plan_notes {
	struct mp_strv missing_listed; /* paths of the list that are not in the image */
	struct mp_strv missing_needed; /* "libx.so.1 needed by /usr/bin/y (searched: …)" */
	struct mp_strv missing_unused; /* the same, but the trace shows that the file was used
					  without, or none of the image's programs fails for it */
	struct mp_strv
		created_at_run; /* traced paths that the image does not have: the run made them */
};

void mp_plan_notes_clear(struct mp_plan_notes *notes);

/*
 * What to ask of an image. Exactly one of @trace and @list. @config: the image's; NULL where there
 * is no image (pack --root), and then nothing is kept for an engine but mount points and /tmp.
 */
struct mp_plan_request {
	const struct mp_trace *trace;
	const struct mp_strv *list; /* clean absolute paths */
	const struct mp_image_config *config;
	bool keep_suggested; /* also what a note of dlopen(3) merely suggests */
};

/*
 * Decides what to keep of @root: the traced or listed paths that exist there; every symlink and
 * parent on the way; the ELF closure; shebang interpreters; what the engine itself reads; WORKDIR,
 * VOLUME directories and mount points; /tmp with mode 1777. *set_out belongs to the caller.
 */
MP_MUST_USE int mp_plan(struct mp_rootfs *root, const struct mp_plan_request *request,
			struct mp_fileset **set_out, struct mp_plan_notes *notes_out,
			struct mp_error *err);

/*
 * Reads a hand-written list: one absolute path a line, blank lines and lines that begin with '#'
 * left out, escapes as in a trace. Appends clean paths. MP_E_FORMAT with the line number.
 */
MP_MUST_USE int mp_list_parse(const char *text, size_t len, const char *name, struct mp_strv *paths,
			      struct mp_error *err);

#endif
