/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/internal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct mp_json *parse(const char *text)
{
	struct mp_error err = { 0 };
	struct mp_json *json = mp_json_parse(text, strlen(text), "test", &err);

	cr_assert_not_null(json, "%s: %s", text, err.msg);
	return json;
}

static struct mp_image *read_image(const char *text, struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = parse(text);
	struct mp_image *image = NULL;

	cr_expect_eq(mp_image_read(json, "ref", &image, err), image ? 0 : -1);
	return image;
}

Test(engine_inspect, image)
{
	struct mp_error err = { 0 };
	MP_AUTO(mp_image_freep)
	struct mp_image *image = read_image(
		"{\"Id\":\"sha256:1\",\"Architecture\":\"arm64\",\"Variant\":\"v8\","
		"\"Os\":\"linux\",\"Created\":\"2024-01-02T03:04:05Z\",\"Size\":5000000000,"
		"\"Config\":{\"Cmd\":[\"sh\"],\"Env\":[\"A=b\"]},"
		"\"GraphDriver\":{\"Name\":\"overlay2\",\"Data\":{\"LowerDir\":\"/l/2:/l/1\","
		"\"MergedDir\":\"/m\",\"UpperDir\":\"/l/3\",\"WorkDir\":\"/w\"}}}",
		&err);

	cr_assert_not_null(image, "%s", err.msg);
	cr_expect_str_eq(image->reference, "ref");
	cr_expect_str_eq(image->id, "sha256:1");
	cr_expect_str_eq(image->architecture, "arm64");
	cr_expect_str_eq(image->variant, "v8");
	cr_expect_str_eq(image->os, "linux");
	cr_expect_str_eq(image->created, "2024-01-02T03:04:05Z");
	cr_expect_eq(image->size_bytes, 5000000000);
	cr_expect_str_eq(image->config.cmd.v[0], "sh");
	cr_expect_eq(image->layer_dirs.n, 3);
	cr_expect_str_eq(image->layer_dirs.v[0], "/l/3");
	cr_expect_str_eq(image->layer_dirs.v[1], "/l/2");
	cr_expect_str_eq(image->layer_dirs.v[2], "/l/1");
}

/* What newer engines and other engines leave out, and storage drivers that are not overlay2. */
Test(engine_inspect, image_with_little)
{
	static const struct {
		const char *text;
		size_t n_dirs;
	} cases[] = {
		{ "{\"Id\":\"sha256:1\"}", 0 },
		{ "{\"Id\":\"sha256:1\",\"Config\":null,\"GraphDriver\":null,\"Variant\":\"\"}",
		  0 },
		{ "{\"Id\":\"sha256:1\",\"GraphDriver\":{\"Name\":\"overlay2\",\"Data\":null}}",
		  0 },
		{ "{\"Id\":\"sha256:1\",\"GraphDriver\":{\"Name\":\"overlay2\",\"Data\":"
		  "{\"UpperDir\":\"/u\"}}}",
		  1 },
		{ "{\"Id\":\"sha256:1\",\"GraphDriver\":{\"Name\":\"overlay2\",\"Data\":"
		  "{\"UpperDir\":\"/u\",\"LowerDir\":\"\"}}}",
		  1 },
		{ "{\"Id\":\"sha256:1\",\"GraphDriver\":{\"Name\":\"overlay\",\"Data\":"
		  "{\"UpperDir\":\"/u\",\"LowerDir\":\"/l\"}}}",
		  0 },
		{ "{\"Id\":\"sha256:1\",\"GraphDriver\":{\"Name\":\"vfs\",\"Data\":[]}}", 0 },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_error err = { 0 };
		MP_AUTO(mp_image_freep) struct mp_image *image = read_image(cases[i].text, &err);

		cr_assert_not_null(image, "%s: %s", cases[i].text, err.msg);
		cr_expect_eq(image->layer_dirs.n, cases[i].n_dirs, "%s", cases[i].text);
		cr_expect_str_eq(image->architecture, "");
		cr_expect_null(image->variant);
		cr_expect(mp_json_is_object(image->config_json));
		cr_expect_eq(image->config.env.n, 0);
	}
}

