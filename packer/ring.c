/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/ring.h"

#include "core/buf.h"

#include <pthread.h>

#define SLOTS 8

struct mp_ring {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned char *slots[SLOTS];
	size_t lens[SLOTS];
	size_t put, taken; /* slots so far; between them lies what is full */
	bool held;         /* the reader still looks at slot "taken" */
	bool ended, stopped;
};

struct mp_ring *mp_ring_new(void)
{
	struct mp_ring *ring = mp_xcalloc(1, sizeof(*ring));

	pthread_mutex_init(&ring->lock, NULL);
	pthread_cond_init(&ring->changed, NULL);
	for (size_t i = 0; i < SLOTS; i++)
		ring->slots[i] = mp_xmalloc(MP_RING_SLOT);
	return ring;
}

void mp_ring_freep(struct mp_ring **ring)
{
	if (!*ring)
		return;
	pthread_mutex_destroy(&(*ring)->lock);
	pthread_cond_destroy(&(*ring)->changed);
	for (size_t i = 0; i < SLOTS; i++)
		mp_freep(&(*ring)->slots[i]);
	mp_freep(ring);
}

void *mp_ring_room(struct mp_ring *ring)
{
	bool stopped;

	pthread_mutex_lock(&ring->lock);
	while (ring->put - ring->taken == SLOTS && !ring->stopped)
		pthread_cond_wait(&ring->changed, &ring->lock);
	stopped = ring->stopped;
	pthread_mutex_unlock(&ring->lock);
	return stopped ? NULL : ring->slots[ring->put % SLOTS];
}

void mp_ring_put(struct mp_ring *ring, size_t len)
{
	pthread_mutex_lock(&ring->lock);
	ring->lens[ring->put % SLOTS] = len;
	ring->put++;
	pthread_cond_signal(&ring->changed);
	pthread_mutex_unlock(&ring->lock);
}

void mp_ring_end(struct mp_ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	ring->ended = true;
	pthread_cond_signal(&ring->changed);
	pthread_mutex_unlock(&ring->lock);
}

size_t mp_ring_take(struct mp_ring *ring, const void **data_out)
{
	size_t len = 0;

	pthread_mutex_lock(&ring->lock);
	if (ring->held) {
		ring->held = false;
		ring->taken++;
		pthread_cond_signal(&ring->changed);
	}
	while (ring->put == ring->taken && !ring->ended)
		pthread_cond_wait(&ring->changed, &ring->lock);
	if (ring->put != ring->taken) {
		*data_out = ring->slots[ring->taken % SLOTS];
		len = ring->lens[ring->taken % SLOTS];
		ring->held = true;
	}
	pthread_mutex_unlock(&ring->lock);
	return len;
}

void mp_ring_stop(struct mp_ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	ring->stopped = true;
	pthread_cond_signal(&ring->changed);
	pthread_mutex_unlock(&ring->lock);
}
