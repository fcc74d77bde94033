/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_PATH_H
#define MP_CORE_PATH_H

#include "core/buf.h"
#include "core/error.h"

#include <stdbool.h>

/*
 * Paths are bytes: absolute, in the container's view, as strings that end in a NUL. Where they are
 * written as text (the trace, reports, messages) bytes that are no printable UTF-8, and the
 * backslash itself, are escaped: \xHH and \\ (docs/trace-format.md).
 */

/*
 * The canonical spelling of an absolute path: one '/' between names, no '.', no '/' at the end but
 * for "/" itself. ".." stays: only whoever knows the symlinks may resolve it. NULL when @path does
 * not begin with '/'. Owned by the caller, as the next three.
 */
char *mp_path_clean(const char *path);

/* @dir + "/" + @name, without doubling the slash. */
char *mp_path_join(const char *dir, const char *name);

/* The parent directory of a clean path: "/" for "/a" and for "/". */
char *mp_path_parent(const char *path);

/* The directory that @path, also a relative one, is in: "." for "a". */
char *mp_path_directory(const char *path);

/* Last component of a clean path ("" for "/"); points into @path. */
const char *mp_path_base(const char *path);

/* Whether @path is @dir or lies below it; both clean. */
bool mp_path_is_under(const char *path, const char *dir);

/* Whether ".." is one of the names of @path. */
bool mp_path_has_dotdot(const char *path);

/* The escaped text of @bytes, appended to @buf. */
void mp_path_escape(struct mp_buf *buf, const char *bytes);

/* The bytes of an escaped text; NULL when an escape is malformed or stands for a NUL. */
char *mp_path_unescape(const char *text);

/* Whether @text begins with \xHH, which stands for any byte but NUL; then *byte_out is that. */
bool mp_path_read_escape(const char *text, unsigned char *byte_out);

/*
 * Copies @text into @dst (of @size bytes, always NUL-terminated, cut where it does not fit) with
 * bytes that are no printable UTF-8 as \xHH. For messages: backslashes stay as they are.
 */
void mp_text_printable(const char *text, char *dst, size_t size);

#endif
