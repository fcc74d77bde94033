/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/log.h"
#include "packer/abi.h"
#include "packer/ldcache.h"
#include "packer/loader.h"
#include "tests/packer/tree.h"

#include <sys/wait.h>

#define RPATH(dirs) "-Wl,--disable-new-dtags,-rpath,'" dirs "'"
#define RUNPATH(dirs) "-Wl,--enable-new-dtags,-rpath,'" dirs "'"

/* A rule, as a small root file system that needs it. */
struct file {
	const char
		*path; /* a program where it is below /bin, else a library; "a -> b": a symlink */
	const char *needed;
	const char *flags;
};

struct rule {
	const char *name;
	const char *library_path; /* LD_LIBRARY_PATH */
	const char *preload;      /* LD_PRELOAD */
	struct file files[8];
	const char *kept;    /* libraries, sorted, a line each */
	const char *missing; /* NULL: nothing is */
	bool ldconfig;       /* there is a cache */
	bool musl;           /* the interpreter is a musl one: no reference to compare with */
	const char *program; /* real path; NULL: /bin/app */
};

static const struct rule rules[] = {
	{ .name = "DT_RPATH",
	  .files = { { "/bin/app", "liba.so.1", RPATH("/opt/lib") },
		     { .path = "/opt/lib/liba.so.1" } },
	  .kept = "/opt/lib/liba.so.1\n" },
	{ .name = "DT_RUNPATH",
	  .files = { { "/bin/app", "liba.so.1", RUNPATH("/nowhere:/opt/lib") },
		     { .path = "/opt/lib/liba.so.1" } },
	  .kept = "/opt/lib/liba.so.1\n" },
	{ .name = "RPATH of a program serves its libraries",
	  .files = { { "/bin/app", "liba.so.1", RPATH("/opt/lib") },
		     { .path = "/opt/lib/liba.so.1", .needed = "libb.so.1" },
		     { .path = "/opt/lib/libb.so.1" } },
	  .kept = "/opt/lib/liba.so.1\n/opt/lib/libb.so.1\n" },
	{ .name = "RPATH of the whole chain, the nearest first",
	  .files = { { "/bin/app", "liba.so.1", RPATH("/opt/app") },
		     { "/opt/app/liba.so.1", "libb.so.1", RPATH("/opt/a") },
		     { .path = "/opt/a/libb.so.1", .needed = "libc1.so.1" },
		     { .path = "/opt/a/libc1.so.1" },
		     { .path = "/opt/app/libc1.so.1" },
		     { .path = "/opt/app/libb.so.1" } },
	  .kept = "/opt/a/libb.so.1\n/opt/a/libc1.so.1\n/opt/app/liba.so.1\n" },
	{ .name = "RPATH does not serve an object that has RUNPATH",
	  .files = { { "/bin/app", "liba.so.1", RPATH("/opt/lib") },
		     { "/opt/lib/liba.so.1", "libb.so.1", RUNPATH("/opt/other") },
		     { .path = "/opt/lib/libb.so.1" } },
	  .kept = "/opt/lib/liba.so.1\n",
	  .missing = "libb.so.1 needed by /opt/lib/liba.so.1 (searched: /opt/other, " },
	{ .name = "RUNPATH serves its own object alone",
	  .files = { { "/bin/app", "liba.so.1", RUNPATH("/opt/lib") },
		     { .path = "/opt/lib/liba.so.1", .needed = "libb.so.1" },
		     { .path = "/opt/lib/libb.so.1" } },
	  .kept = "/opt/lib/liba.so.1\n",
	  .missing = "libb.so.1 needed by /opt/lib/liba.so.1 (searched: " },
	{ .name = "LD_LIBRARY_PATH comes before RUNPATH",
	  .library_path = "/none:/opt/env",
	  .files = { { "/bin/app", "liba.so.1", RUNPATH("/opt/lib") },
		     { .path = "/opt/lib/liba.so.1" },
		     { .path = "/opt/env/liba.so.1" } },
	  .kept = "/opt/env/liba.so.1\n" },
	{ .name = "LD_LIBRARY_PATH comes after RPATH",
	  .library_path = "/opt/env",
	  .files = { { "/bin/app", "liba.so.1", RPATH("/opt/lib") },
		     { .path = "/opt/lib/liba.so.1" },
		     { .path = "/opt/env/liba.so.1" } },
	  .kept = "/opt/lib/liba.so.1\n" },
	{ .name = "semicolons and $ORIGIN in LD_LIBRARY_PATH",
	  .library_path = "/none;$ORIGIN/../opt/env",
	  .files = { { .path = "/bin/app", .needed = "liba.so.1" },
		     { .path = "/opt/env/liba.so.1" } },
	  .kept = "/opt/env/liba.so.1\n" },
	{ .name = "an empty directory is the current one",
	  .library_path = ":/none",
	  .files = { { .path = "/bin/app", .needed = "liba.so.1" }, { .path = "/liba.so.1" } },
	  .kept = "/liba.so.1\n" },
	{ .name = "$ORIGIN of a program is its real path's",
	  .program = "/opt/app/bin/app",
	  .files = { { "/opt/app/bin/app", "liba.so.1", RUNPATH("$ORIGIN/../lib") },
		     { .path = "/bin/app -> ../opt/app/bin/app" },
		     { .path = "/opt/app/lib/liba.so.1" },
		     { .path = "/lib/wrong/liba.so.1" } },
	  .kept = "/opt/app/lib/liba.so.1\n" },
	{ .name = "${ORIGIN} of a library, which was reached by a symlink",
	  .files = { { "/bin/app", "liba.so.1", RUNPATH("/opt/link") },
		     { .path = "/opt/link/liba.so.1 -> ../real/liba.so.1" },
		     { "/opt/real/liba.so.1", "libb.so.1", RUNPATH("${ORIGIN}/sub") },
		     { .path = "/opt/link/sub/libb.so.1" },
		     { .path = "/opt/real/sub/libb.so.1" } },
	  .kept = "/opt/link/sub/libb.so.1\n/opt/real/liba.so.1\n" },
	{ .name = "default directories",
	  .files = { { .path = "/bin/app", .needed = "liba.so.1 libb.so.1" },
		     { .path = "/lib/liba.so.1" },
		     { .path = "/usr/lib/libb.so.1" } },
	  .kept = "/lib/liba.so.1\n/usr/lib/libb.so.1\n" },
	{ .name = "DF_1_NODEFLIB",
	  .files = { { "/bin/app", "liba.so.1 libb.so.1",
		       RUNPATH("/opt/lib") " -Wl,-z,nodefaultlib" },
		     { .path = "/opt/lib/liba.so.1" },
		     { .path = "/lib/libb.so.1" } },
	  .kept = "/opt/lib/liba.so.1\n",
	  .missing = "libb.so.1 needed by /bin/app (searched: /opt/lib)" },
	{ .name = "DF_1_NODEFLIB, and the cache",
	  .ldconfig = true,
	  .files = { { "/bin/app", "liba.so.1 libb.so.1", "-Wl,-z,nodefaultlib" },
		     { .path = "/opt/conf/liba.so.1" },
		     { .path = "/lib/libb.so.1" } },
	  .kept = "/opt/conf/liba.so.1\n",
	  .missing = "libb.so.1 needed by /bin/app (searched: /etc/ld.so.cache)" },
	{ .name = "ld.so.cache comes after RUNPATH and before the default directories",
	  .ldconfig = true,
	  .files = { { "/bin/app", "liba.so.1 libb.so.1 libd.so.1", RUNPATH("/opt/lib") },
		     { .path = "/opt/lib/liba.so.1" },
		     { .path = "/opt/conf/liba.so.1" },
		     { .path = "/opt/conf/libb.so.1" },
		     { .path = "/lib/libb.so.1" },
		     { .path = "/usr/lib/libd.so.1" } },
	  .kept = "/opt/conf/libb.so.1\n/opt/lib/liba.so.1\n/usr/lib/libd.so.1\n" },
	{ .name = "a library is what was loaded under its name before",
	  .files = { { "/bin/app", "liba.so.1 libb.so.1", RUNPATH("/opt/lib") },
		     { .path = "/opt/lib/liba.so.1" },
		     { "/opt/lib/libb.so.1", "liba.so.1", RUNPATH("/opt/b") },
		     { .path = "/opt/b/liba.so.1" } },
	  .kept = "/opt/lib/liba.so.1\n/opt/lib/libb.so.1\n" },
	{ .name = "or whose soname it is",
	  .files = { { "/bin/app", "/opt/lib/liba-2.so libb.so.1", RUNPATH("/opt/lib") },
		     { "/opt/lib/liba-2.so", NULL, "-Wl,-soname,liba.so.1" },
		     { "/opt/lib/libb.so.1", "liba.so.1", RUNPATH("/opt/b") },
		     { .path = "/opt/b/liba.so.1" } },
	  .kept = "/opt/lib/liba-2.so\n/opt/lib/libb.so.1\n" },
	{ .name = "libraries in a circle",
	  .files = { { .path = "/bin/app", .needed = "liba.so.1" },
		     { .path = "/lib/liba.so.1", .needed = "libb.so.1" },
		     { .path = "/lib/libb.so.1", .needed = "liba.so.1" } },
	  .kept = "/lib/liba.so.1\n/lib/libb.so.1\n" },
	{ .name = "two names of one file",
	  .files = { { .path = "/bin/app", .needed = "liba.so.1 liba.so.2" },
		     { .path = "/lib/liba.so.1" },
		     { .path = "/lib/liba.so.2 -> liba.so.1" } },
	  .kept = "/lib/liba.so.1\n" },
	{ .name = "LD_PRELOAD, by name and by path, and one that is not there",
	  .preload = "libpre.so.1:/opt/two.so libnone.so.1",
	  .files = { { "/bin/app", "liba.so.1", RPATH("/opt/lib") },
		     { .path = "/opt/lib/libpre.so.1", .needed = "libb.so.1" },
		     { .path = "/opt/lib/libb.so.1" },
		     { .path = "/opt/two.so" },
		     { .path = "/lib/liba.so.1" } },
	  .kept = "/lib/liba.so.1\n/opt/lib/libb.so.1\n/opt/lib/libpre.so.1\n/opt/two.so\n" },
	{ .name = "what is preloaded is what its name means",
	  .preload = "/opt/liba.so.1",
	  .files = { { .path = "/bin/app", .needed = "liba.so.1" },
		     { .path = "/opt/liba.so.1" },
		     { .path = "/lib/liba.so.1" } },
	  .kept = "/opt/liba.so.1\n" },
	{ .name = "a needed path with slashes",
	  .files = { { .path = "/bin/app", .needed = "/opt/x/liba.so.1 opt/libb.so.1" },
		     { .path = "/opt/x/liba.so.1" },
		     { .path = "/opt/libb.so.1" },
		     { .path = "/lib/libb.so.1" } },
	  .kept = "/opt/libb.so.1\n/opt/x/liba.so.1\n" },
	{ .name = "DT_AUXILIARY that is not there",
	  .files = { { .path = "/bin/app", .needed = "liba.so.1" },
		     { "/lib/liba.so.1", NULL, "-Wl,-f,libaux.so.1" } },
	  .kept = "/lib/liba.so.1\n" },
	{ .name = "DT_AUXILIARY and DT_FILTER that are there",
	  .files = { { .path = "/bin/app", .needed = "liba.so.1" },
		     { "/lib/liba.so.1", NULL, "-Wl,-f,libaux.so.1 -Wl,-F,libfilt.so.1" },
		     { .path = "/lib/libaux.so.1" },
		     { .path = "/lib/libfilt.so.1" } },
	  .kept = "/lib/liba.so.1\n/lib/libaux.so.1\n/lib/libfilt.so.1\n" },
	{ .name = "musl: RUNPATH is inherited, LD_LIBRARY_PATH comes first",
	  .musl = true,
	  .library_path = "/opt/env",
	  .files = { { "/bin/app", "libc.musl-x86_64.so.1 liba.so.1 libd.so.1",
		       RUNPATH("/opt/lib") },
		     { "/opt/lib/liba.so.1", "libb.so.1 libc.so", RUNPATH("$ORIGIN/own") },
		     { .path = "/opt/lib/libb.so.1" },
		     { .path = "/opt/lib/libd.so.1" },
		     { .path = "/opt/env/libd.so.1" } },
	  .kept = "/opt/env/libd.so.1\n/opt/lib/liba.so.1\n/opt/lib/libb.so.1\n" },
	{ .name = "musl: default directories in their order",
	  .musl = true,
	  .files = { { .path = "/bin/app", .needed = "liba.so.1 libb.so.1 libpthread.so.0" },
		     { .path = "/usr/lib/liba.so.1" },
		     { .path = "/usr/local/lib/liba.so.1" },
		     { .path = "/usr/lib/libb.so.1" } },
	  .kept = "/usr/lib/libb.so.1\n/usr/local/lib/liba.so.1\n" },
	{ .name = "musl: not found",
	  .musl = true,
	  .files = { { .path = "/bin/app", .needed = "liba.so.1" } },
	  .kept = "",
	  .missing = "liba.so.1 needed by /bin/app (searched: /lib, /usr/local/lib, /usr/lib)" },
};

