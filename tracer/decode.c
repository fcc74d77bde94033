/* SPDX-License-Identifier: BSD-2-Clause */
#include "tracer/decode.h"

#include "core/log.h"
#include "core/path.h"

#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/event.h"

_Static_assert(MP_EVENT_WRITE == (int)MP_TRACE_WRITE && MP_EVENT_CREATE == (int)MP_TRACE_CREATE &&
		       MP_EVENT_DIR == (int)MP_TRACE_DIR &&
		       MP_EVENT_DELETED == (int)MP_TRACE_DELETED &&
		       MP_EVENT_FOREIGN == (int)MP_TRACE_FOREIGN &&
		       MP_EVENT_SCRIPT == (int)MP_TRACE_SCRIPT &&
		       MP_EVENT_NOFOLLOW == (int)MP_TRACE_NOFOLLOW &&
		       MP_EVENT_MOUNTED == (int)MP_TRACE_MOUNTED &&
		       MP_EVENT_LOCATED == (int)MP_TRACE_LOCATED &&
		       MP_EVENT_CREATED == (int)MP_TRACE_CREATED,
	       "an event's low flags are those of the trace");
_Static_assert(MP_EVENT_OP_EXEC == (int)MP_OP_EXEC && MP_EVENT_OP_OPEN == (int)MP_OP_OPEN &&
		       MP_EVENT_OP_STAT == (int)MP_OP_STAT &&
		       MP_EVENT_OP_READLINK == (int)MP_OP_READLINK &&
		       MP_EVENT_OP_CREATE == (int)MP_OP_CREATE &&
		       MP_EVENT_OP_REMOVE == (int)MP_OP_REMOVE &&
		       MP_EVENT_OP_ATTR == (int)MP_OP_ATTR &&
		       MP_EVENT_OP_SOCKET == (int)MP_OP_SOCKET &&
		       MP_EVENT_OP_OTHER == (int)MP_OP_OTHER,
	       "an event's op is that of the trace");

#define MAX_ERRNO 4095 /* the kernel's */

/* A program by its exe_id. */
struct program {
	uint64_t id;
	char *path;
};

/* What became of a request that was seen when it was submitted. */
struct result {
	uint64_t request;
	unsigned int flags;
	int error;
	char *real; /* NULL: none */
};

struct mp_decoder {
	struct program *programs;
	size_t n_programs, cap_programs;
	struct result *results; /* by request, once feeding has begun */
	size_t n_results, cap_results;
	bool sorted;
	struct mp_trace_losses losses;
	uint64_t start_ns;
};

struct mp_decoder *mp_decoder_new(void)
{
	return mp_xcalloc(1, sizeof(struct mp_decoder));
}

void mp_decoder_freep(struct mp_decoder **decoder)
{
	if (!*decoder)
		return;
	for (size_t i = 0; i < (*decoder)->n_programs; i++)
		mp_freep(&(*decoder)->programs[i].path);
	for (size_t i = 0; i < (*decoder)->n_results; i++)
		mp_freep(&(*decoder)->results[i].real);
	mp_freep(&(*decoder)->programs);
	mp_freep(&(*decoder)->results);
	mp_freep(decoder);
}

static const char *program_path(const struct mp_decoder *decoder, uint64_t id)
{
	for (size_t i = 0; i < decoder->n_programs; i++) {
		if (decoder->programs[i].id == id)
			return decoder->programs[i].path;
	}
	return NULL;
}

void mp_decoder_add_program(struct mp_decoder *decoder, uint64_t id, const char *path)
{
	if (program_path(decoder, id))
		return;
	decoder->programs = mp_array_grow(decoder->programs, decoder->n_programs,
					  &decoder->cap_programs, sizeof(*decoder->programs));
	decoder->programs[decoder->n_programs++] = (struct program){ id, mp_xstrdup(path) };
}

/* Names, each with a NUL, deepest first: "c\0b\0a\0" is /a/b/c and "" is /. NULL when malformed. */
static char *join_names(const char *names, size_t len)
{
	char *path = mp_xmalloc(len + 2);
	size_t end = len, used = 0;

	if (len > 0 && names[len - 1] != '\0') {
		mp_freep(&path);
		return NULL;
	}
	while (end > 0) {
		size_t start = end - 1;

		while (start > 0 && names[start - 1] != '\0')
			start--;
		path[used++] = '/';
		memcpy(path + used, names + start, end - 1 - start);
		used += end - 1 - start;
		end = start;
	}
	if (used == 0)
		path[used++] = '/';
	path[used] = '\0';
	return path;
}

