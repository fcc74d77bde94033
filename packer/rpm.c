/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/packages_internal.h"

#include "core/interrupt.h"
#include "core/log.h"
#include "core/path.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

/* Where distributions have it; one may be a symlink to the other. */
static const char *const dirs[] = { "/var/lib/rpm", "/usr/lib/sysimage/rpm" };

/*
 * Bounds: the header of one package, packages, and bytes read in all. A tree that a hostile file
 * describes may have more leaves than there are bytes in it.
 */
#define HEADER_MAX_BYTES (32 << 20)
#define PACKAGES_MAX 200000
#define READ_MAX_BYTES ((uint64_t)4 << 30)
/* Of SQLite, which has one header in it, and the schema. */
#define HEAP_MAX_BYTES ((int64_t)96 << 20)
#define CACHE_PRAGMA "PRAGMA cache_size=-2048; PRAGMA cell_size_check=1"

/*
 * SQLite reads the database through this alone: it opens no file of the host, and writes nothing.
 * (https://sqlite.org/c3ref/vfs.html)
 */
struct source {
	sqlite3_vfs vfs;
	const struct mp_contents *contents;
	uint64_t left; /* of READ_MAX_BYTES */
};

struct source_file {
	sqlite3_file base;
	struct source *source;
};

static int on_close(sqlite3_file *file)
{
	(void)file;
	return SQLITE_OK;
}

static int on_read(sqlite3_file *file, void *data, int len, sqlite3_int64 at)
{
	struct source *source = ((struct source_file *)file)->source;
	size_t done = 0;

	if ((uint64_t)len > source->left || mp_interrupt_check(NULL))
		return SQLITE_IOERR_READ;
	source->left -= (uint64_t)len;
	while (done < (size_t)len) {
		ssize_t got = mp_contents_read(source->contents, (char *)data + done,
					       (size_t)len - done, (uint64_t)at + done);

		if (got < 0)
			return SQLITE_IOERR_READ;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	if (done == (size_t)len)
		return SQLITE_OK;
	memset((char *)data + done, 0, (size_t)len - done);
	return SQLITE_IOERR_SHORT_READ;
}

static int on_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
	(void)file;
	(void)data;
	(void)len;
	(void)at;
	return SQLITE_READONLY;
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	(void)file;
	(void)size;
	return SQLITE_READONLY;
}

static int on_file_size(sqlite3_file *file, sqlite3_int64 *size_out)
{
	uint64_t size = 0;

	if (mp_contents_size(((struct source_file *)file)->source->contents, &size))
		return SQLITE_IOERR_FSTAT;
	*size_out = (sqlite3_int64)size;
	return SQLITE_OK;
}

/* Nobody else has it open: xSync, xLock and xUnlock. */
static int on_nothing(sqlite3_file *file, int flags)
{
	(void)file;
	(void)flags;
	return SQLITE_OK;
}

static int on_check_lock(sqlite3_file *file, int *locked_out)
{
	(void)file;
	*locked_out = 0;
	return SQLITE_OK;
}

static int on_control(sqlite3_file *file, int what, void *value)
{
	(void)file;
	(void)what;
	(void)value;
	return SQLITE_NOTFOUND;
}

static int on_sector_size(sqlite3_file *file)
{
	(void)file;
	return 0;
}

/* Immutable: without it, a database in WAL mode, as rpm's is, could not be read from one file. */
static int on_characteristics(sqlite3_file *file)
{
	(void)file;
	return SQLITE_IOCAP_IMMUTABLE;
}

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
		   int *flags_out)
{
	static const sqlite3_io_methods methods = {
		.iVersion = 1,
		.xClose = on_close,
		.xRead = on_read,
		.xWrite = on_write,
		.xTruncate = on_truncate,
		.xSync = on_nothing,
		.xFileSize = on_file_size,
		.xLock = on_nothing,
		.xUnlock = on_nothing,
		.xCheckReservedLock = on_check_lock,
		.xFileControl = on_control,
		.xSectorSize = on_sector_size,
		.xDeviceCharacteristics = on_characteristics,
	};

	(void)name;
	file->pMethods = NULL;
	if (!(flags & SQLITE_OPEN_MAIN_DB))
		return SQLITE_CANTOPEN;
	((struct source_file *)file)->source = vfs->pAppData;
	file->pMethods = &methods;
	if (flags_out)
		*flags_out = SQLITE_OPEN_READONLY;
	return SQLITE_OK;
}

