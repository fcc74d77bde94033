/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/packages_internal.h"

#include "core/log.h"
#include "core/path.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define OS_RELEASE_MAX_BYTES ((size_t)64 << 10)

/* Most names in a database are of files that are not kept: this many bits tell so at once. */
#define FILTER_BITS ((size_t)1 << 17)

/* Of a package that is asked for by name. */
#define PACKAGE_FILES_MAX 500000
/* A database may name as many directories as it likes; a real one names some thousands. */
#define DIRS_MAX 200000

/* Packages */

void mp_package_entry_free(void *ptr)
{
	struct mp_package_entry *entry = ptr;

	mp_freep(&entry->pub.name);
	mp_freep(&entry->pub.epoch);
	mp_freep(&entry->pub.version);
	mp_freep(&entry->pub.architecture);
	mp_freep(&entry->pub.source);
	mp_freep(&entry->pub.source_version);
	mp_freep(&entry->pub.maintainer);
	mp_freep(&entry->pub.license);
	mp_freep(&entry->pub.homepage);
	mp_freep(&entry->key);
	mp_buf_free(&entry->record);
	mp_buf_free(&entry->sums);
	mp_freep(&entry);
}

struct mp_package_entry *mp_scan_add(struct mp_scan *scan, enum mp_package_kind kind)
{
	struct mp_packages *packages = scan->packages;
	struct mp_package_entry *entry = mp_xcalloc(1, sizeof(*entry));

	entry->pub.kind = kind;
	packages->v = mp_array_grow(packages->v, packages->n, &packages->cap, sizeof(*packages->v));
	packages->v[packages->n++] = entry;
	return entry;
}

int mp_package_push(struct mp_strv *paths, const char *path, struct mp_error *err)
{
	if (paths->n >= PACKAGE_FILES_MAX)
		return mp_error_set(err, MP_E_FORMAT, 0, "it has more than %d files",
				    PACKAGE_FILES_MAX);
	/* Nothing is at a path that is too long to be asked for. */
	if (strlen(path) < PATH_MAX)
		mp_strv_push(paths, path);
	return 0;
}

void mp_packages_freep(struct mp_packages **packages)
{
	if (!*packages)
		return;
	for (size_t i = 0; i < (*packages)->n; i++)
		mp_package_entry_free((*packages)->v[i]);
	mp_freep(&(*packages)->v);
	mp_strmap_freep(&(*packages)->owners);
	mp_freep(&(*packages)->os_id);
	mp_freep(&(*packages)->os_version);
	mp_freep(&(*packages)->filter);
	mp_freep(&(*packages)->dir_asked);
	mp_freep(&(*packages)->dir_reached);
	mp_freep(packages);
}

static bool is_kept_package(const struct mp_package_entry *entry)
{
	return entry->installed && entry->pub.n_files > 0;
}

size_t mp_packages_count(const struct mp_packages *packages)
{
	return packages->n;
}

const struct mp_package *mp_packages_at(const struct mp_packages *packages, size_t index)
{
	return &packages->v[index]->pub;
}

const struct mp_package *mp_packages_owner(const struct mp_packages *packages, const char *path)
{
	const struct mp_package_entry *entry = mp_strmap_get(packages->owners, path);

	return entry ? &entry->pub : NULL;
}

const char *mp_packages_os_id(const struct mp_packages *packages)
{
	return packages->os_id;
}

const char *mp_packages_os_version(const struct mp_packages *packages)
{
	return packages->os_version;
}

bool mp_package_name_is_sane(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789+-._~:");

	return len > 0 && len <= 200 && !name[len] && name[0] != '.';
}

/* Which kept file a name means */

static size_t filter_bit(const char *name)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return (hash ^ hash >> 15) % FILTER_BITS;
}

bool mp_scan_may_match(const struct mp_scan *scan, const char *path)
{
	size_t bit = filter_bit(mp_path_base(path));

	return scan->packages->filter[bit / 8] & 1u << bit % 8;
}

void mp_scan_expect(struct mp_scan *scan, const char *path)
{
	size_t bit = filter_bit(mp_path_base(path));

	scan->packages->filter[bit / 8] |= (unsigned char)(1u << bit % 8);
}

static void fill_filter(struct mp_scan *scan)
{
	scan->packages->filter = mp_xcalloc(FILTER_BITS / 8, 1);
	for (size_t i = 0; i < mp_fileset_count(scan->set); i++) {
		const struct mp_file *file = mp_fileset_at(scan->set, i);

		if (!S_ISDIR(file->node.mode))
			mp_scan_expect(scan, file->path);
	}
}

