/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/newcomers.h"

#include "core/clock.h"
#include "core/log.h"
#include "tracer/session.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define WAIT_US 1000
/* A signal ends every call to the engine, until the main thread has seen it and finishes. */
#define INTERRUPTED_MS 1000

enum state { STATE_WAIT, STATE_READY, STATE_CLOSED };

struct followed_image {
	char *id;
	size_t output;
};

struct mp_newcomers {
	struct mp_engine *engine; /* the session's thread's */
	const struct mp_outputs *outputs;
	struct followed_image *images;
	size_t n_images, cap_images;
	atomic_int state;
	pthread_mutex_t lock;    /* of what follows */
	struct mp_strmap *known; /* by container ID: int, as for _know */
};

static void free_answer(void *answer)
{
	mp_freep(&answer);
}

int mp_newcomers_open(const struct mp_outputs *outputs, struct mp_newcomers **newcomers_out,
		      struct mp_error *err)
{
	MP_AUTO(mp_newcomers_freep)
	struct mp_newcomers *newcomers = mp_xcalloc(1, sizeof(*newcomers));

	newcomers->outputs = outputs;
	newcomers->known = mp_strmap_new(free_answer);
	pthread_mutex_init(&newcomers->lock, NULL);
	if (mp_engine_connect(&newcomers->engine, err))
		return -1;
	*newcomers_out = MP_STEAL(newcomers);
	return 0;
}

void mp_newcomers_freep(struct mp_newcomers **newcomers)
{
	if (!*newcomers)
		return;
	for (size_t i = 0; i < (*newcomers)->n_images; i++)
		mp_freep(&(*newcomers)->images[i].id);
	mp_freep(&(*newcomers)->images);
	mp_strmap_freep(&(*newcomers)->known);
	mp_engine_freep(&(*newcomers)->engine);
	pthread_mutex_destroy(&(*newcomers)->lock);
	mp_freep(newcomers);
}

void mp_newcomers_follow(struct mp_newcomers *newcomers, const char *image_id, size_t output)
{
	newcomers->images = mp_array_grow(newcomers->images, newcomers->n_images,
					  &newcomers->cap_images, sizeof(*newcomers->images));
	newcomers->images[newcomers->n_images++] =
		(struct followed_image){ mp_xstrdup(image_id), output };
}

void mp_newcomers_know(struct mp_newcomers *newcomers, const char *id, int output)
{
	int *answer = mp_xmalloc(sizeof(*answer));
	MP_AUTO(mp_freep) int *old = NULL;

	*answer = output;
	pthread_mutex_lock(&newcomers->lock);
	old = mp_strmap_put(newcomers->known, id, answer);
	pthread_mutex_unlock(&newcomers->lock);
}

/* Whether it is known, and what. */
static bool recall(struct mp_newcomers *newcomers, const char *id, int *output_out)
{
	const int *answer;

	pthread_mutex_lock(&newcomers->lock);
	answer = mp_strmap_get(newcomers->known, id);
	if (answer)
		*output_out = *answer;
	pthread_mutex_unlock(&newcomers->lock);
	return answer;
}

bool mp_newcomers_are_known(struct mp_newcomers *newcomers, const char *id)
{
	int output;

	return recall(newcomers, id, &output);
}

void mp_newcomers_ready(struct mp_newcomers *newcomers)
{
	atomic_store(&newcomers->state, STATE_READY);
}

void mp_newcomers_close(struct mp_newcomers *newcomers)
{
	atomic_store(&newcomers->state, STATE_CLOSED);
}

/* As mp_engine_container_image. */
static int ask_engine(struct mp_newcomers *newcomers, const char *id, char **image_id_out)
{
	int64_t deadline_ms = mp_clock_ms() + INTERRUPTED_MS;
	struct mp_error err = { 0 };
	int rc;

	while ((rc = mp_engine_container_image(newcomers->engine, id, image_id_out, &err)) < 0) {
		if (err.code != MP_E_INTERRUPTED || mp_clock_ms() > deadline_ms ||
		    atomic_load(&newcomers->state) == STATE_CLOSED) {
			mp_warn("%s; it is not followed", err.msg);
			break;
		}
		usleep(WAIT_US);
	}
	return rc;
}

static int output_of(const struct mp_newcomers *newcomers, const char *image_id)
{
	for (size_t i = 0; i < newcomers->n_images; i++) {
		if (strcmp(newcomers->images[i].id, image_id) == 0)
			return (int)newcomers->images[i].output;
	}
	return -1;
}

int mp_newcomers_answer(const char *id, void *context)
{
	struct mp_newcomers *newcomers = context;
	MP_AUTO(mp_freep) char *image_id = NULL;
	int output, known;

	while (atomic_load(&newcomers->state) == STATE_WAIT)
		usleep(WAIT_US);
	if (atomic_load(&newcomers->state) == STATE_CLOSED)
		return MP_NEW_CONTAINER_IGNORE;
	if (!recall(newcomers, id, &output)) {
		known = ask_engine(newcomers, id, &image_id);
		if (known < 0)
			return MP_NEW_CONTAINER_UNKNOWN;
		output = known > 0 ? output_of(newcomers, image_id) : -1;
		mp_newcomers_know(newcomers, id, output);
		if (output >= 0)
			mp_info("container %.12s of %s is followed", id,
				newcomers->outputs->v[output].image);
	}
	return output < 0 ? MP_NEW_CONTAINER_IGNORE : (int)newcomers->outputs->v[output].sink;
}
