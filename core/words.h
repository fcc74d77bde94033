/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_WORDS_H
#define MP_CORE_WORDS_H

#include "core/buf.h"
#include "core/error.h"

/*
 * Splits @text into words as a POSIX shell does (XCU 2.2: blanks, '…', "…", backslash), without any
 * expansion. Appends to @words. MP_E_USAGE for an unfinished quote.
 */
MP_MUST_USE int mp_words_split(const char *text, struct mp_strv *words, struct mp_error *err);

#endif
