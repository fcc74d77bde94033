/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"
#include "cli/images.h"
#include "cli/inputs.h"
#include "cli/packing.h"
#include "cli/rules.h"
#include "core/json.h"
#include "core/path.h"
#include "packer/explain.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PLAN "micropack-out/plan.txt"
#define NOT_ALL_KEPT 1

/* Everything that an answer may come from. */
struct sources {
	const struct mp_options *options;
	const char *plan_path; /* NULL: planned anew */
	char *trace_path;      /* NULL: none */
	struct mp_input input; /* the trace or list */
	struct mp_input plan;
	struct mp_origin origin;
	struct mp_rules rules; /* those of the options; of a written plan, its own */
	struct mp_resolver *resolver;
	struct mp_drops *drops;
	struct mp_plan_index *index;
};

static void sources_clear(struct sources *sources)
{
	mp_plan_index_freep(&sources->index);
	mp_drops_freep(&sources->drops);
	mp_resolver_freep(&sources->resolver);
	mp_origin_clear(&sources->origin);
	mp_rules_free(&sources->rules);
	mp_input_clear(&sources->plan);
	mp_input_clear(&sources->input);
	mp_freep(&sources->trace_path);
}

/* Exit status 1 is an answer. */
static int unusable(struct mp_error *err)
{
	if (err->code == MP_E_FORMAT || err->code == MP_E_SYS)
		err->code = MP_E_USAGE;
	return -1;
}

static bool has_image(const struct mp_options *options)
{
	return options->image || options->root;
}

/* Decides where the plan comes from. */
static int choose_plan(struct sources *sources, struct mp_error *err)
{
	const struct mp_options *options = sources->options;
	const char *rule = mp_keep_options_first(&options->keep);

	if (options->no_package_db)
		rule = "--no-package-db";
	if (options->plan || !options->trace || !has_image(options))
		sources->plan_path = options->plan ? options->plan : DEFAULT_PLAN;
	if (rule && sources->plan_path)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "%s is for planning, which needs --trace, and --image or "
				    "--root, and no --plan",
				    rule);
	if (!options->plan && sources->plan_path && access(DEFAULT_PLAN, F_OK) < 0)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "there is no plan: name one by --plan FILE, or what to plan "
				    "from by --trace FILE and --image IMAGE or --root DIR");
	return 0;
}

/* The trace that is named, or the one beside a plan of the main command. */
static char *trace_beside(const struct mp_options *options, const char *plan_path)
{
	MP_AUTO(mp_freep) char *path = NULL;
	const char *base;

	if (options->trace)
		return mp_xstrdup(options->trace);
	base = strrchr(plan_path, '/');
	path = mp_xasprintf("%.*strace.jsonl", base ? (int)(base + 1 - plan_path) : 0, plan_path);
	return access(path, R_OK) == 0 ? MP_STEAL(path) : NULL;
}

/* The rules that a plan was made by, as its header has them. */
static int rules_of_plan(const struct mp_plan_header *header, struct mp_rules *rules,
			 struct mp_error *err)
{
	static const char drop[] = "--drop ";

	for (size_t i = 0; i < header->options.n; i++) {
		const char *option = header->options.v[i];

		if (strcmp(option, "--stat-only=drop") == 0)
			rules->stat_only = MP_STAT_ONLY_DROP;
		if (strncmp(option, drop, strlen(drop)) == 0 &&
		    mp_rule_list_add(&rules->drop, "--drop", option + strlen(drop), err))
			return mp_error_prefix(err, "the plan's header");
	}
	return 0;
}

static int open_written(struct sources *sources, struct mp_error *err)
{
	if (mp_input_read_plan(&sources->plan, sources->plan_path, err) ||
	    mp_plan_index_new(&sources->plan.plan, &sources->index, err) ||
	    rules_of_plan(mp_plan_index_header(sources->index), &sources->rules, err))
		return -1;
	sources->trace_path = trace_beside(sources->options, sources->plan_path);
	if (!sources->trace_path)
		return 0;
	return mp_input_read(&sources->input, sources->trace_path, sources->options->incomplete_ok,
			     err);
}

static int plan_anew(struct sources *sources, struct mp_error *err)
{
	struct mp_plan_request request = {
		.rules = &sources->rules,
		.config = mp_origin_config(&sources->origin),
		.image = sources->origin.image,
		.no_package_db = sources->options->no_package_db,
		.keep_suggested = sources->options->keep.suggested,
	};
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = NULL;
	MP_AUTO(mp_plan_notes_clear) struct mp_plan_notes notes = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	const struct mp_plan_header header = { 0 };
	struct mp_plan_text plan = { .name = "the plan" };

	mp_input_request(&sources->input, &request);
	if (mp_plan(sources->origin.root, &request, &set, &notes, err) ||
	    mp_plan_file_write(sources->origin.root, set, &header, -1, plan.name, &text, err))
		return -1;
	plan.text = text.data;
	plan.len = text.len;
	return mp_plan_index_new(&plan, &sources->index, err);
}

static int open_image(struct sources *sources, struct mp_error *err)
{
	if (!has_image(sources->options))
		return 0;
	if (mp_origin_check(sources->options, err) ||
	    mp_origin_open(sources->options, &sources->origin, err))
		return -1;
	sources->resolver = mp_resolver_new(sources->origin.root, NULL);
	return 0;
}