/* Where the directory @dir (its own copy) really is: packages->dir_reached. */
static int reach_dir(struct mp_scan *scan, const char *dir, struct mp_error *err)
{
	struct mp_packages *packages = scan->packages;
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	if (packages->dir_asked && strcmp(packages->dir_asked, dir) == 0)
		return 0;
	mp_freep(&packages->dir_asked);
	mp_freep(&packages->dir_reached);
	if (packages->dirs_left == 0)
		return 0;
	if (--packages->dirs_left == 0)
		mp_warn("the package databases of the image name more than %d directories: files "
			"in others are taken for files of no package",
			DIRS_MAX);
	if (mp_resolve(scan->resolver, dir, 0, &res, err))
		return -1;
	packages->dir_asked = mp_xstrdup(dir);
	if (res.status == MP_RESOLVED_FOUND)
		packages->dir_reached = mp_xstrdup(res.path);
	return 0;
}

int mp_scan_match(struct mp_scan *scan, const char *path, const struct mp_file **file_out,
		  struct mp_error *err)
{
	struct mp_packages *packages = scan->packages;
	const struct mp_file *file;

	if (path[0] != '/' || !mp_scan_may_match(scan, path))
		return 0;
	file = mp_fileset_find(scan->set, path);
	if (!file) {
		MP_AUTO(mp_freep) char *dir = mp_path_parent(path);
		MP_AUTO(mp_freep) char *real = NULL;

		if (reach_dir(scan, dir, err))
			return -1;
		if (!packages->dir_reached)
			return 0;
		real = mp_path_join(packages->dir_reached, mp_path_base(path));
		file = mp_fileset_find(scan->set, real);
	}
	if (!file || S_ISDIR(file->node.mode))
		return 0;
	*file_out = file;
	return 1;
}

/* Whether a package that owns @file is one that is kept. */
static bool makes_kept(const struct mp_file *file)
{
	return S_ISREG(file->node.mode) && file->why.reason != MP_REASON_PACKAGE &&
	       fnmatch("/usr/share/doc/*/copyright", file->path, 0) != 0;
}

bool mp_scan_is_claimed(const struct mp_scan *scan, const struct mp_file *file)
{
	return mp_strmap_get(scan->packages->owners, file->path) != NULL;
}

void mp_scan_claim(struct mp_scan *scan, const struct mp_file *file, struct mp_package_entry *entry)
{
	if (mp_scan_is_claimed(scan, file))
		return;
	mp_strmap_put(scan->packages->owners, file->path, entry);
	entry->pub.n_files += makes_kept(file);
}

bool mp_scan_take_room(struct mp_scan *scan, size_t bytes)
{
	struct mp_packages *packages = scan->packages;

	if (bytes <= MP_RECORDS_MAX_BYTES - packages->record_bytes) {
		packages->record_bytes += bytes;
		return true;
	}
	if (!packages->full)
		mp_warn("the records of kept packages are larger than %zu MiB: some are left out",
			MP_RECORDS_MAX_BYTES >> 20);
	packages->full = true;
	return false;
}

int mp_scan_tolerate(int rc, const char *what, struct mp_error *err)
{
	if (rc >= 0 || err->code != MP_E_FORMAT)
		return rc;
	mp_warn("%s of the image: %s: what comes after that is left out", what, err->msg);
	return 1;
}

/* All databases */

static int by_name(const void *a, const void *b)
{
	const struct mp_package *x = &(*(struct mp_package_entry *const *)a)->pub;
	const struct mp_package *y = &(*(struct mp_package_entry *const *)b)->pub;
	int order;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	order = strcmp(x->name, y->name);
	if (order == 0)
		order = strcmp(x->architecture ? x->architecture : "",
			       y->architecture ? y->architecture : "");
	if (order == 0)
		order = strcmp(x->version ? x->version : "", y->version ? y->version : "");
	return order;
}

struct owners {
	struct mp_strmap *kept;
};

static void take_owner(const char *path, void *entry, void *context)
{
	struct owners *owners = context;

	if (is_kept_package(entry))
		mp_strmap_put(owners->kept, path, entry);
}

/* Leaves the packages that are kept, in their order. */
static void settle(struct mp_packages *packages)
{
	struct owners owners = { .kept = mp_strmap_new(NULL) };
	size_t n = 0;

	mp_strmap_each(packages->owners, take_owner, &owners);
	mp_strmap_freep(&packages->owners);
	packages->owners = owners.kept;
	for (size_t i = 0; i < packages->n; i++) {
		if (is_kept_package(packages->v[i]))
			packages->v[n++] = packages->v[i];
		else
			mp_package_entry_free(packages->v[i]);
	}
	packages->n = n;
	if (n > 0)
		qsort(packages->v, n, sizeof(*packages->v), by_name);
	for (size_t i = 0; i < n; i++)
		packages->v[i]->pub.index = i;
}

