/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/path.h"
#include "packer/abi.h"
#include "packer/closure.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Compares, for each dynamic ELF file below a directory that holds an unpacked image, what
 * micropack finds that it needs with what the image's own dynamic loader lists, when it runs with
 * that directory as its root: all libraries, by their real paths, and the names that it does not
 * find. Prints what differs, and at last "N files, N libraries, N differ".
 * usage: reference ROOT
 */
struct reference {
	const char *root_path;
	struct mp_rootfs *root;
	struct mp_strv files;    /* ELF files, as paths in the root */
	struct mp_strv programs; /* interpreters in them, each once */
	size_t compared, libraries, differing;
};

static struct reference reference;

static void die(const char *what)
{
	fprintf(stderr, "reference: %s: %s\n", what, strerror(errno));
	exit(2);
}

static bool read_elf(const char *path, struct mp_elf *elf)
{
	MP_AUTO(mp_freep) char *full = mp_xasprintf("%s%s", reference.root_path, path);
	MP_AUTO(mp_closep) int fd = open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct mp_error err;

	return fd >= 0 && mp_elf_read(&MP_CONTENTS_OF(fd), path, elf, &err) == 1;
}

static int visit(const char *full, const struct stat *st, int type, struct FTW *ftw)
{
	const char *path = full + strlen(reference.root_path);
	struct mp_elf elf = { 0 };

	(void)ftw;
	if (type != FTW_F || !S_ISREG(st->st_mode) || !read_elf(path, &elf))
		return 0;
	if (elf.dynamic && (elf.needed.n || elf.interpreter))
		mp_strv_push(&reference.files, path);
	if (elf.interpreter && mp_strv_find(&reference.programs, elf.interpreter) < 0)
		mp_strv_push(&reference.programs, elf.interpreter);
	mp_elf_clear(&elf);
	return 0;
}

static bool is_musl(const char *interpreter)
{
	return strstr(interpreter, "/ld-musl-") != NULL;
}

static bool wants_musl(const struct mp_elf *elf)
{
	return mp_strv_find(&elf->needed, "libc.so") >= 0;
}

/* The loader that takes the file: its own, or for a library that of programs for its machine. */
static const char *interpreter_of(const struct mp_elf *elf)
{
	if (elf->interpreter)
		return elf->interpreter;
	for (size_t i = 0; i < reference.programs.n; i++) {
		const char *candidate = reference.programs.v[i];
		struct mp_error err;
		struct mp_resolver *resolver = mp_resolver_new(reference.root, NULL);
		struct mp_resolution res = { 0 };
		struct mp_elf loader = { 0 };
		bool fits = mp_resolve(resolver, candidate, 0, &res, &err) == 0 &&
			    mp_resolution_is_file(&res) && read_elf(res.path, &loader) &&
			    mp_abi_equal(&loader, elf) && is_musl(candidate) == wants_musl(elf);

		mp_elf_clear(&loader);
		mp_resolution_clear(&res);
		mp_resolver_freep(&resolver);
		if (fits)
			return candidate;
	}
	return NULL;
}

/* Both outputs of the loader, with the root as its root. */
static FILE *start_loader(const char *interpreter, const char *path, pid_t *pid_out)
{
	char *glibc[] = { (char *)interpreter, (char *)path, NULL };
	char *musl[] = { (char *)interpreter, "--list", (char *)path, NULL };
	char *envp[] = { "LD_TRACE_LOADED_OBJECTS=1", NULL };
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		die("pipe");
	*pid_out = fork();
	if (*pid_out < 0)
		die("fork");
	if (*pid_out == 0) {
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		if (chroot(reference.root_path) == 0 && chdir("/") == 0) {
			if (is_musl(interpreter))
				execve(interpreter, musl, envp + 1);
			else
				execve(interpreter, glibc, envp);
		}
		_exit(127);
	}
	close(ends[1]);
	return fdopen(ends[0], "r");
}

/* A loader does not list itself where it finds nothing that needs it. */
static void drop_interpreter(struct mp_resolver *resolver, const struct mp_elf *elf,
			     struct mp_strv *list)
{
	struct mp_resolution res = { 0 };
	struct mp_error err;
	long at;

	if (!elf->interpreter)
		return;
	if (mp_resolve(resolver, elf->interpreter, 0, &res, &err))
		die(err.msg);
	at = mp_resolution_is_file(&res) ? mp_strv_find(list, res.path) : -1;
	if (at >= 0) {
		mp_freep(&list->v[at]);
		list->v[at] = list->v[--list->n];
		mp_strv_sort(list);
	}
	mp_resolution_clear(&res);
}

static void push_once(struct mp_strv *list, const char *text)
{
	if (mp_strv_find(list, text) < 0)
		mp_strv_push(list, text);
}

