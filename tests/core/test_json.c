/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/json.h"

#include <criterion/criterion.h>
#include <string.h>

static struct mp_json *parse(const char *text)
{
	struct mp_error err = { 0 };
	struct mp_json *json = mp_json_parse(text, strlen(text), "test", &err);

	cr_assert_not_null(json, "%s: %s", text, err.msg);
	return json;
}

Test(json, dump_is_what_was_parsed)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"{\"b\":1,\"a\":2}",
		"[9223372036854775807,-9223372036854775808]",
		"[null,true,false,1.5,\"\"]",
		"[\"\\\"\\\\\\n\\u0001/\xc3\xa9\xf0\x9f\x90\x8b\"]",
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(texts); i++) {
		MP_AUTO(mp_json_freep) struct mp_json *json = parse(texts[i]);
		MP_AUTO(mp_json_freep) struct mp_json *copy = mp_json_copy(json);
		MP_AUTO(mp_freep) char *text = mp_json_dump(json);
		MP_AUTO(mp_freep) char *copied = mp_json_dump(copy);

		cr_expect_str_eq(text, texts[i]);
		cr_expect_str_eq(copied, texts[i]);
	}
}

Test(json, malformed)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{ "", 0 },
		{ "{", 1 },
		{ "{}x", 3 },
		{ "{} {}", 5 },
		{ "{\"a\":1,\"a\":2}", 13 },
		{ "[\"\xff\"]", 5 },
		{ "[\"\xc0\xaf\"]", 6 },
		{ "[\"\xed\xa0\x80\"]", 7 },
		{ "[\"\\u0000\"]", 10 },
		{ "[\"a\0b\"]", 7 },
		{ "[\"a\nb\"]", 7 },
		{ "[9223372036854775808]", 21 },
		{ "[1e999]", 7 },
		{ "[01]", 4 },
		{ "7", 1 },
		{ "[1,]", 4 },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_error err = { 0 };

		cr_expect_null(mp_json_parse(cases[i].text, cases[i].len, "a.json", &err), "%s",
			       cases[i].text);
		cr_expect_eq(err.code, MP_E_FORMAT);
		cr_expect_eq(strncmp(err.msg, "a.json: line ", 13), 0, "%s", err.msg);
	}
}

Test(json, error_has_line_and_column)
{
	static const char text[] = "{\n \"a\": 1,\n \"b\" 2\n}";
	struct mp_error err = { 0 };

	cr_expect_null(mp_json_parse(text, strlen(text), "a.json", &err));
	cr_expect_eq(strncmp(err.msg, "a.json: line 3, column 6: ", 26), 0, "%s", err.msg);
}

/* Deeper than any document needs is an error, not a stack overflow. */
Test(json, nesting)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	struct mp_error err = { 0 };

	for (int i = 0; i < 1000000; i++)
		mp_buf_addc(&text, '[');
	cr_expect_null(mp_json_parse(text.data, text.len, "a.json", &err));
	cr_expect_eq(err.code, MP_E_FORMAT);
}

Test(json, typed_members)
{
	MP_AUTO(mp_json_freep)
	struct mp_json *json =
		parse("{\"s\":\"x\",\"i\":-3,\"b\":true,\"o\":{\"k\":1},\"a\":[\"p\","
		      "\"q\"],\"n\":null,\"m\":[\"p\",1],\"r\":1.0}");
	MP_AUTO(mp_strv_free) struct mp_strv list = { 0 };
	const struct mp_json *value = NULL;
	const char *text = "default";
	struct mp_error err = { 0 };
	int64_t number = 42;
	bool truth = false;

	cr_expect_eq(mp_json_get_string(json, "s", &text, &err), 0);
	cr_expect_str_eq(text, "x");
	cr_expect_eq(mp_json_get_integer(json, "i", &number, &err), 0);
	cr_expect_eq(number, -3);
	cr_expect_eq(mp_json_get_boolean(json, "b", &truth, &err), 0);
	cr_expect(truth);
	cr_expect_eq(mp_json_get_object(json, "o", &value, &err), 0);
	cr_expect(mp_json_is_object(value));
	cr_expect_eq(mp_json_get_array(json, "a", &value, &err), 0);
	cr_expect_eq(mp_json_len(value), 2);
	cr_expect_str_eq(mp_json_text(mp_json_at(value, 1)), "q");
	cr_expect_null(mp_json_at(value, 2));
	cr_expect_eq(mp_json_get_strv(json, "a", &list, &err), 0);
	cr_expect_eq(list.n, 2);
	/* Nothing is appended by half. */
	cr_expect_eq(mp_json_get_strv(json, "m", &list, &err), -1);
	cr_expect_eq(list.n, 2);
	cr_expect_str_eq(err.msg, "'m' is not an array of strings");
}

