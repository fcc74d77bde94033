/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/resolve.h"
#include "tests/packer/tree.h"

static void make_links(struct tree *tree)
{
	tree_make(tree);
	tree_file(tree, "/usr/lib/x/libz.so.1.2", "z", 0644);
	tree_link(tree, "/lib", "usr/lib");
	tree_link(tree, "/usr/lib/x/libz.so.1", "libz.so.1.2");
	tree_link(tree, "/usr/lib/x/libz.so", "/lib/x/libz.so.1");
	tree_file(tree, "/etc/shadow", "secret of the image", 0600);
	tree_link(tree, "/up", "/../../../etc/shadow");
	tree_link(tree, "/usr/lib/up", "../../../../../../etc/shadow");
	tree_link(tree, "/self", "self");
	tree_link(tree, "/ping", "pong/x");
	tree_link(tree, "/pong", "ping/y");
	tree_link(tree, "/dangling", "/nowhere/at/all");
	tree_link(tree, "/half", "usr/lib/missing");
	tree_link(tree, "/dot", ".");
	tree_link(tree, "/slash", "usr/");
	tree_link(tree, "/rootlink", "/");
	tree_link(tree, "/fileslash", "etc/shadow/");
}

Test(resolve, paths)
{
	static const struct {
		const char *path;
		unsigned int flags;
		enum mp_resolve_status status;
		const char *real; /* FOUND: the path; ABSENT: the first that does not exist */
	} cases[] = {
		{ "/", 0, MP_RESOLVED_FOUND, "/" },
		{ "//", 0, MP_RESOLVED_FOUND, "/" },
		{ "/..", 0, MP_RESOLVED_FOUND, "/" },
		{ "/../../etc/./shadow", 0, MP_RESOLVED_FOUND, "/etc/shadow" },
		{ "/usr/lib", 0, MP_RESOLVED_FOUND, "/usr/lib" },
		{ "/usr/lib/", 0, MP_RESOLVED_FOUND, "/usr/lib" },
		{ "/usr/lib/..", 0, MP_RESOLVED_FOUND, "/usr" },
		{ "/usr/lib/.", 0, MP_RESOLVED_FOUND, "/usr/lib" },
		{ "/lib", 0, MP_RESOLVED_FOUND, "/usr/lib" },
		{ "/lib/..", 0, MP_RESOLVED_FOUND, "/usr" },
		{ "/lib/../lib//x/libz.so", 0, MP_RESOLVED_FOUND, "/usr/lib/x/libz.so.1.2" },
		{ "/lib", MP_RESOLVE_NOFOLLOW, MP_RESOLVED_FOUND, "/usr/lib" },
		{ "/up", 0, MP_RESOLVED_FOUND, "/etc/shadow" },
		{ "/lib/up", 0, MP_RESOLVED_FOUND, "/etc/shadow" },
		{ "/dot", 0, MP_RESOLVED_FOUND, "/" },
		{ "/dot/dot/dot/usr", 0, MP_RESOLVED_FOUND, "/usr" },
		{ "/slash/lib", 0, MP_RESOLVED_FOUND, "/usr/lib" },
		{ "/rootlink/rootlink/usr", 0, MP_RESOLVED_FOUND, "/usr" },
		{ "/etc/shadow/", 0, MP_RESOLVED_ABSENT, "/etc/shadow" },
		{ "/etc/shadow/.", 0, MP_RESOLVED_ABSENT, "/etc/shadow" },
		{ "/etc/shadow/x", 0, MP_RESOLVED_ABSENT, "/etc/shadow" },
		{ "/fileslash", 0, MP_RESOLVED_ABSENT, "/etc/shadow" },
		{ "/usr/none/x", 0, MP_RESOLVED_ABSENT, "/usr/none" },
		{ "/usr/none/../lib", 0, MP_RESOLVED_ABSENT, "/usr/none" },
		{ "/dangling", 0, MP_RESOLVED_ABSENT, "/nowhere" },
		{ "/dangling", MP_RESOLVE_NOFOLLOW, MP_RESOLVED_FOUND, "/dangling" },
		{ "/dangling/", MP_RESOLVE_NOFOLLOW, MP_RESOLVED_ABSENT, "/nowhere" },
		{ "/half", 0, MP_RESOLVED_ABSENT, "/usr/lib/missing" },
		{ "/self", 0, MP_RESOLVED_LOOP, NULL },
		{ "/self", MP_RESOLVE_NOFOLLOW, MP_RESOLVED_FOUND, "/self" },
		{ "/self/x", MP_RESOLVE_NOFOLLOW, MP_RESOLVED_LOOP, NULL },
		{ "/ping", 0, MP_RESOLVED_LOOP, NULL },
		{ "/ping/x/y", 0, MP_RESOLVED_LOOP, NULL },
	};
	MP_AUTO(tree_clear) struct tree tree;

	make_links(&tree);
	/* Twice: what the first round remembers must not change an answer. */
	for (size_t i = 0; i < 2 * MP_ARRAY_LEN(cases); i++) {
		size_t n = i % MP_ARRAY_LEN(cases);
		MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
		const char *real;
		struct mp_error err;

		cr_assert_eq(mp_resolve(tree.resolver, cases[n].path, cases[n].flags, &res, &err),
			     0, "%s: %s", cases[n].path, err.msg);
		cr_expect_eq(res.status, cases[n].status, "%s: status %d", cases[n].path,
			     res.status);
		real = res.status == MP_RESOLVED_FOUND ? res.path : res.missing;
		if (cases[n].real)
			cr_expect_str_eq(real ? real : "(null)", cases[n].real, "%s: %s",
					 cases[n].path, real);
	}
}