Test(engine_inspect, image_with_wrong_types)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "{}", "no 'Id'" },
		{ "[]", "no 'Id'" },
		{ "{\"Id\":7}", "'Id' is not a string" },
		{ "{\"Id\":\"x\",\"Architecture\":[]}", "'Architecture' is not a string" },
		{ "{\"Id\":\"x\",\"Variant\":0}", "'Variant' is not a string" },
		{ "{\"Id\":\"x\",\"Os\":{}}", "'Os' is not a string" },
		{ "{\"Id\":\"x\",\"Created\":1}", "'Created' is not a string" },
		{ "{\"Id\":\"x\",\"Size\":\"1\"}", "'Size' is not an integer" },
		{ "{\"Id\":\"x\",\"Size\":1.5}", "'Size' is not an integer" },
		{ "{\"Id\":\"x\",\"Config\":[]}", "'Config' is not an object" },
		{ "{\"Id\":\"x\",\"Config\":{\"Env\":{}}}", "'Env' is not an array" },
		{ "{\"Id\":\"x\",\"Config\":{\"Cmd\":[1]}}", "'Cmd' is not an array of strings" },
		{ "{\"Id\":\"x\",\"GraphDriver\":\"overlay2\"}", "'GraphDriver' is not an object" },
		{ "{\"Id\":\"x\",\"GraphDriver\":{\"Name\":2}}", "'Name' is not a string" },
		{ "{\"Id\":\"x\",\"GraphDriver\":{\"Name\":\"overlay2\",\"Data\":[]}}",
		  "'Data' is not an object" },
		{ "{\"Id\":\"x\",\"GraphDriver\":{\"Name\":\"overlay2\",\"Data\":{\"UpperDir\":1}}"
		  "}",
		  "'UpperDir' is not a string" },
		{ "{\"Id\":\"x\",\"GraphDriver\":{\"Name\":\"overlay2\",\"Data\":"
		  "{\"LowerDir\":\"/a::/b\"}}}",
		  "'LowerDir' has '', no absolute path" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_error err = { 0 };

		cr_expect_null(read_image(cases[i].text, &err), "%s", cases[i].text);
		cr_expect_eq(err.code, MP_E_ENGINE, "%s", cases[i].text);
		cr_expect_not_null(strstr(err.msg, "the engine's answer: "), "%s", err.msg);
		cr_expect_not_null(strstr(err.msg, cases[i].message), "%s: %s", cases[i].text,
				   err.msg);
	}
}

static int read_state(const char *text, struct mp_container_state *state, struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = parse(text);

	return mp_container_state_read(json, state, err);
}

