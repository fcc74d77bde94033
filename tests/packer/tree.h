/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TESTS_PACKER_TREE_H
#define MP_TESTS_PACKER_TREE_H

#include "core/buf.h"
#include "core/path.h"
#include "packer/closure.h"
#include "packer/elf.h"
#include "packer/fileset.h"
#include "packer/resolve.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A root file system made for one test, in a temporary directory that goes with it. ELF files in it
 * are made by the compiler and contain nothing but what the loader reads.
 */
struct tree {
	char dir[64];
	char stubs[64]; /* what ELF files are linked against */
	struct mp_rootfs *root;
	struct mp_fileset *set;
	struct mp_resolver *resolver;
};

#define TREE_FN __attribute__((unused)) static

TREE_FN void tree_clear(struct tree *tree)
{
	char command[256];

	mp_resolver_freep(&tree->resolver);
	mp_fileset_freep(&tree->set);
	mp_rootfs_freep(&tree->root);
	snprintf(command, sizeof(command), "rm -rf '%s' '%s'", tree->dir, tree->stubs);
	cr_assert_eq(system(command), 0, "%s", command);
}

TREE_FN void tree_make(struct tree *tree)
{
	struct mp_error err;

	*tree = (struct tree){ .dir = "/tmp/mp-tree-XXXXXX", .stubs = "/tmp/mp-stubs-XXXXXX" };
	cr_assert(mkdtemp(tree->dir) && mkdtemp(tree->stubs), "mkdtemp");
	cr_assert_eq(chmod(tree->dir, 0755), 0);
	cr_assert_eq(mp_rootfs_open_directory(tree->dir, &tree->root, &err), 0, "%s", err.msg);
	tree->set = mp_fileset_new();
	tree->resolver = mp_resolver_new(tree->root, tree->set);
}

/* The test's own path of @path; its directories are made. Owned by the caller. */
TREE_FN char *tree_path(const struct tree *tree, const char *path)
{
	char *full = mp_xasprintf("%s%s", tree->dir, path);

	for (char *p = full + strlen(tree->dir) + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(full, 0755);
		*p = '/';
	}
	return full;
}

TREE_FN void tree_dir(const struct tree *tree, const char *path, mode_t mode)
{
	MP_AUTO(mp_freep) char *full = tree_path(tree, path);

	cr_assert(mkdir(full, 0755) == 0 || access(full, F_OK) == 0, "mkdir '%s'", full);
	cr_assert_eq(chmod(full, mode), 0);
}

TREE_FN void tree_bytes(const struct tree *tree, const char *path, const void *data, size_t len,
			mode_t mode)
{
	MP_AUTO(mp_freep) char *full = tree_path(tree, path);
	FILE *file = fopen(full, "w");

	cr_assert_not_null(file, "create '%s'", full);
	cr_assert_eq(fwrite(data, 1, len, file), len);
	fclose(file);
	cr_assert_eq(chmod(full, mode), 0);
}

TREE_FN void tree_file(const struct tree *tree, const char *path, const char *text, mode_t mode)
{
	tree_bytes(tree, path, text, strlen(text), mode);
}

TREE_FN void tree_link(const struct tree *tree, const char *path, const char *target)
{
	MP_AUTO(mp_freep) char *full = tree_path(tree, path);

	cr_assert_eq(symlink(target, full), 0, "link '%s'", full);
}

TREE_FN void tree_run(const char *command)
{
	cr_assert_eq(system(command), 0, "%s", command);
}

/* Something to link against that puts @name into DT_NEEDED. Returns its path, for one call. */
TREE_FN const char *tree_stub(const struct tree *tree, const char *name)
{
	static char path[256];
	char command[1024];

	snprintf(path, sizeof(path), "%s/%s", tree->stubs, name);
	for (char *p = path + strlen(tree->stubs) + 1; *p; p++) {
		if (*p == '/' || *p == '$')
			*p = '_';
	}
	if (access(path, F_OK) == 0)
		return path;
	snprintf(command, sizeof(command),
		 "cc -shared -nostdlib -o '%s' -Wl,-soname,'%s' -x c /dev/null", path, name);
	tree_run(command);
	return path;
}

