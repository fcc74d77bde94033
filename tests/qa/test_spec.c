/* SPDX-License-Identifier: BSD-2-Clause */
#include "qa/spec.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the options of docker run become in the body of POST /containers/create. */

TestSuite(spec, .timeout = 30);

/* @json's member at @path ("HostConfig.Binds") as text, or NULL where it is not there. */
static char *member(const struct mp_json *json, const char *path)
{
	MP_AUTO(mp_strv_free) struct mp_strv keys = { 0 };

	mp_strv_split(&keys, path, ".");
	for (size_t i = 0; i < keys.n && json; i++)
		json = mp_json_get(json, keys.v[i]);
	return json ? mp_json_dump(json) : NULL;
}

static void expect_member(const struct mp_json *body, const char *path, const char *expected,
			  const char *about)
{
	MP_AUTO(mp_freep) char *text = member(body, path);

	if (!expected)
		cr_expect_null(text, "%s: %s is %s", about, path, text);
	else
		cr_expect(text && strcmp(text, expected) == 0, "%s: %s is %s, not %s", about, path,
			  text ? text : "(absent)", expected);
}

static struct mp_json *body_of(const struct mp_run_spec *spec, const struct mp_image_config *config,
			       const char *about)
{
	static const struct mp_image_config nothing;
	struct mp_json *body = NULL;
	struct mp_error err = { 0 };

	cr_assert(mp_run_spec_to_json(spec, "sha256:1", config ? config : &nothing, NULL, &body,
				      &err) == 0,
		  "%s: %s", about, err.msg);
	return body;
}

static void expect_refused(const struct mp_run_spec *spec, const char *message)
{
	const struct mp_image_config nothing = { 0 };
	struct mp_json *body = NULL;
	struct mp_error err = { 0 };

	cr_expect_eq(mp_run_spec_to_json(spec, "sha256:1", &nothing, NULL, &body, &err), -1,
		     "no error: %s", message);
	cr_expect_null(body);
	cr_expect_eq(err.code, MP_E_USAGE, "code %d: %s", err.code, err.msg);
	cr_expect(strstr(err.msg, message), "'%s', not '%s'", err.msg, message);
}

Test(spec, nothing_is_added_to_the_image)
{
	const struct mp_run_spec spec = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *body = body_of(&spec, NULL, "empty");

	expect_member(body, "Image", "\"sha256:1\"", "empty");
	expect_member(body, "Env", "[]", "empty");
	expect_member(body, "Volumes", "{}", "empty");
	expect_member(body, "ExposedPorts", "{}", "empty");
	expect_member(body, "HostConfig",
		      "{\"CapAdd\":[],\"PortBindings\":{},\"Binds\":[],\"Mounts\":[],\"Tmpfs\":{}}",
		      "empty");
	/* What is left out the engine takes from the image. */
	expect_member(body, "User", NULL, "empty");
	expect_member(body, "WorkingDir", NULL, "empty");
	expect_member(body, "Entrypoint", NULL, "empty");
	expect_member(body, "Cmd", NULL, "empty");
	expect_member(body, "Healthcheck", NULL, "empty");
}

