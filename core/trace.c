/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/trace.h"

#include "core/file.h"
#include "core/json.h"
#include "core/path.h"
#include "core/trace_sort.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Bounds for a trace that somebody else wrote: 1 GiB of text. */
#define TRACE_MAX_BYTES ((size_t)1 << 30)

static const char *const op_names[MP_OP_COUNT] = {
	[MP_OP_EXEC] = "exec",     [MP_OP_OPEN] = "open",         [MP_OP_STAT] = "stat",
	[MP_OP_ACCESS] = "access", [MP_OP_READLINK] = "readlink", [MP_OP_CHDIR] = "chdir",
	[MP_OP_CREATE] = "create", [MP_OP_REMOVE] = "remove",     [MP_OP_ATTR] = "attr",
	[MP_OP_SOCKET] = "socket", [MP_OP_LIST] = "list",         [MP_OP_OTHER] = "other",
};

static const char *const flag_names[] = {
	"write",    "create",  "dir",     "deleted", "foreign",  "script",
	"nofollow", "mounted", "located", "created", "attached",
};

const char *mp_trace_op_name(enum mp_trace_op op)
{
	return op_names[op];
}

const char *mp_trace_flag_name(enum mp_trace_flag bit)
{
	return flag_names[__builtin_ctz(bit)];
}

/* The kernel's own errors, which no program sees (ERESTARTSYS is 512), have no name in libc. */
const char *mp_trace_errno_name(int error, char text[MP_ERRNO_TEXT_SIZE])
{
	const char *name = strerrorname_np(error);

	snprintf(text, MP_ERRNO_TEXT_SIZE, "E%d", error);
	return name ? name : text;
}

int mp_trace_errno_number(const char *name)
{
	const int errno_limit = 4096; /* the kernel's MAX_ERRNO + 1 */
	char text[MP_ERRNO_TEXT_SIZE];

	for (int error = 1; error < errno_limit; error++) {
		if (strcmp(mp_trace_errno_name(error, text), name) == 0)
			return error;
	}
	return 0;
}

bool mp_trace_lost_any(const struct mp_trace_losses *losses)
{
	return losses->dropped || losses->truncated || losses->unread || losses->untracked;
}

char *mp_trace_losses_text(const struct mp_trace_losses *losses)
{
	return mp_xasprintf(
		"%llu events dropped, %llu paths truncated, %llu unread, "
		"%llu processes not followed",
		(unsigned long long)losses->dropped, (unsigned long long)losses->truncated,
		(unsigned long long)losses->unread, (unsigned long long)losses->untracked);
}

/* Writer */

/* How much text is collected before it is written. */
#define PENDING_BYTES ((size_t)1 << 16)

struct output {
	int fd;
	const char *name;
	struct mp_buf pending;
};

static void output_clear(struct output *output)
{
	mp_buf_free(&output->pending);
}

static int output_flush(struct output *output, struct mp_error *err)
{
	if (mp_fd_write_all(output->fd, output->pending.data, output->pending.len, output->name,
			    err))
		return -1;
	mp_buf_clear(&output->pending);
	return 0;
}

/* After something was added. */
static int output_settle(struct output *output, struct mp_error *err)
{
	return output->pending.len > PENDING_BYTES ? output_flush(output, err) : 0;
}

static int put_line_take(struct output *output, struct mp_json *json, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *text = mp_json_dump(json);

	mp_json_freep(&json);
	mp_buf_adds(&output->pending, text);
	mp_buf_addc(&output->pending, '\n');
	return output_settle(output, err);
}

static void set_path(struct mp_json *json, const char *key, const char *bytes)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };

	if (!bytes)
		return;
	mp_path_escape(&text, bytes);
	mp_json_set_string(json, key, text.data ? text.data : "");
}

struct mp_json *mp_trace_event_json(const struct mp_trace_event *event)
{
	struct mp_json *json = mp_json_object();
	char text[MP_ERRNO_TEXT_SIZE];

	mp_json_set_string(json, "op", op_names[event->op]);
	set_path(json, "path", event->path);
	set_path(json, "real", event->real);
	if (event->error)
		mp_json_set_string(json, "errno", mp_trace_errno_name(event->error, text));
	if (event->flags) {
		struct mp_json *flags = mp_json_array();

		for (size_t i = 0; i < MP_ARRAY_LEN(flag_names); i++) {
			if (event->flags & 1u << i)
				mp_json_push_take(flags, mp_json_string(flag_names[i]));
		}
		mp_json_set_take(json, "flags", flags);
	}
	set_path(json, "exe", event->exe);
	if (event->session)
		mp_json_set_integer(json, "session", event->session);
	return json;
}

