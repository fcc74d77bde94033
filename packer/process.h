/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_PROCESS_H
#define MP_PACKER_PROCESS_H

#include "packer/loader.h"

/* Something that nothing in the image provides. */
struct mp_missing {
	struct mp_strv names; /* "libx.so.1" */
	struct mp_strv texts; /* same indices: "libx.so.1 needed by /usr/bin/y (searched: …)" */
};

void mp_missing_add(struct mp_missing *missing, const char *name, const char *needed_by,
		    const struct mp_strv *tried);
void mp_missing_free(struct mp_missing *missing);

/*
 * Loads the ELF file at the real path @path (its contents: @elf) as its dynamic loader would at the
 * start of a process, and adds to @set its interpreter and each library, with the symlinks and
 * parents on the way and, where the loader was told by a file, that file. A library without an
 * interpreter is loaded as if by itself. Real paths of what was loaded become keys of @loaded; what
 * is not found goes to @missing. -1: the image cannot be read.
 */
MP_MUST_USE int mp_process_load(struct mp_loader *loader, struct mp_fileset *set, const char *path,
				const struct mp_elf *elf, struct mp_strmap *loaded,
				struct mp_missing *missing, struct mp_error *err);

#endif
