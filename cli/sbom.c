/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/sbom.h"

#include "core/epoch.h"
#include "core/path.h"

void mp_sbom_start(struct mp_sbom *sbom, const struct mp_fileset *set)
{
	sbom->digests = mp_digests_new(set);
}

const struct mp_archive_listener *mp_sbom_listener(struct mp_sbom *sbom)
{
	return sbom->digests ? mp_digests_listener(sbom->digests) : NULL;
}

char *mp_sbom_path(const char *archive_path)
{
	if (mp_outfile_is_in_place(archive_path))
		return NULL;
	return mp_xasprintf("%.*s.spdx.json", (int)mp_archive_stem_length(archive_path),
			    archive_path);
}

static int describe(struct mp_sbom *sbom, const struct mp_image *image,
		    const struct mp_packages *packages, const char *archive_path,
		    const char *sha256, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *path = mp_sbom_path(archive_path);
	MP_AUTO(mp_freep) char *epoch = NULL;
	struct mp_spdx_subject subject = {
		.name = image ? image->reference : "rootfs",
		.version = image ? image->id : NULL,
		.file_name = mp_path_base(archive_path),
		.file_sha256 = sha256,
		.created = image ? image->created : NULL,
	};
	int64_t seconds;
	int rc = mp_epoch_read(&seconds, err);

	if (rc > 0)
		subject.created = epoch = mp_epoch_text(seconds);
	mp_digests_wait(sbom->digests);
	if (rc < 0 || mp_outfile_open(&sbom->file, path, err) ||
	    mp_spdx_write(&subject, packages, sbom->digests, sbom->file.fd, path, err))
		return mp_error_prefix(err, "describe the archive");
	return 0;
}

int mp_sbom_write(struct mp_sbom *sbom, const struct mp_image *image,
		  const struct mp_packages *packages, const char *archive_path, const char *sha256,
		  struct mp_error *err)
{
	/* Where nothing was started, no document is asked for. */
	if (!sbom->digests)
		return 0;
	return describe(sbom, image, packages, archive_path, sha256, err);
}

int mp_sbom_commit(struct mp_sbom *sbom, struct mp_error *err)
{
	return sbom->digests ? mp_outfile_commit(&sbom->file, err) : 0;
}

void mp_sbom_clear(struct mp_sbom *sbom)
{
	mp_digests_freep(&sbom->digests);
	mp_outfile_closep(&sbom->file);
}
