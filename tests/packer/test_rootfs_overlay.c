/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/packer/specimen.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

TestSuite(rootfs_overlay, .timeout = 60);

#define WHITEOUT_DEV makedev(0, 0)

/* Layers that a test makes, uppermost first. */
struct layers {
	struct scratch scratch;
	struct mp_strv dirs;
	struct mp_rootfs *root;
};

static void layers_clear(struct layers *layers)
{
	mp_rootfs_freep(&layers->root);
	mp_strv_free(&layers->dirs);
	scratch_clear(&layers->scratch);
}

/* An empty layer below those there are; names with all that mount options give a meaning to. */
static const char *add_layer(struct layers *layers)
{
	MP_AUTO(mp_freep)
	char *name = mp_xasprintf("a:b,c\\d upperdir=%zu", layers->dirs.n);
	char *dir = in(&layers->scratch, name);

	cr_assert_eq(mkdir(dir, 0755), 0, "%m");
	mp_strv_push_take(&layers->dirs, dir);
	return dir;
}

static void open_layers(struct layers *layers)
{
	struct mp_error err = { 0 };

	cr_assert_eq(mp_rootfs_open_overlay(&layers->dirs, &layers->root, &err), 0, "%s", err.msg);
}

static bool has(struct layers *layers, const char *path)
{
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 };
	struct mp_error err = { 0 };
	int rc = mp_rootfs_lookup(layers->root, path, &node, &err);

	cr_assert_geq(rc, 0, "%s", err.msg);
	return rc == 1;
}

/* Names in a directory, separated by blanks. Owned by the caller. */
static char *names_in(struct layers *layers, const char *path)
{
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };
	struct mp_error err = { 0 };
	struct mp_buf text = { 0 };

	cr_assert_eq(mp_rootfs_list(layers->root, path, &names, &err), 0, "%s", err.msg);
	for (size_t i = 0; i < names.n; i++)
		mp_buf_addf(&text, "%s%s", i ? " " : "", names.v[i]);
	return mp_buf_steal(&text);
}

static char *mounts_now(void)
{
	struct mp_buf text = { 0 };
	char line[4096];
	FILE *file = fopen("/proc/self/mountinfo", "r");

	while (fgets(line, sizeof(line), file))
		mp_buf_adds(&text, line);
	fclose(file);
	return mp_buf_steal(&text);
}

/* A lower layer with files, and one over it that deletes, replaces and hides. */
static void make_two_layers(struct layers *layers)
{
	*layers = (struct layers){ 0 };
	scratch_make(&layers->scratch);
	add_layer(layers);
	add_layer(layers);
	cr_assert_eq(chdir(layers->dirs.v[1]), 0);
	run("mkdir -p deleted/below hidden/old kept && echo lower > kept/lower && "
	    "echo lower > replaced && echo gone > gone && echo x > hidden/old/file && "
	    "echo x > deleted/below/file && mkdir became-a-file && echo x > became-a-file/x");
	cr_assert_eq(chdir(layers->dirs.v[0]), 0);
	run("mkdir hidden kept && echo upper > kept/upper && echo upper > replaced && "
	    "echo new > hidden/new && echo now > became-a-file");
	cr_assert_eq(mknod("gone", S_IFCHR, WHITEOUT_DEV), 0, "%m");
	cr_assert_eq(mknod("deleted", S_IFCHR, WHITEOUT_DEV), 0, "%m");
	cr_assert_eq(setxattr("hidden", "trusted.overlay.opaque", "y", 1, 0), 0, "%m");
	cr_assert_eq(chdir("/"), 0);
}

Test(rootfs_overlay, joins_layers)
{
	MP_AUTO(layers_clear) struct layers layers;
	MP_AUTO(mp_freep) char *top = NULL, *kept = NULL, *hidden = NULL, *content = NULL;
	struct mp_rootfs_totals totals;
	struct mp_error err;

	make_two_layers(&layers);
	open_layers(&layers);
	top = names_in(&layers, "/");
	kept = names_in(&layers, "/kept");
	hidden = names_in(&layers, "/hidden");
	cr_expect_str_eq(top, "became-a-file hidden kept replaced");
	cr_expect_str_eq(kept, "lower upper");
	cr_expect_str_eq(hidden, "new");
	cr_expect_not(has(&layers, "/gone"));
	cr_expect_not(has(&layers, "/deleted"));
	cr_expect_not(has(&layers, "/deleted/below/file"));
	cr_expect_not(has(&layers, "/hidden/old/file"));
	cr_expect_not(has(&layers, "/became-a-file/x"));
	cr_expect(has(&layers, "/kept/lower"));
	content = describe(layers.root, NULL);
	cr_expect(strstr(content, "/replaced 100644 0:0 6 "), "%s", content);
	cr_assert_eq(mp_rootfs_totals(layers.root, &totals, &err), 0);
	cr_expect_eq(totals.files, 5);
}

/* Image layers come in any number; one alone is not mounted, its whiteouts are hidden all the same.
 */