Test(json, copies)
{
	MP_AUTO(mp_json_freep)
	struct mp_json *json = parse("{\"s\":\"x\",\"e\":\"\",\"n\":null,\"i\":[1,-2,"
				     "9223372036854775807],\"none\":[],\"m\":[1,\"p\"]}");
	MP_AUTO(mp_freep) char *text = NULL;
	MP_AUTO(mp_freep) char *nothing = NULL;
	MP_AUTO(mp_freep) int64_t *integers = NULL;
	MP_AUTO(mp_freep) int64_t *none = NULL;
	int64_t *absent = NULL;
	struct mp_error err = { 0 };
	size_t n = 42;

	cr_expect_eq(mp_json_copy_string(json, "s", &text, &err), 0);
	cr_expect_str_eq(text, "x");
	cr_expect_eq(mp_json_copy_string(json, "e", &nothing, &err), 0);
	cr_expect_null(nothing, "empty is as good as none");
	cr_expect_eq(mp_json_copy_string(json, "i", &nothing, &err), -1);
	cr_expect_str_eq(err.msg, "'i' is not a string");
	cr_expect_eq(mp_json_get_integers(json, "n", &absent, &n, &err), 0);
	cr_expect_eq(mp_json_get_integers(json, "x", &absent, &n, &err), 0);
	cr_expect_eq(mp_json_get_integers(json, "s", &absent, &n, &err), -1);
	cr_expect_str_eq(err.msg, "'s' is not an array");
	cr_expect_eq(mp_json_get_integers(json, "m", &absent, &n, &err), -1);
	cr_expect_str_eq(err.msg, "'m' is not an array of integers");
	cr_expect_null(absent);
	cr_expect_eq(n, 42);
	cr_expect_eq(mp_json_get_integers(json, "i", &integers, &n, &err), 0);
	cr_assert_eq(n, 3);
	cr_expect(integers[0] == 1 && integers[1] == -2 && integers[2] == INT64_MAX);
	cr_expect_eq(mp_json_get_integers(json, "none", &none, &n, &err), 0);
	cr_expect_eq(n, 0);
	cr_expect_not_null(none, "there is one, and it is empty");
}

/* Absent, null, and no object at all leave the output as it was. */
Test(json, absent_members)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = parse("{\"n\":null}");
	MP_AUTO(mp_json_freep) struct mp_json *array = parse("[1]");
	const struct mp_json *const owners[] = { json, array, NULL };

	for (size_t i = 0; i < MP_ARRAY_LEN(owners); i++) {
		MP_AUTO(mp_strv_free) struct mp_strv list = { 0 };
		const struct mp_json *value = array;
		const char *text = "default";
		struct mp_error err = { 0 };
		int64_t number = 42;
		bool truth = true;

		cr_expect_eq(mp_json_get_string(owners[i], "n", &text, &err), 0);
		cr_expect_eq(mp_json_get_integer(owners[i], "n", &number, &err), 0);
		cr_expect_eq(mp_json_get_boolean(owners[i], "x", &truth, &err), 0);
		cr_expect_eq(mp_json_get_object(owners[i], "n", &value, &err), 0);
		cr_expect_eq(mp_json_get_array(owners[i], "x", &value, &err), 0);
		cr_expect_eq(mp_json_get_strv(owners[i], "n", &list, &err), 0);
		mp_json_keys(mp_json_get(owners[i], "n"), &list);
		cr_expect_str_eq(text, "default");
		cr_expect_eq(number, 42);
		cr_expect(truth);
		cr_expect_eq(value, array);
		cr_expect_eq(list.n, 0);
	}
	cr_expect_eq(mp_json_len(NULL), 0);
	cr_expect_null(mp_json_at(NULL, 0));
	cr_expect_null(mp_json_text(NULL));
}

