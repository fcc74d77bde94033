/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/sparse.h"
#include "core/log.h"
#include "packer/archive.h"
#include "tests/packer/specimen.h"

#include <sys/mman.h>

TestSuite(sparse, .timeout = 60);

#define MIB ((uint64_t)1 << 20)

/* A file under construction, and what it is to be read as: a part of another, from @offset on. */
struct file {
	int fd;
	uint64_t offset;
};

static struct file file_new(uint64_t offset)
{
	struct file file = { memfd_create("sparse", MFD_CLOEXEC), offset };

	cr_assert_geq(file.fd, 0, "%m");
	return file;
}

/* Bytes without a zero among them. */
static void put_data(const struct file *file, uint64_t at, size_t len)
{
	MP_AUTO(mp_freep) char *data = mp_xmalloc(len);

	memset(data, 'd', len);
	cr_assert_eq(pwrite(file->fd, data, len, (off_t)(file->offset + at)), (ssize_t)len);
}

static void put_zeros(const struct file *file, uint64_t at, size_t len)
{
	MP_AUTO(mp_freep) char *data = mp_xcalloc(1, len);

	cr_assert_eq(pwrite(file->fd, data, len, (off_t)(file->offset + at)), (ssize_t)len);
}

static int map_of(const struct file *file, uint64_t size, uint64_t least, struct mp_sparse *map)
{
	const struct mp_contents contents = { file->fd, file->offset, size, true };
	struct mp_error err = { 0 };
	int rc;

	/* A file ends where it does; what is within an archive has something behind it. */
	if (file->offset)
		put_data(file, size, 10);
	else
		cr_assert_eq(ftruncate(file->fd, (off_t)size), 0);
	rc = mp_sparse_map(&contents, size, least, "/f", map, &err);
	cr_assert_geq(rc, 0, "%s", err.msg);
	return rc;
}

/* "OFFSET+SIZE …, HOLES", owned by the caller; "plain" for a file that is not sparse. */
static char *text_of(const struct file *file, uint64_t size, uint64_t least)
{
	MP_AUTO(mp_sparse_clear) struct mp_sparse map = { 0 };
	struct mp_buf text = { 0 };

	if (map_of(file, size, least, &map) == 0)
		return mp_xstrdup("plain");
	for (size_t i = 0; i < map.n; i++)
		mp_buf_addf(&text, "%" PRIu64 "+%" PRIu64 " ", map.parts[i].offset,
			    map.parts[i].size_bytes);
	mp_buf_addf(&text, "(%" PRIu64 ")", map.hole_bytes);
	return mp_buf_steal(&text);
}

static void expect_map(uint64_t size, uint64_t least, const uint64_t (*data)[2], const char *map)
{
	static const uint64_t offsets[] = { 0, 512, 4096, 70000 };

	/* Alone and within an archive, with true holes and with zeros that are written. */
	for (size_t i = 0; i < 2 * MP_ARRAY_LEN(offsets); i++) {
		struct file file = file_new(offsets[i / 2]);
		MP_AUTO(mp_freep) char *got = NULL;

		if (i % 2)
			put_zeros(&file, 0, size);
		for (size_t k = 0; data[k][1]; k++)
			put_data(&file, data[k][0], data[k][1]);
		got = text_of(&file, size, least);
		cr_expect_str_eq(got, map, "at %" PRIu64 ", %s: %s, not %s", file.offset,
				 i % 2 ? "zeros" : "holes", got, map);
		close(file.fd);
	}
}

