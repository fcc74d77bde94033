/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/list.h"
#include "packer/plan.h"
#include "tests/packer/tree.h"

#include <errno.h>

/* A small image, with what an engine expects and a program without needs. */
static void make_image(struct tree *tree)
{
	tree_make(tree);
	tree_file(tree, "/etc/passwd", "root:x:0:0::/:/bin/sh\n", 0644);
	tree_file(tree, "/etc/group", "root:x:0:\n", 0644);
	tree_file(tree, "/etc/hosts", "127.0.0.1 builder\n", 0644);
	tree_file(tree, "/etc/app/app.conf", "conf", 0640);
	tree_link(tree, "/etc/app.conf", "app/app.conf");
	tree_link(tree, "/etc/mtab", "/proc/self/mounts");
	tree_file(tree, "/usr/bin/app", "program", 0755);
	tree_file(tree, "/usr/bin/probe", "program", 0755);
	tree_file(tree, "/usr/bin/sh", "program", 0755);
	tree_link(tree, "/bin", "usr/bin");
	tree_dir(tree, "/var/lib/app", 0750);
	tree_file(tree, "/var/lib/app/seed", "not asked for", 0644);
	tree_dir(tree, "/srv/work", 0711);
	tree_file(tree, "/dev/console", "", 0600);
	tree_file(tree, "/proc/self/mounts", "the host's", 0444);
}

static void plan(struct tree *tree, const struct mp_plan_request *request,
		 struct mp_plan_notes *notes)
{
	struct mp_error err;

	mp_fileset_freep(&tree->set);
	cr_assert_eq(mp_plan(tree->root, request, &tree->set, notes, &err), 0, "%s", err.msg);
}

/* What is there in any case. */
#define MOUNT_POINTS                                                                               \
	"/: mount point\n/proc: mount point\n/sys: mount point\n/dev: mount point\n"               \
	"/tmp: mount point\n"

