/* SPDX-License-Identifier: BSD-2-Clause */
#include "dockerfile-gen/dockerfile.h"
#include "dockerfile-gen/quote.h"

#include <criterion/criterion.h>
#include <string.h>

#define HEAD "FROM scratch\nADD rootfs.tar /\n"
#define KEPT                                                                                       \
	", which a Dockerfile cannot say; the image that micropack loads into the engine needs "   \
	"no "                                                                                      \
	"Dockerfile and keeps it"

/* The Dockerfile of the configuration @json, or NULL and @err. */
static char *generate(const char *json, const char *rootfs_name, struct mp_error *err)
{
	MP_AUTO(mp_image_config_free) struct mp_image_config config = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *value = NULL;
	char *text = NULL;

	value = mp_json_parse(json, strlen(json), "test", err);
	cr_assert_not_null(value, "%s: %s", json, err->msg);
	cr_assert_eq(mp_image_config_read(&config, value, err), 0, "%s: %s", json, err->msg);
	if (mp_dockerfile_generate(&config, rootfs_name, &text, err))
		cr_expect_null(text, "%s: the output is touched", json);
	return text;
}

Test(dockerfile, instructions)
{
	static const struct {
		const char *json, *lines;
	} cases[] = {
		{ "{}", "" },
		{ "{\"Env\":null,\"Cmd\":[],\"User\":\"\",\"Healthcheck\":{}}", "" },
		{ "{\"Env\":[\"PATH=/bin:/sbin\",\"A=b c\",\"E=\"]}",
		  "ENV PATH=/bin:/sbin \\\n    A=\"b c\" \\\n    E=\"\"\n" },
		{ "{\"Env\":[\"Q=a=b\"]}", "ENV Q=\"a=b\"\n" },
		{ "{\"Env\":[\"Q=${HOME} $$ \\\\ \\\" ' #\"]}",
		  "ENV Q=\"\\${HOME} \\$\\$ \\\\ \\\" ' #\"\n" },
		{ "{\"Env\":[\"T=a\\tb\",\"U=\\u00e9\",\"R=a\\rb\"]}",
		  "ENV T=\"a\tb\" \\\n    U=\"\xc3\xa9\" \\\n    R=\"a\rb\"\n" },
		{ "{\"Env\":[\"--x=--y\",\"#a=<<EOF\",\"B=c\\\\\"]}",
		  "ENV \"--x\"=\"--y\" \\\n    \"#a\"=\"<<EOF\" \\\n    B=\"c\\\\\"\n" },
		{ "{\"Labels\":{\"b.c/d\":\"\",\"a \\\"$x\":\"1\"}}",
		  "LABEL \"a \\\"\\$x\"=1 \\\n      b.c/d=\"\"\n" },
		{ "{\"WorkingDir\":\"/srv/a b\"}", "WORKDIR \"/srv/a b\"\n" },
		{ "{\"ExposedPorts\":{\"443/tcp\":{},\"80/tcp\":{},\"53/udp\":{},\"9\":{}}}",
		  "EXPOSE 9 53/udp 80/tcp 443/tcp\n" },
		{ "{\"ExposedPorts\":{\"8000-8010/TCP\":{},\"0/sctp\":{}}}",
		  "EXPOSE 0/sctp 8000-8010/TCP\n" },
		{ "{\"Volumes\":{\"/data\":{},\"/a b\":{},\"/q\\\"$\":{}}}",
		  "VOLUME [\"\\\"/a b\\\"\", \"/data\", \"\\\"/q\\\\\\\"\\\\$\\\"\"]\n" },
		{ "{\"StopSignal\":\"SIGQUIT\",\"User\":\"www-data:www-data\"}",
		  "STOPSIGNAL SIGQUIT\nUSER www-data:www-data\n" },
		{ "{\"StopSignal\":\"SIGRTMIN+3\",\"User\":\"--x\"}",
		  "STOPSIGNAL SIGRTMIN+3\nUSER \"--x\"\n" },
		{ "{\"Cmd\":[\"-c\",\"a\\nb\"],\"Entrypoint\":[\"/bin/sh\",\"\"]}",
		  "ENTRYPOINT [\"/bin/sh\", \"\"]\nCMD [\"-c\", \"a\\nb\"]\n" },
		{ "{\"Cmd\":[\"$x \\\\ <<EOF # \\u00e9\"],\"Shell\":[\"/bin/bash\",\"-c\"]}",
		  "SHELL [\"/bin/bash\", \"-c\"]\nCMD [\"$x \\\\ <<EOF # \xc3\xa9\"]\n" },
		{ "{\"OnBuild\":[\"COPY . /app\",\"run  make <<< x  \"]}",
		  "ONBUILD COPY . /app\nONBUILD run  make <<< x  \n" },
		{ "{\"Healthcheck\":{\"Test\":[\"NONE\"]}}", "HEALTHCHECK NONE\n" },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD\",\"/h\",\"a\\n\"],\"Interval\":30000000000}}",
		  "HEALTHCHECK --interval=30s CMD [\"/h\", \"a\\n\"]\n" },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"[ -f \\\"$x\\\" ] || exit 1\"],"
		  "\"Timeout\":1500000000,\"StartPeriod\":1000001,\"StartInterval\":60000000000,"
		  "\"Retries\":3}}",
		  "HEALTHCHECK --timeout=1500ms --start-period=1000001ns --start-interval=60s "
		  "--retries=3 CMD [ -f \"$x\" ] || exit 1\n" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep) char *text = NULL;
		struct mp_error err = { 0 };

		text = generate(cases[i].json, "rootfs.tar", &err);
		cr_assert_not_null(text, "%s: %s", cases[i].json, err.msg);
		cr_assert_eq(strncmp(text, HEAD, strlen(HEAD)), 0, "%s", text);
		cr_expect_str_eq(text + strlen(HEAD), cases[i].lines, "%s gives %s", cases[i].json,
				 text);
	}
}

