/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/digest.h"

#include "core/interrupt.h"
#include "packer/ring.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define CHUNK ((size_t)1 << 18)

struct mp_digest {
	pthread_t thread;
	struct mp_contents contents; /* what is read, where there is no ring */
	struct mp_ring *ring;
	struct mp_sha256 *sum;
	atomic_bool cancelled;
	int read_errno;
};

static void *sum_contents(void *context)
{
	struct mp_digest *digest = context;
	MP_AUTO(mp_freep) unsigned char *chunk = mp_xmalloc(CHUNK);
	uint64_t at = 0;
	ssize_t got = 0;

	while (!atomic_load(&digest->cancelled) && mp_interrupt_check(NULL) == 0 &&
	       (got = mp_contents_read(&digest->contents, chunk, CHUNK, at)) > 0) {
		mp_sha256_add(digest->sum, chunk, (size_t)got);
		at += (uint64_t)got;
	}
	digest->read_errno = got < 0 ? errno : 0;
	return NULL;
}

static void *sum_ring(void *context)
{
	struct mp_digest *digest = context;
	const void *data;
	size_t len;

	while ((len = mp_ring_take(digest->ring, &data)) > 0)
		mp_sha256_add(digest->sum, data, len);
	return NULL;
}

static int start(struct mp_digest *digest, void *(*body)(void *), struct mp_digest **digest_out,
		 struct mp_error *err)
{
	int rc;

	digest->sum = mp_sha256_new();
	rc = pthread_create(&digest->thread, NULL, body, digest);
	if (rc) {
		mp_sha256_freep(&digest->sum);
		mp_ring_freep(&digest->ring);
		mp_freep(&digest);
		return mp_error_set(err, MP_E_SYS, rc, "start a thread");
	}
	*digest_out = digest;
	return 0;
}

int mp_digest_of(const struct mp_contents *contents, struct mp_digest **digest_out,
		 struct mp_error *err)
{
	struct mp_digest *digest = mp_xcalloc(1, sizeof(*digest));

	digest->contents = *contents;
	return start(digest, sum_contents, digest_out, err);
}

int mp_digest_new(struct mp_digest **digest_out, struct mp_error *err)
{
	struct mp_digest *digest = mp_xcalloc(1, sizeof(*digest));

	digest->ring = mp_ring_new();
	return start(digest, sum_ring, digest_out, err);
}

void mp_digest_add(struct mp_digest *digest, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len > 0) {
		size_t take = len < MP_RING_SLOT ? len : MP_RING_SLOT;

		memcpy(mp_ring_room(digest->ring), p, take);
		mp_ring_put(digest->ring, take);
		p += take;
		len -= take;
	}
}

static void join(struct mp_digest *digest)
{
	if (digest->ring)
		mp_ring_end(digest->ring);
	pthread_join(digest->thread, NULL);
}

static void release(struct mp_digest **digest)
{
	mp_sha256_freep(&(*digest)->sum);
	mp_ring_freep(&(*digest)->ring);
	mp_freep(digest);
}

int mp_digest_finish(struct mp_digest **digest, char hex_out[MP_SHA256_HEX_SIZE],
		     struct mp_error *err)
{
	int error;

	join(*digest);
	error = (*digest)->read_errno;
	if (error == 0)
		mp_sha256_finish((*digest)->sum, hex_out);
	release(digest);
	if (mp_interrupt_check(err)) /* which ended it too early */
		return -1;
	return error ? mp_error_set(err, MP_E_SYS, error, "read") : 0;
}

void mp_digest_freep(struct mp_digest **digest)
{
	if (!*digest)
		return;
	atomic_store(&(*digest)->cancelled, true);
	join(*digest);
	release(digest);
}
