/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/words.h"

#include <criterion/criterion.h>

#define MAX_WORDS 5

Test(words, split)
{
	static const struct {
		const char *text;
		const char *words[MAX_WORDS]; /* up to the first NULL */
	} cases[] = {
		{ "", { NULL } },
		{ " \t\n ", { NULL } },
		{ "a b\tc\nd", { "a", "b", "c", "d" } },
		{ "  a  ", { "a" } },
		{ "''", { "" } },
		{ "\"\" a", { "", "a" } },
		{ "'a b' \"c d\"", { "a b", "c d" } },
		{ "a'b'\"c\"d", { "abcd" } },
		{ "'\\n$x\"'", { "\\n$x\"" } },
		{ "\"a\\\"b\\\\c\\$d\\`e\"", { "a\"b\\c$d`e" } },
		{ "\"\\n'\"", { "\\n'" } },
		{ "a\\ b \\'c \\\\", { "a b", "'c", "\\" } },
		{ "$HOME ~ * `x` #y", { "$HOME", "~", "*", "`x`", "#y" } },
		{ "\xc3\xa9 \xff", { "\xc3\xa9", "\xff" } },
		{ "-c 'echo \"hi there\"; exit 1'", { "-c", "echo \"hi there\"; exit 1" } },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_strv_free) struct mp_strv words = { 0 };
		struct mp_error err = { 0 };
		size_t n = 0;

		while (n < MAX_WORDS && cases[i].words[n])
			n++;
		cr_assert_eq(mp_words_split(cases[i].text, &words, &err), 0, "%s", err.msg);
		cr_assert_eq(words.n, n, "'%s' gives %zu words", cases[i].text, words.n);
		for (size_t w = 0; w < n; w++)
			cr_expect_str_eq(words.v[w], cases[i].words[w], "'%s'", cases[i].text);
	}
}

Test(words, unfinished)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "a 'b", "unfinished ' in 'a 'b'" },
		{ "\"a", "unfinished \" in '\"a'" },
		{ "\"a\\\"", "unfinished \" in '\"a\\\"'" },
		{ "\"a\\", "unfinished \" in '\"a\\'" },
		{ "a\\", "'a\\' ends in a backslash" },
		{ "\\", "'\\' ends in a backslash" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_strv_free) struct mp_strv words = { 0 };
		struct mp_error err = { 0 };

		cr_expect_eq(mp_words_split(cases[i].text, &words, &err), -1, "'%s'",
			     cases[i].text);
		cr_expect_eq(err.code, MP_E_USAGE);
		cr_expect_str_eq(err.msg, cases[i].message, "%s", err.msg);
	}
}

Test(words, appends)
{
	MP_AUTO(mp_strv_free) struct mp_strv words = { 0 };
	struct mp_error err = { 0 };

	mp_strv_push(&words, "first");
	cr_assert_eq(mp_words_split("second", &words, &err), 0);
	cr_expect_eq(words.n, 2);
	cr_expect_str_eq(words.v[1], "second");
}
