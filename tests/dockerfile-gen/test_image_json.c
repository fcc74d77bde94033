/* SPDX-License-Identifier: BSD-2-Clause */
#include "dockerfile-gen/dockerfile.h"

#include <criterion/criterion.h>
#include <string.h>

#define AROUND(config)                                                                             \
	"\"os\":\"linux\",\"created\":\"2026-01-02T03:04:05Z\",\"config\":" config                 \
	",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:0123\"]}"                         \
	",\"history\":[{\"created\":\"2026-01-02T03:04:05Z\",\"created_by\":\"micropack\"}]}"

static char *generate(const char *config, const char *variant)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	MP_AUTO(mp_json_freep) struct mp_json *image = NULL;
	struct mp_error err = { 0 };

	if (config) {
		json = mp_json_parse(config, strlen(config), "test", &err);
		cr_assert_not_null(json, "%s", err.msg);
	}
	image = mp_image_json_generate(json, "arm64", variant, "linux", "2026-01-02T03:04:05Z",
				       "0123");
	return mp_json_dump(image);
}

Test(image_json, config_members)
{
	static const struct {
		const char *config, *kept;
	} cases[] = {
		{ NULL, "{}" },
		{ "[]", "{}" },
		{ "{}", "{}" },
		{ "{\"Env\":[\"A=1\"],\"Cmd\":null,\"X-Unknown\":{\"a\":[1]}}",
		  "{\"Env\":[\"A=1\"],\"X-Unknown\":{\"a\":[1]}}" },
		{ "{\"Hostname\":\"\",\"AttachStdin\":false,\"Tty\":false,\"User\":\"\"}",
		  "{\"User\":\"\"}" },
		{ "{\"Hostname\":\"h\",\"Tty\":true,\"StdinOnce\":7}",
		  "{\"Hostname\":\"h\",\"Tty\":true,\"StdinOnce\":7}" },
		{ "{\"Image\":\"sha256:4567\",\"StopTimeout\":3,\"ArgsEscaped\":true}",
		  "{\"StopTimeout\":3,\"ArgsEscaped\":true}" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep) char *text = generate(cases[i].config, NULL);
		MP_AUTO(mp_freep) char *config = mp_xasprintf("\"config\":%s,", cases[i].kept);

		cr_expect_not_null(strstr(text, config), "%s gives %s", cases[i].config, text);
	}
}

Test(image_json, what_stands_around)
{
	MP_AUTO(mp_freep) char *plain = generate("{\"User\":\"1\"}", NULL);
	MP_AUTO(mp_freep) char *empty = generate("{\"User\":\"1\"}", "");
	MP_AUTO(mp_freep) char *variant = generate("{\"User\":\"1\"}", "v8");

	cr_expect_str_eq(plain, "{\"architecture\":\"arm64\"," AROUND("{\"User\":\"1\"}"));
	cr_expect_str_eq(empty, plain);
	cr_expect_str_eq(variant, "{\"architecture\":\"arm64\",\"variant\":\"v8\"," AROUND(
					  "{\"User\":\"1\"}"));
}

/* The caller's own configuration stays as it was. */
Test(image_json, input_is_untouched)
{
	static const char config[] = "{\"Image\":\"x\",\"Cmd\":null,\"Tty\":false}";
	struct mp_error err = { 0 };
	MP_AUTO(mp_json_freep)
	struct mp_json *json = mp_json_parse(config, strlen(config), "test", &err);
	MP_AUTO(mp_json_freep)
	struct mp_json *image = mp_image_json_generate(json, "amd64", NULL, "linux", "now", "00");
	MP_AUTO(mp_freep) char *after = mp_json_dump(json);

	cr_expect_not_null(image);
	cr_expect_str_eq(after, config);
}