Test(engine_inspect, container)
{
	MP_AUTO(mp_container_state_clear) struct mp_container_state state = { 0 };
	struct mp_error err = { 0 };

	cr_assert_eq(read_state("{\"State\":{\"Running\":true,\"OOMKilled\":true,\"ExitCode\":137,"
				"\"Error\":\"why\",\"Health\":{\"Status\":\"starting\"}},"
				"\"NetworkSettings\":{\"Ports\":{"
				"\"443/tcp\":[{\"HostIp\":\"::\",\"HostPort\":\"49154\"},"
				"{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"49153\"}],"
				"\"80/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8080\"},"
				"{\"HostIp\":\"127.0.0.2\",\"HostPort\":\"8081\"}],"
				"\"53/udp\":[{\"HostIp\":\"::1\",\"HostPort\":\"5353\"}],"
				"\"53/tcp\":[{\"HostPort\":\"53\"}],"
				"\"81/tcp\":null,\"82/tcp\":[],"
				"\"83/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"\"}]},"
				"\"Networks\":{\"a\":{\"IPAddress\":\"\"},\"b\":null,"
				"\"c\":{\"IPAddress\":\"172.17.0.2\"}}}}",
				&state, &err),
		     0, "%s", err.msg);
	cr_expect(state.running);
	cr_expect(state.oom_killed);
	cr_expect_eq(state.exit_code, 137);
	cr_expect_str_eq(state.error, "why");
	cr_expect_eq(state.health, MP_HEALTH_STARTING);
	cr_expect_str_eq(state.ip_address, "172.17.0.2");

	static const struct {
		unsigned int container_port, host_port;
		const char *protocol, *host_ip;
	} expected[] = {
		{ 53, 53, "tcp", "" },
		{ 53, 5353, "udp", "::1" },
		{ 80, 8080, "tcp", "127.0.0.1" },
		{ 443, 49153, "tcp", "" },
	};
	cr_assert_eq(state.n_ports, MP_ARRAY_LEN(expected));
	for (size_t i = 0; i < MP_ARRAY_LEN(expected); i++) {
		cr_expect_eq(state.ports[i].container_port, expected[i].container_port);
		cr_expect_eq(state.ports[i].host_port, expected[i].host_port);
		cr_expect_str_eq(state.ports[i].protocol, expected[i].protocol);
		cr_expect_str_eq(state.ports[i].host_ip, expected[i].host_ip);
	}
}

Test(engine_inspect, container_with_little)
{
	static const struct {
		const char *text;
		enum mp_health health;
	} cases[] = {
		{ "{\"State\":{}}", MP_HEALTH_NONE },
		{ "{\"State\":{\"Error\":\"\",\"Health\":null},\"NetworkSettings\":null}",
		  MP_HEALTH_NONE },
		{ "{\"State\":{\"Health\":{}},\"NetworkSettings\":{\"Ports\":null}}",
		  MP_HEALTH_NONE },
		{ "{\"State\":{\"Health\":{\"Status\":\"none\"}}}", MP_HEALTH_NONE },
		{ "{\"State\":{\"Health\":{\"Status\":\"healthy\"}}}", MP_HEALTH_HEALTHY },
		{ "{\"State\":{\"Health\":{\"Status\":\"unhealthy\"}}}", MP_HEALTH_UNHEALTHY },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_container_state_clear) struct mp_container_state state = { 0 };
		struct mp_error err = { 0 };

		cr_expect_eq(read_state(cases[i].text, &state, &err), 0, "%s", err.msg);
		cr_expect_eq(state.health, cases[i].health, "%s", cases[i].text);
		cr_expect_not(state.running);
		cr_expect_null(state.error);
		cr_expect_null(state.ip_address);
		cr_expect_eq(state.n_ports, 0);
	}
}