static void make_files(struct tree *tree, const struct rule *rule, const char *interpreter)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(rule->files) && rule->files[i].path; i++) {
		const struct file *file = &rule->files[i];
		const char *arrow = strstr(file->path, " -> ");
		MP_AUTO(mp_freep) char *flags = NULL;

		if (arrow) {
			MP_AUTO(mp_freep)
			char *link = mp_xstrndup(file->path, (size_t)(arrow - file->path));

			tree_link(tree, link, arrow + 4);
		} else if (strstr(file->path, "/bin/")) {
			flags = mp_xasprintf("-pie -Wl,--dynamic-linker,'%s' %s", interpreter,
					     file->flags ? file->flags : "");
			tree_elf(tree, file->path, file->needed, flags);
		} else {
			tree_library(tree, file->path, file->needed, file->flags);
		}
	}
}

static void run_ldconfig(struct tree *tree)
{
	MP_AUTO(mp_freep) char *command = mp_xasprintf("/sbin/ldconfig -X -r '%s'", tree->dir);

	tree_file(tree, "/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n", 0644);
	tree_file(tree, "/etc/ld.so.conf.d/opt.conf", "# ours\n/opt/conf\n", 0644);
	tree_run(command);
}

/* The ELF files of the set but for @program and @interpreter. */
static void list_libraries(const struct mp_fileset *set, const char *program,
			   const char *interpreter, struct mp_strv *paths)
{
	for (size_t i = 0; i < mp_fileset_count(set); i++) {
		const struct mp_file *file = mp_fileset_at(set, i);

		if (S_ISREG(file->node.mode) && strcmp(file->path, program) != 0 &&
		    strcmp(file->path, interpreter) != 0 && strncmp(file->path, "/etc/", 5) != 0)
			mp_strv_push(paths, file->path);
	}
	mp_strv_sort(paths);
}

