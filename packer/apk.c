/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/packages_internal.h"

#include "core/path.h"

#include <string.h>

/*
 * apk's installed database (apk-installed(5) of apk-tools 3; the format is that of 2): stanzas of
 * lines "X:VALUE". Fields of the package come first; then F, a directory without a slash before it,
 * with M, its metadata, and for each file in it R, its name, with a, its metadata, and Z, its
 * digest.
 */

static const char *const paths[] = { "/lib/apk/db/installed", "/usr/lib/apk/db/installed" };

/* The fields of the longest package in Alpine have some 20 kB. */
#define RECORD_MAX_BYTES ((size_t)1 << 20)
#define DIR_MAX_BYTES ((size_t)8192)

/* Called for each file, with the package's entry as far as it was read. */
typedef int (*file_fn)(void *context, struct mp_package_entry *entry, const char *path, bool *keep,
		       struct mp_error *err);

/* A database that is being read. */
struct reader {
	struct mp_package_entry *entry; /* of the stanza; NULL between them */
	struct mp_buf dir;              /* the lines F and M of the directory */
	char *dir_path;                 /* absolute; NULL: none, or a hostile one */
	bool dir_kept;                  /* those lines are in the record */
	bool file_kept;                 /* what belongs to the last R goes there too */
	bool in_files;                  /* an F was there */
	file_fn file;
	void *context;
};

static void reader_reset(struct reader *reader)
{
	mp_buf_clear(&reader->dir);
	mp_freep(&reader->dir_path);
	reader->dir_kept = reader->file_kept = reader->in_files = false;
}

static void reader_clear(struct reader *reader)
{
	reader_reset(reader);
	mp_buf_free(&reader->dir);
	if (reader->entry)
		mp_package_entry_free(reader->entry);
}

static void set_once(char **field, const char *value)
{
	if (!*field)
		*field = mp_xstrdup(value);
}

static void take_field(struct mp_package *pub, char letter, const char *value)
{
	switch (letter) {
	case 'P':
		set_once(&pub->name, value);
		break;
	case 'V':
		set_once(&pub->version, value);
		break;
	case 'A':
		set_once(&pub->architecture, value);
		break;
	case 'U':
		set_once(&pub->homepage, value);
		break;
	case 'L':
		set_once(&pub->license, value);
		break;
	case 'o':
		set_once(&pub->source, value);
		break;
	case 'm':
		set_once(&pub->maintainer, value);
		break;
	default:
		break;
	}
}

static void put_line(struct mp_buf *buf, const char *line, size_t max_bytes)
{
	if (buf->len + strlen(line) < max_bytes)
		mp_buf_addf(buf, "%s\n", line);
}

static int take_file(struct reader *reader, const char *line, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *path = NULL;

	reader->file_kept = false;
	if (!reader->dir_path || !line[2] || strchr(line + 2, '/'))
		return 0;
	path = mp_path_join(reader->dir_path, line + 2);
	if (reader->file(reader->context, reader->entry, path, &reader->file_kept, err))
		return -1;
	if (!reader->file_kept)
		return 0;
	if (!reader->dir_kept && reader->entry->record.len < MP_RECORDS_MAX_BYTES)
		mp_buf_add(&reader->entry->record, reader->dir.data, reader->dir.len);
	reader->dir_kept = true;
	put_line(&reader->entry->record, line, MP_RECORDS_MAX_BYTES);
	return 0;
}

static void take_dir(struct reader *reader, const char *line)
{
	reader_reset(reader);
	reader->in_files = true;
	put_line(&reader->dir, line, DIR_MAX_BYTES);
	if (reader->dir.len > 0)
		reader->dir_path = mp_path_join("/", line + 2);
}

/* A line of a stanza. */
static int take_line(struct reader *reader, const char *line, struct mp_error *err)
{
	char letter = line[0];

	if (!letter || line[1] != ':')
		return 0;
	if (letter == 'F')
		take_dir(reader, line);
	else if (letter == 'R')
		return take_file(reader, line, err);
	else if (letter == 'M' && reader->in_files)
		put_line(&reader->dir, line, DIR_MAX_BYTES);
	else if (reader->in_files && (letter == 'a' || letter == 'Z')) {
		if (reader->file_kept)
			put_line(&reader->entry->record, line, MP_RECORDS_MAX_BYTES);
	} else {
		take_field(&reader->entry->pub, letter, line + 2);
		put_line(&reader->entry->record, line, RECORD_MAX_BYTES);
	}
	return 0;
}

/*
 * Reads the database. @end: called where a stanza is complete, and takes the entry over; what it
 * returns ends the reading unless it is 0.
 */
static int read_all(struct mp_lines *lines, file_fn file,
		    int (*end)(void *context, struct mp_package_entry *entry), void *context,
		    struct mp_error *err)
{
	MP_AUTO(reader_clear) struct reader reader = { .file = file, .context = context };
	char *line;
	size_t len;
	int rc;

