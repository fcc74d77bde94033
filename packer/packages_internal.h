/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_PACKAGES_INTERNAL_H
#define MP_PACKER_PACKAGES_INTERNAL_H

#include "packer/packages.h"

/* Lines of a file in the image */

#define MP_LINES_MAX_BYTES ((uint64_t)256 << 20)

/*
 * All lists and stanzas together: a Debian with 5,000 packages has some 100 MB of lists and 6 MB of
 * stanzas. A hostile image has the same list under a thousand names.
 */
#define MP_SCAN_MAX_BYTES ((uint64_t)512 << 20)

/* What is left of how much may be read: one file may be there under many names. */
struct mp_read_budget {
	uint64_t left;
};

struct mp_lines {
	struct mp_contents contents;
	struct mp_node *node; /* of the file; NULL where it was not looked at */
	char *path;           /* where it really is */
	char *buf;
	size_t size;       /* of buf, without a byte for a NUL */
	size_t start, end; /* of what is in buf and was not returned yet */
	uint64_t at;       /* bytes read */
	bool ended;
	struct mp_read_budget *budget; /* borrowed; NULL: none */
};

/* 1 and *lines (closed by the caller), 0 where there is no regular file, -1. */
MP_MUST_USE int mp_lines_open(struct mp_lines *lines, struct mp_resolver *resolver,
			      const char *path, struct mp_error *err);
/*
 * The same for a @path that mp_resolver_list has just named: a database may have thousands, so it
 * is opened without being looked up first. lines->node may be NULL.
 */
MP_MUST_USE int mp_lines_open_listed(struct mp_lines *lines, struct mp_resolver *resolver,
				     const char *path, struct mp_error *err);
/*
 * 1 and the next line without its newline (borrowed until the next call, may be written to), 0 at
 * the end, -1: MP_E_FORMAT beyond MP_LINES_MAX_BYTES, or where a line is longer than 128 KiB.
 */
MP_MUST_USE int mp_lines_next(struct mp_lines *lines, char **line_out, size_t *len_out,
			      struct mp_error *err);
void mp_lines_close(struct mp_lines *lines);

/* What a scan of the databases fills */

/* A package that was met; only one that is installed, with kept files, is shown to others. */
struct mp_package_entry {
	struct mp_package pub;
	char *key; /* dpkg: NAME or NAME:ARCH, as its list is called */
	bool installed;
	struct mp_buf record; /* what a database of kept packages has of it; apk and dpkg */
	struct mp_buf sums;   /* dpkg: .md5sums */
	int64_t mtime_s;      /* of the file that the record is from */
	uint32_t mtime_ns;
};

void mp_package_entry_free(void *entry);

/* By kind and name, once all databases were scanned: the packages that are kept. */
struct mp_packages {
	struct mp_package_entry **v;
	size_t n, cap;
	struct mp_strmap *owners; /* path of a kept file → struct mp_package_entry */
	bool has_database;
	char *os_id, *os_version;
	/* While databases are scanned: */
	unsigned char *filter;         /* by the hash of a kept file's last name */
	char *dir_asked, *dir_reached; /* the last directory; reached: NULL where there is none */
	size_t dirs_left;
	size_t record_bytes; /* in all entries */
	bool full;           /* and no more will go in */
};

struct mp_scan {
	struct mp_resolver *resolver;
	const struct mp_fileset *set;
	struct mp_packages *packages;
	struct mp_read_budget budget; /* of all files of lines together */
	bool warned;                  /* that this was not enough */
};

/* As mp_lines_open, or mp_lines_open_listed; 0 also once the scan has read as much as it may. */
MP_MUST_USE int mp_scan_open(struct mp_scan *scan, struct mp_lines *lines, const char *path,
			     bool listed, struct mp_error *err);

/*
 * The kept file that a database calls @path (absolute; through symlinks of the image, as "/bin/sh"
 * where /bin leads to usr/bin): 1 and *file_out, 0, -1.
 */
