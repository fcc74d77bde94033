/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/loader.h"

#include "core/log.h"
#include "core/path.h"
#include "packer/abi.h"
#include "packer/ldcache.h"
#include "packer/ldconf.h"
#include "packer/libdir.h"
#include "packer/tokens.h"

#include <string.h>
#include <sys/stat.h>

#define CACHE_PATH "/etc/ld.so.cache"
#define MUSL_PATH_MAX_BYTES 65536
#define ENV_DIRS_MAX 1024
/* Of search paths, in one search: an object inherits those of all that it was loaded for. */
#define TEXTS_MAX 1024
#define TRIED_MAX 512

struct mp_loader {
	struct mp_resolver *resolver;
	struct mp_strv env_dirs;
	char *working_dir;
	struct mp_libdirs *libdirs;
	struct mp_strmap *elfs; /* real path → struct seen */
	bool cache_read;
	struct mp_ldcache *cache; /* NULL: none, or malformed */
	struct mp_strv conf_dirs; /* of ld.so.conf, where there is no cache */
};

struct seen {
	bool is_elf;
	struct mp_elf elf;
};

static void seen_free(void *value)
{
	struct seen *seen = value;

	mp_elf_clear(&seen->elf);
	mp_freep(&seen);
}

struct mp_loader *mp_loader_new(struct mp_resolver *resolver, const char *library_path,
				const char *working_dir)
{
	struct mp_loader *loader = mp_xcalloc(1, sizeof(*loader));

	loader->resolver = resolver;
	loader->working_dir = mp_xstrdup(working_dir);
	loader->elfs = mp_strmap_new(seen_free);
	loader->libdirs = mp_libdirs_new(resolver);
	/* glibc takes ';' too, in this variable alone; musl takes a newline. */
	if (library_path && library_path[0])
		mp_strv_split(&loader->env_dirs, library_path, ":;\n");
	while (loader->env_dirs.n > ENV_DIRS_MAX)
		mp_freep(&loader->env_dirs.v[--loader->env_dirs.n]);
	return loader;
}

void mp_loader_freep(struct mp_loader **loader)
{
	if (!*loader)
		return;
	mp_strv_free(&(*loader)->env_dirs);
	mp_strv_free(&(*loader)->conf_dirs);
	mp_strmap_freep(&(*loader)->elfs);
	mp_libdirs_freep(&(*loader)->libdirs);
	mp_ldcache_freep(&(*loader)->cache);
	mp_freep(&(*loader)->working_dir);
	mp_freep(loader);
}

int mp_loader_read_elf(struct mp_loader *loader, const char *path, const struct mp_elf **elf_out,
		       struct mp_error *err)
{
	struct seen *seen = mp_strmap_get(loader->elfs, path);
	MP_AUTO(mp_contents_close) struct mp_contents contents = MP_CONTENTS_CLOSED;
	struct mp_error local;
	int rc;

	if (!seen) {
		if (mp_rootfs_open(mp_resolver_root(loader->resolver), path, &contents, err))
			return -1;
		seen = mp_xcalloc(1, sizeof(*seen));
		rc = mp_elf_read(&contents, path, &seen->elf, &local);
		if (rc < 0 && local.code != MP_E_FORMAT) {
			seen_free(seen);
			if (err)
				*err = local;
			return -1;
		}
		if (rc < 0)
			mp_warn("%s; kept as it is", local.msg);
		seen->is_elf = rc > 0;
		mp_strmap_put(loader->elfs, path, seen);
	}
	*elf_out = &seen->elf;
	return seen->is_elf;
}

struct mp_resolver *mp_loader_resolver(const struct mp_loader *loader)
{
	return loader->resolver;
}

const char *mp_loader_working_dir(const struct mp_loader *loader)
{
	return loader->working_dir;
}

void mp_loader_kind_of(const char *interpreter, struct mp_loader_kind *kind)
{
	static const char musl[] = "ld-musl-";
	const char *base = interpreter ? mp_path_base(interpreter) : "";
	const char *arch = base + strlen(musl);
	MP_AUTO(mp_freep) char *clean = NULL;
	MP_AUTO(mp_freep) char *dir = NULL;

	*kind = (struct mp_loader_kind){ 0 };
	if (strncmp(base, musl, strlen(musl)) != 0)
		return;
	kind->musl = true;
	kind->musl_arch = mp_xstrndup(arch, strcspn(arch, "."));
	clean = mp_path_clean(interpreter);
	dir = clean ? mp_path_parent(clean) : mp_xstrdup("/lib");
	kind->musl_prefix = mp_path_parent(dir);
	if (strcmp(kind->musl_prefix, "/") == 0)
		kind->musl_prefix[0] = '\0';
}

