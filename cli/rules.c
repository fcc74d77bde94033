/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/rules.h"

#include "core/file.h"

#include <string.h>

#define FILE_MAX_BYTES ((size_t)16 << 20)

static int read_file(struct mp_rule_list *list, const char *option, const char *path,
		     struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	size_t before = list->n;

	if (mp_file_read_named(path, FILE_MAX_BYTES, &text, err))
		return mp_error_prefix(err, "%s", option);
	if (mp_rule_list_parse(list, option, text.data ? text.data : "", text.len, path, err))
		return -1;
	if (list->n == before)
		return mp_error_set(err, MP_E_USAGE, 0, "%s @%s: no pattern is in the file", option,
				    path);
	return 0;
}

/* Values of an option: patterns, or "@" and the name of a file with a pattern a line. */
static int read_values(struct mp_rule_list *list, const char *option, const struct mp_strv *values,
		       struct mp_error *err)
{
	for (size_t i = 0; i < values->n; i++) {
		const char *value = values->v[i];

		if (value[0] == '@') {
			if (read_file(list, option, value + 1, err))
				return -1;
		} else if (mp_rule_list_add(list, option, value, err)) {
			err->code = MP_E_USAGE;
			return -1;
		}
	}
	return 0;
}

static int read_stat_only(const char *value, enum mp_stat_only *out, struct mp_error *err)
{
	static const char *const words[] = MP_STAT_ONLY_WORDS;

	for (size_t i = 0; i < MP_ARRAY_LEN(words); i++) {
		if (strcmp(value, words[i]) == 0) {
			*out = (enum mp_stat_only)i;
			return 0;
		}
	}
	return mp_error_set(err, MP_E_USAGE, 0, "--stat-only '%s': keep, empty or drop is needed",
			    value);
}

int mp_rules_read(const struct mp_keep_options *options, struct mp_rules *rules,
		  struct mp_error *err)
{
	if (read_values(&rules->keep, "--keep", &options->keep, err) ||
	    read_values(&rules->drop, "--drop", &options->drop, err) ||
	    (options->stat_only && read_stat_only(options->stat_only, &rules->stat_only, err)))
		return -1;
	mp_strv_copy(&rules->exes, &options->exes);
	mp_strv_copy(&rules->packages, &options->packages);
	rules->shell = options->shell;
	rules->listed = options->listed;
	return 0;
}

const char *mp_keep_options_first(const struct mp_keep_options *options)
{
	const struct {
		bool given;
		const char *name;
	} all[] = {
		{ options->keep.n > 0, "--keep" },
		{ options->drop.n > 0, "--drop" },
		{ options->exes.n > 0, "--keep-exe" },
		{ options->packages.n > 0, "--keep-package" },
		{ options->stat_only != NULL, "--stat-only" },
		{ options->shell, "--keep-shell" },
		{ options->listed, "--keep-listed" },
		{ options->suggested, "--keep-suggested" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(all); i++) {
		if (all[i].given)
			return all[i].name;
	}
	return NULL;
}
