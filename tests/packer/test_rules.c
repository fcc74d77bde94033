/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/rules.h"
#include "core/clock.h"
#include "tests/packer/tree.h"

/* Whether @path is what @text says, or in a directory that is. */
static bool covers(const char *text, const char *path)
{
	MP_AUTO(mp_patterns_free) struct mp_patterns patterns = { 0 };
	struct mp_error err;

	cr_assert_eq(mp_pattern_parse(text, &patterns, &err), 0, "%s", err.msg);
	for (size_t i = 0; i < patterns.n; i++) {
		if (mp_pattern_covers(&patterns.v[i], patterns.v[i].prefix, path))
			return true;
	}
	return false;
}

Test(rules, patterns)
{
	static const struct {
		const char *pattern, *path;
		bool covered;
	} cases[] = {
		{ "/a", "/a", true },
		{ "/a", "/a/b/c", true },
		{ "/a", "/ab", false },
		{ "//a/./b/", "/a/b", true },
		{ "/", "/x", true },
		{ "/*", "/x", true },
		{ "/a/*", "/a", false },
		{ "/a/*", "/a/.hidden", true },
		{ "/a/*", "/a/b/c", true }, /* in /a/b */
		{ "/a/*.so", "/a/b/c.so", false },
		{ "/a/*.so/x", "/a/b.so/x", true },
		{ "/a/*.so/x", "/a/b.so/y", false },
		{ "/a/**.so", "/a/b/c.so", true },
		{ "/a/**.so", "/a/.so", true },
		{ "/a/**", "/a/b", true },
		{ "/a/**", "/a", false },
		{ "/**", "/a", true },
		{ "/**/doc", "/doc", true },
		{ "/**/doc", "/usr/share/doc", true },
		{ "/**/doc", "/usr/share/adoc", false },
		{ "/a/**/b/**/c", "/a/b/c", true },
		{ "/a/**/b/**/c", "/a/x/b/y/z/c", true },
		{ "/a/**/b/**/c", "/a/x/y/z/c", false },
		{ "/a**z", "/a/b/z", true },
		{ "/a?c", "/abc", true },
		{ "/a?c", "/a/c", false },
		{ "/a?c", "/ac", false },
		{ "/[a-c]x", "/bx", true },
		{ "/[a-c]x", "/dx", false },
		{ "/[!a-c]x", "/dx", true },
		{ "/[^a-c]x", "/ax", false },
		{ "/[]a]x", "/]x", true },
		{ "/[a-]x", "/-x", true },
		{ "/a[!b]c", "/a/c", false },
		{ "/[\\x41-C]", "/B", true },
		{ "/{a,b}/c", "/b/c", true },
		{ "/{a,b}/c", "/c/c", false },
		{ "/x{,y}", "/x", true },
		{ "/x{a,b{c,d/e}}", "/xbd/e", true },
		{ "/{*.c,*.h}", "/x.h", true },
		{ "/[{]", "/{", true },
		{ "/\\{a,b\\}", "/{a,b}", true },
		{ "/a}", "/a}", true },
		{ "/\\*", "/*", true },
		{ "/\\*", "/x", false },
		{ "/caf\\xe9", "/caf\xe9", true },
		{ "/caf?", "/caf\xe9", true },
		{ "/a\\\\b*", "/a\\bc", true },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++)
		cr_expect_eq(covers(cases[i].pattern, cases[i].path), cases[i].covered, "'%s' '%s'",
			     cases[i].pattern, cases[i].path);
}

