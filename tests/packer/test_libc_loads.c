/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/libc_locale.h"
#include "packer/libc_symbols.h"
#include "packer/nsswitch.h"
#include "tests/packer/tree.h"

#include <elf.h>

/* A C library that has a few functions, and a version. */
static void make_libc(struct tree *tree, const char *path, unsigned int minor)
{
	MP_AUTO(mp_freep)
	char *script = mp_xasprintf("GLIBC_2.2.5 { global: getpwnam; };\n"
				    "GLIBC_2.%u { global: *; };\n",
				    minor);
	MP_AUTO(mp_freep) char *file = tree_path(tree, "/libc.map");
	MP_AUTO(mp_freep) char *flags = NULL;

	tree_file(tree, "/libc.map", script, 0644);
	tree_file(tree, "/libc.c",
		  "int getpwnam(void){return 0;}int getaddrinfo(void){return 0;}"
		  "int iconv_open(void){return 0;}int pthread_cancel(void){return 0;}"
		  "int setlocale(void){return 0;}int getpid(void){return 0;}",
		  0644);
	flags = mp_xasprintf("-shared -Wno-builtin-declaration-mismatch -Wl,-soname,libc.so.6 "
			     "-Wl,--version-script,'%s' '%s/libc.c'",
			     file, tree->dir);
	tree_elf(tree, path, NULL, flags);
}

/* A program, or with "-shared" a library, that imports @functions (separated by commas). */
static void make_user(struct tree *tree, const char *path, const char *functions, const char *flags)
{
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf source = { 0 };
	MP_AUTO(mp_freep) char *interpreter = tree_host_interpreter();
	MP_AUTO(mp_freep) char *all = NULL;

	mp_strv_split(&names, functions, ",");
	for (size_t i = 0; i < names.n; i++)
		mp_buf_addf(&source, "extern int %s(void);void *use%zu = (void *)%s;\n", names.v[i],
			    i, names.v[i]);
	tree_file(tree, "/user.c", source.data, 0644);
	all = mp_xasprintf("%s -Wno-builtin-declaration-mismatch -Wl,--dynamic-linker,'%s' "
			   "'%s/user.c' '%s/lib/libc.so.6'",
			   flags, interpreter, tree->dir, tree->dir);
	tree_elf(tree, path, NULL, all);
}

static void make_image(struct tree *tree, unsigned int minor)
{
	static const char *const modules[] = {
		"libnss_files.so.2", "libnss_dns.so.2",   "libnss_compat.so.2",
		"libnss_extra.so.2", "libnss_other.so.2", "libgcc_s.so.1",
	};

	tree_make(tree);
	tree_loader(tree);
	make_libc(tree, "/lib/libc.so.6", minor);
	for (size_t i = 0; i < MP_ARRAY_LEN(modules); i++) {
		MP_AUTO(mp_freep) char *path = mp_path_join("/lib", modules[i]);

		tree_library(tree, path,
			     strcmp(modules[i], "libnss_extra.so.2") == 0 ? "libdeep.so.1" : NULL,
			     NULL);
	}
	tree_library(tree, "/lib/libdeep.so.1", NULL, NULL);
	tree_file(tree, "/usr/lib/gconv/gconv-modules", "module\n", 0644);
	tree_file(tree, "/usr/lib/gconv/gconv-modules.d/extra.conf", "module\n", 0644);
	tree_library(tree, "/usr/lib/gconv/UTF-16.so", NULL, NULL);
	tree_library(tree, "/usr/lib/gconv/EUC-JP.so", "libJIS.so", "-Wl,-rpath,'$ORIGIN'");
	tree_library(tree, "/usr/lib/gconv/libJIS.so", NULL, NULL);
	tree_file(tree, "/usr/lib/locale/C.utf8/LC_CTYPE", "locale", 0644);
	tree_file(tree, "/usr/lib/locale/C.utf8/LC_MESSAGES/SYS_LC_MESSAGES", "locale", 0644);
}

/* What is kept because the C library, or what that loads, needs it. Owned by the caller. */
static char *loads_text(const struct mp_fileset *set)
{
	struct mp_buf text = { 0 };

	for (size_t i = 0; i < mp_fileset_count(set); i++) {
		const struct mp_file *file = mp_fileset_at(set, i);
		MP_AUTO(mp_freep) char *why = mp_why_text(&file->why);

		if (file->why.reason == MP_REASON_LIBC || strstr(why, "libdeep") ||
		    strstr(why, "libJIS"))
			mp_buf_addf(&text, "%s: %s\n", file->path, why);
	}
	return mp_buf_steal(&text);
}

#define LIBC "loaded by the C library for /bin/app "
#define GCONV "/usr/lib/gconv/"
#define LOCALE "/usr/lib/locale/C.utf8/"

