/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/libc_loads.h"

#include "core/interrupt.h"
#include "core/path.h"
#include "packer/abi.h"
#include "packer/libc_locale.h"
#include "packer/libc_symbols.h"
#include "packer/nsswitch.h"

#include <string.h>

#define N_USES 17
/* C libraries for different machines in one image. */
#define LIBCS_MAX 16
#define NAMES_MAX 4096

/* The C library of one machine, and who uses it. */
struct libc {
	const struct mp_elf *abi; /* of any file for that machine */
	const struct mp_elf *elf; /* of libc.so.6; NULL: not kept so far */
	char *path;               /* real path of that */
	/* By the bit of enum mp_libc_use: the first file that imports such a function. */
	char *users[MP_LIBC_USERS][N_USES];
	bool done[MP_LIBC_USERS][N_USES];
};

struct mp_libc_loads {
	struct mp_loader *loader;
	struct mp_fileset *set;
	const struct mp_strv *locales;
	struct mp_nsswitch *nsswitch; /* NULL: not read so far */
	struct libc libcs[LIBCS_MAX];
	size_t n;
};

struct mp_libc_loads *mp_libc_loads_new(struct mp_loader *loader, struct mp_fileset *set,
					const struct mp_strv *locales)
{
	struct mp_libc_loads *loads = mp_xcalloc(1, sizeof(*loads));

	loads->loader = loader;
	loads->set = set;
	loads->locales = locales;
	return loads;
}

void mp_libc_loads_freep(struct mp_libc_loads **loads)
{
	if (!*loads)
		return;
	for (size_t i = 0; i < (*loads)->n; i++) {
		struct libc *libc = &(*loads)->libcs[i];

		mp_freep(&libc->path);
		for (size_t j = 0; j < MP_LIBC_USERS * N_USES; j++)
			mp_freep(&libc->users[j / N_USES][j % N_USES]);
	}
	mp_nsswitch_freep(&(*loads)->nsswitch);
	mp_freep(loads);
}

static struct libc *libc_for(struct mp_libc_loads *loads, const struct mp_elf *elf)
{
	for (size_t i = 0; i < loads->n; i++) {
		if (mp_abi_equal(loads->libcs[i].abi, elf))
			return &loads->libcs[i];
	}
	if (loads->n == LIBCS_MAX)
		return NULL;
	loads->libcs[loads->n].abi = elf;
	return &loads->libcs[loads->n++];
}

void mp_libc_loads_note(struct mp_libc_loads *loads, const char *path, const struct mp_elf *elf,
			enum mp_libc_user user)
{
	bool is_libc = elf->soname && strcmp(elf->soname, "libc.so.6") == 0;
	struct libc *libc = is_libc || elf->libc_uses ? libc_for(loads, elf) : NULL;

	if (!libc)
		return;
	if (is_libc && !libc->elf) {
		libc->elf = elf;
		libc->path = mp_xstrdup(path);
	}
	for (size_t i = 0; i < N_USES; i++) {
		if ((elf->libc_uses & 1u << i) && !libc->users[user][i])
			libc->users[user][i] = mp_xstrdup(path);
	}
}

/* Keeps what @path leads to, if that is a regular file. 1, 0, -1. */
static int keep_file(struct mp_libc_loads *loads, const char *path, const struct mp_why *why,
		     struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	if (mp_resolve(mp_loader_resolver(loads->loader), path, 0, &res, err))
		return -1;
	if (!mp_resolution_is_file(&res))
		return 0;
	mp_resolution_keep(&res, loads->set, why);
	return 1;
}

/* A library that libc.so.6 opens by its name, as any other object does. */
static int keep_library(struct mp_libc_loads *loads, const struct libc *libc, const char *name,
			const struct mp_why *why, struct mp_error *err)
{
	const struct mp_loader_kind glibc = { 0 };
	MP_AUTO(mp_freep) char *origin = mp_path_parent(libc->path);
	const struct mp_object object = { .elf = libc->elf, .origin = origin };
	MP_AUTO(mp_library_clear) struct mp_library library = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv tried = { 0 };
	int rc = mp_loader_find(loads->loader, &glibc, &object, name, &library, &tried, err);

	if (rc < 0)
		return -1;
	for (size_t i = 0; i < library.n; i++)
		mp_resolution_keep(&library.files[i], loads->set, why);
	if (library.through && keep_file(loads, library.through, why, err) < 0)
		return -1;
	return 0;
}