void mp_loader_kind_clear(struct mp_loader_kind *kind)
{
	mp_freep(&kind->musl_arch);
	mp_freep(&kind->musl_prefix);
}

void mp_library_clear(struct mp_library *library)
{
	for (size_t i = 0; i < library->n; i++)
		mp_resolution_clear(&library->files[i]);
	mp_freep(&library->files);
	mp_freep(&library->through);
	*library = (struct mp_library){ 0 };
}

/* One search. */
struct search {
	struct mp_loader *loader;
	const struct mp_loader_kind *kind;
	const struct mp_object *needer;
	const char *name;
	struct mp_library *library;
	struct mp_strv *tried;
	struct mp_strmap *seen; /* directories among those, of this name */
	size_t n_texts;         /* entries of search paths looked at */
};

/* Adds the file at @path where it is one of the needer's machine: others are passed over. 1, 0, -1.
 */
static int try_file(struct search *search, const char *path, struct mp_error *err)
{
	struct mp_library *library = search->library;
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	const struct mp_elf *elf = NULL;
	int rc;

	if (mp_resolve(search->loader->resolver, path, 0, &res, err))
		return -1;
	if (!mp_resolution_is_file(&res))
		return 0;
	rc = mp_loader_read_elf(search->loader, res.path, &elf, err);
	if (rc <= 0)
		return rc;
	if (!mp_abi_equal(elf, search->needer->elf))
		return 0;
	library->files =
		mp_array_grow(library->files, library->n, &library->cap, sizeof(*library->files));
	library->files[library->n++] = res;
	res = (struct mp_resolution){ 0 };
	return 1;
}

/* The file of that name in @dir, where there is one. */
static int try_name(struct search *search, const char *dir, const char *name, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *path = NULL;
	int rc = mp_libdirs_may_have(search->loader->libdirs, dir, name, err);

	if (rc <= 0)
		return rc;
	path = mp_path_join(dir, name);
	return try_file(search, path, err);
}

static int try_variants(struct search *search, const char *dir, const char *name,
			struct mp_error *err)
{
	const struct mp_strv *subdirs = NULL;

	if (search->kind->musl)
		return 0;
	if (mp_libdirs_variants(search->loader->libdirs, dir, &subdirs, err))
		return -1;
	for (size_t i = 0; i < subdirs->n; i++) {
		if (try_name(search, subdirs->v[i], name, err) < 0)
			return -1;
	}
	return 0;
}

/* 1 where @dir (absolute) has the library, if only for some CPUs. */
static int try_dir(struct search *search, const char *dir, struct mp_error *err)
{
	if (mp_strmap_get(search->seen, dir))
		return 0;
	mp_strmap_put(search->seen, dir, search);
	mp_strv_push(search->tried, dir);
	if (try_name(search, dir, search->name, err) < 0 ||
	    try_variants(search, dir, search->name, err))
		return -1;
	return search->library->n > 0;
}

static int try_dirs(struct search *search, const struct mp_strv *dirs, struct mp_error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < dirs->n; i++)
		rc = try_dir(search, dirs->v[i], err);
	return rc;
}

/* @text is one directory, or several where it is not known what a token in it stands for. */
static int try_text(struct search *search, const char *text, const struct mp_object *object,
		    struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv dirs = { 0 };

	mp_tokens_expand(text, object->origin, object->elf, search->kind->musl, &dirs);
	for (size_t i = 0; i < dirs.n; i++) {
		MP_AUTO(mp_freep)
		char *dir = dirs.v[i][0] == '/'
				    ? mp_path_clean(dirs.v[i])
				    : mp_path_join(search->loader->working_dir, dirs.v[i]);

		/* All of them: which it is depends on the CPU. */
		if (try_dir(search, dir, err) < 0)
			return -1;
	}
	return search->library->n > 0;
}

