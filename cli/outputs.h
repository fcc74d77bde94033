/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CLI_OUTPUTS_H
#define MP_CLI_OUTPUTS_H

#include "core/error.h"

#include <stddef.h>

/* The traces that one run writes: one for each image, one for what is of no image. */
struct mp_output {
	char *image; /* as it is called, and its ID; both NULL for what is of no image */
	char *image_id;
	char *path;
	unsigned int sink;
};

struct mp_outputs {
	struct mp_output *v;
	size_t n, cap;
};

/* The index of the trace of that image (NULL: of none), which is added if it is not there. */
size_t mp_outputs_add(struct mp_outputs *outputs, const char *image, const char *image_id);

/*
 * Names the files: @output (NULL: trace.jsonl) is the one there is, or the directory that they go
 * into, each by the name of its image. MP_E_USAGE where it would have to be one.
 */
MP_MUST_USE int mp_outputs_name(struct mp_outputs *outputs, const char *output,
				struct mp_error *err);
void mp_outputs_free(struct mp_outputs *outputs);

#endif
