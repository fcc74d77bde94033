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

	file = mp_fileset_add(set, "/a", &node, MP_WHY(MP_REASON_NEEDED, .because = "/bin/x"));
	cr_expect_str_eq(file->path, "/a");
	cr_expect_str_eq(file->why.because, "/bin/x");
	cr_expect_str_eq(file->node.target, "there");
	cr_expect_neq(file->node.target, node.target);
	cr_expect_eq(file->node.n_xattrs, 1);
	cr_expect_eq(memcmp(file->node.xattrs[0].value, "value", 5), 0);
	again = mp_fileset_add(set, "/a", &node, MP_WHY(MP_REASON_TRACED));
	cr_expect_eq(again, file);
	cr_expect_eq(again->why.reason, MP_REASON_NEEDED);
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
	const struct mp_file *first = mp_fileset_add(set, "/", &node, MP_WHY(MP_REASON_LISTED));

	for (int i = 0; i < 10000; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/%d", i);
		mp_fileset_add(set, path, &node, MP_WHY(MP_REASON_PARENT, .because = path));
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
		mp_fileset_add(set, order[(i * 5 + 3) % n], &node, MP_WHY(MP_REASON_LISTED));
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
		MP_AUTO(mp_freep) char *text = mp_why_text(MP_WHY((enum mp_reason)i));

		cr_expect(text[0], "%d", i);
	}
}

Test(fileset, says_why)
{
	MP_AUTO(mp_freep)
	char *needed = mp_why_text(MP_WHY(MP_REASON_NEEDED, .because = "/x", .detail = "libc.so"));
	MP_AUTO(mp_freep) char *rule = mp_why_text(MP_WHY(MP_REASON_RULE, .detail = "--keep /a"));

	cr_expect_str_eq(needed, "needed by /x (libc.so)");
	cr_expect_str_eq(rule, "kept by rule (--keep /a)");
}

Test(fileset, made_contents_take_the_place_of_the_images)
{
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = mp_fileset_new();
	const struct mp_node image = { .mode = S_IFREG | 0600, .size_bytes = 100, .nlink = 3 };
	const struct mp_node ours = { .mode = S_IFREG | 0644 };
	const struct mp_file *file = mp_fileset_add(set, "/a", &image, MP_WHY(MP_REASON_TRACED));

	cr_expect_null(file->made);
	for (int i = 0; i < 2; i++)
		cr_expect_eq(mp_fileset_add_made(set, "/a", &ours, "text", 4,
						 MP_WHY(MP_REASON_PACKAGE, .detail = "x")),
			     file);
	cr_expect_eq(file->node.mode, S_IFREG | 0644);
	cr_expect_eq(file->node.size_bytes, 4);
	cr_expect_eq(file->node.nlink, 1);
	cr_expect_eq(file->made->len, 4);
	cr_expect_eq(memcmp(file->made->data, "text", 4), 0);
	cr_expect_eq(file->why.reason, MP_REASON_PACKAGE);
	cr_expect_eq(mp_fileset_count(set), 1);
}

/* SOURCE_DATE_EPOCH: what is older stays, to the nanosecond. */
Test(fileset, times_are_clamped)
{
	static const struct {
		int64_t s;
		uint32_t ns;
		int64_t clamped_s;
		uint32_t clamped_ns;
	} cases[] = {
		{ 99, 999999999, 99, 999999999 },
		{ 100, 0, 100, 0 },
		{ 100, 1, 100, 0 },
		{ 101, 0, 100, 0 },
		{ -5, 3, -5, 3 },
		{ INT64_MAX, 9, 100, 0 },
	};
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = mp_fileset_new();
	struct mp_node node = { .mode = S_IFREG };

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep) char *path = mp_xasprintf("/%zu", i);

		node.mtime_s = cases[i].s;
		node.mtime_ns = cases[i].ns;
		mp_fileset_add(set, path, &node, MP_WHY(MP_REASON_LISTED));
	}
	node.mtime_s = 5;
	mp_fileset_add_made(set, "/made", &node, "x", 1, MP_WHY(MP_REASON_PACKAGE));
	mp_fileset_clamp_times(set, 100);
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		cr_expect_eq(mp_fileset_at(set, i)->node.mtime_s, cases[i].clamped_s, "%zu", i);
		cr_expect_eq(mp_fileset_at(set, i)->node.mtime_ns, cases[i].clamped_ns, "%zu", i);
	}
	cr_expect_eq(mp_fileset_find(set, "/made")->node.mtime_s, 100);
}
