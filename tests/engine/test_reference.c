/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/internal.h"

#include "core/log.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

Test(engine_reference, split)
{
	static const struct {
		const char *reference, *name, *tag, *registry;
	} cases[] = {
		{ "nginx", "nginx", "latest", "docker.io" },
		{ "nginx:1.25", "nginx", "1.25", "docker.io" },
		{ "library/nginx:1", "library/nginx", "1", "docker.io" },
		{ "nginx@" DIGEST, "nginx", DIGEST, "docker.io" },
		{ "nginx:1@" DIGEST, "nginx", DIGEST, "docker.io" },
		{ "docker.io/library/nginx", "docker.io/library/nginx", "latest", "docker.io" },
		{ "index.docker.io/nginx", "index.docker.io/nginx", "latest", "docker.io" },
		{ "ghcr.io/a/b/c:d", "ghcr.io/a/b/c", "d", "ghcr.io" },
		{ "localhost/a", "localhost/a", "latest", "localhost" },
		{ "localhost:5000/a", "localhost:5000/a", "latest", "localhost:5000" },
		{ "localhost:5000/a:b", "localhost:5000/a", "b", "localhost:5000" },
		{ "h:5000/a@" DIGEST, "h:5000/a", DIGEST, "h:5000" },
		{ "[::1]:5000/a:b", "[::1]:5000/a", "b", "[::1]:5000" },
		{ "Registry/a", "Registry/a", "latest", "Registry" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_reference_clear) struct mp_reference parts = { 0 };
		struct mp_error err = { 0 };

		cr_expect_eq(mp_reference_check(cases[i].reference, &err), 0, "%s", err.msg);
		mp_reference_split(cases[i].reference, &parts);
		cr_expect_str_eq(parts.name, cases[i].name, "%s: %s", cases[i].reference,
				 parts.name);
		cr_expect_str_eq(parts.tag, cases[i].tag, "%s: %s", cases[i].reference, parts.tag);
		cr_expect_str_eq(parts.registry, cases[i].registry, "%s: %s", cases[i].reference,
				 parts.registry);
	}
}

Test(engine_reference, what_could_leave_its_path_is_refused)
{
	static const char *const bad[] = {
		"",         ".",          "..",    "../containers/json",
		"a/../b",   "a/..",       "/a",    "a/",
		"a//b",     "a/.b",       "a?b=c", "a#b",
		"a b",      "a%2e%2e",    "a\nb",  "a\r\nX: y",
		"\xc3\xa9", "a&tag=x",    "[::1",  "a/[b]",
		"-a",       "@sha256:00", ":tag",  "a\\b",
	};
	char longer[2000];

	for (size_t i = 0; i < MP_ARRAY_LEN(bad); i++) {
		struct mp_error err = { 0 };

		cr_expect_eq(mp_reference_check(bad[i], &err), -1, "'%s'", bad[i]);
		cr_expect_eq(err.code, MP_E_USAGE, "'%s'", bad[i]);
		cr_expect_not_null(strstr(err.msg, "' is not the name of an image"), "%s", err.msg);
	}
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	cr_expect_eq(mp_reference_check(longer, NULL), -1);
}

Test(engine_reference, containers)
{
	static const char *const good[] = { "a", "0123456789ab", "name_1.x-y" };
	static const char *const bad[] = { "", ".", "..", "a/b", "a b", "-a", "a?x", "a\n" };

	for (size_t i = 0; i < MP_ARRAY_LEN(good); i++)
		cr_expect_eq(mp_container_check(good[i], NULL), 0, "'%s'", good[i]);
	for (size_t i = 0; i < MP_ARRAY_LEN(bad); i++) {
		struct mp_error err = { 0 };

		cr_expect_eq(mp_container_check(bad[i], &err), -1, "'%s'", bad[i]);
		cr_expect_eq(err.code, MP_E_USAGE);
		cr_expect_not_null(strstr(err.msg, "' is not the ID or name of a container"), "%s",
				   err.msg);
	}
}

Test(engine_reference, url_escape)
{
	static const struct {
		const char *text, *keep, *out;
	} cases[] = {
		{ "a-b._~Z9", "", "a-b._~Z9" },
		{ "h:5000/a@b", "", "h%3A5000%2Fa%40b" },
		{ "h:5000/a@b", "/:@", "h:5000/a@b" },
		{ "a b&c=d?e#f%+", "", "a%20b%26c%3Dd%3Fe%23f%25%2B" },
		{ "\xc3\xa9\n", "", "%C3%A9%0A" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_buf_free) struct mp_buf out = { 0 };

		mp_url_escape(&out, cases[i].text, cases[i].keep);
		cr_expect_str_eq(out.data, cases[i].out);
	}
}