/* The directory first, before VOLUME could hide it and USER own it; ENTRYPOINT clears CMD. */
Test(dockerfile, order)
{
	static const char json[] =
		"{\"Cmd\":[\"c\"],\"Entrypoint\":[\"e\"],\"User\":\"u\",\"OnBuild\":[\"RUN x\"],"
		"\"Shell\":[\"s\"],\"Healthcheck\":{\"Test\":[\"NONE\"]},\"StopSignal\":\"9\","
		"\"Volumes\":{\"/v\":{}},\"ExposedPorts\":{\"1/tcp\":{}},\"Labels\":{\"l\":\"\"},"
		"\"Env\":[\"A=1\"],\"WorkingDir\":\"/w\"}";
	struct mp_error err = { 0 };
	MP_AUTO(mp_freep) char *text = generate(json, "rootfs.tar", &err);

	cr_assert_not_null(text, "%s", err.msg);
	cr_expect_str_eq(text, HEAD "WORKDIR /w\nENV A=1\nLABEL l=\"\"\nEXPOSE 1/tcp\n"
				    "VOLUME [\"/v\"]\nSTOPSIGNAL 9\nHEALTHCHECK NONE\n"
				    "SHELL [\"s\"]\nONBUILD RUN x\nUSER u\nENTRYPOINT [\"e\"]\n"
				    "CMD [\"c\"]\n");
}

Test(dockerfile, archive_names)
{
	static const struct {
		const char *name, *line; /* NULL: refused */
	} cases[] = {
		{ "rootfs.tar", "ADD rootfs.tar /\n" },
		{ "my rootfs.tar", "ADD [\"\\\"my rootfs.tar\\\"\", \"/\"]\n" },
		{ "--chown", "ADD [\"\\\"--chown\\\"\", \"/\"]\n" },
		{ "$x#'", "ADD [\"\\\"\\\\$x#'\\\"\", \"/\"]\n" },
		{ "*.tar", NULL },
		{ "a?", NULL },
		{ "[a", NULL },
		{ "a\\b", NULL },
		{ "http://host/a", NULL },
		{ "<<EOF", NULL },
		{ "", NULL },
		{ "a\nRUN x", NULL },
		{ "a\xff", NULL },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep) char *text = NULL;
		struct mp_error err = { 0 };

		text = generate("{}", cases[i].name, &err);
		if (cases[i].line) {
			cr_assert_not_null(text, "'%s': %s", cases[i].name, err.msg);
			cr_expect_str_eq(text + strlen("FROM scratch\n"), cases[i].line);
		} else {
			cr_expect_null(text, "'%s' gives %s", cases[i].name, text);
			cr_expect_eq(err.code, MP_E_FORMAT);
		}
	}
}

