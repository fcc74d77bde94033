/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/internal.h"

#include "core/clock.h"
#include "core/interrupt.h"
#include "tests/engine/fake_engine.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

/* Connects to an engine that gives @answer to everything, which must fail; returns the message. */
static void connect_to(const struct fake_answer *answer, struct mp_error *err)
{
	MP_AUTO(mp_engine_freep) struct mp_engine *engine = NULL;
	struct fake_engine fake;

	fake_start(&fake, answer);
	cr_expect_eq(mp_engine_connect(&engine, err), -1, "'%.60s'", answer->data);
	cr_expect_null(engine);
	fake_stop(&fake);
}

#define OK "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

Test(engine_hostile, what_is_no_engine)
{
	static const struct {
		const char *data, *message;
	} cases[] = {
		{ "", "does not answer as a Docker engine" },
		{ "220 mail.example ESMTP\r\n", "does not answer as a Docker engine" },
		{ "\xff\xfe\x01garbage", "does not answer as a Docker engine" },
		{ "HTTP/9.9 xx\r\n\r\n", "" },
		{ OK, "JSON: line 1" },
		{ OK "hello", "does not answer as a Docker engine: the engine's answer: JSON" },
		{ OK "[]", "not a JSON object" },
		{ OK "{}", "'' is no API version" },
		{ OK "{\"ApiVersion\":1.41}", "'ApiVersion' is not a string" },
		{ OK "{\"ApiVersion\":\"1.41\",\"Arch\":1}", "'Arch' is not a string" },
		{ OK "{\"ApiVersion\":\"1.41\",\"ApiVersion\":\"2.0\"}", "duplicate" },
		{ OK "{\"ApiVersion\":\"../x\"}", "'../x' is no API version" },
		{ OK "{\"ApiVersion\":\"1.41\"", "the engine's answer: JSON" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{\"ApiVersion\":\"1.41\"}",
		  "the connection to the Docker engine" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
		  "the connection to the Docker engine" },
		{ "HTTP/1.1 301 Moved\r\nConnection: close\r\nLocation: /elsewhere\r\n\r\n",
		  "the engine answered HTTP 301" },
		{ "HTTP/1.1 400 Bad\r\nConnection: close\r\n\r\nClient sent an HTTP request to an "
		  "HTTPS server.\n",
		  "HTTP 400: Client sent an HTTP request to an HTTPS server." },
		{ "HTTP/1.1 404 No\r\nConnection: close\r\n\r\n<html>\n", "HTTP 404: <html>" },
		{ "HTTP/1.1 404 No\r\nConnection: close\r\n\r\n{\"message\":\"no such\"}",
		  "no such" },
		{ "HTTP/1.1 500 No\r\nConnection: close\r\n\r\n{\"message\":\"boom\\u001b\"}",
		  "boom\\x1b" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct fake_answer answer = { .data = cases[i].data, .len = strlen(cases[i].data) };
		struct mp_error err = { 0 };

		connect_to(&answer, &err);
		cr_expect_eq(err.code, MP_E_ENGINE, "'%s': %s", cases[i].data, err.msg);
		cr_expect_eq(err.sys_errno, 0, "'%s': %s", cases[i].data, err.msg);
		cr_expect_not_null(strstr(err.msg, cases[i].message), "'%s': %s", cases[i].data,
				   err.msg);
		cr_expect_not_null(strstr(err.msg, "unix:///tmp/mp-test-engine-"),
				   "names the address: %s", err.msg);
	}
}

Test(engine_hostile, answers_without_bound)
{
	static const char header[] = "HTTP/1.1 200 OK\r\nX: ";
	static const struct fake_answer body = {
		.data = OK, .len = sizeof(OK) - 1, .filler_bytes = (size_t)80 << 20, .filler = ' '
	};
	static const struct fake_answer headers = { .data = header,
						    .len = sizeof(header) - 1,
						    .filler_bytes = (size_t)80 << 20,
						    .filler = 'x' };
	struct mp_error err = { 0 };

	connect_to(&body, &err);
	cr_expect_not_null(strstr(err.msg, "the answer is larger than 67108864 bytes"), "%s",
			   err.msg);
	connect_to(&headers, &err);
	cr_expect_eq(err.code, MP_E_ENGINE, "%s", err.msg);
}

Test(engine_hostile, many_headers)
{
	MP_AUTO(mp_buf_free) struct mp_buf data = { 0 };
	struct mp_error err = { 0 };

	mp_buf_adds(&data, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 50000; i++)
		mp_buf_addf(&data, "X-%d: y\r\n", i);
	mp_buf_adds(&data, "\r\n{}");
	connect_to(&(struct fake_answer){ .data = data.data, .len = data.len }, &err);
	cr_expect_not_null(strstr(err.msg, "header is larger than 262144 bytes"), "%s", err.msg);
}

Test(engine_hostile, nothing_listens)
{
	static const struct {
		const char *host, *message;
	} cases[] = {
		{ "unix:///nonexistent/docker.sock",
		  "cannot connect to the Docker engine at 'unix:///nonexistent/docker.sock': No "
		  "such "
		  "file or directory; is the Docker engine running? Start it, or set DOCKER_HOST" },
		{ "tcp://127.0.0.1:1",
		  "cannot connect to the Docker engine at 'tcp://127.0.0.1:1': "
		  "Connection refused; is the Docker engine running?" },
		{ "tcp://engine.invalid:1", "cannot connect to the Docker engine at "
					    "'tcp://engine.invalid:1': " },
		{ "unix:///dev/null",
		  "cannot connect to the Docker engine at 'unix:///dev/null': " },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_engine *engine = NULL;
		struct mp_error err = { 0 };

		setenv("DOCKER_HOST", cases[i].host, 1);
		cr_expect_eq(mp_engine_connect(&engine, &err), -1);
		cr_expect_eq(err.code, MP_E_ENGINE);
		cr_expect_eq(err.sys_errno, 0, "only a missing object is ENOENT");
		cr_expect_not_null(strstr(err.msg, cases[i].message), "%s", err.msg);
	}
}

Test(engine_hostile, no_permission_for_the_socket)
{
	static const struct fake_answer answer = { .data = FAKE_VERSION,
						   .len = sizeof(FAKE_VERSION) - 1 };
	struct mp_engine *engine = NULL;
	struct mp_error err = { 0 };
	struct fake_engine fake;

	fake_start(&fake, &answer);
	/* Root may do anything, so the check must not be made as root. */
	if (geteuid() == 0)
		cr_assert_eq(seteuid(65534), 0);
	else
		chmod(fake.socket_path, 0);
	cr_expect_eq(mp_engine_connect(&engine, &err), -1);
	cr_expect_eq(err.code, MP_E_ENGINE);
	cr_expect_not_null(strstr(err.msg, "Permission denied; run with sudo, or join the group"),
			   "%s", err.msg);
	cr_expect_null(strstr(err.msg, "is the Docker engine running"), "%s", err.msg);
	if (getuid() == 0)
		cr_assert_eq(seteuid(0), 0);
	fake_stop(&fake);
}

/* Whatever the engine says its version is, is used. */
Test(engine_hostile, version_is_taken_from_the_engine)
{
	static const char not_found[] = "HTTP/1.1 404 No\r\nConnection: close\r\n\r\n"
					"{\"message\":\"page not found\"}";
	static const struct fake_answer answer = { .knows_version = true,
						   .data = not_found,
						   .len = sizeof(not_found) - 1 };
	MP_AUTO(mp_engine_freep) struct mp_engine *engine = NULL;
	struct mp_image *image = NULL;
	struct mp_error err = { 0 };
	struct fake_engine fake;

	fake_start(&fake, &answer);
	cr_assert_eq(mp_engine_connect(&engine, &err), 0, "%s", err.msg);
	cr_expect_str_eq(mp_engine_version(engine), "99.1");
	cr_expect_str_eq(mp_engine_api_version(engine), "7.3");
	cr_expect_str_eq(mp_engine_architecture(engine), "riscv64");
	cr_expect_str_eq(mp_engine_address(engine), "127.0.0.1");
	cr_expect_eq(mp_engine_image_inspect(engine, "x", &image, &err), -1);
	cr_expect_str_eq(err.msg, "inspect image 'x': page not found");
	cr_expect_eq(err.sys_errno, 0, "an unknown request is no missing image");
	fake_stop(&fake);
}

static void ignore_output(int stream_fd, const char *data, size_t len, void *context)
{
	(void)stream_fd;
	(void)data;
	(void)len;
	(void)context;
}

static int call_inspect_image(struct mp_engine *engine, struct mp_error *err)
{
	struct mp_image *image = NULL;

	return mp_engine_image_inspect(engine, "x", &image, err);
}

static int call_pull(struct mp_engine *engine, struct mp_error *err)
{
	return mp_engine_image_pull(engine, "x", NULL, NULL, err);
}

static int call_load(struct mp_engine *engine, struct mp_error *err)
{
	MP_AUTO(mp_closep) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return mp_engine_image_load(engine, fd, err);
}

static int call_build(struct mp_engine *engine, struct mp_error *err)
{
	MP_AUTO(mp_closep) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return mp_engine_image_build(engine, fd, "x", err);
}

static int call_create(struct mp_engine *engine, struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *spec = mp_json_object();
	char *id = NULL;

	return mp_engine_container_create(engine, spec, &id, err);
}

static int call_start(struct mp_engine *engine, struct mp_error *err)
{
	return mp_engine_container_start(engine, "x", err);
}

static int call_remove(struct mp_engine *engine, struct mp_error *err)
{
	return mp_engine_container_remove(engine, "x", err);
}

static int call_inspect_container(struct mp_engine *engine, struct mp_error *err)
{
	struct mp_container_state state;

	return mp_engine_container_inspect(engine, "x", &state, err);
}

static int call_logs(struct mp_engine *engine, struct mp_error *err)
{
	return mp_engine_container_logs(engine, "x", 0, ignore_output, NULL, err);
}

static int call_find(struct mp_engine *engine, struct mp_error *err)
{
	struct mp_container container;

	return mp_engine_container_find(engine, "x", &container, err);
}

static int call_of_image(struct mp_engine *engine, struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv ids = { 0 };

	return mp_engine_containers_of_image(engine, "sha256:1", &ids, err);
}

static int call_image_of(struct mp_engine *engine, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *image_id = NULL;

	return mp_engine_container_image(engine, "x", &image_id, err);
}

#define STATUS(code) "HTTP/1.1 " code " X\r\nConnection: close\r\n\r\n"

Test(engine_hostile, bad_answers_to_requests)
{
	static const struct {
		int (*call)(struct mp_engine *engine, struct mp_error *err);
		const char *data;
		const char *message; /* NULL: success */
		int sys_errno;
	} cases[] = {
		{ call_inspect_image, OK "{\"Id\":1}",
		  "inspect image 'x': the engine's answer: 'Id' is not a string", 0 },
		{ call_inspect_image, OK "[", "inspect image 'x': the engine's answer: JSON: ", 0 },
		{ call_inspect_image, STATUS("404") "{\"message\":\"No such image: x\"}",
		  "inspect image 'x': No such image: x", ENOENT },
		{ call_pull, OK "{\"error\":\"no\"}\n", "pull image 'x': no", 0 },
		{ call_pull, STATUS("401") "{\"message\":\"unauthorized: x\"}",
		  "pull image 'x': unauthorized: x; no credentials for its registry", 0 },
		{ call_pull, OK "<html>\n", "pull image 'x': the engine's answer: progress", 0 },
		{ call_pull, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}",
		  "pull image 'x': the connection to the Docker engine", 0 },
		{ call_load, OK "{\"errorDetail\":{\"message\":\"bad\"}}", "load image: bad", 0 },
		{ call_load, STATUS("500") "{\"message\":\"full\"}", "load image: full", 0 },
		{ call_build, OK "{\"stream\":\"Step 1\"}\n{\"error\":\"bad\"}\n",
		  "build image 'x': bad", 0 },
		{ call_create, STATUS("201") "{\"Id\":\"../x\"}",
		  "create container: the engine's answer: '../x' is no container ID", 0 },
		{ call_create, STATUS("201") "{\"Id\":1}", "'Id' is not a string", 0 },
		{ call_create, STATUS("201") "", "create container: the engine's answer: JSON", 0 },
		{ call_create, STATUS("404") "{\"message\":\"network n not found\"}",
		  "create container: network n not found", 0 },
		{ call_create, STATUS("404") "{\"message\":\"No such image: x\"}",
		  "create container: No such image: x", ENOENT },
		{ call_start, STATUS("404") "{\"message\":\"exec: \\\"x\\\": not found\"}",
		  "start container 'x': exec: \"x\": not found", 0 },
		{ call_start, STATUS("404") "{\"message\":\"No such container: x\"}",
		  "start container 'x': No such container: x", ENOENT },
		{ call_start, STATUS("304"), NULL, 0 },
		{ call_remove, STATUS("404") "{\"message\":\"No such container: x\"}", NULL, 0 },
		{ call_remove,
		  STATUS("409") "{\"message\":\"removal of container x is already in "
				"progress\"}",
		  NULL, 0 },
		{ call_remove, STATUS("409") "{\"message\":\"stuck\"}",
		  "remove container 'x': stuck", 0 },
		{ call_remove, STATUS("404") "{\"message\":\"page not found\"}",
		  "remove container 'x': page not found", 0 },
		{ call_inspect_container, OK "{}",
		  "inspect container 'x': the engine's answer: no 'State'", 0 },
		{ call_logs, OK "{\"Config\":{\"Tty\":1}}",
		  "read the logs of container 'x': the engine's answer: 'Tty' is not", 0 },
		{ call_logs, OK "{}", "the log ends within a frame", 0 },
		{ call_find, OK "{}", "find container 'x': the engine's answer: 'Id' is no", 0 },
		{ call_find, STATUS("404") "{\"message\":\"No such container: x\"}",
		  "find container 'x': No such container: x", ENOENT },
		{ call_of_image, OK "[]", NULL, 0 },
		{ call_of_image, OK "", "the engine's answer: JSON: line 1", 0 },
		{ call_of_image, OK "{}", "the engine's answer: 'list' is not an array", 0 },
		{ call_of_image, OK "[7]", NULL, 0 },
		{ call_of_image, OK "[{\"Id\":7}]", "'Id' is not a string", 0 },
		{ call_image_of, OK "[{\"ImageID\":7}]",
		  "find the image of container 'x': the engine's answer: 'ImageID' is not a", 0 },
		{ call_image_of, STATUS("500") "{\"message\":\"boom\"}",
		  "find the image of container 'x': boom", 0 },
		{ call_image_of, OK "[]",
		  "find the image of container 'x': the engine does not have it any more", 0 },
	};

	/* Credentials of whoever runs the tests have no place here. */
	setenv("DOCKER_CONFIG", "/nonexistent", 1);
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct fake_answer answer = { true, cases[i].data, strlen(cases[i].data), 0, 0, 0 };
		MP_AUTO(mp_engine_freep) struct mp_engine *engine = NULL;
		struct mp_error err = { 0 };
		struct fake_engine fake;
		int rc;

		fake_start(&fake, &answer);
		cr_assert_eq(mp_engine_connect(&engine, &err), 0, "%s", err.msg);
		rc = cases[i].call(engine, &err);
		cr_expect_eq(rc, cases[i].message ? -1 : 0, "'%s': %s", cases[i].data, err.msg);
		if (cases[i].message) {
			cr_expect_eq(err.code, MP_E_ENGINE);
			cr_expect_eq(err.sys_errno, cases[i].sys_errno, "%s", err.msg);
			cr_expect_not_null(strstr(err.msg, cases[i].message), "'%s': %s",
					   cases[i].data, err.msg);
		}
		fake_stop(&fake);
	}
}

