/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_DOCKERFILE_GEN_QUOTE_H
#define MP_DOCKERFILE_GEN_QUOTE_H

#include "core/buf.h"
#include "core/error.h"

#include <stdbool.h>

/*
 * How values are written in a Dockerfile. The rules are those of BuildKit's frontend/dockerfile
 * (parser/ and shell/lex.go), which Docker's legacy builder shares; the escape character is the
 * default backslash.
 */

/* The longest physical line that both builders read: bufio.MaxScanTokenSize less its newline. */
#define MP_DOCKERFILE_MAX_LINE 65535

/*
 * Appends @text as one word for an instruction that expands variables (ADD, ENV, LABEL, STOPSIGNAL,
 * USER, VOLUME, WORKDIR): bare where every character is harmless, else in double quotes. Holds no
 * newline, so @text must not either. @may_wrap: a long text goes over several physical lines, which
 * is not possible inside a JSON string.
 */
void mp_dockerfile_add_word(struct mp_buf *out, const char *text, bool may_wrap);

/* Appends @list as a JSON array on one line: ["a", "b"]. Every string must be UTF-8. */
void mp_dockerfile_add_json(struct mp_buf *out, const struct mp_strv *list);

/*
 * -1 and MP_E_FORMAT unless @text can be a word, or with @is_json a string in a JSON array. The
 * error says that "@instruction @name" (@name may be NULL) cannot be said, and why.
 */
MP_MUST_USE int mp_dockerfile_check(const char *instruction, const char *name, const char *text,
				    bool is_json, struct mp_error *err);

/*
 * The same for a @text that the parser takes as it stands, to the end of the line. @keeps_trailing:
 * whether blanks at its end survive.
 */
MP_MUST_USE int mp_dockerfile_check_raw(const char *instruction, const char *text,
					bool keeps_trailing, struct mp_error *err);

/* Sets the error of the two above for any other reason; returns -1. */
int mp_dockerfile_refuse(const char *instruction, const char *name, const char *reason,
			 struct mp_error *err);

/*
 * Whether a builder may take @text, or the start of it, for a JSON array: then it is no shell
 * command to that builder. Errs on the side of yes.
 */
bool mp_dockerfile_reads_as_json(const char *text);

#endif
