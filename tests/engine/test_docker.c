/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/engine.h"

#include "core/clock.h"
#include "core/interrupt.h"

#include <criterion/criterion.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* With a real engine. Each test makes what it needs and removes it. */

/* What runs in the containers: no libc of the host's is in them, so it is linked statically. */
static const char program_source[] =
	"#include <signal.h>\n"
	"#include <stdio.h>\n"
	"#include <stdlib.h>\n"
	"#include <string.h>\n"
	"#include <unistd.h>\n"
	"static void on_term(int sig) { (void)sig; puts(\"stopping\"); fflush(stdout); _exit(7); "
	"}\n"
	"int main(int argc, char **argv)\n"
	"{\n"
	"	const char *verb = argc > 1 ? argv[1] : \"\";\n"
	"	if (!strcmp(verb, \"exit\")) return atoi(argv[2]);\n"
	"	if (!strcmp(verb, \"print\")) {\n"
	"		puts(\"one\"); fflush(stdout); usleep(100000);\n"
	"		fputs(\"two\\n\", stderr); usleep(100000);\n"
	"		puts(\"three\"); return 0;\n"
	"	}\n"
	"	signal(SIGTERM, strcmp(verb, \"deaf\") ? on_term : SIG_IGN);\n"
	"	puts(\"ready\"); fflush(stdout);\n"
	"	for (;;) pause();\n"
	"}\n";

static char scratch[] = "/tmp/mp-test-engine-XXXXXX";
static char *image;       /* name of the image with the program */
static char *docker_host; /* as it was found */
static struct mp_engine *engine;

static bool must_run(void)
{
	const char *list = getenv("MP_TEST_MUST_RUN");

	return list && strstr(list, "docker");
}

static void write_text(const char *name, const char *text)
{
	MP_AUTO(mp_freep) char *path = mp_xasprintf("%s/%s", scratch, name);
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file, "%s", path);
	fputs(text, file);
	cr_assert_eq(fclose(file), 0);
}

static void shell(const char *fmt, const char *arg)
{
	MP_AUTO(mp_freep) char *script = mp_xasprintf(fmt, arg);
	MP_AUTO(mp_freep) char *command = mp_xasprintf("cd %s && %s", scratch, script);

	cr_assert_eq(system(command), 0, "%s", command);
}

/*
 * Builds @name FROM scratch with @instructions and the program in its context. A label keeps it
 * apart from what other tests build at the same time: the engine would share their layers, and lose
 * them when one of the images is removed.
 */
static int build(const char *name, const char *instructions, struct mp_error *err)
{
	MP_AUTO(mp_freep)
	char *command = mp_xasprintf("tar -C %s -cf - Dockerfile program", scratch);
	MP_AUTO(mp_freep)
	char *text = mp_xasprintf("FROM scratch\nLABEL z.test=%s\n%s", scratch, instructions);
	FILE *context;
	int rc;

	write_text("Dockerfile", text);
	context = popen(command, "re");
	cr_assert_not_null(context);
	rc = mp_engine_image_build(engine, fileno(context), name, err);
	pclose(context);
	return rc;
}

static const char instructions[] = "ADD program /program\n"
				   "ADD Dockerfile /data/\n"
				   "ENV A=b\n"
				   "EXPOSE 8080 53/udp\n"
				   "LABEL k=v\n"
				   "WORKDIR /data\n"
				   "ENTRYPOINT [\"/program\"]\n";

