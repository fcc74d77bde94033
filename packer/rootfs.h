/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_ROOTFS_H
#define MP_PACKER_ROOTFS_H

#include "core/buf.h"
#include "core/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The file system of an image, read-only, whatever it is stored in. All sources give the same
 * answer for the same image, as far as what they are made from says it (a stream's writer may leave
 * out fractions of seconds, or attributes). Nothing outside of the image can be reached, whatever
 * the image holds.
 */
struct mp_rootfs;

struct mp_xattr {
	char *name; /* "security.capability" */
	void *value;
	size_t size;
};

/* One object of the file system: what lstat(2) and listxattr(2) say of it. */
struct mp_node {
	mode_t mode; /* with the type bits */
	uid_t uid;
	gid_t gid;
	uint64_t size_bytes; /* regular files; 0 for anything else */
	int64_t mtime_s;
	uint32_t mtime_ns;
	uint32_t rdev_major, rdev_minor; /* devices */
	/* Names of one file have the same pair; meaningful where nlink > 1. */
	uint64_t file_dev, file_ino;
	uint32_t nlink;          /* 1 for directories */
	char *target;            /* symlinks: the text; else NULL */
	struct mp_xattr *xattrs; /* of regular files and directories, sorted by name:
				    security.capability, user.*, system.posix_acl_* */
	size_t n_xattrs;
};

void mp_node_clear(struct mp_node *node);
/* A deep copy. */
void mp_node_copy(struct mp_node *dst, const struct mp_node *src);

/*
 * @path: clean (core/path.h), without "..", and with no symlink among its parents (one that has is
 * absent). Returns 1 and fills *node_out (the caller clears it) when it exists, 0 when it does not,
 * -1 on failure (MP_E_SYS; MP_E_FORMAT for a path that is not clean). The last component is never
 * followed.
 */
MP_MUST_USE int mp_rootfs_lookup(struct mp_rootfs *root, const char *path, struct mp_node *node_out,
				 struct mp_error *err);

/* Where the bytes of a regular file are. Closed is { .fd = -1 }. */
struct mp_contents {
	int fd;
	uint64_t offset;     /* of the first byte in @fd */
	uint64_t size_bytes; /* MP_CONTENTS_TO_END: as far as @fd goes */
	bool borrowed;       /* @fd belongs to the rootfs, which must outlive this */
};

#define MP_CONTENTS_CLOSED ((struct mp_contents){ .fd = -1 })
#define MP_CONTENTS_TO_END UINT64_MAX
/* The whole of a file that is open already, and is closed with it. */
#define MP_CONTENTS_OF(open_fd)                                                                    \
	((struct mp_contents){ .fd = (open_fd), .size_bytes = MP_CONTENTS_TO_END })

/*
 * Opens the regular file at @path (same rules). MP_E_NOTFOUND when absent; MP_E_FORMAT when it is
 * something else, which is never opened.
 */
MP_MUST_USE int mp_rootfs_open(struct mp_rootfs *root, const char *path,
			       struct mp_contents *contents_out, struct mp_error *err);

/* As pread(2), @at from the file's first byte; 0 at its end. Repeated after EINTR. */
ssize_t mp_contents_read(const struct mp_contents *contents, void *buf, size_t len, uint64_t at);

/* How many bytes there are. -1 with errno. */
int mp_contents_size(const struct mp_contents *contents, uint64_t *size_bytes_out);

/* Appends all of it to @buf; MP_E_FORMAT beyond @max_bytes. @what names it in errors. */
MP_MUST_USE int mp_contents_read_all(const struct mp_contents *contents, const char *what,
				     size_t max_bytes, struct mp_buf *buf, struct mp_error *err);

void mp_contents_close(struct mp_contents *contents);

/*
 * Names in the directory at @path (same rules), sorted, without "." and "..". MP_E_NOTFOUND when it
 * is absent, or no directory.
 */
MP_MUST_USE int mp_rootfs_list(struct mp_rootfs *root, const char *path, struct mp_strv *names_out,
			       struct mp_error *err);

struct mp_rootfs_totals {
	uint64_t files;      /* everything that is no directory */
	uint64_t size_bytes; /* of regular files, hard links once */
};

