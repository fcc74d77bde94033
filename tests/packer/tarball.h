/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TESTS_PACKER_TARBALL_H
#define MP_TESTS_PACKER_TARBALL_H

#include "packer/rootfs.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Archives made by hand, right and wrong ones, and what a stream makes of them. */

#define TARBALL_FN __attribute__((unused)) static

TARBALL_FN void put_octal(unsigned char *header, size_t at, int digits, uint64_t value)
{
	snprintf((char *)header + at, (size_t)digits + 1, "%0*" PRIo64, digits, value);
}

TARBALL_FN void put_checksum(unsigned char *header)
{
	unsigned int sum = 0;

	memset(header + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += header[i];
	put_octal(header, 148, 6, sum);
}

TARBALL_FN void header_fill(unsigned char *header, const char *name, char type, uint64_t size,
			    const char *link)
{
	memset(header, 0, 512);
	memcpy(header, name, strnlen(name, 100));
	put_octal(header, 100, 7, 0644);
	put_octal(header, 108, 7, 0);
	put_octal(header, 116, 7, 0);
	put_octal(header, 124, 11, size);
	put_octal(header, 136, 11, 1600000000);
	header[156] = (unsigned char)type;
	memcpy(header + 157, link, strnlen(link, 100));
	memcpy(header + 257, "ustar\00000", 8);
	put_octal(header, 329, 7, 0);
	put_octal(header, 337, 7, 0);
	put_checksum(header);
}

TARBALL_FN void add_header(struct mp_buf *tar, const char *name, char type, uint64_t size,
			   const char *link)
{
	unsigned char header[512];

	header_fill(header, name, type, size, link);
	mp_buf_add(tar, header, sizeof(header));
}

TARBALL_FN void add_padded(struct mp_buf *tar, const void *data, size_t len)
{
	static const char zeros[512];

	mp_buf_add(tar, data, len);
	mp_buf_add(tar, zeros, -len % 512);
}

TARBALL_FN void add_file(struct mp_buf *tar, const char *name, const char *text)
{
	add_header(tar, name, '0', strlen(text), "");
	add_padded(tar, text, strlen(text));
}

TARBALL_FN void add_extended(struct mp_buf *tar, const void *records, size_t len)
{
	add_header(tar, "PaxHeaders/x", 'x', len, "");
	add_padded(tar, records, len);
}

/* "<length> <key>=<value>\n" with the length that it has. */
TARBALL_FN void add_record(struct mp_buf *records, const char *key, const void *value, size_t len)
{
	size_t bare = strlen(key) + len + 3, total = bare;
	char digits[24];

	while (bare + (size_t)snprintf(digits, sizeof(digits), "%zu", total) != total)
		total = bare + strlen(digits);
	mp_buf_addf(records, "%s %s=", digits, key);
	mp_buf_add(records, value, len);
	mp_buf_addc(records, '\n');
}

TARBALL_FN void add_pax(struct mp_buf *tar, const char *key, const char *value)
{
	MP_AUTO(mp_buf_free) struct mp_buf records = { 0 };

	add_record(&records, key, value, strlen(value));
	add_extended(tar, records.data, records.len);
}

TARBALL_FN void add_end(struct mp_buf *tar)
{
	static const char zeros[1024];

	mp_buf_add(tar, zeros, sizeof(zeros));
}

TARBALL_FN void add_sparse(struct mp_buf *tar, const char *size, const char *map, const char *data)
{
	MP_AUTO(mp_buf_free) struct mp_buf records = { 0 };

	add_record(&records, "GNU.sparse.size", size, strlen(size));
	add_record(&records, "GNU.sparse.map", map, strlen(map));
	add_extended(tar, records.data, records.len);
	add_file(tar, "sparse", data);
}

TARBALL_FN int feed(const struct mp_buf *tar, size_t chunk, struct mp_rootfs **root_out,
		    struct mp_error *err)
{
	MP_AUTO(mp_rootfs_stream_freep) struct mp_rootfs_stream *stream = NULL;

	cr_assert_eq(mp_rootfs_stream_new(&stream, err), 0, "%s", err->msg);
	for (size_t at = 0; at < tar->len; at += chunk) {
		size_t len = tar->len - at < chunk ? tar->len - at : chunk;

		if (mp_rootfs_stream_feed(stream, tar->data + at, len, err))
			return -1;
	}
	return mp_rootfs_stream_finish(stream, root_out, err);
}

/* The file system of @tar, which ends here. */
TARBALL_FN struct mp_rootfs *read_tar(struct mp_buf *tar)
{
	struct mp_rootfs *root = NULL;
	struct mp_error err = { 0 };

	add_end(tar);
	cr_assert_eq(feed(tar, 1000, &root, &err), 0, "%s", err.msg);
	return root;
}

/* What @path is, as a line of the description without its time; "" when absent. Owned by the
 * caller. */
TARBALL_FN char *what_is(struct mp_rootfs *root, const char *path)
{
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 };
	struct mp_error err = { 0 };
	struct mp_buf text = { 0 };
	int rc = mp_rootfs_lookup(root, path, &node, &err);

	cr_assert_geq(rc, 0, "%s", err.msg);
	if (rc)
		mp_buf_addf(&text, "%o %u:%u %" PRIu64 " x%u", node.mode, node.uid, node.gid,
			    node.size_bytes, node.nlink);
	return mp_buf_steal(&text);
}

TARBALL_FN void expect_is(struct mp_rootfs *root, const char *path, const char *expected)
{
	MP_AUTO(mp_freep) char *got = what_is(root, path);

	cr_expect_str_eq(got, expected, "'%s' is %s", path, got);
}

TARBALL_FN char *contents_of(struct mp_rootfs *root, const char *path)
{
	struct mp_contents contents;
	struct mp_error err = { 0 };
	char text[100] = "";

	cr_assert_eq(mp_rootfs_open(root, path, &contents, &err), 0, "%s", err.msg);
	cr_assert_geq(mp_contents_read(&contents, text, sizeof(text) - 1, 0), 0);
	mp_contents_close(&contents);
	return mp_xstrdup(text);
}

TARBALL_FN void expect_contents(struct mp_rootfs *root, const char *path, const char *expected)
{
	MP_AUTO(mp_freep) char *got = contents_of(root, path);

	cr_expect_str_eq(got, expected, "'%s' has '%s'", path, got);
}

#endif