struct record {
	struct mp_event head;
	const char *path, *base, *real;
};

static int record_read(struct record *record, const void *data, size_t size, struct mp_error *err)
{
	const struct mp_event *head = &record->head;

	if (size < sizeof(*head))
		return mp_error_set(err, MP_E_FORMAT, 0, "a record of %zu bytes", size);
	memcpy(&record->head, data, sizeof(record->head));
	record->path = (const char *)data + sizeof(*head);
	record->base = record->path + head->path_len;
	record->real = record->base + head->base_len;
	/* The ring buffer rounds sizes up. */
	if (sizeof(*head) + head->path_len + head->base_len + head->real_len > size)
		return mp_error_set(err, MP_E_FORMAT, 0, "a record shorter than it says");
	if (head->path_len > 0 && record->path[head->path_len - 1] != '\0')
		return mp_error_set(err, MP_E_FORMAT, 0, "a path without an end");
	if (head->rest > 0 && head->rest >= head->path_len)
		return mp_error_set(err, MP_E_FORMAT, 0, "a path shorter than its rest");
	if (head->rest > 0 && record->path[head->rest] != '/')
		return mp_error_set(err, MP_E_FORMAT, 0, "a rest that is no path");
	if ((head->base_len > 0 && record->base[head->base_len - 1] != '\0') ||
	    (head->real_len > 0 && record->real[head->real_len - 1] != '\0'))
		return mp_error_set(err, MP_E_FORMAT, 0, "a name without an end");
	if (head->op >= MP_OP_COUNT)
		return mp_error_set(err, MP_E_FORMAT, 0, "unknown operation %u", head->op);
	if (head->error < 0 || head->error > MAX_ERRNO)
		return mp_error_set(err, MP_E_FORMAT, 0, "unknown error %d", head->error);
	return 0;
}

static char *requested_path(const struct record *record)
{
	MP_AUTO(mp_freep) char *base = join_names(record->base, record->head.base_len);
	MP_AUTO(mp_freep) char *joined = NULL;

	if (record->head.path_len == 0)
		return MP_STEAL(base);
	joined = mp_path_join(base, record->path);
	return mp_path_clean(joined);
}

/* What was reached, whether or not that is a path of the container. NULL: nothing. */
static char *real_path(const struct record *record)
{
	MP_AUTO(mp_freep) char *place = NULL;
	MP_AUTO(mp_freep) char *joined = NULL;

	if (!(record->head.flags & MP_EVENT_HAS_REAL))
		return NULL;
	place = join_names(record->real, record->head.real_len);
	if (!record->head.rest)
		return MP_STEAL(place);
	/* The path went on behind a magic link. */
	joined = mp_xasprintf("%s%s", place, record->path + record->head.rest);
	return mp_path_clean(joined);
}

static bool is_whole(const struct record *record)
{
	return !(record->head.flags & (MP_EVENT_TRUNCATED | MP_EVENT_UNREAD));
}

static void add_result(struct mp_decoder *decoder, const struct record *record)
{
	struct result result = {
		.request = record->head.request,
		.flags = record->head.flags & MP_EVENT_TRACE_FLAGS,
		.error = record->head.error,
	};

	if (is_whole(record) && !(record->head.flags & MP_EVENT_FOREIGN))
		result.real = real_path(record);
	decoder->results = mp_array_grow(decoder->results, decoder->n_results,
					 &decoder->cap_results, sizeof(*decoder->results));
	decoder->results[decoder->n_results++] = result;
}

int mp_decoder_learn(struct mp_decoder *decoder, const void *data, size_t size,
		     struct mp_error *err)
{
	struct record record;

	if (record_read(&record, data, size, err))
		return -1;
	if (!decoder->start_ns || record.head.time_ns < decoder->start_ns)
		decoder->start_ns = record.head.time_ns;
	/* A program from elsewhere (a memfd, the engine's runtime) has no path in the container. */
	if (record.head.flags & MP_EVENT_EXECUTED && is_whole(&record) &&
	    record.head.flags & MP_EVENT_HAS_REAL && !(record.head.flags & MP_EVENT_FOREIGN)) {
		MP_AUTO(mp_freep) char *real = real_path(&record);

