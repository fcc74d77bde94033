/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_CLOSURE_H
#define MP_PACKER_CLOSURE_H

#include "packer/process.h"

/* What of an image's configuration decides where programs look. */
struct mp_closure_env {
	const char *library_path; /* LD_LIBRARY_PATH; NULL: not set, as the next two */
	const char *preload;      /* LD_PRELOAD */
	const char *search_path;  /* PATH */
	const char *working_dir;  /* "/" at least */
	struct mp_strv locales;   /* that LANG and its like select */
	bool suggested;           /* keep what a note of dlopen(3) merely suggests */
};

/*
 * Adds to @set what its files need to run, and what that needs: of ELF files the interpreter and
 * the libraries, those that notes and the C library name too (packer/dlopen_note.h,
 * packer/libc_loads.h); of executable scripts the interpreter. @missing: gets what the image does
 * not have, unless a file of that name is kept for another reason: then the program knows where to
 * look. A malformed ELF file is kept as it is, with a warning. -1: the image cannot be read.
 */
MP_MUST_USE int mp_closure_run(struct mp_resolver *resolver, struct mp_fileset *set,
			       const struct mp_closure_env *env, struct mp_missing *missing,
			       struct mp_error *err);

/*
 * Whether a trace, or somebody, asked for the file at @path of the set itself: by MP_REASON_TRACED,
 * LISTED or RULE, if only through a symlink. The reason, or MP_REASON_COUNT where nobody did.
 */
enum mp_reason mp_closure_asked(const struct mp_fileset *set, const char *path);

/*
 * Whether it does not matter that something which the file at @path needs is missing: the file
 * itself was traced, so the program ran without; or all that wants the file is a note of dlopen(3)
 * or the C library, which do without it.
 */
bool mp_closure_is_unused(const struct mp_fileset *set, const char *path);

#endif