MP_MUST_USE int mp_scan_match(struct mp_scan *scan, const char *path,
			      const struct mp_file **file_out, struct mp_error *err);

/* false: it is certainly none of them. */
bool mp_scan_may_match(const struct mp_scan *scan, const char *path);
/* @path is another name for what may be a kept file: from now on it may match. */
void mp_scan_expect(struct mp_scan *scan, const char *path);

/* A new package, which belongs to the scan. */
struct mp_package_entry *mp_scan_add(struct mp_scan *scan, enum mp_package_kind kind);

/* Whether a package has @file already: another one that names it gets nothing. */
bool mp_scan_is_claimed(const struct mp_scan *scan, const struct mp_file *file);

/* @file is of @entry, unless it is of another already. */
void mp_scan_claim(struct mp_scan *scan, const struct mp_file *file,
		   struct mp_package_entry *entry);

/* Of all records together; a large image with all its packages has a tenth of it. */
#define MP_RECORDS_MAX_BYTES ((size_t)24 << 20)

/* Room for @bytes more of records. Where there is none, false, and a warning the first time. */
bool mp_scan_take_room(struct mp_scan *scan, size_t bytes);

#define MP_DPKG_DIR "/var/lib/dpkg"

/* Where apk's database is: 1 and *res_out (cleared by the caller), 0, -1. */
MP_MUST_USE int mp_apk_find(struct mp_resolver *resolver, struct mp_resolution *res_out,
			    struct mp_error *err);

/* The databases. Each function: 1 where there is such a database, 0, -1. */

MP_MUST_USE int mp_dpkg_scan(struct mp_scan *scan, struct mp_error *err);
MP_MUST_USE int mp_apk_scan(struct mp_scan *scan, struct mp_error *err);
MP_MUST_USE int mp_rpm_scan(struct mp_scan *scan, struct mp_error *err);

/*
 * The files of the installed package @name, as the database calls them: 1, 0 where there is no such
 * package, -1.
 */
MP_MUST_USE int mp_dpkg_files(struct mp_resolver *resolver, const char *name, struct mp_strv *paths,
			      struct mp_error *err);
MP_MUST_USE int mp_apk_files(struct mp_resolver *resolver, const char *name, struct mp_strv *paths,
			     struct mp_error *err);
MP_MUST_USE int mp_rpm_files(struct mp_resolver *resolver, const char *name, struct mp_strv *paths,
			     struct mp_error *err);

/* One more file of a package that is asked for. -1: MP_E_FORMAT, they are too many. */
MP_MUST_USE int mp_package_push(struct mp_strv *paths, const char *path, struct mp_error *err);

/*
 * A header of an rpm package without its magic, as the database has it (rpm's "header format").
 * What is read of it points into the blob.
 */
struct mp_rpm_header {
	const char *name, *version, *release, *architecture, *license, *source, *vendor, *url;
	bool has_epoch;
	uint32_t epoch;
	/* File i is dirs[dir_indexes[i]] + bases[i]. */
	size_t n_files, n_dirs;
	const char *bases, *dirs;         /* texts one behind the other, each with its NUL */
	const unsigned char *dir_indexes; /* big-endian, 32 bits each */
};

/* What is wrong with the blob (a constant), or NULL. */
const char *mp_rpm_header_parse(const void *blob, size_t len, struct mp_rpm_header *header_out);

/*
 * Calls @each for every file of @header, in its order, until it returns something other than 0,
 * which is returned.
 */
int mp_rpm_header_files(const struct mp_rpm_header *header,
			int (*each)(void *context, const char *path, struct mp_error *err),
			void *context, struct mp_error *err);

/* Whether a database may call a package that: it becomes a file's name. */
bool mp_package_name_is_sane(const char *name);

/*
 * For a database that went wrong at some point: what was read of it stays. A malformed one is a
 * warning, and 1 is returned; anything else is what @rc says.
 */
int mp_scan_tolerate(int rc, const char *what, struct mp_error *err);

#endif