Test(spec, process)
{
	struct mp_run_spec spec = { .user = (char *)"1000:1000",
				    .workdir = (char *)"/srv/a b",
				    .entrypoint = (char *)"/bin/run",
				    .network = (char *)"back end" };
	struct mp_strv other = { 0 };
	const struct mp_image_config nothing = { 0 };
	struct mp_json *body, *replaced = NULL;
	struct mp_error err = { 0 };

	mp_strv_push(&spec.command, "-c");
	mp_strv_push(&spec.command, "echo \"$HOME\" \xc3\xa9");
	mp_strv_push(&spec.command, "");
	mp_strv_push(&spec.cap_add, "NET_ADMIN");
	mp_strv_push(&spec.cap_add, "ALL");
	body = body_of(&spec, NULL, "process");
	expect_member(body, "User", "\"1000:1000\"", "process");
	expect_member(body, "WorkingDir", "\"/srv/a b\"", "process");
	expect_member(body, "Entrypoint", "[\"/bin/run\"]", "process");
	expect_member(body, "Cmd", "[\"-c\",\"echo \\\"$HOME\\\" \xc3\xa9\",\"\"]", "process");
	expect_member(body, "HostConfig.CapAdd", "[\"NET_ADMIN\",\"ALL\"]", "process");
	expect_member(body, "HostConfig.NetworkMode", "\"back end\"", "process");
	mp_json_freep(&body);

	/* --run's arguments in place of those after "--". */
	mp_strv_push(&other, "--version");
	cr_assert(mp_run_spec_to_json(&spec, "sha256:1", &nothing, &other, &replaced, &err) == 0);
	expect_member(replaced, "Cmd", "[\"--version\"]", "run");
	mp_json_freep(&replaced);
	mp_strv_free(&other);
	cr_assert(mp_run_spec_to_json(&spec, "sha256:1", &nothing, &other, &replaced, &err) == 0);
	expect_member(replaced, "Cmd", NULL, "--run '' leaves the image's CMD");
	mp_json_freep(&replaced);
	spec.entrypoint = (char *)"";
	body = body_of(&spec, NULL, "entrypoint");
	expect_member(body, "Entrypoint", "[\"\"]", "an empty one removes the image's");
	mp_json_freep(&body);
	mp_strv_free(&spec.command);
	mp_strv_free(&spec.cap_add);
}

/* Environment */

Test(spec, env)
{
	struct mp_run_spec spec = { 0 };
	struct mp_error err = { 0 };
	struct mp_json *body;

	setenv("MP_TEST_SET", "from here", 1);
	setenv("MP_TEST_EMPTY", "", 1);
	setenv("MP_TEST_BYTES", "\xff", 1);
	unsetenv("MP_TEST_UNSET");
	cr_expect_eq(mp_run_spec_add_env(&spec, "A=1", &err), 0);
	cr_expect_eq(mp_run_spec_add_env(&spec, "B=a=b c", &err), 0);
	cr_expect_eq(mp_run_spec_add_env(&spec, "C=", &err), 0);
	cr_expect_eq(mp_run_spec_add_env(&spec, "MP_TEST_SET", &err), 0);
	cr_expect_eq(mp_run_spec_add_env(&spec, "MP_TEST_EMPTY", &err), 0);
	cr_expect_eq(mp_run_spec_add_env(&spec, "MP_TEST_UNSET", &err), 0);
	body = body_of(&spec, NULL, "env");
	expect_member(body, "Env",
		      "[\"A=1\",\"B=a=b c\",\"C=\",\"MP_TEST_SET=from here\",\"MP_TEST_EMPTY=\"]",
		      "env");
	mp_json_freep(&body);

	cr_expect_eq(mp_run_spec_add_env(&spec, "", &err), -1);
	cr_expect_str_eq(err.msg, "--env '': a variable needs a name");
	cr_expect_eq(mp_run_spec_add_env(&spec, "=x", &err), -1);
	cr_expect_str_eq(err.msg, "--env '=x': a variable needs a name");
	cr_expect_eq(mp_run_spec_add_env(&spec, "A=\xc3", &err), -1);
	cr_expect_str_eq(err.msg, "--env 'A=\\xc3' is not UTF-8");
	cr_expect_eq(mp_run_spec_add_env(&spec, "MP_TEST_BYTES", &err), -1);
	cr_expect_str_eq(err.msg, "--env 'MP_TEST_BYTES=\\xff' is not UTF-8");
	cr_expect_eq(err.code, MP_E_USAGE);
	mp_run_spec_free(&spec);
}

