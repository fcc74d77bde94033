/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/plan_file.h"
#include "packer/explain.h"
#include "packer/plan.h"
#include "tests/packer/tree.h"

#include <errno.h>

#define HEADER "#micropack-plan\t1\n"

static void make_image(struct tree *tree)
{
	tree_make(tree);
	tree_file(tree, "/usr/bin/app", "program", 0755);
	tree_file(tree, "/usr/share/doc/x", "doc", 0644);
	tree_file(tree, "/etc/a\tb\\c\xff", "odd", 0600);
	tree_file(tree, "/etc/looked-at", "contents", 0640);
	tree_link(tree, "/bin", "usr/bin");
	tree_link(tree, "/etc/link", "/usr/share/doc/x");
}

/* "path type reason because" of each entry, sorted; or the error. Owned by the caller. */
static char *built(struct tree *tree, const char *text)
{
	MP_AUTO(mp_plan_header_clear) struct mp_plan_header header = { 0 };
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = NULL;
	MP_AUTO(mp_freep) const struct mp_file **files = NULL;
	struct mp_buf out = { 0 };
	struct mp_error err = { 0 };

	if (mp_plan_from_file(tree->root, text, strlen(text), "plan.txt", &header, &set, &err)) {
		cr_expect_null(set);
		return mp_xasprintf("%d %s", (int)err.code, err.msg);
	}
	files = mp_fileset_sorted(set);
	for (size_t i = 0; i < mp_fileset_count(set); i++) {
		MP_AUTO(mp_freep) char *why = mp_why_text(&files[i]->why);

		mp_buf_addf(&out, "%s: %s\n", files[i]->path, why);
	}
	return mp_buf_steal(&out);
}

/* What a trace with rules gives is written, and read, as the same. */
Test(plan_file, round_trip)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_plan_notes_clear) struct mp_plan_notes notes = { 0 };
	MP_AUTO(mp_plan_header_clear) struct mp_plan_header header = { 0 };
	MP_AUTO(mp_plan_header_clear) struct mp_plan_header read = { 0 };
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf again = { 0 };
	struct mp_trace_event events[] = {
		{ .op = MP_OP_EXEC, .path = "/bin/app" },
		{ .op = MP_OP_OPEN, .path = "/etc/a\tb\\c\xff" },
		{ .op = MP_OP_STAT, .path = "/etc/looked-at" },
		{ .op = MP_OP_OPEN, .path = "/etc/link" },
	};
	const struct mp_trace trace = { .events = events, .n_events = MP_ARRAY_LEN(events) };
	const struct mp_rules rules = { .stat_only = MP_STAT_ONLY_EMPTY };
	const struct mp_node made = { .mode = S_IFREG | 0640, .uid = 7, .gid = 8, .mtime_s = -5 };
	struct mp_error err;

	make_image(&tree);
	mp_fileset_freep(&tree.set);
	cr_assert_eq(mp_plan(tree.root,
			     &(struct mp_plan_request){ .trace = &trace, .rules = &rules },
			     &tree.set, &notes, &err),
		     0, "%s", err.msg);
	mp_fileset_add_made(tree.set, "/etc/made", &made, "a\0b\\\n", 5,
			    MP_WHY(MP_REASON_PACKAGE, .detail = "app"));
	header.image_id = mp_xstrdup("sha256:1234");
	mp_strv_push(&header.options, "--drop /x\ty");
	cr_assert_eq(mp_plan_file_write(tree.root, tree.set, &header, -1, "plan", &text, &err), 0);
	cr_expect_str_eq(text.data,
			 "#micropack-plan\t1\tsha256:1234\t--drop /x\\x09y\n"
			 "/\tdir\t0\tmount-point\n"
			 "/bin\tsymlink\t0\tsymlink\t/bin/app\t\tusr/bin\n"
			 "/dev\tmade-dir\t0\tmount-point\t\t\t0755 0 0 0.000000000\n"
			 "/etc\tdir\t0\tparent\t/etc/a\\x09b\\\\c\\xff\n"
			 "/etc/a\\x09b\\\\c\\xff\tfile\t3\ttraced\n"
			 "/etc/link\tsymlink\t0\ttraced\t\t\t/usr/share/doc/x\n"
			 "/etc/looked-at\tempty-file\t0\ttraced\n"
			 "/etc/made\tmade-file\t5\tpackage\t\tapp\t0640 7 8 -5.000000000\t"
			 "a\\x00b\\\\\\x0a\n"
			 "/proc\tmade-dir\t0\tmount-point\t\t\t0755 0 0 0.000000000\n"
			 "/sys\tmade-dir\t0\tmount-point\t\t\t0755 0 0 0.000000000\n"
			 "/tmp\tmade-dir\t0\tmount-point\t\t\t1777 0 0 0.000000000\n"
			 "/usr\tdir\t0\tparent\t/usr/bin/app\n"
			 "/usr/bin\tdir\t0\tparent\t/usr/bin/app\n"
			 "/usr/bin/app\tfile\t7\ttraced\n"
			 "/usr/share\tdir\t0\tparent\t/usr/share/doc/x\n"
			 "/usr/share/doc\tdir\t0\tparent\t/usr/share/doc/x\n"
			 "/usr/share/doc/x\tfile\t3\ttarget\t/etc/link\n",
			 "%s", text.data);
	cr_assert_eq(mp_plan_from_file(tree.root, text.data, text.len, "plan", &read, &set, &err),
		     0, "%s", err.msg);
	cr_expect_str_eq(read.image_id, "sha256:1234");
	cr_expect_str_eq(read.options.v[0], "--drop /x\ty");
	cr_assert_eq(mp_fileset_find(set, "/etc/made")->made->len, 5);
	cr_expect_eq(memcmp(mp_fileset_find(set, "/etc/made")->made->data, "a\0b\\\n", 5), 0);
	cr_assert_eq(mp_plan_file_write(tree.root, set, &read, -1, "plan", &again, &err), 0);
	cr_expect_str_eq(again.data, text.data, "%s", again.data);
}