/* What one event of the trace keeps, besides mount points, and what is noted. */
Test(plan, events)
{
	static const struct {
		struct mp_trace_event event;
		const char *kept;
		const char *created;
	} cases[] = {
		{ { .op = MP_OP_OPEN, .path = "/etc/app.conf", .real = "/etc/app/app.conf", NULL },
		  "/etc: parent of /etc/app.conf\n/etc/app.conf: traced\n"
		  "/etc/app: parent of /etc/app/app.conf\n"
		  "/etc/app/app.conf: target of /etc/app.conf\n",
		  NULL },
		/* The run moved the symlink: both what it was, and what was reached. */
		{ { .op = MP_OP_OPEN, .path = "/etc/app.conf", .real = "/etc/passwd", NULL },
		  "/etc: parent of /etc/app.conf\n/etc/app.conf: traced\n"
		  "/etc/app: parent of /etc/app/app.conf\n"
		  "/etc/app/app.conf: target of /etc/app.conf\n/etc/passwd: traced\n",
		  NULL },
		{ { .op = MP_OP_OPEN, .path = "/x/../etc/./passwd" }, "", "/x/../etc/passwd\n" },
		{ { .op = MP_OP_OPEN, .flags = MP_TRACE_DIR, .path = "/var/lib/app", NULL },
		  "/var: parent of /var/lib/app\n/var/lib: parent of /var/lib/app\n"
		  "/var/lib/app: traced\n",
		  NULL },
		{ { .op = MP_OP_READLINK, .flags = MP_TRACE_NOFOLLOW, .path = "/etc/mtab", NULL },
		  "/etc: parent of /etc/mtab\n/etc/mtab: traced\n",
		  NULL },
		/* Into /proc: the symlink is the image's, the rest is not. */
		{ { .op = MP_OP_OPEN, .path = "/etc/mtab", .real = "/proc/7/mounts", NULL },
		  "/etc: parent of /etc/mtab\n/etc/mtab: traced\n",
		  NULL },
		{ { .op = MP_OP_OPEN, .path = "/proc/self/mounts" }, "", NULL },
		{ { .op = MP_OP_OPEN, .path = "/dev/console" }, "", NULL },
		{ { .op = MP_OP_OPEN, .path = "/etc/../dev/console" },
		  "/etc: parent of /etc/../dev/console\n",
		  NULL },
		{ { .op = MP_OP_OPEN, .path = "/etc/hosts", .real = "/etc/hosts" }, "", NULL },
		{ { .op = MP_OP_STAT, .path = "/.dockerenv" }, "", NULL },
		/* Failures. */
		{ { .op = MP_OP_STAT, .error = ENOENT, .path = "/etc/app/none" }, "", NULL },
		/* What is no directory there must be none here. */
		{ { .op = MP_OP_STAT, .error = ENOTDIR, .path = "/etc/passwd/x", NULL },
		  "/etc: parent of /etc/passwd\n/etc/passwd: traced\n",
		  NULL },
		{ { .op = MP_OP_OPEN, .error = ENOTDIR, .path = "/etc/app.conf/x/y", NULL },
		  "/etc: parent of /etc/app/app.conf\n/etc/app: parent of /etc/app/app.conf\n"
		  "/etc/app/app.conf: traced\n",
		  NULL },
		{ { .op = MP_OP_STAT, .error = ENOTDIR, .path = "/srv/none/x" }, "", NULL },
		{ { .op = MP_OP_STAT, .error = EACCES, .path = "/var/lib/app/none", NULL },
		  "/var: parent of /var/lib/app/none\n/var/lib: parent of /var/lib/app/none\n"
		  "/var/lib/app: parent of /var/lib/app/none\n",
		  NULL },
		{ { .op = MP_OP_OPEN, .error = EACCES, .path = "/etc/passwd", NULL },
		  "/etc: parent of /etc/passwd\n/etc/passwd: traced\n",
		  NULL },
		/* Made by the run. */
		{ { .op = MP_OP_OPEN,
		    .flags = MP_TRACE_CREATE | MP_TRACE_WRITE,
		    .path = "/var/lib/app/new/file",
		    .real = "/var/lib/app/new/file",
		    NULL },
		  "/var: parent of /var/lib/app/new/file\n"
		  "/var/lib: parent of /var/lib/app/new/file\n"
		  "/var/lib/app: parent of /var/lib/app/new/file\n",
		  "/var/lib/app/new/file\n" },
		{ { .op = MP_OP_CREATE, .error = ENOENT, .path = "/srv/none/dir", NULL },
		  "/srv: parent of /srv/none/dir\n",
		  NULL },
		{ { .op = MP_OP_REMOVE, .flags = MP_TRACE_NOFOLLOW, .path = "/srv/lock", NULL },
		  "/srv: parent of /srv/lock\n",
		  "/srv/lock\n" },
		{ { .op = MP_OP_OPEN, .flags = MP_TRACE_FOREIGN, .path = "/srv/pipe", NULL },
		  "/srv: parent of /srv/pipe\n",
		  NULL },
		{ { .op = MP_OP_EXEC, .path = "/bin/app", .real = "/usr/bin/app", NULL },
		  "/bin: symlink on the way to /bin/app\n/usr: parent of /usr/bin/app\n"
		  "/usr/bin: parent of /usr/bin/app\n/usr/bin/app: traced\n",
		  NULL },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(tree_clear) struct tree tree;
		MP_AUTO(mp_plan_notes_clear) struct mp_plan_notes notes = { 0 };
		struct mp_trace_event events[] = { cases[i].event, cases[i].event };
		const struct mp_trace trace = { .events = events, .n_events = 2 };

		make_image(&tree);
		plan(&tree, &(struct mp_plan_request){ .trace = &trace }, &notes);
		MP_AUTO(mp_freep) char *kept = tree_set_text(tree.set);
		MP_AUTO(mp_freep)
		char *want = mp_xasprintf("%s%s", MOUNT_POINTS, cases[i].kept);
		MP_AUTO(mp_freep) char *created = tree_lines(&notes.created_at_run);
		cr_expect_str_eq(kept, want, "case %zu, %s:\n%s", i, cases[i].event.path, kept);
		cr_expect_str_eq(created, cases[i].created ? cases[i].created : "",
				 "case %zu, %s: %s", i, cases[i].event.path, created);
	}
}

