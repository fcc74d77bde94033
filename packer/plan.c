/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/plan_internal.h"

#include "core/interrupt.h"
#include "core/path.h"
#include "packer/closure.h"
#include "packer/command.h"
#include "packer/plan_file.h"
#include "packer/touched.h"

#include <string.h>
#include <sys/stat.h>

static void plan_clear(struct mp_planning *plan)
{
	mp_resolver_freep(&plan->resolver);
	mp_fileset_freep(&plan->set);
	mp_plan_notes_clear(&plan->notes);
	mp_strmap_freep(&plan->noted);
	mp_strmap_freep(&plan->mounted);
	mp_drops_freep(&plan->drops);
}

void mp_plan_notes_clear(struct mp_plan_notes *notes)
{
	mp_strv_free(&notes->missing_listed);
	mp_strv_free(&notes->missing_needed);
	mp_strv_free(&notes->missing_unused);
	mp_strv_free(&notes->created_at_run);
	mp_packages_freep(&notes->packages);
}

/* What of a running container is not the image's: the engine mounts it there. */
bool mp_plan_is_engines_own(const char *path)
{
	static const char *const dirs[] = { "/proc", "/sys", "/dev" };
	static const char *const files[] = {
		"/etc/hosts",  "/etc/hostname",      "/etc/resolv.conf",
		"/.dockerenv", "/run/.containerenv",
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(dirs); i++) {
		if (mp_path_is_under(path, dirs[i]) && strcmp(path, dirs[i]) != 0)
			return true;
	}
	for (size_t i = 0; i < MP_ARRAY_LEN(files); i++) {
		if (strcmp(path, files[i]) == 0)
			return true;
	}
	return false;
}

/* Keeps what @path leads to. 1 where there is something, 0, -1. */
static int keep_path(struct mp_planning *plan, const char *path, unsigned int flags,
		     enum mp_reason reason, struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	if (mp_resolve(plan->resolver, path, flags, &res, err))
		return -1;
	if (res.status != MP_RESOLVED_FOUND)
		return 0;
	mp_resolution_keep(&res, plan->set, MP_WHY(reason));
	return 1;
}

static int take_list(struct mp_planning *plan, struct mp_error *err)
{
	const struct mp_strv *list = plan->request->list;

	for (size_t i = 0; i < list->n; i++) {
		MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

		if (mp_interrupt_check(err) ||
		    mp_resolve(plan->resolver, list->v[i], MP_RESOLVE_NOFOLLOW, &res, err))
			return -1;
		if (res.status == MP_RESOLVED_FOUND)
			mp_resolution_keep(&res, plan->set, MP_WHY(MP_REASON_LISTED));
		else if (!plan->drops || !res.missing || !mp_drops_find(plan->drops, res.missing))
			mp_strv_push(&plan->notes.missing_listed, list->v[i]);
	}
	return 0;
}

static const char *working_dir(const struct mp_image_config *config)
{
	return config && config->working_dir && config->working_dir[0] == '/' ? config->working_dir
									      : "/";
}

static const char *environment(const struct mp_image_config *config, const char *name)
{
	return config ? mp_image_config_getenv(config, name) : NULL;
}

/* A program that the image's configuration names; one that is not there may come by a volume. */
static int keep_program(struct mp_planning *plan, const char *name, struct mp_error *err)
{
	const struct mp_image_config *config = plan->request->config;
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv tried = { 0 };
	int rc = mp_command_find(plan->resolver, name, environment(config, "PATH"),
				 working_dir(config), &res, &tried, err);

	if (rc > 0)
		mp_resolution_keep(&res, plan->set, MP_WHY(MP_REASON_ENTRYPOINT));
	return rc < 0 ? -1 : 0;
}

/* The program of a health check (Dockerfile reference, HEALTHCHECK); NULL without one. */
static const char *health_program(const struct mp_image_config *config)
{
	const struct mp_strv *test = &config->healthcheck;

	if (test->n < 2)
		return NULL;
	if (strcmp(test->v[0], "CMD") == 0)
		return test->v[1];
	if (strcmp(test->v[0], "CMD-SHELL") == 0)
		return config->shell.n ? config->shell.v[0] : "/bin/sh";
	return NULL;
}

static int keep_programs(struct mp_planning *plan, struct mp_error *err)
{
	const struct mp_image_config *config = plan->request->config;
	const char *names[] = {
		config->entrypoint.n ? config->entrypoint.v[0] : NULL,
		/* Also where there is an ENTRYPOINT: such a script often ends in exec "$@". */
		config->cmd.n ? config->cmd.v[0] : NULL,
		health_program(config),
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(names); i++) {
		if (names[i] && keep_program(plan, names[i], err))
			return -1;
	}
	return 0;
}

