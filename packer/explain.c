/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/explain.h"

#include "core/path.h"
#include "packer/plan.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* As in packer/resolve.c: include/linux/namei.h, MAXSYMLINKS. */
#define LINKS_MAX 40

/* Where a hostile plan's reasons go in a circle, or far. */
#define STEPS_MAX 1000

struct mp_plan_index {
	struct mp_plan_header header;
	struct mp_strmap *lines; /* path → struct mp_plan_line */
};

static void free_line(void *value)
{
	struct mp_plan_line *line = value;

	mp_plan_line_clear(line);
	mp_freep(&line);
}

static int take_line(void *context, struct mp_plan_line *line, struct mp_error *err)
{
	struct mp_plan_index *index = context;
	struct mp_plan_line *own;

	(void)err;
	if (mp_strmap_get(index->lines, line->path))
		return 0;
	own = mp_xmalloc(sizeof(*own));
	*own = *line;
	*line = (struct mp_plan_line){ 0 };
	mp_strmap_put(index->lines, own->path, own);
	return 0;
}

int mp_plan_index_new(const struct mp_plan_text *plan, struct mp_plan_index **index_out,
		      struct mp_error *err)
{
	MP_AUTO(mp_plan_index_freep) struct mp_plan_index *index = mp_xcalloc(1, sizeof(*index));

	index->lines = mp_strmap_new(free_line);
	if (mp_plan_file_read(plan->text, plan->len, plan->name, &index->header, take_line, index,
			      err))
		return -1;
	*index_out = MP_STEAL(index);
	return 0;
}

void mp_plan_index_freep(struct mp_plan_index **index)
{
	if (!*index)
		return;
	mp_plan_header_clear(&(*index)->header);
	mp_strmap_freep(&(*index)->lines);
	mp_freep(index);
}

const struct mp_plan_header *mp_plan_index_header(const struct mp_plan_index *index)
{
	return &index->header;
}

const char *mp_verdict_word(enum mp_verdict verdict)
{
	static const char *const words[MP_VERDICTS] = {
		[MP_VERDICT_KEPT] = "kept",       [MP_VERDICT_ABSENT] = "absent",
		[MP_VERDICT_CREATED] = "created", [MP_VERDICT_SOUGHT] = "sought",
		[MP_VERDICT_DROPPED] = "dropped", [MP_VERDICT_NEVER] = "never",
		[MP_VERDICT_MOUNTED] = "mounted", [MP_VERDICT_STAT_ONLY] = "stat-only",
		[MP_VERDICT_UNUSED] = "unused",   [MP_VERDICT_REMOVED] = "removed",
		[MP_VERDICT_UNKNOWN] = "unknown",
	};

	return words[verdict];
}

void mp_explanation_clear(struct mp_explanation *explanation)
{
	for (size_t i = 0; i < explanation->n_steps; i++)
		mp_freep(&explanation->steps[i].trace);
	mp_freep(&explanation->steps);
	mp_freep(&explanation->path);
	mp_freep(&explanation->text);
	*explanation = (struct mp_explanation){ 0 };
}

/* One question. */
struct question {
	const struct mp_plan_index *index;
	const struct mp_evidence *evidence;
	struct mp_explanation *out;
	const char *asked; /* clean */
	const char *full;  /* where it leads, as far as the plan knows; clean */
};

/* Where a path leads in the packed image */

struct walk {
	char *at;   /* what was reached */
	char *rest; /* names to come */
	size_t n_links;
	struct mp_strv links; /* that were crossed */
};

static void walk_clear(struct walk *walk)
{
	mp_freep(&walk->at);
	mp_freep(&walk->rest);
	mp_strv_free(&walk->links);
}

static const struct mp_plan_line *line_of(const struct mp_plan_index *index, const char *path)
{
	return mp_strmap_get(index->lines, path);
}

