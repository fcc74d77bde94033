/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TESTS_PACKER_SPECIMEN_H
#define MP_TESTS_PACKER_SPECIMEN_H

#include "core/path.h"
#include "core/sha256.h"
#include "packer/archive.h"
#include "packer/fileset.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/*
 * A directory with one of everything that a file system can hold, ways to read it through each
 * source, and its text: what a source says of every path in it, to be compared.
 */

#define SPECIMEN_FN __attribute__((unused)) static

/* A name with a byte that is no UTF-8, one that NFC would change, and others that quoting may. */
#define LATIN "lat-\xe9"
#define NFD "nfd-e\xcc\x81"
#define CESU "cesu-\xed\xa0\xbd\xed\xb8\x80"
#define AWKWARD "-rf a=b%c\n\"x"

struct scratch {
	char dir[64];
};

SPECIMEN_FN void run(const char *fmt, ...) MP_PRINTF(1, 2);
SPECIMEN_FN void run(const char *fmt, ...)
{
	char command[2048];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	cr_assert_eq(system(command), 0, "%s", command);
}

/* The first line that @command prints. Owned by the caller. */
SPECIMEN_FN char *output_of(const char *command)
{
	char line[4096] = "";
	FILE *pipe = popen(command, "r");

	cr_assert_not_null(pipe, "%s", command);
	if (fgets(line, sizeof(line), pipe))
		line[strcspn(line, "\n")] = '\0';
	cr_assert_eq(pclose(pipe), 0, "%s", command);
	return mp_xstrdup(line);
}

SPECIMEN_FN void scratch_make(struct scratch *scratch)
{
	*scratch = (struct scratch){ .dir = "/tmp/mp-specimen-XXXXXX" };
	cr_assert_not_null(mkdtemp(scratch->dir));
	cr_assert_eq(chmod(scratch->dir, 0755), 0);
	umask(022);
}

SPECIMEN_FN void scratch_clear(struct scratch *scratch)
{
	run("rm -rf '%s'", scratch->dir);
}

/* "<scratch>/<name>", owned by the caller. */
SPECIMEN_FN char *in(const struct scratch *scratch, const char *name)
{
	return mp_path_join(scratch->dir, name);
}

SPECIMEN_FN void write_file(const char *path, const void *data, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0, "create '%s': %m", path);
	cr_assert_eq(write(fd, data, len), (ssize_t)len);
	cr_assert_eq(fchmod(fd, mode), 0);
	close(fd);
}

SPECIMEN_FN void write_text(const char *path, const char *text, mode_t mode)
{
	write_file(path, text, strlen(text), mode);
}

/* CAP_NET_RAW, permitted and effective, as setcap writes it (struct vfs_cap_data, revision 2). */
SPECIMEN_FN void set_capability(const char *path)
{
	static const unsigned char value[20] = { 1, 0, 0, 2, 0, 0x20 };

	cr_assert_eq(setxattr(path, "security.capability", value, sizeof(value), 0), 0, "%m");
}

/* user::rwx, user:1234:r--, group::r-x, mask::r-x, other::--- (struct posix_acl_xattr_header). */
SPECIMEN_FN void set_acl(const char *path, const char *name)
{
	static const unsigned char value[] = {
		2,  0, 0, 0,                         /* version */
		1,  0, 7, 0, 0xff, 0xff, 0xff, 0xff, /* ACL_USER_OBJ */
		2,  0, 4, 0, 0xd2, 4,    0,    0,    /* ACL_USER 1234 */
		4,  0, 5, 0, 0xff, 0xff, 0xff, 0xff, /* ACL_GROUP_OBJ */
		16, 0, 5, 0, 0xff, 0xff, 0xff, 0xff, /* ACL_MASK */
		32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* ACL_OTHER */
	};

	cr_assert_eq(setxattr(path, name, value, sizeof(value), 0), 0, "%s: %m", name);
}

SPECIMEN_FN void set_time(const char *path, int64_t seconds, long nanoseconds)
{
	const struct timespec times[2] = { { seconds, nanoseconds }, { seconds, nanoseconds } };

	cr_assert_eq(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0, "'%s': %m", path);
}

