/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_LIBC_LOADS_H
#define MP_PACKER_LIBC_LOADS_H

#include "packer/loader.h"

/*
 * What glibc loads by itself, without any ELF file that says so: modules of the name service switch
 * (nsswitch.conf(5)) and of iconv(3), libgcc_s.so.1 to unwind a stack, locales. It does so when one
 * of its functions is called, so a file that imports that function must be kept, and the libc.so.6
 * for its machine. Of musl, which loads nothing, and of static programs, which do not say what they
 * use, nothing is known.
 *
 * What was traced did load in that run what it needed there. What is small and may be needed in
 * another run (a name that was not looked up, a thread that was not cancelled) is kept
 * nevertheless; what is large (modules of iconv, locales) is kept for what was not traced alone.
 */
struct mp_libc_loads;

/* How much is known of a file that imports something. */
enum mp_libc_user {
	MP_LIBC_USER_TRACED,  /* a run has shown what it loads */
	MP_LIBC_USER_CLOSURE, /* needed by something else */
	MP_LIBC_USER_NAMED,   /* somebody asked for this program */
	MP_LIBC_USERS,
};

/*
 * @loader, @set and @locales are borrowed. @locales: names of the locales that the image's
 * environment selects ("C.UTF-8").
 */
struct mp_libc_loads *mp_libc_loads_new(struct mp_loader *loader, struct mp_fileset *set,
					const struct mp_strv *locales);
void mp_libc_loads_freep(struct mp_libc_loads **loads);

/* Takes note of a file that is kept: a C library, or one that uses it. @elf is borrowed. */
void mp_libc_loads_note(struct mp_libc_loads *loads, const char *path, const struct mp_elf *elf,
			enum mp_libc_user user);

/*
 * Adds to the set what the files noted so far make their C library load. What the image does not
 * have is not missed: glibc does without. -1: the image cannot be read.
 */
MP_MUST_USE int mp_libc_loads_keep(struct mp_libc_loads *loads, struct mp_error *err);

#endif
