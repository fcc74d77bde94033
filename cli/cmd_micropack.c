/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"
#include "cli/destinations.h"
#include "cli/images.h"
#include "cli/packing.h"
#include "cli/places.h"
#include "cli/rules.h"
#include "cli/sbom.h"
#include "cli/tracing.h"
#include "core/clock.h"
#include "core/epoch.h"
#include "core/file.h"
#include "core/log.h"
#include "core/path.h"
#include "core/trace_sort.h"
#include "dockerfile-gen/dockerfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_DIRECTORY "micropack-out"
/* How many of the paths that the packed image lacks an error names. */
#define NAMED_PATHS 5

enum stage {
	STAGE_IMAGE,
	STAGE_TRACE,
	STAGE_TESTS,
	STAGE_PACK,
	STAGE_LOAD,
	STAGE_VERIFY,
	STAGE_WRITE,
	STAGES,
};

static const char *const stage_names[STAGES] = {
	"image", "trace", "tests", "pack", "load", "verify", "write",
};

/* The whole line, from image to image. */
struct job {
	const struct mp_options *options;
	struct mp_engine *engine;
	struct mp_image *image;
	struct mp_trace *trace;
	char *directory;
	bool made_directory;
	char *trace_path, *plan_path, *rootfs_path, *dockerfile_path, *verify_path;
	struct mp_rules rules;
	char *tag;
	struct mp_rootfs_totals before;
	struct mp_destinations destinations;
	struct mp_packed packed;
	char *dockerfile; /* its text; NULL where none can be written */
	int64_t stage_ms[STAGES];
	int64_t mark_ms;
};

static void job_cleanup(struct job *job)
{
	mp_trace_freep(&job->trace);
	mp_image_freep(&job->image);
	mp_engine_freep(&job->engine);
	/* Goes only when nothing was put there. */
	if (job->made_directory)
		rmdir(job->directory);
	mp_freep(&job->directory);
	mp_freep(&job->trace_path);
	mp_freep(&job->plan_path);
	mp_freep(&job->rootfs_path);
	mp_rules_free(&job->rules);
	mp_freep(&job->dockerfile_path);
	mp_freep(&job->verify_path);
	mp_freep(&job->tag);
	mp_freep(&job->dockerfile);
	mp_destinations_free(&job->destinations);
	mp_packed_clear(&job->packed);
}

/* The time since the last call belongs to @stage. */
static void account(struct job *job, enum stage stage)
{
	int64_t now_ms = mp_clock_ms();

	job->stage_ms[stage] += now_ms - job->mark_ms;
	job->mark_ms = now_ms;
}

static int make_directory(struct job *job, struct mp_error *err)
{
	struct stat st;

	job->directory =
		mp_xstrdup(job->options->output ? job->options->output : DEFAULT_DIRECTORY);
	if (mkdir(job->directory, 0777) == 0)
		job->made_directory = true;
	else if (errno != EEXIST || stat(job->directory, &st) < 0 || !S_ISDIR(st.st_mode))
		return mp_error_set(err, MP_E_USAGE, errno, "create directory '%s'",
				    job->directory);
	job->trace_path = mp_path_join(job->directory, "trace.jsonl");
	job->plan_path = job->options->plan ? mp_xstrdup(job->options->plan)
					    : mp_path_join(job->directory, "plan.txt");
	job->rootfs_path = mp_path_join(job->directory, "rootfs.tar");
	job->dockerfile_path = mp_path_join(job->directory, "Dockerfile");
	job->verify_path = mp_path_join(job->directory, "verify.jsonl");
	return 0;
}