		mp_decoder_add_program(decoder, record.head.new_exe_id, real);
	}
	if (record.head.flags & MP_EVENT_RESULT)
		add_result(decoder, &record);
	return 0;
}

/* Counts a record whose names are not whole. True: it was, and there is no event in it. */
static bool count_loss(struct mp_decoder *decoder, const struct record *record)
{
	if (record->head.flags & MP_EVENT_TRUNCATED) {
		MP_AUTO(mp_freep) char *path = NULL;

		if (record->head.flags & MP_EVENT_RESULT)
			path = real_path(record);
		if (!path)
			path = requested_path(record);
		decoder->losses.truncated++;
		/* Names are read from the deepest up: what is missing is the front. */
		mp_warn("a path that ends in '%s' is too long or too deep to record", path);
		return true;
	}
	if (record->head.flags & MP_EVENT_UNREAD) {
		decoder->losses.unread++;
		return true;
	}
	return false;
}

static int compare_results(const void *a, const void *b)
{
	const struct result *x = a, *y = b;

	return (x->request > y->request) - (x->request < y->request);
}

/* The first result of @request; what belongs to the same one follows. Returns the index. */
static size_t first_result(struct mp_decoder *decoder, uint64_t request)
{
	size_t low = 0, high = decoder->n_results;

	if (!decoder->sorted && decoder->n_results > 0)
		qsort(decoder->results, decoder->n_results, sizeof(*decoder->results),
		      compare_results);
	decoder->sorted = true;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (decoder->results[middle].request < request)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Emits a copy of @event. A path that begins at a descriptor from elsewhere is none of the
 * container, unless it leads to one.
 */
static void emit_copy(const struct record *record, const struct mp_trace_event *event,
		      mp_decoder_emit emit, void *context)
{
	bool from_elsewhere = record->head.flags & MP_EVENT_BASE_FOREIGN;
	struct mp_trace_event copy = *event;

	if (from_elsewhere && !event->real)
		return;
	copy.path = mp_xstrdup(from_elsewhere ? event->real : event->path);
	copy.real = mp_xstrdup(event->real);
	copy.exe = mp_xstrdup(event->exe);
	emit(record->head.sink, &copy, context);
}

/* The event of a request, once for each of its results; as it is where none was seen. */
static void emit_request(struct mp_decoder *decoder, const struct record *record,
			 const struct mp_trace_event *event, mp_decoder_emit emit, void *context)
{
	size_t i = first_result(decoder, record->head.request);

	if (i == decoder->n_results || decoder->results[i].request != record->head.request)
		emit_copy(record, event, emit, context);
	for (; i < decoder->n_results && decoder->results[i].request == record->head.request; i++) {
		struct mp_trace_event with_result = *event;

		with_result.error = decoder->results[i].error;
		with_result.flags |= decoder->results[i].flags;
		with_result.real = decoder->results[i].real;
		emit_copy(record, &with_result, emit, context);
	}
}

void mp_decoder_feed(struct mp_decoder *decoder, const void *data, size_t size,
		     mp_decoder_emit emit, void *context)
{
	MP_AUTO(mp_freep) char *path = NULL;
	MP_AUTO(mp_freep) char *real = NULL;
	struct mp_trace_event event;
	struct mp_error ignored = { 0 };
	struct record record;

	if (record_read(&record, data, size, &ignored) || record.head.flags & MP_EVENT_CONTAINER ||
	    count_loss(decoder, &record) || record.head.flags & MP_EVENT_RESULT)
		return;
	path = requested_path(&record);
	if (!(record.head.flags & MP_EVENT_FOREIGN))
		real = real_path(&record);
	event = (struct mp_trace_event){
		.op = record.head.op,
		.flags = record.head.flags & MP_EVENT_TRACE_FLAGS,
		.error = record.head.error,
		.session = record.head.session,
		.first_ns = (int64_t)(record.head.time_ns - decoder->start_ns),
		.path = path,
		.real = real,
		.exe = (char *)program_path(decoder, record.head.exe_id),
	};
	if (record.head.flags & MP_EVENT_PENDING)
		emit_request(decoder, &record, &event, emit, context);
	else
		emit_copy(&record, &event, emit, context);
}

void mp_decoder_losses(const struct mp_decoder *decoder, struct mp_trace_losses *losses)
{
	*losses = decoder->losses;
}