/* A file with @text; the caller's to unlink. */
static void write_env_file(char path[32], const char *text, size_t len)
{
	int fd;

	strcpy(path, "/tmp/mp-test-env-XXXXXX");
	fd = mkstemp(path);
	cr_assert(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	close(fd);
}

Test(spec, env_file)
{
	static const struct {
		const char *text, *env; /* env: NULL for an error */
		const char *message;
	} cases[] = {
		{ "", "[]", NULL },
		{ "A=1\nB=2\n", "[\"A=1\",\"B=2\"]", NULL },
		{ "A=1", "[\"A=1\"]", NULL },
		{ "\n \n# no\n  # no\n\tA=1 \n", "[\"A=1 \"]", NULL },
		{ "A=1\r\n\r\nB=2\r\n", "[\"A=1\",\"B=2\"]", NULL },
		{ "A=\"quoted\" # kept\n", "[\"A=\\\"quoted\\\" # kept\"]", NULL },
		{ "MP_TEST_SET\nMP_TEST_UNSET\n", "[\"MP_TEST_SET=here\"]", NULL },
		{ "A=1\n=2\n", NULL, " line 2: --env '=2': a variable needs a name" },
		{ "A=\xe9\n", NULL, " line 1: --env 'A=\\xe9' is not UTF-8" },
	};

	setenv("MP_TEST_SET", "here", 1);
	unsetenv("MP_TEST_UNSET");
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_run_spec_free) struct mp_run_spec spec = { 0 };
		MP_AUTO(mp_json_freep) struct mp_json *body = NULL;
		struct mp_error err = { 0 };
		char path[32];
		int rc;

		write_env_file(path, cases[i].text, strlen(cases[i].text));
		rc = mp_run_spec_add_env_file(&spec, path, &err);
		unlink(path);
		cr_expect_eq(rc, cases[i].env ? 0 : -1, "'%s': %s", cases[i].text, err.msg);
		if (!cases[i].env) {
			cr_expect(strstr(err.msg, cases[i].message), "'%s'", err.msg);
			cr_expect_eq(err.code, MP_E_USAGE);
			continue;
		}
		body = body_of(&spec, NULL, "env file");
		expect_member(body, "Env", cases[i].env, cases[i].text);
	}
}

Test(spec, env_file_that_is_none)
{
	struct mp_run_spec spec = { 0 };
	struct mp_error err = { 0 };
	char path[32];

	cr_expect_eq(mp_run_spec_add_env_file(&spec, "/nonexistent", &err), -1);
	cr_expect_eq(err.code, MP_E_USAGE);
	cr_expect_str_eq(err.msg, "--env-file: open '/nonexistent': No such file or directory");
	cr_expect_eq(mp_run_spec_add_env_file(&spec, "/", &err), -1);
	cr_expect_eq(err.code, MP_E_USAGE);
	write_env_file(path, "A=1\0B=2\n", 8);
	cr_expect_eq(mp_run_spec_add_env_file(&spec, path, &err), -1);
	cr_expect(strstr(err.msg, "is no text"), "'%s'", err.msg);
	cr_expect_eq(spec.env.n, 0);
	unlink(path);
}

/* Ports */

#define PORT(port, ip, host) "\"" port "\":[{\"HostIp\":\"" ip "\",\"HostPort\":\"" host "\"}]"

Test(spec, publish)
{
	static const struct {
		const char *publish, *bindings;
	} cases[] = {
		{ "80", "{" PORT("80/tcp", "", "") "}" },
		{ "8080:80", "{" PORT("80/tcp", "", "8080") "}" },
		{ "0:80", "{" PORT("80/tcp", "", "0") "}" },
		{ "8053:53/udp", "{" PORT("53/udp", "", "8053") "}" },
		{ "9999:9999/sctp", "{" PORT("9999/sctp", "", "9999") "}" },
		{ "127.0.0.1:8080:80", "{" PORT("80/tcp", "127.0.0.1", "8080") "}" },
		{ "127.0.0.1::80", "{" PORT("80/tcp", "127.0.0.1", "") "}" },
		{ "[::1]:8080:80", "{" PORT("80/tcp", "::1", "8080") "}" },
		{ "[::1]::80/udp", "{" PORT("80/udp", "::1", "") "}" },
		{ "[fe80::1:2]:8080:80", "{" PORT("80/tcp", "fe80::1:2", "8080") "}" },
		{ "80-82", "{" PORT("80/tcp", "", "") "," PORT("81/tcp", "",
							       "") "," PORT("82/tcp", "", "") "}" },
		{ "8080-8081:80-81",
		  "{" PORT("80/tcp", "", "8080") "," PORT("81/tcp", "", "8081") "}" },
		{ "10.0.0.1:8080-8081:80-81/udp", "{" PORT("80/udp", "10.0.0.1", "8080") "," PORT(
							  "81/udp", "10.0.0.1", "8081") "}" },
		{ "65535:65535", "{" PORT("65535/tcp", "", "65535") "}" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_run_spec_free) struct mp_run_spec spec = { 0 };
		MP_AUTO(mp_json_freep) struct mp_json *body = NULL;

		mp_strv_push(&spec.publish, cases[i].publish);
		body = body_of(&spec, NULL, cases[i].publish);
		expect_member(body, "HostConfig.PortBindings", cases[i].bindings, cases[i].publish);
	}
}

