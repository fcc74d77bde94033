/* SPDX-License-Identifier: BSD-2-Clause */
#include "tracer/session.h"

#include "core/log.h"
#include "core/path.h"
#include "tracer/calls.h"
#include "tracer/decode.h"
#include "tracer/spool.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bpf/trace.skel.h"

#define DEFAULT_BUFFER_BYTES ((size_t)4 << 20)
#define MIN_BUFFER_BYTES ((size_t)64 << 10)
#define POLL_MS 20

#define READER_NICE (-20)

/* A container that began while the session was open. */
struct new_container {
	uint32_t number; /* the sink that the kernel side gave it */
	int sink;        /* what it is, or an answer of new_container */
};

struct mp_session {
	struct trace_bpf *bpf;
	struct ring_buffer *ring;
	struct mp_spool *spool;
	struct mp_session_options options;
	struct mp_decoder *decoder;
	struct mp_trace **sinks;
	size_t n_sinks, cap_sinks;
	/* The thread's, until it has ended. */
	struct new_container *containers;
	size_t n_containers, cap_containers;
	uint64_t malformed, unknown_containers;
	uint64_t other_truncated;
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

/* Whether the kernel is locked down so far that no program may read its memory (since Linux 5.4).
 */
static bool is_locked_down(void)
{
	FILE *file = fopen("/sys/kernel/security/lockdown", "re");
	char line[128] = "";
	bool locked = file && fgets(line, sizeof(line), file) && strstr(line, "[confidentiality]");

	if (file)
		fclose(file);
	return locked;
}

/* What to do about programs that the kernel refused with @error. */
static int refused(int error, struct mp_error *err)
{
	mp_error_set(err, MP_E_TRACE, error, "load the tracing programs into the kernel");
	if (is_locked_down())
		return mp_error_hint(err,
				     "the kernel is locked down (lockdown=confidentiality): "
				     "no program may read its memory; integrity is no hindrance");
	if (error == EPERM)
		return mp_error_hint(err,
				     "CAP_BPF and CAP_PERFMON are needed: run with sudo; before "
				     "Linux 5.11 also 'ulimit -l unlimited'");
	if (error == EACCES)
		return mp_error_hint(err, "the kernel's verifier or a security module refuses "
					  "them; --verbose says more");
	if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
		return mp_error_hint(err, "the kernel has no BTF (/sys/kernel/btf/vmlinux): "
					  "one with CONFIG_DEBUG_INFO_BTF=y is needed");
	if (error == ENOMEM)
		return mp_error_hint(err, "a smaller --buffer-size needs less memory");
	if (error == EMFILE || error == ENFILE)
		return -1;
	return mp_error_hint(err, "Linux 5.8 or later is needed; 'micropack doctor' says more");
}

/* io_uring's tracepoints: which of them there are, and what they are given, changes over time. */

/* What the handlers of tracepoint @name are called with; NULL where the kernel does not have it. */
static const struct btf_type *tracepoint_arguments(const struct btf *btf, const char *name)
{
	MP_AUTO(mp_freep) char *handler = mp_xasprintf("btf_trace_%s", name);
	int id = btf__find_by_name_kind(btf, handler, BTF_KIND_TYPEDEF);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

	type = type ? btf__type_by_id(btf, type->type) : NULL;
	type = type && btf_is_ptr(type) ? btf__type_by_id(btf, type->type) : NULL;
	return type && btf_is_func_proto(type) ? type : NULL;
}

static bool argument_is_pointer(const struct btf *btf, const struct btf_type *arguments, int index)
{
	int id = btf__resolve_type(btf, btf_params(arguments)[index].type);

	return id > 0 && btf_is_ptr(btf__type_by_id(btf, (uint32_t)id));
}

/* The numbers of arguments are one higher than in the kernel's source: the first is the handler's.
 */
static void set_request_forms(struct trace_bpf *bpf)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *submit_req = NULL, *submit_sqe = NULL, *complete = NULL;

