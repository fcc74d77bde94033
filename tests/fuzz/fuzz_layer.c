/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/path.h"
#include "packer/rootfs_internal.h"
#include "tests/fuzz/fuzz.h"

#include <inttypes.h>
#include <sys/stat.h>

/*
 * The first byte says whether the archives that follow are layers (bit 0: else the first is a root
 * file system, and the only one), whether the checksums of their headers are made right first (bit
 * 1), and in pieces of what size they are fed (the rest). Between two of them stands CUT. What is
 * fed and what is taken from a file is the same tree, and its counts are those of its parts.
 */
#define CUT "\nLAYER\n"
#define CUT_LEN (sizeof(CUT) - 1)
#define BLOCK 512

static void correct(uint8_t *data, size_t size)
{
	for (uint8_t *block = data; block + BLOCK <= data + size; block += BLOCK) {
		unsigned int sum = 0;
		char digits[8];

		if (memcmp(block + 257, "ustar", 5) != 0)
			continue;
		memset(block + 148, ' ', 8);
		for (int i = 0; i < BLOCK; i++)
			sum += block[i];
		snprintf(digits, sizeof(digits), "%06o", sum);
		memcpy(block + 148, digits, 7);
	}
}

static int feed(struct mp_rootfs_stream *stream, const uint8_t *data, size_t size, size_t piece,
		struct mp_error *err)
{
	for (size_t at = 0; at < size; at += piece) {
		size_t len = size - at < piece ? size - at : piece;

		if (mp_rootfs_stream_feed(stream, data + at, len, err))
			return -1;
	}
	return 0;
}

static int take(struct mp_rootfs_stream *stream, const uint8_t *data, size_t size, int fd,
		struct mp_error *err)
{
	off_t offset = lseek(fd, 0, SEEK_END);

	REQUIRE(pwrite(fd, data, size, offset) == (ssize_t)size);
	return mp_rootfs_stream_take(stream, fd, (uint64_t)offset, size, err);
}

/* @piece: 0 to have it taken. */
static int put(struct mp_rootfs_stream *stream, uint8_t *data, size_t size, uint8_t options,
	       size_t piece, int fd, struct mp_error *err)
{
	if ((options & 1) && mp_rootfs_stream_begin_layer(stream, "fuzz", err))
		return -1;
	if (options & 2)
		correct(data, size);
	return piece ? feed(stream, data, size, piece, err) : take(stream, data, size, fd, err);
}

static int open_input(const uint8_t *input, size_t size, uint8_t options, size_t piece,
		      struct mp_rootfs **root_out, struct mp_error *err)
{
	MP_AUTO(mp_rootfs_stream_freep) struct mp_rootfs_stream *stream = NULL;
	MP_AUTO(mp_closep) int fd = memfd_create("layers", MFD_CLOEXEC);
	MP_AUTO(mp_freep) uint8_t *data = mp_xmalloc(size);
	uint8_t *at = data, *cut;

	memcpy(data, input, size);
	REQUIRE(mp_rootfs_stream_new(&stream, err) == 0);
	mp_rootfs_stream_bound_index(stream, 16 << 20);
	while ((options & 1) && (cut = memmem(at, (size_t)(data + size - at), CUT, CUT_LEN))) {
		if (put(stream, at, (size_t)(cut - at), options, piece, fd, err))
			return -1;
		at = cut + CUT_LEN;
	}
	if (put(stream, at, (size_t)(data + size - at), options, piece, fd, err))
		return -1;
	return mp_rootfs_stream_finish(stream, root_out, err);
}

