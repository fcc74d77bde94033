/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/sha256.h"

#include "core/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void context_freep(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

/* @hex_out has room for the digest. */
static void finish_hex(EVP_MD_CTX *context, char *hex_out)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	EVP_DigestFinal_ex(context, digest, &len);
	for (unsigned int i = 0; i < len; i++)
		snprintf(hex_out + (size_t)2 * i, 3, "%02x", digest[i]);
}

void mp_sha256_hex(const void *data, size_t len, char hex_out[MP_SHA256_HEX_SIZE])
{
	MP_AUTO(context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();

	EVP_DigestInit_ex(context, EVP_sha256(), NULL);
	EVP_DigestUpdate(context, data, len);
	finish_hex(context, hex_out);
}

int mp_sha256_file(const char *path, char hex_out[MP_SHA256_HEX_SIZE], struct mp_error *err)
{
	MP_AUTO(context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	MP_AUTO(mp_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	MP_AUTO(mp_freep) char *chunk = mp_xmalloc(1 << 17);
	ssize_t got;

	if (fd < 0)
		return mp_error_set(err, MP_E_SYS, errno, "open '%s'", path);
	EVP_DigestInit_ex(context, EVP_sha256(), NULL);
	while ((got = read(fd, chunk, 1 << 17)) > 0)
		EVP_DigestUpdate(context, chunk, (size_t)got);
	if (got < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read '%s'", path);
	finish_hex(context, hex_out);
	return 0;
}

/* Two halves: one is filled, while the thread works on the other. */
#define HALF ((size_t)1 << 18)

struct mp_sha256 {
	EVP_MD_CTX *context;
	bool beside; /* all that follows is for the thread alone */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned char *halves[2];
	size_t filled;  /* of the half that is filled */
	size_t given;   /* of the other: 0 as soon as the thread is done with it */
	unsigned int n; /* halves handed over so far */
	bool ends;
};

struct mp_sha256 *mp_sha256_new(void)
{
	struct mp_sha256 *sum = mp_xcalloc(1, sizeof(*sum));

	sum->context = EVP_MD_CTX_new();
	EVP_DigestInit_ex(sum->context, EVP_sha256(), NULL);
	return sum;
}

static void *add_beside(void *arg)
{
	struct mp_sha256 *sum = arg;

	pthread_mutex_lock(&sum->lock);
	for (;;) {
		while (sum->given == 0 && !sum->ends)
			pthread_cond_wait(&sum->changed, &sum->lock);
		if (sum->given == 0)
			break;
		pthread_mutex_unlock(&sum->lock);
		EVP_DigestUpdate(sum->context, sum->halves[(sum->n - 1) % 2], sum->given);
		pthread_mutex_lock(&sum->lock);
		sum->given = 0;
		pthread_cond_signal(&sum->changed);
	}
	pthread_mutex_unlock(&sum->lock);
	return NULL;
}

struct mp_sha256 *mp_sha256_new_beside(void)
{
	struct mp_sha256 *sum = mp_sha256_new();

	pthread_mutex_init(&sum->lock, NULL);
	pthread_cond_init(&sum->changed, NULL);
	sum->halves[0] = mp_xmalloc(HALF);
	sum->halves[1] = mp_xmalloc(HALF);
	/* Without a thread it takes longer, and is right as well. */
	sum->beside = pthread_create(&sum->thread, NULL, add_beside, sum) == 0;
	return sum;
}

/* The half that was filled goes to the thread, once it is done with the one before. */
static void hand_over(struct mp_sha256 *sum)
{
	pthread_mutex_lock(&sum->lock);
	while (sum->given > 0)
		pthread_cond_wait(&sum->changed, &sum->lock);
	sum->given = sum->filled;
	sum->filled = 0;
	sum->n++;
	pthread_cond_signal(&sum->changed);
	pthread_mutex_unlock(&sum->lock);
}

void mp_sha256_add(struct mp_sha256 *sum, const void *data, size_t len)
{
	const unsigned char *from = data;

	if (!sum->beside) {
		EVP_DigestUpdate(sum->context, data, len);
		return;
	}
	while (len > 0) {
		size_t part = len < HALF - sum->filled ? len : HALF - sum->filled;

		memcpy(sum->halves[sum->n % 2] + sum->filled, from, part);
		sum->filled += part;
		from += part;
		len -= part;
		if (sum->filled == HALF)
			hand_over(sum);
	}
}

/* The thread ends after what it has. */
static void end_thread(struct mp_sha256 *sum)
{
	if (!sum->beside)
		return;
	pthread_mutex_lock(&sum->lock);
	sum->ends = true;
	pthread_cond_signal(&sum->changed);
	pthread_mutex_unlock(&sum->lock);
	pthread_join(sum->thread, NULL);
	sum->beside = false;
}

void mp_sha256_finish(struct mp_sha256 *sum, char hex_out[MP_SHA256_HEX_SIZE])
{
	if (sum->beside && sum->filled > 0)
		hand_over(sum);
	end_thread(sum);
	finish_hex(sum->context, hex_out);
}

void mp_sha256_freep(struct mp_sha256 **sum)
{
	if (!*sum)
		return;
	end_thread(*sum);
	if ((*sum)->halves[0]) {
		pthread_mutex_destroy(&(*sum)->lock);
		pthread_cond_destroy(&(*sum)->changed);
	}
	mp_freep(&(*sum)->halves[0]);
	mp_freep(&(*sum)->halves[1]);
	EVP_MD_CTX_free((*sum)->context);
	mp_freep(sum);
}

struct mp_sha1 *mp_sha1_new(void)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	EVP_DigestInit_ex(context, EVP_sha1(), NULL);
	return (struct mp_sha1 *)context;
}

void mp_sha1_add(struct mp_sha1 *sum, const void *data, size_t len)
{
	EVP_DigestUpdate((EVP_MD_CTX *)sum, data, len);
}

void mp_sha1_finish(struct mp_sha1 *sum, char hex_out[MP_SHA1_HEX_SIZE])
{
	finish_hex((EVP_MD_CTX *)sum, hex_out);
}

void mp_sha1_freep(struct mp_sha1 **sum)
{
	EVP_MD_CTX_free((EVP_MD_CTX *)*sum);
	*sum = NULL;
}