Test(spec, publish_refused)
{
	static const char *const bad[] = {
		"",
		"x",
		"80/",
		"80/icmp",
		"0",
		"65536",
		"70000:80",
		"8080:",
		"-1",
		"80-",
		"82-80",
		"8080-8081:80",
		"8080:80-81",
		"80 ",
		" 80",
		"+80",
		"a:8080:80",
		"1.2.3:8080:80",
		"::",
		"[::1]:80",
		"[::1:8080:80",
		"::1]:8080:80",
		"[nonsense]:80:80",
		"[]:80:80",
		"localhost:8080:80",
		"99999999999999999999",
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(bad); i++) {
		MP_AUTO(mp_run_spec_free) struct mp_run_spec spec = { 0 };
		MP_AUTO(mp_freep)
		char *message =
			mp_xasprintf("--publish '%s': [[IP:]HOSTPORT:]CONTAINERPORT", bad[i]);

		mp_strv_push(&spec.publish, bad[i]);
		expect_refused(&spec, message);
	}
}

Test(spec, exposed_ports)
{
	static const struct {
		const char *about, *publish, *network;
		const char *bindings, *exposed;
	} cases[] = {
		{ "on the loopback address", NULL, NULL,
		  "{" PORT("53/udp", "127.0.0.1", "") "," PORT("80/tcp", "127.0.0.1", "") "," PORT(
			  "8080/tcp", "127.0.0.1", "") "}",
		  "{\"53/udp\":{},\"80/tcp\":{},\"8080/tcp\":{}}" },
		{ "unless the user says otherwise", "9000:80", NULL,
		  "{" PORT("80/tcp", "", "9000") "," PORT("53/udp", "127.0.0.1", "") "," PORT(
			  "8080/tcp", "127.0.0.1", "") "}",
		  "{\"80/tcp\":{},\"53/udp\":{},\"8080/tcp\":{}}" },
		{ "tcp is not udp", "9000:53", NULL,
		  "{" PORT("53/tcp", "", "9000") "," PORT("53/udp", "127.0.0.1", "") "," PORT(
			  "80/tcp", "127.0.0.1", "") "," PORT("8080/tcp", "127.0.0.1", "") "}",
		  "{\"53/tcp\":{},\"53/udp\":{},\"80/tcp\":{},\"8080/tcp\":{}}" },
		{ "a network of the user's", NULL, "backend",
		  "{" PORT("53/udp", "127.0.0.1", "") "," PORT("80/tcp", "127.0.0.1", "") "," PORT(
			  "8080/tcp", "127.0.0.1", "") "}",
		  "{\"53/udp\":{},\"80/tcp\":{},\"8080/tcp\":{}}" },
		{ "the host's network", "9000:80", "host", "{}", "{}" },
		{ "no network", NULL, "none", "{}", "{}" },
		{ "another container's", NULL, "container:db", "{}", "{}" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_run_spec_free) struct mp_run_spec spec = { 0 };
		MP_AUTO(mp_image_config_free) struct mp_image_config config = { 0 };
		MP_AUTO(mp_json_freep) struct mp_json *body = NULL;

		mp_strv_push(&config.exposed, "53/udp");
		mp_strv_push(&config.exposed, "80/tcp");
		mp_strv_push(&config.exposed, "8080"); /* as OCI allows */
		spec.network = mp_xstrdup(cases[i].network);
		if (cases[i].publish)
			mp_strv_push(&spec.publish, cases[i].publish);
		body = body_of(&spec, &config, cases[i].about);
		expect_member(body, "HostConfig.PortBindings", cases[i].bindings, cases[i].about);
		expect_member(body, "ExposedPorts", cases[i].exposed, cases[i].about);
	}
}