/*
 * Starts this machine's own loader with the tree as its root, to print what it loads. It says so of
 * missing libraries, too, where "--list" ends at the first.
 */
static FILE *start_loader(const struct tree *tree, char *program, char *interpreter,
			  const struct mp_closure_env *env, pid_t *pid_out)
{
	char library_env[256], preload_env[256];
	char *argv[] = { interpreter, program, NULL };
	char *envp[] = { "LD_TRACE_LOADED_OBJECTS=1", preload_env,
			 env->library_path ? library_env : NULL, NULL };
	int ends[2];

	snprintf(library_env, sizeof(library_env), "LD_LIBRARY_PATH=%s",
		 env->library_path ? env->library_path : "");
	snprintf(preload_env, sizeof(preload_env), "LD_PRELOAD=%s",
		 env->preload ? env->preload : "");
	cr_assert_eq(pipe(ends), 0);
	*pid_out = fork();
	if (*pid_out == 0) {
		dup2(ends[1], 1);
		if (chroot(tree->dir) == 0 && chdir("/") == 0)
			execve(interpreter, argv, envp);
		_exit(127);
	}
	close(ends[1]);
	return fdopen(ends[0], "r");
}

/* The libraries that it finds, as real paths in the tree. */
static void list_by_loader(struct tree *tree, const char *program, char *interpreter,
			   const struct mp_closure_env *env, struct mp_strv *paths)
{
	MP_AUTO(mp_freep) char *argument = mp_xstrdup(program);
	char line[4096], path[4096];
	int status;
	pid_t pid;
	FILE *out = start_loader(tree, argument, interpreter, env, &pid);

	while (fgets(line, sizeof(line), out)) {
		MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
		const char *arrow = strstr(line, " => ");
		struct mp_error err;

		/* "NAME => PATH (…", "PATH (…", "NAME => not found"; the vDSO, which is no file */
		if (sscanf(arrow ? arrow + 4 : line, " %4095s", path) != 1 ||
		    strcmp(path, "not") == 0)
			continue;
		/* Relative to the directory in which it runs: the root. */
		MP_AUTO(mp_freep) char *absolute = mp_path_join("/", path);
		cr_assert_eq(mp_resolve(tree->resolver, absolute, 0, &res, &err), 0);
		if (res.status == MP_RESOLVED_FOUND && strcmp(res.path, interpreter) != 0 &&
		    mp_strv_find(paths, res.path) < 0)
			mp_strv_push(paths, res.path);
	}
	fclose(out);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0, "the loader ended with status %d", status);
	mp_strv_sort(paths);
}