static void setup(void)
{
	struct mp_error err = { 0 };

	if (!getenv("DOCKER_HOST") && !must_run())
		cr_skip("DOCKER_HOST is not set");
	cr_assert_eq(mp_engine_connect(&engine, &err), 0, "%s", err.msg);
	docker_host = mp_xstrdup(mp_engine_host(engine));
	cr_assert_not_null(mkdtemp(scratch));
	write_text("program.c", program_source);
	shell("cc -static -o program %s", "program.c");
	image = mp_xasprintf("mp-test-engine-%s", scratch + strlen("/tmp/mp-test-engine-"));
	for (char *p = image; *p; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
	cr_assert_eq(build(image, instructions, &err), 0, "%s", err.msg);
}

static void teardown(void)
{
	struct mp_error err = { 0 };

	if (!engine)
		return;
	mp_interrupt_hold();
	if (image && mp_engine_image_remove(engine, image, &err))
		cr_expect_eq(err.sys_errno, ENOENT, "%s", err.msg);
	mp_interrupt_release();
	/* A test may have gone to the engine by another way. */
	setenv("DOCKER_HOST", docker_host, 1);
	mp_freep(&docker_host);
	/* A build that fails leaves what it had made so far. Not `docker image prune`: the engine has
	 * one at a time, and what other tests are building may fall to it. */
	shell("docker images -qf label=z.test=%s | xargs -r docker rmi -f >/dev/null", scratch);
	shell("cd / && rm -rf %s", scratch);
	mp_freep(&image);
	mp_engine_freep(&engine);
}

TestSuite(engine_docker, .init = setup, .fini = teardown, .timeout = 120);

/* A container of the image that runs the program with @verb; @extra: more members of the spec. */
static char *create(const char *verb, const char *extra)
{
	MP_AUTO(mp_freep)
	char *text = mp_xasprintf("{\"Image\":\"%s\",\"Cmd\":[%s]%s%s}", image, verb,
				  extra[0] ? "," : "", extra);
	struct mp_error err = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *spec = mp_json_parse(text, strlen(text), text, &err);
	char *id = NULL;

	cr_assert_not_null(spec, "%s", err.msg);
	cr_assert_eq(mp_engine_container_create(engine, spec, &id, &err), 0, "%s", err.msg);
	cr_expect_eq(strlen(id), 64);
	return id;
}

static void start(const char *id)
{
	struct mp_error err = { 0 };

	cr_assert_eq(mp_engine_container_start(engine, id, &err), 0, "%s", err.msg);
}

/* Removes at the end of a test's scope, also after a failed assertion's return. */
static void remove_container(char **id)
{
	struct mp_error err = { 0 };

	mp_interrupt_hold();
	if (*id)
		cr_expect_eq(mp_engine_container_remove(engine, *id, &err), 0, "%s", err.msg);
	mp_interrupt_release();
	mp_freep(id);
}

static void inspect(const char *id, struct mp_container_state *state)
{
	struct mp_error err = { 0 };

	mp_container_state_clear(state);
	cr_assert_eq(mp_engine_container_inspect(engine, id, state, &err), 0, "%s", err.msg);
}

static void wait_until_ended(const char *id, struct mp_container_state *state)
{
	for (int i = 0; i < 500; i++) {
		inspect(id, state);
		if (!state->running)
			return;
		usleep(20000);
	}
	cr_assert_fail("the container still runs");
}

static void collect(int stream_fd, const char *data, size_t len, void *context)
{
	struct mp_buf *streams = context;

	mp_buf_add(&streams[stream_fd], data, len);
}

/* streams[1] and streams[2] */
static void read_logs(const char *id, unsigned int tail, struct mp_buf streams[3])
{
	struct mp_error err = { 0 };

	for (int i = 0; i < 3; i++)
		mp_buf_clear(&streams[i]);
	cr_assert_eq(mp_engine_container_logs(engine, id, tail, collect, streams, &err), 0, "%s",
		     err.msg);
	mp_buf_adds(&streams[1], "");
	mp_buf_adds(&streams[2], "");
}

static void wait_for_output(const char *id, const char *text)
{
	struct mp_buf streams[3] = { 0 };
	bool found = false;

	for (int i = 0; i < 500 && !found; i++) {
		read_logs(id, 0, streams);
		found = strstr(streams[1].data, text) != NULL;
		if (!found)
			usleep(20000);
	}
	for (int i = 0; i < 3; i++)
		mp_buf_free(&streams[i]);
	cr_assert(found, "'%s' is not printed", text);
}

Test(engine_docker, connect)
{
	cr_expect_str_eq(mp_engine_host(engine), getenv("DOCKER_HOST")
							 ? getenv("DOCKER_HOST")
							 : "unix:///var/run/docker.sock");
	cr_expect_str_not_empty(mp_engine_version(engine));
	cr_expect_str_not_empty(mp_engine_api_version(engine));
	cr_expect_str_not_empty(mp_engine_architecture(engine));
}

static struct mp_image *inspect_image(const char *reference)
{
	struct mp_error err = { 0 };
	struct mp_image *result = NULL;

	cr_assert_eq(mp_engine_image_inspect(engine, reference, &result, &err), 0, "%s", err.msg);
	return result;
}

Test(engine_docker, image_by_every_kind_of_reference)
{
	MP_AUTO(mp_freep) char *tagged = mp_xasprintf("%s:latest", image);
	MP_AUTO(mp_freep) char *full = mp_xasprintf("docker.io/library/%s:latest", image);
	MP_AUTO(mp_image_freep) struct mp_image *result = inspect_image(image);
	MP_AUTO(mp_freep) char *id = mp_xstrdup(result->id);
	MP_AUTO(mp_freep) char *short_id = mp_xstrndup(id + strlen("sha256:"), 12);
	const char *const references[] = { tagged, full, id, short_id };

	cr_expect_str_eq(result->os, "linux");
	cr_expect_str_eq(result->architecture, mp_engine_architecture(engine));
	cr_expect_gt(result->size_bytes, 1000);
	cr_expect_str_eq(mp_image_config_getenv(&result->config, "A"), "b");
	cr_expect_str_eq(result->config.exposed.v[0], "53/udp");
	cr_expect_str_eq(result->config.exposed.v[1], "8080/tcp");
	cr_expect_str_eq(result->config.label_values.v[0], "v");
	cr_expect_str_eq(result->config.working_dir, "/data");
	cr_expect_str_eq(result->config.entrypoint.v[0], "/program");
	for (size_t i = 0; i < MP_ARRAY_LEN(references); i++) {
		MP_AUTO(mp_image_freep) struct mp_image *again = inspect_image(references[i]);

		cr_expect_str_eq(again->id, id);
		cr_expect_str_eq(again->reference, references[i]);
	}
}

Test(engine_docker, image_that_is_not_there)
{
	struct mp_image *result = NULL;
	struct mp_error err = { 0 };

	cr_expect_eq(mp_engine_image_inspect(engine, "mp-test-engine-none:x", &result, &err), -1);
	cr_expect_eq(err.code, MP_E_ENGINE);
	cr_expect_eq(err.sys_errno, ENOENT);
	cr_expect_not_null(strcasestr(err.msg, "inspect image 'mp-test-engine-none:x': no such "
					       "image"),
			   "%s", err.msg);
	cr_expect_eq(mp_engine_image_remove(engine, "mp-test-engine-none:x", &err), -1);
	cr_expect_eq(err.sys_errno, ENOENT, "%s", err.msg);
}

/* The layers as directories: three of the image, one alone, and none. */
Test(engine_docker, layer_directories)
{
	static const struct {
		const char *instructions;
		size_t n;
	} cases[] = {
		{ instructions, 2 },
		{ "ADD program /\n", 1 },
		{ "LABEL a=b\n", 0 },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep) char *name = mp_xasprintf("%s:layers", image);
		MP_AUTO(mp_image_freep) struct mp_image *result = NULL;
		MP_AUTO(mp_freep) char *probe = NULL;
		struct mp_error err = { 0 };

		cr_assert_eq(build(name, cases[i].instructions, &err), 0, "%s", err.msg);
		result = inspect_image(name);
		cr_expect_eq(mp_engine_image_remove(engine, name, &err), 0, "%s", err.msg);
		if (result->layer_dirs.n == 0 && cases[i].n > 0)
			continue; /* not an overlay2 engine */
		cr_expect_eq(result->layer_dirs.n, cases[i].n, "%zu", result->layer_dirs.n);
		/* The upper one of the first image has what was added last; only that one is kept.
		 */
		if (i > 0 || access(result->layer_dirs.v[0], F_OK) < 0)
			continue;
		probe = mp_xasprintf("%s/data/Dockerfile", result->layer_dirs.v[0]);
		cr_expect_eq(access(probe, F_OK), 0, "%s", probe);
	}
}