	while ((rc = mp_lines_next(lines, &line, &len, err)) >= 0) {
		if (rc > 0 && len > 0 && !reader.entry) {
			reader.entry = mp_xcalloc(1, sizeof(*reader.entry));
			reader.entry->pub.kind = MP_PACKAGE_APK;
		}
		if (rc > 0 && len > 0) {
			if (take_line(&reader, line, err))
				return -1;
			continue;
		}
		if (reader.entry) {
			int stop = end(context, MP_STEAL(reader.entry));

			reader_reset(&reader);
			if (stop)
				return 0;
		}
		if (rc == 0)
			return 0;
	}
	return -1;
}

/* Scanning */

struct apk {
	struct mp_scan *scan;
	const struct mp_node *node;     /* of the database */
	struct mp_package_entry *entry; /* in the scan: the reader's, once a file of it is kept */
};

static int scan_file(void *context, struct mp_package_entry *entry, const char *path, bool *keep,
		     struct mp_error *err)
{
	struct apk *apk = context;
	const struct mp_file *file = NULL;
	int rc = mp_scan_match(apk->scan, path, &file, err);

	if (rc <= 0)
		return rc;
	*keep = true;
	/* Any number of packages may name it. */
	if (mp_scan_is_claimed(apk->scan, file))
		return 0;
	if (!apk->entry)
		apk->entry = mp_scan_add(apk->scan, MP_PACKAGE_APK);
	(void)entry;
	mp_scan_claim(apk->scan, file, apk->entry);
	return 0;
}

static void move_text(char **to, char **from)
{
	*to = MP_STEAL(*from);
}

/* What was read of a package goes to the entry that owners were told of. */
static int scan_end(void *context, struct mp_package_entry *read)
{
	struct apk *apk = context;
	struct mp_package_entry *entry = MP_STEAL(apk->entry);

	if (entry && read->pub.name && mp_package_name_is_sane(read->pub.name) &&
	    mp_scan_take_room(apk->scan, read->record.len)) {
		entry->installed = true;
		entry->mtime_s = apk->node->mtime_s;
		entry->mtime_ns = apk->node->mtime_ns;
		entry->record = read->record;
		read->record = (struct mp_buf){ 0 };
		move_text(&entry->pub.name, &read->pub.name);
		move_text(&entry->pub.version, &read->pub.version);
		move_text(&entry->pub.architecture, &read->pub.architecture);
		move_text(&entry->pub.source, &read->pub.source);
		move_text(&entry->pub.maintainer, &read->pub.maintainer);
		move_text(&entry->pub.license, &read->pub.license);
		move_text(&entry->pub.homepage, &read->pub.homepage);
	}
	mp_package_entry_free(read);
	return 0;
}

int mp_apk_find(struct mp_resolver *resolver, struct mp_resolution *res_out, struct mp_error *err)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(paths); i++) {
		mp_resolution_clear(res_out);
		if (mp_resolve(resolver, paths[i], 0, res_out, err))
			return -1;
		if (mp_resolution_is_file(res_out))
			return 1;
	}
	return 0;
}

/* Opens the database: 1, 0 where there is none, -1. */
static int open_database(struct mp_lines *lines, struct mp_resolver *resolver, struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	int rc = mp_apk_find(resolver, &res, err);

	return rc > 0 ? mp_lines_open(lines, resolver, res.path, err) : rc;
}

int mp_apk_scan(struct mp_scan *scan, struct mp_error *err)
{
	MP_AUTO(mp_lines_close) struct mp_lines lines = { .contents = MP_CONTENTS_CLOSED };
	struct apk apk = { .scan = scan };
	int rc = open_database(&lines, scan->resolver, err);

	if (rc <= 0)
		return rc;
	apk.node = lines.node;
	rc = read_all(&lines, scan_file, scan_end, &apk, err);
	return mp_scan_tolerate(rc, lines.path, err) < 0 ? -1 : 1;
}

/* The files of one package */

struct asked {
	const char *name;
	struct mp_strv *paths;
	bool found;
};

static int push_file(void *context, struct mp_package_entry *entry, const char *path, bool *keep,
		     struct mp_error *err)
{
	struct asked *asked = context;

	(void)keep;
	if (!entry->pub.name || strcmp(entry->pub.name, asked->name) != 0)
		return 0;
	return mp_package_push(asked->paths, path, err);
}

static int is_it(void *context, struct mp_package_entry *entry)
{
	struct asked *asked = context;

	asked->found = entry->pub.name && strcmp(entry->pub.name, asked->name) == 0;
	mp_package_entry_free(entry);
	return asked->found;
}

int mp_apk_files(struct mp_resolver *resolver, const char *name, struct mp_strv *paths_out,
		 struct mp_error *err)
{
	MP_AUTO(mp_lines_close) struct mp_lines lines = { .contents = MP_CONTENTS_CLOSED };
	struct asked asked = { .name = name, .paths = paths_out };
	int rc = open_database(&lines, resolver, err);

	if (rc <= 0)
		return rc;
	rc = read_all(&lines, push_file, is_it, &asked, err);
	return mp_scan_tolerate(rc, lines.path, err) < 0 ? -1 : asked.found;
}
