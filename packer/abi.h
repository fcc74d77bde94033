/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_ABI_H
#define MP_PACKER_ABI_H

#include "packer/elf.h"

/* Whether one process can hold both. */
bool mp_abi_equal(const struct mp_elf *a, const struct mp_elf *b);

/*
 * What of a C library's build is not in any file of an image. Where distributions differ, all that
 * are in use, the most particular first.
 */

/* Appends the directories that glibc searches last: Debian's multiarch ones, then lib64 and lib. */
void mp_abi_default_dirs(const struct mp_elf *elf, struct mp_strv *dirs);

/* Appends what $LIB may stand for. */
void mp_abi_lib_values(const struct mp_elf *elf, struct mp_strv *values);

/* Appends what $PLATFORM (AT_PLATFORM of the kernel) may stand for; nothing where there is none. */
void mp_abi_platform_values(const struct mp_elf *elf, struct mp_strv *values);

/* The machine's name in musl's ld-musl-NAME.so.1; NULL where musl knows no such machine. */
const char *mp_abi_musl_arch(const struct mp_elf *elf);

#endif