/*
 * The directories of a search path of @object, as texts with tokens. An empty one is the current
 * directory, but not to musl.
 */
static int try_search_path(struct search *search, const struct mp_strv *texts,
			   const struct mp_object *object, struct mp_error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < texts->n; i++) {
		if (search->n_texts++ >= TEXTS_MAX || search->tried->n >= TRIED_MAX)
			break;
		if (texts->v[i][0] || !search->kind->musl)
			rc = try_text(search, texts->v[i], object, err);
	}
	return rc;
}

static const struct mp_object *first_object(const struct mp_object *object)
{
	while (object->needer)
		object = object->needer;
	return object;
}

static int try_env(struct search *search, struct mp_error *err)
{
	return try_search_path(search, &search->loader->env_dirs, first_object(search->needer),
			       err);
}

/* Reads the cache, or ld.so.conf where there is none, once. */
static int read_cache(struct mp_loader *loader, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf data = { 0 };
	struct mp_error local;
	int rc;

	if (loader->cache_read)
		return 0;
	rc = mp_resolver_read_file(loader->resolver, CACHE_PATH, MP_LDCACHE_MAX_BYTES, &data,
				   &local);
	if (rc > 0 && mp_ldcache_parse(data.data, data.len, &loader->cache, &local))
		rc = -1;
	if (rc < 0 && local.code != MP_E_FORMAT) {
		if (err)
			*err = local;
		return -1;
	}
	if (rc < 0)
		mp_warn("%s of the image is not used: %s", CACHE_PATH, local.msg);
	if (!loader->cache && mp_ldconf_read(loader->resolver, &loader->conf_dirs, err))
		return -1;
	loader->cache_read = true;
	return 0;
}

/* DF_1_NODEFLIB: not from there, not even through the cache. */
static bool in_default_dir(const struct search *search, const char *path)
{
	MP_AUTO(mp_strv_free) struct mp_strv dirs = { 0 };

	mp_abi_default_dirs(search->needer->elf, &dirs);
	for (size_t i = 0; i < dirs.n; i++) {
		if (mp_path_is_under(path, dirs.v[i]))
			return true;
	}
	return false;
}

/* The plain entries, or those for some CPUs. Of the plain ones the first that fits is taken. */
static int try_entries(struct search *search, const struct mp_ldcache_entry *entries, size_t n,
		       bool variants, struct mp_error *err)
{
	for (size_t i = 0; i < n; i++) {
		int rc;

		if (entries[i].variant != variants || (search->needer->elf->no_default_lib &&
						       in_default_dir(search, entries[i].path)))
			continue;
		rc = try_file(search, entries[i].path, err);
		if (rc < 0)
			return -1;
		if (rc > 0 && !variants) {
			MP_AUTO(mp_freep) char *dir = mp_path_parent(entries[i].path);

			return try_variants(search, dir, mp_path_base(entries[i].path), err);
		}
	}
	return 0;
}

static int try_cache(struct search *search, struct mp_error *err)
{
	const struct mp_ldcache_entry *entries = NULL;
	size_t n;

	if (read_cache(search->loader, err))
		return -1;
	if (!search->loader->cache)
		return 0;
	mp_strv_push(search->tried, CACHE_PATH);
	n = mp_ldcache_find(search->loader->cache, search->name, &entries);
	if (try_entries(search, entries, n, false, err) ||
	    try_entries(search, entries, n, true, err))
		return -1;
	if (search->library->n == 0)
		return 0;
	search->library->through = mp_xstrdup(CACHE_PATH);
	return 1;
}

static int try_defaults(struct search *search, struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv dirs = { 0 };

	if (search->needer->elf->no_default_lib)
		return 0;
	mp_abi_default_dirs(search->needer->elf, &dirs);
	return try_dirs(search, &dirs, err);
}

/* RPATH of the object and of each that it was loaded for, unless the object itself has RUNPATH. */
static int try_rpaths(struct search *search, struct mp_error *err)
{
	int rc = 0;

	if (search->needer->elf->has_runpath)
		return 0;
	for (const struct mp_object *object = search->needer; rc == 0 && object;
	     object = object->needer) {
		if (!object->elf->has_runpath)
			rc = try_search_path(search, &object->elf->rpath, object, err);
	}
	return rc;
}

