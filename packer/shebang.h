/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_SHEBANG_H
#define MP_PACKER_SHEBANG_H

#include "core/buf.h"

#include <stdbool.h>

/* As much of a script as the kernel looks at (BINPRM_BUF_SIZE, Linux 5.1 and newer). */
#define MP_SHEBANG_MAX 256

/* Who runs a script. */
struct mp_shebang {
	char *interpreter; /* path after "#!" */
	char *argument;    /* the rest of the line; NULL where there is none */
	/* Where the interpreter is env(1): */
	char *command;     /* what it looks for in PATH; NULL: nothing */
	char *search_path; /* PATH where the line itself sets it; else NULL */
};

/*
 * Reads the first @len (at most MP_SHEBANG_MAX) bytes of a file by the rules of the kernel
 * (fs/binfmt_script.c). false where it would not run them as a script. *out is cleared by the
 * caller.
 */
bool mp_shebang_parse(const char *head, size_t len, struct mp_shebang *out);
void mp_shebang_clear(struct mp_shebang *shebang);

#endif
