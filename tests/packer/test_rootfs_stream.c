/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/file.h"
#include "packer/rootfs_internal.h"
#include "tests/packer/specimen.h"
#include "tests/packer/tarball.h"

TestSuite(rootfs_stream, .timeout = 300);

/* GNU tar with all that it can keep. */
#define TAR_ALL "tar --format=pax --xattrs --xattrs-include='*' --numeric-owner -C '%s' -cf - "

/* What is well */

Test(rootfs_stream, gives_the_nodes_that_a_directory_gives)
{
	static const size_t chunks[] = { 1, 511, 512, 513, 10240, 1 << 20 };
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *directory = NULL;
	MP_AUTO(mp_freep) char *expected = NULL, *command = NULL;
	struct mp_rootfs_totals plain, streamed;
	struct mp_error err;

	scratch_make(&scratch);
	specimen_make(scratch.dir);
	directory = open_dir(scratch.dir);
	expected = describe(directory, NULL);
	cr_assert_eq(mp_rootfs_totals(directory, &plain, &err), 0);
	command = mp_xasprintf(TAR_ALL ".", scratch.dir);
	for (size_t i = 0; i < MP_ARRAY_LEN(chunks); i++) {
		MP_AUTO(mp_rootfs_freep)
		struct mp_rootfs *root = open_stream_of(command, chunks[i]);
		MP_AUTO(mp_freep) char *got = describe(root, NULL);

		expect_same(expected, got, "directory and stream");
		cr_assert_eq(mp_rootfs_totals(root, &streamed, &err), 0);
		cr_expect_eq(streamed.files, plain.files);
		cr_expect_eq(streamed.size_bytes, plain.size_bytes);
	}
}

/* Whoever wrote it. Nothing in the tree that one of the formats has no room for. */
Test(rootfs_stream, formats)
{
	static const char *const commands[] = {
		"tar --format=v7 -C '%s' -cf - .",
		"tar --format=oldgnu -C '%s' -cf - .",
		"tar --format=gnu -C '%s' -cf - .",
		"tar --format=ustar -C '%s' -cf - .",
		"tar --format=pax -C '%s' -cf - .",
		"bsdtar --format=ustar -C '%s' -cf - .",
		"bsdtar --format=pax -C '%s' -cf - .",
		"bsdtar --format=gnutar -C '%s' -cf - .",
		"tar --format=v7 -P -C '%s' -cf - $(ls '%s')",
	};
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *directory = NULL;
	MP_AUTO(mp_freep) char *expected = NULL;

	scratch_make(&scratch);
	cr_assert_eq(chdir(scratch.dir), 0);
	run("mkdir -p d/e && echo one >d/one && echo two >d/e/two && ln d/one three && ln -s d "
	    "four "
	    "&& head -c 5000 /dev/urandom >five && chmod 4711 five && "
	    "find . -exec touch -h -d @1234567890 {} +");
	cr_assert_eq(chdir("/"), 0);
	directory = open_dir(scratch.dir);
	expected = describe(directory, NULL);
	for (size_t i = 0; i < MP_ARRAY_LEN(commands); i++) {
		MP_AUTO(mp_freep)
		char *command = mp_xasprintf(commands[i], scratch.dir, scratch.dir);
		MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = open_stream_of(command, 4096);
		MP_AUTO(mp_freep) char *got = describe(root, NULL);

		expect_same(expected, got, command);
	}
}

/* Names that need a prefix field, a GNU long name, or an extended header. */
Test(rootfs_stream, long_names)
{
	static const char *const formats[] = { "tar --format=gnu", "tar --format=pax",
					       "tar --format=ustar", "bsdtar --format=gnutar",
					       "bsdtar --format=pax" };
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *directory = NULL;
	MP_AUTO(mp_freep) char *expected = NULL;

	scratch_make(&scratch);
	cr_assert_eq(chdir(scratch.dir), 0);
	run("d=$(printf 'd%%.0s' $(seq 80)); mkdir -p $d && echo x >$d/$d && ln $d/$d again && "
	    "ln -s $d/$d link && find . -exec touch -h -d @1234567890 {} +");
	cr_assert_eq(chdir("/"), 0);
	directory = open_dir(scratch.dir);
	expected = describe(directory, NULL);
	for (size_t i = 0; i < MP_ARRAY_LEN(formats); i++) {
		MP_AUTO(mp_freep)
		char *command =
			mp_xasprintf("%s -C '%s' -cf - again link d*", formats[i], scratch.dir);
		MP_AUTO(mp_freep)
		char *all = mp_xasprintf("cd '%s' && %s", scratch.dir, command);
		MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
		MP_AUTO(mp_freep) char *got = NULL;

		/* ustar cannot link to a name of more than 100 bytes. */
		if (strstr(formats[i], "ustar"))
			continue;
		root = open_stream_of(all, 4096);
		got = describe(root, NULL);
		expect_same(expected, got, command);
	}
}

