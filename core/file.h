/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_FILE_H
#define MP_CORE_FILE_H

#include "core/buf.h"
#include "core/error.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Appends all of @fd from its current offset to @buf; MP_E_FORMAT beyond @max_bytes,
 * MP_E_INTERRUPTED where a signal ends a wait (as for all that follows). @what names it in errors.
 */
MP_MUST_USE int mp_fd_read_all(int fd, const char *what, size_t max_bytes, struct mp_buf *buf,
			       struct mp_error *err);

/* The same for the file at @path. */
MP_MUST_USE int mp_file_read(const char *path, size_t max_bytes, struct mp_buf *buf,
			     struct mp_error *err);

/* The same for a file that the user has named: it not being readable is MP_E_USAGE. */
MP_MUST_USE int mp_file_read_named(const char *path, size_t max_bytes, struct mp_buf *buf,
				   struct mp_error *err);

/* Writes all @len bytes, however many calls it takes. */
MP_MUST_USE int mp_fd_write_all(int fd, const void *data, size_t len, const char *what,
				struct mp_error *err);

/*
 * An output file that appears whole or not at all: written beside its place under a temporary name,
 * then renamed over it. mp_outfile_closep without a commit removes the temporary file and leaves
 * what stood at @path before. Zero-initialised is closed.
 */
struct mp_outfile {
	char *path;
	char *temporary; /* NULL: closed, or written in place (a device, a FIFO) */
	int fd;          /* valid while path is not NULL */
};

/* A place where no file can be is MP_E_USAGE. A @path that names something other than a regular
 * file (/dev/null, a FIFO) is written in place.
 */
MP_MUST_USE int mp_outfile_open(struct mp_outfile *file, const char *path, struct mp_error *err);
/*
 * Whether @path names something that must not be replaced by a regular file: also /dev/stdout and
 * its like, which are links of the system's even where they lead to a regular file just now.
 */
bool mp_outfile_is_in_place(const char *path);
/* Flushes to disk, checks every late error, and renames. @file is closed either way. */
MP_MUST_USE int mp_outfile_commit(struct mp_outfile *file, struct mp_error *err);
void mp_outfile_closep(struct mp_outfile *file);

/* Where temporary files go: TMPDIR, or else /tmp. Borrowed from the environment. */
const char *mp_temporary_dir(void);
/* A file there without a name, which goes when it is closed, however this program ends: a
 * descriptor to read and write, or -1 with errno. */
int mp_temporary_open(void);

/* open + write + commit of a whole text. */
MP_MUST_USE int mp_file_replace(const char *path, const void *data, size_t len,
				struct mp_error *err);

#endif