/* What a person made of it: just that, with what leads there. */
Test(plan_file, edited)
{
	static const struct {
		const char *text, *set;
	} cases[] = {
		{ HEADER "/bin/app\n",
		  "/: parent of /bin/app\n/bin: symlink on the way to /bin/app\n"
		  "/usr: parent of /bin/app\n/usr/bin: parent of /bin/app\n"
		  "/usr/bin/app: listed\n" },
		/* A symlink comes without what it leads to. */
		{ HEADER "# comment\n\n/etc/link\tsymlink\t0\ttraced\r\n",
		  "/: parent of /etc/link\n/etc: parent of /etc/link\n/etc/link: traced\n" },
		{ HEADER "/etc\tfile\t12\tneeded\t/bin/x\tlibx.so\n",
		  "/: parent of /etc\n/etc: needed by /bin/x (libx.so)\n" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(tree_clear) struct tree tree;

		make_image(&tree);
		MP_AUTO(mp_freep) char *set = built(&tree, cases[i].text);
		cr_expect_str_eq(set, cases[i].set, "case %zu:\n%s", i, set);
	}
}

#define NAME_OF_64 "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
#define NAME_OF_256 NAME_OF_64 NAME_OF_64 NAME_OF_64 NAME_OF_64

Test(plan_file, refused)
{
	static const struct {
		const char *text, *message;
		enum mp_code code;
	} cases[] = {
		{ "", "plan.txt:1: not a plan: it is empty", MP_E_FORMAT },
		{ "/bin/app\n",
		  "plan.txt:1: not a plan: it begins with '#micropack-plan', a tab, and the "
		  "version",
		  MP_E_FORMAT },
		{ "#micropack-plan\t2\n", "plan.txt:1: a plan of another version; this one reads 1",
		  MP_E_FORMAT },
		{ "#micropack-plan\tx\n", "plan.txt:1: no version in column 2", MP_E_FORMAT },
		{ HEADER "/bin", "plan.txt:2: cut short: the line does not end", MP_E_FORMAT },
		{ HEADER "bin\n", "plan.txt:2: a line begins with an absolute path", MP_E_FORMAT },
		{ HEADER "/a/../b\n", "plan.txt:2: a path of a plan has no '..'", MP_E_FORMAT },
		{ HEADER "\n/a\\q\n", "plan.txt:3: malformed escape; a backslash is written '\\\\'",
		  MP_E_FORMAT },
		{ HEADER "/a\tdirectory\n", "plan.txt:2: unknown type in column 2", MP_E_FORMAT },
		{ HEADER "/\tmade-file\t0\ttraced\t\t\t0644 0 0 0.000000000\n",
		  "plan.txt:2: '/' cannot be made: no Linux system has such a path", MP_E_FORMAT },
		{ HEADER "/" NAME_OF_256 "\tmade-dir\t0\ttraced\t\t\t0755 0 0 0.000000000\n",
		  "plan.txt:2: '/" NAME_OF_256 "' cannot be made: no Linux system has such a path",
		  MP_E_FORMAT },
		{ HEADER "/a\tdir\t-1\n", "plan.txt:2: no size in column 3", MP_E_FORMAT },
		{ HEADER "/a\tdir\t99999999999999999999\n", "plan.txt:2: no size in column 3",
		  MP_E_FORMAT },
		{ HEADER "/a\tdir\t0\twhim\n", "plan.txt:2: unknown reason in column 4",
		  MP_E_FORMAT },
		{ HEADER "/a\tmade-dir\t0\ttraced\n",
		  "plan.txt:2: column 7 of what is made is 'MODE UID GID SECONDS.NANOSECONDS'",
		  MP_E_FORMAT },
		{ HEADER "/a\tmade-dir\t0\ttraced\t\t\t17777 0 0 0.000000000\n",
		  "plan.txt:2: column 7 of what is made is 'MODE UID GID SECONDS.NANOSECONDS'",
		  MP_E_FORMAT },
		{ HEADER "/a\tfile\t0\ttraced\t\t\t\t\t\n", "plan.txt:2: too many columns",
		  MP_E_FORMAT },
		{ HEADER, "'plan.txt' is empty: no path to pack", MP_E_INCOMPLETE },
		{ HEADER "/none\n",
		  "plan.txt:2: '/none' is not in the image; a plan is for the image that it was "
		  "made from; delete the line, or plan anew",
		  MP_E_NOTFOUND },
		{ HEADER "/usr/bin/app/x\n",
		  "plan.txt:2: '/usr/bin/app/x' is not in the image; a plan is for the image that "
		  "it was made from; delete the line, or plan anew",
		  MP_E_NOTFOUND },
		{ HEADER "/proc/cpuinfo\n",
		  "plan.txt:2: '/proc/cpuinfo': what is in /proc and /sys is never packed",
		  MP_E_NOTFOUND },
	};
	MP_AUTO(tree_clear) struct tree tree;

	make_image(&tree);
	tree_file(&tree, "/proc/cpuinfo", "the host's", 0444);
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep) char *got = built(&tree, cases[i].text);
		MP_AUTO(mp_freep)
		char *want = mp_xasprintf("%d %s", (int)cases[i].code, cases[i].message);

		cr_expect_str_eq(got, want, "case %zu: %s", i, got);
	}
}