/* "NAME => PATH (…", "PATH (…", "NAME => not found"; the vDSO, which is no file; musl's errors. */
static void read_line(struct mp_resolver *resolver, const char *line, struct mp_strv *list)
{
	static const char error[] = "Error loading shared library ";
	const char *arrow = strstr(line, " => ");
	struct mp_resolution res = { 0 };
	struct mp_error err;
	char path[4096];

	if (strncmp(line, error, strlen(error)) == 0) {
		snprintf(path, sizeof(path), "%.*s not found",
			 (int)strcspn(line + strlen(error), ":"), line + strlen(error));
		push_once(list, path);
		return;
	}
	if (sscanf(arrow ? arrow + 4 : line, " %4095s", path) != 1)
		return;
	if (arrow && strcmp(path, "not") == 0) {
		line += strspn(line, " \t");
		snprintf(path, sizeof(path), "%.*s not found", (int)(arrow - line), line);
		push_once(list, path);
		return;
	}
	MP_AUTO(mp_freep) char *absolute = mp_path_join("/", path);
	if (mp_resolve(resolver, absolute, 0, &res, &err))
		die(err.msg);
	if (mp_resolution_is_file(&res))
		push_once(list, res.path);
	mp_resolution_clear(&res);
}

static void list_by_loader(struct mp_resolver *resolver, const char *interpreter, const char *path,
			   struct mp_strv *list)
{
	char line[8192];
	int status;
	pid_t pid;
	FILE *out = start_loader(interpreter, path, &pid);

	while (fgets(line, sizeof(line), out))
		read_line(resolver, line, list);
	fclose(out);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	mp_strv_sort(list);
}

/* Whether it is loaded at the start, and not later, as a note or the C library says. */
static bool is_loaded_at_start(const struct mp_fileset *set, const struct mp_file *file)
{
	while (file->why.reason == MP_REASON_NEEDED || file->why.reason == MP_REASON_TARGET)
		file = mp_fileset_find(set, file->why.because);
	return file->why.reason == MP_REASON_LISTED || file->why.reason == MP_REASON_INTERPRETER;
}

static void list_by_closure(struct mp_resolver *resolver, struct mp_fileset *set, const char *path,
			    struct mp_strv *list)
{
	const struct mp_closure_env env = { .working_dir = "/" };
	struct mp_missing missing = { 0 };
	struct mp_resolution res = { 0 };
	struct mp_error err;

	if (mp_resolve(resolver, path, 0, &res, &err))
		die(err.msg);
	mp_resolution_keep(&res, set, MP_WHY(MP_REASON_LISTED));
	mp_resolution_clear(&res);
	if (mp_closure_run(resolver, set, &env, &missing, &err))
		die(err.msg);
	for (size_t i = 0; i < mp_fileset_count(set); i++) {
		const struct mp_file *file = mp_fileset_at(set, i);

		/* Text that told the loader where, and what it takes on other CPUs, is not listed.
		 */
		if (S_ISREG(file->node.mode) && strcmp(file->path, path) != 0 &&
		    strncmp(file->path, "/etc/ld", 7) != 0 &&
		    !strstr(file->path, "/glibc-hwcaps/") && is_loaded_at_start(set, file))
			push_once(list, file->path);
	}
	for (size_t i = 0; i < missing.names.n; i++) {
		MP_AUTO(mp_freep) char *text = mp_xasprintf("%s not found", missing.names.v[i]);

		push_once(list, text);
	}
	mp_missing_free(&missing);
	mp_strv_sort(list);
}

static void print_rest(const char *path, const char *what, const struct mp_strv *list,
		       const struct mp_strv *other)
{
	for (size_t i = 0; i < list->n; i++) {
		if (mp_strv_find(other, list->v[i]) < 0)
			printf("%s: %s: %s\n", path, what, list->v[i]);
	}
}

static void compare(const char *path)
{
	struct mp_fileset *set = mp_fileset_new();
	struct mp_resolver *resolver = mp_resolver_new(reference.root, set);
	MP_AUTO(mp_strv_free) struct mp_strv expected = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv kept = { 0 };
	MP_AUTO(mp_elf_clear) struct mp_elf elf = { 0 };
	const char *interpreter = read_elf(path, &elf) ? interpreter_of(&elf) : NULL;
	bool same;

	if (interpreter) {
		list_by_loader(resolver, interpreter, path, &expected);
		list_by_closure(resolver, set, path, &kept);
		drop_interpreter(resolver, &elf, &expected);
		drop_interpreter(resolver, &elf, &kept);
		same = expected.n == kept.n;
		for (size_t i = 0; same && i < kept.n; i++)
			same = strcmp(kept.v[i], expected.v[i]) == 0;
		if (!same) {
			print_rest(path, "the loader alone", &expected, &kept);
			print_rest(path, "micropack alone", &kept, &expected);
		}
		reference.compared++;
		reference.differing += !same;
		reference.libraries += expected.n;
	} else {
		printf("%s: no loader in the image is for it\n", path);
	}
	mp_resolver_freep(&resolver);
	mp_fileset_freep(&set);
}

int main(int argc, char **argv)
{
	struct mp_error err;

	if (argc != 2) {
		fprintf(stderr, "usage: reference ROOT\n");
		return 2;
	}
	reference.root_path = argv[1];
	if (mp_rootfs_open_directory(argv[1], &reference.root, &err)) {
		fprintf(stderr, "reference: %s\n", err.msg);
		return 2;
	}
	if (nftw(argv[1], visit, 64, FTW_PHYS))
		die(argv[1]);
	for (size_t i = 0; i < reference.files.n; i++)
		compare(reference.files.v[i]);
	printf("%zu files, %zu libraries, %zu differ\n", reference.compared, reference.libraries,
	       reference.differing);
	mp_strv_free(&reference.files);
	mp_strv_free(&reference.programs);
	mp_rootfs_freep(&reference.root);
	return reference.differing ? 1 : 0;
}