static const struct {
	const char *name;
	const char *functions;
	const char *nsswitch; /* NULL: no such file */
	const char *locale;
	unsigned int minor;
	enum mp_reason reason; /* of the program */
	const char *kept;
} cases[] = {
	{ "nothing that loads anything", "getpid", "passwd: extra\n", "C.UTF-8", 36,
	  MP_REASON_LISTED, "" },
	{ "services of the databases in use alone", "getpwnam",
	  "# comment\npasswd:\tfiles [NOTFOUND=continue SUCCESS=return] extra nowhere ../evil\n"
	  "group: other\n",
	  NULL, 36, MP_REASON_TRACED,
	  "/etc/nsswitch.conf: " LIBC "(NSS services of passwd)\n"
	  "/lib/libnss_extra.so.2: " LIBC "(NSS service 'extra' of passwd)\n"
	  "/lib/libdeep.so.1: needed by /lib/libnss_extra.so.2 (libdeep.so.1)\n" },
	{ "what is built in since 2.34 was a module before", "getaddrinfo", "hosts: files dns",
	  NULL, 31, MP_REASON_TRACED,
	  "/etc/nsswitch.conf: " LIBC "(NSS services of hosts)\n"
	  "/lib/libnss_files.so.2: " LIBC "(NSS service 'files' of hosts)\n"
	  "/lib/libnss_dns.so.2: " LIBC "(NSS service 'dns' of hosts)\n" },
	{ "without a file", "getaddrinfo", NULL, NULL, 31, MP_REASON_TRACED,
	  "/lib/libnss_files.so.2: " LIBC "(NSS service 'files' of hosts)\n"
	  "/lib/libnss_dns.so.2: " LIBC "(NSS service 'dns' of hosts)\n" },
	{ "cancellation", "pthread_cancel", "passwd: extra\n", NULL, 36, MP_REASON_TRACED,
	  "/lib/libgcc_s.so.1: " LIBC "(to unwind a stack)\n" },
	{ "conversions of a program that somebody named", "iconv_open", NULL, NULL, 36,
	  MP_REASON_LISTED,
	  GCONV "gconv-modules: " LIBC "(iconv's modules)\n" GCONV
		"gconv-modules.d/extra.conf: " LIBC "(iconv's modules)\n" GCONV "EUC-JP.so: " LIBC
		"(iconv's modules)\n" GCONV "UTF-16.so: " LIBC "(iconv's modules)\n" GCONV
		"libJIS.so: " LIBC "(iconv's modules)\n" },
	{ "conversions of one that was traced", "iconv_open", NULL, NULL, 36, MP_REASON_TRACED,
	  GCONV "gconv-modules: " LIBC "(iconv's modules)\n" GCONV
		"gconv-modules.d/extra.conf: " LIBC "(iconv's modules)\n" },
	{ "conversions of one that came along", "iconv_open", NULL, NULL, 36, MP_REASON_ENTRYPOINT,
	  GCONV "gconv-modules: " LIBC "(iconv's modules)\n" GCONV
		"gconv-modules.d/extra.conf: " LIBC "(iconv's modules)\n" GCONV "UTF-16.so: " LIBC
		"(iconv's modules)\n" },
	{ "the locale of the environment", "setlocale", NULL, "C.UTF-8", 36, MP_REASON_LISTED,
	  LOCALE "LC_CTYPE: " LIBC "(locale 'C.UTF-8')\n" LOCALE
		 "LC_MESSAGES/SYS_LC_MESSAGES: " LIBC "(locale 'C.UTF-8')\n" },
	{ "a locale that the trace would have", "setlocale", NULL, "C.UTF-8", 36, MP_REASON_TRACED,
	  "" },
	{ "a locale that is none", "setlocale", NULL, "../../../etc", 36, MP_REASON_LISTED, "" },
};

static void keep(struct tree *tree, const char *path, enum mp_reason reason)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	struct mp_error err;

	cr_assert_eq(mp_resolve(tree->resolver, path, 0, &res, &err), 0);
	mp_resolution_keep(&res, tree->set, MP_WHY(reason));
}

static void close_over(struct tree *tree, const char *locale)
{
	struct mp_closure_env env = { .working_dir = "/" };
	struct mp_missing missing = { 0 };
	struct mp_error err;

	if (locale)
		mp_strv_push(&env.locales, locale);
	cr_assert_eq(mp_closure_run(tree->resolver, tree->set, &env, &missing, &err), 0, "%s",
		     err.msg);
	cr_expect_eq(missing.texts.n, 0);
	mp_missing_free(&missing);
	mp_strv_free(&env.locales);
}

Test(libc_loads, only_what_is_used, .timeout = 120)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(tree_clear) struct tree tree;

		make_image(&tree, cases[i].minor);
		make_user(&tree, "/bin/app", cases[i].functions, "-pie");
		if (cases[i].nsswitch)
			tree_file(&tree, "/etc/nsswitch.conf", cases[i].nsswitch, 0644);
		keep(&tree, "/bin/app", cases[i].reason);
		close_over(&tree, cases[i].locale);
		MP_AUTO(mp_freep) char *text = loads_text(tree.set);
		cr_expect_str_eq(text, cases[i].kept, "%s:\n%s", cases[i].name, text);
	}
}

