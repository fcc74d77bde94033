/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/sha256.h"
#include "core/buf.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(sha256, .timeout = 60);

/* The same digest at once, in pieces, and in pieces beside; with sizes around that of its buffer.
 */
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
		MP_AUTO(mp_sha256_freep) struct mp_sha256 *plain = mp_sha256_new();
		MP_AUTO(mp_sha256_freep) struct mp_sha256 *beside = mp_sha256_new_beside();
		char expected[MP_SHA256_HEX_SIZE], got[2][MP_SHA256_HEX_SIZE];

		mp_sha256_hex(data, size, expected);
		for (size_t at = 0; at < size; at += piece) {
			size_t len = size - at < piece ? size - at : piece;

			mp_sha256_add(plain, data + at, len);
			mp_sha256_add(beside, data + at, len);
		}
		mp_sha256_finish(plain, got[0]);
		mp_sha256_finish(beside, got[1]);
		cr_expect_str_eq(got[0], expected, "%zu in pieces of %zu", size, piece);
		cr_expect_str_eq(got[1], expected, "%zu in pieces of %zu", size, piece);
	}
}

/* One that nobody finishes goes without a trace: the sanitizers look. */
Test(sha256, is_given_up)
{
	MP_AUTO(mp_sha256_freep) struct mp_sha256 *sum = mp_sha256_new_beside();
	MP_AUTO(mp_freep) char *data = mp_xcalloc(1, 1000000);

	mp_sha256_add(sum, data, 1000000);
	mp_sha256_freep(&sum);
	cr_expect_null(sum);
}