Test(rootfs_stream, sparse_files_keep_their_holes)
{
	static const char *const forms[] = { "--format=gnu", "--format=pax --sparse-version=0.0",
					     "--format=pax --sparse-version=0.1",
					     "--format=pax --sparse-version=1.0" };
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *many = NULL, *large = NULL, *hole = NULL;

	scratch_make(&scratch);
	large = in(&scratch, "huge");
	hole = in(&scratch, "hole");
	many = in(&scratch, "many");
	make_sparse(large, (off_t)1 << 40, ((off_t)1 << 39) + 12345);
	write_text(hole, "", 0644);
	cr_assert_eq(truncate(hole, 5000000), 0);
	make_sparse(many, 4 << 20, 100);
	for (int i = 1; i < 60; i++) {
		int fd = open(many, O_WRONLY);

		cr_assert_eq(pwrite(fd, "reef", 4, i * 65536 + i), 4);
		close(fd);
	}
	for (size_t i = 0; i < MP_ARRAY_LEN(forms); i++) {
		MP_AUTO(mp_freep)
		char *command = mp_xasprintf("tar -S %s -C '%s' -cf - .", forms[i], scratch.dir);
		MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = open_stream_of(command, 777);
		struct mp_contents huge, small;
		struct mp_error err;
		struct stat st;
		char text[7] = "";

		expect_is(root, "/huge", "100644 0:0 1099511627776 x1");
		cr_assert_eq(mp_rootfs_open(root, "/huge", &huge, &err), 0, "%s", err.msg);
		cr_assert_eq(fstat(huge.fd, &st), 0);
		cr_expect_lt(st.st_blocks, 1000);
		cr_expect_eq(huge.size_bytes, (uint64_t)1 << 40);
		cr_expect_eq(mp_contents_read(&huge, text, 6, ((uint64_t)1 << 39) + 12345), 6);
		cr_expect_str_eq(text, "island");
		cr_assert_eq(mp_rootfs_open(root, "/many", &small, &err), 0, "%s", err.msg);
		for (int k = 1; k < 60; k++) {
			cr_expect_eq(mp_contents_read(&small, text, 5, (uint64_t)k * 65536 + k), 5);
			cr_expect_eq(memcmp(text, "reef", 5), 0, "%s: %d", forms[i], k);
		}
		expect_is(root, "/hole", "100644 0:0 5000000 x1");
		run("cmp -i 0:%llu -n %llu '%s' /proc/%d/fd/%d", (unsigned long long)small.offset,
		    (unsigned long long)small.size_bytes, many, getpid(), small.fd);
	}
}

/* An engine's export knows no holes: it sends the zeros. */
Test(rootfs_stream, zeros_take_no_room)
{
	MP_AUTO(mp_rootfs_stream_freep) struct mp_rootfs_stream *stream = NULL;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	MP_AUTO(mp_freep) char *zeros = mp_xcalloc(1, 1 << 20);
	MP_AUTO(mp_buf_free) struct mp_buf tar = { 0 }, end = { 0 };
	struct mp_contents contents;
	struct mp_error err = { 0 };
	struct stat st;
	char last = 1;

	cr_assert_eq(mp_rootfs_stream_new(&stream, &err), 0, "%s", err.msg);
	add_header(&tar, "zeros", '0', (uint64_t)1 << 32, "");
	cr_assert_eq(mp_rootfs_stream_feed(stream, tar.data, tar.len, &err), 0);
	for (int i = 0; i < 4096; i++)
		cr_assert_eq(mp_rootfs_stream_feed(stream, zeros, 1 << 20, &err), 0, "%s", err.msg);
	add_end(&end);
	cr_assert_eq(mp_rootfs_stream_feed(stream, end.data, end.len, &err), 0, "%s", err.msg);
	cr_assert_eq(mp_rootfs_stream_finish(stream, &root, &err), 0, "%s", err.msg);
	cr_assert_eq(mp_rootfs_open(root, "/zeros", &contents, &err), 0, "%s", err.msg);
	cr_assert_eq(fstat(contents.fd, &st), 0);
	cr_expect_eq(contents.size_bytes, (uint64_t)1 << 32);
	cr_expect_eq(st.st_blocks, 0);
	cr_expect_eq(mp_contents_read(&contents, &last, 1, ((uint64_t)1 << 32) - 1), 1);
	cr_expect_eq(last, 0);
}

