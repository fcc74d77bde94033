/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_EXPLAIN_H
#define MP_PACKER_EXPLAIN_H

#include "core/trace.h"
#include "packer/plan.h"
#include "packer/plan_file.h"
#include "packer/resolve.h"
#include "packer/rules.h"

/* Why a path is in a plan, or not. */

/* A plan that can be asked. */
struct mp_plan_index;

/* Reads a plan (packer/plan_file.h). MP_E_FORMAT. */
MP_MUST_USE int mp_plan_index_new(const struct mp_plan_text *plan, struct mp_plan_index **index_out,
				  struct mp_error *err);
void mp_plan_index_freep(struct mp_plan_index **index);
/* Borrowed. */
const struct mp_plan_header *mp_plan_index_header(const struct mp_plan_index *index);

/* What else there is to go by; all of it may be NULL. */
struct mp_evidence {
	const struct mp_trace *trace;
	struct mp_resolver *image;    /* nothing in it is hidden */
	const struct mp_rules *rules; /* the ones to drop are those of the plan */
	const struct mp_drops *drops; /* the same, found in @image */
};

enum mp_verdict {
	MP_VERDICT_KEPT,
	MP_VERDICT_ABSENT,    /* not in the image */
	MP_VERDICT_CREATED,   /* not in the image: the run made it */
	MP_VERDICT_SOUGHT,    /* not in the image: the run looked for it */
	MP_VERDICT_DROPPED,   /* by a rule */
	MP_VERDICT_NEVER,     /* belongs to the kernel or the engine */
	MP_VERDICT_MOUNTED,   /* was mounted in the container */
	MP_VERDICT_STAT_ONLY, /* the run only looked at it, and --stat-only=drop */
	MP_VERDICT_UNUSED,    /* the run did not use it, and nothing that is kept needs it */
	MP_VERDICT_REMOVED,   /* the trace has it; somebody took it out of the plan */
	MP_VERDICT_UNKNOWN,   /* not in the plan; there is nothing to say why */
	MP_VERDICTS,
};

/* The verdict in a word, for machines: "stat-only". */
const char *mp_verdict_word(enum mp_verdict verdict);

/* One entry of the plan on the way back to what a person or a program asked for. */
struct mp_explain_step {
	const struct mp_plan_line *line; /* borrowed from the index */
	char *trace;                     /* "open by /usr/sbin/nginx"; NULL: nothing to say */
};

struct mp_explanation {
	enum mp_verdict verdict;
	/*
	 * KEPT: what the path leads to. Else the first path on the way that is not kept; which the
	 * verdict is about.
	 */
	char *path;
	char *text; /* not KEPT: why, in words */
	struct mp_explain_step *steps;
	size_t n_steps;
	size_t cap_steps;
};

/*
 * Explains @path (absolute, any spelling). *out is cleared by the caller, also after a failure. -1:
 * MP_E_USAGE for a path that is not absolute; the image cannot be read.
 */
MP_MUST_USE int mp_explain(const struct mp_plan_index *index, const struct mp_evidence *evidence,
			   const char *path, struct mp_explanation *out, struct mp_error *err);
void mp_explanation_clear(struct mp_explanation *explanation);

#endif
