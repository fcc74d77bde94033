/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/plan.h"

#include "core/interrupt.h"
#include "core/path.h"
#include "packer/closure.h"
#include "packer/command.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

struct plan {
	const struct mp_plan_request *request;
	struct mp_fileset *set;
	struct mp_resolver *resolver;
	struct mp_plan_notes notes;
	struct mp_strmap *noted; /* paths in notes.created_at_run */
};

static void plan_clear(struct plan *plan)
{
	mp_resolver_freep(&plan->resolver);
	mp_fileset_freep(&plan->set);
	mp_plan_notes_clear(&plan->notes);
	mp_strmap_freep(&plan->noted);
}

void mp_plan_notes_clear(struct mp_plan_notes *notes)
{
	mp_strv_free(&notes->missing_listed);
	mp_strv_free(&notes->missing_needed);
	mp_strv_free(&notes->missing_unused);
	mp_strv_free(&notes->created_at_run);
}

/* What of a running container is not the image's: the engine mounts it there. */
static bool is_engines_own(const char *path)
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
static int keep_path(struct plan *plan, const char *path, unsigned int flags, enum mp_reason reason,
		     struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	if (mp_resolve(plan->resolver, path, flags, &res, err))
		return -1;
	if (res.status != MP_RESOLVED_FOUND)
		return 0;
	mp_resolution_keep(&res, plan->set, MP_WHY(reason));
	return 1;
}

/*
 * A path of the trace that the image does not have. Where the call succeeded, the run had made it,
 * and the next one must be able to: what leads there is kept. So it is where the call would have
 * made it, or failed for a reason that lies on the way there (EACCES), for it to fail alike. ENOENT
 * needs nothing to be said again.
 */
static void take_absent(struct plan *plan, const struct mp_trace_event *event,
			const struct mp_resolution *res)
{
	bool writes =
		event->op == MP_OP_CREATE || (event->flags & (MP_TRACE_CREATE | MP_TRACE_WRITE));

	if (!writes && (event->error == ENOENT || event->error == ENOTDIR))
		return;
	mp_resolution_keep(res, plan->set, MP_WHY(MP_REASON_TRACED));
	if (event->error || (event->flags & MP_TRACE_FOREIGN) ||
	    (res->missing && is_engines_own(res->missing)) ||
	    mp_strmap_get(plan->noted, res->asked))
		return;
	mp_strmap_put(plan->noted, res->asked, plan);
	mp_strv_push(&plan->notes.created_at_run, res->asked);
}

static int take_requested(struct plan *plan, const struct mp_trace_event *event,
			  struct mp_error *err)
{
	unsigned int flags = event->flags & MP_TRACE_NOFOLLOW ? MP_RESOLVE_NOFOLLOW : 0;
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	if (mp_resolve(plan->resolver, event->path, flags, &res, err))
		return -1;
	if (is_engines_own(res.asked))
		return 0;
	if (res.status != MP_RESOLVED_FOUND)
		take_absent(plan, event, &res);
	else if (!is_engines_own(res.path))
		mp_resolution_keep(&res, plan->set, MP_WHY(MP_REASON_TRACED));
	return 0;
}

/* What the kernel says was reached: by a name that the run may have changed since. */
static int take_real(struct plan *plan, const struct mp_trace_event *event, struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	if (!event->real || strcmp(event->real, event->path) == 0 || is_engines_own(event->real))
		return 0;
	if (mp_resolve(plan->resolver, event->real, MP_RESOLVE_NOFOLLOW, &res, err))
		return -1;
	mp_resolution_keep(&res, plan->set, MP_WHY(MP_REASON_TRACED));
	return 0;
}

static int take_trace(struct plan *plan, struct mp_error *err)
{
	const struct mp_trace *trace = plan->request->trace;

	for (size_t i = 0; i < trace->n_events; i++) {
		if (mp_interrupt_check(err) || take_requested(plan, &trace->events[i], err) ||
		    take_real(plan, &trace->events[i], err))
			return -1;
	}
	return 0;
}

