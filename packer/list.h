/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_LIST_H
#define MP_PACKER_LIST_H

#include "core/buf.h"
#include "core/error.h"

/*
 * Lists that people write: a path, or a pattern, a line; blank lines and lines that begin with '#'
 * are left out.
 */

/*
 * Calls @take for each line, without its end. @where: "files.txt:3", for errors. MP_E_FORMAT for a
 * line with a NUL; -1 where @take says so.
 */
MP_MUST_USE int mp_list_read(const char *text, size_t len, const char *name,
			     int (*take)(void *context, const char *line, const char *where,
					 struct mp_error *err),
			     void *context, struct mp_error *err);

/* Appends the paths of a list, clean; escapes as in a trace. MP_E_FORMAT with the line number. */
MP_MUST_USE int mp_list_parse(const char *text, size_t len, const char *name, struct mp_strv *paths,
			      struct mp_error *err);

#endif