Test(rootfs_stream, parents_that_are_not_listed)
{
	MP_AUTO(mp_buf_free) struct mp_buf tar = { 0 };
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 };
	struct mp_rootfs_totals totals;
	struct mp_error err = { 0 };

	add_file(&tar, "a/b/c", "x");
	root = read_tar(&tar);
	expect_is(root, "/", "40755 0:0 0 x1");
	expect_is(root, "/a", "40755 0:0 0 x1");
	expect_is(root, "/a/b", "40755 0:0 0 x1");
	expect_is(root, "/a/b/c", "100644 0:0 1 x1");
	expect_is(root, "/a/b/c/d", "");
	expect_is(root, "/b", "");
	cr_assert_eq(mp_rootfs_lookup(root, "/a/b", &node, &err), 1);
	cr_expect_eq(node.mtime_s, 0);
	cr_assert_eq(mp_rootfs_totals(root, &totals, &err), 0);
	cr_expect_eq(totals.files, 1);
	cr_expect_eq(totals.size_bytes, 1);
}

Test(rootfs_stream, spellings_of_names)
{
	MP_AUTO(mp_buf_free) struct mp_buf tar = { 0 };
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;

	add_header(&tar, "./", '5', 0, "");
	add_file(&tar, "./a", "a");
	add_file(&tar, "/b", "b");
	add_file(&tar, ".//./c//.//d", "d");
	add_file(&tar, "...", "dots");
	add_header(&tar, "e/", '5', 0, "");
	add_header(&tar, "old/", '\0', 0, "");
	add_header(&tar, "link", '1', 0, "./c/d");
	add_header(&tar, "link2", '1', 0, "/link");
	root = read_tar(&tar);
	expect_contents(root, "/a", "a");
	expect_contents(root, "/b", "b");
	expect_contents(root, "/c/d", "d");
	expect_contents(root, "/link2", "d");
	expect_contents(root, "/...", "dots");
	expect_is(root, "/link", "100644 0:0 1 x3");
	expect_is(root, "/", "40644 0:0 0 x1");
	expect_is(root, "/e", "40644 0:0 0 x1");
	expect_is(root, "/old", "40644 0:0 0 x1");
}

Test(rootfs_stream, the_last_entry_of_a_name_wins)
{
	MP_AUTO(mp_buf_free) struct mp_buf tar = { 0 };
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	struct mp_rootfs_totals totals;
	struct mp_error err;

	add_file(&tar, "file", "first");
	add_header(&tar, "other", '1', 0, "file");
	add_file(&tar, "file", "second!");
	add_file(&tar, "dir/x", "gone");
	add_file(&tar, "dir/deep/er", "gone");
	add_file(&tar, "dir", "now a file");
	add_file(&tar, "dir2/x", "stays");
	add_header(&tar, "dir2", '5', 0, "");
	add_file(&tar, "turn", "was a file");
	add_header(&tar, "turn", '5', 0, "");
	add_file(&tar, "turn/x", "below");
	add_header(&tar, "self", '2', 0, "x");
	add_header(&tar, "self2", '1', 0, "self");
	add_header(&tar, "self2", '1', 0, "self2");
	add_header(&tar, "self2", '1', 0, "self");
	add_file(&tar, "up/only", "up");
	add_header(&tar, "up", '1', 0, "up/only");
	root = read_tar(&tar);
	expect_contents(root, "/file", "second!");
	expect_contents(root, "/other", "first");
	expect_is(root, "/file", "100644 0:0 7 x1");
	expect_contents(root, "/dir", "now a file");
	expect_is(root, "/dir/x", "");
	expect_is(root, "/dir/deep/er", "");
	expect_contents(root, "/dir2/x", "stays");
	expect_is(root, "/dir2", "40644 0:0 0 x1");
	expect_contents(root, "/turn/x", "below");
	expect_is(root, "/self", "120644 0:0 0 x2");
	expect_contents(root, "/up", "up");
	expect_is(root, "/up", "100644 0:0 2 x1");
	cr_assert_eq(mp_rootfs_totals(root, &totals, &err), 0);
	cr_expect_eq(totals.files, 8);
	cr_expect_eq(totals.size_bytes, strlen("firstsecond!now a filestaysbelowup"));
}

