/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/watching.h"

#include "cli/newcomers.h"
#include "cli/outputs.h"
#include "core/clock.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "tracer/processes.h"
#include "tracer/recorder.h"
#include "tracer/running.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define POLL_MS 200
/* How long a container that began just now may take to be asked about. */
#define SETTLE_MS 300

/* A container that was named. */
struct container {
	char *id, *name;
	size_t output;
	char *started; /* when, as it was last seen before it was followed */
	bool ran;      /* seen to run */
	bool ended;
};

/* A control group that was named. */
struct group {
	const char *path;
	bool ran, ended;
};

/* An image whose containers are followed. */
struct image {
	size_t output;
	struct mp_strv running; /* those that ran before the tracer was armed */
};

/* A process that was named. */
struct named_process {
	pid_t pid;
	int fd; /* of pidfd_open(2) */
	bool ended;
};

struct watch {
	const struct mp_options *options;
	struct mp_engine *engine; /* NULL where none is needed */
	struct mp_newcomers *newcomers;
	struct mp_outputs outputs;
	struct mp_recorder *recorder;
	struct container *containers;
	size_t n_containers, cap_containers;
	struct image *images;            /* as many as targets.images */
	struct group *groups;            /* as many as targets.cgroups */
	struct named_process *processes; /* as many as targets.pids */
	size_t no_image;                 /* the output of both */
	bool engine_failed;
};

static void watch_cleanup(struct watch *watch)
{
	if (watch->newcomers)
		mp_newcomers_close(watch->newcomers);
	mp_recorder_freep(&watch->recorder);
	mp_newcomers_freep(&watch->newcomers);
	mp_engine_freep(&watch->engine);
	for (size_t i = 0; i < watch->n_containers; i++) {
		mp_freep(&watch->containers[i].id);
		mp_freep(&watch->containers[i].name);
		mp_freep(&watch->containers[i].started);
	}
	for (size_t i = 0; watch->processes && i < watch->options->targets.n_pids; i++)
		mp_closep(&watch->processes[i].fd);
	for (size_t i = 0; watch->images && i < watch->options->targets.images.n; i++)
		mp_strv_free(&watch->images[i].running);
	mp_freep(&watch->images);
	mp_freep(&watch->containers);
	mp_freep(&watch->groups);
	mp_freep(&watch->processes);
	mp_outputs_free(&watch->outputs);
}

bool mp_targets_any(const struct mp_targets *targets)
{
	return targets->containers.n || targets->images.n || targets->cgroups.n || targets->n_pids;
}

static struct mp_session *session_of(const struct watch *watch)
{
	return mp_recorder_session(watch->recorder);
}

static unsigned int sink_of(const struct watch *watch, size_t output)
{
	return watch->outputs.v[output].sink;
}

/* What is named */

static int add_container(struct watch *watch, const char *name, struct mp_error *err)
{
	const struct mp_targets *targets = &watch->options->targets;
	MP_AUTO(mp_container_clear) struct mp_container found = { 0 };

	if (mp_engine_container_find(watch->engine, name, &found, err))
		return -1;
	/* Of what runs already, only --attach knows who belongs to the main process. */
	if (found.running && targets->main_only && !targets->attach)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "container '%s' runs already: --main-only needs --attach then",
				    name);
	for (size_t i = 0; i < watch->n_containers; i++) {
		if (strcmp(watch->containers[i].id, found.id) == 0)
			return 0;
	}
	watch->containers = mp_array_grow(watch->containers, watch->n_containers,
					  &watch->cap_containers, sizeof(*watch->containers));
	watch->containers[watch->n_containers++] = (struct container){
		.id = MP_STEAL(found.id),
		.name = MP_STEAL(found.name),
		.output = mp_outputs_add(&watch->outputs, found.image, found.image_id),
	};
	return 0;
}

static int add_image(struct watch *watch, const char *reference, struct image *followed,
		     struct mp_error *err)
{
	MP_AUTO(mp_image_freep) struct mp_image *image = NULL;

	if (mp_engine_image_inspect(watch->engine, reference, &image, err))
		return err->sys_errno == ENOENT ? mp_error_hint(err, "pull it first") : -1;
	followed->output = mp_outputs_add(&watch->outputs, reference, image->id);
	mp_newcomers_follow(watch->newcomers, image->id, followed->output);
	return 0;
}

static int add_process(struct named_process *process, pid_t pid, struct mp_error *err)
{
	process->pid = pid;
	process->fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (process->fd < 0)
		return mp_error_set(err, MP_E_USAGE, errno, "--pid %d", (int)pid);
	return 0;
}

