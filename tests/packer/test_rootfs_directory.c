/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/packer/specimen.h"

#include <signal.h>
#include <sys/prctl.h>

TestSuite(rootfs_directory, .timeout = 60);

static struct mp_node look(struct mp_rootfs *root, const char *path)
{
	struct mp_node node = { 0 };
	struct mp_error err = { 0 };

	cr_assert_eq(mp_rootfs_lookup(root, path, &node, &err), 1, "'%s': %s", path, err.msg);
	return node;
}

Test(rootfs_directory, says_what_lstat_says)
{
	static const struct {
		const char *path;
		mode_t mode;
		uid_t uid;
		gid_t gid;
		uint64_t size;
	} cases[] = {
		{ "/bin", S_IFDIR | 0755, 0, 0, 0 },
		{ "/bin/suid", S_IFREG | 04755, 0, 0, 10 },
		{ "/bin/sgid", S_IFREG | 02755, 0, 42, 1 },
		{ "/bin/none", S_IFREG, 0, 0, 1 },
		{ "/data", S_IFDIR | 01777, 0, 0, 0 },
		{ "/data/rich", S_IFREG | 0644, 3000000000u, 4000000000u, 4 },
		{ "/data/sparse", S_IFREG | 0644, 0, 0, 3 << 20 },
		{ "/links/inside", S_IFLNK | 0777, 11, 12, 0 },
		{ "/dev/fifo", S_IFIFO | 0622, 0, 0, 0 },
		{ "/acl", S_IFDIR | 0750, 7, 8, 0 },
	};
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;

	scratch_make(&scratch);
	specimen_make(scratch.dir);
	root = open_dir(scratch.dir);
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_node_clear) struct mp_node node = look(root, cases[i].path);
		cr_expect_eq(node.mode, cases[i].mode, "'%s': %o", cases[i].path, node.mode);
		cr_expect_eq(node.uid, cases[i].uid, "'%s'", cases[i].path);
		cr_expect_eq(node.gid, cases[i].gid, "'%s'", cases[i].path);
		cr_expect_eq(node.size_bytes, cases[i].size, "'%s'", cases[i].path);
	}
}

Test(rootfs_directory, keeps_times_devices_targets_and_attributes)
{
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	MP_AUTO(mp_node_clear) struct mp_node acl = { 0 }, device = { 0 }, caps = { 0 };
	MP_AUTO(mp_node_clear) struct mp_node other = { 0 }, symlink = { 0 }, old = { 0 };

	scratch_make(&scratch);
	specimen_make(scratch.dir);
	root = open_dir(scratch.dir);
	acl = look(root, "/acl");
	cr_expect_eq(acl.mtime_s, 1600000000);
	cr_expect_eq(acl.mtime_ns, 123456789);
	cr_expect_eq(acl.nlink, 1);
	cr_assert_eq(acl.n_xattrs, 2);
	cr_expect_str_eq(acl.xattrs[0].name, "system.posix_acl_default");
	cr_expect_str_eq(acl.xattrs[1].name, "user.dir");
	old = look(root, "/data/513");
	cr_expect_eq(old.mtime_s, -5);
	cr_expect_eq(old.mtime_ns, 250000000);
	device = look(root, "/dev/block");
	cr_expect(S_ISBLK(device.mode));
	cr_expect_eq(device.rdev_major, 259);
	cr_expect_eq(device.rdev_minor, 70000);
	symlink = look(root, "/links/magic");
	cr_expect_str_eq(symlink.target, "/proc/self/root");
	/* Neither trusted.* nor user.overlay.*: those are the host's notes. */
	caps = look(root, "/bin/caps");
	cr_assert_eq(caps.n_xattrs, 3);
	cr_expect_str_eq(caps.xattrs[0].name, "security.capability");
	cr_expect_eq(caps.xattrs[0].size, 20);
	cr_expect_str_eq(caps.xattrs[1].name, "user.empty");
	cr_expect_eq(caps.xattrs[1].size, 0);
	cr_expect_str_eq(caps.xattrs[2].name, "user.note");
	cr_expect_eq(memcmp(caps.xattrs[2].value, "a\0b", 3), 0);
	other = look(root, "/bin/also-caps");
	cr_expect_eq(caps.nlink, 2);
	cr_expect(other.file_ino == caps.file_ino && other.file_dev == caps.file_dev);
}

