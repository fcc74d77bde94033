/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/closure.h"

#include "core/interrupt.h"
#include "core/path.h"
#include "packer/command.h"
#include "packer/libc_loads.h"
#include "packer/shebang.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct closure {
	struct mp_resolver *resolver;
	struct mp_fileset *set;
	const struct mp_closure_env *env;
	struct mp_loader *loader;
	struct mp_libc_loads *libc_loads;
	struct mp_strmap *loaded;   /* real paths that some process loaded */
	struct mp_strmap *provided; /* names by which kept ELF files are needed */
	struct mp_strv libraries;   /* without an interpreter, to be loaded by themselves at last */
	struct mp_missing missing;
};

static void closure_clear(struct closure *closure)
{
	mp_libc_loads_freep(&closure->libc_loads);
	mp_loader_freep(&closure->loader);
	mp_strmap_freep(&closure->loaded);
	mp_strmap_freep(&closure->provided);
	mp_strv_free(&closure->libraries);
	mp_missing_free(&closure->missing);
}

/* A script needs @name: found by PATH, or by itself where it is a path. */
static int keep_command(struct closure *closure, const char *script, const char *name,
			const char *search_path, struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv tried = { 0 };
	int rc = mp_command_find(closure->resolver, name, search_path, closure->env->working_dir,
				 &res, &tried, err);

	if (rc < 0)
		return -1;
	if (rc > 0)
		mp_resolution_keep(&res, closure->set,
				   MP_WHY(MP_REASON_SHEBANG, .because = script));
	else
		mp_missing_add(&closure->missing, name, script, &tried);
	return 0;
}

static int visit_script(struct closure *closure, const char *path, const char *head, size_t len,
			struct mp_error *err)
{
	MP_AUTO(mp_shebang_clear) struct mp_shebang shebang = { 0 };
	MP_AUTO(mp_freep) char *interpreter = NULL;

	if (!mp_shebang_parse(head, len, &shebang))
		return 0;
	/* Not searched: a bare name is a file in the current directory. */
	interpreter = shebang.interpreter[0] == '/'
			      ? mp_xstrdup(shebang.interpreter)
			      : mp_path_join(closure->env->working_dir, shebang.interpreter);
	if (keep_command(closure, path, interpreter, NULL, err))
		return -1;
	if (!shebang.command)
		return 0;
	return keep_command(closure, path, shebang.command,
			    shebang.search_path ? shebang.search_path : closure->env->search_path,
			    err);
}

static int load(struct closure *closure, const char *path, const struct mp_elf *elf,
		struct mp_error *err)
{
	const struct mp_process_common common = {
		.loader = closure->loader,
		.set = closure->set,
		.loaded = closure->loaded,
		.missing = &closure->missing,
		.preload = closure->env->preload,
		.suggested = closure->env->suggested,
	};

	return mp_process_load(&common, path, elf, err);
}

/* Chains of symlinks are no longer than mp_resolve walks. */
#define LINKS_MAX 64

enum mp_reason mp_closure_asked(const struct mp_fileset *set, const char *path)
{
	const struct mp_file *file = mp_fileset_find(set, path);

	for (size_t i = 0; file && i < LINKS_MAX; i++) {
		enum mp_reason reason = file->why.reason;

		if (reason == MP_REASON_TRACED || reason == MP_REASON_LISTED ||
		    reason == MP_REASON_RULE)
			return reason;
		if (reason != MP_REASON_TARGET || !file->why.because)
			break;
		file = mp_fileset_find(set, file->why.because);
	}
	return MP_REASON_COUNT;
}

/* Each file is kept because of one that was there before: the chain has an end. */
bool mp_closure_is_unused(const struct mp_fileset *set, const char *path)
{
	const struct mp_file *file = mp_fileset_find(set, path);
	size_t n = mp_fileset_count(set);

	if (mp_closure_asked(set, path) == MP_REASON_TRACED)
		return true;
	for (; file && n > 0; n--) {
		enum mp_reason reason = file->why.reason;

		if (reason == MP_REASON_DLOPEN || reason == MP_REASON_LIBC)
			return true;
		if ((reason != MP_REASON_NEEDED && reason != MP_REASON_TARGET) ||
		    !file->why.because)
			return false;
		file = mp_fileset_find(set, file->why.because);
	}
	return false;
}

static enum mp_libc_user user_of(const struct closure *closure, const char *path,
				 const struct mp_elf *elf)
{
	enum mp_reason reason = mp_closure_asked(closure->set, path);

	if (reason == MP_REASON_TRACED)
		return MP_LIBC_USER_TRACED;
	return reason != MP_REASON_COUNT && elf->interpreter ? MP_LIBC_USER_NAMED
							     : MP_LIBC_USER_CLOSURE;
}