/* Before the tests run, since all of it is written after them. */
static int check_places(const struct job *job, struct mp_error *err)
{
	const char *tests = job->options->qa.tests;
	bool has_sbom = !job->options->no_package_db;
	MP_AUTO(mp_freep) char *sbom = has_sbom ? mp_sbom_path(job->rootfs_path) : NULL;
	MP_AUTO(mp_places_free) struct mp_places places = { 0 };
	const struct mp_place all[] = {
		{ MP_PLACE_READ, "--tests", tests, tests },
		{ MP_PLACE_WRITTEN, "the trace", job->trace_path, job->trace_path },
		{ MP_PLACE_WRITTEN, "the archive", job->rootfs_path, job->rootfs_path },
		{ MP_PLACE_WRITTEN, "the SPDX document", sbom, sbom },
		{ MP_PLACE_WRITTEN, "the Dockerfile", job->dockerfile_path, job->dockerfile_path },
		{ MP_PLACE_WRITTEN, "the trace of the proof", job->verify_path, job->verify_path },
		{ MP_PLACE_WRITTEN, "--plan", job->plan_path, job->plan_path },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(all); i++) {
		if (mp_places_add(&places, all[i], err))
			return -1;
	}
	return mp_destinations_claim(&job->destinations, &places, err);
}

static int get_image(struct job *job, struct mp_error *err)
{
	const char *reference = job->options->arguments.v[0];

	if (mp_image_packed_tag(reference, job->options->tag, &job->tag, err) ||
	    mp_engine_connect(&job->engine, err) ||
	    mp_image_get(job->engine, reference, &job->image, err) ||
	    mp_image_check_runs(job->engine, job->image, err) || make_directory(job, err) ||
	    check_places(job, err))
		return -1;
	account(job, STAGE_IMAGE);
	return 0;
}

static int trace_original(struct job *job, struct mp_error *err)
{
	struct mp_trace_losses losses;
	struct mp_qa_result result;

	mp_info("tracing %s", job->image->reference);
	if (mp_trace_image(job->options, job->engine, job->image, job->trace_path, false, &result,
			   &losses, err))
		return -1;
	account(job, STAGE_TRACE);
	job->stage_ms[STAGE_TRACE] -= result.tests_ms;
	job->stage_ms[STAGE_TESTS] = result.tests_ms;
	if (!result.passed)
		return mp_error_set(err, MP_E_TESTS, 0, "on the original image: %s", result.reason);
	if (mp_trace_read(job->trace_path, &job->trace, err))
		return -1;
	return mp_accept_trace(job->trace, job->options->incomplete_ok, err);
}

/* A value that a Dockerfile cannot say is in the image all the same: its configuration is JSON. */
static int write_dockerfile(struct job *job, struct mp_error *err)
{
	if (mp_dockerfile_generate(&job->image->config, "rootfs.tar", &job->dockerfile, err)) {
		if (job->options->build)
			return mp_error_hint(err, "without --build the image can be made");
		if (job->options->no_image)
			return -1;
		mp_warn("no Dockerfile is written, the image has it all the same: %s", err->msg);
		unlink(job->dockerfile_path);
		return 0;
	}
	return mp_file_replace(job->dockerfile_path, job->dockerfile, strlen(job->dockerfile), err);
}

static int pack(struct job *job, struct mp_error *err)
{
	const struct mp_plan_request request = {
		.trace = job->trace,
		.config = &job->image->config,
		.image = job->image,
		.rules = &job->rules,
		.no_package_db = job->options->no_package_db,
		.keep_suggested = job->options->keep.suggested,
	};
	const struct mp_plan_output plan = { job->plan_path, job->image->id };
	unsigned int forms = mp_destinations_forms(&job->destinations);
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;

	if (!job->options->no_image)
		forms |= 1u << MP_COMPRESSION_NONE;
	mp_info("packing into %s", job->rootfs_path);
	if (mp_image_open_rootfs(job->engine, job->image, job->options->source, &root, err) ||
	    mp_rootfs_totals(root, &job->before, err) ||
	    mp_pack_to_file(root, &request, &plan, job->rootfs_path, forms, &job->packed, err) ||
	    write_dockerfile(job, err))
		return -1;
	account(job, STAGE_PACK);
	return 0;
}