SPECIMEN_FN void make_sparse(const char *path, off_t size, off_t at)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	cr_assert_geq(fd, 0, "%m");
	cr_assert_eq(pwrite(fd, "island", 6, at), 6, "%m");
	cr_assert_eq(ftruncate(fd, size), 0, "%m");
	close(fd);
}

SPECIMEN_FN void make_programs(void)
{
	cr_assert_eq(mkdir("bin", 0755), 0);
	write_text("bin/suid", "#!/bin/sh\n", 04755);
	write_text("bin/sgid", "x", 0644);
	cr_assert_eq(chown("bin/sgid", 0, 42) | chmod("bin/sgid", 02755), 0);
	write_text("bin/caps", "capable", 0755);
	cr_assert_eq(chown("bin/caps", 3, 4), 0);
	set_capability("bin/caps");
	cr_assert_eq(setxattr("bin/caps", "user.note", "a\0b", 3, 0), 0, "%m");
	cr_assert_eq(setxattr("bin/caps", "user.empty", "", 0, 0), 0, "%m");
	cr_assert_eq(setxattr("bin/caps", "trusted.secret", "no", 2, 0), 0, "%m");
	cr_assert_eq(setxattr("bin/caps", "user.overlay.opaque", "y", 1, 0), 0, "%m");
	cr_assert_eq(link("bin/caps", "bin/also-caps"), 0);
	write_text("bin/none", "x", 0000);
}

SPECIMEN_FN void make_links(void)
{
	cr_assert_eq(mkdir("links", 0711), 0);
	cr_assert_eq(symlink("b", "links/a") | symlink("a", "links/b"), 0);
	cr_assert_eq(symlink("self", "links/self"), 0);
	cr_assert_eq(symlink("/etc/passwd", "links/absolute"), 0);
	cr_assert_eq(symlink("../../../../../../../etc/passwd", "links/upward"), 0);
	cr_assert_eq(symlink("../../../../../../..", "links/dir"), 0);
	cr_assert_eq(symlink("/", "links/root"), 0);
	cr_assert_eq(symlink("/proc/self/root", "links/magic"), 0);
	cr_assert_eq(symlink("../bin", "links/inside"), 0);
	cr_assert_eq(symlink(LATIN, "links/" LATIN), 0);
	cr_assert_eq(symlink(NFD, "links/" NFD), 0);
	cr_assert_eq(lchown("links/inside", 11, 12), 0);
	set_time("links/inside", 1500000000, 5);
	cr_assert_eq(link("links/inside", "links/too"), 0); /* the symlink itself */
}

SPECIMEN_FN void make_devices(void)
{
	cr_assert_eq(mkdir("dev", 0755), 0);
	cr_assert_eq(mkfifo("dev/fifo", 0622), 0);
	cr_assert_eq(mknod("dev/null", S_IFCHR | 0666, makedev(1, 3)), 0, "%m");
	cr_assert_eq(mknod("dev/block", S_IFBLK | 0660, makedev(259, 70000)), 0, "%m");
}

SPECIMEN_FN void make_names(void)
{
	char longest[256] = "";

	cr_assert_eq(mkdir("names", 0755), 0);
	cr_assert_eq(chdir("names"), 0);
	memset(longest, 'n', 255);
	write_text(longest, "255", 0644);
	memcpy(longest + 100, "\xc3\xa9", 2);
	write_text(longest, "255, not ASCII", 0644);
	write_text(LATIN, "latin", 0644);
	write_text(NFD, "nfd", 0644);
	write_text(CESU, "cesu", 0644);
	write_text("caf\xc3\xa9", "nfc", 0644);
	write_text(AWKWARD, "awkward", 0644);
	write_text(" ", "space", 0644);
	write_text("...", "dots", 0644);
	cr_assert_eq(mkdir("a", 0755) | mkdir("a-b", 0755), 0);
	write_text("a/x", "", 0644);
	write_text("a-b/x", "", 0644);
	cr_assert_eq(chdir(".."), 0);
}

SPECIMEN_FN void make_depth(void)
{
	char name[] = "level-00";

	cr_assert_eq(mkdir("deep", 0755) | chdir("deep"), 0);
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "level-%02d", i);
		cr_assert_eq(mkdir(name, 0755) | chdir(name), 0);
	}
	write_text("bottom", "deep", 0644);
}

