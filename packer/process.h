/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_PROCESS_H
#define MP_PACKER_PROCESS_H

#include "packer/loader.h"

/* Something that nothing in the image provides. */
struct mp_missing {
	struct mp_strv names; /* "libx.so.1" */
	/* Same indices: */
	struct mp_strv texts;     /* "libx.so.1 needed by /usr/bin/y (searched: …)" */
	struct mp_strv needed_by; /* "/usr/bin/y": real path of the file that needs it */
};

void mp_missing_add(struct mp_missing *missing, const char *name, const char *needed_by,
		    const struct mp_strv *tried);
void mp_missing_free(struct mp_missing *missing);

/* What processes have in common. All of it is borrowed. */
struct mp_process_common {
	struct mp_loader *loader;
	struct mp_fileset *set;
	struct mp_strmap *loaded; /* gets real paths of what was loaded, as keys */
	struct mp_missing *missing;
	const char *preload; /* LD_PRELOAD; NULL: not set */
	bool suggested;      /* keep what a note of dlopen(3) merely suggests */
};

/*
 * Loads the ELF file at the real path @path (its contents: @elf) as its dynamic loader would at the
 * start of a process, and what it then loads by dlopen(3), as far as its notes say so. Adds to the
 * set its interpreter and each library, with the symlinks and parents on the way and, where the
 * loader was told by a file, that file. A library without an interpreter is loaded as if by itself.
 * -1: the image cannot be read.
 */
MP_MUST_USE int mp_process_load(const struct mp_process_common *common, const char *path,
				const struct mp_elf *elf, struct mp_error *err);

#endif