Test(engine_docker, build_failures)
{
	static const struct {
		const char *instructions, *message;
	} cases[] = {
		{ "NONSENSE x\n", "unknown instruction: NONSENSE" },
		{ "COPY missing /\n", "missing" },
		{ "ADD program /\nRUN [\"/program\", \"exit\", \"3\"]\n",
		  "returned a non-zero code: 3" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep) char *name = mp_xasprintf("%s:bad", image);
		struct mp_image *result = NULL;
		struct mp_error err = { 0 };

		cr_expect_eq(build(name, cases[i].instructions, &err), -1);
		cr_expect_eq(err.code, MP_E_ENGINE);
		cr_expect_not_null(strstr(err.msg, cases[i].message), "%s", err.msg);
		cr_expect_eq(mp_engine_image_inspect(engine, name, &result, &err), -1);
	}
}

Test(engine_docker, pull_from_where_nobody_is)
{
	int64_t before_ms = mp_clock_ms();
	struct mp_error err = { 0 };

	cr_expect_eq(mp_engine_image_pull(engine, "127.0.0.1:1/a/b:c", NULL, NULL, &err), -1);
	cr_expect_eq(err.code, MP_E_ENGINE);
	cr_expect_not_null(strstr(err.msg, "pull image '127.0.0.1:1/a/b:c': "), "%s", err.msg);
	cr_expect_not_null(strstr(err.msg, "connection refused"), "%s", err.msg);
	cr_expect_lt(mp_clock_ms() - before_ms, 10000);
	cr_expect_eq(mp_engine_image_pull(engine, "Mixed/Case", NULL, NULL, &err), -1);
	cr_expect_not_null(strstr(err.msg, "must be lowercase"), "%s", err.msg);
}

