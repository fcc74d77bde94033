/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/summer.h"

#include "core/buf.h"
#include "core/thread.h"

#include <stdbool.h>
#include <string.h>

/* Small enough for the caches of two processors, large enough that waking a thread is rare. */
#define SLOT_BYTES ((size_t)1 << 18)
#define SLOTS 4
/* Empty texts take no room in a slot: it is full with so many ends as well. */
#define CUTS_MAX 4096

struct cut {
	size_t at; /* in the slot's bytes */
	char *hex_out[MP_SUM_KINDS];
};

struct slot {
	unsigned char *data;
	size_t len;
	struct cut *cuts;
	size_t n_cuts, cap_cuts;
};

/* Takes one kind of digest of everything. */
struct worker {
	struct mp_summer *summer;
	enum mp_sum_kind kind;
	struct mp_sum *sum; /* NULL: this kind is not wanted */
	pthread_t thread;
	bool running;
	size_t taken; /* slots that it is done with */
};

/* Slots are filled in turn; one that all workers are done with is free again. */
struct mp_summer {
	pthread_mutex_t lock;
	pthread_cond_t handed_over; /* or the end */
	pthread_cond_t done;        /* some worker, with a slot */
	struct slot slots[SLOTS];
	size_t put; /* slots that were handed over: the one after them is filled */
	struct worker workers[MP_SUM_KINDS];
	bool ends;
};

static void sum_slot(struct worker *worker, const struct slot *slot)
{
	size_t at = 0;

	for (size_t i = 0; i < slot->n_cuts; i++) {
		const struct cut *cut = &slot->cuts[i];

		mp_sum_add(worker->sum, slot->data + at, cut->at - at);
		at = cut->at;
		mp_sum_cut(worker->sum, cut->hex_out[worker->kind]);
	}
	mp_sum_add(worker->sum, slot->data + at, slot->len - at);
}

static void *work(void *context)
{
	struct worker *worker = context;
	struct mp_summer *summer = worker->summer;

	pthread_mutex_lock(&summer->lock);
	for (;;) {
		while (worker->taken == summer->put && !summer->ends)
			pthread_cond_wait(&summer->handed_over, &summer->lock);
		if (summer->ends)
			break;
		pthread_mutex_unlock(&summer->lock);
		sum_slot(worker, &summer->slots[worker->taken % SLOTS]);
		pthread_mutex_lock(&summer->lock);
		worker->taken++;
		pthread_cond_signal(&summer->done);
	}
	pthread_mutex_unlock(&summer->lock);
	return NULL;
}

struct mp_summer *mp_summer_new(unsigned int kinds)
{
	struct mp_summer *summer = mp_xcalloc(1, sizeof(*summer));

	pthread_mutex_init(&summer->lock, NULL);
	pthread_cond_init(&summer->handed_over, NULL);
	pthread_cond_init(&summer->done, NULL);
	for (size_t i = 0; i < SLOTS; i++)
		summer->slots[i].data = mp_xmalloc(SLOT_BYTES);
	for (size_t i = 0; i < MP_SUM_KINDS; i++) {
		struct worker *worker = &summer->workers[i];

		if (!(kinds & 1u << i))
			continue;
		worker->summer = summer;
		worker->kind = (enum mp_sum_kind)i;
		worker->sum = mp_sum_new(worker->kind);
		worker->running = mp_thread_start(&worker->thread, work, worker) == 0;
	}
	return summer;
}

/* Whether fewer than @n slots are with some thread. Locked. */
static bool fewer_wait(const struct mp_summer *summer, size_t n)
{
	for (size_t i = 0; i < MP_SUM_KINDS; i++) {
		const struct worker *worker = &summer->workers[i];

		if (worker->running && summer->put - worker->taken >= n)
			return false;
	}
	return true;
}

/* The slot that was filled goes to the workers; the next is free. */
static void hand_over(struct mp_summer *summer)
{
	struct slot *slot = &summer->slots[summer->put % SLOTS];

	for (size_t i = 0; i < MP_SUM_KINDS; i++) {
		if (summer->workers[i].sum && !summer->workers[i].running)
			sum_slot(&summer->workers[i], slot);
	}
	pthread_mutex_lock(&summer->lock);
	summer->put++;
	pthread_cond_broadcast(&summer->handed_over);
	while (!fewer_wait(summer, SLOTS))
		pthread_cond_wait(&summer->done, &summer->lock);
	pthread_mutex_unlock(&summer->lock);
	slot = &summer->slots[summer->put % SLOTS];
	slot->len = 0;
	slot->n_cuts = 0;
}

void mp_summer_add(struct mp_summer *summer, const void *data, size_t len)
{
	const unsigned char *from = data;

	while (len > 0) {
		struct slot *slot = &summer->slots[summer->put % SLOTS];
		size_t room = SLOT_BYTES - slot->len;
		size_t part = len < room ? len : room;

		memcpy(slot->data + slot->len, from, part);
		slot->len += part;
		from += part;
		len -= part;
		if (slot->len == SLOT_BYTES)
			hand_over(summer);
	}
}

void mp_summer_cut(struct mp_summer *summer, char *sha1_out, char *sha256_out)
{
	struct slot *slot = &summer->slots[summer->put % SLOTS];

	slot->cuts = mp_array_grow(slot->cuts, slot->n_cuts, &slot->cap_cuts, sizeof(*slot->cuts));
	slot->cuts[slot->n_cuts++] = (struct cut){ slot->len, { sha1_out, sha256_out } };
	if (slot->n_cuts == CUTS_MAX)
		hand_over(summer);
}

void mp_summer_wait(struct mp_summer *summer)
{
	const struct slot *slot = &summer->slots[summer->put % SLOTS];

	if (slot->len > 0 || slot->n_cuts > 0)
		hand_over(summer);
	pthread_mutex_lock(&summer->lock);
	while (!fewer_wait(summer, 1))
		pthread_cond_wait(&summer->done, &summer->lock);
	pthread_mutex_unlock(&summer->lock);
}

void mp_summer_freep(struct mp_summer **summer)
{
	if (!*summer)
		return;
	pthread_mutex_lock(&(*summer)->lock);
	(*summer)->ends = true;
	pthread_cond_broadcast(&(*summer)->handed_over);
	pthread_mutex_unlock(&(*summer)->lock);
	for (size_t i = 0; i < MP_SUM_KINDS; i++) {
		if ((*summer)->workers[i].running)
			pthread_join((*summer)->workers[i].thread, NULL);
		mp_sum_freep(&(*summer)->workers[i].sum);
	}
	for (size_t i = 0; i < SLOTS; i++) {
		mp_freep(&(*summer)->slots[i].data);
		mp_freep(&(*summer)->slots[i].cuts);
	}
	pthread_mutex_destroy(&(*summer)->lock);
	pthread_cond_destroy(&(*summer)->handed_over);
	pthread_cond_destroy(&(*summer)->done);
	mp_freep(summer);
}
