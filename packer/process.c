/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/process.h"

#include "core/interrupt.h"
#include "core/path.h"
#include "packer/abi.h"

#include <string.h>

/* In the text of a message; the rest is counted. */
#define TRIED_MAX_BYTES 4096
#define MISSING_MAX 1024
/* Names that one process preloads. */
#define PRELOADS_MAX 256
#define PRELOAD_FILE "/etc/ld.so.preload"
#define PRELOAD_FILE_MAX_BYTES 65536

/* An object with what it owns. */
struct loaded {
	struct mp_object object;
	char *path;
	char *origin;
};

struct process {
	const struct mp_process_common *common;
	struct mp_loader_kind kind;
	struct loaded **objects; /* breadth first, as they are loaded */
	size_t n;
	size_t cap;
	size_t n_done;             /* objects whose needs are loaded, too */
	struct mp_strmap *by_name; /* what a later DT_NEEDED of that name means; values borrowed */
	struct mp_strmap *by_path;
};

static void tried_text(struct mp_buf *text, const struct mp_strv *tried)
{
	size_t start = text->len;

	for (size_t i = 0; i < tried->n; i++) {
		if (text->len - start > TRIED_MAX_BYTES) {
			mp_buf_addf(text, " and %zu more", tried->n - i);
			return;
		}
		mp_buf_adds(text, i ? ", " : "");
		mp_path_escape(text, tried->v[i]);
	}
}

void mp_missing_add(struct mp_missing *missing, const char *name, const char *needed_by,
		    const struct mp_strv *tried)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };

	if (missing->names.n == MISSING_MAX)
		return;
	mp_path_escape(&text, name);
	mp_buf_adds(&text, " needed by ");
	mp_path_escape(&text, needed_by);
	if (tried->n) {
		mp_buf_adds(&text, " (searched: ");
		tried_text(&text, tried);
		mp_buf_addc(&text, ')');
	}
	if (mp_strv_find(&missing->texts, text.data) >= 0)
		return;
	mp_strv_push(&missing->names, name);
	mp_strv_push(&missing->needed_by, needed_by);
	mp_strv_push_take(&missing->texts, mp_buf_steal(&text));
}

void mp_missing_free(struct mp_missing *missing)
{
	mp_strv_free(&missing->names);
	mp_strv_free(&missing->texts);
	mp_strv_free(&missing->needed_by);
}

static void process_clear(struct process *process)
{
	for (size_t i = 0; i < process->n; i++) {
		mp_freep(&process->objects[i]->path);
		mp_freep(&process->objects[i]->origin);
		mp_freep(&process->objects[i]);
	}
	mp_freep(&process->objects);
	mp_strmap_freep(&process->by_name);
	mp_strmap_freep(&process->by_path);
	mp_loader_kind_clear(&process->kind);
}

static struct loaded *add_object(struct process *process, const char *path, const char *spelled,
				 const struct mp_elf *elf, const struct mp_object *needer)
{
	struct loaded *loaded = mp_xcalloc(1, sizeof(*loaded));

	loaded->path = mp_xstrdup(path);
	/* The kernel tells an executable's real path; a library's is the one that it was opened by.
	 */
	loaded->origin = mp_path_parent(spelled);
	loaded->object = (struct mp_object){
		.elf = elf,
		.origin = loaded->origin,
		.needer = needer,
	};
	process->objects = mp_array_grow(process->objects, process->n, &process->cap,
					 sizeof(*process->objects));
	process->objects[process->n++] = loaded;
	mp_strmap_put(process->by_path, path, loaded);
	mp_strmap_put(process->common->loaded, path, loaded);
	if (elf->soname && !process->kind.musl && !mp_strmap_get(process->by_name, elf->soname))
		mp_strmap_put(process->by_name, elf->soname, loaded);
	return loaded;
}

/* The file at @res was found for @name: it is loaded, unless it was under another name. */
static int add_found(struct process *process, const struct mp_resolution *res, const char *name,
		     const struct mp_object *needer, struct mp_error *err)
{
	struct loaded *loaded = mp_strmap_get(process->by_path, res->path);
	const struct mp_elf *elf = NULL;
	int rc;

	if (!loaded) {
		rc = mp_loader_read_elf(process->common->loader, res->path, &elf, err);
		if (rc <= 0)
			return rc;
		loaded = add_object(process, res->path, res->asked, elf, needer);
	}
	if (name)
		mp_strmap_put(process->by_name, name, loaded);
	return 0;
}

/* Keeps what @path leads to, if anything, for @why; 1 where there is something. */
static int keep_file(struct process *process, const char *path, const struct mp_why *why,
		     struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	if (mp_resolve(mp_loader_resolver(process->common->loader), path, 0, &res, err))
		return -1;
	if (!mp_resolution_is_file(&res))
		return 0;
	mp_resolution_keep(&res, process->common->set, why);
	return 1;
}