static int load(const char *command, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *line = mp_xasprintf("cd %s && %s", scratch, command);
	FILE *archive = popen(line, "re");
	int rc;

	cr_assert_not_null(archive);
	rc = mp_engine_image_load(engine, fileno(archive), err);
	pclose(archive);
	return rc;
}

/* From a pipe that comes in fits and starts, and from a file. */
Test(engine_docker, save_and_load)
{
	MP_AUTO(mp_image_freep) struct mp_image *before = inspect_image(image);
	MP_AUTO(mp_freep) char *path = mp_xasprintf("%s/saved.tar", scratch);
	MP_AUTO(mp_closep) int fd = -1;
	struct mp_error err = { 0 };

	shell("docker save -o saved.tar %s", image);
	cr_assert_eq(mp_engine_image_remove(engine, image, &err), 0, "%s", err.msg);
	cr_assert_eq(load("{ head -c 700; sleep 0.5; cat; } <saved.tar", &err), 0, "%s", err.msg);
	MP_AUTO(mp_image_freep) struct mp_image *after = inspect_image(image);
	cr_expect_str_eq(after->id, before->id);

	cr_assert_eq(mp_engine_image_remove(engine, image, &err), 0, "%s", err.msg);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_eq(mp_engine_image_load(engine, fd, &err), 0, "%s", err.msg);
	MP_AUTO(mp_image_freep) struct mp_image *again = inspect_image(image);
	cr_expect_str_eq(again->id, before->id);
}

Test(engine_docker, load_of_what_is_no_image)
{
	static const char *const commands[] = {
		"true",
		"echo hello",
		"head -c 50000000 /dev/urandom",
		"tar -cf - program",
		"head -c 50000000 /dev/zero",
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(commands); i++) {
		struct mp_error err = { 0 };

		cr_expect_eq(load(commands[i], &err), -1, "%s", commands[i]);
		cr_expect_eq(err.code, MP_E_ENGINE, "%s: %s", commands[i], err.msg);
		cr_expect_eq(strncmp(err.msg, "load image: ", 12), 0, "%s", err.msg);
	}
}

Test(engine_docker, life_of_a_container)
{
	MP_AUTO(mp_container_state_clear) struct mp_container_state state = { 0 };
	MP_AUTO(remove_container) char *id = create("\"wait\"", "");
	struct mp_error err = { 0 };

	inspect(id, &state);
	cr_expect_not(state.running);
	cr_expect_null(state.ip_address);
	cr_expect_eq(state.n_ports, 0);
	cr_expect_eq(state.health, MP_HEALTH_NONE);

	start(id);
	start(id); /* runs already: fine */
	inspect(id, &state);
	cr_expect(state.running);
	cr_expect_not_null(state.ip_address);
	wait_for_output(id, "ready\n");

	cr_expect_eq(mp_engine_container_stop(engine, id, 20, &err), 0, "%s", err.msg);
	inspect(id, &state);
	cr_expect_not(state.running);
	cr_expect_eq(state.exit_code, 7, "its own handler ran: %d", state.exit_code);
	wait_for_output(id, "stopping\n");
	cr_expect_eq(mp_engine_container_stop(engine, id, 1, &err), 0, "ended already: %s",
		     err.msg);

	cr_expect_eq(mp_engine_container_remove(engine, id, &err), 0, "%s", err.msg);
	cr_expect_eq(mp_engine_container_remove(engine, id, &err), 0, "gone already: %s", err.msg);
	cr_expect_eq(mp_engine_container_inspect(engine, id, &state, &err), -1);
	cr_expect_eq(err.sys_errno, ENOENT);
	cr_expect_not_null(strcasestr(err.msg, "no such container"), "%s", err.msg);
	cr_expect_eq(mp_engine_container_start(engine, id, &err), -1);
	cr_expect_eq(err.sys_errno, ENOENT);
	cr_expect_eq(mp_engine_container_stop(engine, id, 1, &err), -1);
	cr_expect_eq(err.sys_errno, ENOENT);
}

