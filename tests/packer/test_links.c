/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/links.h"
#include "core/cleanup.h"

#include <criterion/criterion.h>

Test(links, first_names)
{
	static const char *const names[] = { "a", "b", "c", "d", "e" };
	static const struct {
		uint64_t dev, ino;
		const char *first;
	} cases[] = {
		{ 1, 2, NULL }, { 2, 1, NULL }, { 1, 2, "a" }, { 2, 1, "b" }, { 2, 2, NULL },
	};
	MP_AUTO(mp_links_clear) struct mp_links links = { 0 };

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		const char *first = mp_links_first(&links, cases[i].dev, cases[i].ino, names[i]);

		if (cases[i].first)
			cr_expect_str_eq(first, cases[i].first, "%zu", i);
		else
			cr_expect_null(first, "%zu", i);
	}
}