/* One name on. false where the plan does not have it: walk->at is what it lacks. */
static bool walk_name(const struct mp_plan_index *index, struct walk *walk, const char *name,
		      char *rest)
{
	MP_AUTO(mp_freep) char *dir = MP_STEAL(walk->at);
	const struct mp_plan_line *line;

	if (strcmp(name, "..") == 0) {
		walk->at = mp_path_parent(dir);
		return true;
	}
	if (strcmp(name, ".") == 0) {
		walk->at = MP_STEAL(dir);
		return true;
	}
	walk->at = mp_path_join(dir, name);
	line = line_of(index, walk->at);
	if (!line)
		return false;
	/* A bare line does not say where a symlink leads. */
	if (!line->target || ++walk->n_links > LINKS_MAX)
		return true;
	mp_strv_push(&walk->links, walk->at);
	mp_freep(&walk->rest);
	walk->rest = mp_xasprintf("%s/%s", line->target, rest);
	mp_freep(&walk->at);
	walk->at = line->target[0] == '/' ? mp_xstrdup("/") : MP_STEAL(dir);
	return true;
}

/* Whether the plan has what @path leads to; walk->at is that, or the first that it lacks. */
static bool walk_path(const struct mp_plan_index *index, const char *path, struct walk *walk)
{
	walk->at = mp_xstrdup("/");
	walk->rest = mp_xstrdup(path);
	for (;;) {
		const char *start = walk->rest + strspn(walk->rest, "/");
		size_t len = strcspn(start, "/");
		MP_AUTO(mp_freep) char *name = mp_xstrndup(start, len);
		MP_AUTO(mp_freep) char *rest = mp_xstrdup(start + len);

		if (len == 0)
			return line_of(index, walk->at) != NULL;
		mp_freep(&walk->rest);
		walk->rest = mp_xstrdup(rest);
		if (!walk_name(index, walk, name, rest))
			return false;
	}
}

/* Why it is in */

static const char *real_of(const struct mp_trace_event *event)
{
	return event->real ? event->real : event->path;
}

/* What the trace says was done with @path: "open by /usr/sbin/nginx", or NULL. */
static char *trace_text(const struct mp_trace *trace, const char *path)
{
	struct mp_buf text = { 0 };
	unsigned int ops = 0;

	for (size_t i = 0; trace && i < trace->n_events; i++) {
		const struct mp_trace_event *event = &trace->events[i];

		if ((strcmp(real_of(event), path) != 0 && strcmp(event->path, path) != 0) ||
		    (ops & 1u << event->op))
			continue;
		ops |= 1u << event->op;
		mp_buf_addf(&text, "%s%s", text.len ? ", " : "", mp_trace_op_name(event->op));
		if (event->exe)
			mp_buf_addf(&text, " by %s", event->exe);
	}
	return text.data;
}

static bool has_step(const struct mp_explanation *explanation, const struct mp_plan_line *line)
{
	for (size_t i = 0; i < explanation->n_steps; i++) {
		if (explanation->steps[i].line == line)
			return true;
	}
	return false;
}

static void add_step(struct question *question, const struct mp_plan_line *line)
{
	struct mp_explanation *out = question->out;
	struct mp_explain_step *step;

	out->steps = mp_array_grow(out->steps, out->n_steps, &out->cap_steps, sizeof(*out->steps));
	step = &out->steps[out->n_steps++];
	step->line = line;
	step->trace = line->why.reason == MP_REASON_TRACED
			      ? trace_text(question->evidence->trace, line->path)
			      : NULL;
}

/* What asked for @line; NULL where that is nothing in the plan. */
static const struct mp_plan_line *cause_of(const struct mp_plan_index *index,
					   const struct mp_plan_line *line)
{
	MP_AUTO(walk_clear) struct walk walk = { 0 };
	const struct mp_plan_line *cause;

	if (!line->why.because || line->why.because[0] != '/')
		return NULL;
	cause = line_of(index, line->why.because);
	if (cause)
		return cause;
	/* A path as it was asked for, which leads through symlinks. */
	return walk_path(index, line->why.because, &walk) ? line_of(index, walk.at) : NULL;
}