SPECIMEN_FN void make_data(void)
{
	MP_AUTO(mp_freep) unsigned char *data = mp_xmalloc(1000001);
	uint32_t state = 1;

	for (size_t i = 0; i < 1000001; i++)
		data[i] = (unsigned char)((state = state * 1664525 + 1013904223) >> 24);
	cr_assert_eq(mkdir("data", 01777) | chmod("data", 01777), 0);
	write_file("data/large", data, 1000001, 0640);
	write_file("data/block", data, 4096, 0640);
	write_file("data/512", data, 512, 0640);
	write_file("data/513", data, 513, 0640);
	write_text("data/empty", "", 0600);
	write_text("data/two", "linked", 0644);
	cr_assert_eq(link("data/two", "data/one") | link("data/two", "zz"), 0);
	make_sparse("data/sparse", 3 << 20, 1 << 20);
	make_sparse("data/tail", 1 << 20, (1 << 20) - 6);
	write_text("data/rich", "rich", 0644);
	cr_assert_eq(chown("data/rich", 3000000000u, 4000000000u), 0);
	set_time("data/rich", 4102444800, 999999999);
	set_time("data/512", -86400 * 365, 0);
	set_time("data/513", -5, 250000000);
	set_time("data/empty", 0, 1);
}

/* Fills @dir, an empty directory; the caller's working directory is changed. */
SPECIMEN_FN void specimen_make(const char *dir)
{
	mode_t mask = umask(0);

	cr_assert_eq(chdir(dir), 0);
	make_programs();
	make_links();
	make_devices();
	make_names();
	make_data();
	cr_assert_eq(mkdir("acl", 0750), 0);
	write_text("acl/file", "acl", 0640);
	set_acl("acl/file", "system.posix_acl_access");
	set_acl("acl", "system.posix_acl_default");
	cr_assert_eq(setxattr("acl", "user.dir", "d", 1, 0), 0);
	make_depth();
	cr_assert_eq(chdir(dir), 0);
	cr_assert_eq(chown("acl", 7, 8), 0);
	set_time("acl", 1600000000, 123456789);
	cr_assert_eq(chdir("/"), 0);
	umask(mask);
}

/* What a source says */

static void add_contents(struct mp_rootfs *root, const char *path, uint64_t size,
			 struct mp_buf *text)
{
	struct mp_contents contents;
	MP_AUTO(mp_sha256_freep) struct mp_sha256 *sum = mp_sha256_new();
	char chunk[65536], hex[MP_SHA256_HEX_SIZE];
	struct mp_error err;
	uint64_t total = 0;
	ssize_t got;

	cr_assert_eq(mp_rootfs_open(root, path, &contents, &err), 0, "%s", err.msg);
	while ((got = mp_contents_read(&contents, chunk, sizeof(chunk), total)) > 0) {
		mp_sha256_add(sum, chunk, (size_t)got);
		total += (uint64_t)got;
	}
	mp_contents_close(&contents);
	mp_sha256_finish(sum, hex);
	cr_assert_eq(total, size, "'%s' has %" PRIu64 " bytes", path, total);
	mp_buf_addf(text, " %.16s", hex);
}

static void add_xattrs(const struct mp_node *node, struct mp_buf *text)
{
	for (size_t i = 0; i < node->n_xattrs; i++) {
		const unsigned char *value = node->xattrs[i].value;

		mp_buf_addf(text, " %s=", node->xattrs[i].name);
		for (size_t k = 0; k < node->xattrs[i].size; k++)
			mp_buf_addf(text, "%02x", value[k]);
	}
}

/* What two sources have to agree upon; inode numbers only in that the same names share one. */
struct description {
	struct mp_rootfs *root;
	struct mp_fileset *set;
	struct mp_strmap *links;
	struct mp_buf text;
};

