/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/packing.h"

#include "cli/sbom.h"
#include "core/epoch.h"
#include "core/file.h"
#include "core/log.h"
#include "packer/links.h"
#include "packer/plan_file.h"
#include "packer/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/*
 * Whether the rules keep or drop whatever matches: then nobody has asked for a certain program, and
 * what it lacks may have been dropped.
 */
static bool has_broad_rules(const struct mp_plan_request *request)
{
	const struct mp_rules *rules = request->rules;

	return rules && (rules->keep.n > 0 || rules->drop.n > 0 || rules->packages.n > 0);
}

static int check_notes(const struct mp_plan_request *request, const struct mp_plan_notes *notes,
		       struct mp_error *err)
{
	const struct mp_strv *missing = &notes->missing_listed;

	for (size_t i = 0; i < notes->missing_unused.n; i++)
		mp_warn("not in the image, and not needed by this run: %s",
			notes->missing_unused.v[i]);
	if (missing->n == 0)
		missing = &notes->missing_needed;
	if (missing->n == 0)
		return 0;
	if (missing == &notes->missing_needed && has_broad_rules(request)) {
		for (size_t i = 0; i < missing->n; i++)
			mp_warn("not in the image: %s", missing->v[i]);
		return 0;
	}
	for (size_t i = 1; i < missing->n; i++)
		mp_warn("not in the image: %s", missing->v[i]);
	mp_error_set(err, MP_E_NOTFOUND, 0, "not in the image: %s", missing->v[0]);
	return mp_error_hint(err, request->trace ? "correct the image, or leave out with --drop "
						   "what needs it"
						 : "correct the list");
}

void mp_packed_clear(struct mp_packed *packed)
{
	for (int i = 0; i < MP_COMPRESSIONS; i++)
		mp_closep(&packed->layers[i].fd);
}

static int clamp_times(struct mp_fileset *set, struct mp_error *err)
{
	int64_t seconds;
	int rc = mp_epoch_read(&seconds, err);

	if (rc > 0)
		mp_fileset_clamp_times(set, seconds);
	return rc < 0 ? -1 : 0;
}

/* Files for the forms that are not written to @file, to which they are added. */
static int open_forms(unsigned int forms, const struct mp_outfile *file, struct mp_packed *packed,
		      struct mp_error *err)
{
	for (int i = 0; i < MP_COMPRESSIONS; i++) {
		struct mp_layer *layer = &packed->layers[i];

		layer->compression = (enum mp_compression)i;
		layer->name = NULL;
		if (!(forms & 1u << i))
			continue;
		/* What is written in place (a FIFO) cannot be read again. */
		if (file->temporary && packed->file.compression == layer->compression)
			layer->fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
		else if (mp_store_open(&layer->fd, err))
			return -1;
		if (layer->fd < 0)
			return mp_error_set(err, MP_E_SYS, errno, "open '%s' again", file->path);
	}
	return 0;
}

/* Each form once: one that is the file itself goes there alone. */
static int write_forms(struct mp_rootfs *root, const struct mp_fileset *set,
		       const struct mp_archive_listener *listener, const struct mp_outfile *file,
		       struct mp_packed *packed, struct mp_error *err)
{
	struct mp_layer written[MP_COMPRESSIONS + 1];
	struct mp_layer *targets[MP_COMPRESSIONS + 1];
	size_t n = 0;

	if (file->path)
		targets[n++] = &packed->file;
	for (int i = 0; i < MP_COMPRESSIONS; i++) {
		bool is_file = file->temporary && packed->file.compression == (unsigned int)i;

		if (packed->layers[i].fd >= 0 && !is_file)
			targets[n++] = &packed->layers[i];
	}
	for (size_t i = 0; i < n; i++)
		written[i] = *targets[i];
	if (mp_archive_write(root, set, listener, written, n, &packed->stats, err))
		return -1;
	for (size_t i = 0; i < n; i++)
		*targets[i] = written[i];
	return 0;
}

/* The file's digests are those of the form that is the file. */
static void share_digests(struct mp_packed *packed)
{
	struct mp_layer *layer = &packed->layers[packed->file.compression];
	int fd = layer->fd;

	if (fd < 0 || layer->sha256[0])
		return;
	*layer = packed->file;
	layer->fd = fd;
}

static int write_plan(struct mp_rootfs *root, const struct mp_plan_request *request,
		      const struct mp_fileset *set, const struct mp_plan_output *output,
		      struct mp_error *err)
{
	MP_AUTO(mp_plan_header_clear) struct mp_plan_header header = { 0 };
	MP_AUTO(mp_outfile_closep) struct mp_outfile file = { 0 };

