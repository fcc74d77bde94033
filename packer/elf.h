/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_ELF_H
#define MP_PACKER_ELF_H

#include "core/buf.h"
#include "core/error.h"
#include "packer/dlopen_note.h"
#include "packer/rootfs.h"

#include <stdbool.h>
#include <stdint.h>

/* What the dynamic loader would read of an ELF file (gABI chapter 5; ld.so(8)). */
struct mp_elf {
	uint8_t elf_class;        /* ELFCLASS32, ELFCLASS64 */
	uint8_t byte_order;       /* ELFDATA2LSB, ELFDATA2MSB */
	uint16_t machine;         /* EM_X86_64, … */
	uint32_t flags;           /* e_flags: of some machines, which of several ABIs it is */
	bool dynamic;             /* has PT_DYNAMIC */
	char *interpreter;        /* PT_INTERP; NULL without one */
	char *soname;             /* DT_SONAME; NULL without one */
	struct mp_strv needed;    /* DT_NEEDED, in order */
	struct mp_strv filters;   /* DT_FILTER: as needed as those, but not to musl */
	struct mp_strv auxiliary; /* DT_AUXILIARY: loaded where found, not missed where not */
	struct mp_strv rpath;   /* DT_RPATH split at ':'; an empty piece is the current directory */
	struct mp_strv runpath; /* DT_RUNPATH, likewise */
	bool has_runpath;       /* DT_RUNPATH is there, even when empty: RPATH is ignored */
	bool no_default_lib;    /* DF_1_NODEFLIB */
	struct mp_dlopens dlopens; /* of its .note.dlopen */
	unsigned int libc_uses;    /* of what it imports: bits of enum mp_libc_use */
	unsigned int glibc_minor;  /* of libc.so.6: the 36 of 2.36; 0 for anything else */
};

/*
 * Returns 1 and fills *elf_out for an ELF file, 0 for
 * anything else, -1 with MP_E_FORMAT for a malformed or truncated one (the caller keeps such a file
 * as a plain one, with a warning) or MP_E_SYS. Bounded in time and memory whatever the file holds.
 * Notes and imports, which no loader reads at the start of a program, are taken as far as they make
 * sense.
 */
MP_MUST_USE int mp_elf_read(const struct mp_contents *contents, const char *name,
			    struct mp_elf *elf_out, struct mp_error *err);
void mp_elf_clear(struct mp_elf *elf);

#endif