/* What the engine reads, which no trace sees. */
static int take_config(struct mp_planning *plan, struct mp_error *err)
{
	const struct mp_image_config *config = plan->request->config;

	if (!config)
		return 0;
	if (keep_programs(plan, err) ||
	    keep_path(plan, "/etc/passwd", 0, MP_REASON_USERS, err) < 0 ||
	    keep_path(plan, "/etc/group", 0, MP_REASON_USERS, err) < 0 ||
	    keep_path(plan, working_dir(config), 0, MP_REASON_WORKDIR, err) < 0)
		return -1;
	for (size_t i = 0; i < config->volumes.n; i++) {
		if (config->volumes.v[i][0] == '/' &&
		    keep_path(plan, config->volumes.v[i], 0, MP_REASON_VOLUME, err) < 0)
			return -1;
	}
	return 0;
}

/*
 * A directory for the engine to mount on, or for programs to write to: as in the image, where it is
 * the image's own. With the host's "/" as the root it may be a mount point by now, and what is
 * mounted there changes with every look.
 */
static int keep_mount_point(struct mp_planning *plan, const char *path, mode_t mode,
			    struct mp_error *err)
{
	const struct mp_node made = { .mode = S_IFDIR | mode, .nlink = 1 };
	const struct mp_file *root = mp_fileset_find(plan->set, "/");
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	if (mp_resolver_hides(plan->resolver, path))
		return 0;
	if (mp_resolve(plan->resolver, path, MP_RESOLVE_NOFOLLOW, &res, err))
		return -1;
	if (res.status == MP_RESOLVED_FOUND &&
	    (!S_ISDIR(res.node->mode) || res.node->file_dev == root->node.file_dev))
		mp_resolution_keep(&res, plan->set, MP_WHY(MP_REASON_MOUNT_POINT));
	else
		mp_fileset_add(plan->set, path, &made, MP_WHY(MP_REASON_MOUNT_POINT));
	return 0;
}

static int take_mount_points(struct mp_planning *plan, struct mp_error *err)
{
	if (keep_mount_point(plan, "/proc", 0755, err) ||
	    keep_mount_point(plan, "/sys", 0755, err) ||
	    keep_mount_point(plan, "/dev", 0755, err) || keep_mount_point(plan, "/tmp", 01777, err))
		return -1;
	return 0;
}

/* The locales that the image's environment selects (locale(7)). */
static void list_locales(const struct mp_image_config *config, struct mp_strv *locales)
{
	static const char *const variables[] = {
		"LC_ALL",         "LC_CTYPE",    "LC_COLLATE",
		"LC_MESSAGES",    "LC_MONETARY", "LC_NUMERIC",
		"LC_TIME",        "LC_ADDRESS",  "LC_IDENTIFICATION",
		"LC_MEASUREMENT", "LC_NAME",     "LC_PAPER",
		"LC_TELEPHONE",   "LANG",
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(variables); i++) {
		const char *value = environment(config, variables[i]);

		if (!value || !value[0])
			continue;
		if (mp_strv_find(locales, value) < 0)
			mp_strv_push(locales, value);
		if (i == 0) /* LC_ALL: no other counts */
			return;
	}
}

/*
 * A missing library matters unless the file that needs it was in use when the trace was made, or is
 * but an extra of the C library or of a note: then the original image does without it just so.
 */
static void take_missing(struct mp_planning *plan, const struct mp_missing *missing)
{
	for (size_t i = 0; i < missing->texts.n; i++) {
		bool unused = mp_closure_is_unused(plan->set, missing->needed_by.v[i]);

		mp_strv_push(unused ? &plan->notes.missing_unused : &plan->notes.missing_needed,
			     missing->texts.v[i]);
	}
}

static int take_closure(struct mp_planning *plan, struct mp_error *err)
{
	const struct mp_image_config *config = plan->request->config;
	struct mp_closure_env env = {
		.library_path = environment(config, "LD_LIBRARY_PATH"),
		.preload = environment(config, "LD_PRELOAD"),
		.search_path = environment(config, "PATH"),
		.working_dir = working_dir(config),
		.suggested = plan->request->keep_suggested,
	};
	struct mp_missing missing = { 0 };
	int rc;

	list_locales(config, &env.locales);
	rc = mp_closure_run(plan->resolver, plan->set, &env, &missing, err);
	if (rc == 0)
		take_missing(plan, &missing);
	mp_missing_free(&missing);
	mp_strv_free(&env.locales);
	return rc;
}

static bool is_dropped(const char *path, const void *drops)
{
	return mp_drops_find(drops, path) != NULL;
}

static bool is_dropped_file(const struct mp_file *file, const void *drops)
{
	return is_dropped(file->path, drops);
}

