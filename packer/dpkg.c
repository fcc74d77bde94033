/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/packages_internal.h"

#include "core/path.h"

#include <string.h>

#define INFO_DIR MP_DPKG_DIR "/info"
#define STATUS_PATH MP_DPKG_DIR "/status"
#define STATUS_DIR MP_DPKG_DIR "/status.d"
#define DIVERSIONS_PATH MP_DPKG_DIR "/diversions"

/* The longest stanza of Debian 12 has 30 kB. */
#define STANZA_MAX_BYTES ((size_t)1 << 20)
#define DIVERSIONS_MAX 10000
#define DIVERSIONS_MAX_BYTES ((size_t)4 << 20)

/* dpkg-divert(1): what packages other than @by call @from is at @to. Three texts in a row each. */
struct diversions {
	struct mp_strv texts;
	struct mp_strmap *by_from; /* path → char *[3] in texts */
};

static void diversions_free(struct diversions *diversions)
{
	mp_strv_free(&diversions->texts);
	mp_strmap_freep(&diversions->by_from);
}

static int diversions_read(struct diversions *diversions, struct mp_resolver *resolver,
			   struct mp_error *err)
{
	MP_AUTO(mp_lines_close) struct mp_lines lines = { .contents = MP_CONTENTS_CLOSED };
	struct mp_strv *texts = &diversions->texts;
	char *line;
	size_t len, bytes = 0;
	int rc = mp_lines_open(&lines, resolver, DIVERSIONS_PATH, err);

	diversions->by_from = mp_strmap_new(NULL);
	while (rc > 0 && (rc = mp_lines_next(&lines, &line, &len, err)) > 0 &&
	       texts->n < 3 * DIVERSIONS_MAX && (bytes += len) <= DIVERSIONS_MAX_BYTES)
		mp_strv_push(texts, line);
	for (size_t i = 0; i + 2 < texts->n; i += 3)
		mp_strmap_put(diversions->by_from, texts->v[i], &texts->v[i]);
	return mp_scan_tolerate(rc, DIVERSIONS_PATH, err) < 0 ? -1 : 0;
}

/* Whether @key, NAME or NAME:ARCH, is of package @name. */
static bool is_key_of(const char *key, const char *name)
{
	size_t len = strlen(name);

	return strncmp(key, name, len) == 0 && (!key[len] || key[len] == ':');
}

/* Where what the package @key calls @path is. */
static const char *diverted(const struct diversions *diversions, const char *key, const char *path)
{
	char **texts = mp_strmap_get(diversions->by_from, path);

	return texts && !is_key_of(key, texts[2]) ? texts[1] : path;
}

/* Stanzas (deb-control(5)) */

struct stanza {
	struct mp_buf text; /* its lines, each with a newline */
	bool cut;           /* longer than can be: of no use */
};

/* 1 and the next stanza, 0 at the end, -1. */
static int stanza_next(struct mp_lines *lines, struct stanza *stanza, struct mp_error *err)
{
	char *line;
	size_t len;
	int rc;

	mp_buf_clear(&stanza->text);
	stanza->cut = false;
	while ((rc = mp_lines_next(lines, &line, &len, err)) > 0) {
		if (len == 0 && stanza->text.len > 0)
			return 1;
		if (len == 0)
			continue;
		/* A NUL would end the text for those who read it. */
		stanza->cut |= stanza->text.len + len > STANZA_MAX_BYTES || memchr(line, '\0', len);
		if (stanza->cut)
			continue;
		mp_buf_add(&stanza->text, line, len);
		mp_buf_addc(&stanza->text, '\n');
	}
	return rc == 0 && stanza->text.len > 0 ? 1 : rc;
}

/* The value of a field, on its first line; NULL without one. Owned by the caller. */
static char *field(const struct stanza *stanza, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = stanza->text.data; line && *line;) {
		const char *end = strchr(line, '\n');

		if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
			line += len + 1;
			line += strspn(line, " \t");
			while (end > line && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
				end--;
			return end > line ? mp_xstrndup(line, (size_t)(end - line)) : NULL;
		}
		line = end + 1;
	}
	return NULL;
}

/* Its files are there: the last word of Status is about that. distroless images say no such word.
 */
static bool is_installed(const struct stanza *stanza)
{
	MP_AUTO(mp_freep) char *status = field(stanza, "Status");
	const char *last = status ? strrchr(status, ' ') : NULL;

	if (!last)
		return true;
	return strcmp(last, " not-installed") != 0 && strcmp(last, " config-files") != 0;
}