/* What all events of a container's trace keep together, besides mount points. */
static char *trace_text(struct tree *tree, struct mp_trace_event *events, size_t n,
			const struct mp_image_config *config, const struct mp_rules *rules)
{
	MP_AUTO(mp_plan_notes_clear) struct mp_plan_notes notes = { 0 };
	const struct mp_trace trace = {
		.header.source = "container",
		.events = events,
		.n_events = n,
	};
	MP_AUTO(mp_freep) char *text = NULL;

	plan(tree, &(struct mp_plan_request){ .trace = &trace, .config = config, .rules = rules },
	     &notes);
	text = tree_set_text(tree->set);
	cr_assert_eq(strncmp(text, MOUNT_POINTS, strlen(MOUNT_POINTS)), 0, "%s", text);
	return mp_xstrdup(text + strlen(MOUNT_POINTS));
}

/* What was mounted was not the image's, and what the image has there was out of sight. */
Test(plan, mounts)
{
	MP_AUTO(tree_clear) struct tree tree;
	struct mp_trace_event events[] = {
		{ .op = MP_OP_OPEN,
		  .flags = MP_TRACE_MOUNTED,
		  .path = "/etc/app.conf",
		  .real = "/etc/app/app.conf" },
		{ .op = MP_OP_OPEN,
		  .flags = MP_TRACE_MOUNTED | MP_TRACE_DIR,
		  .path = "/var/lib/app",
		  .real = "/var/lib/app" },
		{ .op = MP_OP_OPEN,
		  .flags = MP_TRACE_MOUNTED,
		  .path = "/var/lib/app/seed",
		  .real = "/var/lib/app/seed" },
		{ .op = MP_OP_STAT, .error = ENOENT, .path = "/var/lib/app/seed" },
	};
	const struct mp_image_config config = {
		.volumes = { (char *[]){ "/var/lib/" }, 1, 0 },
	};

	make_image(&tree);
	MP_AUTO(mp_freep)
	char *kept = trace_text(&tree, events, MP_ARRAY_LEN(events), NULL, NULL);
	cr_expect_str_eq(kept,
			 "/etc: parent of /etc/app.conf\n"
			 "/etc/app.conf: symlink on the way to /etc/app.conf\n"
			 "/etc/app: parent of /etc/app.conf\n"
			 "/var: parent of /var/lib/app\n/var/lib: parent of /var/lib/app\n"
			 "/var/lib/app: mount point\n",
			 "%s", kept);
	/* A volume is filled from the image. */
	mp_freep(&kept);
	kept = trace_text(&tree, events, MP_ARRAY_LEN(events), &config, NULL);
	cr_expect_not_null(strstr(kept, "/var/lib/app/seed: traced\n"), "%s", kept);
}