Test(rootfs_stream, numbers)
{
	MP_AUTO(mp_buf_free) struct mp_buf tar = { 0 }, records = { 0 };
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 }, old = { 0 };
	struct mp_error err;
	unsigned char header[512];

	add_record(&records, "uid", "4294967294", 10);
	add_record(&records, "gid", "65536", 5);
	add_record(&records, "mtime", "-1.5", 4);
	add_record(&records, "size", "3", 1);
	add_record(&records, "comment", "ignored", 7);
	add_extended(&tar, records.data, records.len);
	add_header(&tar, "pax", '0', 0, "");
	add_padded(&tar, "abc", 3);
	header_fill(header, "base256", '0', 0, "");
	memset(header + 108, 0, 8);
	memcpy(header + 108, "\x80\0\0\0\xb2\xd0\x5e\0", 8); /* 3,000,000,000 */
	memset(header + 136, 0xff, 12);                      /* -1 */
	put_checksum(header);
	mp_buf_add(&tar, header, sizeof(header));
	root = read_tar(&tar);
	expect_is(root, "/pax", "100644 4294967294:65536 3 x1");
	cr_assert_eq(mp_rootfs_lookup(root, "/pax", &node, &err), 1);
	cr_expect_eq(node.mtime_s, -2);
	cr_expect_eq(node.mtime_ns, 500000000);
	expect_is(root, "/base256", "100644 3000000000:0 0 x1");
	cr_assert_eq(mp_rootfs_lookup(root, "/base256", &old, &err), 1);
	cr_expect_eq(old.mtime_s, -1);
}

/* A record is for the next entry alone; a global one is for none, as engines see it. */
Test(rootfs_stream, extended_headers_do_not_stick)
{
	MP_AUTO(mp_buf_free) struct mp_buf tar = { 0 };
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;

	add_header(&tar, "g", 'g', 12, "");
	add_padded(&tar, "12 path=all\n", 12);
	add_pax(&tar, "path", "long/er");
	add_file(&tar, "short", "1");
	add_file(&tar, "second", "2");
	add_pax(&tar, "path", "");
	add_file(&tar, "third", "3");
	root = read_tar(&tar);
	expect_contents(root, "/long/er", "1");
	expect_contents(root, "/second", "2");
	expect_contents(root, "/third", "3");
	expect_is(root, "/short", "");
	expect_is(root, "/all", "");
}

/* What is wrong */

static void wrong_nothing(struct mp_buf *tar)
{
	(void)tar;
}

static void wrong_noise(struct mp_buf *tar)
{
	for (int i = 0; i < 512; i++)
		mp_buf_addc(tar, (char)(i * 7 + 1));
}

static void wrong_checksum(struct mp_buf *tar)
{
	add_file(tar, "a", "");
	tar->data[0] = 'b';
}

static void wrong_up(struct mp_buf *tar)
{
	add_file(tar, "../up", "");
}

static void wrong_up_inside(struct mp_buf *tar)
{
	add_file(tar, "a/../../etc/x", "");
}

static void wrong_link_up(struct mp_buf *tar)
{
	add_header(tar, "link", '1', 0, "../../etc/passwd");
}

static void wrong_link_absent(struct mp_buf *tar)
{
	add_header(tar, "link", '1', 0, "etc/passwd");
}

static void wrong_link_self(struct mp_buf *tar)
{
	add_header(tar, "link", '1', 0, "link");
}

static void wrong_link_directory(struct mp_buf *tar)
{
	add_file(tar, "d/x", "");
	add_header(tar, "link", '1', 0, "d");
}

static void wrong_link_through_symlink(struct mp_buf *tar)
{
	add_header(tar, "s", '2', 0, "/etc");
	add_header(tar, "link", '1', 0, "s/passwd");
}

static void wrong_below_file(struct mp_buf *tar)
{
	add_file(tar, "a", "");
	add_file(tar, "a/b/c", "");
}

static void wrong_below_symlink(struct mp_buf *tar)
{
	add_header(tar, "etc", '2', 0, "/etc");
	add_file(tar, "etc/passwd", "root::0:0");
}

static void wrong_root(struct mp_buf *tar)
{
	add_file(tar, "./", "");
}

static void wrong_target(struct mp_buf *tar)
{
	add_header(tar, "s", '2', 0, "");
}

