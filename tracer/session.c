/* SPDX-License-Identifier: BSD-2-Clause */
#include "tracer/session.h"

#include "core/log.h"
#include "tracer/calls.h"
#include "tracer/decode.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/trace.skel.h"

#define DEFAULT_BUFFER_BYTES ((size_t)16 << 20)
#define MIN_BUFFER_BYTES ((size_t)64 << 10)
#define POLL_MS 20

struct mp_session {
	struct trace_bpf *bpf;
	struct ring_buffer *ring;
	struct mp_decoder *decoder;
	struct mp_trace_writer *writer;
	uint64_t malformed;
	pthread_t thread;
	bool thread_runs;
	atomic_bool stop;
};

/* A verifier's log may have a hundred thousand lines; what is wrong stands in the last ones. */
#define LOG_LINES 20

/* Says the last lines of @text, each by itself. */
static void log_lines(char *text)
{
	char *line = text + strlen(text), *rest;

	for (int n = 0; line > text && n <= LOG_LINES; line--)
		n += line[-1] == '\n';
	while ((rest = strsep(&line, "\n"))) {
		if (*rest)
			mp_debug("%s", rest);
	}
}

static int MP_PRINTF(2, 0) to_log(enum libbpf_print_level level, const char *fmt, va_list args)
{
	MP_AUTO(mp_freep) char *text = NULL;

	if (level == LIBBPF_DEBUG)
		return 0;
	if (vasprintf(&text, fmt, args) < 0) {
		text = NULL;
		return 0;
	}
	log_lines(text);
	return 0;
}

/* What to do about a program that the kernel refused with @error. */
static int refused(int error, struct mp_error *err)
{
	mp_error_set(err, MP_E_TRACE, error, "load the tracing programs into the kernel");
	if (error == EPERM)
		return mp_error_hint(err, "CAP_BPF and CAP_PERFMON are needed: run with sudo");
	if (error == EACCES)
		return mp_error_hint(err, "the kernel's verifier or a security module refuses "
					  "them; --verbose says more");
	if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
		return mp_error_hint(err, "the kernel has no BTF (/sys/kernel/btf/vmlinux): "
					  "one with CONFIG_DEBUG_INFO_BTF=y is needed");
	if (error == EMFILE || error == ENFILE || error == ENOMEM)
		return -1;
	return mp_error_hint(err, "Linux 5.8 or later is needed; 'micropack doctor' says more");
}

/* Values that the programs have as constants. */
static int set_constants(struct mp_session *session, size_t buffer_bytes, struct mp_error *err)
{
	struct trace_bpf *bpf = session->bpf;
	struct stat st;
	int rc;

	mp_calls_fill((struct mp_call *)bpf->rodata->calls,
		      (struct mp_call *)bpf->rodata->compat_calls);
	if (stat("/proc/self/ns/mnt", &st) < 0)
		return mp_error_set(err, MP_E_TRACE, errno, "stat '/proc/self/ns/mnt'");
	bpf->rodata->host_mnt_ns = (uint32_t)st.st_ino;
	bpf->rodata->wakeup_bytes = (uint32_t)(buffer_bytes / 4);
	rc = bpf_map__set_max_entries(bpf->maps.events, (uint32_t)buffer_bytes);
	if (rc)
		return mp_error_set(err, MP_E_TRACE, -rc, "set the buffer's size");
	return 0;
}

static int take_record(void *context, void *data, size_t size)
{
	struct mp_session *session = context;
	struct mp_trace_event event;
	struct mp_error err = { 0 };
	int rc = mp_decoder_feed(session->decoder, data, size, &event, &err);

	if (rc < 0) {
		mp_warn("malformed event: %s", err.msg);
		session->malformed++;
	}
	if (rc > 0) {
		mp_trace_writer_add(session->writer, &event);
		mp_trace_event_clear(&event);
	}
	return 0;
}

/*
 * The kernel wakes the reader only when a quarter of the buffer waits: an event costs the traced
 * program no wake-up. What is less is fetched every POLL_MS.
 */
static void *read_events(void *context)
{
	struct mp_session *session = context;

	while (!atomic_load(&session->stop)) {
		ring_buffer__poll(session->ring, POLL_MS);
		ring_buffer__consume(session->ring);
	}
	return NULL;
}

static int start_reading(struct mp_session *session, struct mp_error *err)
{
	int rc;

	session->ring = ring_buffer__new(bpf_map__fd(session->bpf->maps.events), take_record,
					 session, NULL);
	if (!session->ring)
		return mp_error_set(err, MP_E_TRACE, errno, "map the event buffer");
	rc = pthread_create(&session->thread, NULL, read_events, session);
	if (rc)
		return mp_error_set(err, MP_E_SYS, rc, "start a thread");
	session->thread_runs = true;
	return 0;
}

