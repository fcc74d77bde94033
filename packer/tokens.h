/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_TOKENS_H
#define MP_PACKER_TOKENS_H

#include "packer/elf.h"

/*
 * Appends what @text stands for in an object of @elf's machine once $ORIGIN, $LIB and $PLATFORM (in
 * braces or not) are put in (ld.so(8), "Dynamic string tokens"). More than one text where an image
 * does not tell what a token stands for; none where one has no meaning there or the result is no
 * path. @musl: only $ORIGIN is a token.
 */
void mp_tokens_expand(const char *text, const char *origin, const struct mp_elf *elf, bool musl,
		      struct mp_strv *out);

#endif
