/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/rules.h"

#include "packer/list.h"

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

/* A list that is being read. */
struct reading {
	struct mp_rule_list found;
	const char *option;
};

static int take_pattern(void *context, const char *line, const char *where, struct mp_error *err)
{
	struct reading *reading = context;

	if (mp_rule_list_add(&reading->found, reading->option, line, err))
		return mp_error_prefix(err, "%s", where);
	reading->found.v[reading->found.n - 1].where = mp_xstrdup(where);
	return 0;
}

int mp_rule_list_parse(struct mp_rule_list *list, const char *option, const char *text, size_t len,
		       const char *name, struct mp_error *err)
{
	struct reading reading = { .option = option };
	int rc = mp_list_read(text, len, name, take_pattern, &reading, err);

	for (size_t i = 0; rc == 0 && i < reading.found.n; i++)
		*push(list) = reading.found.v[i];
	if (rc == 0)
		reading.found.n = 0;
	rule_list_free(&reading.found);
	return rc;
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
