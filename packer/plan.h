/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_PLAN_H
#define MP_PACKER_PLAN_H

#include "core/image.h"
#include "core/trace.h"
#include "packer/fileset.h"
#include "packer/packages.h"
#include "packer/rules.h"

/* What a plan could not do; none of it is an error by itself. */
struct mp_plan_notes {
	struct mp_strv missing_listed; /* paths of the list that are not in the image */
	struct mp_strv missing_needed; /* "libx.so.1 needed by /usr/bin/y (searched: …)" */
	struct mp_strv missing_unused; /* the same, but the trace shows that the file was used
					  without, or none of the image's programs fails for it */
	struct mp_strv
		created_at_run; /* traced paths that the image does not have: the run made them */
	struct mp_packages *packages; /* of what is kept; NULL: nobody asked */
};

void mp_plan_notes_clear(struct mp_plan_notes *notes);

/* A plan as it was written, and perhaps edited (packer/plan_file.h). */
struct mp_plan_text {
	const char *text;
	size_t len;
	const char *name;
};

/*
 * What to ask of an image. Exactly one of @trace, @list and @plan; a plan is taken as it is,
 * without rules or configuration. @config: the image's; NULL where there is no image (pack --root),
 * and then nothing is kept for an engine but mount points and /tmp.
 */
struct mp_plan_request {
	const struct mp_trace *trace;
	const struct mp_strv *list; /* clean absolute paths */
	const struct mp_plan_text *plan;
	const struct mp_image_config *config;
	const struct mp_rules *rules; /* NULL: none */
	const struct mp_image *image; /* for descriptions of the result; NULL: there is none */
	bool no_package_db;           /* look for no packages, add no records of them */
	bool keep_suggested;          /* also what a note of dlopen(3) merely suggests */
};

/*
 * Decides what to keep of @root: the traced or listed paths that exist there; every symlink and
 * parent on the way; what the rules say; the ELF closure; shebang interpreters; what the engine
 * itself reads; WORKDIR, VOLUME directories and mount points; /tmp with mode 1777. *set_out belongs
 * to the caller.
 *
 * Of a container's trace is not taken what was not the image's: contents of /proc, /sys and /dev,
 * the engine's own files, and what was mounted, but for the image's directories that it was mounted
 * on. Volumes of the configuration are the image's: an engine fills them from there.
 */
MP_MUST_USE int mp_plan(struct mp_rootfs *root, const struct mp_plan_request *request,
			struct mp_fileset **set_out, struct mp_plan_notes *notes_out,
			struct mp_error *err);

/* Whether @path (clean) is not the image's in any container: in /proc, or made by the engine. */
bool mp_plan_is_engines_own(const char *path);

/* Whether @event needs no more of a regular file than that it is there. */
bool mp_plan_is_look(const struct mp_trace_event *event);

#endif