/* The value of a line of os-release(5), without its quotes; NULL for another variable. */
static char *variable_of(const char *line, const char *name)
{
	size_t len = strlen(name);
	const char *value = line + len + 1;

	if (strncmp(line, name, len) != 0 || line[len] != '=')
		return NULL;
	len = strlen(value);
	if (len >= 2 && (value[0] == '"' || value[0] == '\'') && value[len - 1] == value[0])
		return mp_xstrndup(value + 1, len - 2);
	return mp_xstrdup(value);
}

static int read_os_release(struct mp_scan *scan, struct mp_error *err)
{
	MP_AUTO(mp_lines_close) struct mp_lines lines = { .contents = MP_CONTENTS_CLOSED };
	char *line;
	size_t len;
	int rc = mp_lines_open(&lines, scan->resolver, "/etc/os-release", err);

	if (rc == 0)
		rc = mp_lines_open(&lines, scan->resolver, "/usr/lib/os-release", err);
	while (rc > 0 && lines.at <= OS_RELEASE_MAX_BYTES) {
		MP_AUTO(mp_freep) char *id = NULL;
		MP_AUTO(mp_freep) char *version = NULL;

		rc = mp_lines_next(&lines, &line, &len, err);
		if (rc <= 0)
			break;
		id = variable_of(line, "ID");
		version = variable_of(line, "VERSION_ID");
		if (id && !scan->packages->os_id)
			scan->packages->os_id = MP_STEAL(id);
		if (version && !scan->packages->os_version)
			scan->packages->os_version = MP_STEAL(version);
	}
	return mp_scan_tolerate(rc, "os-release", err);
}

int mp_packages_find(struct mp_resolver *resolver, const struct mp_fileset *set,
		     struct mp_packages **packages_out, struct mp_error *err)
{
	MP_AUTO(mp_packages_freep) struct mp_packages *packages = mp_xcalloc(1, sizeof(*packages));
	struct mp_scan scan = {
		.resolver = resolver,
		.set = set,
		.packages = packages,
		.budget = { MP_SCAN_MAX_BYTES },
	};
	int dpkg, apk, rpm;

	packages->owners = mp_strmap_new(NULL);
	packages->dirs_left = DIRS_MAX;
	fill_filter(&scan);
	dpkg = mp_dpkg_scan(&scan, err);
	apk = dpkg < 0 ? -1 : mp_apk_scan(&scan, err);
	rpm = apk < 0 ? -1 : mp_rpm_scan(&scan, err);
	if (rpm < 0)
		return mp_error_prefix(err, "package database");
	packages->has_database = dpkg || apk || rpm;
	if (packages->has_database && read_os_release(&scan, err) < 0)
		return mp_error_prefix(err, "package database");
	settle(packages);
	*packages_out = MP_STEAL(packages);
	return 0;
}

/* The files of one package */

/* Where a database's @path really is, if it is: its last component is not followed. */
static int push_real(struct mp_resolver *resolver, const char *path, struct mp_strv *paths,
		     struct mp_error *err)
{
	MP_AUTO(mp_freep) char *clean = mp_path_clean(path);
	MP_AUTO(mp_freep) char *parent = NULL;
	MP_AUTO(mp_freep) char *real = NULL;
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 };
	int rc;

	if (!clean || !clean[1])
		return 0;
	parent = mp_path_parent(clean);
	if (mp_resolve(resolver, parent, 0, &res, err))
		return -1;
	/* A name as ".." is no name of a file. */
	if (res.status != MP_RESOLVED_FOUND || strcmp(mp_path_base(clean), "..") == 0)
		return 0;
	real = mp_path_join(res.path, mp_path_base(clean));
	rc = mp_rootfs_lookup(mp_resolver_root(resolver), real, &node, err);
	if (rc > 0)
		mp_strv_push_take(paths, MP_STEAL(real));
	return rc < 0 ? -1 : 0;
}

int mp_packages_files(struct mp_resolver *resolver, const char *name, struct mp_strv *paths_out,
		      struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv named = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv real = { 0 };
	int rc = mp_dpkg_files(resolver, name, &named, err);

	if (rc == 0)
		rc = mp_apk_files(resolver, name, &named, err);
	if (rc == 0)
		rc = mp_rpm_files(resolver, name, &named, err);
	if (rc <= 0)
		return rc < 0 ? mp_error_prefix(err, "package '%s'", name) : 0;
	for (size_t i = 0; i < named.n; i++) {
		if (push_real(resolver, named.v[i], &real, err))
			return mp_error_prefix(err, "package '%s'", name);
	}
	mp_strv_copy(paths_out, &real);
	return 1;
}