/* "VERDICT ABOUT[: TEXT]", then a line for each step. Owned by the caller. */
static char *explained(const char *plan, const struct mp_evidence *evidence, const char *path)
{
	const struct mp_plan_text text = { plan, strlen(plan), "plan" };
	MP_AUTO(mp_plan_index_freep) struct mp_plan_index *index = NULL;
	MP_AUTO(mp_explanation_clear) struct mp_explanation explanation = { 0 };
	struct mp_buf out = { 0 };
	struct mp_error err;

	cr_assert_eq(mp_plan_index_new(&text, &index, &err), 0, "%s", err.msg);
	cr_assert_eq(mp_explain(index, evidence, path, &explanation, &err), 0, "%s", err.msg);
	mp_buf_addf(&out, "%s %s", mp_verdict_word(explanation.verdict), explanation.path);
	cr_expect_eq(explanation.text == NULL, explanation.verdict == MP_VERDICT_KEPT);
	for (size_t i = 0; i < explanation.n_steps; i++) {
		const struct mp_plan_line *line = explanation.steps[i].line;
		const char *trace = explanation.steps[i].trace;
		MP_AUTO(mp_freep) char *why = mp_why_text(&line->why);

		mp_buf_addf(&out, "\n%s: %s%s%s", line->path, why, trace ? ": " : "",
			    trace ? trace : "");
	}
	return mp_buf_steal(&out);
}

#define PLAN                                                                                       \
	HEADER "/\tdir\t0\tmount-point\n"                                                          \
	       "/bin\tsymlink\t0\tsymlink\t/bin/app\t\tusr/bin\n"                                  \
	       "/loop\tsymlink\t0\ttraced\t\t\tloop\n"                                             \
	       "/usr\tdir\t0\tparent\t/usr/bin/app\n"                                              \
	       "/usr/bin\tdir\t0\tparent\t/usr/bin/app\n"                                          \
	       "/usr/bin/app\tfile\t7\ttraced\n"                                                   \
	       "/usr/lib\tdir\t0\tparent\t/usr/lib/libz.so.1\n"                                    \
	       "/usr/lib/libz.so.1\tsymlink\t0\tneeded\t/bin/app\tlibz.so.1\tlibz.so.1.2\n"        \
	       "/usr/lib/libz.so.1.2\tfile\t7\ttarget\t/usr/lib/libz.so.1\n"                       \
	       "/usr/lib/x\tfile\t7\tneeded\t/usr/lib/y\n"                                         \
	       "/usr/lib/y\tfile\t7\tneeded\t/usr/lib/x\n"