Test(engine_inspect, container_with_wrong_types)
{
#define PORTS(ports) "{\"State\":{},\"NetworkSettings\":{\"Ports\":" ports "}}"
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "{}", "no 'State'" },
		{ "{\"State\":[]}", "'State' is not an object" },
		{ "{\"State\":{\"Running\":1}}", "State: 'Running' is not true or false" },
		{ "{\"State\":{\"ExitCode\":\"0\"}}", "'ExitCode' is not an integer" },
		{ "{\"State\":{\"ExitCode\":99999999999}}", "'ExitCode' is out of range" },
		{ "{\"State\":{\"Error\":{}}}", "'Error' is not a string" },
		{ "{\"State\":{\"Health\":1}}", "'Health' is not an object" },
		{ "{\"State\":{\"Health\":{\"Status\":\"x\"}}}", "'x' is no known status" },
		{ "{\"State\":{},\"NetworkSettings\":[]}", "'NetworkSettings' is not an object" },
		{ PORTS("[]"), "'Ports' is not an object" },
		{ PORTS("{\"80/tcp\":{}}"), "'80/tcp' is not an array" },
		{ PORTS("{\"80/tcp\":[1]}"), "a binding is not an object" },
		{ PORTS("{\"80/tcp\":[{\"HostPort\":80}]}"), "'HostPort' is not a string" },
		{ PORTS("{\"80/tcp\":[{\"HostPort\":\"1\",\"HostIp\":1}]}"), "'HostIp' is not" },
		{ PORTS("{\"80/tcp\":[{\"HostPort\":\"65536\"}]}"), "'65536' is no port" },
		{ PORTS("{\"80/tcp\":[{\"HostPort\":\"-1\"}]}"), "'-1' is no port" },
		{ PORTS("{\"80/tcp\":[{\"HostPort\":\"1\"},{\"HostPort\":\"x\"}]}"),
		  "'x' is no port" },
		{ PORTS("{\"x/tcp\":[]}"), "'x/tcp' is no port" },
		{ PORTS("{\"0/tcp\":[]}"), "'0/tcp' is no port" },
		{ PORTS("{\"80/protocol\":[]}"), "'80/protocol' is no port" },
		{ "{\"State\":{},\"NetworkSettings\":{\"Networks\":{\"a\":1}}}", "'a' is not" },
		{ "{\"State\":{},\"NetworkSettings\":{\"Networks\":{\"a\":{\"IPAddress\":1}}}}",
		  "Networks: 'IPAddress' is not a string" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_container_state state = { 0 };
		struct mp_error err = { 0 };

		cr_expect_eq(read_state(cases[i].text, &state, &err), -1, "%s", cases[i].text);
		cr_expect_eq(err.code, MP_E_ENGINE, "%s", cases[i].text);
		cr_expect_not_null(strstr(err.msg, cases[i].message), "%s: %s", cases[i].text,
				   err.msg);
		cr_expect_null(state.ports, "left untouched");
	}
}

static int read_container(const char *text, struct mp_container *container, struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = parse(text);

	return mp_container_read(json, container, err);
}

#define ID_DIGITS "0123456789abcdef"
#define CONTAINER_ID ID_DIGITS ID_DIGITS ID_DIGITS ID_DIGITS

Test(engine_inspect, container_of_others)
{
	static const struct {
		const char *state, *status, *started;
		bool running;
		pid_t pid;
	} cases[] = {
		{ "\"Status\":\"running\",\"Running\":true,\"Pid\":77,\"StartedAt\":\"t\"",
		  "running", "t", true, 77 },
		{ "\"Status\":\"restarting\",\"Restarting\":true", "restarting", "", true, 0 },
		{ "\"Status\":\"created\",\"Running\":false,\"Pid\":0", "created", "", false, 0 },
		{ "\"Running\":true", "running", "", true, 0 },
		{ "", "exited", "", false, 0 },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep)
		char *text = mp_xasprintf("{\"Id\":\"" CONTAINER_ID "\",\"Name\":\"/n\","
					  "\"Image\":\"sha256:1\",\"Config\":{\"Image\":\"i:2\"},"
					  "\"State\":{%s}}",
					  cases[i].state);
		MP_AUTO(mp_container_clear) struct mp_container container = { 0 };
		struct mp_error err = { 0 };

		cr_assert_eq(read_container(text, &container, &err), 0, "%s", err.msg);
		cr_expect_str_eq(container.id, CONTAINER_ID);
		cr_expect_str_eq(container.name, "n");
		cr_expect_str_eq(container.image, "i:2");
		cr_expect_str_eq(container.image_id, "sha256:1");
		cr_expect_str_eq(container.status, cases[i].status);
		cr_expect_str_eq(container.started, cases[i].started);
		cr_expect_eq(container.running, cases[i].running, "%s", text);
		cr_expect_eq(container.pid, cases[i].pid);
	}
}

