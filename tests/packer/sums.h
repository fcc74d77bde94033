/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TESTS_PACKER_SUMS_H
#define MP_TESTS_PACKER_SUMS_H

#include "packer/digests.h"
#include "tests/packer/specimen.h"

#define EMPTY_SHA1 "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* A directory that is read, and the digests of all that is in it. */
struct sums {
	struct scratch scratch;
	struct mp_rootfs *root;
	struct mp_fileset *set;
	struct mp_digests *digests;
};

SPECIMEN_FN void sums_clear(struct sums *sums)
{
	mp_digests_freep(&sums->digests);
	mp_fileset_freep(&sums->set);
	mp_rootfs_freep(&sums->root);
	scratch_clear(&sums->scratch);
}

SPECIMEN_FN void sums_make(struct sums *sums)
{
	*sums = (struct sums){ .set = mp_fileset_new() };
	scratch_make(&sums->scratch);
	cr_assert_eq(chdir(sums->scratch.dir), 0);
}

SPECIMEN_FN void add_tree(struct sums *sums, const char *path)
{
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };
	struct mp_error err = { 0 };

	cr_assert_eq(mp_rootfs_lookup(sums->root, path, &node, &err), 1, "'%s' %s", path, err.msg);
	mp_fileset_add(sums->set, path, &node, MP_WHY(MP_REASON_LISTED));
	if (!S_ISDIR(node.mode))
		return;
	cr_assert_eq(mp_rootfs_list(sums->root, path, &names, &err), 0, "%s", err.msg);
	for (size_t i = 0; i < names.n; i++) {
		MP_AUTO(mp_freep) char *child = mp_path_join(path, names.v[i]);

		add_tree(sums, child);
	}
}

/* All that was made in the directory by now. */
SPECIMEN_FN void sums_open(struct sums *sums)
{
	sums->root = open_dir(sums->scratch.dir);
	add_tree(sums, "/");
}

/* The digests are taken of what goes into an archive. */
SPECIMEN_FN int sums_archive(struct sums *sums, struct mp_error *err)
{
	MP_AUTO(mp_closep) int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct mp_layer layer = { .fd = fd, .name = "archive" };
	struct mp_archive_stats stats;

	cr_assert_geq(fd, 0);
	sums->digests = mp_digests_new(sums->set);
	if (mp_archive_write(sums->root, sums->set, mp_digests_listener(sums->digests), &layer, 1,
			     &stats, err))
		return -1;
	mp_digests_wait(sums->digests);
	return 0;
}

SPECIMEN_FN int sums_take(struct sums *sums, struct mp_error *err)
{
	sums_open(sums);
	return sums_archive(sums, err);
}

#endif