static void expect_missing(const struct rule *rule, const struct mp_missing *missing)
{
	MP_AUTO(mp_freep) char *text = tree_lines(&missing->texts);

	if (!rule->missing)
		cr_expect_eq(missing->texts.n, 0, "%s: missing:\n%s", rule->name, text);
	else
		cr_expect(strncmp(text, rule->missing, strlen(rule->missing)) == 0,
			  "%s: missing:\n%s", rule->name, text);
}

static void check_rule(const struct rule *rule)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_freep)
	char *interpreter =
		rule->musl ? mp_xstrdup("/lib/ld-musl-x86_64.so.1") : tree_host_interpreter();
	const char *program = rule->program ? rule->program : "/bin/app";
	struct mp_closure_env env = {
		.library_path = rule->library_path,
		.preload = rule->preload,
		.working_dir = "/",
	};
	MP_AUTO(mp_strv_free) struct mp_strv kept = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv expected = { 0 };
	struct mp_missing missing = { 0 };

	tree_make(&tree);
	make_files(&tree, rule, interpreter);
	if (rule->musl)
		tree_library(&tree, interpreter, NULL, NULL);
	else
		tree_loader(&tree);
	if (rule->ldconfig)
		run_ldconfig(&tree);
	tree_close_over(&tree, "/bin/app", &env, &missing);
	list_libraries(tree.set, program, interpreter, &kept);
	MP_AUTO(mp_freep) char *got = tree_lines(&kept);
	cr_expect_str_eq(got, rule->kept, "%s: kept:\n%s", rule->name, got);
	expect_missing(rule, &missing);
	if (!rule->musl) {
		list_by_loader(&tree, program, interpreter, &env, &expected);
		MP_AUTO(mp_freep) char *want = tree_lines(&expected);
		cr_expect_str_eq(got, want, "%s: kept:\n%sthe loader says:\n%s", rule->name, got,
				 want);
	}
	mp_missing_free(&missing);
}

/* Each rule, and this machine's own loader agrees with it. */
Test(loader, rules, .timeout = 120)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(rules); i++)
		check_rule(&rules[i]);
}

/* What the closure of /bin/app keeps, a line each; what is missing behind it. Owned by the caller.
 */
static char *closure_text(struct tree *tree, const char *path)
{
	const struct mp_closure_env env = { .working_dir = "/srv" };
	MP_AUTO(mp_strv_free) struct mp_strv kept = { 0 };
	struct mp_missing missing = { 0 };
	struct mp_buf text = { 0 };

	tree_close_over(tree, path, &env, &missing);
	list_libraries(tree->set, path, "", &kept);
	for (size_t i = 0; i < kept.n; i++)
		mp_buf_addf(&text, "%s\n", kept.v[i]);
	for (size_t i = 0; i < missing.texts.n; i++)
		mp_buf_addf(&text, "missing: %s\n", missing.texts.v[i]);
	mp_missing_free(&missing);
	return mp_buf_steal(&text);
}

static void abi_of_host(struct mp_elf *elf)
{
	MP_AUTO(mp_closep) int fd = open("/bin/true", O_RDONLY | O_CLOEXEC);
	struct mp_error err;

	cr_assert_eq(mp_elf_read(&MP_CONTENTS_OF(fd), "/bin/true", elf, &err), 1, "%s", err.msg);
}

/* A missing library: every directory is named, the default ones of the machine last. */
Test(loader, missing_names_every_directory)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_elf_clear) struct mp_elf host = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv defaults = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf expected = { 0 };

	abi_of_host(&host);
	mp_abi_default_dirs(&host, &defaults);
	tree_make(&tree);
	tree_elf(&tree, "/opt/app/run", "libmissing.so.3",
		 "-shared " RUNPATH("/opt/x:$ORIGIN/lib::rel"));
	mp_buf_adds(&expected, "missing: libmissing.so.3 needed by /opt/app/run (searched: /opt/x, "
			       "/opt/app/lib, /srv/, /srv/rel");
	for (size_t i = 0; i < defaults.n; i++)
		mp_buf_addf(&expected, ", %s", defaults.v[i]);
	mp_buf_adds(&expected, ")\n");
	MP_AUTO(mp_freep) char *text = closure_text(&tree, "/opt/app/run");
	cr_expect_str_eq(text, expected.data, "%s", text);
}

/* Whatever the CPU of this machine: every level is kept, with what it needs. */
Test(loader, every_hwcaps_variant)
{
	MP_AUTO(tree_clear) struct tree tree;

	tree_make(&tree);
	tree_elf(&tree, "/opt/run", "liba.so.1 libonly.so.1", "-shared " RUNPATH("/opt/lib"));
	tree_library(&tree, "/opt/lib/liba.so.1", NULL, NULL);
	tree_library(&tree, "/opt/lib/glibc-hwcaps/x86-64-v2/liba.so.1", NULL, NULL);
	tree_library(&tree, "/opt/lib/glibc-hwcaps/x86-64-v4/liba.so.1", "libfast.so.1",
		     RUNPATH("/opt/fast"));
	tree_library(&tree, "/opt/lib/glibc-hwcaps/x86-64-v3/libonly.so.1", NULL, NULL);
	tree_library(&tree, "/opt/fast/libfast.so.1", NULL, NULL);
	MP_AUTO(mp_freep) char *text = closure_text(&tree, "/opt/run");
	cr_expect_str_eq(text,
			 "/opt/fast/libfast.so.1\n"
			 "/opt/lib/glibc-hwcaps/x86-64-v2/liba.so.1\n"
			 "/opt/lib/glibc-hwcaps/x86-64-v3/libonly.so.1\n"
			 "/opt/lib/glibc-hwcaps/x86-64-v4/liba.so.1\n"
			 "/opt/lib/liba.so.1\n",
			 "%s", text);
}

