/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/ldcache.h"
#include "tests/fuzz/fuzz.h"

/* A cache of libraries: what is found in it is in it, under the name that was asked for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "libc.so.6", "liba.so", "", "libz.so.1" };
	MP_AUTO(mp_ldcache_freep) struct mp_ldcache *cache = NULL;
	struct mp_error err = { 0 };

	if (mp_ldcache_parse(data, size, &cache, &err)) {
		REQUIRE(!cache && err.code == MP_E_FORMAT && err.msg[0]);
		return 0;
	}
	for (size_t i = 0; i < MP_ARRAY_LEN(names); i++) {
		const struct mp_ldcache_entry *entries = NULL;
		size_t n = mp_ldcache_find(cache, names[i], &entries);

		REQUIRE(n <= size);
		for (size_t j = 0; j < n; j++) {
			REQUIRE(strcmp(entries[j].name, names[i]) == 0);
			REQUIRE(entries[j].path[0] == '/');
			REQUIRE(j == 0 || entries[j - 1].order < entries[j].order);
		}
	}
	return 0;
}