static int on_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	(void)name;
	(void)sync;
	return SQLITE_READONLY;
}

/* No journal is there. */
static int on_access(sqlite3_vfs *vfs, const char *name, int flags, int *result_out)
{
	(void)vfs;
	(void)name;
	(void)flags;
	*result_out = 0;
	return SQLITE_OK;
}

static int on_full_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
	(void)vfs;
	snprintf(out, (size_t)size, "%s", name);
	return SQLITE_OK;
}

/* Reading the table */

/* Called for each package; 1 ends the reading. */
typedef int (*header_fn)(void *context, const struct mp_rpm_header *header, struct mp_error *err);

static void database_closep(sqlite3 **db)
{
	sqlite3_close(*db);
	*db = NULL;
}

static void statement_freep(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
	*statement = NULL;
}

static int broken(const char *path, sqlite3 *db, struct mp_error *err)
{
	if (mp_interrupt_check(err))
		return -1;
	return mp_error_set(err, MP_E_FORMAT, 0, "'%s': %s", path,
			    db ? sqlite3_errmsg(db) : "it cannot be opened");
}

/* Of a hostile schema nothing is run: no view, no trigger, no virtual table, no function. */
static int harden(sqlite3 *db)
{
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, HEADER_MAX_BYTES);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	return sqlite3_exec(db, CACHE_PRAGMA, NULL, NULL, NULL);
}

/*
 * A virtual table has no root page. A column that is computed ("AS (…)") would be computed for each
 * row, by functions that take as long as they like and look at no interrupt.
 */
static int check_table(sqlite3 *db, const char *path, struct mp_error *err)
{
	MP_AUTO(statement_freep) sqlite3_stmt *statement = NULL;
	int rc;

	if (sqlite3_prepare_v2(db,
			       "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND "
			       "name = 'Packages' AND rootpage > 0 AND NOT EXISTS "
			       "(SELECT 1 FROM pragma_table_xinfo('Packages') WHERE hidden <> 0)",
			       -1, &statement, NULL) != SQLITE_OK)
		return broken(path, db, err);
	rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		return 0;
	if (rc != SQLITE_DONE)
		return broken(path, db, err);
	return mp_error_set(err, MP_E_FORMAT, 0, "'%s' has no table of packages", path);
}

static int read_rows(sqlite3 *db, const char *path, header_fn each, void *context,
		     struct mp_error *err)
{
	MP_AUTO(statement_freep) sqlite3_stmt *statement = NULL;
	size_t n_wrong = 0;
	int rc = 0;

