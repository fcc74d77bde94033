/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_SPDX_H
#define MP_PACKER_SPDX_H

#include "packer/digests.h"
#include "packer/packages.h"

/* What a document is about. All borrowed. */
struct mp_spdx_subject {
	const char *name;        /* of what was packed: an image's reference */
	const char *version;     /* the image's ID; NULL: none */
	const char *file_name;   /* of the archive */
	const char *file_sha256; /* of that file, compressed or not */
	const char *created;     /* RFC 3339; NULL: 1970 */
};

/*
 * Writes to @fd what an archive holds as an SPDX 2.3 document in JSON
 * (https://spdx.github.io/spdx-spec/v2.3/): a package for the archive, one for each of @packages
 * (NULL: none), with its package URL (https://github.com/package-url/purl-spec), and the files with
 * their checksums; each file is contained in the package that owns it, the others in that of the
 * archive. The same input gives the same bytes. Names are escaped as in a trace. Memory: a few
 * bytes for each file. @name: of @fd, in errors.
 */
MP_MUST_USE int mp_spdx_write(const struct mp_spdx_subject *subject,
			      const struct mp_packages *packages, const struct mp_digests *digests,
			      int fd, const char *name, struct mp_error *err);

#endif