/* None of these names anything of the image, whatever they would lead to on the host. */
Test(rootfs_directory, nothing_leads_out)
{
	static const char *const absent[] = {
		"/links/dir/etc/passwd",
		"/links/root/etc",
		"/links/root/etc/passwd",
		"/links/magic/etc",
		"/links/inside/suid",
		"/links/self/x",
		"/links/a/x",
		"/bin/suid/x",
		"/etc/passwd",
		"/nothing",
		"/nothing/below",
		"/dev/fifo/x",
		"/links/absolute/",
	};
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;

	scratch_make(&scratch);
	specimen_make(scratch.dir);
	root = open_dir(scratch.dir);
	for (size_t i = 0; i < MP_ARRAY_LEN(absent) - 1; i++) {
		MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };
		struct mp_node node = { 0 };
		struct mp_error err = { 0 };
		struct mp_contents contents = MP_CONTENTS_CLOSED;

		cr_expect_eq(mp_rootfs_lookup(root, absent[i], &node, &err), 0, "'%s' %s",
			     absent[i], err.msg);
		cr_expect_eq(mp_rootfs_open(root, absent[i], &contents, &err), -1, "'%s'",
			     absent[i]);
		cr_expect_eq(err.code, MP_E_NOTFOUND, "'%s': %s", absent[i], err.msg);
		cr_expect_eq(contents.fd, -1);
		cr_expect_eq(mp_rootfs_list(root, absent[i], &names, &err), -1);
		cr_expect_eq(err.code, MP_E_NOTFOUND, "'%s': %s", absent[i], err.msg);
	}
}

Test(rootfs_directory, refuses_paths_that_are_not_clean)
{
	static const char *const bad[] = { "",        "a",     "..",  "/..",     "/a/../b",
					   "/a/..",   "//",    "/a/", "/./a",    "/a/.",
					   "/../etc", "/a//b", "./a", "/bin/..", " /a" };
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = open_dir("/usr");

	for (size_t i = 0; i < MP_ARRAY_LEN(bad); i++) {
		struct mp_node node = { 0 };
		struct mp_strv names = { 0 };
		struct mp_error err = { 0 };
		struct mp_contents contents = MP_CONTENTS_CLOSED;

		cr_expect_eq(mp_rootfs_lookup(root, bad[i], &node, &err), -1, "'%s'", bad[i]);
		cr_expect(strstr(err.msg, "is not a clean absolute path"), "%s", err.msg);
		cr_expect_eq(mp_rootfs_open(root, bad[i], &contents, &err), -1);
		cr_expect_eq(mp_rootfs_list(root, bad[i], &names, &err), -1);
	}
}

/* "..." and names that begin with dots are names like any other. */
Test(rootfs_directory, dots_in_names)
{
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 };

	scratch_make(&scratch);
	specimen_make(scratch.dir);
	root = open_dir(scratch.dir);
	node = look(root, "/names/...");
	cr_expect_eq(node.size_bytes, 4);
}