Test(rootfs_overlay, one_layer_with_whiteouts)
{
	MP_AUTO(layers_clear) struct layers layers;
	MP_AUTO(mp_freep) char *top = NULL;
	struct mp_rootfs_totals totals;
	struct mp_contents contents;
	struct mp_error err;

	make_two_layers(&layers);
	mp_freep(&layers.dirs.v[1]);
	layers.dirs.n = 1;
	open_layers(&layers);
	top = names_in(&layers, "/");
	cr_expect_str_eq(top, "became-a-file hidden kept replaced");
	cr_expect_not(has(&layers, "/gone"));
	cr_expect_eq(mp_rootfs_open(layers.root, "/gone", &contents, &err), -1);
	cr_expect_eq(err.code, MP_E_NOTFOUND);
	cr_assert_eq(mp_rootfs_totals(layers.root, &totals, &err), 0);
	cr_expect_eq(totals.files, 4);
}

Test(rootfs_overlay, a_whole_specimen_reads_as_it_is)
{
	MP_AUTO(layers_clear) struct layers layers = { 0 };
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *plain = NULL;
	MP_AUTO(mp_freep) char *expected = NULL, *got = NULL;

	scratch_make(&layers.scratch);
	add_layer(&layers);
	specimen_make(add_layer(&layers));
	plain = open_dir(layers.dirs.v[1]);
	open_layers(&layers);
	expected = describe(plain, NULL);
	got = describe(layers.root, NULL);
	expect_same(expected, got, "directory and overlay");
}

Test(rootfs_overlay, leaves_no_mount)
{
	MP_AUTO(layers_clear) struct layers layers;
	MP_AUTO(mp_freep) char *before = NULL, *during = NULL, *after = NULL;
	char *dir;

	make_two_layers(&layers);
	before = mounts_now();
	open_layers(&layers);
	during = mounts_now();
	cr_expect(has(&layers, "/kept/lower"));
	cr_expect_str_eq(during, before);
	/* Not even the layer's own directory is covered by it. */
	dir = mp_path_join(layers.dirs.v[0], "gone");
	cr_expect_eq(access(dir, F_OK), 0);
	mp_freep(&dir);
	mp_rootfs_freep(&layers.root);
	after = mounts_now();
	cr_expect_str_eq(after, before);
}

/* Where mounts are shared, as systemd has them, ours must not spread. The test's own namespace. */
Test(rootfs_overlay, does_not_spread_over_shared_mounts)
{
	MP_AUTO(layers_clear) struct layers layers;
	MP_AUTO(mp_freep) char *before = NULL, *after = NULL;

	make_two_layers(&layers);
	cr_assert_eq(unshare(CLONE_NEWNS), 0, "%m");
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL), 0);
	before = mounts_now();
	open_layers(&layers);
	after = mounts_now();
	cr_expect_str_eq(after, before);
	cr_expect(has(&layers, "/kept/lower"));
}

/* moby stops at 125 layers or so. */
Test(rootfs_overlay, as_many_layers_as_there_can_be)
{
	MP_AUTO(layers_clear) struct layers layers = { 0 };
	char path[32];

	scratch_make(&layers.scratch);
	for (int i = 0; i < 128; i++) {
		cr_assert_eq(chdir(add_layer(&layers)), 0);
		snprintf(path, sizeof(path), "file-%d", i);
		write_text(path, path, 0644);
	}
	cr_assert_eq(chdir("/"), 0);
	open_layers(&layers);
	for (int i = 0; i < 128; i++) {
		snprintf(path, sizeof(path), "/file-%d", i);
		cr_expect(has(&layers, path), "%s", path);
	}
}

Test(rootfs_overlay, nothing_can_be_written)
{
	MP_AUTO(layers_clear) struct layers layers;
	struct mp_error err;
	char link[64];
	struct mp_contents contents;

	make_two_layers(&layers);
	open_layers(&layers);
	cr_assert_eq(mp_rootfs_open(layers.root, "/replaced", &contents, &err), 0, "%s", err.msg);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", contents.fd);
	cr_expect_eq(open(link, O_WRONLY), -1);
	cr_expect_eq(errno, EROFS);
	cr_expect_eq(fchmod(contents.fd, 0777), -1);
	mp_contents_close(&contents);
}

/* Which of the two it is decides what the caller does. */
Test(rootfs_overlay, says_why_it_cannot)
{
	MP_AUTO(layers_clear) struct layers layers;
	struct mp_strv none = { 0 };
	struct mp_error err = { 0 };
	pid_t child;
	int status;

	make_two_layers(&layers);
	cr_expect_eq(mp_rootfs_open_overlay(&none, &layers.root, &err), -1);
	cr_expect_str_eq(err.msg, "the image has no layer directories");
	mp_strv_push(&layers.dirs, "/no/such/layer");
	cr_expect_eq(mp_rootfs_open_overlay(&layers.dirs, &layers.root, &err), -1);
	cr_expect_eq(err.sys_errno, ENOENT);
	cr_expect_str_eq(err.msg, "open image layer '/no/such/layer': No such file or directory");
	child = fork();
	if (child == 0) {
		if (setuid(65534))
			_exit(1);
		if (mp_rootfs_open_overlay(&layers.dirs, &layers.root, &err) != -1)
			_exit(2);
		_exit(err.sys_errno == EPERM && strstr(err.msg, "private mount namespace") ? 0 : 3);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect_eq(status, 0);
}