Test(sparse, the_map_is_of_the_contents_alone)
{
	static const struct {
		uint64_t size, least, data[4][2];
		const char *map;
	} cases[] = {
		{ MIB, MIB, { { 0 } }, "(1048576)" },
		{ MIB, MIB / 2, { { 0, 1 } }, "0+4096 (1044480)" },
		{ MIB, MIB / 2, { { 4095, 2 } }, "0+8192 (1040384)" },
		{ MIB, MIB / 2, { { MIB - 1, 1 } }, "1044480+4096 (1044480)" },
		{ MIB, MIB / 2, { { 300000, 10 } }, "299008+4096 (1044480)" },
		/* A run of 64 KiB is a hole, a shorter one is not. */
		{ MIB, 65536, { { 0, 4096 }, { 69632, 4096 } }, "0+4096 69632+4096 (1040384)" },
		{ MIB, 65536, { { 0, 4096 }, { 65536, 4096 } }, "0+69632 (978944)" },
		/* The end may be within a block, and short. */
		{ MIB + 5, MIB, { { MIB + 4, 1 } }, "1048576+5 (1048576)" },
		{ MIB + 5, MIB, { { 0 } }, "(1048581)" },
		{ MIB + 5, MIB / 2, { { MIB - 9000, 1 } }, "1036288+12293 (1036288)" },
		/* Too little of it, or less than half. */
		{ MIB, MIB, { { 0, 1 } }, "plain" },
		{ MIB, MIB + 1, { { 0 } }, "plain" },
		{ MIB, 65536, { { 0, MIB / 2 } }, "0+524288 (524288)" },
		{ MIB, 65536, { { 0, MIB / 2 + 1 } }, "plain" },
		{ MIB, 65536, { { 0, MIB } }, "plain" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++)
		expect_map(cases[i].size, cases[i].least, cases[i].data, cases[i].map);
}

/* A map has its bound, and so has what is written without one. */
Test(sparse, holes_beyond_count)
{
	const uint64_t step = MP_SPARSE_HOLE_MIN + MP_SPARSE_BLOCK;
	const uint64_t size = step * (MP_SPARSE_PARTS_MAX + 1);
	struct file file = file_new(0);
	MP_AUTO(mp_sparse_clear) struct mp_sparse map = { 0 }, none = { 0 };
	struct mp_contents contents = { file.fd, 0, MP_CONTENTS_TO_END, true };
	struct mp_error err = { 0 };

	for (uint64_t i = 0; i < MP_SPARSE_PARTS_MAX; i++)
		cr_assert_eq(pwrite(file.fd, "d", 1, (off_t)(i * step)), 1, "%m");
	cr_expect_eq(map_of(&file, size, MIB, &map), 1);
	cr_expect_eq(map.n, MP_SPARSE_PARTS_MAX);
	cr_assert_eq(pwrite(file.fd, "d", 1, (off_t)(size - 1)), 1, "%m");
	cr_expect_eq(map_of(&file, size, MIB, &none), 0);
	cr_assert_eq(ftruncate(file.fd, (off_t)1 << 40), 0, "%m");
	cr_expect_eq(mp_sparse_map(&contents, (uint64_t)1 << 40, MIB, "/f", &none, &err), -1);
	cr_expect_str_eq(err.msg, "'/f' has 1099511627776 bytes and more than 65536 holes: not "
				  "packed");
	close(file.fd);
}

static void keep_message(enum mp_log_level level, const char *message, void *context)
{
	(void)level;
	mp_buf_addf(context, "%s\n", message);
}

/* All of @root to @tar; its digest. */
static struct mp_archive_stats pack_root(struct mp_rootfs *root, const char *const *paths,
					 const char *tar)
{
	MP_AUTO(mp_closep) int fd = open(tar, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = mp_fileset_new();
	struct mp_archive_stats stats;
	struct mp_error err;

	cr_assert_geq(fd, 0);
	for (; *paths; paths++) {
		MP_AUTO(mp_node_clear) struct mp_node node = { 0 };

		cr_assert_eq(mp_rootfs_lookup(root, *paths, &node, &err), 1, "'%s'", *paths);
		mp_fileset_add(set, *paths, &node, MP_WHY(MP_REASON_LISTED));
	}
	cr_assert_eq(write_archive(root, set, fd, tar, &stats, &err), 0, "%s", err.msg);
	return stats;
}

/* A TiB in no time and no room; the same bytes from a stream; and readers find it as it was. */
Test(sparse, a_tebibyte)
{
	static const char *const paths[] = { "/again", "/huge", "/small", NULL };
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *dir = NULL, *tar = NULL, *command = NULL, *huge = NULL;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL, *stream = NULL, *back = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf log = { 0 };
	struct mp_archive_stats a, b, c;
	struct stat st;

	scratch_make(&scratch);
	dir = in(&scratch, "tree");
	tar = in(&scratch, "out.tar");
	huge = in(&scratch, "tree/huge");
	cr_assert_eq(mkdir(dir, 0755), 0);
	make_sparse(huge, (off_t)1 << 40, (off_t)700 << 30);
	run("cd '%s' && ln huge again && truncate -s 20M small", dir);
	root = open_dir(dir);
	mp_log_set_sink(keep_message, &log);
	a = pack_root(root, paths, tar);
	mp_log_set_sink(NULL, NULL);
	/* Of so large a set, smaller files are written without their holes, too. */
	cr_expect_str_eq(log.data,
			 "'/again': 1099511623680 bytes of holes are left out; an engine that "
			 "loads this may not be able to save or push it again\n"
			 "'/small': 20971520 bytes of holes are left out; an engine that loads "
			 "this may not be able to save or push it again\n");
	cr_assert_eq(stat(tar, &st), 0);
	cr_expect_lt(st.st_size, 20000);
	command = mp_xasprintf("tar --format=pax -S -C '%s' -cf - .", dir);
	stream = open_stream_of(command, 10000);
	mp_freep(&command);
	command = mp_xasprintf("cat '%s'", tar);
	back = open_stream_of(command, 10000);
	mp_log_set_sink(keep_message, &log);
	b = pack_root(stream, paths, tar);
	c = pack_root(back, paths, tar);
	mp_log_set_sink(NULL, NULL);
	cr_expect_str_eq(a.layer_sha256, b.layer_sha256);
	cr_expect_str_eq(a.layer_sha256, c.layer_sha256);
	for (int i = 0; i < 2; i++) {
		run("mkdir '%s/out' && %s '%s' -C '%s/out' && cd '%s/out' && "
		    "[ huge -ef again ] && [ \"$(stat -c %%s huge small | paste -sd.)\" = "
		    "1099511627776.20971520 ] && [ \"$(du -k huge | cut -f1)\" -lt 1000 ] && "
		    "[ \"$(tail -c +$((700 << 30 | 1)) huge | head -c 6)\" = island ] && "
		    "rm -r '%s/out'",
		    scratch.dir, i ? "bsdtar -xf" : "tar -xSf", tar, scratch.dir, scratch.dir,
		    scratch.dir);
	}
}

/* Below the bound a hole is so many zeros: engines put such a layer together again. */
Test(sparse, small_files_stay_whole)
{
	static const char *const paths[] = { "/file", NULL };
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *dir = NULL, *tar = NULL, *file = NULL;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	struct stat st;

	scratch_make(&scratch);
	dir = in(&scratch, "tree");
	tar = in(&scratch, "out.tar");
	file = in(&scratch, "tree/file");
	cr_assert_eq(mkdir(dir, 0755), 0);
	make_sparse(file, (off_t)20 << 20, 5000);
	root = open_dir(dir);
	pack_root(root, paths, tar);
	cr_assert_eq(stat(tar, &st), 0);
	cr_expect_gt(st.st_size, 20 << 20);
	run("tar -xOf '%s' file | cmp - '%s'", tar, file);
}
