/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/siphash.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

static uint64_t key[2];

/* Waits for the kernel to have random bytes, which it has soon after it starts; less than 256 come
 * whole (getrandom(2)). Without them names can be chosen, and nothing else is wrong. */
static void make_key(void)
{
	if (getrandom(key, sizeof(key), 0) < 0)
		key[0] = key[1] = 0;
}

static uint64_t rotated(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotated(v[1], 13) ^ v[0];
	v[0] = rotated(v[0], 32);
	v[2] += v[3];
	v[3] = rotated(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotated(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotated(v[1], 17) ^ v[2];
	v[2] = rotated(v[2], 32);
}

static void sip_add(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

uint64_t mp_siphash(uint64_t number, const char *text, size_t len)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint64_t v[4] = {
		0x736f6d6570736575,
		0x646f72616e646f6d,
		0x6c7967656e657261,
		0x7465646279746573,
	};
	uint64_t word = 0;
	size_t at = 0;

	pthread_once(&once, make_key);
	for (size_t i = 0; i < 4; i++)
		v[i] ^= key[i % 2];
	sip_add(v, number);
	for (; at + sizeof(word) <= len; at += sizeof(word)) {
		memcpy(&word, text + at, sizeof(word));
		sip_add(v, le64toh(word));
	}
	word = 0;
	memcpy(&word, text + at, len - at);
	sip_add(v, le64toh(word) | (uint64_t)(len + sizeof(word)) << 56);
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