/* What glibc looked into before: names of platforms and capabilities, one in another. */
Test(loader, every_legacy_variant)
{
	MP_AUTO(tree_clear) struct tree tree;

	tree_make(&tree);
	tree_elf(&tree, "/opt/run", "liba.so.1 libonly.so.1", "-shared " RUNPATH("/opt/lib"));
	tree_library(&tree, "/opt/lib/liba.so.1", NULL, NULL);
	tree_library(&tree, "/opt/lib/haswell/liba.so.1", NULL, NULL);
	tree_library(&tree, "/opt/lib/tls/haswell/avx512_1/x86_64/liba.so.1", NULL, NULL);
	tree_library(&tree, "/opt/lib/tls/i686/sse2/libonly.so.1", NULL, NULL);
	tree_library(&tree, "/opt/lib/plugins/liba.so.1", NULL, NULL);
	MP_AUTO(mp_freep) char *text = closure_text(&tree, "/opt/run");
	cr_expect_str_eq(text,
			 "/opt/lib/haswell/liba.so.1\n"
			 "/opt/lib/liba.so.1\n"
			 "/opt/lib/tls/haswell/avx512_1/x86_64/liba.so.1\n"
			 "/opt/lib/tls/i686/sse2/libonly.so.1\n",
			 "%s", text);
}

/* The same note, as often as @times says. */
static void write_note(struct tree *tree, const char *json, unsigned int times)
{
	MP_AUTO(mp_freep)
	char *text = mp_xasprintf(".section .note.dlopen, \"a\", %%note\n.rept %u\n.p2align 2\n"
				  ".long 4, 2f-1f, 0x407c0c0a\n.asciz \"FDO\"\n1: .asciz \"%s\"\n"
				  "2: .p2align 2\n.endr\n.section .note.GNU-stack\n",
				  times, json);

	tree_file(tree, "/note.s", text, 0644);
}

/* The flags that put the note into an ELF file. */
static char *with_note(struct tree *tree, const char *flags, const char *json)
{
	write_note(tree, json, 1);
	return mp_xasprintf("%s -x assembler '%s/note.s'", flags, tree->dir);
}

static const char note[] =
	"[{'feature':'a','priority':'required','soname':['libnone.so.1','libr.so.1','libr.so.2']},"
	"{'priority':'recommended','soname':['libnone.so.2']},{'soname':['librec.so.1']},"
	"{'priority':'suggested','soname':['libsug.so.1']},"
	"{'priority':'required','soname':['libgone.so.1','libgone.so.2']}]";

/* @text with quotes as the assembler wants them. Owned by the caller. */
static char *quoted(const char *text)
{
	struct mp_buf out = { 0 };

	for (; *text; text++)
		mp_buf_adds(&out, *text == '\'' ? "\\\"" : (char[]){ *text, '\0' });
	return mp_buf_steal(&out);
}

static void make_dlopens(struct tree *tree)
{
	MP_AUTO(mp_freep) char *json = quoted(note);

	tree_make(tree);
	MP_AUTO(mp_freep) char *flags = with_note(tree, "-shared " RUNPATH("/opt/lib"), json);
	tree_elf(tree, "/opt/run", NULL, flags);
	tree_library(tree, "/opt/lib/libr.so.1", NULL, NULL);
	tree_library(tree, "/opt/lib/libr.so.2", NULL, NULL);
	tree_library(tree, "/opt/lib/librec.so.1", "libdeep.so.1", RUNPATH("$ORIGIN/deep"));
	tree_library(tree, "/opt/lib/deep/libdeep.so.1", NULL, NULL);
	tree_library(tree, "/opt/lib/libsug.so.1", NULL, NULL);
}

/* Found by the RUNPATH of the file that has the note; the first of several names. */
Test(loader, dlopen_notes)
{
	MP_AUTO(tree_clear) struct tree tree;

	make_dlopens(&tree);
	MP_AUTO(mp_freep) char *text = closure_text(&tree, "/opt/run");
	const char *kept = "/opt/lib/deep/libdeep.so.1\n/opt/lib/libr.so.1\n"
			   "/opt/lib/librec.so.1\n"
			   "missing: libgone.so.1 needed by /opt/run (searched: /opt/lib, ";
	cr_expect(strncmp(text, kept, strlen(kept)) == 0, "%s", text);
	cr_expect_null(strstr(text, "libnone"), "%s", text);
	MP_AUTO(mp_freep)
	char *why = mp_why_text(&mp_fileset_find(tree.set, "/opt/lib/librec.so.1")->why);
	cr_expect_str_eq(why, "dlopen note of /opt/run (librec.so.1)");
}

/* A library that only a note asks for may lack something: the program does without. */
Test(loader, what_is_missing_for_a_note_alone)
{
	const struct mp_closure_env env = { .working_dir = "/" };
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	struct mp_missing missing = { 0 };
	struct mp_error err;

	make_dlopens(&tree);
	MP_AUTO(mp_freep) char *deep = tree_path(&tree, "/opt/lib/deep/libdeep.so.1");
	cr_assert_eq(unlink(deep), 0);
	cr_assert_eq(mp_resolve(tree.resolver, "/opt/run", 0, &res, &err), 0);
	mp_resolution_keep(&res, tree.set, MP_WHY(MP_REASON_LISTED));
	cr_assert_eq(mp_closure_run(tree.resolver, tree.set, &env, &missing, &err), 0);
	cr_assert_eq(missing.names.n, 2);
	cr_expect_str_eq(missing.names.v[1], "libgone.so.1");
	cr_expect_str_eq(missing.needed_by.v[1], "/opt/run");
	cr_expect_not(mp_closure_is_unused(tree.set, missing.needed_by.v[1]));
	cr_expect_str_eq(missing.names.v[0], "libdeep.so.1");
	cr_expect_str_eq(missing.needed_by.v[0], "/opt/lib/librec.so.1");
	cr_expect(mp_closure_is_unused(tree.set, missing.needed_by.v[0]));
	mp_missing_free(&missing);
}