Test(json, wrong_types)
{
	MP_AUTO(mp_json_freep)
	struct mp_json *json = parse("{\"s\":1,\"i\":\"1\",\"r\":1.0,\"b\":0,\"o\":[],\"a\":{}}");
	const struct mp_json *value = NULL;
	const char *text = NULL;
	struct mp_error err = { 0 };
	int64_t number = 0;
	bool truth = false;

	cr_expect_eq(mp_json_get_string(json, "s", &text, &err), -1);
	cr_expect_str_eq(err.msg, "'s' is not a string");
	cr_expect_eq(mp_json_get_integer(json, "i", &number, &err), -1);
	cr_expect_str_eq(err.msg, "'i' is not an integer");
	cr_expect_eq(mp_json_get_integer(json, "r", &number, &err), -1);
	cr_expect_str_eq(err.msg, "'r' is not an integer");
	cr_expect_eq(mp_json_get_boolean(json, "b", &truth, &err), -1);
	cr_expect_str_eq(err.msg, "'b' is not true or false");
	cr_expect_eq(mp_json_get_object(json, "o", &value, &err), -1);
	cr_expect_str_eq(err.msg, "'o' is not an object");
	cr_expect_eq(mp_json_get_array(json, "a", &value, &err), -1);
	cr_expect_str_eq(err.msg, "'a' is not an array");
	cr_expect_eq(err.code, MP_E_FORMAT);
	cr_expect_null(value);
}

Test(json, building)
{
	char *words[] = { (char[]){ "p" }, (char[]){ "q\n" } };
	const struct mp_strv list = { words, 2, 0 };
	MP_AUTO(mp_json_freep) struct mp_json *json = mp_json_object();
	MP_AUTO(mp_strv_free) struct mp_strv keys = { 0 };
	struct mp_json *array = mp_json_array();
	MP_AUTO(mp_freep) char *text = NULL, *pretty = NULL;

	mp_json_push_take(array, mp_json_boolean(true));
	mp_json_set_string(json, "z", "last");
	mp_json_set_string(json, "none", NULL);
	mp_json_set_string(json, "latin1", "\xe9");
	mp_json_set_integer(json, "i", INT64_MIN);
	mp_json_set_boolean(json, "b", false);
	mp_json_set_take(json, "l", mp_json_from_strv(&list));
	mp_json_set_take(json, "a", array);
	mp_json_set_string(json, "gone", "x");
	mp_json_remove(json, "gone");
	mp_json_remove(json, "never");
	text = mp_json_dump(json);
	cr_expect_str_eq(text, "{\"z\":\"last\",\"i\":-9223372036854775808,\"b\":false,"
			       "\"l\":[\"p\",\"q\\n\"],\"a\":[true]}");
	mp_json_keys(json, &keys);
	cr_expect_eq(keys.n, 5);
	cr_expect_str_eq(keys.v[0], "z");
	mp_json_remove(json, "l");
	mp_json_remove(json, "a");
	pretty = mp_json_dump_pretty(json);
	cr_expect_str_eq(pretty, "{\n  \"z\": \"last\",\n  \"i\": -9223372036854775808,\n"
				 "  \"b\": false\n}\n");
	cr_expect_null(mp_json_string("\xff"));
}
