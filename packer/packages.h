/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_PACKAGES_H
#define MP_PACKER_PACKAGES_H

#include "packer/resolve.h"

/*
 * The package databases of an image: which package each kept file is of, and what a scanner has to
 * find in the packed image to know it. Read are
 *
 *   dpkg  /var/lib/dpkg/status, info/ *.list and *.md5sums, diversions (dpkg(1), deb-control(5)),
 *         and status.d/ with NAME and NAME.md5sums, as distroless images have it
 *   apk   /lib/apk/db/installed or /usr/lib/apk/db/installed (apk-tools 2 and 3)
 *   rpm   /var/lib/rpm/rpmdb.sqlite or /usr/lib/sysimage/rpm/rpmdb.sqlite; other formats of it are
 *         older (Berkeley DB) or other distributions' (ndb): a warning says that they are there
 *
 * They may be hostile: one that is malformed or too large is left with a warning, at the place
 * where it went wrong. Memory follows what is kept.
 */

enum mp_package_kind { MP_PACKAGE_DEB, MP_PACKAGE_APK, MP_PACKAGE_RPM };

/* Texts are as the database has them (any bytes); NULL: it has none. */
struct mp_package {
	enum mp_package_kind kind;
	char *name;
	char *epoch;   /* rpm; in the version elsewhere */
	char *version; /* with the revision or release */
	char *architecture;
	char *source; /* name of the source package, where that is another */
	char *source_version;
	char *maintainer;
	char *license;
	char *homepage;
	size_t n_files; /* kept regular files: at least one */
	size_t index;   /* in mp_packages_at */
};

struct mp_packages;

/*
 * The packages that own regular files of @set. Files that tell of packages (reason PACKAGE) and
 * copyright files make no package a kept one. -1: the image cannot be read.
 */
MP_MUST_USE int mp_packages_find(struct mp_resolver *resolver, const struct mp_fileset *set,
				 struct mp_packages **packages_out, struct mp_error *err);
void mp_packages_freep(struct mp_packages **packages);

/* By kind, name, architecture and version. */
size_t mp_packages_count(const struct mp_packages *packages);
const struct mp_package *mp_packages_at(const struct mp_packages *packages, size_t index);

/* The package of the kept file at @path (clean, real; symlinks have one too), or NULL; borrowed. */
const struct mp_package *mp_packages_owner(const struct mp_packages *packages, const char *path);

/* ID and VERSION_ID of os-release(5); NULL: not said. */
const char *mp_packages_os_id(const struct mp_packages *packages);
const char *mp_packages_os_version(const struct mp_packages *packages);

/*
 * Adds to @set what scanners read, where the image has a database: os-release(5); for dpkg
 * /var/lib/dpkg/status.d/NAME and NAME.md5sums of each kept package; for apk the database with the
 * kept packages and, of their files, the kept ones. For rpm no database: it would have to be
 * written anew. A database that @set has already (reason other than PACKAGE) is used by the
 * program, and stays as the image has it.
 */
MP_MUST_USE int mp_packages_add_records(struct mp_packages *packages, struct mp_resolver *resolver,
					struct mp_fileset *set, struct mp_error *err);

/*
 * Appends the paths that the installed package @name (dpkg: NAME or NAME:ARCH) has in the image:
 * those that exist, their parents no symlinks, directories too. 1; 0 where no database has such a
 * package; -1.
 */
MP_MUST_USE int mp_packages_files(struct mp_resolver *resolver, const char *name,
				  struct mp_strv *paths_out, struct mp_error *err);

#endif
