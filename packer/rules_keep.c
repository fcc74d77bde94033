/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/rules_internal.h"

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

/* A pattern without special characters: a path. 1 where it is there, 0, -1. */
static int keep_path(struct keeping *keeping, const char *path, struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	if (mp_resolve(keeping->resolver, path, MP_RESOLVE_NOFOLLOW, &res, err))
		return -1;
	if (res.status != MP_RESOLVED_FOUND)
		return 0;
	mp_resolution_keep(&res, keeping->set, &keeping->why);
	if (mp_resolution_is_dir(&res) && keep_below(keeping, res.path, err))
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
	if (!mp_resolution_is_dir(&res))
		return 0;
	keeping->way = &res;
	keeping->any = false;
	if (mp_match_all(keeping->resolver, pattern, res.path, keep_match, keeping, err) < 0)
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
	return any ? 0 : mp_rule_matches_nothing(keeping->resolver, rule, err);
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
	return mp_resolution_is_dir(&res) ? keep_names(&keeping, res.path, &dirs, err) : 0;
}
