/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_FILESET_H
#define MP_PACKER_FILESET_H

#include "packer/rootfs.h"

/* Why a path is kept. The text is mp_reason_text. */
enum mp_reason {
	MP_REASON_TRACED,      /* the trace has it */
	MP_REASON_LISTED,      /* the hand-written list has it */
	MP_REASON_PARENT,      /* parent directory of the path in "because" */
	MP_REASON_SYMLINK,     /* symlink on the way to the path in "because" */
	MP_REASON_TARGET,      /* what the symlink in "because" leads to */
	MP_REASON_INTERPRETER, /* PT_INTERP of "because" */
	MP_REASON_NEEDED,      /* DT_NEEDED of "because" */
	MP_REASON_SHEBANG,     /* '#!' of "because" */
	MP_REASON_USERS,       /* user database, which the engine reads for USER and HOME */
	MP_REASON_WORKDIR,
	MP_REASON_VOLUME,
	MP_REASON_MOUNT_POINT,
	MP_REASON_ENTRYPOINT, /* the image's own ENTRYPOINT or CMD names it */
	MP_REASON_COUNT,
};

/* One path to pack. */
struct mp_file {
	char *path; /* clean, its parents no symlinks */
	struct mp_node node;
	enum mp_reason reason;
	char *because; /* path that asked for it; NULL where the reason says it all */
};

/* Paths to pack, each once, the first reason kept. */
struct mp_fileset;

struct mp_fileset *mp_fileset_new(void);
void mp_fileset_freep(struct mp_fileset **set);
/* The entry of @path, or NULL; borrowed. */
const struct mp_file *mp_fileset_find(const struct mp_fileset *set, const char *path);
/* Adds @path unless it is there; @node is copied. Returns the entry (borrowed). */
const struct mp_file *mp_fileset_add(struct mp_fileset *set, const char *path,
				     const struct mp_node *node, enum mp_reason reason,
				     const char *because);
size_t mp_fileset_count(const struct mp_fileset *set);
/* Entries in the order of their addition: a set may grow while it is walked by index. */
const struct mp_file *mp_fileset_at(const struct mp_fileset *set, size_t index);
/* Entries by path, each directory before what it holds; an array of mp_fileset_count() borrowed
 * pointers, owned by the caller. */
const struct mp_file **mp_fileset_sorted(const struct mp_fileset *set);

/* "traced", "needed by", … */
const char *mp_reason_text(enum mp_reason reason);

#endif
