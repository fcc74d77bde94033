/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/packages_internal.h"

#include "core/log.h"
#include "core/path.h"

#include <string.h>
#include <sys/stat.h>

/* What scanners find in the packed image. */

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
	if (mp_resolution_is_dir(&res) && has_contents(resolver, res.path)) {
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