/* The test's own time limit would show an open that waits for a writer. */
Test(rootfs_directory, opens_nothing_but_regular_files)
{
	static const struct {
		const char *path, *message;
	} cases[] = {
		{ "/dev/fifo", "'/dev/fifo' in the image is not a regular file" },
		{ "/dev/null", "'/dev/null' in the image is not a regular file" },
		{ "/links/absolute", "'/links/absolute' in the image is not a regular file" },
		{ "/bin", "'/bin' in the image is not a regular file" },
		{ "/gone", "'/gone' is not in the image" },
	};
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };
	MP_AUTO(mp_contents_close) struct mp_contents contents = MP_CONTENTS_CLOSED;
	struct mp_error err = { 0 };
	char text[8] = "";

	scratch_make(&scratch);
	specimen_make(scratch.dir);
	root = open_dir(scratch.dir);
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		cr_expect_eq(mp_rootfs_open(root, cases[i].path, &contents, &err), -1);
		cr_expect_str_eq(err.msg, cases[i].message);
	}
	cr_expect_eq(mp_rootfs_list(root, "/bin/suid", &names, &err), -1);
	cr_expect_str_eq(err.msg, "'/bin/suid' in the image is not a directory");
	cr_assert_eq(mp_rootfs_open(root, "/bin/none", &contents, &err), 0, "%s", err.msg);
	cr_expect_eq(mp_contents_read(&contents, text, sizeof(text), 0), 1);
	cr_expect(fcntl(contents.fd, F_GETFL) & O_NOATIME);
	cr_expect(fcntl(contents.fd, F_GETFD) & FD_CLOEXEC);
}

Test(rootfs_directory, lists_sorted)
{
	static const char *const expected[] = { "file" };
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	MP_AUTO(mp_strv_free) struct mp_strv acl = { 0 }, names = { 0 }, top = { 0 };
	struct mp_error err = { 0 };

	scratch_make(&scratch);
	specimen_make(scratch.dir);
	root = open_dir(scratch.dir);
	cr_assert_eq(mp_rootfs_list(root, "/acl", &acl, &err), 0, "%s", err.msg);
	cr_assert_eq(acl.n, MP_ARRAY_LEN(expected));
	cr_expect_str_eq(acl.v[0], expected[0]);
	cr_assert_eq(mp_rootfs_list(root, "/names", &names, &err), 0, "%s", err.msg);
	for (size_t i = 1; i < names.n; i++)
		cr_expect_lt(strcmp(names.v[i - 1], names.v[i]), 0);
	cr_expect_geq(mp_strv_find(&names, LATIN), 0);
	cr_assert_eq(mp_rootfs_list(root, "/", &top, &err), 0, "%s", err.msg);
	cr_expect_geq(mp_strv_find(&top, "bin"), 0);
}

Test(rootfs_directory, totals_count_hard_links_once)
{
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	MP_AUTO(mp_freep) char *a = NULL, *b = NULL, *c = NULL, *dir = NULL;
	struct mp_rootfs_totals totals = { 0 };
	struct mp_error err = { 0 };

	scratch_make(&scratch);
	a = in(&scratch, "a");
	b = in(&scratch, "dir/b");
	c = in(&scratch, "dir/c");
	dir = in(&scratch, "dir");
	cr_assert_eq(mkdir(dir, 0755), 0);
	write_text(a, "12345", 0644);
	cr_assert_eq(link(a, b) | symlink("a", c), 0);
	root = open_dir(scratch.dir);
	cr_assert_eq(mp_rootfs_totals(root, &totals, &err), 0, "%s", err.msg);
	cr_expect_eq(totals.files, 3);
	cr_expect_eq(totals.size_bytes, 5);
}

/* The host's own root: mounts below belong to it, what /proc shows does not. */
Test(rootfs_directory, the_host)
{
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = open_dir("/");
	MP_AUTO(mp_node_clear) struct mp_node node = look(root, "/proc/self");
	struct mp_rootfs_totals totals = { 0 };
	struct mp_error err = { 0 };

	cr_expect(S_ISLNK(node.mode));
	cr_assert_eq(mp_rootfs_totals(root, &totals, &err), 0, "%s", err.msg);
	cr_expect_gt(totals.files, 1000);
	cr_expect_lt(totals.size_bytes, (uint64_t)1 << 46, "%" PRIu64, totals.size_bytes);
}

