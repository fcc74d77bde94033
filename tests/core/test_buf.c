/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/buf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(buf, grows_and_ends_in_nul)
{
	MP_AUTO(mp_buf_free) struct mp_buf buf = { 0 };
	MP_AUTO(mp_freep) char *stolen = NULL, *empty = NULL;

	mp_buf_add(&buf, "ab\0c", 4);
	cr_expect_eq(buf.len, 4);
	cr_expect_eq(memcmp(buf.data, "ab\0c", 5), 0);
	mp_buf_clear(&buf);
	cr_expect_eq(buf.len, 0);
	cr_expect_str_eq(buf.data, "");
	for (int i = 0; i < 10000; i++)
		mp_buf_addf(&buf, "%d,", i % 10);
	mp_buf_addc(&buf, '!');
	mp_buf_adds(&buf, "");
	mp_buf_add(&buf, NULL, 0);
	cr_expect_eq(buf.len, 20001);
	cr_expect_eq(strlen(buf.data), 20001);
	cr_expect_str_eq(buf.data + 19996, "8,9,!");
	stolen = mp_buf_steal(&buf);
	cr_expect_eq(strlen(stolen), 20001);
	cr_expect_null(buf.data);
	empty = mp_buf_steal(&buf);
	cr_expect_str_eq(empty, "");
}

Test(buf, memory)
{
	MP_AUTO(mp_freep) char *zero = mp_xmalloc(0);
	MP_AUTO(mp_freep) int *cleared = mp_xcalloc(3, sizeof(int));
	MP_AUTO(mp_freep) char *copy = mp_xstrndup("abc", 2);
	MP_AUTO(mp_freep) char *whole = mp_xstrndup("abc", 9);
	MP_AUTO(mp_freep) char *text = mp_xasprintf("%s-%d", "x", 7);
	MP_AUTO(mp_freep) int *array = NULL;
	size_t cap = 0;

	cr_expect_not_null(zero);
	cr_expect_eq(cleared[2], 0);
	cr_expect_str_eq(copy, "ab");
	cr_expect_str_eq(whole, "abc");
	cr_expect_str_eq(text, "x-7");
	cr_expect_null(mp_xstrdup(NULL));
	for (size_t n = 0; n < 1000; n++) {
		array = mp_array_grow(array, n, &cap, sizeof(*array));
		cr_assert_gt(cap, n);
		array[n] = (int)n;
	}
	cr_expect_eq(array[999], 999);
}

Test(buf, strv)
{
	MP_AUTO(mp_strv_free) struct mp_strv list = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv copy = { 0 };

	mp_strv_sort(&list);
	cr_expect_eq(mp_strv_find(&list, "a"), -1);
	mp_strv_push(&list, "b");
	mp_strv_push_take(&list, mp_xstrdup("\xff"));
	mp_strv_push(&list, "");
	mp_strv_push(&list, "B");
	mp_strv_push(&list, "a");
	mp_strv_copy(&copy, &list);
	mp_strv_copy(&copy, &list);
	cr_expect_eq(copy.n, 10);
	cr_expect_eq(mp_strv_find(&copy, "B"), 3);
	cr_expect_eq(mp_strv_find(&copy, "b "), -1);
	mp_strv_sort(&list);
	cr_expect_str_eq(list.v[0], "");
	cr_expect_str_eq(list.v[1], "B");
	cr_expect_str_eq(list.v[2], "a");
	cr_expect_str_eq(list.v[4], "\xff");
	mp_strv_free(&list);
	cr_expect_eq(list.n, 0);
	cr_expect_null(list.v);
}

Test(buf, strv_split)
{
	static const struct {
		const char *text, *joined; /* pieces with '|' behind each */
	} cases[] = {
		{ "", "|" },           { "a", "a|" },     { ":", "||" },
		{ "a:b,c", "a|b|c|" }, { "a::", "a|||" }, { ":a", "|a|" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_strv_free) struct mp_strv list = { 0 };
		MP_AUTO(mp_buf_free) struct mp_buf joined = { 0 };

		mp_strv_split(&list, cases[i].text, ":,");
		for (size_t p = 0; p < list.n; p++)
			mp_buf_addf(&joined, "%s|", list.v[p]);
		cr_expect_str_eq(joined.data, cases[i].joined, "'%s'", cases[i].text);
	}
}

static void add_visited(const char *key, void *value, void *context)
{
	mp_buf_addf(context, "%s=%s ", key, (const char *)value);
}

Test(buf, strmap)
{
	MP_AUTO(mp_strmap_freep) struct mp_strmap *map = mp_strmap_new(free);
	MP_AUTO(mp_buf_free) struct mp_buf visited = { 0 };
	MP_AUTO(mp_freep) char *replaced = NULL;
	char key[2] = "c";

	cr_expect_null(mp_strmap_get(map, "a"));
	mp_strmap_each(map, add_visited, &visited);
	cr_expect_eq(visited.len, 0);
	cr_expect_null(mp_strmap_put(map, key, mp_xstrdup("3")));
	key[0] = 'x'; /* the map has its own copy */
	cr_expect_null(mp_strmap_put(map, "a", mp_xstrdup("1")));
	cr_expect_null(mp_strmap_put(map, "", mp_xstrdup("0")));
	cr_expect_null(mp_strmap_put(map, "b", mp_xstrdup("2")));
	replaced = mp_strmap_put(map, "b", mp_xstrdup("two"));
	cr_expect_str_eq(replaced, "2");
	cr_expect_eq(mp_strmap_count(map), 4);
	cr_expect_str_eq(mp_strmap_get(map, "c"), "3");
	mp_strmap_each(map, add_visited, &visited);
	cr_expect_str_eq(visited.data, "=0 a=1 b=two c=3 ");
}

/* Keys in order, which would make a chain of a tree that is not balanced. */
Test(buf, strmap_with_many_keys)
{
	MP_AUTO(mp_strmap_freep) struct mp_strmap *map = mp_strmap_new(NULL);
	static int values[200000];
	char key[16];

	for (int i = 0; i < 200000; i++) {
		snprintf(key, sizeof(key), "%06d", i);
		mp_strmap_put(map, key, &values[i]);
	}
	cr_expect_eq(mp_strmap_count(map), 200000);
	cr_expect_eq(mp_strmap_get(map, "123456"), &values[123456]);
	cr_expect_null(mp_strmap_get(map, "1234567"));
}

Test(buf, steal_macros)
{
	char *text = mp_xstrdup("x"), *mine = MP_STEAL(text);
	int fd = 5, other = MP_STEAL_FD(fd);

	cr_expect_null(text);
	cr_expect_str_eq(mine, "x");
	cr_expect_eq(fd, -1);
	cr_expect_eq(other, 5);
	mp_freep(&mine);
}
