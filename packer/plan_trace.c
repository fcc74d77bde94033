/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/plan_internal.h"

#include "core/interrupt.h"
#include "core/path.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/*
 * A path of the trace that the image does not have. Where the call succeeded, the run had made it,
 * and the next one must be able to: what leads there is kept. So it is where the call would have
 * made it, or failed for a reason that lies on the way there (EACCES), for it to fail alike. ENOENT
 * needs nothing to be said again.
 */
static void take_absent(struct mp_planning *plan, const struct mp_trace_event *event,
			const struct mp_resolution *res)
{
	bool writes =
		event->op == MP_OP_CREATE || (event->flags & (MP_TRACE_CREATE | MP_TRACE_WRITE));

	if (!writes && (event->error == ENOENT || event->error == ENOTDIR))
		return;
	mp_resolution_keep(res, plan->set, MP_WHY(MP_REASON_TRACED));
	if (event->error || (event->flags & MP_TRACE_FOREIGN) ||
	    (res->missing && (mp_plan_is_engines_own(res->missing) ||
			      mp_resolver_hides(plan->resolver, res->missing))) ||
	    mp_strmap_get(plan->noted, res->asked))
		return;
	mp_strmap_put(plan->noted, res->asked, plan);
	mp_strv_push(&plan->notes.created_at_run, res->asked);
}

/* What was on another mount. An engine fills the volumes of a configuration from the image. */
static bool is_in_volume(const struct mp_planning *plan, const char *path)
{
	const struct mp_image_config *config = plan->request->config;

	for (size_t i = 0; config && i < config->volumes.n; i++) {
		MP_AUTO(mp_freep) char *volume = mp_path_clean(config->volumes.v[i]);

		if (volume && mp_path_is_under(path, volume))
			return true;
	}
	return false;
}

/* On a host, other mounts belong to the root file system as any directory does. */
static void note_mounts(struct mp_planning *plan, const struct mp_trace *trace)
{
	if (!trace->header.source || strcmp(trace->header.source, "container") != 0)
		return;
	for (size_t i = 0; i < trace->n_events; i++) {
		const struct mp_trace_event *event = &trace->events[i];

		if ((event->flags & MP_TRACE_MOUNTED) && event->real &&
		    strcmp(event->real, "/") != 0 && !is_in_volume(plan, event->real))
			mp_strmap_put(plan->mounted, event->real, plan);
	}
}

/* Whether the container could not see the image's @path, for what was mounted above it. */
static bool is_shadowed(const struct mp_planning *plan, const char *path)
{
	MP_AUTO(mp_freep) char *dir = NULL;
	char *end;

	if (mp_strmap_count(plan->mounted) == 0)
		return false;
	dir = mp_xstrdup(path);
	while ((end = strrchr(dir, '/')) && end > dir) {
		*end = '\0';
		if (mp_strmap_get(plan->mounted, dir))
			return true;
	}
	return false;
}

/* Of the way to something mounted: symlinks, and directories, which may be mounted on again. */
static void keep_way(struct mp_planning *plan, const struct mp_resolution *res)
{
	for (size_t i = 0; i < res->n_steps; i++) {
		const struct mp_resolve_step *step = &res->steps[i];

		if (is_shadowed(plan, step->path))
			return;
		if (S_ISLNK(step->node->mode))
			mp_fileset_add(plan->set, step->path, step->node,
				       MP_WHY(MP_REASON_SYMLINK, .because = res->asked));
		else if (S_ISDIR(step->node->mode) && mp_strmap_get(plan->mounted, step->path))
			mp_fileset_add(plan->set, step->path, step->node,
				       MP_WHY(MP_REASON_MOUNT_POINT));
		else if (S_ISDIR(step->node->mode))
			mp_fileset_add(plan->set, step->path, step->node,
				       MP_WHY(MP_REASON_PARENT, .because = res->asked));
	}
}

/* Whether @res leads to, or through, what was mounted, so that the image's is something else. */
static bool is_mounted(const struct mp_planning *plan, const struct mp_resolution *res)
{
	const char *end = res->status == MP_RESOLVED_FOUND ? res->path : res->missing;

	return end && (mp_strmap_get(plan->mounted, end) || is_shadowed(plan, end));
}

bool mp_plan_is_look(const struct mp_trace_event *event)
{
	return event->op == MP_OP_STAT || event->op == MP_OP_ACCESS ||
	       event->op == MP_OP_READLINK || event->error == ENOTDIR ||
	       (event->op == MP_OP_OPEN && (event->flags & MP_TRACE_LOCATED));
}

/*
 * What the trace has at the end of @res. With --stat-only, what nobody read comes last, when it is
 * known what is kept for other reasons, and then goes without its contents, or not at all.
 */