	if (check_table(db, path, err))
		return -1;
	if (sqlite3_prepare_v2(db, "SELECT blob FROM Packages", -1, &statement, NULL) != SQLITE_OK)
		return broken(path, db, err);
	for (size_t n = 0; rc == 0 && (rc = sqlite3_step(statement)) == SQLITE_ROW; n++) {
		const void *blob = sqlite3_column_blob(statement, 0);
		size_t len = (size_t)sqlite3_column_bytes(statement, 0);
		struct mp_rpm_header header;
		const char *wrong = blob ? mp_rpm_header_parse(blob, len, &header) : "it is empty";

		rc = 0;
		if (n >= PACKAGES_MAX)
			return mp_error_set(err, MP_E_FORMAT, 0, "'%s' has more than %d packages",
					    path, PACKAGES_MAX);
		if (wrong && n_wrong++ == 0)
			mp_warn("'%s': package headers are left out, the first because %s", path,
				wrong);
		if (!wrong)
			rc = each(context, &header, err);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc == SQLITE_DONE ? 0 : broken(path, db, err);
}

static int read_database(const struct mp_contents *contents, const char *path, header_fn each,
			 void *context, struct mp_error *err)
{
	struct source source = { .contents = contents, .left = READ_MAX_BYTES };
	sqlite3 *db = NULL;
	int rc;

	if (sqlite3_initialize() != SQLITE_OK)
		return mp_error_set(err, MP_E_SYS, 0, "start SQLite");
	sqlite3_hard_heap_limit64(HEAP_MAX_BYTES);
	source.vfs = *sqlite3_vfs_find(NULL);
	source.vfs.iVersion = 1;
	source.vfs.szOsFile = sizeof(struct source_file);
	source.vfs.pNext = NULL;
	source.vfs.zName = "micropack-contents";
	source.vfs.pAppData = &source;
	source.vfs.xOpen = on_open;
	source.vfs.xDelete = on_delete;
	source.vfs.xAccess = on_access;
	source.vfs.xFullPathname = on_full_path;
	if (sqlite3_vfs_register(&source.vfs, 0) != SQLITE_OK)
		return mp_error_set(err, MP_E_SYS, 0, "start SQLite");
	if (sqlite3_open_v2("rpmdb", &db, SQLITE_OPEN_READONLY, source.vfs.zName) != SQLITE_OK ||
	    harden(db) != SQLITE_OK)
		rc = broken(path, db, err);
	else
		rc = read_rows(db, path, each, context, err);
	database_closep(&db);
	sqlite3_vfs_unregister(&source.vfs);
	return rc;
}

/* Finding it */

/* Whether the regular file NAME is in @dir, and has something in it. */
static int has_file(struct mp_resolver *resolver, const char *dir, const char *name,
		    struct mp_error *err)
{
	MP_AUTO(mp_freep) char *path = mp_path_join(dir, name);
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	if (mp_resolve(resolver, path, 0, &res, err))
		return -1;
	return mp_resolution_is_file(&res) && res.node->size_bytes > 0;
}

/* Databases that are not read. */
static int warn_others(struct mp_resolver *resolver, struct mp_error *err)
{
	static const struct {
		const char *name, *format;
	} others[] = { { "Packages", "Berkeley DB" }, { "Packages.db", "ndb" } };

	for (size_t i = 0; i < MP_ARRAY_LEN(dirs); i++) {
		for (size_t j = 0; j < MP_ARRAY_LEN(others); j++) {
			int rc = has_file(resolver, dirs[i], others[j].name, err);

			if (rc < 0)
				return -1;
			if (rc == 0)
				continue;
			mp_warn("the rpm database of the image, '%s/%s', is in the %s format, "
				"which is not read: files are taken for files of no package",
				dirs[i], others[j].name, others[j].format);
			return 0;
		}
	}
	return 0;
}

/* 1 and the contents of the database (closed by the caller), 0 where there is none, -1. */
static int open_database(struct mp_resolver *resolver, struct mp_contents *contents_out,
			 char **path_out, struct mp_error *err)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(dirs); i++) {
		MP_AUTO(mp_freep) char *path = mp_path_join(dirs[i], "rpmdb.sqlite");
		MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
		int rc;

		if (mp_resolve(resolver, path, 0, &res, err))
			return -1;
		if (!mp_resolution_is_file(&res))
			continue;
		rc = has_file(resolver, dirs[i], "rpmdb.sqlite-wal", err);
		if (rc < 0)
			return -1;
		if (rc > 0)
			mp_warn("'%s-wal' in the image has changes that rpm did not merge into its "
				"database: they are not read",
				path);
		if (mp_rootfs_open(mp_resolver_root(resolver), res.path, contents_out, err))
			return -1;
		*path_out = MP_STEAL(path);
		return 1;
	}
	return warn_others(resolver, err);
}

/* Scanning */

struct rpm {
	struct mp_scan *scan;
	struct mp_package_entry *entry; /* of the header, once a file of it is kept */
};