/* Since glibc 2.34 these two are a part of libc.so.6, and their files are there for old programs.
 */
static bool is_built_in(const struct libc *libc, const char *service)
{
	return libc->elf->glibc_minor >= 34 &&
	       (strcmp(service, "files") == 0 || strcmp(service, "dns") == 0);
}

static int keep_services(struct mp_libc_loads *loads, const struct libc *libc, unsigned int use,
			 const char *user, struct mp_error *err)
{
	const char *database = mp_nsswitch_database(use);
	MP_AUTO(mp_freep) char *order = mp_xasprintf("NSS services of %s", database);
	const struct mp_strv *services;

	if (!loads->nsswitch &&
	    mp_nsswitch_read(mp_loader_resolver(loads->loader), &loads->nsswitch, err))
		return -1;
	if (keep_file(loads, MP_NSSWITCH_PATH,
		      MP_WHY(MP_REASON_LIBC, .because = user, .detail = order), err) < 0)
		return -1;
	services = mp_nsswitch_services(loads->nsswitch, use);
	for (size_t i = 0; i < services->n; i++) {
		MP_AUTO(mp_freep) char *name = mp_xasprintf("libnss_%s.so.2", services->v[i]);
		MP_AUTO(mp_freep)
		char *detail = mp_xasprintf("NSS service '%s' of %s", services->v[i], database);

		if (!is_built_in(libc, services->v[i]) &&
		    keep_library(loads, libc, name,
				 MP_WHY(MP_REASON_LIBC, .because = user, .detail = detail), err))
			return -1;
	}
	return 0;
}

/*
 * Where glibc's modules for iconv(3) are: beside the C library, but below /usr where that is in
 * /lib. "" where the image has none.
 */
static int find_gconv(struct mp_libc_loads *loads, const struct libc *libc, char **dir_out,
		      struct mp_strv *names, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *libdir = mp_path_parent(libc->path);
	const char *const prefixes[] = { "", "/usr" };

	for (size_t i = 0; i < MP_ARRAY_LEN(prefixes); i++) {
		MP_AUTO(mp_freep) char *dir = mp_xasprintf("%s%s/gconv", prefixes[i], libdir);

		if (mp_resolver_list(mp_loader_resolver(loads->loader), dir, names, err))
			return -1;
		if (names->n == 0)
			continue;
		*dir_out = MP_STEAL(dir);
		return 0;
	}
	*dir_out = mp_xstrdup("");
	return 0;
}

/*
 * The modules that glibc's own build counts as the base since 2.34: gconv-modules names them, all
 * others have a file in gconv-modules.d.
 */
