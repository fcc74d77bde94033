/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/image_config.h"

#include <criterion/criterion.h>
#include <string.h>

/* mp_image_config_read on @text; the caller frees @config. */
static int read_text(struct mp_image_config *config, const char *text, struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = mp_json_parse(text, strlen(text), "t", err);

	cr_assert_not_null(json, "%s: %s", text, err->msg);
	return mp_image_config_read(config, json, err);
}

static void expect_list(const struct mp_strv *list, const char *joined, const char *what)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };

	for (size_t i = 0; i < list->n; i++)
		mp_buf_addf(&text, "%s|", list->v[i]);
	cr_expect_str_eq(text.data ? text.data : "", joined, "%s: %s", what, text.data);
}

Test(image_config, every_member)
{
	static const char text[] =
		"{\"Env\":[\"B=2\",\"A=1=1\",\"AB=\",\"N\"],\"Entrypoint\":[\"/e\",\"\"],"
		"\"Cmd\":[\"c d\"],\"Shell\":[\"/bin/bash\",\"-c\"],\"OnBuild\":[\"RUN b\",\"RUN "
		"a\"],\"ExposedPorts\":{\"443/tcp\":{},\"80/udp\":{},\"80/tcp\":{},\"9\":{}},"
		"\"Volumes\":{\"/z\":{},\"/a\":{}},\"Labels\":{\"z\":\"1\",\"a\":\"\",\"n\":null},"
		"\"WorkingDir\":\"/w\",\"User\":\"u:g\",\"StopSignal\":\"SIGQUIT\","
		"\"Healthcheck\":{\"Test\":[\"CMD\",\"h\"],\"Interval\":1,\"Timeout\":2,"
		"\"StartPeriod\":3,\"StartInterval\":4,\"Retries\":5},\"Hostname\":\"h\"}";
	MP_AUTO(mp_image_config_free) struct mp_image_config config = { 0 };
	struct mp_error err = { 0 };

	cr_assert_eq(read_text(&config, text, &err), 0, "%s", err.msg);
	expect_list(&config.env, "B=2|A=1=1|AB=|N|", "Env");
	expect_list(&config.entrypoint, "/e||", "Entrypoint");
	expect_list(&config.cmd, "c d|", "Cmd");
	expect_list(&config.shell, "/bin/bash|-c|", "Shell");
	expect_list(&config.onbuild, "RUN b|RUN a|", "OnBuild");
	expect_list(&config.exposed, "9|80/tcp|80/udp|443/tcp|", "ExposedPorts");
	expect_list(&config.volumes, "/a|/z|", "Volumes");
	expect_list(&config.label_keys, "a|n|z|", "Labels");
	expect_list(&config.label_values, "||1|", "Labels");
	expect_list(&config.healthcheck, "CMD|h|", "Healthcheck");
	cr_expect_str_eq(config.working_dir, "/w");
	cr_expect_str_eq(config.user, "u:g");
	cr_expect_str_eq(config.stop_signal, "SIGQUIT");
	cr_expect_eq(config.health_interval_ns, 1);
	cr_expect_eq(config.health_timeout_ns, 2);
	cr_expect_eq(config.health_start_period_ns, 3);
	cr_expect_eq(config.health_start_interval_ns, 4);
	cr_expect_eq(config.health_retries, 5);
	cr_expect_str_eq(mp_image_config_getenv(&config, "A"), "1=1");
	cr_expect_str_eq(mp_image_config_getenv(&config, "AB"), "");
	cr_expect_null(mp_image_config_getenv(&config, "N"));
	cr_expect_null(mp_image_config_getenv(&config, "a"));
}

