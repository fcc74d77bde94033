/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/packages_internal.h"

#include "core/interrupt.h"
#include "core/log.h"
#include "core/path.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LINE_MAX_BYTES ((size_t)128 << 10)
/* Of most lists, all. Less than what malloc(3) asks the kernel for each time. */
#define LINE_BUFFER_BYTES ((size_t)32 << 10)
#define OS_RELEASE_MAX_BYTES ((size_t)64 << 10)

/* Most names in a database are of files that are not kept: this many bits tell so at once. */
#define FILTER_BITS ((size_t)1 << 17)

/* A database may name as many directories as it likes; a real one names some thousands. */
#define DIRS_MAX 200000

/*
 * All lists and stanzas together, and what is kept of them: a Debian with 5,000 packages has some
 * 100 MB of lists and 6 MB of stanzas. A hostile image has the same list under a thousand names.
 */
#define SCAN_MAX_BYTES ((uint64_t)512 << 20)
#define RECORDS_MAX_BYTES ((size_t)24 << 20)

/* Of a package that is asked for by name. */
#define PACKAGE_FILES_MAX 500000

struct mp_packages {
	struct mp_package_entry **v;
	size_t n, cap;
	struct mp_strmap *owners; /* path of a kept file → struct mp_package_entry */
	bool has_database;
	char *os_id, *os_version;
	/* While databases are scanned: */
	unsigned char *filter;         /* by the hash of a kept file's last name */
	char *dir_asked, *dir_reached; /* the last directory; reached: NULL where there is none */
	size_t dirs_left;
};

/* Lines */

int mp_lines_open(struct mp_lines *lines, struct mp_resolver *resolver, const char *path,
		  struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	*lines = (struct mp_lines){ .contents = MP_CONTENTS_CLOSED };
	if (mp_resolve(resolver, path, 0, &res, err))
		return -1;
	if (!mp_resolution_is_file(&res))
		return 0;
	if (mp_rootfs_open(mp_resolver_root(resolver), res.path, &lines->contents, err))
		return -1;
	lines->path = mp_xstrdup(res.path);
	lines->node = mp_xmalloc(sizeof(*lines->node));
	mp_node_copy(lines->node, res.node);
	lines->size = LINE_BUFFER_BYTES;
	lines->buf = mp_xmalloc(lines->size + 1);
	return 1;
}

void mp_lines_close(struct mp_lines *lines)
{
	mp_contents_close(&lines->contents);
	if (lines->node)
		mp_node_clear(lines->node);
	mp_freep(&lines->node);
	mp_freep(&lines->path);
	mp_freep(&lines->buf);
}

/* More bytes behind those that are there; at the end of the file none. */
static int fill(struct mp_lines *lines, struct mp_error *err)
{
	ssize_t got;

	memmove(lines->buf, lines->buf + lines->start, lines->end - lines->start);
	lines->end -= lines->start;
	lines->start = 0;
	if (lines->end == LINE_MAX_BYTES)
		return mp_error_set(err, MP_E_FORMAT, 0, "'%s' has a line of more than %zu bytes",
				    lines->path, LINE_MAX_BYTES);
	if (lines->end == lines->size) {
		lines->size *= 2;
		lines->buf = mp_xrealloc(lines->buf, lines->size + 1);
	}
	if (lines->at >= MP_LINES_MAX_BYTES)
		return mp_error_set(err, MP_E_FORMAT, 0, "'%s' is larger than %llu MiB",
				    lines->path, (unsigned long long)MP_LINES_MAX_BYTES >> 20);
	got = mp_contents_read(&lines->contents, lines->buf + lines->end, lines->size - lines->end,
			       lines->at);
	if (got < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read '%s'", lines->path);
	if (lines->budget && (uint64_t)got >= lines->budget->left) {
		lines->budget->left = 0;
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "'%s': with it, more than %llu MiB would be read of such files",
				    lines->path, (unsigned long long)SCAN_MAX_BYTES >> 20);
	}
	if (lines->budget)
		lines->budget->left -= (uint64_t)got;
	lines->ended = got == 0;
	lines->end += (size_t)got;
	lines->at += (uint64_t)got;
	return mp_interrupt_check(err);
}

