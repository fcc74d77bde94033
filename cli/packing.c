/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/packing.h"

#include "core/file.h"
#include "core/log.h"

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
	for (size_t i = 1; i < missing->n; i++)
		mp_warn("not in the image: %s", missing->v[i]);
	mp_error_set(err, MP_E_NOTFOUND, 0, "not in the image: %s", missing->v[0]);
	return mp_error_hint(err, request->trace ? "correct the image, or leave out with --drop "
						   "what needs it"
						 : "correct the list");
}

int mp_pack_to_file(struct mp_rootfs *root, const struct mp_plan_request *request, const char *path,
		    struct mp_archive_stats *stats_out, struct mp_error *err)
{
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = NULL;
	MP_AUTO(mp_plan_notes_clear) struct mp_plan_notes notes = { 0 };
	MP_AUTO(mp_outfile_closep) struct mp_outfile file = { 0 };

	if (mp_plan(root, request, &set, &notes, err) || check_notes(request, &notes, err) ||
	    mp_outfile_open(&file, path, err) ||
	    mp_archive_write(root, set, file.fd, path, stats_out, err))
		return -1;
	return mp_outfile_commit(&file, err);
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