Test(spec, a_port_published_twice)
{
	MP_AUTO(mp_run_spec_free) struct mp_run_spec spec = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *body = NULL;

	mp_strv_push(&spec.publish, "127.0.0.1:8080:80");
	mp_strv_push(&spec.publish, "[::1]:8080:80");
	body = body_of(&spec, NULL, "twice");
	expect_member(body, "HostConfig.PortBindings",
		      "{\"80/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8080\"},"
		      "{\"HostIp\":\"::1\",\"HostPort\":\"8080\"}]}",
		      "twice");
	expect_member(body, "ExposedPorts", "{\"80/tcp\":{}}", "twice");
}

Test(spec, publishes)
{
	static const struct {
		const char *network;
		bool publishes;
	} cases[] = {
		{ NULL, true },         { "bridge", true }, { "hosts", true },
		{ "host", false },      { "none", false },  { "container:x", false },
		{ "containers", true },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		const struct mp_run_spec spec = { .network = (char *)cases[i].network };

		cr_expect_eq(mp_run_spec_publishes(&spec), cases[i].publishes, "%s",
			     cases[i].network);
	}
}

/* Volumes and mounts */

Test(spec, volumes)
{
	MP_AUTO(mp_run_spec_free) struct mp_run_spec spec = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *body = NULL;
	MP_AUTO(mp_freep) char *expected = NULL;
	char dir[] = "/tmp/mp-test-spec-XXXXXX";

	cr_assert(mkdtemp(dir) && chdir(dir) == 0);
	mp_strv_push(&spec.volumes, "/anonymous");
	mp_strv_push(&spec.volumes, "named:/data");
	mp_strv_push(&spec.volumes, "/host/path:/data2:ro,z");
	mp_strv_push(&spec.volumes, ".:/here");
	mp_strv_push(&spec.volumes, "./../..:/up:ro");
	body = body_of(&spec, NULL, "volumes");
	rmdir(dir);
	expected = mp_xasprintf("[\"named:/data\",\"/host/path:/data2:ro,z\",\"%s:/here\","
				"\"/:/up:ro\"]",
				dir);
	expect_member(body, "HostConfig.Binds", expected, "volumes");
	expect_member(body, "Volumes", "{\"/anonymous\":{}}", "volumes");
}

Test(spec, volumes_refused)
{
	static const struct {
		const char *volume, *message;
	} cases[] = {
		{ "relative", "--volume 'relative': the path in the container must be absolute" },
		{ "", "--volume '': the path in the container must be absolute" },
		{ "./missing:/x", "--volume './missing:/x': No such file or directory" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_run_spec_free) struct mp_run_spec spec = { 0 };

		mp_strv_push(&spec.volumes, cases[i].volume);
		expect_refused(&spec, cases[i].message);
	}
}

Test(spec, a_volume_in_a_folder_that_is_no_text)
{
	MP_AUTO(mp_run_spec_free) struct mp_run_spec spec = { 0 };
	char dir[] = "/tmp/mp-test-\xff-XXXXXX";

	cr_assert(mkdtemp(dir) && chdir(dir) == 0);
	mp_strv_push(&spec.volumes, ".:/x");
	expect_refused(&spec, "is not UTF-8");
	rmdir(dir);
}