/* It is its C library that loads: without one, or with another machine's, nothing does. */
Test(libc_loads, not_without_the_c_library)
{
	MP_AUTO(tree_clear) struct tree tree;

	make_image(&tree, 36);
	make_user(&tree, "/opt/user.so", "pthread_cancel", "-shared -Wl,--as-needed");
	MP_AUTO(mp_freep) char *libc = tree_path(&tree, "/lib/libc.so.6");
	cr_assert_eq(unlink(libc), 0);
	keep(&tree, "/opt/user.so", MP_REASON_LISTED);
	struct mp_missing missing = { 0 };
	struct mp_error err;
	cr_assert_eq(mp_closure_run(tree.resolver, tree.set,
				    &(struct mp_closure_env){ .working_dir = "/" }, &missing, &err),
		     0);
	mp_missing_free(&missing);
	MP_AUTO(mp_freep) char *text = loads_text(tree.set);
	cr_expect_str_eq(text, "", "%s", text);
}

/*
 * A program that is not position independent has imports whose address it takes behind the others,
 * among the symbols that it defines.
 */
Test(libc_loads, imports_of_all_kinds_of_files)
{
	static const char *const flags[] = {
		"-pie",
		"-no-pie -fno-pic",
		"-no-pie -fno-pic -Wl,--hash-style=sysv",
		"-shared",
		"-shared -Wl,--hash-style=sysv",
		"-pie -s",
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(flags); i++) {
		MP_AUTO(tree_clear) struct tree tree;
		MP_AUTO(mp_elf_clear) struct mp_elf elf = { 0 };
		struct mp_error err = { 0 };

		tree_make(&tree);
		make_libc(&tree, "/lib/libc.so.6", 17);
		make_user(&tree, "/user", "getpwnam,setlocale", flags[i]);
		MP_AUTO(mp_freep) char *path = tree_path(&tree, "/user");
		MP_AUTO(mp_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
		cr_assert_eq(mp_elf_read(&MP_CONTENTS_OF(fd), path, &elf, &err), 1, "%s", err.msg);
		cr_expect_eq(elf.libc_uses, MP_LIBC_PASSWD | MP_LIBC_LOCALE, "%s: %x", flags[i],
			     elf.libc_uses);
		cr_expect_eq(elf.glibc_minor, 0);
	}
}

Test(libc_loads, symbols_are_in_order)
{
	cr_expect_eq(mp_libc_use_of("authdes_getucred"), MP_LIBC_PUBLICKEY);
	cr_expect_eq(mp_libc_use_of("backtrace"), MP_LIBC_UNWIND);
	cr_expect_eq(mp_libc_use_of("getpwnam_r"), MP_LIBC_PASSWD);
	cr_expect_eq(mp_libc_use_of("iconv_open"), MP_LIBC_ICONV);
	cr_expect_eq(mp_libc_use_of("wordexp"), MP_LIBC_PASSWD);
	cr_expect_eq(mp_libc_use_of("getpwnam_"), 0);
	cr_expect_eq(mp_libc_use_of(""), 0);
}

/* The archive of this machine's localedef, where that is: names as locale -a has them. */
Test(libc_loads, locale_archive)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_strv_free) struct mp_strv files = { 0 };
	struct mp_error err;

	tree_make(&tree);
	tree_dir(&tree, "/usr", 0755);
	tree_dir(&tree, "/usr/lib", 0755);
	tree_dir(&tree, "/usr/lib/locale", 0755);
	MP_AUTO(mp_freep)
	char *command = mp_xasprintf("localedef --prefix='%s' -i de_DE -f ISO-8859-15 "
				     "de_DE.ISO8859-15@euro >/dev/null 2>&1 || "
				     "localedef --prefix='%s' -i C -f UTF-8 xx_XX.UTF-8",
				     tree.dir, tree.dir);
	tree_run(command);
	MP_AUTO(mp_freep) char *archive = tree_path(&tree, "/usr/lib/locale/locale-archive");
	cr_assert_eq(access(archive, R_OK), 0);
	tree_file(&tree, "/usr/lib/locale/fr_FR/LC_CTYPE", "x", 0644);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(mp_libc_locale_files(tree.resolver, ELFDATA2LSB + i,
						  "de_DE.ISO-8859-15@euro", &files, &err),
			     0);
	cr_assert_eq(mp_libc_locale_files(tree.resolver, ELFDATA2LSB, "xx_XX.UTF-8", &files, &err),
		     0);
	cr_assert_eq(files.n, 1);
	cr_expect_str_eq(files.v[0], "/usr/lib/locale/locale-archive");
	cr_assert_eq(mp_libc_locale_files(tree.resolver, ELFDATA2LSB, "fr_FR.UTF-8", &files, &err),
		     0);
	cr_assert_eq(files.n, 2);
	cr_expect_str_eq(files.v[1], "/usr/lib/locale/fr_FR/LC_CTYPE");
}