static bool have_times(const struct mp_trace_event *const *events, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (events[i]->first_ns)
			return true;
	}
	return false;
}

static int put_times(struct output *output, const struct mp_trace_event *const *events, size_t n,
		     struct mp_error *err)
{
	mp_buf_adds(&output->pending, ",\"first_ns\":");
	for (size_t i = 0; i < n; i++) {
		mp_buf_addf(&output->pending, "%c%lld", i ? ',' : '[',
			    (long long)events[i]->first_ns);
		if (output_settle(output, err))
			return -1;
	}
	mp_buf_addc(&output->pending, ']');
	return 0;
}

static int put_header(struct output *output, const struct mp_trace_header *header,
		      const struct mp_trace_event *const *events, size_t n, struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = mp_json_object();
	MP_AUTO(mp_freep) char *text = NULL;

	mp_json_set_integer(json, "micropack_trace", MP_TRACE_VERSION);
	mp_json_set_string(json, "source", header->source);
	mp_json_set_string(json, "image", header->image);
	mp_json_set_string(json, "image_id", header->image_id);
	mp_json_set_string(json, "arch", header->arch);
	mp_json_set_string(json, "kernel", header->kernel);
	mp_json_set_string(json, "generator", header->generator);
	text = mp_json_dump(json);
	/* There may be millions of times: text alone, put in front of the closing brace. */
	mp_buf_add(&output->pending, text, strlen(text) - 1);
	if (have_times(events, n) && put_times(output, events, n, err))
		return -1;
	mp_buf_adds(&output->pending, "}\n");
	return 0;
}

static int put_trailer(struct output *output, size_t n, const struct mp_trace_losses *losses,
		       struct mp_error *err)
{
	struct mp_json *json = mp_json_object();

	mp_json_set_integer(json, "events", (int64_t)n);
	mp_json_set_integer(json, "dropped", (int64_t)losses->dropped);
	mp_json_set_integer(json, "truncated", (int64_t)losses->truncated);
	mp_json_set_integer(json, "unread", (int64_t)losses->unread);
	mp_json_set_integer(json, "untracked", (int64_t)losses->untracked);
	return put_line_take(output, json, err);
}

int mp_trace_write_fd(const struct mp_trace *trace, int fd, const char *name,
		      const struct mp_trace_losses *losses, struct mp_error *err)
{
	MP_AUTO(output_clear) struct output output = { .fd = fd, .name = name };
	size_t n;
	MP_AUTO(mp_freep) const struct mp_trace_event **events = mp_trace_sort(&trace, 1, &n);

	if (put_header(&output, &trace->header, events, n, err))
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (put_line_take(&output, mp_trace_event_json(events[i]), err))
			return -1;
	}
	if (losses && put_trailer(&output, n, losses, err))
		return -1;
	return output_flush(&output, err);
}

int mp_trace_write(const struct mp_trace *trace, const char *path, struct mp_error *err)
{
	MP_AUTO(mp_outfile_closep) struct mp_outfile file = { 0 };

	if (mp_outfile_open(&file, path, err) ||
	    mp_trace_write_fd(trace, file.fd, path, mp_trace_is_cut(trace) ? NULL : &trace->losses,
			      err))
		return -1;
	return mp_outfile_commit(&file, err);
}

/* Reader */

bool mp_trace_looks_like(const char *text, size_t len)
{
	static const char start[] = "{\"micropack_trace\":";

	return len >= sizeof(start) - 1 && memcmp(text, start, sizeof(start) - 1) == 0;
}

static int read_bytes(const struct mp_json *json, const char *key, char **bytes_out,
		      struct mp_error *err)
{
	const char *text = NULL;

	if (mp_json_get_string(json, key, &text, err))
		return -1;
	if (!text)
		return 0;
	*bytes_out = mp_path_unescape(text);
	if (!*bytes_out)
		return mp_error_set(err, MP_E_FORMAT, 0, "'%s' has a malformed escape: %s", key,
				    text);
	return 0;
}

/* A trace on its way from text. */
struct reader {
	struct mp_trace *trace;
	int64_t *times; /* from the header, in the order of the events; NULL: events have theirs */
	size_t n_times;
	bool ended; /* the trailer was there */
};

static void reader_clear(struct reader *reader)
{
	mp_trace_freep(&reader->trace);
	mp_freep(&reader->times);
}