/* Walks the whole image, but not what the kernel shows there (/proc and its like, with "/"). */
MP_MUST_USE int mp_rootfs_totals(struct mp_rootfs *root, struct mp_rootfs_totals *totals_out,
				 struct mp_error *err);

void mp_rootfs_freep(struct mp_rootfs **root);

/* Sources */

/*
 * A directory that holds an unpacked root file system; "/" for the host. Mounts below are part of
 * it. Needs openat2 (Linux 5.6) and /proc.
 */
MP_MUST_USE int mp_rootfs_open_directory(const char *path, struct mp_rootfs **root_out,
					 struct mp_error *err);

/*
 * The layers of an overlay2 image (struct mp_image.layer_dirs: uppermost first), joined by a
 * read-only overlay mount that no other process sees and that goes with the rootfs. Needs
 * CAP_SYS_ADMIN. MP_E_SYS: with sys_errno ENOENT the layers are not on this host, with EPERM or
 * EACCES the privilege is missing; the image's export stream does without both.
 */
MP_MUST_USE int mp_rootfs_open_overlay(const struct mp_strv *layer_dirs,
				       struct mp_rootfs **root_out, struct mp_error *err);

/*
 * A tar stream of a whole root file system (`docker export`), or of its layers one after the other,
 * fed piece by piece: contents and the index of names go to unnamed temporary files (in TMPDIR,
 * else /tmp), the latter about 100 bytes a file; memory does not grow with either. Needs no
 * privilege. The stream may be hostile: MP_E_FORMAT names the entry that cannot be, MP_E_SYS that
 * for which there is no room. A failure is final: every later call repeats it.
 */
struct mp_rootfs_stream;
MP_MUST_USE int mp_rootfs_stream_new(struct mp_rootfs_stream **stream_out, struct mp_error *err);
MP_MUST_USE int mp_rootfs_stream_feed(struct mp_rootfs_stream *stream, const void *data, size_t len,
				      struct mp_error *err);
/*
 * What is fed from now on is another layer over what there is (OCI image-spec, layer.md): the one
 * before must be complete. Whiteouts (.wh.NAME, .wh..wh..opq) take effect on the layers below, and
 * only on those, wherever in the layer they stand; what AUFS has left (/.wh..wh.*) is passed over.
 * Something below what is a file or a symlink in a lower layer makes it a directory, as an overlay
 * does: symlinks are never followed. Hard links may be to files of lower layers. A layer may end
 * without the blocks of zeros that end an archive, so whoever feeds it sees to it that it is whole.
 * A stream on which this was never called is one root file system, in which such names are names.
 * @name: of the layer, in errors; copied.
 */
MP_MUST_USE int mp_rootfs_stream_begin_layer(struct mp_rootfs_stream *stream, const char *name,
					     struct mp_error *err);
/*
 * Feeds all of an archive, or of a layer, at once: the uncompressed tar that lies at @offset of
 * @fd,
 * @size_bytes long. Contents stay there and are read from there: @fd is duplicated, and what is
 * there must not change while the rootfs is used. Little more than headers is read; contents of
 * sparse files are copied.
 */
MP_MUST_USE int mp_rootfs_stream_take(struct mp_rootfs_stream *stream, int fd, uint64_t offset,
				      uint64_t size_bytes, struct mp_error *err);
/*
 * The stream is the export of a container that an engine created for it: what the engine put there
 * is not the image's. Left out at the end are its stubs (/.dockerenv, /dev/console, /etc/hosts …)
 * and the mount points of @volumes (borrowed), unless they are older than the container, which
 * /.dockerenv tells; the directories that it put them into have an mtime of 0, since theirs is
 * lost.
 */
void mp_rootfs_stream_of_engine(struct mp_rootfs_stream *stream, const struct mp_strv *volumes);

/* Ends the stream: *root_out is the file system that it held. */
MP_MUST_USE int mp_rootfs_stream_finish(struct mp_rootfs_stream *stream,
					struct mp_rootfs **root_out, struct mp_error *err);
void mp_rootfs_stream_freep(struct mp_rootfs_stream **stream);

#endif