Test(rules, malformed_patterns)
{
	static const struct {
		const char *pattern, *message;
	} cases[] = {
		{ "", "'': a pattern begins with '/'" },
		{ "a/*", "'a/*': a pattern begins with '/'" },
		{ "/a/../b", "'/a/../b': a pattern has no '..'" },
		{ "/a/\\x2e./b", "'/a/\\x2e./b': a pattern has no '..', however it is written" },
		{ "/[a", "'/[a': malformed [...]; a bracket by itself is written '\\['" },
		{ "/[a/b]", "'/[a/b]': malformed [...]; a bracket by itself is written '\\['" },
		{ "/[]", "'/[]': malformed [...]; a bracket by itself is written '\\['" },
		{ "/[z-a]", "'/[z-a]': malformed [...]; a bracket by itself is written '\\['" },
		{ "/[[:alpha:]]",
		  "'/[[:alpha:]]': malformed [...]; a bracket by itself is written '\\['" },
		{ "/{a,b", "'/{a,b': '{' without '}'; a brace by itself is written '\\{'" },
		{ "/a\\n", "'/a\\n': malformed escape; a backslash is written '\\\\'" },
		{ "/*\\", "'/*\\': malformed escape; a backslash is written '\\\\'" },
		{ "/a\\x00", "'/a\\x00': malformed escape; a backslash is written '\\\\'" },
		{ "/{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}",
		  "'/{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}': "
		  "too many alternatives in braces" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_patterns patterns = { 0 };
		struct mp_error err = { 0 };

		cr_expect_eq(mp_pattern_parse(cases[i].pattern, &patterns, &err), -1, "'%s'",
			     cases[i].pattern);
		cr_expect_str_eq(err.msg, cases[i].message, "%s", err.msg);
		cr_expect_eq(err.code, MP_E_FORMAT);
		cr_expect_eq(patterns.n, 0);
	}
}

/* What takes others a time exponential in the number of stars. */
Test(rules, matching_is_bounded, .timeout = 20)
{
	MP_AUTO(mp_buf_free) struct mp_buf pattern = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf path = { 0 };
	int64_t start_ms = mp_clock_ms();

	mp_buf_addc(&pattern, '/');
	for (int i = 0; i < 1000; i++)
		mp_buf_adds(&pattern, "**a*");
	mp_buf_adds(&pattern, "b");
	mp_buf_addc(&path, '/');
	for (int i = 0; i < 4000; i++)
		mp_buf_addc(&path, 'a');
	cr_expect(!covers(pattern.data, path.data));
	cr_expect_lt(mp_clock_ms() - start_ms, 5000);
}

static void make_image(struct tree *tree)
{
	tree_make(tree);
	tree_file(tree, "/usr/share/zoneinfo/UTC", "utc", 0644);
	tree_file(tree, "/usr/share/zoneinfo/Europe/Oslo", "oslo", 0644);
	tree_link(tree, "/usr/share/zoneinfo/posix", "Europe");
	tree_file(tree, "/usr/share/doc/x/copyright", "c", 0644);
	tree_file(tree, "/usr/lib/plugins/a.so", "a", 0644);
	tree_file(tree, "/usr/lib/plugins/b.so", "b", 0644);
	tree_file(tree, "/usr/lib/plugins/b.txt", "b", 0644);
	tree_link(tree, "/lib", "usr/lib");
	tree_file(tree, "/usr/bin/tool", "tool", 0755);
	tree_file(tree, "/usr/bin/dash", "dash", 0755);
	tree_link(tree, "/usr/bin/sh", "dash");
	tree_file(tree, "/usr/bin/ls", "ls", 0755);
	tree_link(tree, "/bin", "usr/bin");
	tree_link(tree, "/etc/localtime", "/usr/share/zoneinfo/UTC");
	tree_file(tree, "/proc/cpuinfo", "the host's", 0444);
}

/* What @rules keep, "path: reason" a line; or the error. */
static char *kept(struct tree *tree, const struct mp_rules *rules)
{
	static const struct mp_rules_env env = { .working_dir = "/" };
	struct mp_error err = { 0 };

	mp_resolver_hide_contents(tree->resolver, "/proc");
	if (mp_rules_keep(rules, &env, tree->resolver, tree->set, &err)) {
		cr_expect_eq(err.code, MP_E_NOTFOUND);
		return mp_xstrdup(err.msg);
	}
	return tree_set_text(tree->set);
}

Test(rules, keep)
{
	static const struct {
		const char *pattern, *kept;
	} cases[] = {
		{ "/usr/share/zoneinfo",
		  "/: parent of /usr/share/zoneinfo\n/usr: parent of /usr/share/zoneinfo\n"
		  "/usr/share: parent of /usr/share/zoneinfo\n"
		  "/usr/share/zoneinfo: RULE\n/usr/share/zoneinfo/Europe: RULE\n"
		  "/usr/share/zoneinfo/UTC: RULE\n/usr/share/zoneinfo/posix: RULE\n"
		  "/usr/share/zoneinfo/Europe/Oslo: RULE\n" },
		/* Through a symlink, which is needed too; the directory itself is no match. */
		{ "/lib/plugins/*.so",
		  "/: parent of /lib\n/lib: symlink on the way to /lib/plugins\n"
		  "/usr: parent of /usr/lib/plugins\n/usr/lib: parent of /usr/lib/plugins\n"
		  "/usr/lib/plugins: parent of /usr/lib/plugins/a.so\n"
		  "/usr/lib/plugins/a.so: RULE\n/usr/lib/plugins/b.so: RULE\n" },
		{ "/etc/loc*",
		  "/: parent of /etc\n/etc: parent of /etc/localtime\n/etc/localtime: RULE\n"
		  "/usr: parent of /usr/share/zoneinfo/UTC\n"
		  "/usr/share: parent of /usr/share/zoneinfo/UTC\n"
		  "/usr/share/zoneinfo: parent of /usr/share/zoneinfo/UTC\n"
		  "/usr/share/zoneinfo/UTC: target of /etc/localtime\n" },
		{ "/**/doc", "/: parent of /usr/share/doc\n/usr: parent of /usr/share/doc\n"
			     "/usr/share: parent of /usr/share/doc\n/usr/share/doc: RULE\n"
			     "/usr/share/doc/x: RULE\n/usr/share/doc/x/copyright: RULE\n" },
		{ "/usr/share/zonefino/x", "ERROR; there is no '/usr/share/zonefino', but "
					   "'/usr/share/zoneinfo'" },
		{ "/opt/nothing/like/it", "ERROR; there is no '/opt'" },
		{ "/usr/share/*.so", "ERROR; '/usr/share' is there; '*' does not stand for a '/', "
				     "'**' does" },
		{ "/proc/cpuinfo", "ERROR; what is in /proc and /sys is the kernel's, and never "
				   "packed" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(tree_clear) struct tree tree;
		MP_AUTO(mp_rules_free) struct mp_rules rules = { 0 };
		MP_AUTO(mp_buf_free) struct mp_buf want = { 0 };
		struct mp_error err;

		make_image(&tree);
		cr_assert_eq(mp_rule_list_add(&rules.keep, "--keep", cases[i].pattern, &err), 0);
		MP_AUTO(mp_freep) char *text = kept(&tree, &rules);
		for (const char *p = cases[i].kept; *p;) {
			if (strncmp(p, "RULE", 4) == 0) {
				mp_buf_addf(&want, "kept by rule (--keep %s)", cases[i].pattern);
				p += 4;
			} else if (strncmp(p, "ERROR", 5) == 0) {
				mp_buf_addf(&want, "--keep %s: nothing in the image matches",
					    cases[i].pattern);
				p += 5;
			} else {
				mp_buf_addc(&want, *p++);
			}
		}
		cr_expect_str_eq(text, want.data, "%s:\n%s", cases[i].pattern, text);
	}
}

Test(rules, programs)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_rules_free) struct mp_rules rules = { .shell = true };
	MP_AUTO(mp_freep) char *text = NULL;

	make_image(&tree);
	mp_strv_push(&rules.exes, "tool");
	text = kept(&tree, &rules);
	cr_expect_not_null(strstr(text, "/usr/bin/tool: kept by rule (--keep-exe tool)\n"), "%s",
			   text);
	cr_expect_not_null(strstr(text, "/usr/bin/sh: kept by rule (--keep-shell)\n"
					"/usr/bin/dash: target of /usr/bin/sh\n"
					"/usr/bin/ls: kept by rule (--keep-shell)\n"),
			   "%s", text);
	mp_freep(&text);
	mp_strv_push(&rules.exes, "none");
	text = kept(&tree, &rules);
	cr_expect_str_eq(text,
			 "--keep-exe none: the image has no such program; PATH there is "
			 "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			 "%s", text);
}

Test(rules, drops)
{
	static const char *const dropped[] = {
		"/usr/share/doc",
		"/usr/share/doc/x/copyright",
		"/usr/lib/plugins/a.so",
		"/etc/localtime",
	};
	static const char *const stay[] = {
		"/",
		"/proc",
		"/usr/share",
		"/usr/share/docs",
		"/usr/lib/plugins/b.txt",
		"/usr/share/zoneinfo/UTC",
	};
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_rules_free) struct mp_rules rules = { 0 };
	MP_AUTO(mp_drops_freep) struct mp_drops *drops = NULL;
	static const char text[] = "# docs\n/usr/share/doc\n\n/lib/**.so\r\n/etc/localtime";
	struct mp_error err = { 0 };

	make_image(&tree);
	cr_assert_eq(
		mp_rule_list_parse(&rules.drop, "--drop", text, sizeof(text) - 1, "drops", &err), 0,
		"%s", err.msg);
	cr_assert_eq(rules.drop.n, 3);
	cr_assert_eq(mp_drops_new(&rules, tree.resolver, &drops, &err), 0, "%s", err.msg);
	for (size_t i = 0; i < MP_ARRAY_LEN(dropped); i++)
		cr_expect_not_null(mp_drops_find(drops, dropped[i]), "%s", dropped[i]);
	for (size_t i = 0; i < MP_ARRAY_LEN(stay); i++)
		cr_expect_null(mp_drops_find(drops, stay[i]), "%s", stay[i]);
	cr_expect_str_eq(mp_drops_find(drops, "/usr/lib/plugins/b.so")->text, "--drop /lib/**.so");
}

