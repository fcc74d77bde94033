/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/summer.h"
#include "core/buf.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

TestSuite(summer, .timeout = 60);

#define DATA_BYTES 3000001

static unsigned char *some_data(void)
{
	unsigned char *data = mp_xmalloc(DATA_BYTES);

	for (size_t i = 0; i < DATA_BYTES; i++)
		data[i] = (unsigned char)(i * 2654435761u >> 13);
	return data;
}

struct result {
	size_t from, len;
	char sha1[MP_SHA1_HEX_SIZE], sha256[MP_SHA256_HEX_SIZE];
};

static void expect_right(const unsigned char *data, const struct result *result)
{
	MP_AUTO(mp_sha1_freep) struct mp_sha1 *sum = mp_sha1_new();
	char sha1[MP_SHA1_HEX_SIZE], sha256[MP_SHA256_HEX_SIZE];

	mp_sha256_hex(data + result->from, result->len, sha256);
	mp_sha1_add(sum, data + result->from, result->len);
	mp_sha1_finish(sum, sha1);
	cr_expect_str_eq(result->sha1, sha1, "%zu bytes", result->len);
	cr_expect_str_eq(result->sha256, sha256, "%zu bytes", result->len);
}

static void add(struct mp_summer *summer, const unsigned char *data, size_t len, size_t piece)
{
	for (size_t at = 0; at < len; at += piece)
		mp_summer_add(summer, data + at, len - at < piece ? len - at : piece);
}

/* Texts of sizes around that of a slot, in pieces of all sizes, one behind the other. */
static void sum_texts(void)
{
	static const size_t sizes[] = { 0,      1,      0,         131071,  131072,
					131073, 262144, 1048575,   1048576, 1048577,
					0,      7,      DATA_BYTES };
	static const size_t pieces[] = { 1000, 131072, 5000000 };
	MP_AUTO(mp_freep) unsigned char *data = some_data();

	for (size_t p = 0; p < MP_ARRAY_LEN(pieces); p++) {
		MP_AUTO(mp_summer_freep)
		struct mp_summer *summer = mp_summer_new(1u << MP_SUM_SHA1 | 1u << MP_SUM_SHA256);
		struct result results[MP_ARRAY_LEN(sizes)];

		for (size_t i = 0; i < MP_ARRAY_LEN(sizes); i++) {
			results[i].from = sizes[i] == DATA_BYTES ? 0 : i;
			results[i].len = sizes[i];
			add(summer, data + results[i].from, sizes[i], pieces[p]);
			mp_summer_cut(summer, results[i].sha1, results[i].sha256);
			if (i == 4) /* in between, too */
				mp_summer_wait(summer);
		}
		mp_summer_wait(summer);
		for (size_t i = 0; i < MP_ARRAY_LEN(sizes); i++)
			expect_right(data, &results[i]);
	}
}

Test(summer, texts)
{
	sum_texts();
}

static void *nothing(void *context)
{
	return context;
}

/* A process that may not have another thread: it sums by itself. */
Test(summer, without_threads)
{
	const struct rlimit none = { 0, 0 };
	pthread_t thread;

	/* Root may have as many as it likes. */
	if (geteuid() == 0)
		cr_assert_eq(setresuid(65534, 65534, 65534), 0);
	cr_assert_eq(setrlimit(RLIMIT_NPROC, &none), 0);
	cr_assert_neq(pthread_create(&thread, NULL, nothing, NULL), 0);
	sum_texts();
}

/* Texts without a byte take no room in any buffer. */
Test(summer, many_empty_texts)
{
	MP_AUTO(mp_summer_freep) struct mp_summer *summer = mp_summer_new(1u << MP_SUM_SHA256);
	MP_AUTO(mp_freep) struct result *results = mp_xcalloc(100000, sizeof(*results));
	char empty[MP_SHA256_HEX_SIZE];

	mp_sha256_hex("", 0, empty);
	for (size_t i = 0; i < 100000; i++)
		mp_summer_cut(summer, NULL, results[i].sha256);
	mp_summer_wait(summer);
	for (size_t i = 0; i < 100000; i++)
		cr_assert_str_eq(results[i].sha256, empty, "%zu", i);
}

/* What nobody wants a digest of does not get into the next. */
Test(summer, unwanted)
{
	MP_AUTO(mp_summer_freep)
	struct mp_summer *summer = mp_summer_new(1u << MP_SUM_SHA1 | 1u << MP_SUM_SHA256);
	char sha1[MP_SHA1_HEX_SIZE] = "", sha256[MP_SHA256_HEX_SIZE] = "";
	char expected[MP_SHA256_HEX_SIZE];

	mp_summer_add(summer, "left out", 8);
	mp_summer_cut(summer, NULL, NULL);
	mp_summer_add(summer, "abc", 3);
	mp_summer_cut(summer, sha1, NULL);
	mp_summer_add(summer, "x", 1);
	mp_summer_cut(summer, NULL, sha256);
	mp_summer_wait(summer);
	cr_expect_str_eq(sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
	mp_sha256_hex("x", 1, expected);
	cr_expect_str_eq(sha256, expected);
}

/* One that nobody waits for goes without a trace, and at once: the sanitizers look. */
Test(summer, is_given_up)
{
	MP_AUTO(mp_freep) unsigned char *data = some_data();

	for (size_t len = 0; len < DATA_BYTES; len += DATA_BYTES / 10) {
		MP_AUTO(mp_summer_freep)
		struct mp_summer *summer = mp_summer_new(1u << MP_SUM_SHA1 | 1u << MP_SUM_SHA256);
		char sha1[MP_SHA1_HEX_SIZE], sha256[MP_SHA256_HEX_SIZE];

		mp_summer_add(summer, data, len);
		mp_summer_cut(summer, sha1, sha256);
		mp_summer_freep(&summer);
		cr_expect_null(summer);
	}
}

static pthread_t caught_by;

static void on_signal(int sig)
{
	(void)sig;
	caught_by = pthread_self();
}

/* A signal for the process comes to the thread whose calls it has to interrupt. */
Test(summer, signals)
{
	MP_AUTO(mp_summer_freep)
	struct mp_summer *summer = mp_summer_new(1u << MP_SUM_SHA1 | 1u << MP_SUM_SHA256);
	sigset_t usr1;

	signal(SIGUSR1, on_signal);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	/* Where this thread blocks it, another would get it, if it could. */
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	kill(getpid(), SIGUSR1);
	usleep(50000);
	cr_expect_eq(caught_by, 0);
	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
	cr_expect_eq(caught_by, pthread_self());
}