int mp_lines_next(struct mp_lines *lines, char **line_out, size_t *len_out, struct mp_error *err)
{
	size_t looked = 0;

	for (;;) {
		char *line = lines->buf + lines->start;
		size_t have = lines->end - lines->start;
		char *newline = memchr(line + looked, '\n', have - looked);

		if (newline || (lines->ended && have > 0)) {
			size_t len = newline ? (size_t)(newline - line) : have;

			line[len] = '\0';
			lines->start += newline ? len + 1 : len;
			*line_out = line;
			*len_out = len;
			return 1;
		}
		if (lines->ended)
			return 0;
		looked = have;
		if (fill(lines, err))
			return -1;
	}
}

int mp_scan_open(struct mp_scan *scan, struct mp_lines *lines, const char *path,
		 struct mp_error *err)
{
	int rc;

	*lines = (struct mp_lines){ .contents = MP_CONTENTS_CLOSED };
	if (scan->budget.left == 0)
		return 0;
	rc = mp_lines_open(lines, scan->resolver, path, err);
	if (rc > 0)
		lines->budget = &scan->budget;
	return rc;
}

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

bool mp_scan_has_room(struct mp_scan *scan, size_t bytes)
{
	if (bytes <= scan->record_bytes_left) {
		scan->record_bytes_left -= bytes;
		return true;
	}
	if (!scan->warned)
		mp_warn("the package databases of the image have more than %zu MiB of records for "
			"what is packed: some are left out",
			RECORDS_MAX_BYTES >> 20);
	scan->warned = true;
	return false;
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
		.budget = { SCAN_MAX_BYTES },
		.record_bytes_left = RECORDS_MAX_BYTES,
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

/* Records for scanners */

/* Whether the program uses @path itself: then it stays as the image has it. */
static bool is_in_use(const struct mp_fileset *set, const char *path)
{
	const struct mp_file *file = mp_fileset_find(set, path);

	return file && file->why.reason != MP_REASON_PACKAGE;
}

static int keep_os_release(struct mp_resolver *resolver, struct mp_fileset *set,
			   struct mp_error *err)
{
	static const char *const paths[] = { "/etc/os-release", "/usr/lib/os-release" };

	for (size_t i = 0; i < MP_ARRAY_LEN(paths); i++) {
		MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

		if (mp_resolve(resolver, paths[i], 0, &res, err))
			return -1;
		if (!mp_resolution_is_file(&res))
			continue;
		mp_resolution_keep(&res, set, MP_WHY(MP_REASON_PACKAGE, .detail = "os-release"));
		return 0;
	}
	return 0;
}

/* @file: its name in the directory at the real path @dir. */
static void add_record(struct mp_fileset *set, const char *dir, const char *file,
		       const struct mp_package_entry *entry, const struct mp_buf *text)
{
	const struct mp_node node = {
		.mode = S_IFREG | 0644,
		.nlink = 1,
		.mtime_s = entry->mtime_s,
		.mtime_ns = entry->mtime_ns,
	};
	MP_AUTO(mp_freep) char *path = mp_path_join(dir, file);

	if (!is_in_use(set, path))
		mp_fileset_add_made(set, path, &node, text->data, text->len,
				    MP_WHY(MP_REASON_PACKAGE, .detail = entry->pub.name));
}

/* Not so of /proc and the like, which a link of the image may well lead to. */
static bool has_contents(const struct mp_resolver *resolver, const char *dir)
{
	MP_AUTO(mp_freep) char *path = mp_path_join(dir, "x");

	return !mp_resolver_hides(resolver, path) && !mp_path_is_under(dir, "/dev");
}

/* The real path of status.d, which is kept, or made where the image has none; NULL: no place. */
static int keep_status_dir(struct mp_resolver *resolver, struct mp_fileset *set,
			   const struct mp_package_entry *entry, char **path_out,
			   struct mp_error *err)
{
	const struct mp_node made = {
		.mode = S_IFDIR | 0755,
		.nlink = 1,
		.mtime_s = entry->mtime_s,
		.mtime_ns = entry->mtime_ns,
	};
	const struct mp_why why = { .reason = MP_REASON_PACKAGE, .detail = "dpkg" };
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	MP_AUTO(mp_resolution_clear) struct mp_resolution dpkg = { 0 };
	MP_AUTO(mp_freep) char *path = NULL;

	if (mp_resolve(resolver, MP_DPKG_DIR, 0, &dpkg, err) ||
	    mp_resolve(resolver, MP_DPKG_DIR "/status.d", 0, &res, err))
		return -1;
	if (res.status == MP_RESOLVED_FOUND && S_ISDIR(res.node->mode) &&
	    has_contents(resolver, res.path)) {
		mp_resolution_keep(&res, set, &why);
		*path_out = mp_xstrdup(res.path);
		return 0;
	}
	path = dpkg.status == MP_RESOLVED_FOUND ? mp_path_join(dpkg.path, "status.d") : NULL;
	if (!path || !res.missing || strcmp(path, res.missing) != 0) {
		mp_warn("'%s/status.d' in the image is no directory: the packed image gets no "
			"package records",
			MP_DPKG_DIR);
		return 0;
	}
	mp_resolution_keep(&dpkg, set, &why);
	mp_fileset_add(set, path, &made, &why);
	*path_out = MP_STEAL(path);
	return 0;
}

/* NAME, or NAME:ARCH where another package has the same name. */
static char *record_name(const struct mp_packages *packages, size_t i)
{
	const struct mp_package *pub = &packages->v[i]->pub;
	bool twin = (i > 0 && packages->v[i - 1]->pub.kind == pub->kind &&
		     strcmp(packages->v[i - 1]->pub.name, pub->name) == 0) ||
		    (i + 1 < packages->n && packages->v[i + 1]->pub.kind == pub->kind &&
		     strcmp(packages->v[i + 1]->pub.name, pub->name) == 0);

	if (!twin || !pub->architecture || !mp_package_name_is_sane(pub->architecture))
		return mp_xstrdup(pub->name);
	return mp_xasprintf("%s:%s", pub->name, pub->architecture);
}

static int add_dpkg(const struct mp_packages *packages, struct mp_resolver *resolver,
		    struct mp_fileset *set, struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution status = { 0 };
	MP_AUTO(mp_freep) char *dir = NULL;

	if (packages->n == 0 || packages->v[0]->pub.kind != MP_PACKAGE_DEB)
		return 0;
	if (mp_resolve(resolver, MP_DPKG_DIR "/status", 0, &status, err))
		return -1;
	if (status.status == MP_RESOLVED_FOUND && is_in_use(set, status.path))
		return 0;
	if (keep_status_dir(resolver, set, packages->v[0], &dir, err))
		return -1;
	for (size_t i = 0; dir && i < packages->n; i++) {
		const struct mp_package_entry *entry = packages->v[i];
		MP_AUTO(mp_freep) char *name = NULL;
		MP_AUTO(mp_freep) char *sums = NULL;

		if (entry->pub.kind != MP_PACKAGE_DEB)
			break;
		name = record_name(packages, i);
		sums = mp_xasprintf("%s.md5sums", name);
		add_record(set, dir, name, entry, &entry->record);
		if (entry->sums.len > 0)
			add_record(set, dir, sums, entry, &entry->sums);
	}
	return 0;
}

static int add_apk(const struct mp_packages *packages, struct mp_resolver *resolver,
		   struct mp_fileset *set, struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	struct mp_node node = { .mode = S_IFREG | 0644, .nlink = 1 };
	int rc = mp_apk_find(resolver, &res, err);

	for (size_t i = 0; i < packages->n; i++) {
		const struct mp_package_entry *entry = packages->v[i];

		if (entry->pub.kind != MP_PACKAGE_APK)
			continue;
		mp_buf_add(&text, entry->record.data, entry->record.len);
		mp_buf_addc(&text, '\n');
	}
	if (rc <= 0 || text.len == 0 || is_in_use(set, res.path))
		return rc < 0 ? -1 : 0;
	node.mtime_s = res.node->mtime_s;
	node.mtime_ns = res.node->mtime_ns;
	mp_resolution_keep(&res, set, MP_WHY(MP_REASON_PACKAGE, .detail = "apk"));
	mp_fileset_add_made(set, res.path, &node, text.data, text.len,
			    MP_WHY(MP_REASON_PACKAGE, .detail = "apk"));
	return 0;
}

int mp_packages_add_records(struct mp_packages *packages, struct mp_resolver *resolver,
			    struct mp_fileset *set, struct mp_error *err)
{
	if (!packages->has_database)
		return 0;
	if (keep_os_release(resolver, set, err) || add_dpkg(packages, resolver, set, err) ||
	    add_apk(packages, resolver, set, err))
		return mp_error_prefix(err, "package records");
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