Test(engine_reference, base64)
{
	/* RFC 4648, section 10, and the two digits in which the alphabets differ. */
	static const struct {
		const char *plain, *encoded, *url;
	} cases[] = {
		{ "", "", "" },
		{ "f", "Zg==", "Zg==" },
		{ "fo", "Zm8=", "Zm8=" },
		{ "foo", "Zm9v", "Zm9v" },
		{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
		{ "\xfb\xff", "+/8=", "-_8=" },
	};
	static const char *const bad[] = { "A", "AAAAA", "a b=", "-_8=", "Zg=\n", "=A" };

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_buf_free) struct mp_buf encoded = { 0 }, url = { 0 }, back = { 0 };

		mp_base64_encode(&encoded, cases[i].plain, strlen(cases[i].plain), false);
		mp_base64_encode(&url, cases[i].plain, strlen(cases[i].plain), true);
		cr_expect_eq(mp_base64_decode(&back, cases[i].encoded, NULL), 0);
		cr_expect_str_eq(encoded.data ? encoded.data : "", cases[i].encoded);
		cr_expect_str_eq(url.data ? url.data : "", cases[i].url);
		cr_expect_str_eq(back.data ? back.data : "", cases[i].plain);
	}
	for (size_t i = 0; i < MP_ARRAY_LEN(bad); i++) {
		MP_AUTO(mp_buf_free) struct mp_buf back = { 0 };

		cr_expect_eq(mp_base64_decode(&back, bad[i], NULL), -1, "'%s'", bad[i]);
	}
}

/* The header for @registry as JSON text, or "" where there is none. */
static char *header_for(const char *config_text, const char *registry)
{
	MP_AUTO(mp_json_freep)
	struct mp_json *config = mp_json_parse(config_text, strlen(config_text), "config", NULL);
	MP_AUTO(mp_freep) char *header = mp_credentials_find(config, registry);
	struct mp_buf text = { 0 };

	cr_assert_not_null(config, "%s", config_text);
	for (char *p = header ? header : (char[]){ "" }; *p; p++)
		*p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
	cr_assert_eq(mp_base64_decode(&text, header ? header : "", NULL), 0);
	return mp_buf_steal(&text);
}

Test(engine_reference, credentials)
{
	static const char config[] =
		"{\"auths\":{"
		"\"https://index.docker.io/v1/\":{\"auth\":\"aHVi4oKsOnB3Onc=\"},"
		"\"ghcr.io\":{\"auth\":\"dTpw\",\"identitytoken\":\"tok\"},"
		"\"https://old.example:5000/v1/\":{\"username\":\"o\",\"password\":\"p\"},"
		"\"helper.example\":{},"
		"\"broken.example\":{\"auth\":\"???\"},"
		"\"nocolon.example\":{\"auth\":\"dXNlcg==\"},"
		"\"number.example\":7,"
		"\"wrong.example\":{\"auth\":[1],\"password\":{}}},"
		"\"credsStore\":\"desktop\"}";
	static const struct {
		const char *registry, *header;
	} cases[] = {
		{ "docker.io", "{\"username\":\"hub\xe2\x82\xac\",\"password\":\"pw:w\","
			       "\"serveraddress\":\"https://index.docker.io/v1/\"}" },
		{ "ghcr.io", "{\"identitytoken\":\"tok\",\"username\":\"u\",\"password\":\"p\","
			     "\"serveraddress\":\"ghcr.io\"}" },
		{ "old.example:5000", "{\"username\":\"o\",\"password\":\"p\","
				      "\"serveraddress\":\"https://old.example:5000/v1/\"}" },
		{ "old.example", "" },
		{ "hcr.io", "" },
		{ "helper.example", "" },
		{ "broken.example", "" },
		{ "nocolon.example", "" },
		{ "number.example", "" },
		{ "wrong.example", "" },
	};
	static const char *const without[] = { "{}", "[]", "{\"auths\":7}", "{\"auths\":null}" };

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep) char *header = header_for(config, cases[i].registry);

		cr_expect_str_eq(header, cases[i].header, "%s: %s", cases[i].registry, header);
	}
	for (size_t i = 0; i < MP_ARRAY_LEN(without); i++) {
		MP_AUTO(mp_freep) char *header = header_for(without[i], "docker.io");

		cr_expect_str_eq(header, "", "%s", without[i]);
	}
}

static void keep_message(enum mp_log_level level, const char *message, void *context)
{
	(void)level;
	snprintf(context, 300, "%s", message);
}

Test(engine_reference, credentials_file)
{
	char dir[] = "/tmp/mp-test-engine-XXXXXX";
	char warning[300] = "";
	MP_AUTO(mp_freep) char *path = NULL, *header = NULL;
	FILE *file;

	cr_assert_not_null(mkdtemp(dir));
	setenv("DOCKER_CONFIG", dir, 1);
	mp_log_set_sink(keep_message, warning);
	cr_expect_null(mp_credentials_load("ghcr.io"));
	cr_expect_str_empty(warning, "no config.json is nothing to warn of: %s", warning);

	path = mp_xasprintf("%s/config.json", dir);
	file = fopen(path, "w");
	fputs("{\"auths\":{\"ghcr.io\":{\"auth\":\"dTpw\"}}}", file);
	fclose(file);
	header = mp_credentials_load("ghcr.io");
	cr_expect_not_null(header);
	cr_expect_null(mp_credentials_load("docker.io"));

	file = fopen(path, "w");
	fputs("{\"auths\":", file);
	fclose(file);
	cr_expect_null(mp_credentials_load("ghcr.io"));
	cr_expect_not_null(strstr(warning, "registry credentials are not used"), "%s", warning);
	unlink(path);
	rmdir(dir);
}
