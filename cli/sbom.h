/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CLI_SBOM_H
#define MP_CLI_SBOM_H

#include "core/file.h"
#include "core/image.h"
#include "packer/archive.h"
#include "packer/spdx.h"

/* The SPDX document beside an archive. Zero-initialised: none is asked for. */
struct mp_sbom {
	struct mp_digests *digests;
	struct mp_outfile file;
};

/* A document is asked for: of @set, which is borrowed and must not change any more. */
void mp_sbom_start(struct mp_sbom *sbom, const struct mp_fileset *set);
/* The archive of that set is written with it; NULL where nothing was started. */
const struct mp_archive_listener *mp_sbom_listener(struct mp_sbom *sbom);

/*
 * Writes the document of the archive at @archive_path, a file with the digest @sha256, which
 * appears with mp_sbom_commit. @image: NULL where there is none. Its time is SOURCE_DATE_EPOCH
 * (https://reproducible-builds.org/specs/source-date-epoch/), else the image's.
 */
MP_MUST_USE int mp_sbom_write(struct mp_sbom *sbom, const struct mp_image *image,
			      const struct mp_packages *packages, const char *archive_path,
			      const char *sha256, struct mp_error *err);
MP_MUST_USE int mp_sbom_commit(struct mp_sbom *sbom, struct mp_error *err);
void mp_sbom_clear(struct mp_sbom *sbom);

/* Its place: "out/rootfs.spdx.json" for "out/rootfs.tar.gz"; owned by the caller. NULL where the
 * archive is no file, but a device or a pipe: that has nothing beside it. */
char *mp_sbom_path(const char *archive_path);

#endif