/*
 * Makes an ELF file that needs @needed (names separated by blanks, or NULL). @flags: of the
 * compiler; "-shared -Wl,-soname,NAME" makes a library, without them it is a program.
 */
TREE_FN void tree_elf(const struct tree *tree, const char *path, const char *needed,
		      const char *flags)
{
	MP_AUTO(mp_freep) char *full = tree_path(tree, path);
	MP_AUTO(mp_buf_free) struct mp_buf command = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };

	mp_buf_addf(&command,
		    "printf 'void _start(void);void _start(void){for(;;);}' | "
		    "cc -nostdlib -fPIC -o '%s' %s -x c - -x none -Wl,--no-as-needed",
		    full, flags);
	if (needed)
		mp_strv_split(&names, needed, " ");
	for (size_t i = 0; i < names.n; i++)
		mp_buf_addf(&command, " '%s'", tree_stub(tree, names.v[i]));
	tree_run(command.data);
}

/* A library whose soname is its base name. @flags may be NULL. */
TREE_FN void tree_library(const struct tree *tree, const char *path, const char *needed,
			  const char *flags)
{
	MP_AUTO(mp_freep)
	char *all =
		mp_xasprintf("-shared -Wl,-soname,'%s' %s", mp_path_base(path), flags ? flags : "");

	tree_elf(tree, path, needed, all);
}

/* PT_INTERP of this machine's own programs. Owned by the caller. */
TREE_FN char *tree_host_interpreter(void)
{
	MP_AUTO(mp_elf_clear) struct mp_elf elf = { 0 };
	MP_AUTO(mp_closep) int fd = open("/bin/true", O_RDONLY | O_CLOEXEC);
	struct mp_error err;

	cr_assert_eq(mp_elf_read(&MP_CONTENTS_OF(fd), "/bin/true", &elf, &err), 1, "%s", err.msg);
	cr_assert_not_null(elf.interpreter);
	return MP_STEAL(elf.interpreter);
}

/* This machine's dynamic loader, at the path that programs name. */
TREE_FN void tree_loader(const struct tree *tree)
{
	MP_AUTO(mp_freep) char *interpreter = tree_host_interpreter();
	MP_AUTO(mp_freep) char *full = tree_path(tree, interpreter);
	MP_AUTO(mp_freep) char *command = mp_xasprintf("cp -L '%s' '%s'", interpreter, full);

	tree_run(command);
}

/* Runs the closure of the file at @path alone. What is missing goes to *missing. */
TREE_FN void tree_close_over(struct tree *tree, const char *path, const struct mp_closure_env *env,
			     struct mp_missing *missing)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	struct mp_error err;

	cr_assert_eq(mp_resolve(tree->resolver, path, 0, &res, &err), 0, "%s", err.msg);
	cr_assert_eq(res.status, MP_RESOLVED_FOUND, "%s", path);
	mp_resolution_keep(&res, tree->set, MP_WHY(MP_REASON_TRACED));
	cr_assert_eq(mp_closure_run(tree->resolver, tree->set, env, missing, &err), 0, "%s",
		     err.msg);
}

/* The strings of @list, one a line. Owned by the caller. */
TREE_FN char *tree_lines(const struct mp_strv *list)
{
	struct mp_buf text = { 0 };

	for (size_t i = 0; i < list->n; i++)
		mp_buf_addf(&text, "%s\n", list->v[i]);
	return mp_buf_steal(&text);
}

/* "path: why" of every entry, one a line, as they were added. Owned by the caller. */
TREE_FN char *tree_set_text(const struct mp_fileset *set)
{
	struct mp_buf text = { 0 };

	for (size_t i = 0; i < mp_fileset_count(set); i++) {
		const struct mp_file *file = mp_fileset_at(set, i);

		MP_AUTO(mp_freep) char *why = mp_why_text(&file->why);

		mp_buf_addf(&text, "%s: %s\n", file->path, why);
	}
	return mp_buf_steal(&text);
}

#endif