	if (btf) {
		submit_req = tracepoint_arguments(btf, "io_uring_submit_req");
		submit_sqe = tracepoint_arguments(btf, "io_uring_submit_sqe");
		complete = tracepoint_arguments(btf, "io_uring_complete");
	}
	/* (ctx, opcode, …); Linux 5.13 (ctx, req, opcode, …); 6.0 (req, force) */
	if (submit_sqe && btf_vlen(submit_sqe) > 3)
		bpf->rodata->submit_form = argument_is_pointer(btf, submit_sqe, 2) ? 1 : 2;
	/* (ctx, user_data, res); 5.19 (ctx, req, user_data, res, …); 6.16 (ctx, req, cqe) */
	if (complete && btf_vlen(complete) > 4)
		bpf->rodata->complete_form = argument_is_pointer(btf, complete, 2) ? 1 : 0;
	else if (complete && btf_vlen(complete) == 4)
		bpf->rodata->complete_form = argument_is_pointer(btf, complete, 3) ? 2 : 0;
	bpf_program__set_autoload(bpf->progs.on_submit_req, submit_req);
	bpf_program__set_autoload(bpf->progs.on_submit_sqe, submit_sqe);
	bpf_program__set_autoload(bpf->progs.on_complete, complete);
	btf__free(btf);
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
	bpf->rodata->follow_new = session->options.new_container;
	bpf->rodata->main_only = session->options.main_only;
	bpf->rodata->typed_task = libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT,
							  BPF_FUNC_get_current_task_btf, NULL) == 1;
	set_request_forms(bpf);
	rc = bpf_map__set_max_entries(bpf->maps.events, (uint32_t)buffer_bytes);
	if (rc)
		return mp_error_set(err, MP_E_TRACE, -rc, "set the buffer's size");
	return 0;
}

/* Taking records */

/* From now on nobody is followed for @container; what is followed already is let go. */
static void ignore_container(struct mp_session *session, const char *id, uint32_t number)
{
	struct mp_target target = { .sink = number, .ignored = 1 };
	uint32_t key, next;
	int more;

	bpf_map__update_elem(session->bpf->maps.targets, id, MP_CONTAINER_ID_LEN, &target,
			     sizeof(target), BPF_ANY);
	more = bpf_map__get_next_key(session->bpf->maps.processes, NULL, &next, sizeof(next)) == 0;
	while (more) {
		struct mp_process process;

		key = next;
		more = bpf_map__get_next_key(session->bpf->maps.processes, &key, &next,
					     sizeof(next)) == 0;
		if (bpf_map__lookup_elem(session->bpf->maps.processes, &key, sizeof(key), &process,
					 sizeof(process), 0) == 0 &&
		    process.sink == number)
			bpf_map__delete_elem(session->bpf->maps.processes, &key, sizeof(key), 0);
	}
	__atomic_fetch_add(&session->bpf->bss->generation, 1, __ATOMIC_RELAXED);
}

static void take_container(struct mp_session *session, const struct mp_event *event)
{
	const char *id = (const char *)(event + 1);
	int sink = session->options.new_container(id, session->options.context);

	session->containers = mp_array_grow(session->containers, session->n_containers,
					    &session->cap_containers, sizeof(*session->containers));
	session->containers[session->n_containers++] = (struct new_container){ event->sink, sink };
	if (sink == MP_NEW_CONTAINER_UNKNOWN)
		session->unknown_containers++;
	if (sink < 0)
		ignore_container(session, id, event->sink);
}

/* The sink of what is from @number, which the kernel side gave; negative: it is not wanted. */
static int sink_of(const struct mp_session *session, uint32_t number)
{
	if (number < session->n_sinks)
		return (int)number;
	for (size_t i = 0; i < session->n_containers; i++) {
		if (session->containers[i].number == number)
			return session->containers[i].sink;
	}
	return MP_NEW_CONTAINER_IGNORE;
}

