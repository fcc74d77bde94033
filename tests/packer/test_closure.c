/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/log.h"
#include "packer/closure.h"
#include "packer/shebang.h"
#include "tests/packer/tree.h"

#include <dirent.h>
#include <elf.h>
#include <time.h>

static const struct mp_closure_env no_env = { .working_dir = "/" };

/* The reference: what this machine's loader says. */

struct reference {
	struct mp_rootfs *root;
	char *interpreter;
	struct mp_elf host;
	size_t compared;
	size_t libraries;
};

/* Real paths of what "LOADER --list FILE" prints; none where it prints an error. */
static void list_by_loader(const struct reference *reference, const char *file,
			   struct mp_strv *paths)
{
	MP_AUTO(mp_freep)
	char *command =
		mp_xasprintf("env -i %s --list '%s' 2>/dev/null", reference->interpreter, file);
	FILE *out = popen(command, "r");
	char line[8192], path[4096], real[PATH_MAX];

	while (fgets(line, sizeof(line), out)) {
		const char *arrow = strstr(line, " => ");

		if (sscanf(arrow ? arrow + 4 : line, " %4095s", path) == 1 && path[0] == '/' &&
		    realpath(path, real) && mp_strv_find(paths, real) < 0)
			mp_strv_push(paths, real);
	}
	pclose(out);
	mp_strv_sort(paths);
}

/* Whether it is loaded at the start, and not later, as a note or the C library says. */
static bool is_loaded_at_start(const struct mp_fileset *set, const struct mp_file *file)
{
	while (file->why.reason == MP_REASON_NEEDED || file->why.reason == MP_REASON_TARGET)
		file = mp_fileset_find(set, file->why.because);
	return file->why.reason != MP_REASON_LIBC && file->why.reason != MP_REASON_DLOPEN;
}

/* ELF files in @set but for the program itself, and but for other CPUs' variants. */
static void list_kept(const struct mp_fileset *set, const char *program, struct mp_strv *paths)
{
	for (size_t i = 0; i < mp_fileset_count(set); i++) {
		const struct mp_file *file = mp_fileset_at(set, i);

		if (S_ISREG(file->node.mode) && strcmp(file->path, program) != 0 &&
		    is_loaded_at_start(set, file) && strcmp(file->path, "/etc/ld.so.cache") != 0 &&
		    !strstr(file->path, "/glibc-hwcaps/"))
			mp_strv_push(paths, file->path);
	}
	mp_strv_sort(paths);
}