/* The whole way back, through symlinks, and round no circle twice. */
Test(plan_file, why_in)
{
	static const struct {
		const char *path, *answer;
	} cases[] = {
		{ "/usr/lib/libz.so.1.2", "kept /usr/lib/libz.so.1.2\n"
					  "/usr/lib/libz.so.1.2: target of /usr/lib/libz.so.1\n"
					  "/usr/lib/libz.so.1: needed by /bin/app (libz.so.1)\n"
					  "/usr/bin/app: traced: exec" },
		{ "//bin/.././lib",
		  "kept /usr/lib\n/bin: symlink on the way to /bin/app\n"
		  "/usr/bin/app: traced: exec\n/usr/lib: parent of /usr/lib/libz.so.1\n"
		  "/usr/lib/libz.so.1: needed by /bin/app (libz.so.1)" },
		{ "/usr/lib/x", "kept /usr/lib/x\n/usr/lib/x: needed by /usr/lib/y\n"
				"/usr/lib/y: needed by /usr/lib/x" },
		{ "/", "kept /\n/: mount point" },
		{ "/loop", "kept /loop\n/loop: traced" },
		{ "/bin/none", "unused /usr/bin/none\n/bin: symlink on the way to /bin/app\n"
			       "/usr/bin/app: traced: exec" },
	};
	struct mp_trace_event events[] = {
		{ .op = MP_OP_EXEC, .path = "/bin/app", .real = "/usr/bin/app" },
	};
	const struct mp_trace trace = { .events = events, .n_events = MP_ARRAY_LEN(events) };
	const struct mp_evidence evidence = { .trace = &trace };

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep) char *answer = explained(PLAN, &evidence, cases[i].path);

		cr_expect_str_eq(answer, cases[i].answer, "%s:\n%s", cases[i].path, answer);
	}
}

Test(plan_file, why_not)
{
	static const struct {
		const char *path;
		const char *with_image, *without;
	} cases[] = {
		{ "/etc/looked-at", "stat-only", "stat-only" },
		{ "/etc/link", "unused", "unused" },
		{ "/usr/share/doc/x", "dropped", "dropped" },
		{ "/etc/hosts", "never", "never" },
		{ "/proc/1/x", "never", "never" },
		{ "/data/file", "mounted", "mounted" },
		{ "/run/made", "created", "created" },
		{ "/etc/missing", "sought", "sought" },
		{ "/nothing", "absent", "unused" },
		{ "/etc/read", "removed", "unknown" },
	};
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_rules_free) struct mp_rules rules = { .stat_only = MP_STAT_ONLY_DROP };
	MP_AUTO(mp_drops_freep) struct mp_drops *drops = NULL;
	struct mp_trace_event events[] = {
		{ .op = MP_OP_STAT, .path = "/etc/looked-at" },
		{ .op = MP_OP_OPEN, .path = "/etc/read" },
		{ .op = MP_OP_OPEN, .path = "/data/file", .flags = MP_TRACE_MOUNTED },
		{ .op = MP_OP_OPEN, .path = "/run/made", .flags = MP_TRACE_CREATED },
		{ .op = MP_OP_OPEN, .path = "/etc/missing", .error = ENOENT },
	};
	const struct mp_trace trace = { .events = events, .n_events = MP_ARRAY_LEN(events) };
	struct mp_evidence evidence = { .trace = &trace, .rules = &rules };
	struct mp_error err;

	make_image(&tree);
	tree_file(&tree, "/data/file", "shadowed", 0644);
	tree_file(&tree, "/etc/hosts", "the builder's", 0644);
	tree_file(&tree, "/etc/read", "read", 0644);
	cr_assert_eq(mp_rule_list_add(&rules.drop, "--drop", "/usr/**/doc", &err), 0);
	cr_assert_eq(mp_drops_new(&rules, tree.resolver, &drops, &err), 0);
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep) char *without = NULL;
		MP_AUTO(mp_freep) char *with = NULL;

		evidence.image = NULL;
		evidence.drops = NULL;
		without = explained(HEADER "/\tdir\t0\tparent\n", &evidence, cases[i].path);
		evidence.image = tree.resolver;
		evidence.drops = drops;
		with = explained(HEADER "/\tdir\t0\tparent\n", &evidence, cases[i].path);
		without[strcspn(without, " ")] = '\0';
		with[strcspn(with, " ")] = '\0';
		cr_expect_str_eq(with, cases[i].with_image, "%s: %s", cases[i].path, with);
		cr_expect_str_eq(without, cases[i].without, "%s: %s", cases[i].path, without);
	}
}