/* Files that were looked at, and not into. */
Test(plan, stat_only)
{
	MP_AUTO(tree_clear) struct tree tree;
	struct mp_trace_event events[] = {
		{ .op = MP_OP_STAT, .path = "/etc/app.conf" },
		{ .op = MP_OP_STAT, .path = "/etc/passwd" },
		{ .op = MP_OP_OPEN, .path = "/etc/passwd" },
		{ .op = MP_OP_ACCESS, .path = "/etc/group/x", .error = ENOTDIR },
		{ .op = MP_OP_STAT, .path = "/srv/work" },
	};
	struct mp_rules rules = { .stat_only = MP_STAT_ONLY_EMPTY };
	const struct mp_file *file;

	make_image(&tree);
	MP_AUTO(mp_freep)
	char *kept = trace_text(&tree, events, MP_ARRAY_LEN(events), NULL, &rules);
	cr_expect_str_eq(kept,
			 "/etc: parent of /etc/passwd\n/etc/passwd: traced\n"
			 "/etc/app.conf: traced\n/etc/app: parent of /etc/app/app.conf\n"
			 "/etc/app/app.conf: target of /etc/app.conf\n/etc/group: traced\n"
			 "/srv: parent of /srv/work\n/srv/work: traced\n",
			 "%s", kept);
	file = mp_fileset_find(tree.set, "/etc/app/app.conf");
	cr_expect_not_null(file->made);
	cr_expect_eq(file->node.size_bytes, 0);
	cr_expect_eq(file->node.mode, S_IFREG | 0640);
	cr_expect_null(mp_fileset_find(tree.set, "/etc/passwd")->made);
	mp_freep(&kept);
	rules.stat_only = MP_STAT_ONLY_DROP;
	kept = trace_text(&tree, events, MP_ARRAY_LEN(events), NULL, &rules);
	cr_expect_str_eq(kept,
			 "/etc: parent of /etc/passwd\n/etc/passwd: traced\n"
			 "/srv: parent of /srv/work\n/srv/work: traced\n",
			 "%s", kept);
}

/* Rules come on top of a trace; what is dropped is as if the image did not have it. */
Test(plan, rules)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_rules_free) struct mp_rules rules = { .listed = true };
	struct mp_trace_event events[] = {
		{ .op = MP_OP_LIST, .path = "/etc", .real = "/etc" },
		{ .op = MP_OP_OPEN, .path = "/etc/passwd" },
		{ .op = MP_OP_OPEN, .path = "/etc/app.conf" },
		{ .op = MP_OP_LIST, .path = "/proc", .real = "/proc" },
	};
	struct mp_error err;

	make_image(&tree);
	cr_assert_eq(mp_rule_list_add(&rules.keep, "--keep", "/dev/*", &err), 0);
	cr_assert_eq(mp_rule_list_add(&rules.drop, "--drop", "/etc/{app,hosts,mtab}", &err), 0);
	cr_assert_eq(mp_rule_list_add(&rules.drop, "--drop", "/t*p", &err), 0);
	tree_dir(&tree, "/tmp", 01777);
	MP_AUTO(mp_plan_notes_clear) struct mp_plan_notes notes = { 0 };
	const struct mp_trace trace = { .events = events, .n_events = MP_ARRAY_LEN(events) };
	plan(&tree, &(struct mp_plan_request){ .trace = &trace, .rules = &rules }, &notes);
	MP_AUTO(mp_freep) char *kept = tree_set_text(tree.set);
	cr_expect_str_eq(kept,
			 "/: mount point\n/proc: mount point\n/sys: mount point\n"
			 "/dev: mount point\n/etc: traced\n/etc/passwd: traced\n"
			 "/etc/app.conf: traced\n"
			 "/dev/console: kept by rule (--keep /dev/*)\n"
			 "/etc/group: kept by rule (--keep-listed)\n",
			 "%s", kept);
	cr_expect_eq(notes.created_at_run.n, 0);
}

static char *config_text(struct tree *tree, const struct mp_image_config *config)
{
	MP_AUTO(mp_plan_notes_clear) struct mp_plan_notes notes = { 0 };
	struct mp_trace trace = { 0 };

	plan(tree, &(struct mp_plan_request){ .trace = &trace, .config = config }, &notes);
	cr_expect_eq(notes.missing_needed.n, 0);
	return tree_set_text(tree->set);
}

#define STRV(...)                                                                                  \
	{                                                                                          \
		(char *[]){ __VA_ARGS__ }, MP_ARRAY_LEN(((char *[]){ __VA_ARGS__ })), 0            \
	}