static void describe_node(struct description *d, const char *path, const struct mp_node *node)
{
	struct mp_buf *text = &d->text;

	mp_path_escape(text, path);
	mp_buf_addf(text, " %o %u:%u %" PRIu64 " %" PRId64 ".%09u", node->mode, node->uid,
		    node->gid, node->size_bytes, node->mtime_s, node->mtime_ns);
	if (S_ISCHR(node->mode) || S_ISBLK(node->mode))
		mp_buf_addf(text, " %u,%u", node->rdev_major, node->rdev_minor);
	if (node->nlink > 1) {
		MP_AUTO(mp_freep)
		char *key = mp_xasprintf("%" PRIu64 " %" PRIu64, node->file_dev, node->file_ino);

		if (!mp_strmap_get(d->links, key))
			mp_strmap_put(d->links, key, mp_xstrdup(path));
		mp_buf_addf(text, " %u names: %s", node->nlink,
			    (char *)mp_strmap_get(d->links, key));
	}
	if (node->target) {
		mp_buf_adds(text, " -> ");
		mp_path_escape(text, node->target);
	}
	add_xattrs(node, text);
	if (S_ISREG(node->mode))
		add_contents(d->root, path, node->size_bytes, text);
	mp_buf_addc(text, '\n');
}

static void describe_tree(struct description *d, const char *path)
{
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };
	struct mp_error err = { 0 };

	cr_assert_eq(mp_rootfs_lookup(d->root, path, &node, &err), 1, "'%s' %s", path, err.msg);
	if (d->set)
		mp_fileset_add(d->set, path, &node, MP_WHY(MP_REASON_LISTED));
	if (path[1])
		describe_node(d, path, &node);
	if (!S_ISDIR(node.mode))
		return;
	cr_assert_eq(mp_rootfs_list(d->root, path, &names, &err), 0, "%s", err.msg);
	for (size_t i = 0; i < names.n; i++) {
		MP_AUTO(mp_freep) char *child = mp_path_join(path, names.v[i]);

		describe_tree(d, child);
	}
}

/* A line for every path below the root, owned by the caller; all paths go to @set, unless it is
 * NULL. */
SPECIMEN_FN char *describe(struct mp_rootfs *root, struct mp_fileset *set)
{
	struct description d = { .root = root, .set = set, .links = mp_strmap_new(free) };

	describe_tree(&d, "/");
	mp_strmap_freep(&d.links);
	return mp_buf_steal(&d.text);
}

/* Says which line differs first. */
SPECIMEN_FN void expect_same(const char *a, const char *b, const char *what)
{
	while (*a && *a == *b)
		a++, b++;
	if (*a == *b)
		return;
	while (a[-1] != '\n' && b[-1] != '\n')
		a--, b--;
	cr_expect(0, "%s:\n%.*s\n%.*s", what, (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
}

/* Sources */

SPECIMEN_FN struct mp_rootfs *open_dir(const char *path)
{
	struct mp_rootfs *root = NULL;
	struct mp_error err;

	cr_assert_eq(mp_rootfs_open_directory(path, &root, &err), 0, "%s", err.msg);
	return root;
}

/* Feeds what @fd holds, in pieces of @chunk bytes. */
SPECIMEN_FN int feed_fd(int fd, size_t chunk, struct mp_rootfs **root_out, struct mp_error *err)
{
	MP_AUTO(mp_rootfs_stream_freep) struct mp_rootfs_stream *stream = NULL;
	MP_AUTO(mp_freep) char *data = mp_xmalloc(chunk);
	ssize_t got;

	cr_assert_eq(mp_rootfs_stream_new(&stream, err), 0, "%s", err->msg);
	while ((got = read(fd, data, chunk)) > 0) {
		if (mp_rootfs_stream_feed(stream, data, (size_t)got, err))
			return -1;
	}
	return mp_rootfs_stream_finish(stream, root_out, err);
}

/* The archive that @command prints. */
SPECIMEN_FN struct mp_rootfs *open_stream_of(const char *command, size_t chunk)
{
	struct mp_rootfs *root = NULL;
	struct mp_error err;
	FILE *pipe = popen(command, "r");

	cr_assert_not_null(pipe);
	cr_assert_eq(feed_fd(fileno(pipe), chunk, &root, &err), 0, "%s: %s", command, err.msg);
	pclose(pipe);
	return root;
}

/* One archive, not compressed. */
SPECIMEN_FN int write_archive(struct mp_rootfs *root, const struct mp_fileset *set, int fd,
			      const char *name, struct mp_archive_stats *stats_out,
			      struct mp_error *err)
{
	struct mp_layer plain = { .fd = fd, .name = name };

	return mp_archive_write(root, set, NULL, &plain, 1, stats_out, err);
}

#endif