static bool is_program_of_host(const struct reference *reference, const char *path)
{
	MP_AUTO(mp_elf_clear) struct mp_elf elf = { 0 };
	MP_AUTO(mp_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && mp_elf_read(&MP_CONTENTS_OF(fd), path, &elf, NULL) == 1 &&
	       elf.interpreter && strcmp(elf.interpreter, reference->interpreter) == 0;
}

static void compare(struct reference *reference, const char *path)
{
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = mp_fileset_new();
	MP_AUTO(mp_resolver_freep)
	struct mp_resolver *resolver = mp_resolver_new(reference->root, set);
	MP_AUTO(mp_strv_free) struct mp_strv expected = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv kept = { 0 };
	struct tree view = { .set = set, .resolver = resolver };
	struct mp_missing missing = { 0 };

	list_by_loader(reference, path, &expected);
	tree_close_over(&view, path, &no_env, &missing);
	list_kept(set, path, &kept);
	MP_AUTO(mp_freep) char *want = tree_lines(&expected);
	MP_AUTO(mp_freep) char *got = tree_lines(&kept);
	cr_expect_str_eq(got, want, "%s:\nkept:\n%sthe loader says:\n%s", path, got, want);
	reference->compared++;
	reference->libraries += expected.n;
	mp_missing_free(&missing);
}

/* For every dynamic program in /usr/bin: exactly the files that this machine's loader lists. */
Test(closure, agrees_with_the_loader_of_this_machine, .timeout = 300)
{
	struct reference reference = { .interpreter = tree_host_interpreter() };
	DIR *dir = opendir("/usr/bin");
	const struct dirent *entry;
	struct mp_error err;

	cr_assert_eq(mp_rootfs_open_directory("/", &reference.root, &err), 0, "%s", err.msg);
	while ((entry = readdir(dir)) && reference.compared < 300) {
		char path[512], real[PATH_MAX];

		snprintf(path, sizeof(path), "/usr/bin/%s", entry->d_name);
		if (realpath(path, real) && is_program_of_host(&reference, real))
			compare(&reference, real);
	}
	closedir(dir);
	cr_log_info("%zu programs, %zu libraries", reference.compared, reference.libraries);
	cr_expect_geq(reference.compared, 20, "only %zu programs to compare", reference.compared);
	mp_rootfs_freep(&reference.root);
	mp_freep(&reference.interpreter);
}

Test(closure, shebang_lines)
{
	static const struct {
		const char *line;
		const char *interpreter, *argument, *command, *search_path;
	} cases[] = {
		{ "#!/bin/sh\n", "/bin/sh", NULL, NULL, NULL },
		{ "#!/bin/sh", "/bin/sh", NULL, NULL, NULL },
		{ "#! \t /bin/sh \t -e  x \t\n", "/bin/sh", "-e  x", NULL, NULL },
		{ "#!/bin/sh\r\n", "/bin/sh\r", NULL, NULL, NULL },
		{ "#!sh\n", "sh", NULL, NULL, NULL },
		{ "#!/usr/bin/env python3\n", "/usr/bin/env", "python3", "python3", NULL },
		{ "#!/usr/bin/env -S python3 -u\n", "/usr/bin/env", "-S python3 -u", "python3",
		  NULL },
		{ "#!/usr/bin/env -vS A=1 'B=x y' PATH=/p perl -w\n", "/usr/bin/env",
		  "-vS A=1 'B=x y' PATH=/p perl -w", "perl", "/p" },
		{ "#!/bin/env --split-string=-i -u HOME ruby\n", "/bin/env",
		  "--split-string=-i -u HOME ruby", "ruby", NULL },
		{ "#!/bin/env -S -- node\n", "/bin/env", "-S -- node", "node", NULL },
		{ "#!/bin/env -i\n", "/bin/env", "-i", NULL, NULL },
		{ "#!/bin/env\n", "/bin/env", NULL, NULL, NULL },
		{ "#!/bin/env -S 'open\n", "/bin/env", "-S 'open", NULL, NULL },
		{ "#!\n", NULL, NULL, NULL, NULL },
		{ "#!  \t\n", NULL, NULL, NULL, NULL },
		{ "#!", NULL, NULL, NULL, NULL },
		{ "#", NULL, NULL, NULL, NULL },
		{ "", NULL, NULL, NULL, NULL },
		{ " #!/bin/sh\n", NULL, NULL, NULL, NULL },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_shebang_clear) struct mp_shebang got = { 0 };
		bool script = mp_shebang_parse(cases[i].line, strlen(cases[i].line), &got);
		const char *const pairs[][2] = {
			{ got.interpreter, cases[i].interpreter },
			{ got.argument, cases[i].argument },
			{ got.command, cases[i].command },
			{ got.search_path, cases[i].search_path },
		};

		cr_expect_eq(script, cases[i].interpreter != NULL, "%s", cases[i].line);
		for (size_t j = 0; j < MP_ARRAY_LEN(pairs); j++)
			cr_expect_str_eq(pairs[j][0] ? pairs[j][0] : "(none)",
					 pairs[j][1] ? pairs[j][1] : "(none)", "%s: %zu: %s",
					 cases[i].line, j, pairs[j][0]);
	}
}

/* The kernel reads 256 bytes: a longer name is none, a longer argument is cut. */
Test(closure, long_shebang_lines)
{
	MP_AUTO(mp_shebang_clear) struct mp_shebang got = { 0 };
	char line[MP_SHEBANG_MAX];

	memset(line, 'a', sizeof(line));
	memcpy(line, "#!/bin/", 7);
	cr_expect_not(mp_shebang_parse(line, sizeof(line), &got));
	line[9] = ' ';
	cr_expect(mp_shebang_parse(line, sizeof(line), &got));
	cr_expect_str_eq(got.interpreter, "/bin/aa");
	cr_expect_eq(strlen(got.argument), sizeof(line) - 1 - 10);
}

static void make_scripts(struct tree *tree)
{
	tree_make(tree);
	tree_file(tree, "/usr/bin/tool", "#!/usr/bin/env -S runner --fast\n", 0755);
	tree_link(tree, "/usr/bin/env", "/opt/coreutils/env");
	tree_file(tree, "/opt/coreutils/env", "program", 0755);
	tree_file(tree, "/opt/not-executable/runner", "program", 0644);
	tree_file(tree, "/opt/bin/runner", "#!/lib/vm\n", 0755);
	tree_link(tree, "/lib", "usr/lib");
	tree_file(tree, "/usr/lib/vm", "program", 0755);
}

