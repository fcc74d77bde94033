/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_PLAN_INTERNAL_H
#define MP_PACKER_PLAN_INTERNAL_H

#include "packer/plan.h"

/* A plan that is being made. */
struct mp_planning {
	const struct mp_plan_request *request;
	struct mp_fileset *set;
	struct mp_resolver *resolver;
	struct mp_plan_notes notes;
	struct mp_strmap *noted; /* paths in notes.created_at_run */
	const struct mp_rules *rules;
	struct mp_drops *drops;    /* NULL where no rule drops anything */
	struct mp_strmap *mounted; /* real paths that were on another mount in the container */
};

/* What the trace of the request has; without the files that it only looked at, where a rule wants
 * that. */
MP_MUST_USE int mp_plan_take_trace(struct mp_planning *plan, struct mp_error *err);

/* Those, when it is known what else is kept. */
MP_MUST_USE int mp_plan_take_looks(struct mp_planning *plan, struct mp_error *err);

/* What was in the directories that the trace, if there is one, says were listed. */
MP_MUST_USE int mp_plan_take_entries(struct mp_planning *plan, struct mp_error *err);

#endif
