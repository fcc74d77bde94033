/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/process.h"

#include "core/interrupt.h"
#include "core/path.h"

#include <string.h>

/* In the text of a message; the rest is counted. */
#define TRIED_MAX_BYTES 4096
#define MISSING_MAX 1024

/* An object with what it owns. */
struct loaded {
	struct mp_object object;
	char *path;
	char *origin;
};

struct process {
	struct mp_loader *loader;
	struct mp_fileset *set;
	struct mp_strmap *anywhere; /* paths loaded in any process */
	struct mp_missing *missing;
	struct mp_loader_kind kind;
	struct loaded **objects; /* breadth first, as they are loaded */
	size_t n;
	size_t cap;
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
	mp_strv_push_take(&missing->texts, mp_buf_steal(&text));
}

void mp_missing_free(struct mp_missing *missing)
{
	mp_strv_free(&missing->names);
	mp_strv_free(&missing->texts);
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
	mp_strmap_put(process->anywhere, path, process->anywhere);
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
		rc = mp_loader_read_elf(process->loader, res->path, &elf, err);
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

	if (mp_resolve(mp_loader_resolver(process->loader), path, 0, &res, err))
		return -1;
	if (!mp_resolution_is_file(&res))
		return 0;
	mp_resolution_keep(&res, process->set, why);
	return 1;
}

static int take_library(struct process *process, const struct loaded *needer, const char *name,
			const struct mp_library *library, struct mp_error *err)
{
	for (size_t i = 0; i < library->n; i++) {
		mp_resolution_keep(
			&library->files[i], process->set,
			MP_WHY(MP_REASON_NEEDED, .because = needer->path, .detail = name));
		/* Variants for other CPUs have needs of their own, but are not what a name means.
		 */
		if (add_found(process, &library->files[i], i == 0 ? name : NULL, &needer->object,
			      err))
			return -1;
	}
	if (library->through &&
	    keep_file(process, library->through,
		      MP_WHY(MP_REASON_NEEDED, .because = needer->path, .detail = name), err) < 0)
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
		mp_missing_add(process->missing, path, needer->path, &tried);
	return rc < 0 ? -1 : 0;
}

static int need(struct process *process, const struct loaded *needer, const char *name,
		bool optional, struct mp_error *err)
{
	MP_AUTO(mp_library_clear) struct mp_library library = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv tried = { 0 };
	int rc;

	if (process->kind.musl && is_musl_itself(name))
		return need_musl(process, needer, err);
	if (mp_strmap_get(process->by_name, name))
		return 0;
	rc = mp_loader_find(process->loader, &process->kind, &needer->object, name, &library,
			    &tried, err);
	if (rc > 0)
		return take_library(process, needer, name, &library, err);
	if (rc == 0 && !optional)
		mp_missing_add(process->missing, name, needer->path, &tried);
	return rc;
}

static int need_all(struct process *process, const struct loaded *needer, struct mp_error *err)
{
	const struct mp_elf *elf = needer->object.elf;

	for (size_t i = 0; i < elf->auxiliary.n; i++) {
		if (need(process, needer, elf->auxiliary.v[i], true, err))
			return -1;
	}
	for (size_t i = 0; i < elf->needed.n; i++) {
		if (mp_interrupt_check(err) || need(process, needer, elf->needed.v[i], false, err))
			return -1;
	}
	return 0;
}

/* The kernel opens PT_INTERP itself, and the process cannot start without it. */
static int load_interpreter(struct process *process, const struct loaded *program,
			    struct mp_error *err)
{
	const char *text = program->object.elf->interpreter;
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv tried = { 0 };
	MP_AUTO(mp_freep)
	char *path = text[0] == '/' ? mp_xstrdup(text)
				    : mp_path_join(mp_loader_working_dir(process->loader), text);

	if (mp_resolve(mp_loader_resolver(process->loader), path, 0, &res, err))
		return -1;
	if (!mp_resolution_is_file(&res)) {
		mp_missing_add(process->missing, text, program->path, &tried);
		return 0;
	}
	mp_resolution_keep(&res, process->set,
			   MP_WHY(MP_REASON_INTERPRETER, .because = program->path));
	return add_found(process, &res, NULL, &program->object, err);
}

/* Without a program, the name of musl's C library, which tells the machine, tells the loader too.
 */
static void guess_kind(struct mp_loader_kind *kind, const struct mp_elf *elf)
{
	static const char musl[] = "libc.musl-";

	for (size_t i = 0; i < elf->needed.n; i++) {
		const char *arch = elf->needed.v[i] + strlen(musl);
		MP_AUTO(mp_freep) char *interpreter = NULL;

		if (strncmp(elf->needed.v[i], musl, strlen(musl)) != 0)
			continue;
		interpreter =
			mp_xasprintf("/lib/ld-musl-%.*s.so.1", (int)strcspn(arch, "./"), arch);
		mp_loader_kind_of(interpreter, kind);
		return;
	}
}

int mp_process_load(struct mp_loader *loader, struct mp_fileset *set, const char *path,
		    const struct mp_elf *elf, struct mp_strmap *loaded, struct mp_missing *missing,
		    struct mp_error *err)
{
	MP_AUTO(process_clear)
	struct process process = {
		.loader = loader,
		.set = set,
		.anywhere = loaded,
		.missing = missing,
		.by_name = mp_strmap_new(NULL),
		.by_path = mp_strmap_new(NULL),
	};
	const struct loaded *program;

	mp_loader_kind_of(elf->interpreter, &process.kind);
	if (!elf->interpreter)
		guess_kind(&process.kind, elf);
	program = add_object(&process, path, path, elf, NULL);
	if (elf->interpreter && load_interpreter(&process, program, err))
		return -1;
	for (size_t i = 0; i < process.n; i++) {
		if (need_all(&process, process.objects[i], err))
			return -1;
	}
	return 0;
}