static void require_same_contents(struct mp_rootfs *a, struct mp_rootfs *b, const char *path)
{
	struct mp_contents in_a, in_b;
	struct mp_error err = { 0 };
	char bytes_a[4096], bytes_b[4096];
	ssize_t got;

	REQUIRE(mp_rootfs_open(a, path, &in_a, &err) == 0);
	REQUIRE(mp_rootfs_open(b, path, &in_b, &err) == 0);
	/* From its begin, and before its end: a file may be sparse. */
	for (int end = 0; end < 2; end++) {
		uint64_t from = end && in_a.size_bytes > 4096 ? in_a.size_bytes - 4096 : 0;

		got = mp_contents_read(&in_a, bytes_a, sizeof(bytes_a), from);
		REQUIRE(got >= 0 && mp_contents_read(&in_b, bytes_b, sizeof(bytes_b), from) == got);
		REQUIRE(memcmp(bytes_a, bytes_b, (size_t)got) == 0);
		REQUIRE((uint64_t)got == in_a.size_bytes || got == sizeof(bytes_a));
	}
	mp_contents_close(&in_a);
	mp_contents_close(&in_b);
}

static void require_same_node(const struct mp_node *a, const struct mp_node *b)
{
	REQUIRE(a->mode == b->mode && a->uid == b->uid && a->gid == b->gid);
	REQUIRE(a->size_bytes == b->size_bytes && a->nlink == b->nlink && a->nlink > 0);
	REQUIRE(a->mtime_s == b->mtime_s && a->mtime_ns == b->mtime_ns);
	REQUIRE(a->rdev_major == b->rdev_major && a->rdev_minor == b->rdev_minor);
	REQUIRE(same_text(a->target, b->target) && a->n_xattrs == b->n_xattrs);
	for (size_t i = 0; i < a->n_xattrs; i++) {
		REQUIRE(same_text(a->xattrs[i].name, b->xattrs[i].name));
		REQUIRE(a->xattrs[i].size == b->xattrs[i].size);
		REQUIRE(memcmp(a->xattrs[i].value, b->xattrs[i].value, a->xattrs[i].size) == 0);
	}
}

/* Returns how many files that are no directories are at @path and below. */
static uint64_t require_same_tree(struct mp_rootfs *a, struct mp_rootfs *b, const char *path)
{
	MP_AUTO(mp_node_clear) struct mp_node in_a = { 0 }, in_b = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv names_a = { 0 }, names_b = { 0 };
	struct mp_error err = { 0 };
	uint64_t files = 0;

	REQUIRE(mp_rootfs_lookup(a, path, &in_a, &err) == 1);
	REQUIRE(mp_rootfs_lookup(b, path, &in_b, &err) == 1);
	require_same_node(&in_a, &in_b);
	if (S_ISREG(in_a.mode))
		require_same_contents(a, b, path);
	if (!S_ISDIR(in_a.mode))
		return 1;
	REQUIRE(mp_rootfs_list(a, path, &names_a, &err) == 0);
	REQUIRE(mp_rootfs_list(b, path, &names_b, &err) == 0);
	REQUIRE(names_a.n == names_b.n);
	for (size_t i = 0; i < names_a.n; i++) {
		MP_AUTO(mp_freep) char *child = mp_path_join(path, names_a.v[i]);

		REQUIRE(strcmp(names_a.v[i], names_b.v[i]) == 0);
		REQUIRE(names_a.v[i][0] && !strchr(names_a.v[i], '/'));
		REQUIRE(strcmp(names_a.v[i], ".") != 0 && strcmp(names_a.v[i], "..") != 0);
		files += require_same_tree(a, b, child);
	}
	return files;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *fed = NULL, *taken = NULL;
	struct mp_error fed_err = { 0 }, taken_err = { 0 };
	struct mp_rootfs_totals a, b;
	int rc;

	if (size == 0)
		return 0;
	rc = open_input(data + 1, size - 1, data[0], (size_t)(data[0] >> 2) * 37 + 1, &fed,
			&fed_err);
	REQUIRE(open_input(data + 1, size - 1, data[0], 0, &taken, &taken_err) == rc);
	if (rc) {
		REQUIRE(!fed && !taken && fed_err.msg[0] && taken_err.msg[0]);
		return 0;
	}
	REQUIRE(mp_rootfs_totals(fed, &a, &fed_err) == 0);
	REQUIRE(mp_rootfs_totals(taken, &b, &taken_err) == 0);
	REQUIRE(a.files == b.files && a.size_bytes == b.size_bytes);
	REQUIRE(require_same_tree(fed, taken, "/") == a.files);
	return 0;
}
