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
	char *command = mp_xasprintf("env -i %s --list '%s' 2>/dev/null", reference->interpreter,
				     file);
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

/* ELF files in @set but for the program itself, and but for other CPUs' variants. */
static void list_kept(const struct mp_fileset *set, const char *program, struct mp_strv *paths)
{
	for (size_t i = 0; i < mp_fileset_count(set); i++) {
		const struct mp_file *file = mp_fileset_at(set, i);

		if (S_ISREG(file->node.mode) && strcmp(file->path, program) != 0 &&
		    strcmp(file->path, "/etc/ld.so.cache") != 0 &&
		    !strstr(file->path, "/glibc-hwcaps/"))
			mp_strv_push(paths, file->path);
	}
	mp_strv_sort(paths);
}

static bool is_program_of_host(const struct reference *reference, const char *path)
{
	MP_AUTO(mp_elf_clear) struct mp_elf elf = { 0 };
	MP_AUTO(mp_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && mp_elf_read(fd, path, &elf, NULL) == 1 && elf.interpreter &&
	       strcmp(elf.interpreter, reference->interpreter) == 0;
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