static int search_glibc(struct search *search, struct mp_error *err)
{
	int rc = try_rpaths(search, err);

	if (rc == 0)
		rc = try_env(search, err);
	if (rc == 0)
		rc = try_search_path(search, &search->needer->elf->runpath, search->needer, err);
	if (rc == 0)
		rc = try_cache(search, err);
	if (rc == 0)
		rc = try_defaults(search, err);
	/* The loader itself never reads ld.so.conf, but ldconfig does when the image is made fit.
	 */
	if (rc == 0 && !search->needer->elf->no_default_lib)
		rc = try_dirs(search, &search->loader->conf_dirs, err);
	return rc;
}

static int try_musl_path(struct search *search, struct mp_error *err)
{
	MP_AUTO(mp_freep)
	char *file = mp_xasprintf("%s/etc/ld-musl-%s.path", search->kind->musl_prefix,
				  search->kind->musl_arch);
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv dirs = { 0 };
	struct mp_error local;
	int rc = mp_resolver_read_file(search->loader->resolver, file, MUSL_PATH_MAX_BYTES, &text,
				       &local);
	int found;

	if (rc < 0 && local.code != MP_E_FORMAT) {
		if (err)
			*err = local;
		return -1;
	}
	mp_strv_split(&dirs, rc > 0 ? text.data ? text.data : "" : "/lib:/usr/local/lib:/usr/lib",
		      ":\n");
	found = try_search_path(search, &dirs, first_object(search->needer), err);
	if (found > 0 && rc > 0)
		search->library->through = MP_STEAL(file);
	return found;
}

/* One that has another token than $ORIGIN is as good as none (ldso/dynlink.c, fixup_rpath). */
static bool musl_reads(const struct mp_strv *dirs)
{
	for (size_t i = 0; i < dirs->n; i++) {
		for (const char *at = dirs->v[i]; (at = strchr(at, '$')); at++) {
			if (strncmp(at, "$ORIGIN", 7) != 0 && strncmp(at, "${ORIGIN}", 9) != 0)
				return false;
		}
	}
	return true;
}

/* RPATH and RUNPATH are one thing, which an object inherits from those that it was loaded for. */
static int search_musl(struct search *search, struct mp_error *err)
{
	int rc = try_env(search, err);

	for (const struct mp_object *object = search->needer; rc == 0 && object;
	     object = object->needer) {
		const struct mp_elf *elf = object->elf;
		const struct mp_strv *dirs = elf->has_runpath ? &elf->runpath : &elf->rpath;

		if (musl_reads(dirs))
			rc = try_search_path(search, dirs, object, err);
	}
	if (rc == 0)
		rc = try_musl_path(search, err);
	return rc;
}

/* A name with a slash is a path, and nothing is searched. */
static int try_path(struct search *search, struct mp_error *err)
{
	MP_AUTO(mp_freep)
	char *path = search->name[0] == '/'
			     ? mp_xstrdup(search->name)
			     : mp_path_join(search->loader->working_dir, search->name);

	mp_strv_push(search->tried, path);
	return try_file(search, path, err);
}

int mp_loader_find(struct mp_loader *loader, const struct mp_loader_kind *kind,
		   const struct mp_object *needer, const char *name, struct mp_library *library_out,
		   struct mp_strv *tried, struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };
	MP_AUTO(mp_library_clear) struct mp_library library = { 0 };
	struct search search = {
		.loader = loader,
		.kind = kind,
		.needer = needer,
		.library = &library,
		.tried = tried,
	};
	int rc = 0;

	mp_tokens_expand(name, needer->origin, needer->elf, kind->musl, &names);
	for (size_t i = 0; rc >= 0 && i < names.n; i++) {
		MP_AUTO(mp_strmap_freep) struct mp_strmap *seen = mp_strmap_new(NULL);

		search.name = names.v[i];
		search.seen = seen;
		if (strchr(search.name, '/'))
			rc = try_path(&search, err);
		else
			rc = kind->musl ? search_musl(&search, err) : search_glibc(&search, err);
	}
	if (rc < 0 || library.n == 0)
		return rc < 0 ? -1 : 0;
	*library_out = library;
	library = (struct mp_library){ 0 };
	return 1;
}
