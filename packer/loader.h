/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_LOADER_H
#define MP_PACKER_LOADER_H

#include "packer/elf.h"
#include "packer/resolve.h"

/*
 * Where a dynamic loader looks for a library: glibc's rules (ld.so(8), elf/dl-load.c) and musl's
 * (ldso/dynlink.c). What was read of the image on the way is kept: ELF files, the library cache.
 */
struct mp_loader;

/*
 * @library_path: LD_LIBRARY_PATH in the image's environment, or NULL. @working_dir: what an empty
 * or relative directory is relative to. Borrowed: @resolver.
 */
struct mp_loader *mp_loader_new(struct mp_resolver *resolver, const char *library_path,
				const char *working_dir);
void mp_loader_freep(struct mp_loader **loader);

/*
 * What is in the file at the real path @path: 1 and *elf_out (borrowed), or 0 where that is no ELF
 * file, or a malformed one (then a warning says so); -1 with MP_E_SYS. Each file is read once.
 */
MP_MUST_USE int mp_loader_read_elf(struct mp_loader *loader, const char *path,
				   const struct mp_elf **elf_out, struct mp_error *err);

/* The same of @contents, which are those of that file: where it was not read so far. */
MP_MUST_USE int mp_loader_read_elf_of(struct mp_loader *loader, const char *path,
				      const struct mp_contents *contents,
				      const struct mp_elf **elf_out, struct mp_error *err);
/* Whether the file at @path was read, and is ELF. */
bool mp_loader_has_elf(const struct mp_loader *loader, const char *path);

/* Which loader's rules hold in a process. */
struct mp_loader_kind {
	bool musl;
	char *musl_arch;   /* "x86_64": of /etc/ld-musl-x86_64.path; NULL unless musl */
	char *musl_prefix; /* directory above the one of the loader: "" for /lib/ld-musl-… */
};

/* By the base name of PT_INTERP; NULL: glibc. */
void mp_loader_kind_of(const char *interpreter, struct mp_loader_kind *kind);
void mp_loader_kind_clear(struct mp_loader_kind *kind);

/* A file mapped into a process. */
struct mp_object {
	const struct mp_elf *elf;
	const char *origin; /* $ORIGIN */
	const struct mp_object
		*needer; /* that it was loaded for; NULL for the first of a process */
};

/* A library that was found. */
struct mp_library {
	/*
	 * [0] is what the loader takes on the plainest CPU; the rest are variants in glibc-hwcaps
	 * that it takes on others.
	 */
	struct mp_resolution *files;
	size_t n;
	size_t cap;
	char *through; /* the file that told the loader where: /etc/ld.so.cache; NULL: none */
	bool again;    /* this same answer was given before: who keeps what is found has done so */
};

/* What @loader was made with. */
struct mp_resolver *mp_loader_resolver(const struct mp_loader *loader);
const char *mp_loader_working_dir(const struct mp_loader *loader);

/*
 * Looks for @name, a DT_NEEDED of @needer. Returns 1 and *library_out, which belongs to the loader
 * and is good until the next call; 0 where no directory has it for this machine, -1. @tried: gets,
 * where it is not found, each directory (or file) that was tried, in order.
 */
MP_MUST_USE int mp_loader_find(struct mp_loader *loader, const struct mp_loader_kind *kind,
			       const struct mp_object *needer, const char *name,
			       const struct mp_library **library_out, struct mp_strv *tried,
			       struct mp_error *err);

#endif