Test(loader, suggested_dlopens)
{
	const struct mp_closure_env env = { .working_dir = "/", .suggested = true };
	MP_AUTO(tree_clear) struct tree tree;
	struct mp_missing missing = { 0 };

	make_dlopens(&tree);
	tree_close_over(&tree, "/opt/run", &env, &missing);
	cr_expect_not_null(mp_fileset_find(tree.set, "/opt/lib/libsug.so.1"));
	mp_missing_free(&missing);
}

static void note_warning(enum mp_log_level level, const char *message, void *context)
{
	if (level == MP_LOG_WARNING)
		mp_strv_push(context, message);
}

Test(loader, malformed_dlopen_notes)
{
	static const struct {
		const char *json, *warning; /* of what follows "the dlopen note of '/opt/run': " */
	} cases[] = {
		{ "{'soname':'liba.so.1'}", NULL },
		{ "[{'soname':['liba.so.1'],'priority':'urgent'}]", "'urgent' is no priority" },
		{ "[{'soname':[]}]", "it names no library" },
		{ "[{'feature':'x'}]", "it names no library" },
		{ "[{'soname':['']}]", "the name of a library is empty or too long" },
		{ "[{'soname':7}]", "'soname' is not an array" },
		{ "['liba.so.1']", "it is no JSON object, and no array of those" },
		{ "[7]", "it is no JSON object, and no array of those" },
		{ "[{'soname':['liba.so.1']}", "it: " },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(tree_clear) struct tree tree;
		MP_AUTO(mp_strv_free) struct mp_strv warnings = { 0 };
		MP_AUTO(mp_freep) char *json = quoted(cases[i].json);

		tree_make(&tree);
		MP_AUTO(mp_freep)
		char *flags = with_note(&tree, "-shared " RUNPATH("/opt/lib"), json);
		/* One warning a file, however many there are. */
		write_note(&tree, json, 3);
		tree_elf(&tree, "/opt/run", NULL, flags);
		tree_library(&tree, "/opt/lib/liba.so.1", NULL, NULL);
		mp_log_set_sink(note_warning, &warnings);
		MP_AUTO(mp_freep) char *text = closure_text(&tree, "/opt/run");
		mp_log_set_sink(NULL, NULL);
		cr_expect_str_eq(text, cases[i].warning ? "" : "/opt/lib/liba.so.1\n", "%s: %s",
				 cases[i].json, text);
		cr_assert_eq(warnings.n, cases[i].warning ? 1 : 0, "%s", cases[i].json);
		if (cases[i].warning)
			cr_expect(strstr(warnings.v[0], "the dlopen note of '/opt/run': ") &&
					  strstr(warnings.v[0], cases[i].warning),
				  "%s", warnings.v[0]);
	}
}

/* What the whole machine preloads, in musl's eyes nothing. */
Test(loader, ld_so_preload)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_freep) char *interpreter = tree_host_interpreter();
	MP_AUTO(mp_freep) char *flags = mp_xasprintf("-pie -Wl,--dynamic-linker,'%s'", interpreter);

	tree_make(&tree);
	tree_loader(&tree);
	tree_elf(&tree, "/bin/app", NULL, flags);
	tree_elf(&tree, "/bin/musl", NULL, "-pie -Wl,--dynamic-linker,/lib/ld-musl-x86_64.so.1");
	tree_library(&tree, "/lib/ld-musl-x86_64.so.1", NULL, NULL);
	tree_library(&tree, "/lib/libpre.so.1", NULL, NULL);
	tree_file(&tree, "/etc/ld.so.preload", "libnone.so.1\n\tlibpre.so.1\n", 0644);
	MP_AUTO(mp_freep) char *musl = closure_text(&tree, "/bin/musl");
	cr_expect_str_eq(musl, "/lib/ld-musl-x86_64.so.1\n", "%s", musl);
	MP_AUTO(mp_freep) char *text = closure_text(&tree, "/bin/app");
	cr_expect(mp_fileset_find(tree.set, "/etc/ld.so.preload") &&
			  strstr(text, "/lib/libpre.so.1\n"),
		  "%s", text);
}

/* Through the cache too, which lists them one by one. */
Test(loader, hwcaps_variants_in_the_cache)
{
	MP_AUTO(tree_clear) struct tree tree;

	tree_make(&tree);
	tree_elf(&tree, "/opt/run", "liba.so.1", "-shared");
	tree_library(&tree, "/opt/conf/liba.so.1", NULL, NULL);
	tree_library(&tree, "/opt/conf/glibc-hwcaps/x86-64-v3/liba.so.1", NULL, NULL);
	run_ldconfig(&tree);
	MP_AUTO(mp_freep) char *text = closure_text(&tree, "/opt/run");
	cr_expect_str_eq(text, "/opt/conf/glibc-hwcaps/x86-64-v3/liba.so.1\n/opt/conf/liba.so.1\n",
			 "%s", text);
	/* Without it the loader would not find the library again. */
	const struct mp_file *cache = mp_fileset_find(tree.set, "/etc/ld.so.cache");
	cr_assert_not_null(cache);
	cr_expect_eq(cache->why.reason, MP_REASON_NEEDED);
	cr_expect_str_eq(cache->why.because, "/opt/run");
}

