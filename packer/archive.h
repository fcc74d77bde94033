/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_ARCHIVE_H
#define MP_PACKER_ARCHIVE_H

#include "core/json.h"
#include "packer/fileset.h"

struct mp_archive_stats {
	uint64_t files;        /* entries that are no directory */
	uint64_t size_bytes;   /* of regular files, hard links once */
	char layer_sha256[65]; /* of the archive's bytes */
};

/*
 * Writes @set with the contents from @root to @fd as a POSIX pax archive (POSIX.1-2017 pax, "ustar"
 * with extended headers where a value does not fit): entries as mp_fileset_sorted has them,
 * relative names without "./", numeric owners and no names of them, modes, mtimes with nanoseconds,
 * symlinks, hard links (the first name carries the contents), devices, FIFOs, xattrs as
 * SCHILY.xattr records. The same set gives the same bytes. The root itself has an entry, "/", only
 * where it is not what engines make of it by themselves: 0755, 0:0, no xattrs. What lies in a
 * directory with a default ACL and has no ACL of its own says so, or unpacking would give it one.
 * Files with a GiB of holes, more than half of their size, are sparse entries (GNU.sparse 1.0; in
 * sets of more than 64 GiB, from a MiB on), whatever the source stores of them: packer/sparse.h.
 * Sockets are left out with a warning, as tar does. @name is used in errors.
 *
 * A file that changes its size meanwhile is MP_E_SYS; what was written of the archive is then of no
 * use.
 */
MP_MUST_USE int mp_archive_write(struct mp_rootfs *root, const struct mp_fileset *set, int fd,
				 const char *name, struct mp_archive_stats *stats_out,
				 struct mp_error *err);

/*
 * Writes the archive that `docker load` reads (one layer): manifest.json, the image configuration
 * @image_json (OCI image-spec config.md; borrowed) and the layer, the file at @rootfs_path with the
 * digest @layer_sha256, which @image_json has to name as its one diff_id (the engine compares).
 * @tag: the reference that the image gets. @fd: a file or a pipe. Memory does not grow with the
 * layer.
 */
MP_MUST_USE int mp_archive_write_image(const char *rootfs_path, const char *layer_sha256,
				       const struct mp_json *image_json, const char *tag, int fd,
				       struct mp_error *err);

#endif