/* err may be NULL everywhere. */
Test(engine_hostile, failures_that_nobody_asks_about)
{
	static const char data[] = STATUS("404") "{\"message\":\"page not found\"}";
	static const struct fake_answer answer = { true, data, sizeof(data) - 1, 0, 0, 0 };
	MP_AUTO(mp_engine_freep) struct mp_engine *engine = NULL;
	struct fake_engine fake;

	fake_start(&fake, &answer);
	cr_assert_eq(mp_engine_connect(&engine, NULL), 0);
	cr_expect_eq(call_inspect_image(engine, NULL), -1);
	cr_expect_eq(call_pull(engine, NULL), -1);
	cr_expect_eq(call_load(engine, NULL), -1);
	cr_expect_eq(call_build(engine, NULL), -1);
	cr_expect_eq(call_create(engine, NULL), -1);
	cr_expect_eq(call_start(engine, NULL), -1);
	cr_expect_eq(call_remove(engine, NULL), -1);
	cr_expect_eq(call_inspect_container(engine, NULL), -1);
	cr_expect_eq(call_logs(engine, NULL), -1);
	fake_stop(&fake);
	cr_expect_eq(call_inspect_image(engine, NULL), -1);
}

Test(engine_hostile, an_engine_that_never_answers)
{
	static const struct fake_answer answer = { .data = NULL };
	static const struct mp_http_request request = { .method = "GET",
							.path = "/version",
							.timeout_ms = 300 };
	MP_AUTO(mp_http_target_clear) struct mp_http_target target = { 0 };
	MP_AUTO(mp_http_response_clear) struct mp_http_response response = { 0 };
	MP_AUTO(mp_http_freep) struct mp_http *http = NULL;
	struct mp_error err = { 0 };
	struct fake_engine fake;

	fake_start(&fake, &answer);
	cr_assert_eq(mp_http_target_from_env(&target, &err), 0);
	cr_assert_eq(mp_http_new(&target, &http, &err), 0);
	cr_expect_eq(mp_http_perform(http, &request, &response, &err), -1);
	cr_expect_eq(err.code, MP_E_ENGINE);
	cr_expect_not_null(strstr(err.msg, "does not answer: "), "%s", err.msg);
	fake_stop(&fake);
}