int mp_session_open(const struct mp_session_options *options, struct mp_trace_writer *writer,
		    struct mp_session **session_out, struct mp_error *err)
{
	MP_AUTO(mp_session_freep) struct mp_session *session = mp_xcalloc(1, sizeof(*session));
	size_t buffer_bytes = options->buffer_bytes ? options->buffer_bytes : DEFAULT_BUFFER_BYTES;
	int rc;

	if (buffer_bytes < MIN_BUFFER_BYTES || (buffer_bytes & (buffer_bytes - 1)) ||
	    buffer_bytes > (size_t)1 << 30)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "a buffer of %zu bytes: a power of two from 64 KiB to 1 GiB is "
				    "needed",
				    buffer_bytes);
	libbpf_set_print(to_log);
	session->decoder = mp_decoder_new();
	session->writer = writer;
	session->bpf = trace_bpf__open();
	if (!session->bpf)
		return refused(errno, err);
	if (set_constants(session, buffer_bytes, err))
		return -1;
	rc = trace_bpf__load(session->bpf);
	if (rc)
		return refused(-rc, err);
	rc = trace_bpf__attach(session->bpf);
	if (rc)
		return refused(-rc, err);
	if (start_reading(session, err))
		return -1;
	*session_out = MP_STEAL(session);
	return 0;
}

int mp_session_add_container(struct mp_session *session, const char *id, struct mp_error *err)
{
	struct mp_target target = { 0 };
	int rc;

	if (strlen(id) != MP_CONTAINER_ID_LEN ||
	    strspn(id, "0123456789abcdef") != MP_CONTAINER_ID_LEN)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "'%s' is no container ID of %d hexadecimal digits", id,
				    MP_CONTAINER_ID_LEN);
	rc = bpf_map__update_elem(session->bpf->maps.targets, id, MP_CONTAINER_ID_LEN, &target,
				  sizeof(target), BPF_ANY);
	if (rc)
		return mp_error_set(err, MP_E_TRACE, -rc, "follow container %.12s", id);
	return 0;
}

int mp_session_add_process(struct mp_session *session, pid_t pid, struct mp_error *err)
{
	struct mp_process process = { .pending = 1 };
	uint32_t key = (uint32_t)pid;
	int rc = bpf_map__update_elem(session->bpf->maps.processes, &key, sizeof(key), &process,
				      sizeof(process), BPF_ANY);

	if (rc)
		return mp_error_set(err, MP_E_TRACE, -rc, "follow process %d", (int)pid);
	return 0;
}

static int read_counter(struct mp_session *session, uint32_t which, uint64_t *sum_out,
			struct mp_error *err)
{
	int n_cpus = libbpf_num_possible_cpus();
	MP_AUTO(mp_freep) uint64_t *values = mp_xcalloc(n_cpus > 0 ? (size_t)n_cpus : 1, 8);
	int rc;

	rc = n_cpus < 0 ? n_cpus
			: bpf_map__lookup_elem(session->bpf->maps.counters, &which, sizeof(which),
					       values, (size_t)n_cpus * 8, 0);
	if (rc)
		return mp_error_set(err, MP_E_TRACE, -rc, "read the tracer's counters");
	for (int i = 0; i < n_cpus; i++)
		*sum_out += values[i];
	return 0;
}

/* Runs that the kernel skipped because the same program was running on that CPU already. */
static uint64_t skipped_runs(struct mp_session *session)
{
	struct bpf_program *program;
	uint64_t sum = 0;

	bpf_object__for_each_program(program, session->bpf->obj)
	{
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);

		if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len) == 0)
			sum += info.recursion_misses;
	}
	return sum;
}

int mp_session_finish(struct mp_session *session, struct mp_trace_losses *losses_out,
		      struct mp_error *err)
{
	uint64_t skipped = skipped_runs(session);
	struct mp_trace_losses losses;
	uint64_t dropped = 0, unread = 0, untracked = 0;

	trace_bpf__detach(session->bpf);
	atomic_store(&session->stop, true);
	pthread_join(session->thread, NULL);
	session->thread_runs = false;
	ring_buffer__consume(session->ring);

	if (read_counter(session, MP_COUNT_DROPPED, &dropped, err) ||
	    read_counter(session, MP_COUNT_UNREAD, &unread, err) ||
	    read_counter(session, MP_COUNT_UNTRACKED, &untracked, err))
		return -1;
	mp_decoder_losses(session->decoder, &losses);
	losses.dropped += skipped + session->malformed + dropped;
	losses.unread += unread;
	losses.untracked += untracked;
	*losses_out = losses;
	return 0;
}

void mp_session_freep(struct mp_session **session)
{
	if (!*session)
		return;
	if ((*session)->thread_runs) {
		atomic_store(&(*session)->stop, true);
		pthread_join((*session)->thread, NULL);
	}
	ring_buffer__free((*session)->ring);
	trace_bpf__destroy((*session)->bpf);
	mp_decoder_freep(&(*session)->decoder);
	mp_freep(session);
}