/* The tokens whose values the image does not tell: all that exist are kept. */
Test(loader, lib_and_platform)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_elf_clear) struct mp_elf host = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv platforms = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv libs = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv expected = { 0 };

	abi_of_host(&host);
	mp_abi_lib_values(&host, &libs);
	mp_abi_platform_values(&host, &platforms);
	tree_make(&tree);
	tree_elf(&tree, "/opt/run", "liba.so.1 libb.so.1",
		 "-shared " RUNPATH("/opt/p/$PLATFORM:/opt/${LIB}x"));
	for (size_t i = 0; i < platforms.n; i++)
		mp_strv_push_take(&expected, mp_xasprintf("/opt/p/%s/liba.so.1", platforms.v[i]));
	for (size_t i = 0; i < libs.n; i++)
		mp_strv_push_take(&expected, mp_xasprintf("/opt/%sx/libb.so.1", libs.v[i]));
	for (size_t i = 0; i < expected.n; i++)
		tree_library(&tree, expected.v[i], NULL, NULL);
	mp_strv_sort(&expected);
	MP_AUTO(mp_freep) char *text = closure_text(&tree, "/opt/run");
	MP_AUTO(mp_freep) char *want = tree_lines(&expected);
	cr_expect_str_eq(text, want, "%s", text);
}

/* Changes the machine of the ELF file at @path of the tree to one that is none. */
static void make_foreign(struct tree *tree, const char *path)
{
	MP_AUTO(mp_freep) char *full = tree_path(tree, path);
	MP_AUTO(mp_closep) int fd = open(full, O_WRONLY | O_CLOEXEC);

	cr_assert_eq(pwrite(fd, "\xfe\xfe", 2, 18), 2);
}

Test(loader, passes_over_other_machines_and_no_libraries)
{
	MP_AUTO(tree_clear) struct tree tree;

	tree_make(&tree);
	tree_elf(&tree, "/opt/run", "liba.so.1",
		 "-shared " RUNPATH("/opt/1:/opt/2:/opt/3:/opt/4:/opt/5"));
	tree_library(&tree, "/opt/1/liba.so.1", NULL, NULL);
	make_foreign(&tree, "/opt/1/liba.so.1");
	tree_file(&tree, "/opt/2/liba.so.1", "GROUP ( liba.so.2 )\n", 0644);
	tree_dir(&tree, "/opt/3/liba.so.1", 0755);
	tree_link(&tree, "/opt/4", "/opt/4");
	tree_library(&tree, "/opt/5/liba.so.1", NULL, NULL);
	MP_AUTO(mp_freep) char *text = closure_text(&tree, "/opt/run");
	cr_expect_str_eq(text, "/opt/5/liba.so.1\n", "%s", text);
}

/* Without a cache: what ldconfig would put into one. */
Test(loader, ld_so_conf)
{
	MP_AUTO(tree_clear) struct tree tree;

	tree_make(&tree);
	tree_elf(&tree, "/opt/run", "liba.so.1 libb.so.1 libc1.so.1 libd.so.1", "-shared");
	tree_library(&tree, "/opt/a/liba.so.1", NULL, NULL);
	tree_library(&tree, "/opt/b/libb.so.1", NULL, NULL);
	tree_library(&tree, "/opt/c/libc1.so.1", NULL, NULL);
	tree_library(&tree, "/opt/d/libd.so.1", NULL, NULL);
	tree_file(&tree, "/etc/ld.so.conf",
		  "  /opt/a/ # a comment\ninclude conf.d/*.conf conf.d/no*where\nhwcap 1 nosegneg\n"
		  "include /etc/ld.so.conf\ninclude *a*a*a*a*a*a*b\n",
		  0644);
	tree_file(&tree, "/etc/conf.d/b.conf", "/opt/b=libc6\r\ninclude /etc/*/deep/c?conf\n",
		  0644);
	tree_file(&tree, "/etc/conf.d/deep/c.conf", "/opt/c", 0644);
	tree_file(&tree, "/etc/conf.d/.hidden.conf", "/opt/d", 0644);
	MP_AUTO(mp_freep) char *text = closure_text(&tree, "/opt/run");
	const char *found = "/opt/a/liba.so.1\n/opt/b/libb.so.1\n/opt/c/libc1.so.1\n"
			    "missing: libd.so.1 needed by /opt/run (searched: ";
	cr_expect(strncmp(text, found, strlen(found)) == 0, "%s", text);
	/* Behind what the loader searches without a cache. */
	cr_expect(strstr(text, "/usr/lib, /opt/a, /opt/b, /opt/c)\n"), "%s", text);
}

/* musl's own list of directories, kept where it was used. */
Test(loader, musl_path_file)
{
	MP_AUTO(tree_clear) struct tree tree;

	tree_make(&tree);
	tree_library(&tree, "/opt/m/lib/ld-musl-x86_64.so.1", NULL, NULL);
	tree_file(&tree, "/opt/m/etc/ld-musl-x86_64.path", "/opt/1\n/opt/2:/opt/3\n", 0644);
	tree_elf(&tree, "/opt/run", "liba.so.1 libb.so.1",
		 "-pie -Wl,--dynamic-linker,/opt/m/lib/ld-musl-x86_64.so.1");
	tree_library(&tree, "/opt/3/liba.so.1", NULL, NULL);
	tree_library(&tree, "/usr/lib/libb.so.1", NULL, NULL);
	MP_AUTO(mp_freep) char *text = closure_text(&tree, "/opt/run");
	cr_expect_str_eq(
		text,
		"/opt/3/liba.so.1\n/opt/m/etc/ld-musl-x86_64.path\n"
		"/opt/m/lib/ld-musl-x86_64.so.1\n"
		"missing: libb.so.1 needed by /opt/run (searched: /opt/1, /opt/2, /opt/3)\n",
		"%s", text);
}