static void wrong_type(struct mp_buf *tar)
{
	add_header(tar, "odd", '?', 0, "");
}

static void add_base256_size(struct mp_buf *tar, unsigned char first, unsigned char rest)
{
	unsigned char header[512];

	header_fill(header, "sized", '0', 0, "");
	header[124] = first;
	memset(header + 125, 0, 3);
	memset(header + 128, rest, 8);
	if (first == 0xff)
		memset(header + 124, 0xff, 12);
	put_checksum(header);
	mp_buf_add(tar, header, sizeof(header));
}

static void wrong_negative_size(struct mp_buf *tar)
{
	add_base256_size(tar, 0xff, 0xff);
}

static void wrong_huge_size(struct mp_buf *tar)
{
	add_base256_size(tar, 0x80, 0x7f);
}

static void wrong_overflowing_size(struct mp_buf *tar)
{
	add_base256_size(tar, 0x81, 0);
}

static void wrong_name_length(struct mp_buf *tar)
{
	char name[257] = "";

	memset(name, 'n', 256);
	add_pax(tar, "path", name);
	add_file(tar, "x", "");
}

static void wrong_path_length(struct mp_buf *tar)
{
	char path[4097] = "";

	for (int i = 0; i < 4096; i++)
		path[i] = i % 2 ? '/' : 'p';
	path[4095] = 'p';
	add_pax(tar, "path", path);
	add_file(tar, "x", "");
}

static void wrong_extended_size(struct mp_buf *tar)
{
	add_header(tar, "x", 'x', 1 << 30, "");
}

static void wrong_long_name_size(struct mp_buf *tar)
{
	add_header(tar, "x", 'L', (1 << 20) + 1, "");
}

static void wrong_uid(struct mp_buf *tar)
{
	add_pax(tar, "uid", "4294967295");
	add_file(tar, "owned", "");
}

static void wrong_pax_size(struct mp_buf *tar)
{
	add_pax(tar, "size", "-1");
	add_file(tar, "x", "");
}

static void wrong_xattr_size(struct mp_buf *tar)
{
	MP_AUTO(mp_freep) char *value = mp_xcalloc(1, 65538);

	memset(value, 'v', 65537);
	add_pax(tar, "SCHILY.xattr.user.x", value);
}

static void wrong_xattr_count(struct mp_buf *tar)
{
	MP_AUTO(mp_buf_free) struct mp_buf records = { 0 };

	for (int i = 0; i < 1001; i++) {
		char key[64];

		snprintf(key, sizeof(key), "SCHILY.xattr.user.%d", i);
		add_record(&records, key, "v", 1);
	}
	add_extended(tar, records.data, records.len);
}

static void wrong_after_end(struct mp_buf *tar)
{
	static const char zeros[512];

	add_file(tar, "a", "");
	mp_buf_add(tar, zeros, sizeof(zeros));
	add_file(tar, "b", "");
}

static void wrong_map_order(struct mp_buf *tar)
{
	add_sparse(tar, "100", "10,2,0,2", "aabb");
}

static void wrong_map_overlap(struct mp_buf *tar)
{
	add_sparse(tar, "100", "0,2,1,2", "aabb");
}

static void wrong_map_beyond(struct mp_buf *tar)
{
	add_sparse(tar, "100", "98,4", "aabb");
}

static void wrong_map_overflow(struct mp_buf *tar)
{
	add_sparse(tar, "9223372036854775807", "9223372036854775807,9223372036854775807", "aabb");
}

static void wrong_map_sum(struct mp_buf *tar)
{
	add_sparse(tar, "100", "0,3", "aabb");
}

static void wrong_map_half(struct mp_buf *tar)
{
	add_sparse(tar, "100", "0", "");
}

static void wrong_map_number(struct mp_buf *tar)
{
	add_sparse(tar, "100", "0,x", "");
}

