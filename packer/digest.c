/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/digest.h"

#include "core/interrupt.h"
#include "core/summer.h"
#include "core/thread.h"

#include <errno.h>
#include <stdatomic.h>

#define CHUNK ((size_t)1 << 18)

struct mp_digest {
	struct mp_summer *summer; /* of what is added; else NULL, and: */
	pthread_t thread;
	struct mp_contents contents;
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

int mp_digest_of(const struct mp_contents *contents, struct mp_digest **digest_out,
		 struct mp_error *err)
{
	struct mp_digest *digest = mp_xcalloc(1, sizeof(*digest));
	int rc;

	digest->contents = *contents;
	digest->sum = mp_sha256_new();
	rc = mp_thread_start(&digest->thread, sum_contents, digest);
	if (rc) {
		mp_sha256_freep(&digest->sum);
		mp_freep(&digest);
		return mp_error_set(err, MP_E_SYS, rc, "start a thread");
	}
	*digest_out = digest;
	return 0;
}

struct mp_digest *mp_digest_new(void)
{
	struct mp_digest *digest = mp_xcalloc(1, sizeof(*digest));

	digest->summer = mp_summer_new(1u << MP_SUM_SHA256);
	return digest;
}

void mp_digest_add(struct mp_digest *digest, const void *data, size_t len)
{
	mp_summer_add(digest->summer, data, len);
}

static void release(struct mp_digest **digest)
{
	mp_summer_freep(&(*digest)->summer);
	mp_sha256_freep(&(*digest)->sum);
	mp_freep(digest);
}

int mp_digest_finish(struct mp_digest **digest, char hex_out[MP_SHA256_HEX_SIZE],
		     struct mp_error *err)
{
	int error = 0;

	if ((*digest)->summer) {
		mp_summer_cut((*digest)->summer, NULL, hex_out);
		mp_summer_wait((*digest)->summer);
	} else {
		pthread_join((*digest)->thread, NULL);
		error = (*digest)->read_errno;
		mp_sha256_finish((*digest)->sum, hex_out);
	}
	release(digest);
	if (mp_interrupt_check(err)) /* which ended it too early */
		return -1;
	return error ? mp_error_set(err, MP_E_SYS, error, "read") : 0;
}

void mp_digest_freep(struct mp_digest **digest)
{
	if (!*digest)
		return;
	if ((*digest)->sum) {
		atomic_store(&(*digest)->cancelled, true);
		pthread_join((*digest)->thread, NULL);
	}
	release(digest);
}