static int open_sources(struct sources *sources, struct mp_error *err)
{
	const struct mp_options *options = sources->options;

	if (choose_plan(sources, err) || mp_rules_read(&options->keep, &sources->rules, err))
		return unusable(err);
	if (sources->plan_path && open_written(sources, err))
		return unusable(err);
	if (!sources->plan_path &&
	    mp_input_read(&sources->input, options->trace, options->incomplete_ok, err))
		return unusable(err);
	if (open_image(sources, err) || (!sources->plan_path && plan_anew(sources, err)))
		return -1;
	mp_input_warn_other_image(sources->plan_path ? &sources->plan : &sources->input,
				  sources->origin.image);
	/* A rule that matches nothing was an error of the planning. */
	return sources->resolver && sources->rules.drop.n > 0
		       ? mp_drops_new(&sources->rules, sources->resolver, &sources->drops, err)
		       : 0;
}

/* Answers */

static void print_escaped(struct mp_buf *text, const char *before, const char *path)
{
	mp_buf_adds(text, before);
	mp_path_escape(text, path);
}

static void print_text(const char *asked, const struct mp_explanation *explanation)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	bool kept = explanation->verdict == MP_VERDICT_KEPT;

	print_escaped(&text, "", asked);
	mp_buf_adds(&text, kept ? ": kept" : ": not kept");
	for (size_t i = 0; i < explanation->n_steps; i++) {
		const struct mp_explain_step *step = &explanation->steps[i];
		MP_AUTO(mp_freep) char *why = mp_why_text(&step->line->why);

		print_escaped(&text, "\n  ", step->line->path);
		if (step->line->target)
			print_escaped(&text, " -> ", step->line->target);
		print_escaped(&text, ": ", why);
		if (step->trace)
			print_escaped(&text, ": ", step->trace);
	}
	if (!kept)
		print_escaped(&text, "\n  ", explanation->path);
	if (!kept)
		print_escaped(&text, ": ", explanation->text);
	puts(text.data);
}

/* @text as JSON can have it; NULL for NULL. */
static struct mp_json *escaped_json(const char *text)
{
	MP_AUTO(mp_buf_free) struct mp_buf escaped = { 0 };

	if (!text)
		return NULL;
	mp_path_escape(&escaped, text);
	return mp_json_string(escaped.data ? escaped.data : "");
}

static struct mp_json *step_json(const struct mp_explain_step *step)
{
	const struct mp_plan_line *line = step->line;
	struct mp_json *json = mp_json_object();

	mp_json_set_take(json, "path", escaped_json(line->path));
	mp_json_set_take(json, "target", escaped_json(line->target));
	mp_json_set_string(json, "reason", mp_reason_word(line->why.reason));
	mp_json_set_take(json, "because", escaped_json(line->why.because));
	mp_json_set_take(json, "detail", escaped_json(line->why.detail));
	mp_json_set_take(json, "trace", escaped_json(step->trace));
	return json;
}

static struct mp_json *answer_json(const char *asked, const struct mp_explanation *explanation)
{
	struct mp_json *json = mp_json_object();
	struct mp_json *steps = mp_json_array();

	mp_json_set_take(json, "path", escaped_json(asked));
	mp_json_set_boolean(json, "kept", explanation->verdict == MP_VERDICT_KEPT);
	mp_json_set_string(json, "verdict", mp_verdict_word(explanation->verdict));
	mp_json_set_take(json, "about", escaped_json(explanation->path));
	mp_json_set_take(json, "text", escaped_json(explanation->text));
	for (size_t i = 0; i < explanation->n_steps; i++)
		mp_json_push_take(steps, step_json(&explanation->steps[i]));
	mp_json_set_take(json, "steps", steps);
	return json;
}

static int answer(const struct sources *sources, struct mp_error *err)
{
	const struct mp_strv *paths = &sources->options->arguments;
	const struct mp_evidence evidence = {
		.trace = sources->input.trace,
		.image = sources->resolver,
		.rules = &sources->rules,
		.drops = sources->drops,
	};
	MP_AUTO(mp_json_freep) struct mp_json *answers = mp_json_array();
	bool all_kept = true;

	for (size_t i = 0; i < paths->n; i++) {
		MP_AUTO(mp_explanation_clear) struct mp_explanation explanation = { 0 };

		if (mp_explain(sources->index, &evidence, paths->v[i], &explanation, err))
			return -1;
		all_kept &= explanation.verdict == MP_VERDICT_KEPT;
		if (sources->options->json)
			mp_json_push_take(answers, answer_json(paths->v[i], &explanation));
		else
			print_text(paths->v[i], &explanation);
	}
	if (sources->options->json) {
		MP_AUTO(mp_freep) char *text = mp_json_dump_pretty(answers);

		fputs(text, stdout);
	}
	return all_kept ? 0 : NOT_ALL_KEPT;
}

int mp_cmd_explain(const struct mp_options *options, struct mp_error *err)
{
	MP_AUTO(sources_clear) struct sources sources = { .options = options };

	if (options->arguments.n == 0)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "at least one PATH is needed; see 'micropack explain --help'");
	if (options->has_separator)
		return mp_error_set(err, MP_E_USAGE, 0, "'explain' runs no command after '--'");
	if (open_sources(&sources, err))
		return -1;
	return answer(&sources, err);
}
