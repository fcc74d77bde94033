/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_FILESET_H
#define MP_PACKER_FILESET_H

#include "packer/rootfs.h"

/* Why a path is kept: mp_why_text says it in words. */
enum mp_reason {
	MP_REASON_TRACED,      /* the trace has it */
	MP_REASON_LISTED,      /* the hand-written list, or the plan, has it */
	MP_REASON_PARENT,      /* parent directory of the path in "because" */
	MP_REASON_SYMLINK,     /* symlink on the way to the path in "because" */
	MP_REASON_TARGET,      /* what the symlink in "because" leads to */
	MP_REASON_INTERPRETER, /* PT_INTERP of "because" */
	MP_REASON_NEEDED,      /* DT_NEEDED of "because"; detail: the name that it has there */
	MP_REASON_DLOPEN,      /* .note.dlopen of "because"; detail: the name that it has there */
	MP_REASON_LIBC,        /* glibc loads it by itself; detail: for what */
	MP_REASON_SHEBANG,     /* '#!' of "because" */
	MP_REASON_USERS,       /* user database, which the engine reads for USER and HOME */
	MP_REASON_WORKDIR,
	MP_REASON_VOLUME,
	MP_REASON_MOUNT_POINT,
	MP_REASON_ENTRYPOINT, /* the image's own ENTRYPOINT or CMD names it */
	MP_REASON_RULE,       /* an option of the user's; detail: that option with its value */
	MP_REASON_PACKAGE,    /* package record; detail: the package, or what else it describes */
	MP_REASON_COUNT,
};

/* Both texts may be NULL, where the reason says it all. */
struct mp_why {
	enum mp_reason reason;
	const char *because; /* path that asked for it */
	const char *detail;
};

/* For calls: MP_WHY(MP_REASON_NEEDED, .because = "/bin/x", .detail = "libc.so.6"). */
#define MP_WHY(...) (&(const struct mp_why){ .reason = __VA_ARGS__ })

/* One path to pack. */
struct mp_file {
	char *path; /* clean, its parents no symlinks */
	struct mp_node node;
	struct mp_why why;   /* its texts belong to the set */
	struct mp_buf *made; /* contents that were made here, and are not the image's; else NULL */
};

/* Paths to pack, each once, the first reason kept. */
struct mp_fileset;

struct mp_fileset *mp_fileset_new(void);
void mp_fileset_freep(struct mp_fileset **set);
/* The entry of @path, or NULL; borrowed. */
const struct mp_file *mp_fileset_find(const struct mp_fileset *set, const char *path);
/* Adds @path unless it is there; @node and @why are copied. Returns the entry (borrowed). */
const struct mp_file *mp_fileset_add(struct mp_fileset *set, const char *path,
				     const struct mp_node *node, const struct mp_why *why);
/*
 * Adds the regular file @path with contents of our own, in place of what is there. @node: its
 * metadata; the size is that of @data.
 */
const struct mp_file *mp_fileset_add_made(struct mp_fileset *set, const char *path,
					  const struct mp_node *node, const void *data, size_t len,
					  const struct mp_why *why);
/* Takes out what @is_unwanted says of; entries that stay keep their order. */
void mp_fileset_remove_if(struct mp_fileset *set,
			  bool (*is_unwanted)(const struct mp_file *file, const void *context),
			  const void *context);
/* Nothing is newer than @seconds, and what was made here is of that time. */
void mp_fileset_clamp_times(struct mp_fileset *set, int64_t seconds);
/* The directory @path has the time 0 from now on; nothing where it is not there, or none. */
void mp_fileset_forget_time(struct mp_fileset *set, const char *path);
size_t mp_fileset_count(const struct mp_fileset *set);
/* Entries in the order of their addition: a set may grow while it is walked by index. */
const struct mp_file *mp_fileset_at(const struct mp_fileset *set, size_t index);
/* Entries by path, each directory before what it holds; an array of mp_fileset_count() borrowed
 * pointers, owned by the caller. */
const struct mp_file **mp_fileset_sorted(const struct mp_fileset *set);

/* "needed by /usr/bin/x (libc.so.6)", "mount point", …; the caller's to free. */
char *mp_why_text(const struct mp_why *why);

#endif