static int take_record(void *context, void *data, size_t size)
{
	struct mp_session *session = context;
	struct mp_event *event = data;
	int sink;

	if (size < sizeof(*event)) {
		session->malformed++;
		return 0;
	}
	if (event->flags & MP_EVENT_CONTAINER) {
		if (size < sizeof(*event) + MP_CONTAINER_ID_LEN + 1 ||
		    !session->options.new_container) {
			session->malformed++;
			return 0;
		}
		take_container(session, event);
		return 0;
	}
	sink = sink_of(session, event->sink);
	if (sink < 0)
		return 0;
	if ((uint32_t)sink != event->sink) {
		MP_AUTO(mp_freep) struct mp_event *copy = mp_xmalloc(size);

		memcpy(copy, event, size);
		copy->sink = (uint32_t)sink;
		mp_spool_add(session->spool, copy, size, offsetof(struct mp_event, exe_id));
	} else {
		mp_spool_add(session->spool, event, size, offsetof(struct mp_event, exe_id));
	}
	return 0;
}

/*
 * The kernel wakes the reader only when a quarter of the buffer waits: an event costs the traced
 * program no wake-up. What is less is fetched every POLL_MS. Ahead of what is traced, where that is
 * allowed: a buffer that is full loses events.
 */
static void *read_events(void *context)
{
	struct mp_session *session = context;

	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), READER_NICE);
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

int mp_session_open(const struct mp_session_options *options, struct mp_session **session_out,
		    struct mp_error *err)
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
	session->options = *options;
	session->decoder = mp_decoder_new();
	session->bpf = trace_bpf__open();
	if (!session->bpf)
		return refused(errno, err);
	if (mp_spool_open(&session->spool, err) || set_constants(session, buffer_bytes, err))
		return -1;
	rc = trace_bpf__load(session->bpf);
	if (rc)
		return refused(-rc, err);
	if (start_reading(session, err))
		return -1;
	rc = trace_bpf__attach(session->bpf);
	if (rc)
		return refused(-rc, err);
	*session_out = MP_STEAL(session);
	return 0;
}

unsigned int mp_session_add_sink(struct mp_session *session, struct mp_trace *trace)
{
	session->sinks = mp_array_grow(session->sinks, session->n_sinks, &session->cap_sinks,
				       sizeof(struct mp_trace *));
	session->sinks[session->n_sinks] = trace;
	return (unsigned int)session->n_sinks++;
}

/* Following */

static int add_target(struct mp_session *session, const union mp_target_key *key,
		      const struct mp_target *target)
{
	return -bpf_map__update_elem(session->bpf->maps.targets, key, sizeof(*key), target,
				     sizeof(*target), BPF_ANY);
}

int mp_session_add_container(struct mp_session *session, unsigned int sink, const char *id,
			     struct mp_error *err)
{
	struct mp_target target = { .sink = sink };
	union mp_target_key key;
	int rc;

	if (strlen(id) != MP_CONTAINER_ID_LEN ||
	    strspn(id, "0123456789abcdef") != MP_CONTAINER_ID_LEN)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "'%s' is no container ID of %d hexadecimal digits", id,
				    MP_CONTAINER_ID_LEN);
	memcpy(key.container, id, sizeof(key.container));
	rc = add_target(session, &key, &target);
	if (rc)
		return mp_error_set(err, MP_E_TRACE, rc, "follow container %.12s", id);
	return 0;
}

#define CGROUP_MAGIC 0x27e0eb
#define CGROUP2_MAGIC 0x63677270

int mp_session_add_cgroup(struct mp_session *session, unsigned int sink, const char *path,
			  struct mp_error *err)
{
	MP_AUTO(mp_freep) char *real = realpath(path, NULL);
	struct mp_target target = { .sink = sink, .on_host = 1 };
	union mp_target_key key = { 0 };
	struct statfs fs;
	struct stat st;
	int rc;

	if (!real || statfs(real, &fs) < 0 || stat(real, &st) < 0)
		return mp_error_set(err, MP_E_USAGE, errno, "find the control group '%s'", path);
	if ((fs.f_type != CGROUP_MAGIC && fs.f_type != CGROUP2_MAGIC) || !S_ISDIR(st.st_mode))
		return mp_error_set(err, MP_E_USAGE, 0,
				    "'%s' is no control group: a directory below "
				    "/sys/fs/cgroup is needed",
				    path);
	key.cgroup.id = st.st_ino;
	snprintf(key.cgroup.name, sizeof(key.cgroup.name), "%s", mp_path_base(real));
	rc = add_target(session, &key, &target);
	if (rc)
		return mp_error_set(err, MP_E_TRACE, rc, "follow control group '%s'", path);
	session->bpf->bss->host_targets = true;
	return 0;
}