/* What the set gets of each path, in the order of the walk. */
Test(resolve, keeps_what_was_crossed)
{
	static const struct {
		const char *path;
		unsigned int flags;
		const char *kept;
	} cases[] = {
		{ "/", 0, "/: traced\n" },
		{ "/lib/x/libz.so.1", 0,
		  "/: parent of /lib\n"
		  "/lib: symlink on the way to /lib/x/libz.so.1\n"
		  "/usr: parent of /usr/lib/x/libz.so.1\n"
		  "/usr/lib: parent of /usr/lib/x/libz.so.1\n"
		  "/usr/lib/x: parent of /usr/lib/x/libz.so.1\n"
		  "/usr/lib/x/libz.so.1: traced\n"
		  "/usr/lib/x/libz.so.1.2: target of /usr/lib/x/libz.so.1\n" },
		{ "/usr/lib/x/libz.so", MP_RESOLVE_NOFOLLOW,
		  "/: parent of /usr/lib/x/libz.so\n"
		  "/usr: parent of /usr/lib/x/libz.so\n"
		  "/usr/lib: parent of /usr/lib/x/libz.so\n"
		  "/usr/lib/x: parent of /usr/lib/x/libz.so\n"
		  "/usr/lib/x/libz.so: traced\n"
		  "/lib: symlink on the way to /usr/lib/x/libz.so\n"
		  "/usr/lib/x/libz.so.1: target of /usr/lib/x/libz.so\n"
		  "/usr/lib/x/libz.so.1.2: target of /usr/lib/x/libz.so.1\n" },
		{ "/usr/lib/../../etc", 0,
		  "/: parent of /etc\n"
		  "/usr: parent of /usr/lib/../../etc\n"
		  "/usr/lib: parent of /usr/lib/../../etc\n"
		  "/etc: traced\n" },
		{ "/dangling", MP_RESOLVE_NOFOLLOW, "/: parent of /dangling\n/dangling: traced\n" },
		/* Not there: what leads there. */
		{ "/half", 0,
		  "/: parent of /half\n"
		  "/half: traced\n"
		  "/usr: parent of /half\n"
		  "/usr/lib: parent of /half\n" },
		{ "/usr/none/x", 0, "/: parent of /usr/none/x\n/usr: parent of /usr/none/x\n" },
		{ "/self", 0, "/: parent of /self\n/self: traced\n" },
	};
	MP_AUTO(tree_clear) struct tree tree;

	make_links(&tree);
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_fileset_freep) struct mp_fileset *set = mp_fileset_new();
		MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
		struct mp_error err;

		cr_assert_eq(mp_resolve(tree.resolver, cases[i].path, cases[i].flags, &res, &err),
			     0, "%s: %s", cases[i].path, err.msg);
		mp_resolution_keep(&res, set, MP_WHY(MP_REASON_TRACED));
		MP_AUTO(mp_freep) char *kept = tree_set_text(set);
		cr_expect_str_eq(kept, cases[i].kept, "%s:\n%s", cases[i].path, kept);
	}
}