/* What each is refused with: the reason, and the entry's name. */
static const struct {
	void (*build)(struct mp_buf *tar);
	const char *message;
	bool ended; /* with the blocks that end an archive */
} hostile[] = {
	{ wrong_nothing, "malformed archive: it ends too early (at byte 0)", false },
	{ wrong_noise, "malformed archive: no tar header, or a damaged one (at byte 0)", true },
	{ wrong_checksum, "malformed archive: no tar header, or a damaged one (at byte 0)", true },
	{ wrong_up, "malformed archive: '../up' leads out of it", true },
	{ wrong_up_inside, "malformed archive: 'a/../../etc/x' leads out of it", true },
	{ wrong_link_up, "hard link '/link': malformed archive: '../../etc/passwd' leads out of it",
	  true },
	{ wrong_link_absent,
	  "malformed archive: '/link' is a hard link to '/etc/passwd', which is not a file "
	  "before it",
	  true },
	{ wrong_link_self,
	  "malformed archive: '/link' is a hard link to '/link', which is not a file before it",
	  true },
	{ wrong_link_directory,
	  "malformed archive: '/link' is a hard link to '/d', which is not a file before it",
	  true },
	{ wrong_link_through_symlink,
	  "malformed archive: '/link' is a hard link to '/s/passwd', which is not a file "
	  "before it",
	  true },
	{ wrong_below_file, "malformed archive: '/a/b/c' lies below '/a', which is not a directory",
	  true },
	{ wrong_below_symlink,
	  "malformed archive: '/etc/passwd' lies below '/etc', which is not a directory", true },
	{ wrong_root, "malformed archive: its root is not a directory", true },
	{ wrong_target, "malformed archive: the target of symlink '/s' is empty", true },
	{ wrong_type, "malformed archive: 'odd': an entry of unknown type", true },
	{ wrong_negative_size, "malformed archive: 'sized': bad size", true },
	{ wrong_huge_size, "malformed archive: '/sized' is larger than a file can be", true },
	{ wrong_overflowing_size, "malformed archive: 'sized': bad size", true },
	{ wrong_name_length,
	  "malformed archive: a name of 256 bytes, which no Linux system takes: '/nnnn", true },
	{ wrong_path_length,
	  "malformed archive: a path of 4097 bytes, which no Linux system takes: '/p/p/p", true },
	{ wrong_extended_size,
	  "malformed archive: an extended header larger than 1 MiB (at byte 0)", true },
	{ wrong_long_name_size,
	  "malformed archive: an extended header larger than 1 MiB (at byte 0)", true },
	{ wrong_uid, "malformed archive: 'owned': bad owner", true },
	{ wrong_pax_size, "malformed archive: bad value in an extended header (at byte 512)",
	  true },
	{ wrong_xattr_size, "malformed archive: an extended attribute that no file can have",
	  true },
	{ wrong_xattr_count, "malformed archive: too many extended attributes", true },
	{ wrong_after_end, "malformed archive: it goes on after its end (at byte 1024)", true },
	{ wrong_map_order, "malformed archive: 'sparse': bad map of a sparse file", true },
	{ wrong_map_overlap, "malformed archive: 'sparse': bad map of a sparse file", true },
	{ wrong_map_beyond, "malformed archive: 'sparse': bad map of a sparse file", true },
	{ wrong_map_overflow, "malformed archive: 'sparse': bad map of a sparse file", true },
	{ wrong_map_sum,
	  "malformed archive: 'sparse': the map of a sparse file does not match its size", true },
	{ wrong_map_half, "malformed archive: 'sparse': bad map of a sparse file", true },
	{ wrong_map_number, "malformed archive: bad map of a sparse file (at byte 512)", true },
};

Test(rootfs_stream, refuses)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(hostile); i++) {
		MP_AUTO(mp_buf_free) struct mp_buf tar = { 0 };
		struct mp_rootfs *root = NULL;
		struct mp_error err = { 0 };

		hostile[i].build(&tar);
		if (hostile[i].ended)
			add_end(&tar);
		cr_expect_eq(feed(&tar, 100, &root, &err), -1, "%s", hostile[i].message);
		cr_expect_eq(err.code, MP_E_FORMAT, "%s", hostile[i].message);
		cr_expect_eq(strncmp(err.msg, hostile[i].message, strlen(hostile[i].message)), 0,
			     "expected: %s\ngot: %s", hostile[i].message, err.msg);
		cr_expect_null(root);
	}
}

static void expect_bad_records(const char *records)
{
	MP_AUTO(mp_buf_free) struct mp_buf tar = { 0 };
	struct mp_rootfs *root = NULL;
	struct mp_error err = { 0 };

	add_extended(&tar, records, strlen(records));
	add_file(&tar, "x", "");
	add_end(&tar);
	cr_expect_eq(feed(&tar, 512, &root, &err), -1, "'%s'", records);
	cr_expect(strstr(err.msg, "in an extended header"), "'%s': %s", records, err.msg);
}