/* Scanning */

struct dpkg {
	struct mp_scan *scan;
	struct diversions diversions;
	struct mp_strmap *by_key; /* struct mp_package_entry */
};

static void dpkg_clear(struct dpkg *dpkg)
{
	diversions_free(&dpkg->diversions);
	mp_strmap_freep(&dpkg->by_key);
}

/* @key: as the list is called; the entry is made with the first kept file. */
static int claim(struct dpkg *dpkg, const char *key, const char *path, struct mp_error *err)
{
	const struct mp_file *file = NULL;
	struct mp_package_entry *entry;
	int rc;

	if (!mp_scan_may_match(dpkg->scan, path))
		return 0;
	rc = mp_scan_match(dpkg->scan, diverted(&dpkg->diversions, key, path), &file, err);
	if (rc <= 0)
		return rc;
	entry = mp_strmap_get(dpkg->by_key, key);
	if (!entry) {
		entry = mp_scan_add(dpkg->scan, MP_PACKAGE_DEB);
		entry->key = mp_xstrdup(key);
		mp_strmap_put(dpkg->by_key, key, entry);
	}
	mp_scan_claim(dpkg->scan, file, entry);
	return 0;
}

/* "DIGEST  path" of an .md5sums file: the path, its '/' put before it in place; or NULL. */
static char *summed_path(char *line, size_t len)
{
	if (len < 35 || line[32] != ' ' || line[33] != ' ')
		return NULL;
	line += 34;
	if (strncmp(line, "./", 2) == 0)
		return line + 1;
	if (line[0] == '/')
		return line;
	line[-1] = '/';
	return line - 1;
}

/* Claims what @path lists for @key. @sums: the lines are those of .md5sums. */
static int scan_list(struct dpkg *dpkg, const char *path, const char *key, bool sums,
		     struct mp_error *err)
{
	MP_AUTO(mp_lines_close) struct mp_lines lines = { .contents = MP_CONTENTS_CLOSED };
	char *line;
	size_t len;
	int rc = mp_lines_open_listed(&lines, dpkg->scan->resolver, path, err);

	while (rc > 0 && (rc = mp_lines_next(&lines, &line, &len, err)) > 0) {
		const char *listed = sums ? summed_path(line, len) : line;

		if (listed && claim(dpkg, key, listed, err) < 0)
			rc = -1;
	}
	return mp_scan_tolerate(rc, path, err) < 0 ? -1 : 0;
}

/* @name without @suffix, owned by the caller; NULL where it does not end so. */
static char *without_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name), end = strlen(suffix);

	if (len <= end || strcmp(name + len - end, suffix) != 0)
		return NULL;
	return mp_xstrndup(name, len - end);
}

static int scan_lists(struct dpkg *dpkg, const char *dir, const char *suffix, bool sums,
		      struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };

	if (mp_resolver_list(dpkg->scan->resolver, dir, &names, err))
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		MP_AUTO(mp_freep) char *key = without_suffix(names.v[i], suffix);
		MP_AUTO(mp_freep) char *path = key ? mp_path_join(dir, names.v[i]) : NULL;

		if (key && scan_list(dpkg, path, key, sums, err))
			return -1;
	}
	return 0;
}

/* Keeps of NAME.md5sums the lines of kept files. */
static int take_sums(struct dpkg *dpkg, struct mp_package_entry *entry, const char *path,
		     struct mp_error *err)
{
	MP_AUTO(mp_lines_close) struct mp_lines lines = { .contents = MP_CONTENTS_CLOSED };
	char *line;
	size_t len;
	int rc = mp_lines_open(&lines, dpkg->scan->resolver, path, err);

	while (rc > 0 && (rc = mp_lines_next(&lines, &line, &len, err)) > 0) {
		MP_AUTO(mp_freep) char *copy = mp_xstrdup(line);
		const struct mp_file *file = NULL;
		const char *listed = summed_path(line, len);

		if (!listed)
			continue;
		rc = mp_scan_match(dpkg->scan, diverted(&dpkg->diversions, entry->key, listed),
				   &file, err);
		if (rc > 0 && mp_scan_take_room(dpkg->scan, len + 1))
			mp_buf_addf(&entry->sums, "%s\n", copy);
		if (rc < 0)
			break;
		rc = 1;
	}
	return mp_scan_tolerate(rc, path, err) < 0 ? -1 : 0;
}

