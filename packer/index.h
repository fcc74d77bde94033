/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_INDEX_H
#define MP_PACKER_INDEX_H

#include "packer/rootfs.h"

/*
 * The tree of names of an image that comes as archives, one layer over another, and what the names
 * stand for. It lies in temporary files: about 100 bytes of disk for a file, and a few MiB of
 * memory however many there are. Paths are clean and without ".." (core/path.h), shorter than
 * PATH_MAX, their names no longer than NAME_MAX; none leads through a symlink.
 */
struct mp_index;

/* Where the contents of a regular file are: the owner of the index knows what the numbers mean. */
struct mp_index_place {
	uint32_t source;
	uint64_t offset;
};

MP_MUST_USE int mp_index_new(struct mp_index **index_out, struct mp_error *err);
void mp_index_freep(struct mp_index **index);

/* Bounds what its records take; without it, 16 GiB. */
void mp_index_bound(struct mp_index *index, uint64_t max_bytes);

/* What is put from now on is of another layer. MP_E_FORMAT beyond 65535. */
MP_MUST_USE int mp_index_begin_layer(struct mp_index *index, struct mp_error *err);

/*
 * @path is @node from now on (copied, but file_dev, file_ino and nlink), and not what it was: the
 * last one wins, and only a directory over a directory leaves what is in it. Parents that are not
 * there are made, as directories of root's; one that is no directory is MP_E_FORMAT where this
 * layer has put it, and replaced where a lower one has, as in an overlay of the two. Errors also as
 * mp_arena_alloc.
 */
MP_MUST_USE int mp_index_put(struct mp_index *index, const char *path, const struct mp_node *node,
			     const struct mp_index_place *place, struct mp_error *err);

/* @path is another name of what is at @other, which is MP_E_FORMAT where that is no file. */
MP_MUST_USE int mp_index_link(struct mp_index *index, const char *path, const char *other,
			      struct mp_error *err);

/*
 * Whiteouts (OCI image-spec, layer.md): what lower layers have at @path, or only below it where
 * that is a directory, is there no more. What this layer has put stays, whether it came before or
 * comes after; a directory that is only there for what this layer has put into it is one of root's.
 * Nothing happens where nothing is.
 */
MP_MUST_USE int mp_index_hide(struct mp_index *index, const char *path, struct mp_error *err);
MP_MUST_USE int mp_index_hide_below(struct mp_index *index, const char *path, struct mp_error *err);

/* Takes @path out, whichever layer it is from, and all below it. */
void mp_index_remove(struct mp_index *index, const char *path);

/* Of what is at @path, which must be there. */
void mp_index_set_time(struct mp_index *index, const char *path, int64_t mtime_s,
		       uint32_t mtime_ns);

/*
 * Whether there is something at @path. *node_out (the caller clears it) and *place_out are filled
 * then, unless they are NULL; file_ino tells files apart.
 */
bool mp_index_get(struct mp_index *index, const char *path, struct mp_node *node_out,
		  struct mp_index_place *place_out);

bool mp_index_is_empty(struct mp_index *index, const char *path);

/* Names in the directory at @path, which must be one, in no order; appended. */
void mp_index_list(struct mp_index *index, const char *path, struct mp_strv *names_out);

void mp_index_totals(const struct mp_index *index, struct mp_rootfs_totals *totals_out);

#endif