static int take_library(struct process *process, const struct loaded *needer, const char *name,
			const struct mp_library *library, const struct mp_why *why,
			struct mp_error *err)
{
	for (size_t i = 0; i < library->n; i++) {
		if (!library->again)
			mp_resolution_keep(&library->files[i], process->common->set, why);
		/* Variants for other CPUs have needs of their own, but are not what a name means.
		 */
		if (add_found(process, &library->files[i], i == 0 ? name : NULL, &needer->object,
			      err))
			return -1;
	}
	if (library->through && !library->again &&
	    keep_file(process, library->through, why, err) < 0)
		return -1;
	return 0;
}

/*
 * musl is the loader and the C library in one: what names it, or a part of what other systems split
 * off, is never searched (ldso/dynlink.c, load_library).
 */
static bool is_musl_itself(const char *name)
{
	static const char *const parts[] = {
		"c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet."
	};

	if (strncmp(name, "lib", 3) != 0)
		return false;
	for (size_t i = 0; i < MP_ARRAY_LEN(parts); i++) {
		if (strncmp(name + 3, parts[i], strlen(parts[i])) == 0)
			return true;
	}
	return false;
}

/* A library of a musl system, found without a program: its loader is at the usual place. */
static int need_musl(struct process *process, const struct loaded *needer, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *path = NULL;
	MP_AUTO(mp_strv_free) struct mp_strv tried = { 0 };
	int rc;

	if (process->objects[0]->object.elf->interpreter)
		return 0;
	path = mp_xasprintf("/lib/ld-musl-%s.so.1", process->kind.musl_arch);
	rc = keep_file(process, path, MP_WHY(MP_REASON_NEEDED, .because = needer->path), err);
	if (rc == 0)
		mp_missing_add(process->common->missing, path, needer->path, &tried);
	return rc < 0 ? -1 : 0;
}

/* Loads @name for @needer, unless it is loaded. 1, 0 where nothing in the image has it, -1. */
static int find_library(struct process *process, const struct loaded *needer, const char *name,
			enum mp_reason reason, struct mp_strv *tried, struct mp_error *err)
{
	const struct mp_library *library = NULL;
	int rc;

	if (mp_strmap_get(process->by_name, name))
		return 1;
	rc = mp_loader_find(process->common->loader, &process->kind, &needer->object, name,
			    &library, tried, err);
	if (rc > 0 && take_library(process, needer, name, library,
				   MP_WHY(reason, .because = needer->path, .detail = name), err))
		return -1;
	return rc;
}

static int need(struct process *process, const struct loaded *needer, const char *name,
		bool optional, struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv tried = { 0 };
	int rc;

	if (process->kind.musl && is_musl_itself(name))
		return need_musl(process, needer, err);
	rc = find_library(process, needer, name, MP_REASON_NEEDED, &tried, err);
	if (rc == 0 && !optional)
		mp_missing_add(process->common->missing, name, needer->path, &tried);
	return rc < 0 ? -1 : 0;
}

static int need_list(struct process *process, const struct loaded *needer,
		     const struct mp_strv *names, bool optional, struct mp_error *err)
{
	for (size_t i = 0; i < names->n; i++) {
		if (mp_interrupt_check(err) || need(process, needer, names->v[i], optional, err))
			return -1;
	}
	return 0;
}

/* All that is loaded so far, and what that needs. musl knows nothing of filters. */
static int need_all(struct process *process, struct mp_error *err)
{
	while (process->n_done < process->n) {
		const struct loaded *needer = process->objects[process->n_done++];
		const struct mp_elf *elf = needer->object.elf;

		if (need_list(process, needer, &elf->needed, false, err))
			return -1;
		if (process->kind.musl)
			continue;
		if (need_list(process, needer, &elf->filters, false, err) ||
		    need_list(process, needer, &elf->auxiliary, true, err))
			return -1;
	}
	return 0;
}

/* One feature: the first of its libraries that there is, with what that needs. */
static int open_one(struct process *process, const struct loaded *opener,
		    const struct mp_dlopen *dlopen, struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv tried = { 0 };
	int rc = 0;

	if (dlopen->priority == MP_DLOPEN_SUGGESTED && !process->common->suggested)
		return 0;
	for (size_t i = 0; rc == 0 && i < dlopen->sonames.n; i++)
		rc = find_library(process, opener, dlopen->sonames.v[i], MP_REASON_DLOPEN, &tried,
				  err);
	if (rc == 0 && dlopen->priority == MP_DLOPEN_REQUIRED)
		mp_missing_add(process->common->missing, dlopen->sonames.v[0], opener->path,
			       &tried);
	return rc < 0 ? -1 : need_all(process, err);
}

/* When a process calls dlopen(3), what it needs to start is loaded. */
static int open_all(struct process *process, struct mp_error *err)
{
	for (size_t i = 0; i < process->n; i++) {
		const struct mp_dlopens *dlopens = &process->objects[i]->object.elf->dlopens;

		for (size_t j = 0; j < dlopens->n; j++) {
			if (mp_interrupt_check(err) ||
			    open_one(process, process->objects[i], &dlopens->v[j], err))
				return -1;
		}
	}
	return 0;
}