/* A resolver by itself, since rules may name what is hidden of a trace, such as devices. */
static struct mp_resolver *rules_resolver(const struct mp_planning *plan)
{
	struct mp_resolver *resolver = mp_resolver_new(mp_resolver_root(plan->resolver), plan->set);

	mp_resolver_hide_kernel(resolver);
	if (plan->drops)
		mp_resolver_hide_if(resolver, is_dropped, plan->drops);
	return resolver;
}

static int take_rules(struct mp_planning *plan, struct mp_error *err)
{
	const struct mp_image_config *config = plan->request->config;
	const struct mp_rules_env env = {
		.search_path = environment(config, "PATH"),
		.working_dir = working_dir(config),
	};
	MP_AUTO(mp_resolver_freep) struct mp_resolver *resolver = rules_resolver(plan);

	if (mp_rules_keep(plan->rules, &env, resolver, plan->set, err))
		return -1;
	return plan->rules->listed ? mp_plan_take_entries(plan, err) : 0;
}

static int begin_drops(struct mp_planning *plan, struct mp_error *err)
{
	MP_AUTO(mp_resolver_freep) struct mp_resolver *resolver = rules_resolver(plan);

	if (plan->rules->drop.n == 0)
		return 0;
	if (mp_drops_new(plan->rules, resolver, &plan->drops, err))
		return -1;
	mp_resolver_hide_if(plan->resolver, is_dropped, plan->drops);
	return 0;
}

/* Whose the files are, and what tells a scanner so. */
static int take_packages(struct mp_planning *plan, struct mp_error *err)
{
	if (plan->request->no_package_db)
		return 0;
	if (mp_packages_find(plan->resolver, plan->set, &plan->notes.packages, err))
		return -1;
	return mp_packages_add_records(plan->notes.packages, plan->resolver, plan->set, err);
}

static int take_all(struct mp_planning *plan, struct mp_error *err)
{
	/* Mount points first: where one is made up, the host's must not come in as some parent. */
	if (keep_path(plan, "/", 0, MP_REASON_MOUNT_POINT, err) < 0 || take_mount_points(plan, err))
		return -1;
	if (plan->request->trace ? mp_plan_take_trace(plan, err) : take_list(plan, err))
		return -1;
	if (take_config(plan, err) || take_rules(plan, err) || take_closure(plan, err) ||
	    mp_plan_take_looks(plan, err))
		return -1;
	if (mp_touched_forget(plan->resolver, plan->request->config, plan->set, err))
		return -1;
	return take_packages(plan, err);
}

static int plan_from_text(struct mp_rootfs *root, const struct mp_plan_request *request,
			  struct mp_fileset **set_out, struct mp_plan_notes *notes_out,
			  struct mp_error *err)
{
	const struct mp_plan_text *text = request->plan;
	MP_AUTO(mp_plan_header_clear) struct mp_plan_header header = { 0 };
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = NULL;
	MP_AUTO(mp_resolver_freep) struct mp_resolver *resolver = mp_resolver_new(root, NULL);

	mp_resolver_hide_kernel(resolver);
	if (mp_plan_from_file(root, text->text, text->len, text->name, &header, &set, err) ||
	    mp_touched_forget(resolver, request->config, set, err))
		return -1;
	*notes_out = (struct mp_plan_notes){ 0 };
	if (!request->no_package_db && mp_packages_find(resolver, set, &notes_out->packages, err))
		return -1;
	*set_out = MP_STEAL(set);
	return 0;
}

int mp_plan(struct mp_rootfs *root, const struct mp_plan_request *request,
	    struct mp_fileset **set_out, struct mp_plan_notes *notes_out, struct mp_error *err)
{
	static const struct mp_rules no_rules = { 0 };
	MP_AUTO(plan_clear)
	struct mp_planning plan = {
		.request = request,
		.set = mp_fileset_new(),
		.noted = mp_strmap_new(NULL),
		.mounted = mp_strmap_new(NULL),
		.rules = request->rules ? request->rules : &no_rules,
	};

	if (request->plan)
		return plan_from_text(root, request, set_out, notes_out, err);
	plan.resolver = mp_resolver_new(root, plan.set);
	mp_resolver_hide_kernel(plan.resolver);
	/* A list may ask for a device node: not every rootfs is run by an engine that makes them.
	 */
	if (request->trace)
		mp_resolver_hide_contents(plan.resolver, "/dev");
	if (begin_drops(&plan, err) || take_all(&plan, err))
		return mp_error_prefix(err, "plan");
	/* Also what was made for the image. */
	if (plan.drops)
		mp_fileset_remove_if(plan.set, is_dropped_file, plan.drops);
	*set_out = MP_STEAL(plan.set);
	*notes_out = plan.notes;
	plan.notes = (struct mp_plan_notes){ 0 };
	return 0;
}