/* A library of a musl system without its program: the C library's name tells. */
Test(loader, musl_library_by_itself)
{
	MP_AUTO(tree_clear) struct tree tree;

	tree_make(&tree);
	tree_library(&tree, "/lib/ld-musl-x86_64.so.1", NULL, NULL);
	tree_library(&tree, "/usr/local/lib/liba.so.1", NULL, NULL);
	tree_library(&tree, "/opt/plugin.so", "libc.musl-x86_64.so.1 liba.so.1", NULL);
	MP_AUTO(mp_freep) char *text = closure_text(&tree, "/opt/plugin.so");
	cr_expect_str_eq(text, "/lib/ld-musl-x86_64.so.1\n/usr/local/lib/liba.so.1\n", "%s", text);
}

/* The library cache. */

static void put32(struct mp_buf *out, uint32_t value, bool big)
{
	for (int i = 0; i < 4; i++)
		mp_buf_addc(out, (char)(value >> 8 * (big ? 3 - i : i)));
}

/*
 * A cache of two entries for "liba.so", the second for some CPUs, and one for "libz.so" that points
 * outside. @flags: 2, 3, or 0 as before glibc 2.33.
 */
static void build_cache(struct mp_buf *out, bool big, int flags)
{
	static const char strings[] = "libz.so\0liba.so\0/b/liba.so\0/a/liba.so";
	uint32_t at = 48 + 3 * 24;
	const uint32_t entries[3][3] = { { at, 0x7fffffff, 0 },
					 { at + 8, at + 16, 0 },
					 { at + 8, at + 27, 1 } };

	mp_buf_adds(out, "glibc-ld.so.cache1.1");
	put32(out, 3, big);
	put32(out, sizeof(strings), big);
	mp_buf_addc(out, (char)flags);
	mp_buf_add(out, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 19);
	for (int i = 0; i < 3; i++) {
		put32(out, 1, big);
		put32(out, entries[i][0], big);
		put32(out, entries[i][1], big);
		put32(out, 0, big);
		put32(out, entries[i][2], big);
		put32(out, entries[i][2], big);
	}
	mp_buf_add(out, strings, sizeof(strings));
}

static void expect_cache(const struct mp_buf *data, const char *what)
{
	MP_AUTO(mp_ldcache_freep) struct mp_ldcache *cache = NULL;
	const struct mp_ldcache_entry *entries = NULL;
	struct mp_error err = { 0 };

	cr_assert_eq(mp_ldcache_parse(data->data, data->len, &cache, &err), 0, "%s: %s", what,
		     err.msg);
	cr_assert_eq(mp_ldcache_find(cache, "liba.so", &entries), 2, "%s", what);
	cr_expect_str_eq(entries[0].path, "/b/liba.so", "%s", what);
	cr_expect_str_eq(entries[1].path, "/a/liba.so", "%s", what);
	cr_expect(!entries[0].variant && entries[1].variant, "%s", what);
	cr_expect_eq(mp_ldcache_find(cache, "libz.so", &entries), 0, "%s", what);
	cr_expect_eq(mp_ldcache_find(cache, "libb.so", &entries), 0, "%s", what);
}

Test(loader, cache_formats)
{
	for (int i = 0; i < 4; i++) {
		bool big = i & 1;
		MP_AUTO(mp_buf_free) struct mp_buf plain = { 0 };
		MP_AUTO(mp_buf_free) struct mp_buf behind = { 0 };

		build_cache(&plain, big, i & 2 ? 0 : big ? 3 : 2);
		expect_cache(&plain, "by itself");
		/* Behind the older table, one entry of 12 bytes, aligned. */
		mp_buf_add(&behind, "ld.so-1.7.0", 12);
		put32(&behind, 1, big);
		for (int j = 0; j < 4; j++)
			put32(&behind, 0, big);
		mp_buf_add(&behind, plain.data, plain.len);
		expect_cache(&behind, "behind the older table");
	}
}

Test(loader, hostile_caches)
{
	MP_AUTO(mp_buf_free) struct mp_buf good = { 0 };
	unsigned int seed = 7;
	struct mp_error err;

	build_cache(&good, false, 2);
	for (size_t i = 0; i < 4000 + good.len; i++) {
		MP_AUTO(mp_buf_free) struct mp_buf bad = { 0 };
		MP_AUTO(mp_ldcache_freep) struct mp_ldcache *cache = NULL;
		const struct mp_ldcache_entry *entries = NULL;

		mp_buf_add(&bad, good.data, i < good.len ? i : good.len);
		for (int j = 0; i >= good.len && j < 1 + (int)i % 5; j++)
			bad.data[(size_t)rand_r(&seed) % bad.len] = (char)rand_r(&seed);
		if (mp_ldcache_parse(bad.data ? bad.data : "", bad.len, &cache, &err)) {
			cr_expect_eq(err.code, MP_E_FORMAT);
			continue;
		}
		cr_expect_leq(mp_ldcache_find(cache, "liba.so", &entries), 3);
	}
	cr_expect_eq(mp_ldcache_parse("ld.so-1.7.0\0\377\377\377\377", 16,
				      &(struct mp_ldcache *){ 0 }, &err),
		     -1);
	cr_expect_str_eq(err.msg, "not a library cache that glibc 2.2 or newer reads");
	cr_expect_eq(
		mp_ldcache_parse("glibc-ld.so.cache1.1\377\377\377\377\0\0\0\0\2\0\0\0\0\0\0\0\0"
				 "\0\0\0\0\0\0\0\0\0\0",
				 48, &(struct mp_ldcache *){ 0 }, &err),
		-1);
	cr_expect_str_eq(err.msg, "the library cache is cut short");
}