Test(rootfs_stream, refuses_records)
{
	static const char *const bad[] = {
		"x",
		"6 a=b",
		"7 a=b\n",
		"5 a=b\n",
		"0 a=b\n",
		" 6 a=b\n",
		"6  a=b\n",
		"-6 a=b\n",
		"5 =b\n",
		"5 ab\n",
		"99 a=b\n",
		"2 ",
		"3 \n",
		"4 a\n",
		"1",
		"13 size=x12\n",
		"12 uid=-10\n",
		"12 mtime=x\n",
		"15 mtime=1.x5\n",
		"99999999999999999999 a=b\n",
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(bad); i++)
		expect_bad_records(bad[i]);
}

/* The first error is that of every later call. */
Test(rootfs_stream, failure_is_final)
{
	MP_AUTO(mp_rootfs_stream_freep) struct mp_rootfs_stream *stream = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf tar = { 0 };
	struct mp_rootfs *root = NULL;
	struct mp_error err = { 0 }, again = { 0 };

	cr_assert_eq(mp_rootfs_stream_new(&stream, &err), 0);
	add_file(&tar, "../x", "");
	add_end(&tar);
	cr_expect_eq(mp_rootfs_stream_feed(stream, tar.data, tar.len, &err), -1);
	cr_expect_eq(mp_rootfs_stream_feed(stream, tar.data, tar.len, NULL), -1);
	cr_expect_eq(mp_rootfs_stream_finish(stream, &root, &again), -1);
	cr_expect_str_eq(again.msg, err.msg);
	cr_expect_null(root);
}

Test(rootfs_stream, ends_once)
{
	MP_AUTO(mp_rootfs_stream_freep) struct mp_rootfs_stream *stream = NULL;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf tar = { 0 };
	struct mp_rootfs *second = NULL;
	struct mp_error err = { 0 };

	cr_assert_eq(mp_rootfs_stream_new(&stream, &err), 0);
	add_end(&tar);
	mp_buf_adds(&tar, "what follows the end is nobody's");
	cr_assert_eq(mp_rootfs_stream_feed(stream, tar.data, tar.len, &err), 0, "%s", err.msg);
	cr_assert_eq(mp_rootfs_stream_finish(stream, &root, &err), 0, "%s", err.msg);
	cr_expect_eq(mp_rootfs_stream_finish(stream, &second, &err), -1);
	cr_expect_str_eq(err.msg, "the archive was ended already");
	cr_expect_eq(mp_rootfs_stream_feed(stream, tar.data, tar.len, &err), -1);
}

/* Cut anywhere, an archive is an error: an engine that dies must not make an image of half the
 * files. */
Test(rootfs_stream, every_truncation_is_an_error)
{
	MP_AUTO(mp_buf_free) struct mp_buf tar = { 0 };
	size_t whole;

	add_pax(&tar, "path", "some/longer/name");
	add_file(&tar, "a", "contents");
	add_sparse(&tar, "5000", "0,2,4000,2", "aabb");
	add_header(&tar, "dir/", '5', 0, "");
	whole = tar.len;
	add_end(&tar);
	for (size_t len = 0; len <= tar.len; len++) {
		struct mp_buf cut = { .data = tar.data, .len = len };
		struct mp_rootfs *root = NULL;
		struct mp_error err = { 0 };
		int rc = feed(&cut, 512, &root, &err);

		if (len == whole + 512 || len == whole + 1024)
			cr_expect_eq(rc, 0, "%zu: %s", len, err.msg);
		else
			cr_expect(rc == -1 && strstr(err.msg, "ends too early"), "%zu", len);
		mp_rootfs_freep(&root);
	}
}

/* The number of entries is bounded by the room that they take. */
Test(rootfs_stream, too_many_entries)
{
	MP_AUTO(mp_rootfs_stream_freep) struct mp_rootfs_stream *stream = NULL;
	struct mp_error err = { 0 };
	int i, rc = 0;

	cr_assert_eq(mp_rootfs_stream_new(&stream, &err), 0, "%s", err.msg);
	mp_rootfs_stream_bound_index(stream, 4 << 20);
	for (i = 0; i < 100000 && rc == 0; i++) {
		unsigned char header[512];
		char name[32];

		snprintf(name, sizeof(name), "file-%06d", i);
		header_fill(header, name, '0', 0, "");
		rc = mp_rootfs_stream_feed(stream, header, sizeof(header), &err);
	}
	cr_expect_eq(rc, -1);
	cr_expect(i > 30000 && i < 60000, "%d", i);
	cr_expect(strstr(err.msg, "there are more files than can be indexed in 4 MiB; "
				  "stopped at '/file-0"),
		  "%s", err.msg);
}