static int read_header(struct reader *reader, const char *line, size_t len, struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = mp_json_parse(line, len, "JSON", err);
	struct mp_trace_header *header = &reader->trace->header;
	int64_t version = 0;

	if (!json)
		return -1;

	if (mp_json_get_integer(json, "micropack_trace", &version, err))
		return -1;
	if (version != MP_TRACE_VERSION)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "trace format %lld, this micropack reads format %d",
				    (long long)version, MP_TRACE_VERSION);
	if (mp_json_copy_string(json, "source", &header->source, err) ||
	    mp_json_copy_string(json, "image", &header->image, err) ||
	    mp_json_copy_string(json, "image_id", &header->image_id, err) ||
	    mp_json_copy_string(json, "arch", &header->arch, err) ||
	    mp_json_copy_string(json, "kernel", &header->kernel, err) ||
	    mp_json_copy_string(json, "generator", &header->generator, err) ||
	    mp_json_get_integers(json, "first_ns", &reader->times, &reader->n_times, err))
		return -1;
	return 0;
}

static int read_op(const struct mp_json *json, enum mp_trace_op *op_out, struct mp_error *err)
{
	const char *name = "";

	if (mp_json_get_string(json, "op", &name, err))
		return -1;
	for (int op = 0; op < MP_OP_COUNT; op++) {
		if (strcmp(name, op_names[op]) == 0) {
			*op_out = (enum mp_trace_op)op;
			return 0;
		}
	}
	return mp_error_set(err, MP_E_FORMAT, 0, "unknown op '%s'", name);
}

static int read_flags(const struct mp_json *json, unsigned int *flags_out, struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv words = { 0 };

	if (mp_json_get_strv(json, "flags", &words, err))
		return -1;
	for (size_t i = 0; i < words.n; i++) {
		size_t bit = 0;

		while (bit < MP_ARRAY_LEN(flag_names) && strcmp(words.v[i], flag_names[bit]) != 0)
			bit++;
		if (bit == MP_ARRAY_LEN(flag_names))
			return mp_error_set(err, MP_E_FORMAT, 0, "unknown flag '%s'", words.v[i]);
		*flags_out |= 1u << bit;
	}
	return 0;
}

static int read_errno(const struct mp_json *json, int *error_out, struct mp_error *err)
{
	const char *name = NULL;
	int error;

	if (mp_json_get_string(json, "errno", &name, err))
		return -1;
	if (!name)
		return 0;
	error = mp_trace_errno_number(name);
	if (!error)
		return mp_error_set(err, MP_E_FORMAT, 0, "unknown errno '%s'", name);
	*error_out = error;
	return 0;
}

static int read_event(struct mp_trace_event *event, const struct mp_json *json,
		      struct mp_error *err)
{
	int64_t session = 0;

	if (read_op(json, &event->op, err) || read_flags(json, &event->flags, err) ||
	    read_errno(json, &event->error, err) ||
	    mp_json_get_integer(json, "session", &session, err) ||
	    read_bytes(json, "path", &event->path, err) ||
	    read_bytes(json, "real", &event->real, err) ||
	    read_bytes(json, "exe", &event->exe, err))
		return -1;
	if (!event->path || event->path[0] != '/')
		return mp_error_set(err, MP_E_FORMAT, 0, "'path' is not an absolute path");
	if (event->real && event->real[0] != '/')
		return mp_error_set(err, MP_E_FORMAT, 0, "'real' is not an absolute path");
	if (session < 0 || session > INT_MAX)
		return mp_error_set(err, MP_E_FORMAT, 0, "'session' is out of range");
	event->session = (unsigned int)session;
	return 0;
}

static int read_count(const struct mp_json *json, const char *key, uint64_t *count_out,
		      struct mp_error *err)
{
	int64_t count = -1;

	if (mp_json_get_integer(json, key, &count, err))
		return -1;
	if (count < 0)
		return mp_error_set(err, MP_E_FORMAT, 0, "'%s' is not a count", key);
	*count_out = (uint64_t)count;
	return 0;
}

/* The header has all times, or each event has its own. */
static int read_time(const struct reader *reader, const struct mp_json *json, int64_t *time_out,
		     struct mp_error *err)
{
	size_t n = reader->trace->n_events;

	if (!reader->times)
		return mp_json_get_integer(json, "first_ns", time_out, err);
	if (mp_json_get(json, "first_ns"))
		return mp_error_set(err, MP_E_FORMAT, 0, "'first_ns' is in the header already");
	if (n >= reader->n_times)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "the header has %zu times, this is event %zu", reader->n_times,
				    n + 1);
	*time_out = reader->times[n];
	return 0;
}

static int read_trailer(const struct reader *reader, const struct mp_json *json,
			struct mp_error *err)
{
	struct mp_trace *trace = reader->trace;
	struct mp_trace_losses *losses = &trace->losses;
	uint64_t events = 0;

