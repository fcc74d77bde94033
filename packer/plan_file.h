/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_PLAN_FILE_H
#define MP_PACKER_PLAN_FILE_H

#include "packer/fileset.h"

/*
 * A plan as a file, to be read and edited: what would be packed, and why. The format is documented
 * in micropack-pack(1), PLAN FILES: a header line, then a line for each path, sorted as in an
 * archive, of columns with a tab between:
 *
 *   PATH TYPE SIZE REASON BECAUSE DETAIL DATA CONTENTS
 *
 * Only PATH has to be there; empty columns at the end are left out. Texts are escaped as paths are
 * (core/path.h), so that no tab or newline is in them.
 */
#define MP_PLAN_FILE_VERSION 1

/* Of the header. */
struct mp_plan_header {
	char *image_id;         /* NULL: not of an image */
	struct mp_strv options; /* that decided, besides trace and image: "--drop /usr/share/doc" */
};

void mp_plan_header_clear(struct mp_plan_header *header);

/* Where the metadata and the contents of a path come from. */
enum mp_plan_origin {
	MP_PLAN_IMAGE,
	MP_PLAN_EMPTIED, /* the metadata from the image, no contents */
	MP_PLAN_MADE,    /* both from the plan */
};

struct mp_plan_line {
	size_t number; /* in the file, from 1 */
	char *path;    /* clean */
	bool bare;     /* nothing but a path: written by a person */
	mode_t type;   /* S_IFREG, …; 0 where bare */
	uint64_t size_bytes;
	struct mp_why why; /* LISTED where bare; its texts belong to the line */
	char *target;      /* symlinks: what they hold; NULL where not said */
	enum mp_plan_origin origin;
	struct mp_node node;    /* MADE: mode, owner, mtime */
	struct mp_buf contents; /* MADE regular files */
};

void mp_plan_line_clear(struct mp_plan_line *line);

/* The word for @reason in a plan: "needed". */
const char *mp_reason_word(enum mp_reason reason);

/*
 * Writes @set as a plan to @fd, or where that is negative appends it to @text. @root: what it was
 * planned from; directories that are not there as they are in @set are written as made.
 */
MP_MUST_USE int mp_plan_file_write(struct mp_rootfs *root, const struct mp_fileset *set,
				   const struct mp_plan_header *header, int fd, const char *name,
				   struct mp_buf *text, struct mp_error *err);

/* The header alone; cleared by the caller. MP_E_FORMAT where @text does not begin as a plan. */
MP_MUST_USE int mp_plan_file_read_header(const char *text, size_t len, const char *name,
					 struct mp_plan_header *header_out, struct mp_error *err);

/* Whether @text begins as a plan does. */
bool mp_plan_file_looks_like(const char *text, size_t len);

/*
 * Reads a plan: *header_out is filled (and cleared by the caller, also after a failure), then @take
 * is called for each line, which may take what it wants out of it. MP_E_FORMAT with the line
 * number; a last line that does not end is one that was cut.
 */
MP_MUST_USE int
mp_plan_file_read(const char *text, size_t len, const char *name, struct mp_plan_header *header_out,
		  int (*take)(void *context, struct mp_plan_line *line, struct mp_error *err),
		  void *context, struct mp_error *err);

/*
 * The set that a plan names in @root, and nothing else but parents and symlinks on the way.
 * MP_E_FORMAT for what is no plan; MP_E_NOTFOUND, with the line number, for a path that the image
 * does not have; MP_E_INCOMPLETE for a plan without a path.
 */
MP_MUST_USE int mp_plan_from_file(struct mp_rootfs *root, const char *text, size_t len,
				  const char *name, struct mp_plan_header *header_out,
				  struct mp_fileset **set_out, struct mp_error *err);

#endif