/* Replacing a name over and over takes no more memory than doing it once. */
Test(rootfs_stream, replaced_entries_are_forgotten)
{
	MP_AUTO(mp_rootfs_stream_freep) struct mp_rootfs_stream *stream = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf round = { 0 };
	struct mp_error err = { 0 };

	cr_assert_eq(mp_rootfs_stream_new(&stream, &err), 0, "%s", err.msg);
	mp_rootfs_stream_bound_index(stream, 64 << 10);
	add_pax(&round, "SCHILY.xattr.user.x", "0123456789012345678901234567890123456789");
	add_file(&round, "a/b/c/d/e/f", "contents");
	add_file(&round, "a/b/link", "");
	add_header(&round, "a/b/c/again", '1', 0, "a/b/c/d/e/f");
	add_header(&round, "a", '2', 0, "somewhere");
	add_header(&round, "a", '5', 0, "");
	for (int i = 0; i < 10000; i++)
		cr_assert_eq(mp_rootfs_stream_feed(stream, round.data, round.len, &err), 0, "%s",
			     err.msg);
}

/* As deep as a path can be. */
Test(rootfs_stream, depth)
{
	MP_AUTO(mp_buf_free) struct mp_buf tar = { 0 }, path = { 0 };
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;

	for (int i = 0; i < 2047; i++)
		mp_buf_adds(&path, "d/");
	add_pax(&tar, "path", path.data);
	add_header(&tar, "x", '5', 0, "");
	add_file(&tar, "f", "");
	root = read_tar(&tar);
	expect_is(root, "/d/d/d", "40755 0:0 0 x1");
}

/* Deterministic noise over a good archive: any answer will do, as long as there is one. */
Test(rootfs_stream, damaged_archives)
{
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *path = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf good = { 0 };
	MP_AUTO(mp_closep) int fd = -1;
	struct mp_error err;
	uint32_t state = 42;
	int accepted = 0;

	scratch_make(&scratch);
	path = in(&scratch, "tar");
	cr_assert_eq(chdir(scratch.dir), 0);
	run("mkdir t && cd t && echo a >a && ln a b && ln -s a c && mkfifo d && mkdir -p e/f && "
	    "truncate -s 100000 s && echo x >>s && setfattr -n user.x -v y a && "
	    "n=$(printf 'n%%.0s' $(seq 150)) && echo n >$n && ln $n e && cd .. && "
	    "tar -b1 -S --format=pax --xattrs -cf pax -C t . && "
	    "tar -b1 -S --format=gnu -C t -cf gnu . && (head -c -1024 pax; cat gnu) >tar");
	cr_assert_eq(chdir("/"), 0);
	fd = open(path, O_RDONLY);
	cr_assert_eq(mp_fd_read_all(fd, "tar", 1 << 20, &good, &err), 0, "%s", err.msg);
	for (int i = 0; i < 4000; i++) {
		struct mp_buf bad = { 0 };
		struct mp_rootfs *root = NULL;

		mp_buf_add(&bad, good.data, good.len);
		for (int k = 0; k < 1 + i % 5; k++) {
			size_t at = (state = state * 1664525 + 1013904223) >> 8;
			size_t block = at % good.len / 512 * 512;

			bad.data[at % good.len] ^= (char)(1 << (state >> 5) % 8);
			if (i % 2) /* as a forger would do it */
				put_checksum((unsigned char *)bad.data + block);
		}
		if (feed(&bad, 1 + (size_t)(state >> 10) % 2000, &root, &err) == 0) {
			struct mp_rootfs_totals totals;

			accepted++;
			cr_assert_eq(mp_rootfs_totals(root, &totals, &err), 0);
		} else {
			cr_assert(err.msg[0]);
		}
		mp_rootfs_freep(&root);
		mp_buf_free(&bad);
	}
	cr_log_info("%d of 4000 damaged archives were taken", accepted);
}

/* Where the contents go is said when there is no room for them. */
Test(rootfs_stream, no_temporary_directory)
{
	struct mp_rootfs_stream *stream = NULL;
	struct mp_error err = { 0 };

	setenv("TMPDIR", "/no/such/dir", 1);
	cr_expect_eq(mp_rootfs_stream_new(&stream, &err), -1);
	cr_expect_str_eq(err.msg, "create a temporary file in '/no/such/dir': "
				  "No such file or directory");
}