Test(engine_docker, exit_code)
{
	MP_AUTO(mp_container_state_clear) struct mp_container_state state = { 0 };
	MP_AUTO(remove_container) char *id = create("\"exit\",\"42\"", "");

	start(id);
	wait_until_ended(id, &state);
	cr_expect_eq(state.exit_code, 42);
	cr_expect_null(state.error);
}

/* Removing is enough: it need not be stopped before. */
Test(engine_docker, remove_while_it_runs)
{
	MP_AUTO(remove_container) char *id = create("\"deaf\"", "");
	int64_t before_ms = mp_clock_ms();
	struct mp_error err = { 0 };

	start(id);
	cr_expect_eq(mp_engine_container_remove(engine, id, &err), 0, "%s", err.msg);
	cr_expect_lt(mp_clock_ms() - before_ms, 8000, "no grace time for SIGTERM");
}

Test(engine_docker, entrypoint_that_is_not_there)
{
	MP_AUTO(mp_container_state_clear) struct mp_container_state state = { 0 };
	MP_AUTO(remove_container) char *id = create("", "\"Entrypoint\":[\"/nowhere\"]");
	struct mp_error err = { 0 };

	cr_expect_eq(mp_engine_container_start(engine, id, &err), -1);
	cr_expect_eq(err.code, MP_E_ENGINE);
	cr_expect_eq(err.sys_errno, 0, "the container is there: %s", err.msg);
	cr_expect_not_null(strstr(err.msg, "/nowhere"), "%s", err.msg);
	inspect(id, &state);
	cr_expect_not_null(state.error);
	cr_expect_not_null(strstr(state.error, "/nowhere"), "%s", state.error);
}

Test(engine_docker, create_from_an_image_that_is_not_there)
{
	static const char text[] = "{\"Image\":\"mp-test-engine-none\"}";
	MP_AUTO(mp_json_freep) struct mp_json *spec = mp_json_parse(text, strlen(text), "", NULL);
	struct mp_error err = { 0 };
	char *id = NULL;

	cr_expect_eq(mp_engine_container_create(engine, spec, &id, &err), -1);
	cr_expect_eq(err.sys_errno, ENOENT);
	cr_expect_not_null(strcasestr(err.msg, "create container: no such image"), "%s", err.msg);
	cr_expect_null(id);
}

Test(engine_docker, published_ports)
{
	MP_AUTO(mp_container_state_clear) struct mp_container_state state = { 0 };
	MP_AUTO(remove_container)
	char *id =
		create("\"wait\"", "\"ExposedPorts\":{\"8080/tcp\":{},\"9/tcp\":{},\"10/tcp\":{}},"
				   "\"HostConfig\":{\"PortBindings\":{"
				   "\"8080/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"\"}],"
				   "\"53/udp\":[{\"HostIp\":\"127.0.0.1\"}],"
				   "\"9/tcp\":[{}]}}");

	start(id);
	inspect(id, &state);
	cr_assert_eq(state.n_ports, 3, "%zu", state.n_ports);
	cr_expect_eq(state.ports[0].container_port, 9);
	cr_expect_str_eq(state.ports[0].host_ip, "");
	cr_expect_eq(state.ports[1].container_port, 53);
	cr_expect_str_eq(state.ports[1].protocol, "udp");
	cr_expect_eq(state.ports[2].container_port, 8080);
	cr_expect_str_eq(state.ports[2].protocol, "tcp");
	cr_expect_str_eq(state.ports[2].host_ip, "127.0.0.1");
	for (size_t i = 0; i < state.n_ports; i++)
		cr_expect_neq(state.ports[i].host_port, 0);
}