Test(spec, mounts)
{
	static const struct {
		const char *mount, *json;
	} cases[] = {
		{ "type=bind,source=/a,target=/b",
		  "[{\"Type\":\"bind\",\"Source\":\"/a\",\"Target\":\"/b\"}]" },
		{ "type=bind,src=/a,dst=/b,readonly",
		  "[{\"Type\":\"bind\",\"Source\":\"/a\",\"Target\":\"/b\",\"ReadOnly\":true}]" },
		{ "target=/b", "[{\"Type\":\"volume\",\"Target\":\"/b\"}]" },
		{ "destination=/b,ro=false,src=v",
		  "[{\"Type\":\"volume\",\"Target\":\"/b\",\"ReadOnly\":false,\"Source\":\"v\"}]" },
		{ "type=tmpfs,target=/t,ro=1",
		  "[{\"Type\":\"tmpfs\",\"Target\":\"/t\",\"ReadOnly\":true}]" },
		{ "type=bind,src=/a=b,target=/b,bind-propagation=rshared,consistency=cached",
		  "[{\"Type\":\"bind\",\"Source\":\"/a=b\",\"Target\":\"/b\","
		  "\"BindOptions\":{\"Propagation\":\"rshared\"},\"Consistency\":\"cached\"}]" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_run_spec_free) struct mp_run_spec spec = { 0 };
		MP_AUTO(mp_json_freep) struct mp_json *body = NULL;

		mp_strv_push(&spec.mounts, cases[i].mount);
		body = body_of(&spec, NULL, cases[i].mount);
		expect_member(body, "HostConfig.Mounts", cases[i].json, cases[i].mount);
	}
}

Test(spec, mounts_refused)
{
	static const struct {
		const char *mount, *message;
	} cases[] = {
		{ "type=bind,source=/a", "--mount 'type=bind,source=/a': a target is needed" },
		{ "", "--mount '': '' is not known (type, source, target," },
		{ "target=/b,size=1", "--mount 'target=/b,size=1': 'size' is not known" },
		{ "target", "--mount 'target': 'target' is not known" },
		{ "target=/b,readonly=maybe", "readonly=maybe: true or false is needed" },
		{ "target=/b,bind-propagation", "'bind-propagation' is not known" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_run_spec_free) struct mp_run_spec spec = { 0 };

		mp_strv_push(&spec.mounts, cases[i].mount);
		expect_refused(&spec, cases[i].message);
	}
}

Test(spec, tmpfs)
{
	MP_AUTO(mp_run_spec_free) struct mp_run_spec spec = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *body = NULL;

	mp_strv_push(&spec.tmpfs, "/run");
	mp_strv_push(&spec.tmpfs, "/tmp:rw,size=64m,mode=1777");
	body = body_of(&spec, NULL, "tmpfs");
	expect_member(body, "HostConfig.Tmpfs",
		      "{\"/run\":\"\",\"/tmp\":\"rw,size=64m,mode=1777\"}", "tmpfs");
}

/* A container that becomes healthy is to be seen soon. */
Test(spec, health_interval)
{
	static const struct {
		const char *test;
		int64_t interval_ns;
		const char *json;
	} cases[] = {
		{ NULL, 0, NULL },
		{ "NONE", 0, NULL },
		{ "CMD", 0, "{\"Interval\":1000000000}" }, /* the engine's default: 30 s */
		{ "CMD-SHELL", INT64_C(30000000000), "{\"Interval\":1000000000}" },
		{ "CMD", INT64_C(1000000000), NULL },
		{ "CMD", 250000000, NULL },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		const struct mp_run_spec spec = { 0 };
		MP_AUTO(mp_image_config_free) struct mp_image_config config = { 0 };
		MP_AUTO(mp_json_freep) struct mp_json *body = NULL;

		if (cases[i].test)
			mp_strv_push(&config.healthcheck, cases[i].test);
		config.health_interval_ns = cases[i].interval_ns;
		body = body_of(&spec, &config, "health");
		expect_member(body, "Healthcheck", cases[i].json,
			      cases[i].test ? cases[i].test : "none");
	}
}