/* The entry at @path and all that it goes back to. */
static void add_chain(struct question *question, const char *path)
{
	const struct mp_plan_line *line = line_of(question->index, path);

	while (line && question->out->n_steps < STEPS_MAX && !has_step(question->out, line)) {
		add_step(question, line);
		line = cause_of(question->index, line);
	}
}

/* Why it is not */

static int verdict(struct question *question, enum mp_verdict verdict_, const char *text)
{
	question->out->verdict = verdict_;
	question->out->text = mp_xstrdup(text);
	return 0;
}

/* What a trace says of a path. */
struct mention {
	bool any, created, sought, mounted;
	bool used; /* more than looked at */
};

static struct mention mentions(const struct question *question)
{
	const char *path = question->full;
	const struct mp_trace *trace = question->evidence->trace;
	struct mention found = { 0 };

	for (size_t i = 0; trace && i < trace->n_events; i++) {
		const struct mp_trace_event *event = &trace->events[i];

		if (strcmp(real_of(event), path) != 0 && strcmp(event->path, path) != 0 &&
		    strcmp(event->path, question->asked) != 0)
			continue;
		found.any = true;
		found.sought |= event->error != 0;
		found.created |=
			!event->error &&
			(event->op == MP_OP_CREATE ||
			 (event->flags & (MP_TRACE_CREATED | MP_TRACE_CREATE | MP_TRACE_WRITE)));
		found.mounted |= (event->flags & MP_TRACE_MOUNTED) != 0;
		found.used |= !mp_plan_is_look(event);
	}
	return found;
}

/* The same, about the whole of the path and not the first part of it that is missing. */
static int verdict_on_all(struct question *question, enum mp_verdict verdict_, const char *text)
{
	mp_freep(&question->out->path);
	question->out->path = mp_xstrdup(question->full);
	return verdict(question, verdict_, text);
}

static int not_in_image(struct question *question, const struct mention *mention)
{
	if (mention->created)
		return verdict_on_all(question, MP_VERDICT_CREATED,
				      "not in the image: the run created it");
	if (mention->sought)
		return verdict_on_all(
			question, MP_VERDICT_SOUGHT,
			"not in the image: the run looked for it, and did not find it "
			"either");
	return verdict(question, MP_VERDICT_ABSENT, "not in the image");
}

/* The rule that drops @path, or NULL. */
static const char *dropped_by(const struct question *question, const char *path)
{
	const struct mp_evidence *evidence = question->evidence;
	const struct mp_rule *rule = evidence->drops ? mp_drops_find(evidence->drops, path) : NULL;

	if (rule)
		return rule->text;
	for (size_t i = 0; evidence->rules && i < evidence->rules->drop.n; i++) {
		rule = &evidence->rules->drop.v[i];
		for (size_t j = 0; j < rule->patterns.n; j++) {
			const struct mp_pattern *pattern = &rule->patterns.v[j];

			if (mp_pattern_covers(pattern, pattern->prefix, path))
				return rule->text;
		}
	}
	return NULL;
}

static bool is_kernels(const char *path)
{
	return (mp_path_is_under(path, "/proc") && strcmp(path, "/proc") != 0) ||
	       (mp_path_is_under(path, "/sys") && strcmp(path, "/sys") != 0);
}