/* Finds all that is named, and which traces there will be. */
static int resolve(struct watch *watch, struct mp_error *err)
{
	const struct mp_targets *targets = &watch->options->targets;
	bool no_image = targets->cgroups.n || targets->n_pids;

	watch->images = mp_xcalloc(targets->images.n + 1, sizeof(*watch->images));
	watch->groups = mp_xcalloc(targets->cgroups.n + 1, sizeof(*watch->groups));
	watch->processes = mp_xcalloc(targets->n_pids + 1, sizeof(*watch->processes));
	for (size_t i = 0; i < targets->n_pids; i++)
		watch->processes[i].fd = -1;
	if ((targets->attach || targets->n_pids) && mp_processes_check(err))
		return -1;
	for (size_t i = 0; i < targets->n_pids; i++) {
		if (add_process(&watch->processes[i], targets->pids[i], err))
			return -1;
	}
	if ((targets->containers.n || targets->images.n) && mp_engine_connect(&watch->engine, err))
		return -1;
	if (targets->images.n && mp_newcomers_open(&watch->outputs, &watch->newcomers, err))
		return -1;
	for (size_t i = 0; i < targets->containers.n; i++) {
		if (add_container(watch, targets->containers.v[i], err))
			return -1;
	}
	for (size_t i = 0; i < targets->images.n; i++) {
		if (add_image(watch, targets->images.v[i], &watch->images[i], err))
			return -1;
	}
	watch->no_image = no_image ? mp_outputs_add(&watch->outputs, NULL, NULL) : 0;
	return mp_outputs_name(&watch->outputs, watch->options->output, err);
}

/* Following */

/* Follows what runs already, and records what it has in use. */
static int attach(struct watch *watch, size_t output, const struct mp_running *running,
		  size_t *n_out, struct mp_error *err)
{
	return mp_session_attach(session_of(watch), sink_of(watch, output), running, n_out, err);
}

static int attach_container(struct watch *watch, size_t output, const struct mp_container *found,
			    struct mp_error *err)
{
	const struct mp_running running = {
		.container_id = found->id,
		.main_pid = watch->options->targets.main_only ? found->pid : 0,
	};
	MP_AUTO(mp_container_clear) struct mp_container now = { 0 };
	size_t n = 0;

	if (attach(watch, output, &running, &n, err))
		return -1;
	if (n > 0 || mp_engine_container_find(watch->engine, found->id, &now, NULL) || !now.running)
		return 0;
	return mp_error_set(err, MP_E_ENGINE, 0,
			    "container '%s' runs, but none of its processes is on this host; run "
			    "micropack where the engine runs",
			    found->name);
}

/* Looks at a container that was there when it was named. */
static int look_again(struct watch *watch, const struct container *container,
		      struct mp_container *found_out, struct mp_error *err)
{
	mp_container_clear(found_out);
	if (mp_engine_container_find(watch->engine, container->id, found_out, err) == 0)
		return 0;
	if (err->sys_errno != ENOENT)
		return -1;
	return mp_error_set(err, MP_E_ENGINE, 0,
			    "container '%s' is gone: it was removed before it could be followed",
			    container->name);
}

static int follow_container(struct watch *watch, struct container *container, struct mp_error *err)
{
	bool attaches = watch->options->targets.attach;
	MP_AUTO(mp_container_clear) struct mp_container found = { 0 };
	bool ran_before;

	if (look_again(watch, container, &found, err))
		return -1;
	ran_before = found.running;
	container->started = mp_xstrdup(found.started);
	if (mp_session_add_container(session_of(watch), sink_of(watch, container->output),
				     container->id, err) ||
	    look_again(watch, container, &found, err))
		return -1;
	container->ran = found.running;
	if (!found.running)
		mp_info("waiting for container '%s' to be started", container->name);
	if (found.running && attaches)
		return attach_container(watch, container->output, &found, err);
	if (found.running)
		mp_warn(ran_before ? "container '%s' runs already: what it did before is not in "
				     "the trace; --attach adds what it has in use"
				   : "container '%s' was started at this moment: what it did "
				     "first may not be in the trace",
			container->name);
	return 0;
}

static int list_running(struct watch *watch, const struct image *image, struct mp_strv *ids,
			struct mp_error *err)
{
	return mp_engine_containers_of_image(watch->engine,
					     watch->outputs.v[image->output].image_id, ids, err);
}

