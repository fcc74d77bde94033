/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/rules.h"

#include "core/interrupt.h"
#include "core/path.h"
#include "packer/command.h"
#include "packer/packages.h"

#include <string.h>
#include <sys/stat.h>

/* What a person at a shell's prompt looks around with; what is not there is done without. */
static const char *const shell_programs[] = {
	"cat", "df", "du", "env", "find", "grep", "head",
	"id",  "ls", "ps", "sed", "stat", "tail", "wc",
};

/* Rules */

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

/* Walking the image */

/* What to do with what a pattern matches: 0 to go on, 1 for enough, -1. */
typedef int (*visit_fn)(void *context, const char *path, const struct mp_node *node,
			struct mp_error *err);

/* Directories that are still to be looked into. */
struct walk {
	struct mp_resolver *resolver;
	const struct mp_pattern *pattern;
	visit_fn visit;
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

/* Calls @visit for what @pattern matches, @dir standing for its prefix. 0, 1 or -1 as @visit. */
static int walk_pattern(struct mp_resolver *resolver, const struct mp_pattern *pattern,
			const char *dir, visit_fn visit, void *context, struct mp_error *err)
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

/* MP_E_NOTFOUND for @rule, with a hint from the first of its patterns. */
static int matches_nothing(struct mp_resolver *resolver, const struct mp_rule *rule,
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

/* Keeping */

struct keeping {
	struct mp_resolver *resolver;
	struct mp_fileset *set;
	struct mp_why why;
	const struct mp_resolution *way; /* to where the walk began; kept with the first match */
	bool any;
};

/* @path, which is found without symlinks, and where it is a symlink what it leads to. */
static int keep_resolved(struct keeping *keeping, const char *path, struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	if (mp_resolve(keeping->resolver, path, MP_RESOLVE_NOFOLLOW, &res, err))
		return -1;
	if (res.status == MP_RESOLVED_FOUND)
		mp_resolution_keep(&res, keeping->set, &keeping->why);
	return 0;
}

/* All names in @dir, which is kept; directories among them go to @dirs. */
static int keep_names(struct keeping *keeping, const char *dir, struct mp_strv *dirs,
		      struct mp_error *err)
{
	struct mp_rootfs *root = mp_resolver_root(keeping->resolver);
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };

	if (mp_interrupt_check(err) || mp_rootfs_list(root, dir, &names, err))
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		MP_AUTO(mp_freep) char *path = mp_path_join(dir, names.v[i]);
		MP_AUTO(mp_node_clear) struct mp_node node = { 0 };

		if (mp_resolver_hides(keeping->resolver, path))
			continue;
		if (mp_rootfs_lookup(root, path, &node, err) < 0)
			return -1;
		if (S_ISLNK(node.mode)) {
			if (keep_resolved(keeping, path, err))
				return -1;
		} else if (node.mode) {
			mp_fileset_add(keeping->set, path, &node, &keeping->why);
		}
		if (S_ISDIR(node.mode))
			mp_strv_push_take(dirs, MP_STEAL(path));
	}
	return 0;
}

/* What is below the directory @dir, which is kept. */
static int keep_below(struct keeping *keeping, const char *dir, struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv dirs = { 0 };
	int rc = 0;

	mp_strv_push(&dirs, dir);
	while (rc == 0 && dirs.n > 0) {
		MP_AUTO(mp_freep) char *next = dirs.v[--dirs.n];

		rc = keep_names(keeping, next, &dirs, err);
	}
	return rc;
}

static int keep_match(void *context, const char *path, const struct mp_node *node,
		      struct mp_error *err)
{
	struct keeping *keeping = context;

	if (!keeping->any)
		mp_resolution_keep(keeping->way, keeping->set,
				   MP_WHY(MP_REASON_PARENT, .because = path));
	keeping->any = true;
	if (keep_resolved(keeping, path, err))
		return -1;
	return S_ISDIR(node->mode) ? keep_below(keeping, path, err) : 0;
}

static bool is_found_dir(const struct mp_resolution *res)
{
	return res->status == MP_RESOLVED_FOUND && S_ISDIR(res->node->mode);
}

/* A pattern without special characters: a path. 1 where it is there, 0, -1. */
static int keep_path(struct keeping *keeping, const char *path, struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	if (mp_resolve(keeping->resolver, path, MP_RESOLVE_NOFOLLOW, &res, err))
		return -1;
	if (res.status != MP_RESOLVED_FOUND)
		return 0;
	mp_resolution_keep(&res, keeping->set, &keeping->why);
	if (is_found_dir(&res) && keep_below(keeping, res.path, err))
		return -1;
	return 1;
}

