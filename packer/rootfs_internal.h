/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_ROOTFS_INTERNAL_H
#define MP_PACKER_ROOTFS_INTERNAL_H

#include "packer/rootfs.h"

/* What a source implements. Paths were checked by rootfs.c: clean, and without "..". */
struct mp_rootfs_ops {
	int (*lookup)(struct mp_rootfs *root, const char *path, struct mp_node *node_out,
		      struct mp_error *err);
	int (*open)(struct mp_rootfs *root, const char *path, struct mp_contents *contents_out,
		    struct mp_error *err);
	int (*list)(struct mp_rootfs *root, const char *path, struct mp_strv *names_out,
		    struct mp_error *err); /* in any order, onto an empty list */
	int (*totals)(struct mp_rootfs *root, struct mp_rootfs_totals *totals_out,
		      struct mp_error *err);
	void (*free)(struct mp_rootfs *root);
};

/* First member of every source. */
struct mp_rootfs {
	const struct mp_rootfs_ops *ops;
};

/* Which extended attributes belong to a file, and are no note that its host made about it. */
bool mp_xattr_is_kept(const char *name);

/* Adds a copy of the attribute, or replaces its value; keeps the order by name. */
void mp_node_set_xattr(struct mp_node *node, const char *name, const void *value, size_t size);

/* What every source says of a path that does not exist, or is not of the type asked for. */
int mp_rootfs_err_absent(struct mp_error *err, const char *path);
int mp_rootfs_err_not_file(struct mp_error *err, const char *path);
int mp_rootfs_err_not_directory(struct mp_error *err, const char *path);

enum mp_directory_kind {
	MP_DIRECTORY_ANY,
	/* Character devices 0/0 stand for files that a layer deleted (overlayfs.rst, "whiteouts
	 * and opaque directories"), and so are absent. */
	MP_DIRECTORY_LAYER,
	/* A mount of our own, which nobody else can reach: nothing is mounted below. */
	MP_DIRECTORY_PRIVATE,
};

/*
 * The directory source on an open root directory (O_PATH will do), which it takes over, also on
 * failure. @name: in errors.
 */
MP_MUST_USE int mp_rootfs_directory_take(int root_fd, enum mp_directory_kind kind, const char *name,
					 struct mp_rootfs **root_out, struct mp_error *err);

/* Bounds the room that a stream's index may take; without it, 16 GiB, and what the disk has. */
void mp_rootfs_stream_bound_index(struct mp_rootfs_stream *stream, size_t max_bytes);

#endif