/* The kernel follows 40 symlinks, and not 41. */
Test(resolve, as_many_symlinks_as_the_kernel)
{
	static const struct {
		const char *path;
		enum mp_resolve_status status;
	} cases[] = { { "/l40", MP_RESOLVED_FOUND }, { "/l41", MP_RESOLVED_LOOP } };
	MP_AUTO(tree_clear) struct tree tree;
	struct stat st;

	tree_make(&tree);
	tree_file(&tree, "/l0", "end", 0644);
	for (int i = 1; i <= 41; i++) {
		char path[16], target[16];

		snprintf(path, sizeof(path), "/l%d", i);
		snprintf(target, sizeof(target), "l%d", i - 1);
		tree_link(&tree, path, target);
	}
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
		MP_AUTO(mp_freep) char *full = tree_path(&tree, cases[i].path);
		struct mp_error err;

		cr_assert_eq(mp_resolve(tree.resolver, cases[i].path, 0, &res, &err), 0);
		cr_expect_eq(res.status, cases[i].status, "%s", cases[i].path);
		cr_expect_eq(stat(full, &st) == 0, cases[i].status == MP_RESOLVED_FOUND, "%s",
			     cases[i].path);
	}
}

/* Links that make each other longer: bounded in time and memory, and an answer. */
Test(resolve, growing_links, .timeout = 60)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_buf_free) struct mp_buf target = { 0 };
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf name = { 0 };
	struct mp_error err;

	tree_make(&tree);
	tree_dir(&tree, "/d", 0755);
	while (target.len < 4000)
		mp_buf_adds(&target, "./d/../");
	mp_buf_adds(&target, "grow/x");
	tree_link(&tree, "/grow", target.data);
	cr_assert_eq(mp_resolve(tree.resolver, "/grow", 0, &res, &err), 0, "%s", err.msg);
	cr_expect_eq(res.status, MP_RESOLVED_LOOP);
	mp_resolution_clear(&res);

	mp_buf_adds(&name, "/d/");
	for (int i = 0; i < 256; i++)
		mp_buf_addc(&name, 'n');
	cr_assert_eq(mp_resolve(tree.resolver, name.data, 0, &res, &err), 0, "%s", err.msg);
	cr_expect_eq(res.status, MP_RESOLVED_ABSENT, "a name that is too long");
	mp_resolution_clear(&res);

	for (int i = 0; i < 20000; i++)
		mp_buf_adds(&name, "/d");
	cr_assert_eq(mp_resolve(tree.resolver, name.data, 0, &res, &err), 0, "%s", err.msg);
	cr_expect_eq(res.status, MP_RESOLVED_ABSENT, "a path that is too long");
}

Test(resolve, only_absolute_paths)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	struct mp_error err = { 0 };

	tree_make(&tree);
	cr_expect_eq(mp_resolve(tree.resolver, "etc/passwd", 0, &res, &err), -1);
	cr_expect_str_eq(err.msg, "'etc/passwd' is not an absolute path");
}

