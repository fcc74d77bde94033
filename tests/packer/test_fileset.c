/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/fileset.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

Test(fileset, keeps_the_first_reason_and_a_copy_of_the_node)
{
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = mp_fileset_new();
	struct mp_xattr xattr = { "user.x", "value", 5 };
	struct mp_node node = {
		.mode = S_IFLNK | 0777, .target = "there", .xattrs = &xattr, .n_xattrs = 1
	};
	const struct mp_file *file, *again;

	file = mp_fileset_add(set, "/a", &node, MP_REASON_NEEDED, "/bin/x");
	cr_expect_str_eq(file->path, "/a");
	cr_expect_str_eq(file->because, "/bin/x");
	cr_expect_str_eq(file->node.target, "there");
	cr_expect_neq(file->node.target, node.target);
	cr_expect_eq(file->node.n_xattrs, 1);
	cr_expect_eq(memcmp(file->node.xattrs[0].value, "value", 5), 0);
	again = mp_fileset_add(set, "/a", &node, MP_REASON_TRACED, NULL);
	cr_expect_eq(again, file);
	cr_expect_eq(again->reason, MP_REASON_NEEDED);
	cr_expect_eq(mp_fileset_count(set), 1);
	cr_expect_eq(mp_fileset_find(set, "/a"), file);
	cr_expect_null(mp_fileset_find(set, "/b"));
	cr_expect_null(mp_fileset_find(set, "/"));
}

/* An entry stays where it is while the set grows: it grows while it is walked. */
Test(fileset, entries_stay_in_place)
{
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = mp_fileset_new();
	struct mp_node node = { .mode = S_IFREG | 0644 };
	const struct mp_file *first = mp_fileset_add(set, "/", &node, MP_REASON_LISTED, NULL);

	for (int i = 0; i < 10000; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/%d", i);
		mp_fileset_add(set, path, &node, MP_REASON_PARENT, path);
		cr_assert_str_eq(mp_fileset_at(set, (size_t)i + 1)->path, path);
	}
	cr_expect_eq(mp_fileset_at(set, 0), first);
	cr_expect_eq(mp_fileset_find(set, "/"), first);
	cr_expect_eq(mp_fileset_count(set), 10001);
}

Test(fileset, sorted_has_directories_before_and_beside_what_they_hold)
{
	static const char *const order[] = {
		"/",    "/\x01",  "/a",   "/a/b", "/a/b/c", "/a/b\x01",  "/a/b-c",
		"/a-b", "/a-b/x", "/a.b", "/ab",  "/b",     "/\xc3\xa9", "/\xff",
	};
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = mp_fileset_new();
	MP_AUTO(mp_freep) const struct mp_file **sorted = NULL;
	struct mp_node node = { .mode = S_IFREG };
	size_t n = MP_ARRAY_LEN(order);

	for (size_t i = 0; i < n; i++)
		mp_fileset_add(set, order[(i * 5 + 3) % n], &node, MP_REASON_LISTED, NULL);
	cr_assert_eq(mp_fileset_count(set), n);
	sorted = mp_fileset_sorted(set);
	for (size_t i = 0; i < n; i++)
		cr_expect_str_eq(sorted[i]->path, order[i], "%zu: '%s'", i, sorted[i]->path);
}

Test(fileset, empty)
{
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = mp_fileset_new();
	MP_AUTO(mp_freep) const struct mp_file **sorted = mp_fileset_sorted(set);

	cr_expect_not_null(sorted);
	cr_expect_eq(mp_fileset_count(set), 0);
}

Test(fileset, every_reason_has_a_text)
{
	for (int i = 0; i < MP_REASON_COUNT; i++) {
		cr_expect(mp_reason_text((enum mp_reason)i)[0]);
		cr_expect_str_neq(mp_reason_text((enum mp_reason)i), "unknown", "%d", i);
	}
	cr_expect_str_eq(mp_reason_text(MP_REASON_COUNT), "unknown");
}