/* The signal goes to a thread that does not talk to the engine: no system call of ours is cut short
 * by it. */
static void *interrupt_soon(void *unused)
{
	(void)unused;
	usleep(200000);
	pthread_kill(pthread_self(), SIGTERM);
	return NULL;
}

static int64_t interrupted_after_ms(const struct mp_http_request *request, struct mp_error *err)
{
	MP_AUTO(mp_http_target_clear) struct mp_http_target target = { 0 };
	MP_AUTO(mp_http_response_clear) struct mp_http_response response = { 0 };
	MP_AUTO(mp_http_freep) struct mp_http *http = NULL;
	int64_t before_ms = mp_clock_ms();
	pthread_t thread;

	mp_interrupt_install();
	cr_assert_eq(mp_http_target_from_env(&target, err), 0);
	cr_assert_eq(mp_http_new(&target, &http, err), 0);
	cr_assert_eq(pthread_create(&thread, NULL, interrupt_soon, NULL), 0);
	cr_expect_eq(mp_http_perform(http, request, &response, err), -1);
	pthread_join(thread, NULL);
	return mp_clock_ms() - before_ms;
}

Test(engine_hostile, a_signal_ends_waiting)
{
	static const struct fake_answer answer = { .data = NULL };
	static const struct mp_http_request request = { .method = "GET", .path = "/x" };
	struct mp_error err = { 0 };
	struct fake_engine fake;
	int64_t ms;

	fake_start(&fake, &answer);
	ms = interrupted_after_ms(&request, &err);
	cr_expect_eq(err.code, MP_E_INTERRUPTED, "%s", err.msg);
	cr_expect_str_eq(err.msg, "interrupted by SIGTERM");
	cr_expect_lt(ms, 1000, "%ld ms", (long)ms);
	fake_stop(&fake);
}

