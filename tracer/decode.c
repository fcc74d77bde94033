/* SPDX-License-Identifier: BSD-2-Clause */
#include "tracer/decode.h"

#include "core/log.h"
#include "core/path.h"

#include <linux/types.h>
#include <string.h>

#include "bpf/event.h"

_Static_assert(MP_EVENT_WRITE == (int)MP_TRACE_WRITE && MP_EVENT_CREATE == (int)MP_TRACE_CREATE &&
		       MP_EVENT_DIR == (int)MP_TRACE_DIR &&
		       MP_EVENT_DELETED == (int)MP_TRACE_DELETED &&
		       MP_EVENT_FOREIGN == (int)MP_TRACE_FOREIGN &&
		       MP_EVENT_SCRIPT == (int)MP_TRACE_SCRIPT &&
		       MP_EVENT_NOFOLLOW == (int)MP_TRACE_NOFOLLOW,
	       "an event's low flags are those of the trace");

#define TRACE_FLAGS 0x7fu
#define MAX_ERRNO 4095 /* the kernel's */

/* A set of 64-bit keys: open addressing, a power of two, at most half full; 0 is never a key. */
struct key_set {
	uint64_t *slots;
	size_t size, used;
};

/* A program by its exe_id. */
struct program {
	uint64_t id;
	char *path;
};

struct mp_decoder {
	struct key_set seen;
	struct program *programs;
	size_t n_programs, cap_programs;
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
	mp_freep(&(*decoder)->programs);
	mp_freep(&(*decoder)->seen.slots);
	mp_freep(decoder);
}

/* The slot of @key, or the free one where it belongs. The keys are hashes already. */
static uint64_t *key_slot(const struct key_set *set, uint64_t key)
{
	size_t i = key & (set->size - 1);

	while (set->slots[i] && set->slots[i] != key)
		i = (i + 1) & (set->size - 1);
	return &set->slots[i];
}

static void key_set_grow(struct key_set *set)
{
	struct key_set bigger = { .size = set->size ? set->size * 2 : 1024, .used = set->used };

	bigger.slots = mp_xcalloc(bigger.size, sizeof(*bigger.slots));
	for (size_t i = 0; i < set->size; i++) {
		if (set->slots[i])
			*key_slot(&bigger, set->slots[i]) = set->slots[i];
	}
	mp_freep(&set->slots);
	*set = bigger;
}

/* Whether @key is new; it is in the set afterwards. */
static bool key_set_add(struct key_set *set, uint64_t key)
{
	uint64_t *slot;

	if (!key)
		key = 1;
	if (set->used * 2 >= set->size)
		key_set_grow(set);
	slot = key_slot(set, key);
	if (*slot)
		return false;
	*slot = key;
	set->used++;
	return true;
}

static const char *program_path(const struct mp_decoder *decoder, uint64_t id)
{
	for (size_t i = 0; i < decoder->n_programs; i++) {
		if (decoder->programs[i].id == id)
			return decoder->programs[i].path;
	}
	return NULL;
}

static void program_add(struct mp_decoder *decoder, uint64_t id, const char *path)
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
	const char *base, *path, *real;
};

static int record_read(struct record *record, const void *data, size_t size, struct mp_error *err)
{
	const struct mp_event *head = &record->head;

	if (size < sizeof(*head))
		return mp_error_set(err, MP_E_FORMAT, 0, "a record of %zu bytes", size);
	memcpy(&record->head, data, sizeof(record->head));
	record->base = (const char *)data + sizeof(*head);
	record->path = record->base + head->base_len;
	record->real = record->path + head->path_len;
	/* The ring buffer rounds sizes up. */
	if (sizeof(*head) + head->base_len + head->path_len + head->real_len > size)
		return mp_error_set(err, MP_E_FORMAT, 0, "a record shorter than it says");
	if (head->path_len > 0 && record->path[head->path_len - 1] != '\0')
		return mp_error_set(err, MP_E_FORMAT, 0, "a path without an end");
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

	if (!base || record->head.path_len == 0)
		return base ? MP_STEAL(base) : NULL;
	joined = mp_path_join(base, record->path);
	return mp_path_clean(joined);
}

/* Counts a record whose names are not whole. True: it was, and there is no event in it. */
static bool count_loss(struct mp_decoder *decoder, const struct record *record, const char *path)
{
	if (record->head.flags & MP_EVENT_TRUNCATED) {
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

int mp_decoder_feed(struct mp_decoder *decoder, const void *data, size_t size,
		    struct mp_trace_event *event_out, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *path = NULL;
	MP_AUTO(mp_freep) char *real = NULL;
	struct record record;

	if (record_read(&record, data, size, err))
		return -1;
	path = requested_path(&record);
	if (!path)
		return mp_error_set(err, MP_E_FORMAT, 0, "a path without an end");
	if (record.head.flags & MP_EVENT_HAS_REAL) {
		real = join_names(record.real, record.head.real_len);
		if (!real)
			return mp_error_set(err, MP_E_FORMAT, 0, "a real path without an end");
	}
	/* A program from elsewhere (a memfd, the engine's runtime) has no path in the container. */
	if ((record.head.flags & MP_EVENT_EXECUTED) && real &&
	    !(record.head.flags & MP_EVENT_FOREIGN))
		program_add(decoder, record.head.new_exe_id, real);
	if (!key_set_add(&decoder->seen, record.head.key) || count_loss(decoder, &record, path))
		return 0;
	if (!decoder->start_ns)
		decoder->start_ns = record.head.time_ns;
	if (record.head.flags & MP_EVENT_FOREIGN)
		mp_freep(&real);
	if (record.head.flags & MP_EVENT_BASE_FOREIGN) {
		/* A descriptor from elsewhere: no path of the container, unless it leads to one. */
		if (!real)
			return 0;
		mp_freep(&path);
		path = mp_xstrdup(real);
	}
	*event_out = (struct mp_trace_event){
		.op = record.head.op,
		.flags = record.head.flags & TRACE_FLAGS,
		.error = record.head.error,
		.session = record.head.session,
		.first_ns = (int64_t)(record.head.time_ns - decoder->start_ns),
		.path = MP_STEAL(path),
		.real = MP_STEAL(real),
		.exe = mp_xstrdup(program_path(decoder, record.head.exe_id)),
	};
	return 1;
}

void mp_decoder_losses(const struct mp_decoder *decoder, struct mp_trace_losses *losses)
{
	*losses = decoder->losses;
}