Test(rules, drops_that_are_errors)
{
	static const struct {
		const char *pattern, *message;
		enum mp_code code;
	} cases[] = {
		{ "/usr/share/dok",
		  "--drop /usr/share/dok: nothing in the image matches; there is "
		  "no '/usr/share/dok', but '/usr/share/doc'",
		  MP_E_NOTFOUND },
		{ "/**/*.pyc",
		  "--drop /**/*.pyc: nothing in the image matches; '/' is there; '*' "
		  "does not stand for a '/', '**' does",
		  MP_E_NOTFOUND },
		{ "/proc", "--drop /proc: cannot be dropped; its contents can: --drop '/proc/*'",
		  MP_E_USAGE },
		{ "/", "--drop /: cannot be dropped; its contents can: --drop '/*'", MP_E_USAGE },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(tree_clear) struct tree tree;
		MP_AUTO(mp_rules_free) struct mp_rules rules = { 0 };
		struct mp_drops *drops = NULL;
		struct mp_error err = { 0 };

		make_image(&tree);
		cr_assert_eq(mp_rule_list_add(&rules.drop, "--drop", cases[i].pattern, &err), 0);
		cr_expect_eq(mp_drops_new(&rules, tree.resolver, &drops, &err), -1);
		cr_expect_str_eq(err.msg, cases[i].message, "%s", err.msg);
		cr_expect_eq(err.code, cases[i].code);
		cr_expect_null(drops);
	}
}

Test(rules, files_of_rules)
{
	MP_AUTO(mp_rules_free) struct mp_rules rules = { 0 };
	struct mp_error err = { 0 };

	cr_expect_eq(mp_rule_list_parse(&rules.keep, "--keep", "/a\n/b[\n", 7, "list", &err), -1);
	cr_expect_str_eq(err.msg,
			 "list:2: --keep: '/b[': malformed [...]; a bracket by itself is "
			 "written '\\['",
			 "%s", err.msg);
	cr_expect_eq(rules.keep.n, 0);
	cr_expect_eq(mp_rule_list_parse(&rules.keep, "--keep", "/a\0b\n", 5, "list", &err), -1);
	cr_expect_str_eq(err.msg, "list:1: a path cannot contain a NUL byte");
	cr_expect_eq(mp_rule_list_parse(&rules.keep, "--keep", "/a", 2, "list", &err), 0);
	cr_assert_eq(rules.keep.n, 1);
	cr_expect_str_eq(rules.keep.v[0].where, "list:1");
}