/* Interpreters of interpreters, through symlinks and PATH. */
Test(closure, scripts)
{
	const struct mp_closure_env env = {
		.search_path = "/opt/not-executable:/none:/opt/bin:/usr/bin",
		.working_dir = "/",
	};
	MP_AUTO(tree_clear) struct tree tree;
	struct mp_missing missing = { 0 };

	make_scripts(&tree);
	tree_close_over(&tree, "/usr/bin/tool", &env, &missing);
	MP_AUTO(mp_freep) char *kept = tree_set_text(tree.set);
	cr_expect_str_eq(kept,
			 "/: parent of /usr/bin/tool\n"
			 "/usr: parent of /usr/bin/tool\n"
			 "/usr/bin: parent of /usr/bin/tool\n"
			 "/usr/bin/tool: traced\n"
			 "/usr/bin/env: shebang interpreter of /usr/bin/tool\n"
			 "/opt: parent of /opt/coreutils/env\n"
			 "/opt/coreutils: parent of /opt/coreutils/env\n"
			 "/opt/coreutils/env: target of /usr/bin/env\n"
			 "/opt/bin: parent of /opt/bin/runner\n"
			 "/opt/bin/runner: shebang interpreter of /usr/bin/tool\n"
			 "/lib: symlink on the way to /lib/vm\n"
			 "/usr/lib: parent of /usr/lib/vm\n"
			 "/usr/lib/vm: shebang interpreter of /opt/bin/runner\n",
			 "%s", kept);
	cr_expect_eq(missing.texts.n, 0);
	mp_missing_free(&missing);
}

Test(closure, missing_interpreters)
{
	MP_AUTO(tree_clear) struct tree tree;
	struct mp_missing missing = { 0 };

	make_scripts(&tree);
	tree_file(&tree, "/srv/a", "#!/usr/bin/perl\n", 0755);
	tree_file(&tree, "/srv/data", "#!/usr/bin/perl-of-data\n", 0644);
	tree_elf(&tree, "/srv/b", NULL, "-pie -Wl,--dynamic-linker,/none/ld.so");
	tree_close_over(&tree, "/usr/bin/tool", &no_env, &missing);
	tree_close_over(&tree, "/srv/a", &no_env, &missing);
	tree_close_over(&tree, "/srv/data", &no_env, &missing);
	tree_close_over(&tree, "/srv/b", &no_env, &missing);
	MP_AUTO(mp_strv_free) struct mp_strv once = { 0 };
	for (size_t i = 0; i < missing.texts.n; i++) {
		if (mp_strv_find(&once, missing.texts.v[i]) < 0)
			mp_strv_push(&once, missing.texts.v[i]);
	}
	MP_AUTO(mp_freep) char *text = tree_lines(&once);
	cr_expect_str_eq(text,
			 "runner needed by /usr/bin/tool (searched: /usr/local/sbin, "
			 "/usr/local/bin, /usr/sbin, /usr/bin, /sbin, /bin)\n"
			 "/usr/bin/perl needed by /srv/a\n"
			 "/none/ld.so needed by /srv/b\n",
			 "%s", text);
	mp_missing_free(&missing);
}

/* A plugin, by itself, needs a library that its program has in a place of its own. */
Test(closure, what_is_kept_anyway_is_not_missing)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_freep) char *interpreter = tree_host_interpreter();
	MP_AUTO(mp_freep)
	char *flags = mp_xasprintf("-pie -Wl,--dynamic-linker,'%s' "
				   "-Wl,--enable-new-dtags,-rpath,/opt/app/lib",
				   interpreter);
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	struct mp_missing missing = { 0 };
	struct mp_error err;

	tree_make(&tree);
	tree_loader(&tree);
	tree_elf(&tree, "/opt/app/run", "libown.so.1", flags);
	tree_library(&tree, "/opt/app/lib/libown.so.1", NULL, NULL);
	tree_library(&tree, "/opt/app/plugin.so", "libown.so.1 libgone.so.1", NULL);
	cr_assert_eq(mp_resolve(tree.resolver, "/opt/app/plugin.so", 0, &res, &err), 0);
	mp_resolution_keep(&res, tree.set, MP_WHY(MP_REASON_TRACED));
	tree_close_over(&tree, "/opt/app/run", &no_env, &missing);
	cr_assert_eq(missing.names.n, 1);
	cr_expect_str_eq(missing.names.v[0], "libgone.so.1");
	mp_missing_free(&missing);
}

static void note_warning(enum mp_log_level level, const char *message, void *context)
{
	if (level == MP_LOG_WARNING)
		mp_strv_push(context, message);
}

Test(closure, malformed_files_are_kept_as_they_are)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_strv_free) struct mp_strv warnings = { 0 };
	struct mp_missing missing = { 0 };

	tree_make(&tree);
	tree_bytes(&tree, "/bad", ELFMAG "\2\1\1", 7, 0755);
	tree_file(&tree, "/empty", "", 0755);
	tree_file(&tree, "/text", "a", 0755);
	mp_log_set_sink(note_warning, &warnings);
	tree_close_over(&tree, "/bad", &no_env, &missing);
	tree_close_over(&tree, "/empty", &no_env, &missing);
	tree_close_over(&tree, "/text", &no_env, &missing);
	mp_log_set_sink(NULL, NULL);
	cr_expect_eq(mp_fileset_count(tree.set), 4);
	cr_assert_geq(warnings.n, 1);
	cr_expect_str_eq(warnings.v[0],
			 "'/bad' is a malformed ELF file: the file header at offset 0 "
			 "(16 bytes) is outside of the file; kept as it is");
	mp_missing_free(&missing);
}