Test(dockerfile, what_cannot_be_said)
{
	static const struct {
		const char *json, *message;
	} cases[] = {
		{ "{\"Env\":[\"FOO=a\\nRUN rm -rf /\"]}", "ENV FOO holds a newline" KEPT },
		{ "{\"Env\":[\"F\\nX=a\"]}", "ENV F\\x0aX holds a newline" KEPT },
		{ "{\"Env\":[\"FOO\"]}", "ENV FOO has no value" KEPT },
		{ "{\"Env\":[\"=a\"]}", "ENV has an empty name" KEPT },
		{ "{\"Labels\":{\"a\":\"b\\n\"}}", "LABEL a holds a newline" KEPT },
		{ "{\"Labels\":{\"a=b\":\"c\"}}", "LABEL a=b is a name with '='" KEPT },
		{ "{\"Labels\":{\"\":\"c\"}}", "LABEL has an empty name" KEPT },
		{ "{\"WorkingDir\":\"/a\\nb\"}", "WORKDIR holds a newline" KEPT },
		{ "{\"WorkingDir\":\"a\"}", "WORKDIR a is not an absolute path" KEPT },
		{ "{\"User\":\"a\\nb\"}", "USER holds a newline" KEPT },
		{ "{\"StopSignal\":\"9\\nb\"}", "STOPSIGNAL holds a newline" KEPT },
		{ "{\"Volumes\":{\"/a\\nb\":{}}}", "VOLUME holds a newline" KEPT },
		{ "{\"Volumes\":{\"\":{}}}", "VOLUME is an empty path" KEPT },
		{ "{\"ExposedPorts\":{\"http\":{}}}", "EXPOSE http is not a port" KEPT },
		{ "{\"ExposedPorts\":{\"65536/tcp\":{}}}", "EXPOSE 65536/tcp is not a port" KEPT },
		{ "{\"ExposedPorts\":{\"80/tcp\\nRUN x\":{}}}",
		  "EXPOSE 80/tcp\\x0aRUN x is not a port" KEPT },
		{ "{\"ExposedPorts\":{\"1-2-3/tcp\":{}}}", "EXPOSE 1-2-3/tcp is not a port" KEPT },
		{ "{\"ExposedPorts\":{\"-1/tcp\":{}}}", "EXPOSE -1/tcp is not a port" KEPT },
		{ "{\"ExposedPorts\":{\"\":{}}}", "EXPOSE  is not a port" KEPT },
		{ "{\"OnBuild\":[\"RUN a\\nRUN b\"]}", "ONBUILD holds a newline" KEPT },
		{ "{\"OnBuild\":[\"\"]}", "ONBUILD is an empty text" KEPT },
		{ "{\"OnBuild\":[\" RUN a\"]}", "ONBUILD begins with a blank" KEPT },
		{ "{\"OnBuild\":[\"RUN a\\\\ \"]}", "ONBUILD ends in a backslash" KEPT },
		{ "{\"OnBuild\":[\"RUN a\\r\"]}", "ONBUILD ends in a blank" KEPT },
		{ "{\"OnBuild\":[\"FROM x\"]}",
		  "ONBUILD FROM x is no instruction that a builder delays" KEPT },
		{ "{\"OnBuild\":[\"RUN\"]}",
		  "ONBUILD RUN is no instruction that a builder delays" KEPT },
		{ "{\"OnBuild\":[\"RUN cat <<EOF\"]}", "ONBUILD holds a here-document" KEPT },
		{ "{\"OnBuild\":[\"RUN cat 3<<-EOF\"]}", "ONBUILD holds a here-document" KEPT },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a\\nb\"]}}",
		  "HEALTHCHECK holds a newline" KEPT },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"\"]}}",
		  "HEALTHCHECK is an empty text" KEPT },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"\\ta\"]}}",
		  "HEALTHCHECK begins with a blank" KEPT },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"\\u3000a\"]}}",
		  "HEALTHCHECK begins with a blank" KEPT },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a \"]}}",
		  "HEALTHCHECK ends in a blank" KEPT },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a\\u2003\"]}}",
		  "HEALTHCHECK ends in a blank" KEPT },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a\\u00a0\"]}}",
		  "HEALTHCHECK ends in a blank" KEPT },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a\\\\\"]}}",
		  "HEALTHCHECK ends in a backslash" KEPT },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"[ \\\"a\\\" ] || b\"]}}",
		  "HEALTHCHECK is a shell command that begins as a JSON array" KEPT },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a\",\"b\"]}}",
		  "HEALTHCHECK is neither NONE nor CMD nor CMD-SHELL with its command" KEPT },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD\"]}}",
		  "HEALTHCHECK is neither NONE nor CMD nor CMD-SHELL with its command" KEPT },
		{ "{\"Healthcheck\":{\"Test\":[\"NONE\",\"a\"]}}",
		  "HEALTHCHECK is neither NONE nor CMD nor CMD-SHELL with its command" KEPT },
		{ "{\"Healthcheck\":{\"Test\":[\"other\"]}}",
		  "HEALTHCHECK is neither NONE nor CMD nor CMD-SHELL with its command" KEPT },
		{ "{\"Healthcheck\":{\"Interval\":1000000000}}",
		  "HEALTHCHECK is neither NONE nor CMD nor CMD-SHELL with its command" KEPT },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\"],\"Interval\":999999}}",
		  "HEALTHCHECK interval is below a millisecond" KEPT },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\"],\"Timeout\":-1}}",
		  "HEALTHCHECK timeout is below a millisecond" KEPT },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\"],\"Retries\":-1}}",
		  "HEALTHCHECK retries is out of range" KEPT },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\"],\"Retries\":2147483648}}",
		  "HEALTHCHECK retries is out of range" KEPT },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep) char *text = NULL;
		struct mp_error err = { 0 };

		text = generate(cases[i].json, "rootfs.tar", &err);
		cr_expect_null(text, "%s gives %s", cases[i].json, text);
		cr_expect_eq(err.code, MP_E_FORMAT, "%s", cases[i].json);
		cr_expect_str_eq(err.msg, cases[i].message, "%s: %s", cases[i].json, err.msg);
	}
}