Test(resolve, hidden_directories_have_no_contents)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };
	struct mp_error err;
	static const struct {
		const char *path;
		enum mp_resolve_status status;
	} cases[] = {
		{ "/proc", MP_RESOLVED_FOUND },       { "/proc/1/root", MP_RESOLVED_ABSENT },
		{ "/mtab", MP_RESOLVED_ABSENT },      { "/proc/../etc/mine", MP_RESOLVED_FOUND },
		{ "/procession", MP_RESOLVED_FOUND },
	};

	tree_make(&tree);
	tree_file(&tree, "/proc/mounts", "the host's", 0444);
	tree_file(&tree, "/proc/1/root", "the host's", 0444);
	tree_file(&tree, "/etc/mine", "", 0644);
	tree_file(&tree, "/procession", "", 0644);
	tree_link(&tree, "/mtab", "proc/mounts");
	mp_resolver_hide_contents(tree.resolver, "/proc");
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

		cr_assert_eq(mp_resolve(tree.resolver, cases[i].path, 0, &res, &err), 0);
		cr_expect_eq(res.status, cases[i].status, "%s", cases[i].path);
	}
	cr_assert_eq(mp_resolver_list(tree.resolver, "/proc", &names, &err), 0);
	cr_expect_eq(names.n, 0);
}

/* What is made for the packed image, and the image has not, has nothing in it. */
Test(resolve, made_directories_are_empty)
{
	static const struct mp_node made = { .mode = S_IFDIR | 01777, .nlink = 1 };
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };
	struct mp_error err;

	tree_make(&tree);
	tree_link(&tree, "/link", "/tmp");
	mp_fileset_add(tree.set, "/tmp", &made, MP_WHY(MP_REASON_MOUNT_POINT));
	cr_assert_eq(mp_resolver_list(tree.resolver, "/link", &names, &err), 0, "%s", err.msg);
	cr_expect_eq(names.n, 0);
}

/* Directories and symlinks are looked up once: an image does not change. */
Test(resolve, remembers_what_it_passed)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_resolution_clear) struct mp_resolution first = { 0 };
	MP_AUTO(mp_resolution_clear) struct mp_resolution again = { 0 };
	MP_AUTO(mp_freep) char *command = NULL;
	struct mp_error err;

	make_links(&tree);
	cr_assert_eq(mp_resolve(tree.resolver, "/lib/x/libz.so", 0, &first, &err), 0);
	mp_resolution_keep(&first, tree.set, MP_WHY(MP_REASON_TRACED));
	command = mp_xasprintf("rm -rf '%s/usr'", tree.dir);
	tree_run(command);
	cr_assert_eq(mp_resolve(tree.resolver, "/lib/x/libz.so", 0, &again, &err), 0);
	cr_expect_eq(again.status, MP_RESOLVED_FOUND);
	cr_expect_eq(again.node, &mp_fileset_find(tree.set, "/usr/lib/x/libz.so.1.2")->node);
}

Test(resolve, reads_files)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_buf_free) struct mp_buf data = { 0 };
	MP_AUTO(mp_freep) char *fifo = NULL;
	struct mp_error err;

	make_links(&tree);
	fifo = tree_path(&tree, "/fifo");
	cr_assert_eq(mkfifo(fifo, 0644), 0);
	cr_expect_eq(mp_resolver_read_file(tree.resolver, "/up", 100, &data, &err), 1);
	cr_expect_str_eq(data.data, "secret of the image");
	cr_expect_eq(mp_resolver_read_file(tree.resolver, "/nope", 100, &data, &err), 0);
	cr_expect_eq(mp_resolver_read_file(tree.resolver, "/usr", 100, &data, &err), 0);
	cr_expect_eq(mp_resolver_read_file(tree.resolver, "/fifo", 100, &data, &err), 0);
	mp_buf_clear(&data);
	cr_expect_eq(mp_resolver_read_file(tree.resolver, "/up", 4, &data, &err), -1);
	cr_expect_str_eq(err.msg, "read '/up': larger than 4 bytes");
}