static int visit_elf(struct closure *closure, const char *path, const struct mp_elf *elf,
		     struct mp_error *err)
{
	mp_libc_loads_note(closure->libc_loads, path, elf, user_of(closure, path, elf));
	if (elf->dynamic) {
		mp_strmap_put(closure->provided, mp_path_base(path), closure);
		if (elf->soname)
			mp_strmap_put(closure->provided, elf->soname, closure);
	}
	if (elf->interpreter)
		return load(closure, path, elf, err);
	if (elf->dynamic)
		mp_strv_push(&closure->libraries, path);
	return 0;
}

/* What the file is, its first bytes say. */
static int visit_contents(struct closure *closure, const struct mp_file *file, struct mp_error *err)
{
	MP_AUTO(mp_contents_close) struct mp_contents contents = MP_CONTENTS_CLOSED;
	const struct mp_elf *elf = NULL;
	char head[MP_SHEBANG_MAX];
	ssize_t len;
	int rc;

	if (mp_rootfs_open(mp_resolver_root(closure->resolver), file->path, &contents, err))
		return -1;
	len = mp_contents_read(&contents, head, sizeof(head), 0);
	if (len < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read '%s'", file->path);
	if (len >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0) {
		rc = mp_loader_read_elf_of(closure->loader, file->path, &contents, &elf, err);
		return rc <= 0 ? rc : visit_elf(closure, file->path, elf, err);
	}
	if (file->node.mode & 0111)
		return visit_script(closure, file->path, head, (size_t)len, err);
	return 0;
}

static int visit(struct closure *closure, const struct mp_file *file, struct mp_error *err)
{
	const struct mp_elf *elf = NULL;

	if (!S_ISREG(file->node.mode) || file->node.size_bytes < SELFMAG || file->made)
		return 0;
	if (mp_interrupt_check(err))
		return -1;
	if (!mp_loader_has_elf(closure->loader, file->path))
		return visit_contents(closure, file, err);
	if (mp_loader_read_elf(closure->loader, file->path, &elf, err) < 0)
		return -1;
	return visit_elf(closure, file->path, elf, err);
}

/*
 * Programs first, and only then libraries that none of them loaded: in a program they may be found
 * by its RPATH, by themselves not.
 */
static int visit_library(struct closure *closure, const char *path, struct mp_error *err)
{
	const struct mp_elf *elf = NULL;

	if (mp_strmap_get(closure->loaded, path))
		return 0;
	if (mp_loader_read_elf(closure->loader, path, &elf, err) < 0)
		return -1;
	return load(closure, path, elf, err);
}

static int visit_all(struct closure *closure, struct mp_error *err)
{
	size_t next_file = 0, next_library = 0;

	for (;;) {
		while (next_file < mp_fileset_count(closure->set)) {
			if (visit(closure, mp_fileset_at(closure->set, next_file++), err))
				return -1;
		}
		if (next_library < closure->libraries.n) {
			if (visit_library(closure, closure->libraries.v[next_library++], err))
				return -1;
			continue;
		}
		/* At last, what the C library adds: which may need something in its turn. */
		if (mp_libc_loads_keep(closure->libc_loads, err))
			return -1;
		if (next_file == mp_fileset_count(closure->set))
			return 0;
	}
}

int mp_closure_run(struct mp_resolver *resolver, struct mp_fileset *set,
		   const struct mp_closure_env *env, struct mp_missing *missing,
		   struct mp_error *err)
{
	MP_AUTO(closure_clear)
	struct closure closure = {
		.resolver = resolver,
		.set = set,
		.env = env,
		.loader = mp_loader_new(resolver, env->library_path, env->working_dir),
		.loaded = mp_strmap_new(NULL),
		.provided = mp_strmap_new(NULL),
	};

	closure.libc_loads = mp_libc_loads_new(closure.loader, set, &env->locales);
	if (visit_all(&closure, err))
		return mp_error_prefix(err, "closure");
	for (size_t i = 0; i < closure.missing.names.n; i++) {
		const char *name = closure.missing.names.v[i];

		if (mp_strmap_get(closure.provided, name))
			continue;
		mp_strv_push(&missing->names, name);
		mp_strv_push(&missing->texts, closure.missing.texts.v[i]);
		mp_strv_push(&missing->needed_by, closure.missing.needed_by.v[i]);
	}
	return 0;
}