/* Longer than any one call takes. */
Test(rootfs_directory, paths_beyond_path_max)
{
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf path = { 0 };
	struct mp_rootfs_totals totals = { 0 };
	struct mp_error err = { 0 };
	char name[201] = "";

	scratch_make(&scratch);
	memset(name, 'd', 200);
	cr_assert_eq(chdir(scratch.dir), 0);
	for (int i = 0; i < 50; i++) {
		cr_assert_eq(mkdir(name, 0755) | chdir(name), 0);
		mp_buf_addf(&path, "/%s", name);
	}
	write_text("x", "bottom", 0644);
	cr_assert_eq(chdir("/"), 0);
	mp_buf_adds(&path, "/x");
	root = open_dir(scratch.dir);
	{
		MP_AUTO(mp_node_clear) struct mp_node node = look(root, path.data);
		MP_AUTO(mp_contents_close) struct mp_contents contents = MP_CONTENTS_CLOSED;
		struct mp_node none = { 0 };

		cr_expect_eq(node.size_bytes, 6);
		cr_expect_eq(mp_rootfs_open(root, path.data, &contents, &err), 0, "%s", err.msg);
		path.data[path.len - 1] = 'y';
		cr_expect_eq(mp_rootfs_lookup(root, path.data, &none, &err), 0);
	}
	cr_assert_eq(mp_rootfs_totals(root, &totals, &err), 0, "%s", err.msg);
	cr_expect_eq(totals.files, 1);
	cr_expect_eq(totals.size_bytes, 6);
}

/* One component that no file system takes, in a short path and in a long one. */
Test(rootfs_directory, names_that_cannot_be)
{
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = open_dir("/usr");
	struct mp_node node = { 0 };
	struct mp_error err = { 0 };
	char path[9001];

	memset(path, 'n', sizeof(path));
	path[0] = '/';
	path[9000] = '\0';
	cr_expect_eq(mp_rootfs_lookup(root, path, &node, &err), 0);
	path[300] = '\0';
	cr_expect_eq(mp_rootfs_lookup(root, path, &node, &err), 0);
}

/* Directories that come and go below the walk, and symlinks in their place. */
Test(rootfs_directory, while_somebody_changes_it)
{
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	struct mp_error err = { 0 };
	pid_t child;

	scratch_make(&scratch);
	root = open_dir(scratch.dir);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		cr_assert_eq(chdir(scratch.dir), 0);
		for (;;) {
			mkdir("d", 0755);
			close(open("d/passwd", O_CREAT | O_WRONLY, 0644));
			rename("d", "e");
			if (symlink("/etc", "d"))
				continue;
			unlink("d");
			rename("e", "d");
		}
	}
	for (int i = 0; i < 20000; i++) {
		struct mp_rootfs_totals totals;
		MP_AUTO(mp_node_clear) struct mp_node node = { 0 };
		int rc = mp_rootfs_lookup(root, "/d/passwd", &node, &err);

		cr_assert_geq(rc, 0, "%s", err.msg);
		cr_assert(rc == 0 || node.size_bytes == 0, "the host's /etc/passwd");
		if (i % 100 == 0)
			cr_assert_eq(mp_rootfs_totals(root, &totals, &err), 0, "%s", err.msg);
	}
	kill(child, SIGKILL);
}

Test(rootfs_directory, what_cannot_be_opened)
{
	struct mp_rootfs *root = NULL;
	struct mp_error err = { 0 };

	cr_expect_eq(mp_rootfs_open_directory("/no/such", &root, &err), -1);
	cr_expect_str_eq(err.msg, "open directory '/no/such': No such file or directory");
	cr_expect_eq(err.sys_errno, ENOENT);
	cr_expect_eq(mp_rootfs_open_directory("/etc/passwd", &root, &err), -1);
	cr_expect_str_eq(err.msg, "open directory '/etc/passwd': Not a directory");
	cr_expect_null(root);
}