static int put_process(struct mp_session *session, pid_t pid, const struct mp_process *process,
		       uint64_t flags, struct mp_error *err)
{
	uint32_t key = (uint32_t)pid;
	int rc = bpf_map__update_elem(session->bpf->maps.processes, &key, sizeof(key), process,
				      sizeof(*process), flags);

	__atomic_fetch_add(&session->bpf->bss->generation, 1, __ATOMIC_RELAXED);
	if (rc && !(rc == -EEXIST && flags == BPF_NOEXIST))
		return mp_error_set(err, MP_E_TRACE, -rc, "follow process %d", (int)pid);
	return 0;
}

int mp_session_add_process(struct mp_session *session, unsigned int sink, pid_t pid,
			   struct mp_error *err)
{
	const struct mp_process process = { .sink = sink, .pending = 1 };

	return put_process(session, pid, &process, BPF_ANY, err);
}

/* Whether the process is gone, or but a zombie: then it has no program any more. */
static bool has_ended(pid_t pid)
{
	char path[64], target[1];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return readlink(path, target, sizeof(target)) < 0 && (errno == ENOENT || errno == ESRCH);
}

int mp_session_follow_running(struct mp_session *session, unsigned int sink, pid_t pid,
			      const char *exe, struct mp_error *err)
{
	struct mp_process process = { .sink = sink };
	uint32_t key = (uint32_t)pid;

	for (const char *c = exe; c && *c; c++)
		process.exe_id = mp_mix(process.exe_id, (unsigned char)*c);
	if (exe)
		mp_decoder_add_program(session->decoder, process.exe_id, exe);
	if (put_process(session, pid, &process, BPF_NOEXIST, err))
		return -1;
	/* One that has ended meanwhile would not be forgotten, and its number may be another's. */
	if (has_ended(pid))
		bpf_map__delete_elem(session->bpf->maps.processes, &key, sizeof(key), 0);
	return 0;
}

void mp_session_add_event(struct mp_session *session, unsigned int sink,
			  struct mp_trace_event *event)
{
	mp_trace_add_take(session->sinks[sink], event);
}

void mp_session_add_truncated(struct mp_session *session, uint64_t paths)
{
	session->other_truncated += paths;
}

/* The end */

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

static void to_sink(unsigned int sink, struct mp_trace_event *event, void *context)
{
	struct mp_session *session = context;

	mp_session_add_event(session, sink, event);
}

/* Makes events of what was kept. */
static int decode_all(struct mp_session *session, struct mp_error *err)
{
	const void *data;
	size_t size;
	int more;

	if (mp_spool_rewind(session->spool, err))
		return -1;
	while ((more = mp_spool_next(session->spool, &data, &size, err)) > 0) {
		struct mp_error malformed = { 0 };

		if (mp_decoder_learn(session->decoder, data, size, &malformed)) {
			mp_warn("malformed event: %s", malformed.msg);
			session->malformed++;
		}
	}
	if (more < 0 || mp_spool_rewind(session->spool, err))
		return -1;
	while ((more = mp_spool_next(session->spool, &data, &size, err)) > 0)
		mp_decoder_feed(session->decoder, data, size, to_sink, session);
	return more;
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

	if (decode_all(session, err) || read_counter(session, MP_COUNT_DROPPED, &dropped, err) ||
	    read_counter(session, MP_COUNT_UNREAD, &unread, err) ||
	    read_counter(session, MP_COUNT_UNTRACKED, &untracked, err))
		return -1;
	mp_decoder_losses(session->decoder, &losses);
	losses.dropped += skipped + session->malformed + dropped;
	losses.truncated += session->other_truncated;
	losses.unread += unread;
	losses.untracked += untracked + session->unknown_containers;
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
	mp_spool_freep(&(*session)->spool);
	mp_decoder_freep(&(*session)->decoder);
	mp_freep(&(*session)->sinks);
	mp_freep(&(*session)->containers);
	mp_freep(session);
}
