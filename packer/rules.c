/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/rules.h"

#include <string.h>

static void rule_clear(struct mp_rule *rule)
{
	mp_freep(&rule->text);
	mp_freep(&rule->where);
	mp_patterns_free(&rule->patterns);
}

static void rule_list_free(struct mp_rule_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		rule_clear(&list->v[i]);
	mp_freep(&list->v);
	*list = (struct mp_rule_list){ 0 };
}

void mp_rules_free(struct mp_rules *rules)
{
	rule_list_free(&rules->keep);
	rule_list_free(&rules->drop);
	mp_strv_free(&rules->exes);
	mp_strv_free(&rules->packages);
	*rules = (struct mp_rules){ 0 };
}

static struct mp_rule *push(struct mp_rule_list *list)
{
	list->v = mp_array_grow(list->v, list->n, &list->cap, sizeof(*list->v));
	list->v[list->n] = (struct mp_rule){ 0 };
	return &list->v[list->n++];
}

int mp_rule_list_add(struct mp_rule_list *list, const char *option, const char *pattern,
		     struct mp_error *err)
{
	struct mp_patterns patterns = { 0 };
	struct mp_rule *rule;

	if (mp_pattern_parse(pattern, &patterns, err))
		return mp_error_prefix(err, "%s", option);
	rule = push(list);
	rule->text = mp_xasprintf("%s %s", option, pattern);
	rule->patterns = patterns;
	return 0;
}

static int parse_line(struct mp_rule_list *list, const char *option, const char *line, size_t len,
		      const char *where, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *text = NULL;

	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (memchr(line, '\0', len))
		return mp_error_set(err, MP_E_FORMAT, 0, "%s: a path cannot contain a NUL byte",
				    where);
	text = mp_xstrndup(line, len);
	if (!text[strspn(text, " \t")] || text[0] == '#')
		return 0;
	if (mp_rule_list_add(list, option, text, err))
		return mp_error_prefix(err, "%s", where);
	list->v[list->n - 1].where = mp_xstrdup(where);
	return 0;
}

int mp_rule_list_parse(struct mp_rule_list *list, const char *option, const char *text, size_t len,
		       const char *name, struct mp_error *err)
{
	MP_AUTO(rule_list_free) struct mp_rule_list found = { 0 };
	const char *end = text + len;

	for (size_t number = 1; text < end; number++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;
		MP_AUTO(mp_freep) char *where = mp_xasprintf("%s:%zu", name, number);

		if (parse_line(&found, option, text, (size_t)(stop - text), where, err))
			return -1;
		text = newline ? newline + 1 : end;
	}
	for (size_t i = 0; i < found.n; i++)
		*push(list) = found.v[i];
	found.n = 0;
	return 0;
}

static void describe_each(const struct mp_strv *names, const char *option, struct mp_strv *options)
{
	for (size_t i = 0; i < names->n; i++)
		mp_strv_push_take(options, mp_xasprintf("%s %s", option, names->v[i]));
}

void mp_rules_describe(const struct mp_rules *rules, struct mp_strv *options)
{
	static const char *const words[] = MP_STAT_ONLY_WORDS;

	for (size_t i = 0; i < rules->keep.n; i++)
		mp_strv_push(options, rules->keep.v[i].text);
	for (size_t i = 0; i < rules->drop.n; i++)
		mp_strv_push(options, rules->drop.v[i].text);
	describe_each(&rules->exes, "--keep-exe", options);
	describe_each(&rules->packages, "--keep-package", options);
	if (rules->shell)
		mp_strv_push(options, "--keep-shell");
	if (rules->listed)
		mp_strv_push(options, "--keep-listed");
	if (rules->stat_only != MP_STAT_ONLY_KEEP)
		mp_strv_push_take(options, mp_xasprintf("--stat-only=%s", words[rules->stat_only]));
}
