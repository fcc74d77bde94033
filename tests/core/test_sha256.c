/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/sha256.h"
#include "core/buf.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(sha256, .timeout = 60);

/* The same digest at once and in pieces. */
Test(sha256, in_whatever_way)
{
	static const size_t sizes[] = { 0, 1, 262143, 262144, 262145, 524288, 3000001 };
	static const size_t pieces[] = { 1000, 262144, 5000000 };
	MP_AUTO(mp_freep) unsigned char *data = mp_xmalloc(3000001);

	for (size_t i = 0; i < 3000001; i++)
		data[i] = (unsigned char)(i * 2654435761u >> 13);
	for (size_t i = 0; i < MP_ARRAY_LEN(sizes) * MP_ARRAY_LEN(pieces); i++) {
		size_t size = sizes[i / MP_ARRAY_LEN(pieces)],
		       piece = pieces[i % MP_ARRAY_LEN(pieces)];
		MP_AUTO(mp_sha256_freep) struct mp_sha256 *sum = mp_sha256_new();
		char expected[MP_SHA256_HEX_SIZE], got[MP_SHA256_HEX_SIZE];

		mp_sha256_hex(data, size, expected);
		for (size_t at = 0; at < size; at += piece)
			mp_sha256_add(sum, data + at, size - at < piece ? size - at : piece);
		mp_sha256_finish(sum, got);
		cr_expect_str_eq(got, expected, "%zu in pieces of %zu", size, piece);
	}
}

/* FIPS 180-4's examples, so that not only our own functions say so. */
Test(sha256, known)
{
	MP_AUTO(mp_sha1_freep) struct mp_sha1 *sum = mp_sha1_new();
	char sha1[MP_SHA1_HEX_SIZE], sha256[MP_SHA256_HEX_SIZE];

	mp_sha256_hex("abc", 3, sha256);
	cr_expect_str_eq(sha256,
			 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	mp_sha1_add(sum, "abc", 3);
	mp_sha1_finish(sum, sha1);
	cr_expect_str_eq(sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
}
