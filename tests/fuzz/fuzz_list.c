/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/explain.h"
#include "packer/list.h"
#include "packer/plan.h"
#include "packer/plan_file.h"
#include "packer/rules.h"
#include "tests/fuzz/fuzz.h"

/*
 * The input is what a person writes about paths: a list, rules, a plan. All three read it. A
 * pattern is also matched with the other lines.
 */

static void read_list(const char *text, size_t len)
{
	MP_AUTO(mp_strv_free) struct mp_strv paths = { 0 };
	struct mp_error err = { 0 };

	if (mp_list_parse(text, len, "input", &paths, &err))
		REQUIRE(err.code == MP_E_FORMAT && err.msg[0] && paths.n == 0);
	for (size_t i = 0; i < paths.n; i++)
		REQUIRE(paths.v[i][0] == '/');
}

/* The two ways to match are one. */
static void match(const struct mp_pattern *pattern, const char *path)
{
	MP_AUTO(mp_match_free) struct mp_match whole = { 0 };
	bool covered = mp_pattern_covers(pattern, "/", path);

	if (pattern->n_tokens == 0) {
		REQUIRE(covered);
		return;
	}
	mp_match_begin(pattern, &whole);
	if (mp_match_advance(pattern, &whole, path, strlen(path)) &&
	    mp_match_is_complete(pattern, &whole))
		REQUIRE(covered);
}

static void read_rules(const char *text, size_t len)
{
	MP_AUTO(mp_rules_free) struct mp_rules rules = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv options = { 0 };
	struct mp_error err = { 0 };

	if (mp_rule_list_parse(&rules.keep, "--keep", text, len, "input", &err)) {
		REQUIRE(err.code == MP_E_FORMAT && err.msg[0] && rules.keep.n == 0);
		return;
	}
	mp_rules_describe(&rules, &options);
	REQUIRE(options.n == rules.keep.n);
	for (size_t i = 0; i < rules.keep.n && i < 8; i++) {
		const struct mp_patterns *patterns = &rules.keep.v[i].patterns;

		for (size_t j = 0; j < patterns->n && j < 8; j++) {
			REQUIRE(patterns->v[j].prefix[0] == '/');
			for (size_t k = 0; k < rules.keep.n && k < 8; k++)
				match(&patterns->v[j], rules.keep.v[k].patterns.v[0].prefix);
		}
	}
}

static int count_line(void *context, struct mp_plan_line *line, struct mp_error *err)
{
	(void)err;
	REQUIRE(line->path && line->path[0] == '/');
	REQUIRE(line->bare == (line->type == 0));
	++*(size_t *)context;
	return 0;
}

/* Explains each path that is a line of its own in the input. */
static void explain_all(const struct mp_plan_text *plan)
{
	MP_AUTO(mp_plan_index_freep) struct mp_plan_index *index = NULL;
	MP_AUTO(mp_strv_free) struct mp_strv lines = { 0 };
	MP_AUTO(mp_freep) char *copy = mp_xstrndup(plan->text, plan->len);
	const struct mp_evidence evidence = { 0 };
	struct mp_error err;

	REQUIRE(mp_plan_index_new(plan, &index, &err) == 0);
	mp_strv_split(&lines, copy, "\n\t");
	for (size_t i = 0; i < lines.n && i < 64; i++) {
		MP_AUTO(mp_explanation_clear) struct mp_explanation explanation = { 0 };

		if (mp_explain(index, &evidence, lines.v[i], &explanation, &err))
			REQUIRE(lines.v[i][0] != '/');
		else
			REQUIRE((explanation.verdict == MP_VERDICT_KEPT) == !explanation.text);
	}
}

static void read_plan(const char *text, size_t len)
{
	const struct mp_plan_text plan = { text, len, "input" };
	MP_AUTO(mp_plan_header_clear) struct mp_plan_header header = { 0 };
	struct mp_error err = { 0 };
	size_t n = 0;

	if (mp_plan_file_read(text, len, "input", &header, count_line, &n, &err)) {
		REQUIRE(err.code == MP_E_FORMAT && err.msg[0]);
		return;
	}
	REQUIRE(mp_plan_file_looks_like(text, len));
	explain_all(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Nothing behind the input may be read. */
	MP_AUTO(mp_freep) char *text = mp_xmalloc(size);

	if (size)
		memcpy(text, data, size);
	read_list(text, size);
	read_rules(text, size);
	read_plan(text, size);
	return 0;
}
