/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/libdir.h"

#include "core/path.h"

#include <stdlib.h>
#include <string.h>

#define HWCAPS_DIR "glibc-hwcaps"
/* Three levels exist for x86-64, two or three for others. */
#define HWCAPS_MAX 32
/* Subdirectories of subdirectories, and how many in all. */
#define LEGACY_DEPTH_MAX 4
#define LEGACY_MAX 64
/* The names of a larger directory are not kept: memory. */
#define NAMES_MAX 20000

struct libdir {
	struct mp_strv names; /* sorted */
	bool complete;        /* otherwise there may be any name */
	struct mp_strv variants;
};

struct mp_libdirs {
	struct mp_resolver *resolver;
	struct mp_strmap *dirs; /* path → struct libdir */
};

static void libdir_free(void *value)
{
	struct libdir *dir = value;

	mp_strv_free(&dir->names);
	mp_strv_free(&dir->variants);
	mp_freep(&dir);
}

static void libdir_freep(struct libdir **dir)
{
	if (*dir)
		libdir_free(*dir);
}

struct mp_libdirs *mp_libdirs_new(struct mp_resolver *resolver)
{
	struct mp_libdirs *dirs = mp_xcalloc(1, sizeof(*dirs));

	dirs->resolver = resolver;
	dirs->dirs = mp_strmap_new(libdir_free);
	return dirs;
}

void mp_libdirs_freep(struct mp_libdirs **dirs)
{
	if (!*dirs)
		return;
	mp_strmap_freep(&(*dirs)->dirs);
	mp_freep(dirs);
}

static int by_bytes(const void *key, const void *element)
{
	return strcmp(key, *(char *const *)element);
}

static bool may_have(const struct libdir *dir, const char *name)
{
	if (!dir->complete)
		return true;
	return dir->names.n && bsearch(name, dir->names.v, dir->names.n, sizeof(char *), by_bytes);
}

static int read_variants(struct mp_libdirs *dirs, const char *path, struct libdir *dir,
			 struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };
	MP_AUTO(mp_freep) char *hwcaps = mp_path_join(path, HWCAPS_DIR);

	if (!may_have(dir, HWCAPS_DIR))
		return 0;
	if (mp_resolver_list(dirs->resolver, hwcaps, &names, err))
		return -1;
	for (size_t i = 0; i < names.n && i < HWCAPS_MAX; i++)
		mp_strv_push_take(&dir->variants, mp_path_join(hwcaps, names.v[i]));
	return 0;
}

/*
 * Names of the subdirectories that glibc before 2.37 looks into: "tls", the platform, and what the
 * kernel's AT_HWCAP has of the names that it knows (sysdeps of each machine, dl-procinfo.c).
 */
static const char *const legacy_names[] = {
	"tls",
	/* x86 */
	"x86_64",
	"haswell",
	"xeon_phi",
	"avx512_1",
	"i386",
	"i486",
	"i586",
	"i686",
	"sse2",
	/* Arm */
	"aarch64",
	"atomics",
	"neon",
	"vfp",
	"vfpv3",
	"vfpv3d16",
	"vfpv4",
	"iwmmxt",
	"half",
	"thumb",
	"fastmult",
	"edsp",
	"java",
	"v5l",
	"v6l",
	"v7l",
	"v8l",
	/* POWER */
	"power4",
	"power5",
	"power5+",
	"power6",
	"power6x",
	"power7",
	"power8",
	"power9",
	"power10",
	"ppc970",
	"ppc-cell-be",
	"altivec",
	"dfp",
	"vsx",
	/* IBM Z, SPARC */
	"esan3",
	"zarch",
	"stfle",
	"msa",
	"ldisp",
	"eimm",
	"etf3eh",
	"highgprs",
	"z900",
	"z990",
	"z9-109",
	"z10",
	"z196",
	"zEC12",
	"z13",
	"z14",
	"z15",
	"v9",
	"ultra3",
	"v9v",
};

static bool is_legacy_name(const char *name)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(legacy_names); i++) {
		if (strcmp(name, legacy_names[i]) == 0)
			return true;
	}
	return false;
}

/* Adds those of @names in @path, and theirs: they come in any combination. */
static int read_legacy(struct mp_libdirs *dirs, const char *path, const struct mp_strv *names,
		       struct libdir *dir, unsigned int depth, struct mp_error *err)
{
	for (size_t i = 0; i < names->n && dir->variants.n < LEGACY_MAX; i++) {
		MP_AUTO(mp_strv_free) struct mp_strv below = { 0 };
		MP_AUTO(mp_freep) char *subdir = NULL;

		if (!is_legacy_name(names->v[i]))
			continue;
		subdir = mp_path_join(path, names->v[i]);
		if (mp_resolver_list(dirs->resolver, subdir, &below, err))
			return -1;
		if (below.n == 0)
			continue;
		mp_strv_push(&dir->variants, subdir);
		if (depth < LEGACY_DEPTH_MAX &&
		    read_legacy(dirs, subdir, &below, dir, depth + 1, err))
			return -1;
	}
	return 0;
}

static struct libdir *get(struct mp_libdirs *dirs, const char *path, struct mp_error *err)
{
	struct libdir *known = mp_strmap_get(dirs->dirs, path);
	MP_AUTO(libdir_freep) struct libdir *dir = NULL;

	if (known)
		return known;
	dir = mp_xcalloc(1, sizeof(*dir));
	if (mp_resolver_list(dirs->resolver, path, &dir->names, err))
		return NULL;
	dir->complete = dir->names.n <= NAMES_MAX;
	if (read_variants(dirs, path, dir, err) ||
	    read_legacy(dirs, path, &dir->names, dir, 1, err))
		return NULL;
	if (!dir->complete)
		mp_strv_free(&dir->names);
	known = MP_STEAL(dir);
	mp_strmap_put(dirs->dirs, path, known);
	return known;
}

int mp_libdirs_may_have(struct mp_libdirs *dirs, const char *dir, const char *name,
			struct mp_error *err)
{
	const struct libdir *found = get(dirs, dir, err);

	return found ? may_have(found, name) : -1;
}

int mp_libdirs_variants(struct mp_libdirs *dirs, const char *dir,
			const struct mp_strv **subdirs_out, struct mp_error *err)
{
	const struct libdir *found = get(dirs, dir, err);

	if (!found)
		return -1;
	*subdirs_out = &found->variants;
	return 0;
}