static int make_image(struct job *job, struct mp_error *err)
{
	const struct mp_layer *layer = &job->packed.layers[MP_COMPRESSION_NONE];
	MP_AUTO(mp_json_freep) struct mp_json *image_json = NULL;
	struct mp_image_digests digests;

	if (job->options->build) {
		mp_info("building %s", job->tag);
		return mp_image_build_packed(job->engine, job->dockerfile, layer, job->tag, err);
	}
	mp_info("loading %s", job->tag);
	if (mp_image_packed_json(job->image, layer, &image_json, err))
		return -1;
	return mp_image_load_packed(job->engine, image_json, layer, job->tag, &digests, err);
}

static int load(struct job *job, struct mp_error *err)
{
	if (job->options->no_image)
		return 0;
	if (make_image(job, err))
		return -1;
	account(job, STAGE_LOAD);
	return 0;
}

/* Proof */

static bool is_proven(const struct mp_options *options)
{
	return !options->no_image && !options->no_verify;
}

/* What the original run did with success, by path. */
static struct mp_strmap *paths_that_worked(const struct mp_trace *trace)
{
	struct mp_strmap *worked = mp_strmap_new(NULL);

	for (size_t i = 0; i < trace->n_events; i++) {
		if (!trace->events[i].error)
			mp_strmap_put(worked, trace->events[i].path, trace->events[i].path);
	}
	return worked;
}

/* 1 when the original image has @path, or its run had; 0 when not. */
static int original_has(struct mp_rootfs *root, const struct mp_strmap *worked, const char *path,
			struct mp_error *err)
{
	struct mp_node node = { 0 };
	int rc;

	if (mp_strmap_get(worked, path))
		return 1;
	rc = mp_rootfs_lookup(root, path, &node, err);
	if (rc > 0)
		mp_node_clear(&node);
	return rc;
}

/* The last paths that the packed image did not have and the original has, each once. */
static int find_missing(struct job *job, struct mp_strv *missing, struct mp_error *err)
{
	MP_AUTO(mp_strmap_freep) struct mp_strmap *worked = paths_that_worked(job->trace);
	MP_AUTO(mp_trace_freep) struct mp_trace *proof = NULL;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	MP_AUTO(mp_freep) const struct mp_trace_event **events = NULL;
	size_t n;

	if (mp_trace_read(job->verify_path, &proof, err) ||
	    mp_image_open_rootfs(job->engine, job->image, job->options->source, &root, err))
		return -1;
	events = mp_trace_sort_by_time(proof, &n);
	for (size_t i = n; i > 0 && missing->n < NAMED_PATHS; i--) {
		const struct mp_trace_event *event = events[i - 1];
		int rc;

		if ((event->error != ENOENT && event->error != ENOTDIR) ||
		    mp_strv_find(missing, event->path) >= 0)
			continue;
		rc = original_has(root, worked, event->path, err);
		if (rc < 0)
			return -1;
		if (rc > 0)
			mp_strv_push(missing, event->path);
	}
	return 0;
}

static int proof_failed(struct job *job, const struct mp_qa_result *result, struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv missing = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf names = { 0 };

	if (find_missing(job, &missing, err))
		return -1;
	for (size_t i = 0; i < missing.n; i++)
		mp_buf_addf(&names, "%s%s", i ? ", " : "", missing.v[i]);
	mp_error_set(err, MP_E_VERIFY, 0, "on the packed image '%s': %s", job->tag, result->reason);
	if (missing.n > 0)
		return mp_error_hint(err, "last missing there: %s", names.data);
	return mp_error_hint(err, "no path of the original was missed; '%s' has all that was tried",
			     job->verify_path);
}

static int verify(struct job *job, struct mp_error *err)
{
	MP_AUTO(mp_image_freep) struct mp_image *packed = NULL;
	struct mp_trace_losses losses;
	struct mp_qa_result result;

	if (!is_proven(job->options))
		return 0;
	mp_info("verifying %s", job->tag);
	if (mp_engine_image_inspect(job->engine, job->tag, &packed, err) ||
	    mp_trace_image(job->options, job->engine, packed, job->verify_path, true, &result,
			   &losses, err))
		return -1;
	account(job, STAGE_VERIFY);
	if (!result.passed)
		return proof_failed(job, &result, err);
	unlink(job->verify_path);
	return 0;
}