static void keep_traced(struct mp_planning *plan, const struct mp_trace_event *event,
			const struct mp_resolution *res)
{
	bool whole = plan->rules->stat_only == MP_STAT_ONLY_KEEP || !mp_plan_is_look(event) ||
		     !mp_resolution_is_file(res) || mp_fileset_find(plan->set, res->path);

	if (!whole && plan->rules->stat_only == MP_STAT_ONLY_DROP)
		return;
	mp_resolution_keep(res, plan->set, MP_WHY(MP_REASON_TRACED));
	if (!whole)
		mp_fileset_add_made(plan->set, res->path, res->node, "", 0,
				    &mp_fileset_find(plan->set, res->path)->why);
}

/* What is no directory, and was used as one: so that it fails alike. */
static int take_blocker(struct mp_planning *plan, const struct mp_trace_event *event,
			const char *path, struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	if (mp_resolve(plan->resolver, path, MP_RESOLVE_NOFOLLOW, &res, err))
		return -1;
	if (res.status == MP_RESOLVED_FOUND && !S_ISDIR(res.node->mode))
		keep_traced(plan, event, &res);
	return 0;
}

static int take_requested(struct mp_planning *plan, const struct mp_trace_event *event,
			  struct mp_error *err)
{
	unsigned int flags = event->flags & MP_TRACE_NOFOLLOW ? MP_RESOLVE_NOFOLLOW : 0;
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	if (mp_resolve(plan->resolver, event->path, flags, &res, err))
		return -1;
	if (mp_plan_is_engines_own(res.asked))
		return 0;
	if (is_mounted(plan, &res))
		keep_way(plan, &res);
	else if (res.status != MP_RESOLVED_FOUND)
		take_absent(plan, event, &res);
	else if (!mp_plan_is_engines_own(res.path))
		keep_traced(plan, event, &res);
	if (res.status == MP_RESOLVED_ABSENT && res.missing && event->error == ENOTDIR &&
	    !mp_plan_is_engines_own(res.missing) && !is_mounted(plan, &res))
		return take_blocker(plan, event, res.missing, err);
	return 0;
}

/* What the kernel says was reached: by a name that the run may have changed since. */
static int take_real(struct mp_planning *plan, const struct mp_trace_event *event,
		     struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	if (!event->real || strcmp(event->real, event->path) == 0 ||
	    mp_plan_is_engines_own(event->real))
		return 0;
	if (mp_resolve(plan->resolver, event->real, MP_RESOLVE_NOFOLLOW, &res, err))
		return -1;
	if (is_mounted(plan, &res))
		keep_way(plan, &res);
	else if (res.status == MP_RESOLVED_FOUND)
		keep_traced(plan, event, &res);
	else
		mp_resolution_keep(&res, plan->set, MP_WHY(MP_REASON_TRACED));
	return 0;
}

/* Events that are looks alone, or the others; or all of them. */
static int take_events(struct mp_planning *plan, bool looks, bool others, struct mp_error *err)
{
	const struct mp_trace *trace = plan->request->trace;

	for (size_t i = 0; i < trace->n_events; i++) {
		const struct mp_trace_event *event = &trace->events[i];

		if (mp_plan_is_look(event) ? !looks : !others)
			continue;
		if (mp_interrupt_check(err) || take_requested(plan, event, err) ||
		    take_real(plan, event, err))
			return -1;
	}
	return 0;
}

int mp_plan_take_trace(struct mp_planning *plan, struct mp_error *err)
{
	note_mounts(plan, plan->request->trace);
	return take_events(plan, plan->rules->stat_only == MP_STAT_ONLY_KEEP, true, err);
}

int mp_plan_take_looks(struct mp_planning *plan, struct mp_error *err)
{
	if (!plan->request->trace || plan->rules->stat_only == MP_STAT_ONLY_KEEP)
		return 0;
	return take_events(plan, true, false, err);
}

int mp_plan_take_entries(struct mp_planning *plan, struct mp_error *err)
{
	const struct mp_trace *trace = plan->request->trace;

	for (size_t i = 0; trace && i < trace->n_events; i++) {
		const struct mp_trace_event *event = &trace->events[i];
		const char *dir = event->real ? event->real : event->path;

		if (event->op != MP_OP_LIST || event->error || mp_plan_is_engines_own(dir) ||
		    strcmp(dir, "/dev") == 0 || mp_strmap_get(plan->mounted, dir) ||
		    is_shadowed(plan, dir))
			continue;
		if (mp_rules_keep_entries(plan->resolver, dir, plan->set, err))
			return -1;
	}
	return 0;
}
