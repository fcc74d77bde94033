/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/rules_internal.h"

#include "core/path.h"

#include <string.h>
#include <sys/stat.h>

/* A pattern, and what its prefix is in the image. */
struct drop {
	const struct mp_rule *rule;
	const struct mp_pattern *pattern;
	char *prefix;
};

struct mp_drops {
	struct mp_strmap *paths; /* of patterns without special characters → rule */
	struct drop *patterns;   /* all others */
	size_t n;
	size_t cap;
};

void mp_drops_freep(struct mp_drops **drops)
{
	if (!*drops)
		return;
	for (size_t i = 0; i < (*drops)->n; i++)
		mp_freep(&(*drops)->patterns[i].prefix);
	mp_freep(&(*drops)->patterns);
	mp_strmap_freep(&(*drops)->paths);
	mp_freep(drops);
}

static bool cannot_be_dropped(const char *path)
{
	return strcmp(path, "/") == 0 || strcmp(path, "/proc") == 0 || strcmp(path, "/sys") == 0 ||
	       strcmp(path, "/dev") == 0;
}

const struct mp_rule *mp_drops_find(const struct mp_drops *drops, const char *path)
{
	MP_AUTO(mp_freep) char *dir = NULL;

	if (cannot_be_dropped(path))
		return NULL;
	for (size_t i = 0; i < drops->n; i++) {
		if (mp_pattern_covers(drops->patterns[i].pattern, drops->patterns[i].prefix, path))
			return drops->patterns[i].rule;
	}
	if (mp_strmap_count(drops->paths) == 0)
		return NULL;
	dir = mp_xstrdup(path);
	for (char *end = dir + strlen(dir); end > dir; end = strrchr(dir, '/')) {
		const struct mp_rule *rule;

		*end = '\0';
		rule = mp_strmap_get(drops->paths, dir);
		if (rule)
			return rule;
	}
	return NULL;
}

/* A path that the image has: the object itself, be it a symlink. 1, 0, -1. */
static int drop_path(struct mp_drops *drops, const struct mp_rule *rule, const char *path,
		     struct mp_resolver *resolver, struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 };
	MP_AUTO(mp_freep) char *dir = mp_path_parent(path);
	MP_AUTO(mp_freep) char *real = NULL;
	int rc;

	if (mp_resolve(resolver, dir, 0, &res, err))
		return -1;
	if (!mp_resolution_is_dir(&res))
		return 0;
	real = mp_path_join(res.path, mp_path_base(path));
	if (strcmp(path, "/") == 0 || cannot_be_dropped(real))
		return mp_error_set(err, MP_E_USAGE, 0,
				    "%s: cannot be dropped; its contents can: "
				    "--drop '%s/*'",
				    rule->text, strcmp(path, "/") == 0 ? "" : real);
	if (mp_resolver_hides(resolver, real))
		return 0;
	rc = mp_rootfs_lookup(mp_resolver_root(resolver), real, &node, err);
	if (rc > 0)
		mp_strmap_put(drops->paths, real, (void *)rule);
	return rc;
}

static int note_match(void *context, const char *path, const struct mp_node *node,
		      struct mp_error *err)
{
	(void)context;
	(void)node;
	(void)err;
	return !cannot_be_dropped(path);
}

static int drop_pattern(struct mp_drops *drops, const struct mp_rule *rule,
			const struct mp_pattern *pattern, struct mp_resolver *resolver,
			struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	int rc;

	if (pattern->n_tokens == 0)
		return drop_path(drops, rule, pattern->prefix, resolver, err);
	if (mp_resolve(resolver, pattern->prefix, 0, &res, err))
		return -1;
	if (!mp_resolution_is_dir(&res))
		return 0;
	rc = mp_match_all(resolver, pattern, res.path, note_match, NULL, err);
	if (rc <= 0)
		return rc;
	drops->patterns =
		mp_array_grow(drops->patterns, drops->n, &drops->cap, sizeof(*drops->patterns));
	drops->patterns[drops->n++] = (struct drop){ rule, pattern, mp_xstrdup(res.path) };
	return 1;
}

int mp_drops_new(const struct mp_rules *rules, struct mp_resolver *resolver,
		 struct mp_drops **drops_out, struct mp_error *err)
{
	MP_AUTO(mp_drops_freep) struct mp_drops *drops = mp_xcalloc(1, sizeof(*drops));

	drops->paths = mp_strmap_new(NULL);
	for (size_t i = 0; i < rules->drop.n; i++) {
		const struct mp_rule *rule = &rules->drop.v[i];
		bool any = false;

		for (size_t j = 0; j < rule->patterns.n; j++) {
			int rc = drop_pattern(drops, rule, &rule->patterns.v[j], resolver, err);

			if (rc < 0)
				return -1;
			any |= rc > 0;
		}
		if (!any)
			return mp_rule_matches_nothing(resolver, rule, err);
	}
	*drops_out = MP_STEAL(drops);
	return 0;
}
