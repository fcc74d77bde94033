/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_LIBC_LOCALE_H
#define MP_PACKER_LIBC_LOCALE_H

#include "packer/resolve.h"

#include <stdint.h>

/*
 * Appends the files from which glibc takes the locale @name (locale(7)): the archive where that has
 * it, otherwise those of its directory below /usr/lib/locale; none for "C" and "POSIX", or where
 * the image has no such locale. @byte_order: ELFDATA2LSB or ELFDATA2MSB, that of the C library.
 */
MP_MUST_USE int mp_libc_locale_files(struct mp_resolver *resolver, uint8_t byte_order,
				     const char *name, struct mp_strv *files, struct mp_error *err);

#endif