/* Source: NAME (VERSION), where either is not the package's own. */
static void take_source(struct mp_package *pub, const struct stanza *stanza)
{
	MP_AUTO(mp_freep) char *text = field(stanza, "Source");
	size_t len = text ? strcspn(text, " (") : 0;
	const char *open = text ? strchr(text, '(') : NULL;

	if (len == 0)
		return;
	pub->source = mp_xstrndup(text, len);
	if (open && open[strcspn(open, ")")])
		pub->source_version = mp_xstrndup(open + 1, strcspn(open + 1, ")"));
}

static void take_stanza(struct mp_package_entry *entry, const struct stanza *stanza,
			const struct mp_lines *lines, char *name)
{
	struct mp_package *pub = &entry->pub;

	entry->installed = true;
	entry->mtime_s = lines->node->mtime_s;
	entry->mtime_ns = lines->node->mtime_ns;
	mp_buf_add(&entry->record, stanza->text.data, stanza->text.len);
	pub->name = name;
	pub->version = field(stanza, "Version");
	pub->architecture = field(stanza, "Architecture");
	pub->maintainer = field(stanza, "Maintainer");
	pub->homepage = field(stanza, "Homepage");
	take_source(pub, stanza);
}

/* The entry with kept files that @stanza is of: it has files as NAME:ARCH, or as NAME. */
static struct mp_package_entry *entry_of(const struct dpkg *dpkg, const struct stanza *stanza,
					 const char *name)
{
	MP_AUTO(mp_freep) char *architecture = field(stanza, "Architecture");
	MP_AUTO(mp_freep)
	char *key = mp_xasprintf("%s:%s", name, architecture ? architecture : "");
	struct mp_package_entry *entry = mp_strmap_get(dpkg->by_key, key);

	return entry ? entry : mp_strmap_get(dpkg->by_key, name);
}

/* Fills the entries that stanzas in @path are of. @key: the only one that may be; NULL: any. */
static int scan_status(struct dpkg *dpkg, const char *path, const char *key, struct mp_error *err)
{
	MP_AUTO(mp_lines_close) struct mp_lines lines = { .contents = MP_CONTENTS_CLOSED };
	struct stanza stanza = { 0 };
	int rc = mp_lines_open(&lines, dpkg->scan->resolver, path, err);
	bool exists = rc > 0;

	while (rc > 0 && (rc = stanza_next(&lines, &stanza, err)) > 0) {
		MP_AUTO(mp_freep) char *name = field(&stanza, "Package");
		struct mp_package_entry *entry;

		if (!name || stanza.cut || !mp_package_name_is_sane(name))
			continue;
		entry = key ? mp_strmap_get(dpkg->by_key, key) : entry_of(dpkg, &stanza, name);
		if (entry && !entry->installed && is_installed(&stanza) &&
		    mp_scan_take_room(dpkg->scan, stanza.text.len))
			take_stanza(entry, &stanza, &lines, MP_STEAL(name));
	}
	mp_buf_free(&stanza.text);
	return mp_scan_tolerate(rc, path, err) < 0 ? -1 : exists;
}

struct sums_call {
	struct dpkg *dpkg;
	const char *dir;
	struct mp_error *err;
	int rc;
};

static void take_sums_of(const char *key, void *value, void *context)
{
	struct sums_call *call = context;
	struct mp_package_entry *entry = value;
	MP_AUTO(mp_freep) char *path = mp_xasprintf("%s/%s.md5sums", call->dir, key);

	if (call->rc == 0 && entry->installed && entry->pub.n_files > 0 && entry->sums.len == 0)
		call->rc = take_sums(call->dpkg, entry, path, call->err);
}

static int all_sums(struct dpkg *dpkg, const char *dir, struct mp_error *err)
{
	struct sums_call call = { .dpkg = dpkg, .dir = dir, .err = err };

	mp_strmap_each(dpkg->by_key, take_sums_of, &call);
	return call.rc;
}

/* /var/lib/dpkg/status.d: a file for each package, as distroless images have it. */
static int scan_status_dir(struct dpkg *dpkg, struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };

	if (mp_resolver_list(dpkg->scan->resolver, STATUS_DIR, &names, err) ||
	    scan_lists(dpkg, STATUS_DIR, ".md5sums", true, err))
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		MP_AUTO(mp_freep) char *path = mp_path_join(STATUS_DIR, names.v[i]);

		if (mp_strmap_get(dpkg->by_key, names.v[i]) &&
		    scan_status(dpkg, path, names.v[i], err) < 0)
			return -1;
	}
	if (all_sums(dpkg, STATUS_DIR, err))
		return -1;
	return names.n > 0;
}

