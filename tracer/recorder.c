/* SPDX-License-Identifier: BSD-2-Clause */
#include "tracer/recorder.h"

#include "core/file.h"

#include <sys/utsname.h>

struct mp_recorder {
	struct mp_outfile file;
	struct mp_trace_writer *writer;
	struct mp_session *session;
};

int mp_recorder_open(const struct mp_recorder_options *options, struct mp_recorder **recorder_out,
		     struct mp_error *err)
{
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = mp_xcalloc(1, sizeof(*recorder));
	struct mp_trace_header header = {
		.source = (char *)options->source,
		.image = (char *)options->image,
		.image_id = (char *)options->image_id,
		.generator = (char *)"micropack " MP_VERSION,
	};
	struct utsname host;

	uname(&host);
	header.arch = host.machine;
	header.kernel = host.release;
	if (mp_outfile_open(&recorder->file, options->path, err))
		return -1;
	recorder->writer = mp_trace_writer_new(recorder->file.fd, options->path, &header);
	if (mp_session_open(&options->session, recorder->writer, &recorder->session, err))
		return -1;
	*recorder_out = MP_STEAL(recorder);
	return 0;
}

struct mp_session *mp_recorder_session(struct mp_recorder *recorder)
{
	return recorder->session;
}

int mp_recorder_finish(struct mp_recorder *recorder, struct mp_trace_losses *losses_out,
		       struct mp_error *err)
{
	struct mp_trace_losses losses = { 0 };

	if (mp_session_finish(recorder->session, &losses, err) ||
	    mp_trace_writer_finish(recorder->writer, &losses, err) ||
	    mp_outfile_commit(&recorder->file, err))
		return -1;
	*losses_out = losses;
	return 0;
}

uint64_t mp_recorder_events(const struct mp_recorder *recorder)
{
	return mp_trace_writer_count(recorder->writer);
}

void mp_recorder_freep(struct mp_recorder **recorder)
{
	if (!*recorder)
		return;
	mp_session_freep(&(*recorder)->session);
	mp_trace_writer_freep(&(*recorder)->writer);
	mp_outfile_closep(&(*recorder)->file);
	mp_freep(recorder);
}