/* Containers that need not be asked about, since it is known what they are. */
static int know_containers(struct watch *watch, struct mp_error *err)
{
	const struct mp_targets *targets = &watch->options->targets;

	for (size_t i = 0; i < targets->images.n; i++) {
		struct image *image = &watch->images[i];

		if (list_running(watch, image, &image->running, err))
			return -1;
		for (size_t j = 0; j < image->running.n; j++)
			mp_newcomers_know(watch->newcomers, image->running.v[j],
					  targets->attach ? (int)image->output : -1);
	}
	/* Also of such an image: what is named is followed in any case. */
	for (size_t i = 0; i < watch->n_containers && watch->newcomers; i++)
		mp_newcomers_know(watch->newcomers, watch->containers[i].id,
				  (int)watch->containers[i].output);
	return 0;
}

static bool is_named(const struct watch *watch, const char *id)
{
	for (size_t i = 0; i < watch->n_containers; i++) {
		if (strcmp(watch->containers[i].id, id) == 0)
			return true;
	}
	return false;
}

/* A container of a followed image that runs already; it may have ended meanwhile. */
static int follow_old(struct watch *watch, const struct image *image, const char *id,
		      struct mp_error *err)
{
	MP_AUTO(mp_container_clear) struct mp_container found = { 0 };

	if (mp_session_add_container(session_of(watch), sink_of(watch, image->output), id, err))
		return -1;
	if (mp_engine_container_find(watch->engine, id, &found, err))
		return err->sys_errno == ENOENT ? 0 : -1;
	return found.running ? attach_container(watch, image->output, &found, err) : 0;
}

/*
 * Containers of @image that run already: those that ran before the tracer was armed, and those that
 * began meanwhile and were not seen to.
 */
static int follow_image(struct watch *watch, struct image *image, struct mp_error *err)
{
	bool attaches = watch->options->targets.attach;
	MP_AUTO(mp_strv_free) struct mp_strv now = { 0 };
	size_t old = 0;

	if (list_running(watch, image, &now, err))
		return -1;
	for (size_t i = 0; i < now.n; i++) {
		if (mp_newcomers_are_known(watch->newcomers, now.v[i]))
			continue;
		if (mp_interrupt_sleep_ms(SETTLE_MS, err))
			return -1;
		if (mp_newcomers_are_known(watch->newcomers, now.v[i]))
			continue;
		mp_newcomers_know(watch->newcomers, now.v[i], attaches ? (int)image->output : -1);
		mp_strv_push(&image->running, now.v[i]);
	}
	for (size_t i = 0; i < image->running.n; i++) {
		if (is_named(watch, image->running.v[i]))
			continue;
		old++;
		if (attaches && follow_old(watch, image, image->running.v[i], err))
			return -1;
	}
	if (old > 0 && !attaches)
		mp_warn("%zu container%s of '%s' run%s already and %s not followed; --attach "
			"follows what runs",
			old, old == 1 ? "" : "s", watch->outputs.v[image->output].image,
			old == 1 ? "s" : "", old == 1 ? "is" : "are");
	return 0;
}

static int follow_group(struct watch *watch, struct group *group, struct mp_error *err)
{
	const struct mp_running running = { .cgroup = group->path };
	MP_AUTO(mp_processes_free) struct mp_processes processes = { 0 };
	size_t n = 0;

	if (mp_session_add_cgroup(session_of(watch), sink_of(watch, watch->no_image), group->path,
				  err))
		return -1;
	if (watch->options->targets.attach) {
		if (attach(watch, watch->no_image, &running, &n, err))
			return -1;
	} else {
		if (mp_processes_of_cgroup(group->path, &processes, err))
			return -1;
		n = processes.n;
	}
	group->ran = n > 0;
	if (n > 0 && !watch->options->targets.attach)
		mp_warn("control group '%s' has processes already: they are followed from the "
			"next program on that they execute; --attach follows them at once",
			group->path);
	return 0;
}

static int follow_process(struct watch *watch, const struct named_process *process,
			  struct mp_error *err)
{
	const struct mp_running running = { .pid = process->pid };
	size_t n = 0;

	return attach(watch, watch->no_image, &running, &n, err);
}

static int add_sinks(struct watch *watch, struct mp_error *err)
{
	for (size_t i = 0; i < watch->outputs.n; i++) {
		struct mp_output *output = &watch->outputs.v[i];
		const struct mp_recorder_trace trace = {
			.path = output->path,
			.source = output->image_id ? "container" : "command",
			.image = output->image,
			.image_id = output->image_id,
		};

		if (mp_recorder_add(watch->recorder, &trace, &output->sink, err))
			return -1;
	}
	return 0;
}