/* A configuration that did not come from JSON. */
Test(dockerfile, bytes_that_are_not_utf8)
{
	static char bad[] = "A=\xff", *list[] = { bad };
	struct mp_strv strv = { list, 1, 0 };
	const struct mp_image_config cases[] = {
		{ .env = strv },        { .cmd = strv },
		{ .entrypoint = strv }, { .shell = strv },
		{ .onbuild = strv },    { .volumes = strv },
		{ .user = bad },        { .stop_signal = bad },
		{ .exposed = strv },    { .label_keys = strv, .label_values = strv },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_error err = { 0 };
		char *text = NULL;

		cr_expect_eq(mp_dockerfile_generate(&cases[i], "rootfs.tar", &text, &err), -1,
			     "case %zu gives %s", i, text);
		cr_expect_eq(err.code, MP_E_FORMAT);
	}
}

Test(dockerfile, long_name_leaves_the_reason)
{
	MP_AUTO(mp_buf_free) struct mp_buf json = { 0 };
	struct mp_error err = { 0 };

	mp_buf_adds(&json, "{\"Env\":[\"");
	for (int i = 0; i < 3000; i++)
		mp_buf_addc(&json, 'N');
	mp_buf_adds(&json, "=\\n\"]}");
	cr_expect_null(generate(json.data, "rootfs.tar", &err));
	cr_expect_not_null(strstr(err.msg, "N holds a newline" KEPT), "%s", err.msg);
}

static size_t longest_line(const char *text)
{
	size_t longest = 0;

	while (*text) {
		size_t len = strcspn(text, "\n");

		longest = len > longest ? len : longest;
		text += len + (text[len] == '\n');
	}
	return longest;
}

/* Labels of build packs are longer than a line may be: ENV and LABEL wrap, an argv does not. */
Test(dockerfile, long_values)
{
	static const char *const units[] = { "x", " ", "#", "\\\\", "$", "\xf0\x9f\x90\x8b", "'" };

	for (size_t i = 0; i < MP_ARRAY_LEN(units); i++) {
		MP_AUTO(mp_buf_free) struct mp_buf value = { 0 };
		MP_AUTO(mp_freep) char *env = NULL, *cmd = NULL, *text = NULL;
		struct mp_error err = { 0 };

		while (value.len < 200000)
			mp_buf_adds(&value, units[i]);
		env = mp_xasprintf("{\"Env\":[\"A%s=%s\"]}", value.data, value.data);
		cmd = mp_xasprintf("{\"Cmd\":[\"%s\"]}", value.data);
		text = generate(env, "rootfs.tar", &err);
		cr_assert_not_null(text, "%s", err.msg);
		cr_expect_leq(longest_line(text), MP_DOCKERFILE_MAX_LINE, "unit '%s'", units[i]);
		cr_expect_null(generate(cmd, "rootfs.tar", &err));
		cr_expect_str_eq(err.msg, "CMD needs a line of more than 64 KiB" KEPT, "%s",
				 err.msg);
	}
}

Test(dockerfile, shell_text_that_reads_as_json)
{
	static const struct {
		const char *text;
		bool json;
	} cases[] = {
		{ "[]", true },
		{ "[\"a\"]", true },
		{ "[ \"a\" , \"b\" ] && x", true },
		{ "[ 1 ] || exit", true },
		{ "[ true ]", true },
		{ "[ -1.5e3 ]", true },
		{ "[[\"a\"]]", true },
		{ "[{\"a\": [1, null]}] x", true },
		{ "[ \"a\\\"]\" ]", true },
		{ "[ -f /x ] || exit 1", false },
		{ "[[ -f /x ]]", false },
		{ "[ 1 -eq 1 ]", false },
		{ "[ \"$x\" = \"y\" ]", false },
		{ "[ \"a\" \"b\" ]", false },
		{ "[ $? ]", false },
		{ "[ \"a", false },
		{ "[ \"a\"", false },
		{ "[", false },
		{ "[ truex ]", false },
		{ "[ - ]", false },
		{ "echo []", false },
		{ "{\"a\":1}", false },
		{ "", false },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++)
		cr_expect_eq(mp_dockerfile_reads_as_json(cases[i].text), cases[i].json, "'%s'",
			     cases[i].text);
}