/* One that is not there is left out by the loader, with a message. */
static int preload(struct process *process, const char *names, const char *separators,
		   const char *detail, struct mp_error *err)
{
	const struct loaded *program = process->objects[0];
	MP_AUTO(mp_strv_free) struct mp_strv list = { 0 };

	mp_strv_split(&list, names, separators);
	for (size_t i = 0; i < list.n && i < PRELOADS_MAX; i++) {
		const struct mp_library *library = NULL;
		MP_AUTO(mp_strv_free) struct mp_strv tried = { 0 };
		int rc;

		if (!list.v[i][0] || mp_strmap_get(process->by_name, list.v[i]))
			continue;
		rc = mp_loader_find(process->common->loader, &process->kind, &program->object,
				    list.v[i], &library, &tried, err);
		if (rc < 0)
			return -1;
		if (rc > 0 && take_library(process, program, list.v[i], library,
					   MP_WHY(MP_REASON_NEEDED, .because = program->path,
						  .detail = detail),
					   err))
			return -1;
	}
	return 0;
}

/* What every program of this image loads first (ld.so(8), LD_PRELOAD and FILES). */
static int preload_all(struct process *process, struct mp_error *err)
{
	struct mp_resolver *resolver = mp_loader_resolver(process->common->loader);
	const struct loaded *program = process->objects[0];
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	struct mp_error local;
	int rc;

	if (process->common->preload &&
	    preload(process, process->common->preload, " :", "LD_PRELOAD", err))
		return -1;
	if (process->kind.musl)
		return 0;
	rc = mp_resolver_read_file(resolver, PRELOAD_FILE, PRELOAD_FILE_MAX_BYTES, &text, &local);
	if (rc < 0 && local.code != MP_E_FORMAT) {
		if (err)
			*err = local;
		return -1;
	}
	if (rc <= 0 || !text.data)
		return 0;
	if (keep_file(process, PRELOAD_FILE, MP_WHY(MP_REASON_NEEDED, .because = program->path),
		      err) < 0)
		return -1;
	return preload(process, text.data, ": \t\n", PRELOAD_FILE, err);
}

/* The kernel opens PT_INTERP itself, and the process cannot start without it. */
static int load_interpreter(struct process *process, const struct loaded *program,
			    struct mp_error *err)
{
	const char *text = program->object.elf->interpreter;
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv tried = { 0 };
	MP_AUTO(mp_freep)
	char *path = text[0] == '/'
			     ? mp_xstrdup(text)
			     : mp_path_join(mp_loader_working_dir(process->common->loader), text);

	if (mp_resolve(mp_loader_resolver(process->common->loader), path, 0, &res, err))
		return -1;
	if (!mp_resolution_is_file(&res)) {
		mp_missing_add(process->common->missing, text, program->path, &tried);
		return 0;
	}
	mp_resolution_keep(&res, process->common->set,
			   MP_WHY(MP_REASON_INTERPRETER, .because = program->path));
	return add_found(process, &res, NULL, &program->object, err);
}

/*
 * Without a program, the name of musl's C library tells: "libc.musl-x86_64.so.1" of Alpine names
 * the machine, too; "libc.so" is what it is called elsewhere (glibc's has a version).
 */
static char *guess_musl_arch(const struct mp_elf *elf)
{
	static const char musl[] = "libc.musl-";

	for (size_t i = 0; i < elf->needed.n; i++) {
		const char *name = elf->needed.v[i];

		if (strncmp(name, musl, strlen(musl)) == 0)
			return mp_xstrndup(name + strlen(musl), strcspn(name + strlen(musl), "./"));
		if (strcmp(name, "libc.so") == 0)
			return mp_xstrdup(mp_abi_musl_arch(elf));
	}
	return NULL;
}

static void guess_kind(struct mp_loader_kind *kind, const struct mp_elf *elf)
{
	MP_AUTO(mp_freep) char *arch = guess_musl_arch(elf);
	MP_AUTO(mp_freep) char *interpreter = NULL;

	if (!arch)
		return;
	interpreter = mp_xasprintf("/lib/ld-musl-%s.so.1", arch);
	mp_loader_kind_of(interpreter, kind);
}

int mp_process_load(const struct mp_process_common *common, const char *path,
		    const struct mp_elf *elf, struct mp_error *err)
{
	MP_AUTO(process_clear)
	struct process process = {
		.common = common,
		.by_name = mp_strmap_new(NULL),
		.by_path = mp_strmap_new(NULL),
	};
	const struct loaded *program;

	mp_loader_kind_of(elf->interpreter, &process.kind);
	if (!elf->interpreter)
		guess_kind(&process.kind, elf);
	program = add_object(&process, path, path, elf, NULL);
	if (elf->interpreter &&
	    (load_interpreter(&process, program, err) || preload_all(&process, err)))
		return -1;
	if (need_all(&process, err))
		return -1;
	return open_all(&process, err);
}
