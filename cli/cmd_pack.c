/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"
#include "cli/images.h"
#include "cli/packing.h"
#include "core/file.h"
#include "core/log.h"

#include <stdio.h>
#include <string.h>

#define INPUT_MAX_BYTES ((size_t)1 << 30)

/* What to pack: a trace or a list. */
struct input {
	struct mp_trace *trace;
	struct mp_strv list;
};

static void input_clear(struct input *input)
{
	mp_trace_freep(&input->trace);
	mp_strv_free(&input->list);
}

static int input_read(struct input *input, const struct mp_options *options, struct mp_error *err)
{
	const char *path = options->arguments.v[0];
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };

	if (mp_file_read_named(path, INPUT_MAX_BYTES, &text, err))
		return -1;
	if (mp_trace_looks_like(text.data ? text.data : "", text.len)) {
		if (mp_trace_parse(text.data, text.len, path, &input->trace, err))
			return -1;
		return mp_accept_trace(input->trace, options->incomplete_ok, err);
	}
	if (mp_list_parse(text.data ? text.data : "", text.len, path, &input->list, err))
		return -1;
	if (input->list.n == 0)
		return mp_error_set(err, MP_E_INCOMPLETE, 0, "'%s' is empty: no path to pack",
				    path);
	return 0;
}

static int check_usage(const struct mp_options *options, struct mp_error *err)
{
	if (options->arguments.n != 1)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "one TRACE or LIST is needed; see 'micropack pack --help'");
	if (!options->image == !options->root)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "one of --image IMAGE and --root DIR is needed; see 'micropack "
				    "pack --help'");
	if (options->has_separator)
		return mp_error_set(err, MP_E_USAGE, 0, "'pack' runs no command after '--'");
	return 0;
}

static void print_result(const struct mp_options *options, const char *path,
			 const struct mp_archive_stats *stats)
{
	MP_AUTO(mp_freep) char *size = mp_size_text(stats->size_bytes);
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	MP_AUTO(mp_freep) char *text = NULL;

	if (!options->json) {
		printf("%s: %llu files, %s\n", path, (unsigned long long)stats->files, size);
		return;
	}
	json = mp_json_object();
	mp_json_set_string(json, "rootfs", path);
	mp_json_set_string(json, "sha256", stats->layer_sha256);
	mp_json_set_integer(json, "files", (int64_t)stats->files);
	mp_json_set_integer(json, "size_bytes", (int64_t)stats->size_bytes);
	text = mp_json_dump_pretty(json);
	fputs(text, stdout);
}

int mp_cmd_pack(const struct mp_options *options, struct mp_error *err)
{
	const char *path = options->output ? options->output : "rootfs.tar";
	MP_AUTO(input_clear) struct input input = { 0 };
	MP_AUTO(mp_engine_freep) struct mp_engine *engine = NULL;
	MP_AUTO(mp_image_freep) struct mp_image *image = NULL;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	struct mp_plan_request request = { 0 };
	struct mp_archive_stats stats;

	if (check_usage(options, err) || input_read(&input, options, err))
		return -1;
	if (options->root) {
		if (mp_rootfs_open_directory(options->root, &root, err)) {
			err->code = MP_E_USAGE;
			return mp_error_prefix(err, "--root");
		}
	} else {
		if (mp_engine_connect(&engine, err) ||
		    mp_image_get(engine, options->image, &image, err) ||
		    mp_image_open_rootfs(engine, image, options->source, &root, err))
			return -1;
		request.config = &image->config;
		if (input.trace && input.trace->header.image_id &&
		    strcmp(input.trace->header.image_id, image->id) != 0)
			mp_warn("the trace is of image %.19s, this is %.19s",
				input.trace->header.image_id, image->id);
	}
	request.keep_suggested = options->keep.suggested;
	request.trace = input.trace;
	request.list = input.trace ? NULL : &input.list;
	if (mp_pack_to_file(root, &request, path, &stats, err))
		return -1;
	print_result(options, path, &stats);
	return 0;
}
