/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_TAR_INTERNAL_H
#define MP_PACKER_TAR_INTERNAL_H

#include "packer/rootfs.h"

/*
 * The parts of a tar header that are grammar alone. Functions that can find fault return what is
 * wrong, a constant, or NULL where nothing is.
 */

/* Digits only; up to INT64_MAX. */
bool mp_tar_parse_decimal(const char *text, size_t len, int64_t *out);

/* A numeric field of a header: octal digits, or GNU's base-256 form. */
bool mp_tar_parse_number(const unsigned char *field, size_t len, int64_t *out);

struct mp_tar_segment {
	uint64_t offset, len;
};

/* The map of a sparse file: what parts of it the archive holds. Zero-initialised is none. */
struct mp_tar_sparse {
	bool used;
	struct mp_tar_segment *v;
	size_t n, cap;
	bool half;     /* an offset was added, its length not yet */
	uint64_t size; /* of the whole file */
	/* The form whose map stands before the contents (GNU.sparse 1.0). */
	bool counted;      /* the first number, the count of parts, was read */
	uint64_t expected; /* numbers still to come, once it was */
	char digits[20];   /* of the next one */
	size_t n_digits;
};

/* Offsets and lengths take turns in every form of a map. */
const char *mp_tar_sparse_add(struct mp_tar_sparse *sparse, int64_t number);
/* @count pairs of an old GNU header, the last of which may be unused. */
const char *mp_tar_sparse_add_gnu(struct mp_tar_sparse *sparse, const unsigned char *pairs,
				  size_t count);
/* A piece of a 1.0 map, of numbers that end in newlines; mp_tar_sparse_is_read once it is complete.
 */
const char *mp_tar_sparse_add_text(struct mp_tar_sparse *sparse, const char *text, size_t len);
bool mp_tar_sparse_is_read(const struct mp_tar_sparse *sparse);
/* Parts in ascending order, within the file, @data_bytes in sum. */
const char *mp_tar_sparse_check(const struct mp_tar_sparse *sparse, uint64_t data_bytes);
void mp_tar_sparse_clear(struct mp_tar_sparse *sparse);

/* What an extended header (pax) says about the entry behind it. Zero-initialised says nothing. */
struct mp_tar_extended {
	bool used; /* there was one */
	char *path, *link;
	bool has_size, has_uid, has_gid, has_mtime;
	int64_t size, uid, gid;
	int64_t mtime_s;
	uint32_t mtime_ns;
	struct mp_node xattrs; /* no more of it is used */
	struct mp_tar_sparse sparse;
	char *sparse_name;
	int64_t sparse_major, sparse_minor; /* 0.0 and 0.1 need not say */
	bool has_sparse_size;
};

const char *mp_tar_extended_parse(struct mp_tar_extended *ext, const char *text, size_t len);
void mp_tar_extended_clear(struct mp_tar_extended *ext);

#endif