static int follow_all(struct watch *watch, struct mp_error *err)
{
	const struct mp_targets *targets = &watch->options->targets;
	const struct mp_session_options session_options = {
		.buffer_bytes = watch->options->buffer_bytes,
		.main_only = targets->main_only,
		.new_container = watch->newcomers ? mp_newcomers_answer : NULL,
		.context = watch->newcomers,
	};

	if (know_containers(watch, err) ||
	    mp_recorder_open(&session_options, &watch->recorder, err) || add_sinks(watch, err))
		return -1;
	if (watch->newcomers)
		mp_newcomers_ready(watch->newcomers);
	for (size_t i = 0; i < watch->n_containers; i++) {
		if (follow_container(watch, &watch->containers[i], err))
			return -1;
	}
	for (size_t i = 0; i < targets->images.n; i++) {
		if (follow_image(watch, &watch->images[i], err))
			return -1;
	}
	for (size_t i = 0; i < targets->cgroups.n; i++) {
		watch->groups[i].path = targets->cgroups.v[i];
		if (follow_group(watch, &watch->groups[i], err))
			return -1;
	}
	for (size_t i = 0; i < targets->n_pids; i++) {
		if (follow_process(watch, &watch->processes[i], err))
			return -1;
	}
	return 0;
}

/* The end */

static void look_at_container(struct watch *watch, struct container *container)
{
	MP_AUTO(mp_container_clear) struct mp_container now = { 0 };
	struct mp_error err = { 0 };

	if (mp_engine_container_find(watch->engine, container->id, &now, &err)) {
		container->ended = err.sys_errno == ENOENT;
		if (!container->ended && err.code != MP_E_INTERRUPTED && !watch->engine_failed)
			mp_warn("%s: whether it has ended cannot be seen; Ctrl-C ends tracing",
				err.msg);
		watch->engine_failed = watch->engine_failed || !container->ended;
		return;
	}
	/* It may have run between two looks. */
	container->ran =
		container->ran || now.running || strcmp(now.started, container->started) != 0;
	container->ended = container->ran && !now.running;
}

static void look_at_group(struct group *group)
{
	MP_AUTO(mp_processes_free) struct mp_processes processes = { 0 };
	struct mp_error err = { 0 };

	if (mp_processes_of_cgroup(group->path, &processes, &err))
		return; /* a signal */
	group->ran = group->ran || processes.n > 0;
	group->ended = processes.n == 0 && (group->ran || access(group->path, F_OK) < 0);
}

static bool have_all_ended(struct watch *watch)
{
	const struct mp_targets *targets = &watch->options->targets;
	bool ended = targets->images.n == 0; /* another one may be started at any time */

	for (size_t i = 0; i < watch->n_containers; i++) {
		if (!watch->containers[i].ended)
			look_at_container(watch, &watch->containers[i]);
		ended = ended && watch->containers[i].ended;
	}
	for (size_t i = 0; i < targets->cgroups.n; i++) {
		if (!watch->groups[i].ended)
			look_at_group(&watch->groups[i]);
		ended = ended && watch->groups[i].ended;
	}
	for (size_t i = 0; i < targets->n_pids; i++) {
		struct pollfd wait = { .fd = watch->processes[i].fd, .events = POLLIN };

		ended = ended && poll(&wait, 1, 0) > 0;
	}
	return ended;
}

static void wait_for_end(struct watch *watch)
{
	int64_t watch_ms = watch->options->qa.watch_ms;
	int64_t deadline_ms = watch_ms ? mp_clock_ms() + watch_ms : INT64_MAX;

	mp_info("following; the trace is written at the end of it%s, or at Ctrl-C",
		watch_ms ? ", when --for is over" : "");
	while (!mp_interrupt_signal() && mp_clock_ms() < deadline_ms && !have_all_ended(watch)) {
		int64_t left_ms = deadline_ms - mp_clock_ms();

		mp_interrupt_sleep_ms(left_ms < POLL_MS ? (unsigned int)(left_ms > 0 ? left_ms : 0)
							: POLL_MS,
				      NULL);
	}
}

int mp_watch(const struct mp_options *options, struct mp_trace_losses *losses_out,
	     struct mp_error *err)
{
	MP_AUTO(watch_cleanup) struct watch watch = { .options = options };

	if (resolve(&watch, err) || follow_all(&watch, err))
		return -1;
	wait_for_end(&watch);
	/* What the signal asked for is done now. */
	mp_interrupt_hold();
	if (mp_recorder_finish(watch.recorder, losses_out, err))
		return -1;
	for (size_t i = 0; i < watch.outputs.n; i++) {
		if (mp_recorder_events(watch.recorder, watch.outputs.v[i].sink) == 0)
			mp_warn("'%s' is empty: nothing was seen to run", watch.outputs.v[i].path);
		printf("%s\n", watch.outputs.v[i].path);
	}
	return 0;
}