/* What no trace sees. */
Test(plan, what_the_engine_reads)
{
	MP_AUTO(tree_clear) struct tree tree;
	const struct mp_image_config config = {
		.env = STRV("HOME=/", "PATH=/none:/usr/bin"),
		.entrypoint = STRV("app", "-x"),
		.cmd = STRV("--flag"),
		.volumes = STRV("/not/there", "/var/lib/app"),
		.healthcheck = STRV("CMD", "/bin/probe"),
		.working_dir = "/srv/work",
	};

	make_image(&tree);
	MP_AUTO(mp_freep) char *kept = config_text(&tree, &config);
	cr_expect_str_eq(kept,
			 MOUNT_POINTS "/usr: parent of /usr/bin/app\n"
				      "/usr/bin: parent of /usr/bin/app\n"
				      "/usr/bin/app: entrypoint\n"
				      "/bin: symlink on the way to /bin/probe\n"
				      "/usr/bin/probe: entrypoint\n"
				      "/etc: parent of /etc/passwd\n"
				      "/etc/passwd: user database\n"
				      "/etc/group: user database\n"
				      "/srv: parent of /srv/work\n"
				      "/srv/work: working directory\n"
				      "/var: parent of /var/lib/app\n"
				      "/var/lib: parent of /var/lib/app\n"
				      "/var/lib/app: volume\n",
			 "%s", kept);
	/* Metadata is the image's own. */
	cr_expect_eq(mp_fileset_find(tree.set, "/var/lib/app")->node.mode, S_IFDIR | 0750);
	cr_expect_eq(mp_fileset_find(tree.set, "/srv/work")->node.mode, S_IFDIR | 0711);
}

Test(plan, programs_of_the_configuration)
{
	const struct {
		struct mp_image_config config;
		const char *kept; /* NULL: no program */
	} cases[] = {
		{ { .cmd = STRV("/bin/app") }, "/usr/bin/app" },
		{ { .entrypoint = STRV("./app"), .working_dir = "/usr/bin" }, "/usr/bin/app" },
		{ { .entrypoint = STRV("bin/app") }, "/usr/bin/app" },
		{ { .healthcheck = STRV("CMD-SHELL", "exit 0") }, "/usr/bin/sh" },
		{ { .healthcheck = STRV("CMD-SHELL", "exit 0"), .shell = STRV("/bin/probe", "-c") },
		  "/usr/bin/probe" },
		{ { .healthcheck = STRV("NONE") }, NULL },
		{ { .cmd = STRV("app"), .env = STRV("PATH=/none") }, NULL },
		{ { .cmd = STRV("") }, NULL },
		{ { .cmd = STRV("/etc/passwd") }, NULL },
		{ { .entrypoint = STRV("/not/there") }, NULL },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(tree_clear) struct tree tree;

		make_image(&tree);
		MP_AUTO(mp_freep) char *kept = config_text(&tree, &cases[i].config);
		MP_AUTO(mp_freep)
		char *line = mp_xasprintf("\n%s: entrypoint\n", cases[i].kept ? cases[i].kept : "");
		cr_expect_eq(strstr(kept, cases[i].kept ? line : ": entrypoint") != NULL,
			     cases[i].kept != NULL, "case %zu:\n%s", i, kept);
	}
}

/* Directories that every container needs: the image's own, or made up. */
Test(plan, mount_points)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_plan_notes_clear) struct mp_plan_notes notes = { 0 };
	const struct mp_strv none = { 0 };
	const struct mp_file *file;

	tree_make(&tree);
	tree_dir(&tree, "/proc", 0555);
	plan(&tree, &(struct mp_plan_request){ .list = &none }, &notes);
	cr_expect_eq(mp_fileset_count(tree.set), 5);
	file = mp_fileset_find(tree.set, "/");
	cr_expect_eq(file->node.mode, S_IFDIR | 0755);
	cr_expect_eq(file->node.mtime_s, 0); /* engines write to it, as to /proc */
	file = mp_fileset_find(tree.set, "/proc");
	cr_expect_eq(file->node.mode, S_IFDIR | 0555);
	cr_expect_eq(file->node.mtime_s, 0);
	file = mp_fileset_find(tree.set, "/sys");
	cr_expect_eq(file->node.mode, S_IFDIR | 0755);
	cr_expect_eq(file->node.mtime_s, 0);
	file = mp_fileset_find(tree.set, "/tmp");
	cr_expect_eq(file->node.mode, S_IFDIR | 01777);
}