static int scan_file(void *context, const char *path, struct mp_error *err)
{
	struct rpm *rpm = context;
	const struct mp_file *file = NULL;
	int rc = mp_scan_match(rpm->scan, path, &file, err);

	if (rc <= 0)
		return rc;
	/* Any number of packages may name it. */
	if (mp_scan_is_claimed(rpm->scan, file))
		return 0;
	if (!rpm->entry)
		rpm->entry = mp_scan_add(rpm->scan, MP_PACKAGE_RPM);
	mp_scan_claim(rpm->scan, file, rpm->entry);
	return 0;
}

/* NAME-VERSION-RELEASE.src.rpm */
static void take_source(struct mp_package *pub, const char *file)
{
	const char *dash = strrchr(file, '-');
	const char *before = dash ? memrchr(file, '-', (size_t)(dash - file)) : NULL;
	size_t len = strlen(before ? before : "");

	if (!before || before == file)
		return;
	pub->source = mp_xstrndup(file, (size_t)(before - file));
	if (len > 9 && strcmp(before + len - 8, ".src.rpm") == 0)
		pub->source_version = mp_xstrndup(before + 1, len - 9);
}

/* What is kept of @header in memory. */
static size_t text_bytes(const struct mp_rpm_header *header)
{
	const char *const texts[] = {
		header->version, header->release, header->architecture, header->vendor,
		header->license, header->url,     header->source,
	};
	size_t sum = 0;

	for (size_t i = 0; i < MP_ARRAY_LEN(texts); i++)
		sum += texts[i] ? strlen(texts[i]) : 0;
	return sum;
}

static int scan_header(void *context, const struct mp_rpm_header *header, struct mp_error *err)
{
	struct rpm *rpm = context;
	struct mp_package *pub;

	rpm->entry = NULL;
	if (mp_rpm_header_files(header, scan_file, rpm, err) < 0)
		return -1;
	if (!rpm->entry || !mp_package_name_is_sane(header->name) ||
	    !mp_scan_take_room(rpm->scan, text_bytes(header)))
		return 0;
	rpm->entry->installed = true;
	pub = &rpm->entry->pub;
	pub->name = mp_xstrdup(header->name);
	pub->version = mp_xasprintf("%s-%s", header->version, header->release);
	pub->architecture = mp_xstrdup(header->architecture);
	pub->maintainer = mp_xstrdup(header->vendor);
	pub->license = mp_xstrdup(header->license);
	pub->homepage = mp_xstrdup(header->url);
	if (header->has_epoch)
		pub->epoch = mp_xasprintf("%u", header->epoch);
	if (header->source)
		take_source(pub, header->source);
	return 0;
}

/* Reads the database of the image: 1, 0 where there is none, -1. */
static int read_image(struct mp_resolver *resolver, header_fn each, void *context,
		      struct mp_error *err)
{
	MP_AUTO(mp_contents_close) struct mp_contents contents = MP_CONTENTS_CLOSED;
	MP_AUTO(mp_freep) char *path = NULL;
	int rc = open_database(resolver, &contents, &path, err);

	if (rc <= 0)
		return rc;
	rc = read_database(&contents, path, each, context, err);
	return mp_scan_tolerate(rc, path, err) < 0 ? -1 : 1;
}

int mp_rpm_scan(struct mp_scan *scan, struct mp_error *err)
{
	struct rpm rpm = { .scan = scan };

	return read_image(scan->resolver, scan_header, &rpm, err);
}

/* The files of one package */

struct asked {
	const char *name;
	struct mp_strv *paths;
	bool found;
};

static int push_path(void *context, const char *path, struct mp_error *err)
{
	return mp_package_push(((struct asked *)context)->paths, path, err);
}

/* A name may be installed in several versions or for several architectures: all of them. */
static int push_files(void *context, const struct mp_rpm_header *header, struct mp_error *err)
{
	struct asked *asked = context;

	if (strcmp(header->name, asked->name) != 0)
		return 0;
	asked->found = true;
	return mp_rpm_header_files(header, push_path, asked, err);
}

int mp_rpm_files(struct mp_resolver *resolver, const char *name, struct mp_strv *paths,
		 struct mp_error *err)
{
	struct asked asked = { .name = name, .paths = paths };
	int rc = read_image(resolver, push_files, &asked, err);

	return rc <= 0 ? rc : asked.found;
}