	if (read_count(json, "events", &events, err) ||
	    read_count(json, "dropped", &losses->dropped, err) ||
	    read_count(json, "truncated", &losses->truncated, err) ||
	    read_count(json, "unread", &losses->unread, err) ||
	    read_count(json, "untracked", &losses->untracked, err))
		return -1;
	if (events != trace->n_events)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "the trailer counts %llu events, the trace has %zu",
				    (unsigned long long)events, trace->n_events);
	if (reader->times && reader->n_times != trace->n_events)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "the header has %zu times, the trace has %zu events",
				    reader->n_times, trace->n_events);
	trace->complete = !mp_trace_lost_any(losses);
	return 0;
}

static int read_line(struct reader *reader, const char *line, size_t len, struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = mp_json_parse(line, len, "JSON", err);
	MP_AUTO(mp_trace_event_clear) struct mp_trace_event event = { 0 };

	if (!json)
		return -1;
	if (reader->ended)
		return mp_error_set(err, MP_E_FORMAT, 0, "something follows the trailer");
	if (mp_json_get(json, "events")) {
		reader->ended = true;
		return read_trailer(reader, json, err);
	}
	if (read_event(&event, json, err) || read_time(reader, json, &event.first_ns, err))
		return -1;
	mp_trace_add_take(reader->trace, &event);
	return 0;
}

int mp_trace_parse(const char *text, size_t len, const char *name, struct mp_trace **trace_out,
		   struct mp_error *err)
{
	MP_AUTO(reader_clear)
	struct reader reader = { .trace = mp_xcalloc(1, sizeof(*reader.trace)) };
	const char *end = text + len;

	if (!mp_trace_looks_like(text, len))
		return mp_error_set(err, MP_E_FORMAT, 0, "'%s' is not a micropack trace", name);
	for (size_t number = 1; text < end; number++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t line_len = newline ? (size_t)(newline - text) : (size_t)(end - text);
		int rc;

		/* A line that was being written when the tracer was killed. */
		if (!newline && number > 1)
			break;
		rc = number == 1 ? read_header(&reader, text, line_len, err)
				 : read_line(&reader, text, line_len, err);
		if (rc)
			return mp_error_prefix(err, "'%s' line %zu", name, number);
		text += line_len + (newline ? 1 : 0);
	}
	*trace_out = MP_STEAL(reader.trace);
	return 0;
}

int mp_trace_read(const char *path, struct mp_trace **trace_out, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };

	if (mp_file_read(path, TRACE_MAX_BYTES, &text, err))
		return -1;
	return mp_trace_parse(text.data ? text.data : "", text.len, path, trace_out, err);
}

bool mp_trace_is_cut(const struct mp_trace *trace)
{
	return !trace->complete && !mp_trace_lost_any(&trace->losses);
}

int mp_trace_check_complete(const struct mp_trace *trace, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *text = NULL;

	if (trace->n_events == 0)
		return mp_error_set(err, MP_E_INCOMPLETE, 0, "the trace is empty: nothing ran");
	if (trace->complete)
		return 0;
	if (mp_trace_is_cut(trace))
		return mp_error_set(err, MP_E_INCOMPLETE, 0,
				    "the trace has no trailer: the tracer was stopped midway");
	text = mp_trace_losses_text(&trace->losses);
	return mp_error_set(err, MP_E_INCOMPLETE, 0, "the trace is incomplete: %s", text);
}

void mp_trace_add_take(struct mp_trace *trace, struct mp_trace_event *event)
{
	trace->events = mp_array_grow(trace->events, trace->n_events, &trace->cap_events,
				      sizeof(*trace->events));
	trace->events[trace->n_events++] = *event;
	*event = (struct mp_trace_event){ 0 };
}

void mp_trace_event_clear(struct mp_trace_event *event)
{
	mp_freep(&event->path);
	mp_freep(&event->real);
	mp_freep(&event->exe);
}

static void header_clear(struct mp_trace_header *header)
{
	mp_freep(&header->source);
	mp_freep(&header->image);
	mp_freep(&header->image_id);
	mp_freep(&header->arch);
	mp_freep(&header->kernel);
	mp_freep(&header->generator);
}

void mp_trace_freep(struct mp_trace **trace)
{
	if (!*trace)
		return;
	for (size_t i = 0; i < (*trace)->n_events; i++)
		mp_trace_event_clear(&(*trace)->events[i]);
	mp_freep(&(*trace)->events);
	header_clear(&(*trace)->header);
	mp_freep(trace);
}