static int take_list(struct plan *plan, struct mp_error *err)
{
	const struct mp_strv *list = plan->request->list;

	for (size_t i = 0; i < list->n; i++) {
		int rc = keep_path(plan, list->v[i], MP_RESOLVE_NOFOLLOW, MP_REASON_LISTED, err);

		if (rc < 0 || mp_interrupt_check(err))
			return -1;
		if (rc == 0)
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
static int keep_program(struct plan *plan, const char *name, struct mp_error *err)
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

static int keep_programs(struct plan *plan, struct mp_error *err)
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
static int take_config(struct plan *plan, struct mp_error *err)
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
static int keep_mount_point(struct plan *plan, const char *path, mode_t mode, struct mp_error *err)
{
	const struct mp_node made = { .mode = S_IFDIR | mode, .nlink = 1 };
	const struct mp_file *root = mp_fileset_find(plan->set, "/");
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	if (mp_resolve(plan->resolver, path, MP_RESOLVE_NOFOLLOW, &res, err))
		return -1;
	if (res.status == MP_RESOLVED_FOUND &&
	    (!S_ISDIR(res.node->mode) || res.node->file_dev == root->node.file_dev))
		mp_resolution_keep(&res, plan->set, MP_WHY(MP_REASON_MOUNT_POINT));
	else
		mp_fileset_add(plan->set, path, &made, MP_WHY(MP_REASON_MOUNT_POINT));
	return 0;
}

static int take_mount_points(struct plan *plan, struct mp_error *err)
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
static void take_missing(struct plan *plan, const struct mp_missing *missing)
{
	for (size_t i = 0; i < missing->texts.n; i++) {
		bool unused = mp_closure_is_unused(plan->set, missing->needed_by.v[i]);

		mp_strv_push(unused ? &plan->notes.missing_unused : &plan->notes.missing_needed,
			     missing->texts.v[i]);
	}
}

static int take_closure(struct plan *plan, struct mp_error *err)
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

static int take_all(struct plan *plan, struct mp_error *err)
{
	/* Mount points first: where one is made up, the host's must not come in as some parent. */
	if (keep_path(plan, "/", 0, MP_REASON_MOUNT_POINT, err) < 0 || take_mount_points(plan, err))
		return -1;
	if (plan->request->trace ? take_trace(plan, err) : take_list(plan, err))
		return -1;
	if (take_config(plan, err))
		return -1;
	return take_closure(plan, err);
}

int mp_plan(struct mp_rootfs *root, const struct mp_plan_request *request,
	    struct mp_fileset **set_out, struct mp_plan_notes *notes_out, struct mp_error *err)
{
	MP_AUTO(plan_clear)
	struct plan plan = {
		.request = request,
		.set = mp_fileset_new(),
		.noted = mp_strmap_new(NULL),
	};

	plan.resolver = mp_resolver_new(root, plan.set);
	mp_resolver_hide_contents(plan.resolver, "/proc");
	mp_resolver_hide_contents(plan.resolver, "/sys");
	/* A list may ask for a device node: not every rootfs is run by an engine that makes them.
	 */
	if (request->trace)
		mp_resolver_hide_contents(plan.resolver, "/dev");
	if (take_all(&plan, err))
		return mp_error_prefix(err, "plan");
	*set_out = MP_STEAL(plan.set);
	*notes_out = plan.notes;
	plan.notes = (struct mp_plan_notes){ 0 };
	return 0;
}

static bool is_blank_line(const char *line, size_t len)
{
	size_t i = 0;

	while (i < len && (line[i] == ' ' || line[i] == '\t'))
		i++;
	return i == len;
}

/* One line without its newline. */
static int parse_line(const char *line, size_t len, const char *name, size_t number,
		      struct mp_strv *paths, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *text = NULL;
	MP_AUTO(mp_freep) char *bytes = NULL;
	char *path;

	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (is_blank_line(line, len) || line[0] == '#')
		return 0;
	if (memchr(line, '\0', len))
		return mp_error_set(err, MP_E_FORMAT, 0, "%s:%zu: a path cannot contain a NUL byte",
				    name, number);
	text = mp_xstrndup(line, len);
	bytes = mp_path_unescape(text);
	if (!bytes)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "%s:%zu: '%s': malformed escape; a backslash is written '\\\\'",
				    name, number, text);
	path = mp_path_clean(bytes);
	if (!path)
		return mp_error_set(err, MP_E_FORMAT, 0, "%s:%zu: '%s' is not an absolute path",
				    name, number, text);
	mp_strv_push_take(paths, path);
	return 0;
}

int mp_list_parse(const char *text, size_t len, const char *name, struct mp_strv *paths,
		  struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv found = { 0 };
	const char *end = text + len;

	for (size_t number = 1; text < end; number++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;

		if (parse_line(text, (size_t)(stop - text), name, number, &found, err))
			return -1;
		text = newline ? newline + 1 : end;
	}
	mp_strv_copy(paths, &found);
	return 0;
}