	if (output->image_id && output->image_id[0])
		header.image_id = mp_xstrdup(output->image_id);
	if (request->rules)
		mp_rules_describe(request->rules, &header.options);
	if (request->keep_suggested)
		mp_strv_push(&header.options, "--keep-suggested");
	if (request->no_package_db)
		mp_strv_push(&header.options, "--no-package-db");
	if (mp_outfile_open(&file, output->path, err) ||
	    mp_plan_file_write(root, set, &header, file.fd, output->path, NULL, err))
		return -1;
	return mp_outfile_commit(&file, err);
}

/* @output may be NULL. */
static int make_plan(struct mp_rootfs *root, const struct mp_plan_request *request,
		     const struct mp_plan_output *output, struct mp_fileset **set_out,
		     struct mp_packages **packages_out, struct mp_error *err)
{
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = NULL;
	MP_AUTO(mp_plan_notes_clear) struct mp_plan_notes notes = { 0 };

	if (mp_plan(root, request, &set, &notes, err) || check_notes(request, &notes, err) ||
	    (output && write_plan(root, request, set, output, err)))
		return -1;
	*set_out = MP_STEAL(set);
	*packages_out = MP_STEAL(notes.packages);
	return 0;
}

/* A file of many names is packed once. */
static uint64_t size_of(const struct mp_file *file, struct mp_links *links)
{
	const struct mp_node *node = &file->node;

	if (S_ISREG(node->mode) && node->nlink > 1 &&
	    mp_links_first(links, node->file_dev, node->file_ino, file))
		return 0;
	return node->size_bytes;
}

int mp_pack_plan(struct mp_rootfs *root, const struct mp_plan_request *request,
		 const struct mp_plan_output *output, struct mp_archive_stats *stats_out,
		 struct mp_error *err)
{
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = NULL;
	MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;
	MP_AUTO(mp_links_clear) struct mp_links links = { 0 };

	*stats_out = (struct mp_archive_stats){ 0 };
	if (make_plan(root, request, output, &set, &packages, err))
		return -1;
	for (size_t i = 0; i < mp_fileset_count(set); i++) {
		const struct mp_file *file = mp_fileset_at(set, i);

		stats_out->files += !S_ISDIR(file->node.mode);
		stats_out->size_bytes += size_of(file, &links);
	}
	return 0;
}

int mp_pack_to_file(struct mp_rootfs *root, const struct mp_plan_request *request,
		    const struct mp_plan_output *plan, const char *path, unsigned int forms,
		    struct mp_packed *packed_out, struct mp_error *err)
{
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = NULL;
	MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;
	MP_AUTO(mp_outfile_closep) struct mp_outfile file = { 0 };
	MP_AUTO(mp_sbom_clear) struct mp_sbom sbom = { 0 };
	MP_AUTO(mp_packed_clear) struct mp_packed packed = MP_PACKED_NONE;

	if (make_plan(root, request, plan, &set, &packages, err) || clamp_times(set, err) ||
	    (path && mp_outfile_open(&file, path, err)))
		return -1;
	/* A device or a pipe has nothing beside it. */
	if (packages && file.temporary)
		mp_sbom_start(&sbom, set);
	packed.file = (struct mp_layer){ .compression = path ? mp_compression_of_name(path)
							     : MP_COMPRESSION_NONE,
					 .fd = path ? file.fd : -1,
					 .name = path };
	if (open_forms(forms, &file, &packed, err) ||
	    write_forms(root, set, mp_sbom_listener(&sbom), &file, &packed, err) ||
	    mp_sbom_write(&sbom, request->image, packages, path, packed.file.sha256, err) ||
	    (path && mp_outfile_commit(&file, err)) || mp_sbom_commit(&sbom, err))
		return -1;
	share_digests(&packed);
	packed.file.fd = -1;
	*packed_out = packed;
	packed = MP_PACKED_NONE;
	return 0;
}

int mp_accept_trace(const struct mp_trace *trace, bool incomplete_ok, struct mp_error *err)
{
	if (mp_trace_check_complete(trace, err) == 0)
		return 0;
	if (trace->n_events == 0)
		return -1;
	if (!incomplete_ok)
		return mp_error_hint(err, "%s, or use --incomplete=ok",
				     trace->losses.dropped ? "trace again with --buffer-size 64M"
							   : "trace again");
	mp_warn("%s", err->msg);
	return 0;
}

char *mp_size_text(uint64_t size_bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double size = (double)size_bytes;
	size_t unit = 0;

	while (size >= 999.95 && unit + 1 < MP_ARRAY_LEN(units)) {
		size /= 1000;
		unit++;
	}
	return mp_xasprintf(unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
}
