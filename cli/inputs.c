/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/inputs.h"

#include "cli/packing.h"
#include "core/file.h"
#include "core/log.h"
#include "packer/list.h"
#include "packer/plan_file.h"

#include <string.h>

#define INPUT_MAX_BYTES ((size_t)1 << 30)

void mp_input_clear(struct mp_input *input)
{
	mp_trace_freep(&input->trace);
	mp_strv_free(&input->list);
	mp_buf_free(&input->text);
	mp_freep(&input->image_id);
}

static int read_list(struct mp_input *input, const struct mp_buf *text, const char *path,
		     struct mp_error *err)
{
	input->kind = "list";
	if (mp_list_parse(text->data ? text->data : "", text->len, path, &input->list, err))
		return -1;
	if (input->list.n == 0)
		return mp_error_set(err, MP_E_INCOMPLETE, 0, "'%s' is empty: no path to pack",
				    path);
	return 0;
}

int mp_input_read(struct mp_input *input, const char *path, bool incomplete_ok,
		  struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };

	if (mp_file_read_named(path, INPUT_MAX_BYTES, &text, err))
		return -1;
	if (text.data && mp_plan_file_looks_like(text.data, text.len))
		return mp_error_set(err, MP_E_USAGE, 0,
				    "'%s' is a plan; to pack it use --from-plan '%s'", path, path);
	if (!text.data || !mp_trace_looks_like(text.data, text.len))
		return read_list(input, &text, path, err);
	input->kind = "trace";
	if (mp_trace_parse(text.data, text.len, path, &input->trace, err))
		return -1;
	input->image_id = mp_xstrdup(input->trace->header.image_id);
	return mp_accept_trace(input->trace, incomplete_ok, err);
}

int mp_input_read_plan(struct mp_input *input, const char *path, struct mp_error *err)
{
	MP_AUTO(mp_plan_header_clear) struct mp_plan_header header = { 0 };

	input->kind = "plan";
	if (mp_file_read_named(path, INPUT_MAX_BYTES, &input->text, err))
		return -1;
	if (!input->text.data)
		mp_buf_add(&input->text, "", 0);
	input->plan = (struct mp_plan_text){ input->text.data, input->text.len, path };
	if (mp_plan_file_read_header(input->text.data, input->text.len, path, &header, err))
		return -1;
	input->image_id = MP_STEAL(header.image_id);
	return 0;
}

void mp_input_request(const struct mp_input *input, struct mp_plan_request *request)
{
	request->trace = input->trace;
	request->plan = input->plan.text ? &input->plan : NULL;
	request->list = request->trace || request->plan ? NULL : &input->list;
}

void mp_input_warn_other_image(const struct mp_input *input, const struct mp_image *image)
{
	/* A configuration alone does not say which image it is of. */
	if (input->image_id && image && image->id && image->id[0] &&
	    strcmp(input->image_id, image->id) != 0)
		mp_warn("the %s is of image %.19s, this is %.19s", input->kind, input->image_id,
			image->id);
}
