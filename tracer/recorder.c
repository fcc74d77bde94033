/* SPDX-License-Identifier: BSD-2-Clause */
#include "tracer/recorder.h"

#include "core/file.h"

#include <sys/utsname.h>

struct recording {
	struct mp_outfile file;
	char *path;
	struct mp_trace *trace;
};

struct mp_recorder {
	struct mp_session *session;
	struct recording **recordings; /* by sink */
	size_t n_recordings, cap_recordings;
};

int mp_recorder_open(const struct mp_session_options *options, struct mp_recorder **recorder_out,
		     struct mp_error *err)
{
	MP_AUTO(mp_recorder_freep) struct mp_recorder *recorder = mp_xcalloc(1, sizeof(*recorder));

	if (mp_session_open(options, &recorder->session, err))
		return -1;
	*recorder_out = MP_STEAL(recorder);
	return 0;
}

static void recording_freep(struct recording **recording)
{
	if (!*recording)
		return;
	mp_outfile_closep(&(*recording)->file);
	mp_trace_freep(&(*recording)->trace);
	mp_freep(&(*recording)->path);
	mp_freep(recording);
}

static void set_header(struct mp_trace_header *header, const struct mp_recorder_trace *trace)
{
	struct utsname host;

	uname(&host);
	header->source = mp_xstrdup(trace->source);
	header->image = mp_xstrdup(trace->image);
	header->image_id = mp_xstrdup(trace->image_id);
	header->arch = mp_xstrdup(host.machine);
	header->kernel = mp_xstrdup(host.release);
	header->generator = mp_xstrdup("micropack " MP_VERSION);
}

int mp_recorder_add(struct mp_recorder *recorder, const struct mp_recorder_trace *trace,
		    unsigned int *sink_out, struct mp_error *err)
{
	MP_AUTO(recording_freep) struct recording *recording = mp_xcalloc(1, sizeof(*recording));

	if (mp_outfile_open(&recording->file, trace->path, err))
		return -1;
	recording->path = mp_xstrdup(trace->path);
	recording->trace = mp_xcalloc(1, sizeof(*recording->trace));
	set_header(&recording->trace->header, trace);
	*sink_out = mp_session_add_sink(recorder->session, recording->trace);
	recorder->recordings = mp_array_grow(recorder->recordings, recorder->n_recordings,
					     &recorder->cap_recordings, sizeof(struct recording *));
	recorder->recordings[recorder->n_recordings++] = MP_STEAL(recording);
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

	if (mp_session_finish(recorder->session, &losses, err))
		return -1;
	for (size_t i = 0; i < recorder->n_recordings; i++) {
		struct recording *recording = recorder->recordings[i];

		if (mp_trace_write_fd(recording->trace, recording->file.fd, recording->path,
				      &losses, err) ||
		    mp_outfile_commit(&recording->file, err))
			return -1;
	}
	*losses_out = losses;
	return 0;
}

size_t mp_recorder_events(const struct mp_recorder *recorder, unsigned int sink)
{
	return recorder->recordings[sink]->trace->n_events;
}

void mp_recorder_freep(struct mp_recorder **recorder)
{
	if (!*recorder)
		return;
	mp_session_freep(&(*recorder)->session);
	for (size_t i = 0; i < (*recorder)->n_recordings; i++)
		recording_freep(&(*recorder)->recordings[i]);
	mp_freep(&(*recorder)->recordings);
	mp_freep(recorder);
}