Test(engine_docker, health)
{
	MP_AUTO(mp_container_state_clear) struct mp_container_state state = { 0 };
	MP_AUTO(remove_container)
	char *well = create("\"wait\"",
			    "\"Healthcheck\":{\"Test\":[\"CMD\",\"/program\",\"exit\",\"0\"],"
			    "\"Interval\":1000000000}");
	MP_AUTO(remove_container)
	char *ill = create("\"wait\"",
			   "\"Healthcheck\":{\"Test\":[\"CMD\",\"/program\",\"exit\",\"1\"],"
			   "\"Interval\":1000000000,\"Retries\":1}");

	start(well);
	start(ill);
	inspect(well, &state);
	cr_expect_neq(state.health, MP_HEALTH_NONE);
	for (int i = 0; i < 500 && state.health == MP_HEALTH_STARTING; i++) {
		usleep(20000);
		inspect(well, &state);
	}
	cr_expect_eq(state.health, MP_HEALTH_HEALTHY);
	do {
		usleep(20000);
		inspect(ill, &state);
	} while (state.health == MP_HEALTH_STARTING);
	cr_expect_eq(state.health, MP_HEALTH_UNHEALTHY);
}

Test(engine_docker, logs)
{
	MP_AUTO(mp_container_state_clear) struct mp_container_state state = { 0 };
	MP_AUTO(remove_container) char *id = create("\"print\"", "");
	struct mp_buf streams[3] = { 0 };

	read_logs(id, 0, streams);
	cr_expect_str_empty(streams[1].data, "never started");
	start(id);
	wait_until_ended(id, &state);
	read_logs(id, 0, streams);
	cr_expect_str_eq(streams[1].data, "one\nthree\n");
	cr_expect_str_eq(streams[2].data, "two\n");
	read_logs(id, 1, streams);
	cr_expect_str_eq(streams[1].data, "three\n");
	cr_expect_str_empty(streams[2].data);
	for (int i = 0; i < 3; i++)
		mp_buf_free(&streams[i]);
}

Test(engine_docker, logs_of_a_terminal)
{
	MP_AUTO(mp_container_state_clear) struct mp_container_state state = { 0 };
	MP_AUTO(remove_container) char *id = create("\"print\"", "\"Tty\":true");
	struct mp_buf streams[3] = { 0 };

	start(id);
	wait_until_ended(id, &state);
	read_logs(id, 0, streams);
	cr_expect_str_eq(streams[1].data, "one\r\ntwo\r\nthree\r\n");
	cr_expect_str_empty(streams[2].data);
	for (int i = 0; i < 3; i++)
		mp_buf_free(&streams[i]);
}

static int write_to_tar(const void *data, size_t len, void *context, struct mp_error *err)
{
	(void)err;
	return fwrite(data, 1, len, context) == len ? 0 : -1;
}

static int give_up(const void *data, size_t len, void *context, struct mp_error *err)
{
	(void)data;
	(void)len;
	(*(int *)context)++;
	return mp_error_set(err, MP_E_SYS, ENOSPC, "write 'rootfs.tar'");
}

Test(engine_docker, export)
{
	MP_AUTO(mp_container_state_clear) struct mp_container_state state = { 0 };
	MP_AUTO(remove_container) char *id = create("\"wait\"", "");
	MP_AUTO(mp_freep) char *command = mp_xasprintf("tar -C %s -xf -", scratch);
	struct mp_error err = { 0 };
	FILE *tar;
	int calls = 0;

	shell("mv program %s", "original");
	tar = popen(command, "we");
	cr_assert_not_null(tar);
	cr_expect_eq(mp_engine_container_export(engine, id, write_to_tar, tar, &err), 0, "%s",
		     err.msg);
	cr_expect_eq(pclose(tar), 0);
	shell("cmp program %s", "original");
	shell("test -f data/%s", "Dockerfile");

	cr_expect_eq(mp_engine_container_export(engine, id, give_up, &calls, &err), -1);
	cr_expect_eq(calls, 1);
	cr_expect_eq(err.code, MP_E_SYS);
	cr_expect_eq(err.sys_errno, ENOSPC);
	cr_expect_not_null(strstr(err.msg, "write 'rootfs.tar': No space left"), "%s", err.msg);
	inspect(id, &state); /* the engine can still be asked */
}

static void *interrupt_soon(void *unused)
{
	(void)unused;
	usleep(300000);
	kill(getpid(), SIGINT);
	return NULL;
}