static bool is_base_module(const char *name)
{
	static const char *const names[] = {
		"ANSI_X3.110.so", "CP1252.so", "ISO8859-1.so", "ISO8859-15.so",
		"UNICODE.so",     "UTF-16.so", "UTF-32.so",    "UTF-7.so",
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static bool is_module(const char *name)
{
	size_t len = strlen(name);

	return len > 3 && strcmp(name + len - 3, ".so") == 0;
}

/* The cache, or where there is none what it is made of. */
static int keep_gconv_config(struct mp_libc_loads *loads, const char *dir, const struct mp_why *why,
			     struct mp_error *err)
{
	MP_AUTO(mp_freep) char *cache = mp_path_join(dir, "gconv-modules.cache");
	MP_AUTO(mp_freep) char *list = mp_path_join(dir, "gconv-modules");
	MP_AUTO(mp_freep) char *more = mp_path_join(dir, "gconv-modules.d");
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };
	int rc = keep_file(loads, cache, why, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	if (keep_file(loads, list, why, err) < 0 ||
	    mp_resolver_list(mp_loader_resolver(loads->loader), more, &names, err))
		return -1;
	for (size_t i = 0; i < names.n && i < NAMES_MAX; i++) {
		MP_AUTO(mp_freep) char *path = mp_path_join(more, names.v[i]);

		if (keep_file(loads, path, why, err) < 0)
			return -1;
	}
	return 0;
}

/*
 * Which module a program asks for is seen when it runs. One that nobody has run, but somebody has
 * named, gets all of them; a library that can convert, but may never be asked to, the base ones.
 */
static int keep_gconv(struct mp_libc_loads *loads, const struct libc *libc, enum mp_libc_user user,
		      const char *path, struct mp_error *err)
{
	const struct mp_why *why =
		MP_WHY(MP_REASON_LIBC, .because = path, .detail = "iconv's modules");
	MP_AUTO(mp_freep) char *dir = NULL;
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };

	if (find_gconv(loads, libc, &dir, &names, err))
		return -1;
	if (!dir[0])
		return 0;
	if (keep_gconv_config(loads, dir, why, err))
		return -1;
	for (size_t i = 0; i < names.n && i < NAMES_MAX && user != MP_LIBC_USER_TRACED; i++) {
		MP_AUTO(mp_freep) char *module = mp_path_join(dir, names.v[i]);

		if (!is_module(names.v[i]) ||
		    (user != MP_LIBC_USER_NAMED && !is_base_module(names.v[i])))
			continue;
		if (mp_interrupt_check(err) || keep_file(loads, module, why, err) < 0)
			return -1;
	}
	return 0;
}

static int keep_locales(struct mp_libc_loads *loads, const struct libc *libc, const char *path,
			struct mp_error *err)
{
	for (size_t i = 0; i < loads->locales->n; i++) {
		const char *name = loads->locales->v[i];
		MP_AUTO(mp_freep) char *detail = mp_xasprintf("locale '%s'", name);
		MP_AUTO(mp_strv_free) struct mp_strv files = { 0 };

		if (mp_libc_locale_files(mp_loader_resolver(loads->loader), libc->elf->byte_order,
					 name, &files, err))
			return -1;
		for (size_t j = 0; j < files.n; j++) {
			if (keep_file(loads, files.v[j],
				      MP_WHY(MP_REASON_LIBC, .because = path, .detail = detail),
				      err) < 0)
				return -1;
		}
	}
	return 0;
}

static int keep_use(struct mp_libc_loads *loads, const struct libc *libc, unsigned int use,
		    enum mp_libc_user user, struct mp_error *err)
{
	const char *path = libc->users[user][__builtin_ctz(use)];

	if (use & MP_LIBC_DATABASES)
		return keep_services(loads, libc, use, path, err);
	if (use == MP_LIBC_ICONV)
		return keep_gconv(loads, libc, user, path, err);
	if (use == MP_LIBC_UNWIND)
		return keep_library(
			loads, libc, "libgcc_s.so.1",
			MP_WHY(MP_REASON_LIBC, .because = path, .detail = "to unwind a stack"),
			err);
	if (use == MP_LIBC_LOCALE && user != MP_LIBC_USER_TRACED)
		return keep_locales(loads, libc, path, err);
	return 0;
}

static int keep_of(struct mp_libc_loads *loads, struct libc *libc, struct mp_error *err)
{
	for (size_t i = 0; i < MP_LIBC_USERS * N_USES; i++) {
		enum mp_libc_user user = (enum mp_libc_user)(i / N_USES);
		size_t bit = i % N_USES;

		if (!libc->users[user][bit] || libc->done[user][bit])
			continue;
		libc->done[user][bit] = true;
		if (mp_interrupt_check(err) || keep_use(loads, libc, 1u << bit, user, err))
			return -1;
	}
	return 0;
}

int mp_libc_loads_keep(struct mp_libc_loads *loads, struct mp_error *err)
{
	for (size_t i = 0; i < loads->n; i++) {
		if (loads->libcs[i].elf && keep_of(loads, &loads->libcs[i], err))
			return -1;
	}
	return 0;
}