int mp_dpkg_scan(struct mp_scan *scan, struct mp_error *err)
{
	MP_AUTO(dpkg_clear) struct dpkg dpkg = { .scan = scan, .by_key = mp_strmap_new(NULL) };
	int status, status_dir;

	if (diversions_read(&dpkg.diversions, scan->resolver, err))
		return -1;
	for (size_t i = 0; i < dpkg.diversions.texts.n; i += 3)
		mp_scan_expect(scan, dpkg.diversions.texts.v[i]);
	if (scan_lists(&dpkg, INFO_DIR, ".list", false, err))
		return -1;
	status = scan_status(&dpkg, STATUS_PATH, NULL, err);
	if (status < 0 || all_sums(&dpkg, INFO_DIR, err))
		return -1;
	status_dir = scan_status_dir(&dpkg, err);
	if (status_dir < 0)
		return -1;
	return status || status_dir;
}

/* The files of one package */

/* Appends what @path lists: 1, 0 where there is no such list, -1. */
static int push_list(struct mp_resolver *resolver, const char *path, const char *key,
		     const struct diversions *diversions, struct mp_strv *paths,
		     struct mp_error *err)
{
	MP_AUTO(mp_lines_close) struct mp_lines lines = { .contents = MP_CONTENTS_CLOSED };
	MP_AUTO(mp_freep) char *sums = without_suffix(path, ".md5sums");
	char *line;
	size_t len;
	int rc = mp_lines_open(&lines, resolver, path, err);

	if (rc <= 0)
		return rc;
	while ((rc = mp_lines_next(&lines, &line, &len, err)) > 0) {
		const char *listed = sums ? summed_path(line, len) : line;

		if (listed)
			mp_strv_push(paths, diverted(diversions, key, listed));
	}
	return mp_scan_tolerate(rc, path, err) < 0 ? -1 : 1;
}

/* Appends the keys under which a package that is asked for as @name has a list. */
static int find_keys(struct mp_resolver *resolver, const char *path, const char *name,
		     struct mp_strv *keys, struct mp_error *err)
{
	MP_AUTO(mp_lines_close) struct mp_lines lines = { .contents = MP_CONTENTS_CLOSED };
	struct stanza stanza = { 0 };
	int rc = mp_lines_open(&lines, resolver, path, err);

	while (rc > 0 && (rc = stanza_next(&lines, &stanza, err)) > 0) {
		MP_AUTO(mp_freep) char *package = field(&stanza, "Package");
		MP_AUTO(mp_freep) char *architecture = field(&stanza, "Architecture");
		MP_AUTO(mp_freep) char *full = NULL;

		if (!package || stanza.cut || !is_installed(&stanza) ||
		    !mp_package_name_is_sane(package))
			continue;
		full = mp_xasprintf("%s:%s", package, architecture ? architecture : "");
		if (strcmp(package, name) != 0 && strcmp(full, name) != 0)
			continue;
		mp_strv_push(keys, package);
		if (mp_package_name_is_sane(full))
			mp_strv_push(keys, full);
	}
	mp_buf_free(&stanza.text);
	return mp_scan_tolerate(rc, path, err) < 0 ? -1 : 0;
}

int mp_dpkg_files(struct mp_resolver *resolver, const char *name, struct mp_strv *paths,
		  struct mp_error *err)
{
	MP_AUTO(diversions_free) struct diversions diversions = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv keys = { 0 };
	MP_AUTO(mp_freep) char *own = mp_path_join(STATUS_DIR, name);
	bool found;

	/* It becomes a part of paths. */
	if (!mp_package_name_is_sane(name))
		return 0;
	if (diversions_read(&diversions, resolver, err) ||
	    find_keys(resolver, STATUS_PATH, name, &keys, err) ||
	    find_keys(resolver, own, name, &keys, err))
		return -1;
	found = keys.n > 0;
	for (size_t i = 0; i < keys.n; i++) {
		MP_AUTO(mp_freep) char *list = mp_xasprintf(INFO_DIR "/%s.list", keys.v[i]);
		MP_AUTO(mp_freep) char *sums = mp_xasprintf(STATUS_DIR "/%s.md5sums", keys.v[i]);

		if (mp_strv_find(&keys, keys.v[i]) < (long)i)
			continue;
		if (push_list(resolver, list, keys.v[i], &diversions, paths, err) < 0 ||
		    push_list(resolver, sums, keys.v[i], &diversions, paths, err) < 0)
			return -1;
	}
	return found;
}
