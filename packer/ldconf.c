/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/ldconf.h"

#include "core/log.h"
#include "core/path.h"

#include <fnmatch.h>
#include <limits.h>
#include <string.h>

#define CONF_PATH "/etc/ld.so.conf"
#define CONF_MAX_BYTES (1u << 20)
#define FILES_MAX 256
#define DIRS_MAX 1024
/* Directories that patterns have read, and words behind "include": of all files together. */
#define LISTS_MAX 2048
#define INCLUDES_MAX 1024
/* fnmatch(3) may take time exponential in these. */
#define STARS_MAX 4
#define BLANKS " \t\r\v\f"

struct conf {
	struct mp_resolver *resolver;
	struct mp_strv files; /* to read, and read: a list that grows while it is walked */
	struct mp_strv *dirs;
	size_t n_lists, n_includes;
};

/* The names in each of @dirs that match @pattern, as paths. */
static int match_in(struct conf *conf, const struct mp_strv *dirs, const char *pattern,
		    struct mp_strv *out, struct mp_error *err)
{
	for (size_t i = 0; i < dirs->n; i++) {
		MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };

		if (!strpbrk(pattern, "*?[\\")) {
			mp_strv_push_take(out, mp_path_join(dirs->v[i], pattern));
			continue;
		}
		if (conf->n_lists++ >= LISTS_MAX)
			break;
		if (mp_resolver_list(conf->resolver, dirs->v[i], &names, err))
			return -1;
		for (size_t j = 0; j < names.n && out->n < FILES_MAX; j++) {
			if (fnmatch(pattern, names.v[j], FNM_PERIOD) == 0)
				mp_strv_push_take(out, mp_path_join(dirs->v[i], names.v[j]));
		}
	}
	return 0;
}

static bool is_costly(const char *pattern)
{
	size_t stars = 0;

	for (const char *p = pattern; *p; p++)
		stars += *p == '*' || *p == '[';
	return stars > STARS_MAX || strlen(pattern) > PATH_MAX;
}

/* Adds the files that match @pattern (absolute) to the list; one that is there is not read twice.
 */
static int include(struct conf *conf, const char *pattern, struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv matches = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv parts = { 0 };

	if (is_costly(pattern)) {
		mp_warn("a pattern in the image's %s is too complex: left out", CONF_PATH);
		return 0;
	}
	mp_strv_push(&matches, "/");
	mp_strv_split(&parts, pattern, "/");
	for (size_t i = 0; i < parts.n; i++) {
		MP_AUTO(mp_strv_free) struct mp_strv next = { 0 };

		if (!parts.v[i][0])
			continue;
		if (match_in(conf, &matches, parts.v[i], &next, err))
			return -1;
		mp_strv_free(&matches);
		matches = next;
		next = (struct mp_strv){ 0 };
	}
	for (size_t i = 0; i < matches.n && conf->files.n < FILES_MAX; i++) {
		if (mp_strv_find(&conf->files, matches.v[i]) < 0)
			mp_strv_push(&conf->files, matches.v[i]);
	}
	return 0;
}

static int include_line(struct conf *conf, const char *file, char *patterns, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *dir = mp_path_parent(file);
	char *state = NULL;

	for (char *word = strtok_r(patterns, BLANKS, &state); word;
	     word = strtok_r(NULL, BLANKS, &state)) {
		if (conf->n_includes++ >= INCLUDES_MAX)
			break;
		MP_AUTO(mp_freep)
		char *pattern = word[0] == '/' ? mp_xstrdup(word) : mp_path_join(dir, word);

		if (include(conf, pattern, err))
			return -1;
	}
	return 0;
}

/* "DIR" or "DIR=TYPE", as ldconfig once had types. */
static void add_dir(struct conf *conf, const char *line)
{
	MP_AUTO(mp_freep) char *dir = mp_xstrndup(line, strcspn(line, "="));
	size_t len = strlen(dir);

	while (len > 0 && strchr(BLANKS "/", dir[len - 1]))
		dir[--len] = '\0';
	if (dir[0] == '/' && conf->dirs->n < DIRS_MAX && mp_strv_find(conf->dirs, dir) < 0)
		mp_strv_push(conf->dirs, dir);
}

/* Whether @line begins with @word and a blank. */
static bool is_directive(const char *line, const char *word)
{
	size_t len = strlen(word);

	return strncmp(line, word, len) == 0 && line[len] && strchr(BLANKS, line[len]);
}

static int read_line(struct conf *conf, const char *file, char *line, struct mp_error *err)
{
	line[strcspn(line, "#")] = '\0';
	line += strspn(line, BLANKS);
	if (is_directive(line, "include"))
		return include_line(conf, file, line + strlen("include"), err);
	if (line[0] == '/')
		add_dir(conf, line);
	return 0;
}

static int read_file(struct conf *conf, const char *file, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	struct mp_error local;
	char *state = NULL;
	int rc = mp_resolver_read_file(conf->resolver, file, CONF_MAX_BYTES, &text, &local);

	if (rc < 0 && local.code == MP_E_FORMAT) {
		mp_warn("%s", local.msg);
		return 0;
	}
	if (rc < 0 && err)
		*err = local;
	if (rc <= 0 || !text.data)
		return rc < 0 ? -1 : 0;
	for (char *line = strtok_r(text.data, "\n", &state); line;
	     line = strtok_r(NULL, "\n", &state)) {
		if (read_line(conf, file, line, err))
			return -1;
	}
	return 0;
}

int mp_ldconf_read(struct mp_resolver *resolver, struct mp_strv *dirs, struct mp_error *err)
{
	struct conf conf = { .resolver = resolver, .dirs = dirs };
	int rc = 0;

	mp_strv_push(&conf.files, CONF_PATH);
	for (size_t i = 0; rc == 0 && i < conf.files.n; i++)
		rc = read_file(&conf, conf.files.v[i], err);
	mp_strv_free(&conf.files);
	if (rc == 0 && (conf.n_lists > LISTS_MAX || conf.n_includes > INCLUDES_MAX))
		mp_warn("the image's %s includes more than can be read: the rest is left out",
			CONF_PATH);
	return rc;
}
