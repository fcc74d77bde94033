/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"
#include "cli/destinations.h"
#include "cli/images.h"
#include "cli/inputs.h"
#include "cli/packing.h"
#include "cli/places.h"
#include "cli/rules.h"
#include "cli/sbom.h"
#include "core/epoch.h"
#include "core/file.h"
#include "core/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A plan says it all. */
static int check_from_plan(const struct mp_options *options, struct mp_error *err)
{
	const char *other = mp_keep_options_first(&options->keep);

	if (options->plan)
		other = "--plan";
	if (options->arguments.n > 0)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "--from-plan packs what the plan says: no TRACE or LIST");
	if (other)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "--from-plan packs what the plan says: %s is for planning",
				    other);
	return 0;
}

static int check_usage(const struct mp_options *options, struct mp_error *err)
{
	int64_t epoch;

	if (options->from_plan && check_from_plan(options, err))
		return -1;
	if (!options->from_plan && options->arguments.n != 1)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "one TRACE or LIST is needed; see 'micropack pack --help'");
	if (options->has_separator)
		return mp_error_set(err, MP_E_USAGE, 0, "'pack' runs no command after '--'");
	if (options->to.n > 0 && !options->image && !options->config)
		return mp_error_set(
			err, MP_E_USAGE, 0,
			"--to makes an image: it needs a configuration, that of --image or "
			"--config");
	if (options->output && mp_compression_check_name(options->output, err))
		return mp_error_prefix(err, "-o");
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

/* What is read is not written over, and nothing is written twice. */
static int check_places(const struct mp_options *options,
			const struct mp_destinations *destinations, struct mp_error *err)
{
	bool plan_only = options->plan && !options->output && options->to.n == 0;
	const char *output = plan_only ? NULL : output_of(options);
	const char *input = options->from_plan ? options->from_plan : options->arguments.v[0];
	MP_AUTO(mp_freep)
	char *sbom = output && !options->no_package_db ? mp_sbom_path(output) : NULL;
	MP_AUTO(mp_places_free) struct mp_places places = { 0 };
	const struct mp_place all[] = {
		{ MP_PLACE_READ, options->from_plan ? "--from-plan" : "the input", input, input },
		{ MP_PLACE_READ, "--config", options->config, options->config },
		{ MP_PLACE_WRITTEN, "-o", output, output },
		{ MP_PLACE_WRITTEN, "--plan", options->plan, options->plan },
		{ MP_PLACE_WRITTEN, "the SPDX document", sbom, sbom },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(all); i++) {
		if (mp_places_add(&places, all[i], err))
			return -1;
	}
	return mp_destinations_claim(destinations, &places, err);
}

/* Writes what was asked for. @plan may be NULL. */
static int write_results(const struct mp_options *options, const struct mp_origin *origin,
			 const struct mp_plan_request *request, const struct mp_plan_output *plan,
			 struct mp_destinations *destinations, struct mp_error *err)
{
	const char *path = output_of(options);
	MP_AUTO(mp_packed_clear) struct mp_packed packed = MP_PACKED_NONE;

	if (mp_pack_to_file(origin->root, request, plan, path, mp_destinations_forms(destinations),
			    &packed, err) ||
	    mp_destinations_write(destinations, origin->image, packed.layers, err))
		return -1;
	if (options->json)
		print_json(path, destinations, &packed);
	else
		print_text(path, destinations, &packed.stats);
	return 0;
}

/* Nothing but the plan. */
static int write_plan(const struct mp_options *options, struct mp_rootfs *root,
		      const struct mp_plan_request *request, const struct mp_plan_output *output,
		      struct mp_error *err)
{
	MP_AUTO(mp_freep) char *size = NULL;
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	MP_AUTO(mp_freep) char *text = NULL;
	struct mp_archive_stats stats;

	if (mp_pack_plan(root, request, output, &stats, err))
		return -1;
	size = mp_size_text(stats.size_bytes);
	if (!options->json) {
		printf("%s: %llu files, %s\n", output->path, (unsigned long long)stats.files, size);
		return 0;
	}
	json = mp_json_object();
	mp_json_set_string(json, "plan", output->path);
	mp_json_set_integer(json, "files", (int64_t)stats.files);
	mp_json_set_integer(json, "size_bytes", (int64_t)stats.size_bytes);
	text = mp_json_dump_pretty(json);
	fputs(text, stdout);
	return 0;
}

static int read_input(const struct mp_options *options, struct mp_input *input,
		      struct mp_error *err)
{
	if (options->from_plan)
		return mp_input_read_plan(input, options->from_plan, err);
	return mp_input_read(input, options->arguments.v[0], options->incomplete_ok, err);
}

int mp_cmd_pack(const struct mp_options *options, struct mp_error *err)
{
	MP_AUTO(mp_input_clear) struct mp_input input = { 0 };
	MP_AUTO(mp_rules_free) struct mp_rules rules = { 0 };
	MP_AUTO(mp_destinations_free) struct mp_destinations destinations = { 0 };
	MP_AUTO(mp_origin_clear) struct mp_origin origin = { 0 };
	struct mp_plan_request request = { .rules = &rules };
	struct mp_plan_output plan = { .path = options->plan };
	int rc;

	if (check_usage(options, err) || mp_rules_read(&options->keep, &rules, err) ||
	    mp_destinations_parse(&options->to, &destinations, err) ||
	    check_places(options, &destinations, err) || read_input(options, &input, err) ||
	    mp_origin_open(options, &origin, err))
		return -1;
	mp_input_warn_other_image(&input, origin.image);
	mp_input_request(&input, &request);
	request.config = mp_origin_config(&origin);
	request.image = origin.image;
	request.no_package_db = options->no_package_db;
	request.keep_suggested = options->keep.suggested;
	plan.image_id = origin.image ? origin.image->id : NULL;
	if (options->plan && !options->output && options->to.n == 0)
		rc = write_plan(options, origin.root, &request, &plan, err);
	else
		rc = write_results(options, &origin, &request, options->plan ? &plan : NULL,
				   &destinations, err);
	/* Where the output can be was checked before: it is the directory that cannot be read. */
	if (rc && options->root && err->sys_errno == EACCES && geteuid() != 0)
		return mp_error_hint(err, "to read what only others may, run with sudo");
	return rc;
}
