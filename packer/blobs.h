/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_BLOBS_H
#define MP_PACKER_BLOBS_H

#include "packer/rootfs.h"

/*
 * The files that images are kept in, by name: those of a tar archive, or those below a directory.
 * Neither reaches anything outside of it, and only regular files are ever opened.
 */
struct mp_blobs;

/* MP_E_USAGE where @path cannot be opened, as the next one. Needs openat2 (Linux 5.6) and /proc. */
MP_MUST_USE int mp_blobs_open_directory(const char *path, struct mp_blobs **blobs_out,
					struct mp_error *err);

/* The archive at @path, or with "-" on standard input. */
MP_MUST_USE int mp_blobs_open_archive(const char *path, struct mp_blobs **blobs_out,
				      struct mp_error *err);

/*
 * The archive that begins at the offset of @fd, which is taken over, also on failure. What is no
 * regular file, or is compressed, is copied to a temporary file first; the archive itself is read
 * in its place, and of that only the headers. @name: in errors.
 */
MP_MUST_USE int mp_blobs_open_archive_take(int fd, const char *name, struct mp_blobs **blobs_out,
					   struct mp_error *err);
void mp_blobs_freep(struct mp_blobs **blobs);

/* What it was opened as; borrowed. */
const char *mp_blobs_name(const struct mp_blobs *blobs);

/*
 * The file at @path, relative and in any spelling, symlinks followed as long as they stay inside.
 * Returns 1 and *contents_out (closed by the caller, before the blobs), 0 where there is none, -1:
 * MP_E_FORMAT where it is no regular file, or leads out.
 */
MP_MUST_USE int mp_blobs_find(const struct mp_blobs *blobs, const char *path,
			      struct mp_contents *contents_out, struct mp_error *err);

#endif