/* Not before the proof: what is written is meant for others. */
static int write_destinations(struct job *job, struct mp_error *err)
{
	if (mp_destinations_write(&job->destinations, job->image, job->packed.layers, err))
		return -1;
	account(job, STAGE_WRITE);
	return 0;
}

/* Result */

static double ratio(const struct job *job)
{
	return job->packed.stats.size_bytes
		       ? (double)job->image->size_bytes / (double)job->packed.stats.size_bytes
		       : 0;
}

static void print_text(const struct job *job)
{
	const char *packed = job->options->no_image ? job->rootfs_path : job->tag;
	MP_AUTO(mp_freep) char *before = mp_size_text((uint64_t)job->image->size_bytes);
	MP_AUTO(mp_freep) char *after = mp_size_text(job->packed.stats.size_bytes);

	printf("before  %10s  %7llu files  %s\n", before, (unsigned long long)job->before.files,
	       job->image->reference);
	printf("after   %10s  %7llu files  %s\n", after,
	       (unsigned long long)job->packed.stats.files, packed);
	for (size_t i = 0; i < job->destinations.n; i++)
		printf("written %s\n", job->destinations.v[i].text);
	printf("%.1f× smaller%s\n", ratio(job),
	       is_proven(job->options) ? ", and it passes the same tests" : "");
}

static struct mp_json *size_json(uint64_t size_bytes, uint64_t files)
{
	struct mp_json *json = mp_json_object();

	mp_json_set_integer(json, "size_bytes", (int64_t)size_bytes);
	mp_json_set_integer(json, "files", (int64_t)files);
	return json;
}

static void print_json(const struct job *job)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = mp_json_object();
	struct mp_json *stages = mp_json_object();
	MP_AUTO(mp_freep) char *text = NULL;

	mp_json_set_string(json, "image", job->image->reference);
	mp_json_set_string(json, "image_id", job->image->id);
	if (!job->options->no_image)
		mp_json_set_string(json, "packed_image", job->tag);
	mp_json_set_string(json, "trace", job->trace_path);
	mp_json_set_string(json, "plan", job->plan_path);
	mp_json_set_string(json, "rootfs", job->rootfs_path);
	mp_json_set_string(json, "rootfs_sha256", job->packed.stats.layer_sha256);
	mp_json_set_take(json, "before",
			 size_json((uint64_t)job->image->size_bytes, job->before.files));
	mp_json_set_take(json, "after",
			 size_json(job->packed.stats.size_bytes, job->packed.stats.files));
	mp_json_set_take(json, "destinations", mp_destinations_json(&job->destinations));
	mp_json_set_boolean(json, "verified", is_proven(job->options));
	for (int stage = 0; stage < STAGES; stage++)
		mp_json_set_integer(stages, stage_names[stage], job->stage_ms[stage]);
	mp_json_set_take(json, "stages_ms", stages);
	text = mp_json_dump_pretty(json);
	fputs(text, stdout);
}

int mp_cmd_micropack(const struct mp_options *options, struct mp_error *err)
{
	MP_AUTO(job_cleanup)
	struct job job = { .options = options, .mark_ms = mp_clock_ms(), .packed = MP_PACKED_NONE };
	int64_t epoch;

	if (options->arguments.n != 1)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "one IMAGE is needed%s; see 'micropack "
				    "--help'",
				    options->arguments.n ? ", a command for it goes after '--'"
							 : "");
	if (options->build && options->no_image)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "--build and --no-image exclude each other");
	if (mp_check_qa_options(&options->qa, err) ||
	    mp_rules_read(&options->keep, &job.rules, err) || mp_epoch_read(&epoch, err) < 0 ||
	    mp_destinations_parse(&options->to, &job.destinations, err) || get_image(&job, err) ||
	    trace_original(&job, err) || pack(&job, err) || load(&job, err) || verify(&job, err) ||
	    write_destinations(&job, err))
		return -1;
	if (options->json)
		print_json(&job);
	else
		print_text(&job);
	return 0;
}