/* What an engine writes into has no time of its own; what is below, and beside it, has. */
Test(plan, times_that_engines_take)
{
	static const struct {
		const char *path;
		bool has_time;
	} cases[] = {
		{ "/", false },       { "/etc", false },     { "/proc", false },
		{ "/etc/app", true }, { "/srv", false },     { "/srv/own", true },
		{ "/var", true },     { "/var/log", false }, { "/tmp", true },
	};
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_plan_notes_clear) struct mp_plan_notes notes = { 0 };
	char *listed[] = { "/etc/app", "/srv/own", "/var/log/x" };
	const struct mp_strv list = { listed, 3, 3 };
	/* Volumes: two that the image lacks, of which a link leads to the second's place. */
	char *volumes[] = { "/logs/a/b", "/srv/lacks/this", "/srv/own" };
	const struct mp_image_config config = { .volumes = { volumes, 3, 3 } };

	tree_make(&tree);
	tree_dir(&tree, "/proc", 0555);
	tree_dir(&tree, "/tmp", 01777);
	tree_dir(&tree, "/etc", 0755);
	tree_dir(&tree, "/etc/app", 0755);
	tree_dir(&tree, "/srv", 0755);
	tree_dir(&tree, "/srv/own", 0755);
	tree_dir(&tree, "/var", 0755);
	tree_dir(&tree, "/var/log", 0755);
	tree_file(&tree, "/var/log/x", "x", 0644);
	tree_link(&tree, "/logs", "var/log");
	plan(&tree, &(struct mp_plan_request){ .list = &list, .config = &config }, &notes);
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		const struct mp_file *file = mp_fileset_find(tree.set, cases[i].path);

		cr_assert_not_null(file, "%s", cases[i].path);
		cr_expect_eq(file->node.mtime_s != 0, cases[i].has_time, "%s", cases[i].path);
	}
}

/* With the host's "/": what is mounted there is not what is packed. */
Test(plan, mount_points_of_the_host)
{
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = NULL;
	MP_AUTO(mp_plan_notes_clear) struct mp_plan_notes notes = { 0 };
	const struct mp_strv none = { 0 };
	struct mp_error err;

	cr_assert_eq(mp_rootfs_open_directory("/", &root, &err), 0, "%s", err.msg);
	cr_assert_eq(mp_plan(root, &(struct mp_plan_request){ .list = &none }, &set, &notes, &err),
		     0);
	cr_expect_eq(mp_fileset_find(set, "/proc")->node.mtime_s, 0);
	cr_expect_eq(mp_fileset_find(set, "/proc")->node.mode, S_IFDIR | 0755);
}

Test(plan, list)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_plan_notes_clear) struct mp_plan_notes notes = { 0 };
	const struct mp_strv list =
		STRV("/etc/mtab", "/etc/hosts", "/none", "/dev/console", "/etc/app.conf",
		     "/proc/self/mounts", "/bin/../../srv/work");

	make_image(&tree);
	plan(&tree, &(struct mp_plan_request){ .list = &list }, &notes);
	MP_AUTO(mp_freep) char *kept = tree_set_text(tree.set);
	MP_AUTO(mp_freep) char *missing = tree_lines(&notes.missing_listed);
	cr_expect_str_eq(kept,
			 MOUNT_POINTS "/etc: parent of /etc/mtab\n"
				      "/etc/mtab: listed\n"
				      "/etc/hosts: listed\n"
				      "/dev/console: listed\n"
				      "/etc/app.conf: listed\n"
				      "/etc/app: parent of /etc/app/app.conf\n"
				      "/etc/app/app.conf: target of /etc/app.conf\n"
				      "/bin: symlink on the way to /bin/../../srv/work\n"
				      "/usr: parent of /bin/../../srv/work\n"
				      "/usr/bin: parent of /bin/../../srv/work\n"
				      "/srv: parent of /srv/work\n"
				      "/srv/work: listed\n",
			 "%s", kept);
	cr_expect_str_eq(missing, "/none\n/proc/self/mounts\n", "%s", missing);
}