/* What the image, or without one perhaps the image, has. */
static int not_kept(struct question *question, const struct mention *mention)
{
	const struct mp_evidence *evidence = question->evidence;
	bool drops_looks = evidence->rules && evidence->rules->stat_only == MP_STAT_ONLY_DROP;

	if (mp_plan_is_engines_own(question->full))
		return verdict(
			question, MP_VERDICT_NEVER,
			"the engine's own in every container: not taken from a trace; --keep "
			"takes what the image has");
	if (mention->mounted)
		return verdict_on_all(
			question, MP_VERDICT_MOUNTED,
			"mounted in the container: what the run used was not the image's");
	if (mention->any && !mention->used && drops_looks)
		return verdict_on_all(question, MP_VERDICT_STAT_ONLY,
				      "the run only looked at it, and --stat-only=drop");
	if (mention->any && (!mention->sought || mention->used) && evidence->image)
		return verdict_on_all(
			question, MP_VERDICT_REMOVED,
			"the trace has it, the plan does not: its line was taken out");
	if (evidence->image)
		return verdict(question, MP_VERDICT_UNUSED,
			       evidence->trace
				       ? "in the image, but the run did not use it, and nothing "
					 "that is kept needs it"
				       : "in the image, but nobody asked for it, and nothing that "
					 "is kept needs it");
	if (mention->created)
		return verdict_on_all(question, MP_VERDICT_CREATED, "the run wrote or created it");
	if (mention->sought)
		return verdict_on_all(question, MP_VERDICT_SOUGHT,
				      "the run looked for it, and did not get it");
	if (evidence->trace && !mention->any)
		return verdict(question, MP_VERDICT_UNUSED,
			       "the run did not use it, and nothing that is kept needs it");
	return verdict(question, MP_VERDICT_UNKNOWN,
		       evidence->trace
			       ? "not in the plan, but in the trace; with --image there is "
				 "more to say"
			       : "not in the plan; with --trace and --image there is more to "
				 "say");
}

/* @path: the first on the way that the plan does not have. */
static int explain_absence(struct question *question, const char *path, struct mp_error *err)
{
	const struct mp_evidence *evidence = question->evidence;
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	struct mention mention = mentions(question);
	const char *rule;

	if (is_kernels(question->full))
		return verdict_on_all(
			question, MP_VERDICT_NEVER,
			"what is in /proc and /sys is the kernel's, and never packed");
	if (evidence->image &&
	    mp_resolve(evidence->image, question->asked, MP_RESOLVE_NOFOLLOW, &res, err))
		return -1;
	rule = dropped_by(question, path);
	if (!rule)
		rule = dropped_by(question, question->full);
	if (rule) {
		question->out->verdict = MP_VERDICT_DROPPED;
		question->out->text = mp_xasprintf("dropped by %s", rule);
		return 0;
	}
	if (evidence->image && res.status != MP_RESOLVED_FOUND) {
		if (res.missing) {
			mp_freep(&question->out->path);
			question->out->path = mp_xstrdup(res.missing);
		}
		return not_in_image(question, &mention);
	}
	return not_kept(question, &mention);
}

int mp_explain(const struct mp_plan_index *index, const struct mp_evidence *evidence,
	       const char *path, struct mp_explanation *out, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *clean = mp_path_clean(path);
	MP_AUTO(walk_clear) struct walk walk = { 0 };
	struct question question = {
		.index = index,
		.evidence = evidence,
		.out = out,
		.asked = clean,
	};
	MP_AUTO(mp_freep) char *full = NULL;
	bool kept;

	*out = (struct mp_explanation){ 0 };
	if (!clean)
		return mp_error_set(err, MP_E_USAGE, 0, "'%s' is not an absolute path", path);
	kept = walk_path(index, clean, &walk);
	out->path = mp_xstrdup(walk.at);
	full = mp_path_join(walk.at, walk.rest + strspn(walk.rest, "/"));
	question.full = walk.rest[strspn(walk.rest, "/")] ? full : walk.at;
	/* Each symlink that is crossed, then what is at the end, each with what asked for it. */
	for (size_t i = 0; i < walk.links.n; i++)
		add_chain(&question, walk.links.v[i]);
	if (!kept)
		return explain_absence(&question, walk.at, err);
	add_chain(&question, walk.at);
	return 0;
}
