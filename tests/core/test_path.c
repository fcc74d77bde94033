/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/path.h"

#include <criterion/criterion.h>
#include <string.h>

Test(path, clean)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "/", "/" },
		{ "//", "/" },
		{ "/a//b/", "/a/b" },
		{ "/./a/./b", "/a/b" },
		{ "/a/../b", "/a/../b" },
		{ "/.a/..b", "/.a/..b" },
		{ "relative", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep) char *out = mp_path_clean(cases[i].in);

		if (!cases[i].out)
			cr_expect_null(out, "'%s'", cases[i].in);
		else
			cr_expect_str_eq(out, cases[i].out, "'%s' gives '%s'", cases[i].in, out);
	}
}

Test(path, parent_base_and_under)
{
	MP_AUTO(mp_freep) char *top = mp_path_parent("/a");
	MP_AUTO(mp_freep) char *deep = mp_path_parent("/a/b/c");
	MP_AUTO(mp_freep) char *joined = mp_path_join("/", "x");

	MP_AUTO(mp_freep) char *here = mp_path_directory("a");
	MP_AUTO(mp_freep) char *below = mp_path_directory("a/b/c");

	cr_expect_str_eq(here, ".");
	cr_expect_str_eq(below, "a/b");
	cr_expect_str_eq(top, "/");
	cr_expect_str_eq(deep, "/a/b");
	cr_expect_str_eq(joined, "/x");
	cr_expect_str_eq(mp_path_base("/a/b"), "b");
	cr_expect(mp_path_is_under("/a/b", "/a"));
	cr_expect(mp_path_is_under("/a", "/a"));
	cr_expect(mp_path_is_under("/ab", "/"));
	cr_expect_not(mp_path_is_under("/ab", "/a"));
}

Test(path, has_dotdot)
{
	static const char *const with[] = { "..", "/..", "../a", "/a/../b", "/a//..", "a/.." };
	static const char *const without[] = { "", "/", "/a", "/..a", "/a..", "/...", "/a/.b" };

	for (size_t i = 0; i < MP_ARRAY_LEN(with); i++)
		cr_expect(mp_path_has_dotdot(with[i]), "%s", with[i]);
	for (size_t i = 0; i < MP_ARRAY_LEN(without); i++)
		cr_expect_not(mp_path_has_dotdot(without[i]), "%s", without[i]);
}

/* Every byte but NUL, alone and in a row, survives escape and unescape. */
Test(path, escape_round_trip)
{
	char all[256];

	for (int i = 1; i < 256; i++) {
		char one[2] = { (char)i, '\0' };
		MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
		MP_AUTO(mp_freep) char *back = NULL;

		all[i - 1] = (char)i;
		mp_path_escape(&text, one);
		back = mp_path_unescape(text.data);
		cr_expect_str_eq(back, one, "byte %d as '%s'", i, text.data);
	}
	all[255] = '\0';
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	mp_path_escape(&text, all);
	MP_AUTO(mp_freep) char *back = mp_path_unescape(text.data);
	cr_expect_str_eq(back, all);
}

Test(path, escape_text)
{
	static const struct {
		const char *bytes, *text;
	} cases[] = {
		{ "/plain", "/plain" },
		{ "/\xc3\xa9", "/\xc3\xa9" }, /* é */
		{ "/\xe9", "/\\xe9" },        /* Latin-1 é */
		{ "/a\\b", "/a\\\\b" },
		{ "/a\nb\x1b", "/a\\x0ab\\x1b" },
		{ "/\xc0\xaf", "/\\xc0\\xaf" },          /* overlong '/' */
		{ "/\xed\xa0\x80", "/\\xed\\xa0\\x80" }, /* surrogate */
		{ "/\xc2\x9b", "/\\xc2\\x9b" },          /* C1 control */
		{ "/\xf0\x9f\x90\x8b", "/\xf0\x9f\x90\x8b" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };

		mp_path_escape(&text, cases[i].bytes);
		cr_expect_str_eq(text.data, cases[i].text);
	}
}

Test(path, unescape_refuses)
{
	static const char *const bad[] = { "\\", "\\x", "\\x1", "\\xg0", "\\n", "\\x00" };

	for (size_t i = 0; i < MP_ARRAY_LEN(bad); i++)
		cr_expect_null(mp_path_unescape(bad[i]), "'%s'", bad[i]);
}

Test(path, printable_text_is_cut_at_a_character)
{
	char out[6];

	mp_text_printable("ab\xc3\xa9\xc3\xa9", out, sizeof(out));
	cr_expect_str_eq(out, "ab\xc3\xa9");
	mp_text_printable("a\x1b[31m", out, sizeof(out));
	cr_expect_str_eq(out, "a\\x1b");
}
