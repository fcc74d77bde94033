/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"
#include "cli/destinations.h"
#include "cli/images.h"
#include "cli/packing.h"
#include "core/epoch.h"
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
	int64_t epoch;

	if (options->arguments.n != 1)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "one TRACE or LIST is needed; see 'micropack pack --help'");
	if (options->has_separator)
		return mp_error_set(err, MP_E_USAGE, 0, "'pack' runs no command after '--'");
	if (options->to.n > 0 && !options->image && !options->config)
		return mp_error_set(
			err, MP_E_USAGE, 0,
			"--to makes an image: it needs a configuration, that of --image or "
			"--config");
	if (mp_origin_check(options, err))
		return -1;
	return mp_epoch_read(&epoch, err) < 0 ? -1 : 0;
}

static void print_text(const char *path, const struct mp_destinations *destinations,
		       const struct mp_archive_stats *stats)
{
	MP_AUTO(mp_freep) char *size = mp_size_text(stats->size_bytes);

	if (path)
		printf("%s: %llu files, %s\n", path, (unsigned long long)stats->files, size);
	for (size_t i = 0; i < destinations->n; i++)
		printf("%s: %llu files, %s, %s\n", destinations->v[i].text,
		       (unsigned long long)stats->files, size, destinations->v[i].digests.config);
}

static void print_json(const char *path, const struct mp_destinations *destinations,
		       const struct mp_packed *packed)
{
	MP_AUTO(mp_freep) char *diff_id = mp_xasprintf("sha256:%s", packed->stats.layer_sha256);
	MP_AUTO(mp_json_freep) struct mp_json *json = mp_json_object();
	MP_AUTO(mp_freep) char *text = NULL;

	if (path) {
		mp_json_set_string(json, "rootfs", path);
		mp_json_set_string(json, "sha256", packed->file.sha256);
	}
	mp_json_set_string(json, "diff_id", diff_id);
	mp_json_set_integer(json, "files", (int64_t)packed->stats.files);
	mp_json_set_integer(json, "size_bytes", (int64_t)packed->stats.size_bytes);
	mp_json_set_take(json, "destinations", mp_destinations_json(destinations));
	text = mp_json_dump_pretty(json);
	fputs(text, stdout);
}

/* With --to alone no archive is left. */
static const char *output_of(const struct mp_options *options)
{
	if (options->output || options->to.n > 0)
		return options->output;
	return "rootfs.tar";
}

/* Writes what was asked for. @image: NULL where there is none, and so no destination for one. */
static int write_results(const struct mp_options *options, struct mp_rootfs *root,
			 const struct mp_plan_request *request, const struct mp_image *image,
			 struct mp_destinations *destinations, struct mp_error *err)
{
	const char *path = output_of(options);
	MP_AUTO(mp_packed_clear) struct mp_packed packed = MP_PACKED_NONE;

	if (mp_pack_to_file(root, request, path, mp_destinations_forms(destinations), &packed,
			    err) ||
	    mp_destinations_write(destinations, image, packed.layers, err))
		return -1;
	if (options->json)
		print_json(path, destinations, &packed);
	else
		print_text(path, destinations, &packed.stats);
	return 0;
}

/* A configuration alone does not say which image it is of. */
static void warn_other_image(const struct mp_trace *trace, const struct mp_image *image)
{
	if (trace && trace->header.image_id && image && image->id[0] &&
	    strcmp(trace->header.image_id, image->id) != 0)
		mp_warn("the trace is of image %.19s, this is %.19s", trace->header.image_id,
			image->id);
}

int mp_cmd_pack(const struct mp_options *options, struct mp_error *err)
{
	MP_AUTO(input_clear) struct input input = { 0 };
	MP_AUTO(mp_destinations_free) struct mp_destinations destinations = { 0 };
	MP_AUTO(mp_origin_clear) struct mp_origin origin = { 0 };
	struct mp_plan_request request = { 0 };

	if (check_usage(options, err) || mp_destinations_parse(&options->to, &destinations, err) ||
	    input_read(&input, options, err) || mp_origin_open(options, &origin, err))
		return -1;
	warn_other_image(input.trace, origin.image);
	request.trace = input.trace;
	request.list = input.trace ? NULL : &input.list;
	request.config = mp_origin_config(&origin);
	return write_results(options, origin.root, &request, origin.image, &destinations, err);
}