Test(engine_inspect, container_of_others_with_wrong_members)
{
#define WITH(more) "{\"Id\":\"" CONTAINER_ID "\",\"Image\":\"sha256:1\"," more "}"
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "{}", "'Id' is no container ID" },
		{ "{\"Id\":\"../x\",\"Image\":\"i\",\"State\":{}}", "'Id' is no container ID" },
		{ "{\"Id\":7}", "'Id' is not a string" },
		{ "{\"Id\":\"" CONTAINER_ID "\",\"State\":{}}", "no 'Image'" },
		{ WITH("\"Name\":\"x\""), "no 'State'" },
		{ WITH("\"Name\":1"), "'Name' is not a string" },
		{ WITH("\"Config\":[]"), "'Config' is not an object" },
		{ WITH("\"State\":{\"Pid\":-1}"), "'Pid' is out of range" },
		{ WITH("\"State\":{\"Pid\":4294967296}"), "'Pid' is out of range" },
		{ WITH("\"State\":{\"Pid\":\"1\"}"), "State: 'Pid' is not an integer" },
		{ WITH("\"State\":{\"Running\":\"yes\"}"), "'Running' is not true or false" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_container container = { 0 };
		struct mp_error err = { 0 };

		cr_expect_eq(read_container(cases[i].text, &container, &err), -1, "%s",
			     cases[i].text);
		cr_expect_eq(err.code, MP_E_ENGINE, "%s", cases[i].text);
		cr_expect_not_null(strstr(err.msg, cases[i].message), "%s: %s", cases[i].text,
				   err.msg);
		cr_expect_null(container.id, "left untouched");
	}
}

Test(engine_inspect, version)
{
	static const char *const bad[] = { "",        "1",     "1.",          ".1",
					   "1.41/..", "v1.41", "1.41 ",       "12345.1",
					   "1.12345", "1.4.1", "1.41\r\nX: y" };

	for (size_t i = 0; i < MP_ARRAY_LEN(bad); i++) {
		MP_AUTO(mp_json_freep) struct mp_json *json = mp_json_object();
		struct mp_engine engine = { 0 };
		struct mp_error err = { 0 };

		mp_json_set_string(json, "ApiVersion", bad[i]);
		cr_expect_eq(mp_engine_read_version(&engine, json, &err), -1, "'%s'", bad[i]);
		cr_expect_eq(err.code, MP_E_ENGINE);
		cr_expect_not_null(strstr(err.msg, "is no API version"), "%s", err.msg);
	}
}

/* What an engine refuses is told in its own words, and a missing object can be told apart. */
Test(engine_inspect, refusals)
{
	static const struct {
		long status;
		const char *body, *message;
		int sys_errno;
	} cases[] = {
		{ 404, "{\"message\":\"No such image: x\"}\n", "No such image: x", ENOENT },
		{ 404, "{\"message\":\"page not found\"}", "page not found", 0 },
		{ 404, "<html>\nNot here", "the engine answered HTTP 404: <html>", 0 },
		{ 500, "{\"message\":\"boom\\n\"}", "boom", 0 },
		{ 500, "", "the engine answered HTTP 500", 0 },
		{ 500, "{\"message\":7}", "the engine answered HTTP 500: {\"message\":7}", 0 },
		{ 500, "{\"message\":\"\"}", "the engine answered HTTP 500: {\"message\":\"\"}",
		  0 },
		{ 301, "", "the engine answered HTTP 301", 0 },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_http_response_clear) struct mp_http_response response = { 0 };
		struct mp_error err = { 0 };

		response.status = cases[i].status;
		mp_buf_adds(&response.body, cases[i].body);
		cr_expect_eq(mp_engine_refusal(&response, &err), -1);
		cr_expect_eq(err.code, MP_E_ENGINE);
		cr_expect_eq(err.sys_errno, cases[i].sys_errno, "%s", cases[i].body);
		cr_expect_str_eq(err.msg, cases[i].message);
		cr_expect_eq(mp_engine_refusal(&response, NULL), -1);
	}
}