/* 1 where something matches, 0, -1. */
static int keep_pattern(struct keeping *keeping, const struct mp_pattern *pattern,
			struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	if (pattern->n_tokens == 0)
		return keep_path(keeping, pattern->prefix, err);
	if (mp_resolve(keeping->resolver, pattern->prefix, 0, &res, err))
		return -1;
	if (!is_found_dir(&res))
		return 0;
	keeping->way = &res;
	keeping->any = false;
	if (walk_pattern(keeping->resolver, pattern, res.path, keep_match, keeping, err) < 0)
		return -1;
	return keeping->any;
}

static int keep_rule(struct keeping *keeping, const struct mp_rule *rule, struct mp_error *err)
{
	bool any = false;

	keeping->why = (struct mp_why){ MP_REASON_RULE, NULL, rule->text };
	for (size_t i = 0; i < rule->patterns.n; i++) {
		int rc = keep_pattern(keeping, &rule->patterns.v[i], err);

		if (rc < 0)
			return -1;
		any |= rc > 0;
	}
	return any ? 0 : matches_nothing(keeping->resolver, rule, err);
}

/* 1 where the program is there, 0, -1. */
static int keep_program(struct keeping *keeping, const struct mp_rules_env *env, const char *name,
			const char *option, struct mp_strv *tried, struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	int rc = mp_command_find(keeping->resolver, name, env->search_path, env->working_dir, &res,
				 tried, err);

	if (rc > 0)
		mp_resolution_keep(&res, keeping->set, MP_WHY(MP_REASON_RULE, .detail = option));
	return rc;
}

static int keep_exe(struct keeping *keeping, const struct mp_rules_env *env, const char *name,
		    struct mp_error *err)
{
	MP_AUTO(mp_freep) char *option = mp_xasprintf("--keep-exe %s", name);
	MP_AUTO(mp_strv_free) struct mp_strv tried = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf where = { 0 };
	int rc = keep_program(keeping, env, name, option, &tried, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	mp_error_set(err, MP_E_NOTFOUND, 0, "%s: the image has no such program", option);
	for (size_t i = 0; i < tried.n; i++)
		mp_buf_addf(&where, "%s%s", i ? ":" : "", tried.v[i]);
	return where.len ? mp_error_hint(err, "PATH there is %s", where.data) : -1;
}

static int keep_shell(struct keeping *keeping, const struct mp_rules_env *env, struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv tried = { 0 };
	int rc = keep_program(keeping, env, "/bin/sh", "--keep-shell", &tried, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return mp_error_set(err, MP_E_NOTFOUND, 0,
				    "--keep-shell: the image has no /bin/sh");
	for (size_t i = 0; i < MP_ARRAY_LEN(shell_programs); i++) {
		if (keep_program(keeping, env, shell_programs[i], "--keep-shell", &tried, err) < 0)
			return -1;
	}
	return 0;
}

static int keep_package(struct keeping *keeping, const char *name, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *option = mp_xasprintf("--keep-package %s", name);
	MP_AUTO(mp_strv_free) struct mp_strv paths = { 0 };
	int rc = mp_packages_files(keeping->resolver, name, &paths, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return mp_error_set(err, MP_E_NOTFOUND, 0,
				    "%s: no package database of the image has it", option);
	keeping->why = (struct mp_why){ MP_REASON_RULE, NULL, option };
	for (size_t i = 0; i < paths.n; i++) {
		if (mp_interrupt_check(err) || keep_resolved(keeping, paths.v[i], err))
			return -1;
	}
	return 0;
}

int mp_rules_keep(const struct mp_rules *rules, const struct mp_rules_env *env,
		  struct mp_resolver *resolver, struct mp_fileset *set, struct mp_error *err)
{
	struct keeping keeping = { .resolver = resolver, .set = set };

	for (size_t i = 0; i < rules->keep.n; i++) {
		if (keep_rule(&keeping, &rules->keep.v[i], err))
			return -1;
	}
	for (size_t i = 0; i < rules->exes.n; i++) {
		if (keep_exe(&keeping, env, rules->exes.v[i], err))
			return -1;
	}
	for (size_t i = 0; i < rules->packages.n; i++) {
		if (keep_package(&keeping, rules->packages.v[i], err))
			return -1;
	}
	return rules->shell ? keep_shell(&keeping, env, err) : 0;
}

int mp_rules_keep_entries(struct mp_resolver *resolver, const char *path, struct mp_fileset *set,
			  struct mp_error *err)
{
	struct keeping keeping = {
		.resolver = resolver,
		.set = set,
		.why = { MP_REASON_RULE, NULL, "--keep-listed" },
	};
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv dirs = { 0 };

	if (mp_resolve(resolver, path, 0, &res, err))
		return -1;
	return is_found_dir(&res) ? keep_names(&keeping, res.path, &dirs, err) : 0;
}

/* Dropping */

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
	if (!is_found_dir(&res))
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
	if (!is_found_dir(&res))
		return 0;
	rc = walk_pattern(resolver, pattern, res.path, note_match, NULL, err);
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
			return matches_nothing(resolver, rule, err);
	}
	*drops_out = MP_STEAL(drops);
	return 0;
}
