/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CLI_INPUTS_H
#define MP_CLI_INPUTS_H

#include "core/image.h"
#include "packer/plan.h"

/* What to pack: a trace, a list, or a plan. */
struct mp_input {
	struct mp_trace *trace;
	struct mp_strv list;
	struct mp_buf text; /* of a plan */
	struct mp_plan_text plan;
	char *image_id;   /* of the image that it is of; NULL where not said */
	const char *kind; /* "trace", "list", "plan" */
};

void mp_input_clear(struct mp_input *input);

/*
 * Reads the trace or list at @path, borrowed. MP_E_USAGE where it cannot be read, or is a plan;
 * MP_E_INCOMPLETE for a trace with losses (unless @incomplete_ok) and for an empty list.
 */
MP_MUST_USE int mp_input_read(struct mp_input *input, const char *path, bool incomplete_ok,
			      struct mp_error *err);

/* Reads the plan at @path, borrowed. */
MP_MUST_USE int mp_input_read_plan(struct mp_input *input, const char *path, struct mp_error *err);

/* Sets what @request asks for; @input is borrowed. */
void mp_input_request(const struct mp_input *input, struct mp_plan_request *request);

/* Warns where @image (NULL: none) is another than the input is of. */
void mp_input_warn_other_image(const struct mp_input *input, const struct mp_image *image);

#endif