Test(image_config, nothing_is_nothing)
{
	static const char *const texts[] = {
		"{}",
		"{\"Env\":null,\"Cmd\":null,\"Labels\":null,\"Healthcheck\":null,\"User\":null}",
		"{\"Env\":[],\"Cmd\":[],\"Labels\":{},\"Healthcheck\":{},\"User\":\"\"}",
		"{\"WorkingDir\":\"\",\"ExposedPorts\":{},\"Volumes\":{}}",
	};
	const struct mp_image_config zero = { 0 };

	for (size_t i = 0; i < MP_ARRAY_LEN(texts); i++) {
		MP_AUTO(mp_image_config_free) struct mp_image_config config = { 0 };
		struct mp_error err = { 0 };

		cr_assert_eq(read_text(&config, texts[i], &err), 0, "%s", err.msg);
		cr_expect_eq(memcmp(&config, &zero, sizeof(zero)), 0, "%s", texts[i]);
	}
	MP_AUTO(mp_image_config_free) struct mp_image_config absent = { 0 };
	cr_expect_eq(mp_image_config_read(&absent, NULL, NULL), 0);
	cr_expect_eq(memcmp(&absent, &zero, sizeof(zero)), 0);
}

Test(image_config, wrong_types)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "[]", "the image configuration is not an object" },
		{ "{\"Env\":\"A=1\"}", "image configuration: 'Env' is not an array" },
		{ "{\"Env\":[\"A=1\",2]}",
		  "image configuration: 'Env' is not an array of strings" },
		{ "{\"Env\":[null]}", "image configuration: 'Env' is not an array of strings" },
		{ "{\"Cmd\":\"sh\"}", "image configuration: 'Cmd' is not an array" },
		{ "{\"Entrypoint\":{}}", "image configuration: 'Entrypoint' is not an array" },
		{ "{\"Shell\":1}", "image configuration: 'Shell' is not an array" },
		{ "{\"OnBuild\":true}", "image configuration: 'OnBuild' is not an array" },
		{ "{\"ExposedPorts\":[\"80/tcp\"]}",
		  "image configuration: 'ExposedPorts' is not an object" },
		{ "{\"Volumes\":[]}", "image configuration: 'Volumes' is not an object" },
		{ "{\"Labels\":[]}", "image configuration: 'Labels' is not an object" },
		{ "{\"Labels\":{\"a\":1}}", "image configuration: Labels: 'a' is not a string" },
		{ "{\"WorkingDir\":1}", "image configuration: 'WorkingDir' is not a string" },
		{ "{\"User\":0}", "image configuration: 'User' is not a string" },
		{ "{\"StopSignal\":9}", "image configuration: 'StopSignal' is not a string" },
		{ "{\"Healthcheck\":[]}", "image configuration: 'Healthcheck' is not an object" },
		{ "{\"Healthcheck\":{\"Test\":\"NONE\"}}",
		  "image configuration: Healthcheck: 'Test' is not an array" },
		{ "{\"Healthcheck\":{\"Interval\":\"30s\"}}",
		  "image configuration: Healthcheck: 'Interval' is not an integer" },
		{ "{\"Healthcheck\":{\"Retries\":1.5}}",
		  "image configuration: Healthcheck: 'Retries' is not an integer" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_image_config_free) struct mp_image_config config = { 0 };
		struct mp_error err = { 0 };

		cr_expect_eq(read_text(&config, cases[i].text, &err), -1, "%s", cases[i].text);
		cr_expect_eq(err.code, MP_E_FORMAT);
		cr_expect_str_eq(err.msg, cases[i].message, "%s: %s", cases[i].text, err.msg);
	}
}

/* Keys that are no ports still have one order. */
Test(image_config, odd_ports)
{
	MP_AUTO(mp_image_config_free) struct mp_image_config config = { 0 };
	struct mp_error err = { 0 };

	cr_assert_eq(read_text(&config,
			       "{\"ExposedPorts\":{\"http\":{},\"99999999999999999999\":{},"
			       "\"\":{},\"-1\":{},\"8000-8010/tcp\":{}}}",
			       &err),
		     0, "%s", err.msg);
	expect_list(&config.exposed, "-1||http|8000-8010/tcp|99999999999999999999|", "ports");
}