/* A container that ignores SIGTERM, with a long grace time: Ctrl-C must not wait for it. */
Test(engine_docker, interrupted_while_it_stops)
{
	MP_AUTO(remove_container) char *id = create("\"deaf\"", "");
	struct mp_error err = { 0 };
	int64_t before_ms;
	pthread_t thread;

	start(id);
	wait_for_output(id, "ready\n");
	mp_interrupt_install();
	before_ms = mp_clock_ms();
	cr_assert_eq(pthread_create(&thread, NULL, interrupt_soon, NULL), 0);
	cr_expect_eq(mp_engine_container_stop(engine, id, 60, &err), -1);
	cr_expect_eq(err.code, MP_E_INTERRUPTED, "%s", err.msg);
	cr_expect_lt(mp_clock_ms() - before_ms, 1300);
	pthread_join(thread, NULL);
}

/* Carries bytes between @client and the engine's socket until one of them ends. */
static void forward(int client, const char *socket_path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct pollfd fds[2] = { { .fd = client, .events = POLLIN },
				 { .fd = socket(AF_UNIX, SOCK_STREAM, 0), .events = POLLIN } };
	char chunk[65536];

	strncpy(address.sun_path, socket_path, sizeof(address.sun_path) - 1);
	if (connect(fds[1].fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		_exit(1);
	while (poll(fds, 2, -1) > 0) {
		for (int i = 0; i < 2; i++) {
			ssize_t got = fds[i].revents ? read(fds[i].fd, chunk, sizeof(chunk)) : -2;

			if (got == -2)
				continue;
			if (got <= 0 || send(fds[!i].fd, chunk, (size_t)got, MSG_NOSIGNAL) != got)
				_exit(0);
		}
	}
}

/* Listens on a free port of 127.0.0.1 and forwards one connection after the other. */
static pid_t start_forwarder(const char *socket_path, unsigned int *port_out)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(bind(listener, (struct sockaddr *)&address, size), 0);
	cr_assert_eq(listen(listener, 4), 0);
	getsockname(listener, (struct sockaddr *)&address, &size);
	*port_out = ntohs(address.sin_port);
	pid = fork();
	if (pid == 0) {
		int client;

		signal(SIGCHLD, SIG_IGN);
		while ((client = accept(listener, NULL, NULL)) >= 0) {
			if (fork() == 0)
				forward(client, socket_path);
			close(client);
		}
		_exit(0);
	}
	close(listener);
	return pid;
}

/* The same engine over TCP. */
Test(engine_docker, over_tcp)
{
	MP_AUTO(mp_engine_freep) struct mp_engine *remote = NULL;
	MP_AUTO(mp_image_freep) struct mp_image *result = NULL;
	MP_AUTO(mp_freep) char *host = NULL;
	struct mp_error err = { 0 };
	unsigned int port;
	pid_t pid;

	if (strncmp(mp_engine_host(engine), "unix://", 7) != 0)
		return; /* then all the others were */
	pid = start_forwarder(mp_engine_host(engine) + 7, &port);
	host = mp_xasprintf("tcp://127.0.0.1:%u", port);
	setenv("DOCKER_HOST", host, 1);
	setenv("http_proxy", "http://127.0.0.1:1", 1); /* is not for this */
	cr_assert_eq(mp_engine_connect(&remote, &err), 0, "%s", err.msg);
	cr_expect_str_eq(mp_engine_host(remote), host);
	cr_expect_str_eq(mp_engine_address(remote), "127.0.0.1");
	cr_expect_eq(mp_engine_image_inspect(remote, image, &result, &err), 0, "%s", err.msg);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Containers of others */

static void find(const char *name, struct mp_container *container)
{
	struct mp_error err = { 0 };

	mp_container_clear(container);
	cr_assert_eq(mp_engine_container_find(engine, name, container, &err), 0, "%s", err.msg);
}

Test(engine_docker, a_container_is_found)
{
	MP_AUTO(remove_container) char *id = create("\"wait\"", "");
	MP_AUTO(mp_container_clear) struct mp_container container = { 0 };
	MP_AUTO(mp_container_clear) struct mp_container again = { 0 };
	MP_AUTO(mp_image_freep) struct mp_image *of = inspect_image(image);
	MP_AUTO(mp_freep) char *beginning = mp_xstrndup(id, 12);
	struct mp_error err = { 0 };

	find(id, &container);
	cr_expect_str_eq(container.image, image);
	cr_expect_str_eq(container.image_id, of->id);
	cr_expect_str_eq(container.status, "created");
	cr_expect(!container.running && container.pid == 0);
	start(id);
	find(container.name, &again);
	cr_expect_str_eq(again.id, id);
	cr_expect_str_eq(again.status, "running");
	cr_expect(again.running && again.pid > 0);
	cr_expect_str_neq(again.started, container.started);
	cr_assert_eq(mp_engine_container_stop(engine, id, 10, &err), 0, "%s", err.msg);
	find(beginning, &container);
	cr_expect_str_eq(container.status, "exited");
	cr_expect(!container.running && container.pid == 0);
	cr_expect_str_eq(container.started, again.started, "of the last start");
	start(id);
	find(id, &container);
	cr_expect_str_neq(container.started, again.started);
}

Test(engine_docker, a_container_that_is_not_there)
{
	struct mp_container container = { 0 };
	struct mp_error err = { 0 };

	cr_expect_eq(mp_engine_container_find(engine, "mp-test-none", &container, &err), -1);
	cr_expect_eq(err.code, MP_E_ENGINE);
	cr_expect_eq(err.sys_errno, ENOENT);
	cr_expect_not_null(strcasestr(err.msg, "find container 'mp-test-none': no such container"),
			   "%s", err.msg);
	cr_expect_null(container.id);
	cr_expect_eq(mp_engine_container_find(engine, "../images", &container, &err), -1);
	cr_expect_eq(err.code, MP_E_USAGE);
}

Test(engine_docker, containers_of_an_image)
{
	MP_AUTO(mp_freep) char *instructions_from = NULL;
	MP_AUTO(mp_freep) char *other = mp_xasprintf("%s:other", image);
	MP_AUTO(remove_container) char *first = create("\"wait\"", "");
	MP_AUTO(remove_container) char *second = create("\"wait\"", "");
	MP_AUTO(remove_container) char *idle = create("\"wait\"", "");
	MP_AUTO(mp_strv_free) struct mp_strv ids = { 0 };
	MP_AUTO(mp_image_freep) struct mp_image *of = inspect_image(image);
	struct mp_error err = { 0 };

	start(first);
	start(second);
	cr_assert_eq(mp_engine_containers_of_image(engine, of->id, &ids, &err), 0, "%s", err.msg);
	cr_expect_eq(ids.n, 2);
	cr_expect(mp_strv_find(&ids, first) >= 0 && mp_strv_find(&ids, second) >= 0);
	cr_expect_eq(mp_strv_find(&ids, idle), -1, "it does not run");
	/* An image made from it is another image. */
	instructions_from = mp_xasprintf("FROM %s\nLABEL derived=yes\n", image);
	cr_assert_eq(build(other, instructions_from, &err), 0, "%s", err.msg);
	mp_image_freep(&of);
	of = inspect_image(other);
	mp_strv_free(&ids);
	cr_assert_eq(mp_engine_containers_of_image(engine, of->id, &ids, &err), 0, "%s", err.msg);
	cr_expect_eq(ids.n, 0);
	cr_expect_eq(mp_engine_image_remove(engine, other, &err), 0, "%s", err.msg);
}

/* Also of one that is gone, as after docker run --rm. */
Test(engine_docker, the_image_of_a_container)
{
	static const char unknown[] = "0123456789abcdef0123456789abcdef"
				      "0123456789abcdef0123456789abcdef";
	MP_AUTO(remove_container) char *id = create("\"exit\",\"0\"", "");
	MP_AUTO(mp_image_freep) struct mp_image *of = inspect_image(image);
	MP_AUTO(mp_container_state_clear) struct mp_container_state state = { 0 };
	MP_AUTO(mp_freep) char *gone = mp_xstrdup(id);
	MP_AUTO(mp_freep) char *image_id = NULL;
	struct mp_error err = { 0 };

	cr_assert_eq(mp_engine_container_image(engine, id, &image_id, &err), 1, "%s", err.msg);
	cr_expect_str_eq(image_id, of->id);
	mp_freep(&image_id);
	start(id);
	wait_until_ended(id, &state);
	remove_container(&id);
	cr_assert_eq(mp_engine_container_image(engine, gone, &image_id, &err), 1, "%s", err.msg);
	cr_expect_str_eq(image_id, of->id);
	mp_freep(&image_id);
	cr_assert_eq(mp_engine_container_image(engine, unknown, &image_id, &err), 0, "%s", err.msg);
	cr_expect_null(image_id);
}