/* The other end of the pipe is open and silent. */
Test(engine_hostile, a_signal_ends_an_upload_that_waits_for_its_input)
{
	static const struct fake_answer answer = { .data = NULL };
	struct mp_http_request request = { .method = "POST", .path = "/x", .upload = true };
	struct mp_error err = { 0 };
	struct fake_engine fake;
	int pipe_fds[2];
	int64_t ms;

	fake_start(&fake, &answer);
	cr_assert_eq(pipe(pipe_fds), 0);
	request.upload_fd = pipe_fds[0];
	ms = interrupted_after_ms(&request, &err);
	cr_expect_eq(err.code, MP_E_INTERRUPTED, "%s", err.msg);
	cr_expect_lt(ms, 1000, "%ld ms", (long)ms);
	fake_stop(&fake);
}

/* An engine that refuses at once is heard although the input never comes. */
Test(engine_hostile, a_refusal_before_the_input_has_come)
{
	static const char data[] = STATUS("503") "{\"message\":\"not now\"}";
	static const struct fake_answer answer = { true, data, sizeof(data) - 1, 0, 0, 0 };
	MP_AUTO(mp_engine_freep) struct mp_engine *engine = NULL;
	struct mp_error err = { 0 };
	struct fake_engine fake;
	int pipe_fds[2];

	fake_start(&fake, &answer);
	cr_assert_eq(pipe(pipe_fds), 0);
	cr_assert_eq(mp_engine_connect(&engine, &err), 0, "%s", err.msg);
	cr_expect_eq(mp_engine_image_load(engine, pipe_fds[0], &err), -1);
	cr_expect_str_eq(err.msg, "load image: not now");
	fake_stop(&fake);
}

