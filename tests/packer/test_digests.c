/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/packer/sums.h"

TestSuite(digests, .timeout = 60);

/* Every regular file of the specimen, as coreutils sum it; names are those of its text. */
Test(digests, specimen)
{
	MP_AUTO(sums_clear) struct sums sums;
	struct mp_error err = { 0 };
	size_t n = 0;

	sums_make(&sums);
	specimen_make(sums.scratch.dir);
	cr_assert_eq(sums_take(&sums, &err), 0, "%s", err.msg);
	for (size_t i = 0; i < mp_fileset_count(sums.set); i++)
		n += S_ISREG(mp_fileset_at(sums.set, i)->node.mode);
	cr_expect_eq(mp_digests_count(sums.digests), n);
	cr_assert_eq(chdir(sums.scratch.dir), 0);
	for (size_t i = 0; i < mp_digests_count(sums.digests); i++) {
		const struct mp_file_digest *digest = mp_digests_at(sums.digests, i);
		MP_AUTO(mp_closep) int fd = open(digest->file->path + 1, O_RDONLY | O_CLOEXEC);
		MP_AUTO(mp_freep) char *command = NULL;
		MP_AUTO(mp_freep) char *line = NULL;

		cr_assert_geq(fd, 0, "%s: %m", digest->file->path);
		/* Each opens the file anew. */
		command = mp_xasprintf("echo $(sha1sum </proc/%d/fd/%d | cut -c1-40) "
				       "$(sha256sum </proc/%d/fd/%d | cut -c1-64)",
				       getpid(), fd, getpid(), fd);
		line = output_of(command);
		cr_expect_eq(strncmp(line, digest->sha1, 40), 0, "%s", digest->file->path);
		cr_expect_str_eq(line + 41, digest->sha256, "%s", digest->file->path);
	}
}

/* A terabyte of zeros is not summed; what an archive holds whole is. */
Test(digests, holes)
{
	MP_AUTO(sums_clear) struct sums sums;
	struct mp_error err = { 0 };

	sums_make(&sums);
	make_sparse("bomb", (off_t)1 << 40, (off_t)1 << 39);
	cr_assert_eq(link("bomb", "bomb-again"), 0);
	make_sparse("sparse", 16 << 20, 1 << 20);
	write_text("plain", "", 0644);
	cr_assert_eq(sums_take(&sums, &err), 0, "%s", err.msg);
	cr_assert_eq(mp_digests_count(sums.digests), 2);
	cr_expect_str_eq(mp_digests_at(sums.digests, 0)->file->path, "/plain");
	cr_expect_str_eq(mp_digests_at(sums.digests, 0)->sha1, EMPTY_SHA1);
	cr_expect_str_eq(mp_digests_at(sums.digests, 0)->sha256, EMPTY_SHA256);
	cr_expect_str_eq(mp_digests_at(sums.digests, 1)->file->path, "/sparse");
}

/* In a large set, holes of a few MiB are left out of the archive; they are summed as zeros. */
Test(digests, holes_of_a_large_set)
{
	MP_AUTO(sums_clear) struct sums sums;
	MP_AUTO(mp_freep) char *line = NULL;
	struct mp_error err = { 0 };
	const struct mp_file_digest *digest;

	sums_make(&sums);
	make_sparse("bomb", (off_t)65 << 30, (off_t)64 << 30);
	/* What was read last must not stand for a hole. */
	run("head -c 5000000 /dev/urandom >'%s/noise'", sums.scratch.dir);
	make_sparse("sparse", 16 << 20, 1 << 20);
	cr_assert_eq(sums_take(&sums, &err), 0, "%s", err.msg);
	cr_assert_eq(mp_digests_count(sums.digests), 2);
	digest = mp_digests_at(sums.digests, 1);
	cr_assert_str_eq(digest->file->path, "/sparse");
	line = output_of("echo $(sha1sum <sparse | cut -c1-40) $(sha256sum <sparse | cut -c1-64)");
	cr_expect_eq(strncmp(line, digest->sha1, 40), 0);
	cr_expect_str_eq(line + 41, digest->sha256);
}

/* The second name of a file has the digests of the first, what was made here those of its text. */
Test(digests, links_and_made_files)
{
	MP_AUTO(sums_clear) struct sums sums;
	const struct mp_node node = { .mode = S_IFREG | 0644, .nlink = 1 };
	struct mp_error err = { 0 };

	sums_make(&sums);
	write_text("b-first", "abc", 0644);
	cr_assert_eq(link("b-first", "c-second"), 0);
	cr_assert_eq(mkdir("d", 0755), 0);
	cr_assert_eq(link("b-first", "d/third"), 0);
	write_text("a-made", "what is there, and not packed", 0644);
	sums_open(&sums);
	mp_fileset_add_made(sums.set, "/a-made", &node, "abc", 3, MP_WHY(MP_REASON_PACKAGE));
	mp_fileset_add_made(sums.set, "/made", &node, "", 0, MP_WHY(MP_REASON_PACKAGE));
	cr_assert_eq(sums_archive(&sums, &err), 0, "%s", err.msg);
	cr_assert_eq(mp_digests_count(sums.digests), 5);
	for (size_t i = 0; i < 5; i++) {
		const struct mp_file_digest *digest = mp_digests_at(sums.digests, i);

		cr_expect_str_eq(digest->sha1,
				 i < 4 ? "a9993e364706816aba3e25717850c26c9cd0d89d" : EMPTY_SHA1,
				 "%s", digest->file->path);
		cr_expect_str_eq(
			digest->sha256,
			i < 4 ? "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
			      : EMPTY_SHA256,
			"%s", digest->file->path);
	}
}

/* An archive that fails in the middle of a file: the threads end. */
Test(digests, failure)
{
	MP_AUTO(sums_clear) struct sums sums;
	struct mp_error err = { 0 };

	sums_make(&sums);
	run("head -c 5000000 /dev/urandom >'%s/a'; head -c 5000000 /dev/urandom >'%s/shrinks'",
	    sums.scratch.dir, sums.scratch.dir);
	sums_open(&sums);
	cr_assert_eq(truncate("shrinks", 3000000), 0);
	cr_expect_eq(sums_archive(&sums, &err), -1);
	cr_expect_str_eq(err.msg, "pack '/shrinks': '/shrinks' shrank while it was read");
}

/* Nobody writes an archive. */
Test(digests, given_up)
{
	MP_AUTO(sums_clear) struct sums sums;

	sums_make(&sums);
	write_text("file", "x", 0644);
	sums_open(&sums);
	sums.digests = mp_digests_new(sums.set);
	mp_digests_freep(&sums.digests);
	cr_expect_null(sums.digests);
}
