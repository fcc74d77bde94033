/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/rules_internal.h"

#include "core/interrupt.h"
#include "core/path.h"

#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

/* Directories that are still to be looked into. */
struct walk {
	struct mp_resolver *resolver;
	const struct mp_pattern *pattern;
	mp_match_visit visit;
	void *context;
	struct mp_strv dirs;
	struct mp_match *matches; /* how far the pattern had come, for each of them */
	size_t cap_matches;
};

static void walk_clear(struct walk *walk)
{
	for (size_t i = 0; i < walk->dirs.n; i++)
		mp_match_free(&walk->matches[i]);
	mp_strv_free(&walk->dirs);
	mp_freep(&walk->matches);
}

static void walk_push_take(struct walk *walk, char *dir, struct mp_match *match)
{
	walk->matches = mp_array_grow(walk->matches, walk->dirs.n, &walk->cap_matches,
				      sizeof(*walk->matches));
	walk->matches[walk->dirs.n] = *match;
	*match = (struct mp_match){ 0 };
	mp_strv_push_take(&walk->dirs, dir);
}

/* One name in @dir, where the pattern has come as far as @before. */
static int walk_name(struct walk *walk, const char *dir, const char *name,
		     const struct mp_match *before, struct mp_error *err)
{
	MP_AUTO(mp_match_free) struct mp_match match = { 0 };
	MP_AUTO(mp_freep) char *path = mp_path_join(dir, name);
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 };
	bool complete;
	int rc;

	mp_match_copy(&match, before);
	if (!mp_match_advance(walk->pattern, &match, "/", 1) ||
	    !mp_match_advance(walk->pattern, &match, name, strlen(name)) ||
	    mp_resolver_hides(walk->resolver, path))
		return 0;
	complete = mp_match_is_complete(walk->pattern, &match);
	rc = mp_rootfs_lookup(mp_resolver_root(walk->resolver), path, &node, err);
	if (rc <= 0)
		return rc;
	/* Below a match is nothing that it does not cover. */
	if (complete)
		return walk->visit(walk->context, path, &node, err);
	if (S_ISDIR(node.mode))
		walk_push_take(walk, MP_STEAL(path), &match);
	return 0;
}

static int walk_dir(struct walk *walk, const char *dir, const struct mp_match *match,
		    struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };
	int rc = 0;

	if (mp_interrupt_check(err) ||
	    mp_rootfs_list(mp_resolver_root(walk->resolver), dir, &names, err))
		return -1;
	for (size_t i = 0; rc == 0 && i < names.n; i++)
		rc = walk_name(walk, dir, names.v[i], match, err);
	return rc;
}

int mp_match_all(struct mp_resolver *resolver, const struct mp_pattern *pattern, const char *dir,
		 mp_match_visit visit, void *context, struct mp_error *err)
{
	MP_AUTO(walk_clear)
	struct walk walk = {
		.resolver = resolver,
		.pattern = pattern,
		.visit = visit,
		.context = context,
	};
	struct mp_match match;
	int rc = 0;

	mp_match_begin(pattern, &match);
	walk_push_take(&walk, mp_xstrdup(dir), &match);
	while (rc == 0 && walk.dirs.n > 0) {
		MP_AUTO(mp_freep) char *next = walk.dirs.v[--walk.dirs.n];
		MP_AUTO(mp_match_free) struct mp_match so_far = walk.matches[walk.dirs.n];

		rc = walk_dir(&walk, next, &so_far, err);
	}
	return rc;
}

/* What to say of a rule that matches nothing */

/* How many bytes have to be put in, left out or replaced to make one of the other. */
static size_t distance(const char *a, const char *b)
{
	size_t row[65];
	size_t n = strlen(b);

	if (n > 64 || strlen(a) > 64)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[n];
}

/* A path like @missing that is there; NULL: none. */
static char *similar_path(struct mp_resolver *resolver, const char *missing)
{
	MP_AUTO(mp_freep) char *dir = mp_path_parent(missing);
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };
	const char *base = mp_path_base(missing);
	const char *best = NULL;
	size_t least = strlen(base) / 3 + 1;

	if (mp_resolver_list(resolver, dir, &names, NULL))
		return NULL;
	for (size_t i = 0; i < names.n; i++) {
		size_t far = distance(base, names.v[i]);

		if (far <= least && (!best || far < least)) {
			best = names.v[i];
			least = far;
		}
	}
	return best ? mp_path_join(dir, best) : NULL;
}

static bool is_host_view(const char *path)
{
	return mp_path_is_under(path, "/proc") || mp_path_is_under(path, "/sys");
}

int mp_rule_matches_nothing(struct mp_resolver *resolver, const struct mp_rule *rule,
			    struct mp_error *err)
{
	const struct mp_pattern *pattern = &rule->patterns.v[0];
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	MP_AUTO(mp_freep) char *similar = NULL;

	mp_error_set(err, MP_E_NOTFOUND, 0, "%s%s%s: nothing in the image matches",
		     rule->where ? rule->where : "", rule->where ? ": " : "", rule->text);
	if (is_host_view(pattern->prefix))
		return mp_error_hint(err, "what is in /proc and /sys is the kernel's, and never "
					  "packed");
	if (mp_resolve(resolver, pattern->prefix, 0, &res, NULL))
		return -1;
	if (res.status != MP_RESOLVED_FOUND && res.missing) {
		similar = similar_path(resolver, res.missing);
		if (similar)
			return mp_error_hint(err, "there is no '%s', but '%s'", res.missing,
					     similar);
		return mp_error_hint(err, "there is no '%s'", res.missing);
	}
	if (pattern->n_tokens > 0)
		return mp_error_hint(err, "'%s' is there; '*' does not stand for a '/', '**' does",
				     pattern->prefix);
	return -1;
}
