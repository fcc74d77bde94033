/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_ARCHIVE_H
#define MP_PACKER_ARCHIVE_H

#include "packer/compress.h"
#include "packer/fileset.h"

struct mp_archive_stats {
	uint64_t files;        /* entries that are no directory */
	uint64_t size_bytes;   /* of regular files, hard links once */
	char layer_sha256[65]; /* of the archive's bytes */
};

/* An archive in one of the forms in which it may be stored. */
struct mp_layer {
	enum mp_compression compression;
	int fd;           /* of the file with it */
	const char *name; /* borrowed, in errors; NULL: a temporary file (packer/store.h) */
	/* Set when it has been written: */
	char diff_sha256[MP_SHA256_HEX_SIZE]; /* without compression: OCI's diff_id */
	char sha256[MP_SHA256_HEX_SIZE];      /* as it is stored */
	uint64_t size_bytes;                  /* likewise */
};

/*
 * Is told of the regular files that go into an archive, in its order, while they are written: each
 * is read once, whoever wants its contents. Where the archive fails, no further call comes.
 */
struct mp_archive_listener {
	void *context;
	/*
	 * The contents of @file follow: true, if they are wanted. @hole_bytes: how many of them the
	 * archive leaves out; they follow too, as zeros.
	 */
	bool (*begin)(void *context, const struct mp_file *file, uint64_t hole_bytes);
	void (*data)(void *context, const void *data, size_t len);
	void (*end)(void *context);
	/* @file is another name of @first, which was begun before. */
	void (*link)(void *context, const struct mp_file *file, const struct mp_file *first);
};

/*
 * Writes @set with the contents from @root to each file of @layers, one or more, compressed as they
 * say, and sets what is said of it. The archive is POSIX pax (POSIX.1-2017 pax, "ustar" with
 * extended headers where a value does not fit): entries as mp_fileset_sorted has them,
 * relative names without "./", numeric owners and no names of them, modes, mtimes with nanoseconds,
 * symlinks, hard links (the first name carries the contents), devices, FIFOs, xattrs as
 * SCHILY.xattr records. The same set gives the same bytes. The root itself has an entry, "/", only
 * where it is not what engines make of it by themselves: 0755, 0:0, no xattrs. What lies in a
 * directory with a default ACL and has no ACL of its own says so, or unpacking would give it one.
 * Files with a GiB of holes, more than half of their size, are sparse entries (GNU.sparse 1.0; in
 * sets of more than 64 GiB, from a MiB on), whatever the source stores of them: packer/sparse.h.
 * Sockets are left out with a warning, as tar does.
 *
 * A file that changes its size meanwhile is MP_E_SYS; what was written of the archive is then of no
 * use. @listener: NULL for none.
 */
MP_MUST_USE int mp_archive_write(struct mp_rootfs *root, const struct mp_fileset *set,
				 const struct mp_archive_listener *listener,
				 struct mp_layer *layers, size_t n_layers,
				 struct mp_archive_stats *stats_out, struct mp_error *err);

/* A regular file in an archive that is not a root file system's. */
struct mp_archive_member {
	const char *name;
	const char *text; /* its contents, or NULL: what @fd has from its first byte on */
	int fd;           /* read by pread(2), so that its offset stays */
	uint64_t size_bytes;
};

/*
 * Writes @members, in this order, to @fd, a file or a pipe: mode 0644, owner 0:0, of the first
 * second of 1970. Memory does not grow with them. @name is used in errors; MP_E_SYS where a member
 * has not as many bytes as it should.
 */
MP_MUST_USE int mp_archive_write_members(const struct mp_archive_member *members, size_t n_members,
					 int fd, const char *name, struct mp_error *err);

#endif