/* The closure is part of it, and what it misses is noted. */
Test(plan, missing_libraries_are_noted)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_plan_notes_clear) struct mp_plan_notes notes = { 0 };
	const struct mp_image_config config = {
		.env = STRV("LD_LIBRARY_PATH=/opt/env"),
		.working_dir = "/",
	};
	const struct mp_strv list = STRV("/opt/x.so");

	tree_make(&tree);
	tree_library(&tree, "/opt/x.so", "liba.so.1 libgone.so.1", NULL);
	tree_library(&tree, "/opt/env/liba.so.1", NULL, NULL);
	plan(&tree, &(struct mp_plan_request){ .list = &list, .config = &config }, &notes);
	cr_expect_not_null(mp_fileset_find(tree.set, "/opt/env/liba.so.1"));
	cr_assert_eq(notes.missing_needed.n, 1);
	cr_expect(strncmp(notes.missing_needed.v[0],
			  "libgone.so.1 needed by /opt/x.so (searched: /opt/env, ", 53) == 0,
		  "%s", notes.missing_needed.v[0]);
}

Test(plan, list_syntax)
{
	static const struct {
		const char *text;
		size_t len; /* 0: of the string */
		const char *paths;
		const char *message;
	} cases[] = {
		{ "", 0, "", NULL },
		{ "/a\n/b//c/\n", 0, "/a\n/b/c\n", NULL },
		{ "/no/newline/at/end", 0, "/no/newline/at/end\n", NULL },
		{ "# comment\n\n  \t\n/a\r\n", 0, "/a\n", NULL },
		{ "/with space \n/tab\\x09\\\\end\n", 0, "/with space \n/tab\t\\end\n", NULL },
		{ "/a/../b\n", 0, "/a/../b\n", NULL },
		{ "/a\nb\n", 0, NULL, "files.txt:2: 'b' is not an absolute path" },
		{ " /a\n", 0, NULL, "files.txt:1: ' /a' is not an absolute path" },
		{ "\n/a\\n\n", 0, NULL,
		  "files.txt:2: '/a\\n': malformed escape; a backslash is written '\\\\'" },
		{ "/a\\x00\n", 0, NULL,
		  "files.txt:1: '/a\\x00': malformed escape; a backslash is written '\\\\'" },
		{ "/a\0b\n", 5, NULL, "files.txt:1: a path cannot contain a NUL byte" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_strv_free) struct mp_strv paths = { 0 };
		struct mp_error err = { 0 };
		size_t len = cases[i].len ? cases[i].len : strlen(cases[i].text);
		int rc = mp_list_parse(cases[i].text, len, "files.txt", &paths, &err);
		MP_AUTO(mp_freep) char *text = tree_lines(&paths);

		cr_expect_eq(rc, cases[i].paths ? 0 : -1, "case %zu", i);
		cr_expect_str_eq(text, cases[i].paths ? cases[i].paths : "", "case %zu: %s", i,
				 text);
		cr_expect_str_eq(err.msg, cases[i].message ? cases[i].message : "", "case %zu: %s",
				 i, err.msg);
		cr_expect_eq(err.code, cases[i].message ? MP_E_FORMAT : MP_E_NONE);
	}
}