/* After a signal nothing more is asked, except by a cleanup that holds it off. */
Test(engine_hostile, cleanup_after_a_signal)
{
	static const char data[] = "HTTP/1.1 204 Gone\r\n\r\n";
	static const struct fake_answer answer = { true, data, sizeof(data) - 1, 0, 0, 0 };
	MP_AUTO(mp_engine_freep) struct mp_engine *engine = NULL;
	struct mp_error err = { 0 };
	struct fake_engine fake;

	mp_interrupt_install();
	fake_start(&fake, &answer);
	cr_assert_eq(mp_engine_connect(&engine, &err), 0, "%s", err.msg);
	raise(SIGINT);
	cr_expect_eq(mp_engine_container_remove(engine, "x", &err), -1);
	cr_expect_eq(err.code, MP_E_INTERRUPTED, "%s", err.msg);
	mp_interrupt_hold();
	cr_expect_eq(mp_engine_container_remove(engine, "x", &err), 0, "%s", err.msg);
	mp_interrupt_release();
	cr_expect_eq(mp_engine_container_remove(engine, "x", &err), -1);
	fake_stop(&fake);
}

/* Once the engine was asked, what it made must become known, or it would be left behind. */
Test(engine_hostile, a_container_that_is_created_during_a_signal)
{
	static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	static const char data[] =
		"HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n{\"Id\":"
		"\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}";
	static const struct fake_answer answer = { true, data, sizeof(data) - 1, 0, 0, 600 };
	MP_AUTO(mp_engine_freep) struct mp_engine *engine = NULL;
	MP_AUTO(mp_json_freep) struct mp_json *spec = mp_json_object();
	MP_AUTO(mp_freep) char *created = NULL;
	struct mp_error err = { 0 };
	struct fake_engine fake;
	pthread_t thread;

	mp_interrupt_install();
	fake_start(&fake, &answer);
	cr_assert_eq(mp_engine_connect(&engine, &err), 0, "%s", err.msg);
	cr_assert_eq(pthread_create(&thread, NULL, interrupt_soon, NULL), 0);
	cr_expect_eq(mp_engine_container_create(engine, spec, &created, &err), 0, "%s", err.msg);
	pthread_join(thread, NULL);
	cr_assert_not_null(created);
	cr_expect_str_eq(created, id);
	mp_freep(&created);
	cr_expect_eq(mp_engine_container_create(engine, spec, &created, &err), -1);
	cr_expect_str_eq(err.msg, "create container: interrupted by SIGTERM");
	cr_expect_null(created);
	fake_stop(&fake);
}

Test(engine_hostile, the_time_of_grace_after_a_signal_ends)
{
	static const struct fake_answer answer = { .data = NULL };
	static const struct mp_http_request request = { .method = "GET",
							.path = "/x",
							.grace_ms = 500 };
	struct mp_error err = { 0 };
	struct fake_engine fake;
	int64_t ms;

	fake_start(&fake, &answer);
	ms = interrupted_after_ms(&request, &err);
	cr_expect_eq(err.code, MP_E_INTERRUPTED, "%s", err.msg);
	cr_expect_geq(ms, 700, "%ld ms", (long)ms);
	cr_expect_lt(ms, 2000, "%ld ms", (long)ms);
	fake_stop(&fake);
}
