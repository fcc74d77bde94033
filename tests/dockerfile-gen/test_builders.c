/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Property: whatever the configuration, an image built from its Dockerfile, or loaded with its
 * image JSON, is inspected as having that configuration. Against the real engine, with both of its
 * builders and pseudo-random configurations made of what parsers stumble over.
 */
#include "core/sha256.h"
#include "dockerfile-gen/dockerfile.h"
#include "dockerfile-gen/quote.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Both can be set in the environment. */
#define MP_TEST_SEED 20260801
#define MP_TEST_CONFIGS 64
#define SLICES 4 /* tests that Criterion runs side by side */

static unsigned int setting(const char *variable, unsigned int otherwise)
{
	const char *value = getenv(variable);

	return value && value[0] ? (unsigned int)strtoul(value, NULL, 10) : otherwise;
}

static unsigned int seed(void)
{
	return setting("MP_TEST_SEED", MP_TEST_SEED);
}

/* The engine, over HTTP/1.0, so that an answer ends with its connection. */

static const char *engine_socket(void)
{
	static const char scheme[] = "unix://";
	const char *host = getenv("DOCKER_HOST");
	const char *must_run = getenv("MP_TEST_MUST_RUN");

	if (!host || !host[0]) {
		cr_assert(!must_run || !strstr(must_run, "docker"),
			  "DOCKER_HOST is not set, and MP_TEST_MUST_RUN asks for docker");
		cr_skip("DOCKER_HOST is not set");
	}
	cr_assert_eq(strncmp(host, scheme, strlen(scheme)), 0, "DOCKER_HOST=%s is no socket", host);
	return host + strlen(scheme);
}

static int engine_connect(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 120 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", engine_socket());
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0,
		     "no engine at %s", address.sun_path);
	return fd;
}

static void send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t put = send(fd, data, len, MSG_NOSIGNAL);

		cr_assert_gt(put, 0, "the engine hung up");
		data += put;
		len -= (size_t)put;
	}
}

/* The HTTP status; the answer's body in @answer. */
static int request(const char *method, const char *path, const struct mp_buf *body,
		   struct mp_buf *answer)
{
	MP_AUTO(mp_closep) int fd = engine_connect();
	MP_AUTO(mp_buf_free) struct mp_buf raw = { 0 };
	char chunk[65536];
	char *blank;
	ssize_t got;

	mp_buf_addf(&raw,
		    "%s %s HTTP/1.0\r\nHost: engine\r\nContent-Type: application/x-tar\r\n"
		    "Content-Length: %zu\r\n\r\n",
		    method, path, body ? body->len : 0);
	send_all(fd, raw.data, raw.len);
	if (body)
		send_all(fd, body->data, body->len);
	mp_buf_clear(&raw);
	while ((got = recv(fd, chunk, sizeof(chunk), 0)) > 0)
		mp_buf_add(&raw, chunk, (size_t)got);
	blank = raw.data ? strstr(raw.data, "\r\n\r\n") : NULL;
	cr_assert_not_null(blank, "%s %s: no answer", method, path);
	mp_buf_adds(answer, blank + 4);
	return atoi(raw.data + strlen("HTTP/1.x "));
}

/* POSIX ustar, enough of it for regular files with short names. */

static void tar_add(struct mp_buf *tar, const char *name, const char *data, size_t len)
{
	static const char zeros[512];
	char header[512] = { 0 };
	unsigned int sum = 8 * ' ';

	snprintf(header, 100, "%s", name);
	memcpy(header + 100, "0000644", 8);
	memcpy(header + 108, "0000000", 8);
	memcpy(header + 116, "0000000", 8);
	snprintf(header + 124, 12, "%011zo", len);
	memcpy(header + 136, "00000000000", 12);
	header[156] = '0';
	memcpy(header + 257,
	       "ustar\0"
	       "00",
	       8);
	for (size_t i = 0; i < sizeof(header); i++)
		sum += (unsigned char)header[i];
	snprintf(header + 148, 8, "%06o", sum);
	header[155] = ' ';
	mp_buf_add(tar, header, sizeof(header));
	mp_buf_add(tar, data, len);
	mp_buf_add(tar, zeros, (512 - len % 512) % 512);
}

static void tar_end(struct mp_buf *tar)
{
	static const char zeros[1024];

	mp_buf_add(tar, zeros, sizeof(zeros));
}

static void make_rootfs(struct mp_buf *tar)
{
	tar_add(tar, "file", "x", 1);
	tar_end(tar);
}

/* One image from a configuration, three ways. */

enum way { LEGACY = 1, BUILDKIT = 2, LOAD = 3 };

static const char *const way_names[] = { "", "legacy builder", "BuildKit", "load" };

/* Posts @body; where the engine fails, its last line goes to @report. */
static bool accepted(const char *path, const struct mp_buf *body, struct mp_buf *report)
{
	MP_AUTO(mp_buf_free) struct mp_buf answer = { 0 };
	int status = request("POST", path, body, &answer);
	char *end = answer.data + answer.len, *last;

	if (status == 200 && !strstr(answer.data, "\"errorDetail\""))
		return true;
	while (end > answer.data && (end[-1] == '\n' || end[-1] == '\r'))
		*--end = '\0';
	last = strrchr(answer.data, '\n');
	mp_buf_addf(report, "%d %s", status, last ? last + 1 : answer.data);
	return false;
}

/* -1 and the engine's words in @report. */
static int build(enum way way, const struct mp_image_config *config, const char *rootfs_name,
		 const char *tag, struct mp_buf *report)
{
	MP_AUTO(mp_buf_free) struct mp_buf rootfs = { 0 }, context = { 0 };
	MP_AUTO(mp_freep) char *text = NULL, *path = NULL;
	struct mp_error err = { 0 };

	if (mp_dockerfile_generate(config, rootfs_name, &text, &err)) {
		mp_buf_addf(report, "refused: %s", err.msg);
		return -1;
	}
	make_rootfs(&rootfs);
	tar_add(&context, "Dockerfile", text, strlen(text));
	tar_add(&context, rootfs_name, rootfs.data, rootfs.len);
	tar_end(&context);
	/* No cache: images are removed while other builds run, and a cached parent with them. */
	path = mp_xasprintf("/build?version=%d&t=%s&rm=1&forcerm=1%s", way, tag,
			    way == LEGACY ? "&nocache=1" : "");
	if (accepted(path, &context, report))
		return 0;
	mp_buf_addf(report, "\n%s", text);
	return -1;
}

static int load(const struct mp_json *config_json, const char *tag, struct mp_buf *report)
{
	MP_AUTO(mp_buf_free) struct mp_buf rootfs = { 0 }, archive = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *image = NULL;
	MP_AUTO(mp_freep) char *image_text = NULL, *manifest = NULL;
	char digest[MP_SHA256_HEX_SIZE];

	make_rootfs(&rootfs);
	mp_sha256_hex(rootfs.data, rootfs.len, digest);
	image = mp_image_json_generate(config_json, "amd64", NULL, "linux", "2026-01-02T03:04:05Z",
				       digest);
	image_text = mp_json_dump(image);
	manifest = mp_xasprintf("[{\"Config\":\"image.json\",\"RepoTags\":[\"%s\"],"
				"\"Layers\":[\"layer.tar\"]}]",
				tag);
	tar_add(&archive, "manifest.json", manifest, strlen(manifest));
	tar_add(&archive, "image.json", image_text, strlen(image_text));
	tar_add(&archive, "layer.tar", rootfs.data, rootfs.len);
	tar_end(&archive);
	return accepted("/images/load?quiet=1", &archive, report) ? 0 : -1;
}

/* The Config object that the engine shows; the image is removed. */
static struct mp_json *inspect_and_remove(const char *tag)
{
	MP_AUTO(mp_buf_free) struct mp_buf answer = { 0 }, removed = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	MP_AUTO(mp_freep) char *show = mp_xasprintf("/images/%s/json", tag);
	MP_AUTO(mp_freep) char *delete = mp_xasprintf("/images/%s?force=1", tag);
	struct mp_error err = { 0 };

	cr_assert_eq(request("GET", show, NULL, &answer), 200, "%s", answer.data);
	cr_assert_eq(request("DELETE", delete, NULL, &removed), 200, "%s", removed.data);
	json = mp_json_parse(answer.data, answer.len, "inspect", &err);
	cr_assert_not_null(json, "%s", err.msg);
	return mp_json_copy(mp_json_get(json, "Config"));
}

/* What a configuration means, as comparable text. */

static void put_env(struct mp_strmap *map, const char *entry)
{
	MP_AUTO(mp_freep) char *name = mp_xstrndup(entry, strcspn(entry, "="));
	char *replaced = mp_strmap_put(map, name, mp_xstrdup(entry));

	mp_freep(&replaced);
}

static void push_env(const char *name, void *entry, void *list)
{
	(void)name;
	mp_strv_push(list, entry);
}

/* The header says in what a built image may differ: the last of two equal names, a default PATH,
 * "/". */
static void as_built(struct mp_image_config *config)
{
	MP_AUTO(mp_strmap_freep) struct mp_strmap *map = mp_strmap_new(free);

	put_env(map, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	for (size_t i = 0; i < config->env.n; i++)
		put_env(map, config->env.v[i]);
	mp_strv_free(&config->env);
	mp_strmap_each(map, push_env, &config->env);
	if (!config->working_dir)
		config->working_dir = mp_xstrdup("/");
}

static void differ(struct mp_buf *report, const char *field, const char *expected, const char *got)
{
	if (strcmp(expected, got) != 0)
		mp_buf_addf(report, "%s: expected %s, got %s\n", field, expected, got);
}

static void compare_lists(struct mp_buf *report, const char *field, const struct mp_strv *expected,
			  const struct mp_strv *got)
{
	MP_AUTO(mp_buf_free) struct mp_buf x = { 0 }, y = { 0 };

	mp_dockerfile_add_json(&x, expected);
	mp_dockerfile_add_json(&y, got);
	differ(report, field, x.data, y.data);
}

static void compare_texts(struct mp_buf *report, const char *field, const char *expected,
			  const char *got)
{
	differ(report, field, expected ? expected : "(none)", got ? got : "(none)");
}

static void compare_numbers(struct mp_buf *report, const char *field, int64_t expected, int64_t got)
{
	MP_AUTO(mp_freep) char *x = mp_xasprintf("%lld", (long long)expected);
	MP_AUTO(mp_freep) char *y = mp_xasprintf("%lld", (long long)got);

	differ(report, field, x, y);
}

static void compare(struct mp_buf *report, const struct mp_image_config *a,
		    const struct mp_image_config *b)
{
	compare_lists(report, "Env", &a->env, &b->env);
	compare_lists(report, "Entrypoint", &a->entrypoint, &b->entrypoint);
	compare_lists(report, "Cmd", &a->cmd, &b->cmd);
	compare_lists(report, "Shell", &a->shell, &b->shell);
	compare_lists(report, "OnBuild", &a->onbuild, &b->onbuild);
	compare_lists(report, "ExposedPorts", &a->exposed, &b->exposed);
	compare_lists(report, "Volumes", &a->volumes, &b->volumes);
	compare_lists(report, "Labels (keys)", &a->label_keys, &b->label_keys);
	compare_lists(report, "Labels (values)", &a->label_values, &b->label_values);
	compare_lists(report, "Healthcheck.Test", &a->healthcheck, &b->healthcheck);
	compare_texts(report, "WorkingDir", a->working_dir, b->working_dir);
	compare_texts(report, "User", a->user, b->user);
	compare_texts(report, "StopSignal", a->stop_signal, b->stop_signal);
	compare_numbers(report, "Healthcheck.Interval", a->health_interval_ns,
			b->health_interval_ns);
	compare_numbers(report, "Healthcheck.Timeout", a->health_timeout_ns, b->health_timeout_ns);
	compare_numbers(report, "Healthcheck.StartPeriod", a->health_start_period_ns,
			b->health_start_period_ns);
	compare_numbers(report, "Healthcheck.Retries", a->health_retries, b->health_retries);
}

static void read_config(struct mp_image_config *config, const struct mp_json *json)
{
	struct mp_error err = { 0 };

	cr_assert_eq(mp_image_config_read(config, json, &err), 0, "%s", err.msg);
}

/* Whether the image has the configuration it was made with; if not, what is different. */
static bool round_trips(enum way way, const struct mp_json *json, struct mp_buf *report)
{
	MP_AUTO(mp_image_config_free) struct mp_image_config expected = { 0 }, got = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *inspected = NULL;
	MP_AUTO(mp_freep) char *tag = mp_xasprintf("mp-builders-%d:%d", getpid(), way);

	mp_buf_clear(report);
	read_config(&expected, json);
	if (way == LOAD ? load(json, tag, report)
			: build(way, &expected, "rootfs.tar", tag, report))
		return false;
	inspected = inspect_and_remove(tag);
	read_config(&got, inspected);
	if (way != LOAD) {
		as_built(&expected);
		as_built(&got);
	}
	mp_buf_clear(report);
	compare(report, &expected, &got);
	return report->len == 0;
}

/* @array without one element. */
static struct mp_json *array_without(const struct mp_json *array, size_t index)
{
	struct mp_json *rest = mp_json_array();

	for (size_t i = 0; i < mp_json_len(array); i++) {
		if (i != index)
			mp_json_push_take(rest, mp_json_copy(mp_json_at(array, i)));
	}
	return rest;
}

/* Puts @smaller in *json's place if the failure is still there; frees it otherwise. */
static bool keep_if_failing(enum way way, struct mp_json **json, struct mp_json *smaller)
{
	MP_AUTO(mp_buf_free) struct mp_buf report = { 0 };
	bool failing = !round_trips(way, smaller, &report);

	mp_json_freep(failing ? json : &smaller);
	if (failing)
		*json = smaller;
	return failing;
}

/* Leaves out what the failure does not need of the array or object at @key. */
static void shrink_member(enum way way, struct mp_json **json, const char *key)
{
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };
	struct mp_json *smaller;
	size_t i = 0;

	while (i < mp_json_len(mp_json_get(*json, key))) {
		smaller = mp_json_copy(*json);
		mp_json_set_take(smaller, key, array_without(mp_json_get(*json, key), i));
		if (!keep_if_failing(way, json, smaller))
			i++;
	}
	mp_json_keys(mp_json_get(*json, key), &names);
	for (size_t n = 0; n < names.n; n++) {
		smaller = mp_json_copy(*json);
		mp_json_remove(mp_json_get(smaller, key), names.v[n]);
		keep_if_failing(way, json, smaller);
	}
}

/* Leaves out all that the failure does not need. */
static void shrink(enum way way, struct mp_json **json)
{
	MP_AUTO(mp_strv_free) struct mp_strv keys = { 0 };

	mp_json_keys(*json, &keys);
	for (size_t k = 0; k < keys.n; k++) {
		struct mp_json *smaller = mp_json_copy(*json);

		mp_json_remove(smaller, keys.v[k]);
		if (!keep_if_failing(way, json, smaller))
			shrink_member(way, json, keys.v[k]);
	}
}

/* Configurations made of what parsers stumble over. */

struct random {
	uint64_t state;
};

static unsigned int below(struct random *random, unsigned int limit)
{
	/* xorshift64* */
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return (unsigned int)((random->state * 0x2545f4914f6cdd1du) >> 33) % limit;
}

static const char *const fragments[] = { " ",
					 "  ",
					 "\t",
					 "\"",
					 "'",
					 "\\",
					 "\\\\",
					 "\\\"",
					 "\\n",
					 "$",
					 "$$",
					 "$PATH",
					 "${HOME}",
					 "${A:-b}",
					 "${A:+b}",
					 "${",
					 "}",
					 "\\$x",
					 "#",
					 " # comment",
					 "<<EOF",
					 " <<EOF",
					 "<",
					 ">",
					 "--from=x",
					 "-",
					 "[",
					 "]",
					 "[\"a\"]",
					 "{",
					 "{\"a\":1}",
					 ",",
					 ";",
					 ":",
					 "&",
					 "|",
					 "`",
					 "~",
					 "*",
					 "?",
					 "!",
					 "(",
					 ")",
					 "%s",
					 "@",
					 "^",
					 "+",
					 "=",
					 "A=1",
					 "FROM scratch",
					 "ENV X=1",
					 "\r",
					 "\v",
					 "\f",
					 "\x01",
					 "\x1b[31m",
					 "\x7f",
					 "\xc3\xa9",
					 "\xc2\x85",
					 "\xc2\xa0",
					 "\xe2\x80\xa8",
					 "\xe3\x80\x80",
					 "\xef\xbb\xbf",
					 "\xf0\x9f\x90\x8b",
					 "a",
					 "b c",
					 "0",
					 "x/y",
					 ".",
					 "_" };

/* @first, then up to @max fragments. */
static char *nasty(struct random *random, const char *first, unsigned int max)
{
	struct mp_buf text = { 0 };

	mp_buf_adds(&text, first);
	for (unsigned int n = below(random, max + 1); n > 0; n--)
		mp_buf_adds(&text, fragments[below(random, MP_ARRAY_LEN(fragments))]);
	return mp_buf_steal(&text);
}

static char *name(struct random *random)
{
	char *text = nasty(random, "", 3);

	for (char *p = text; (p = strchr(p, '=')) != NULL;)
		*p = '_';
	if (text[0])
		return text;
	mp_freep(&text);
	return mp_xstrdup("N");
}

static struct mp_json *env(struct random *random)
{
	struct mp_json *list = mp_json_array();

	for (unsigned int n = 1 + below(random, 6); n > 0; n--) {
		MP_AUTO(mp_freep) char *key = below(random, 5) ? name(random) : mp_xstrdup("PATH");
		MP_AUTO(mp_freep) char *value = nasty(random, "", 6);
		MP_AUTO(mp_freep) char *entry = mp_xasprintf("%s=%s", key, value);

		mp_json_push_take(list, mp_json_string(entry));
	}
	return list;
}

/* Newlines too: it is written as JSON. */
static struct mp_json *argv(struct random *random)
{
	struct mp_json *list = mp_json_array();

	for (unsigned int n = 1 + below(random, 4); n > 0; n--) {
		MP_AUTO(mp_freep) char *text = nasty(random, below(random, 4) ? "" : "a\nb", 6);

		mp_json_push_take(list, mp_json_string(text));
	}
	return list;
}

static struct mp_json *labels(struct random *random)
{
	struct mp_json *object = mp_json_object();

	for (unsigned int n = 1 + below(random, 6); n > 0; n--) {
		MP_AUTO(mp_freep) char *key = name(random);
		MP_AUTO(mp_freep) char *value = nasty(random, "", 6);

		mp_json_set_string(object, key, value);
	}
	return object;
}

static struct mp_json *volumes(struct random *random)
{
	struct mp_json *object = mp_json_object();

	for (unsigned int n = 1 + below(random, 2); n > 0; n--) {
		MP_AUTO(mp_freep) char *path = nasty(random, "/v", 4);

		mp_json_set_take(object, path, mp_json_object());
	}
	return object;
}

static struct mp_json *ports(struct random *random)
{
	static const char *const protocols[] = { "tcp", "udp", "sctp" };
	struct mp_json *object = mp_json_object();

	for (unsigned int n = 1 + below(random, 4); n > 0; n--) {
		MP_AUTO(mp_freep)
		char *port = mp_xasprintf("%u/%s", 1 + below(random, 65535),
					  protocols[below(random, MP_ARRAY_LEN(protocols))]);

		mp_json_set_take(object, port, mp_json_object());
	}
	return object;
}

static struct mp_json *onbuild(struct random *random)
{
	static const char *const starts[] = { "RUN echo ", "CMD ", "COPY . /x", "run\tx", "USER " };
	struct mp_json *list = mp_json_array();

	for (unsigned int n = 1 + below(random, 2); n > 0; n--) {
		MP_AUTO(mp_freep)
		char *text = nasty(random, starts[below(random, MP_ARRAY_LEN(starts))], 5);

		mp_json_push_take(list, mp_json_string(text));
	}
	return list;
}

static struct mp_json *healthcheck(struct random *random)
{
	static const char *const starts[] = { "", "curl -f x", "[ -f /x ] ||", "[ \"$x\" = y ]" };
	static const int64_t durations[] = { 0, 1000000, 1500000001, 30000000000, 5400000000000 };
	struct mp_json *object = mp_json_object();
	struct mp_json *test = below(random, 2) ? argv(random) : NULL;

	if (test) {
		struct mp_json *list = mp_json_array();

		mp_json_push_take(list, mp_json_string("CMD"));
		for (size_t i = 0; i < mp_json_len(test); i++)
			mp_json_push_take(list, mp_json_copy(mp_json_at(test, i)));
		mp_json_freep(&test);
		test = list;
	} else {
		MP_AUTO(mp_freep)
		char *text = nasty(random, starts[below(random, MP_ARRAY_LEN(starts))], 5);

		test = mp_json_array();
		mp_json_push_take(test, mp_json_string("CMD-SHELL"));
		mp_json_push_take(test, mp_json_string(text));
	}
	mp_json_set_take(object, "Test", test);
	mp_json_set_integer(object, "Interval", durations[below(random, 5)]);
	mp_json_set_integer(object, "Timeout", durations[below(random, 5)]);
	mp_json_set_integer(object, "StartPeriod", durations[below(random, 5)]);
	mp_json_set_integer(object, "Retries", below(random, 4));
	return object;
}

static struct mp_json *working_dir(struct random *random)
{
	MP_AUTO(mp_freep) char *text = nasty(random, "/", 4);

	return mp_json_string(text);
}

static struct mp_json *user(struct random *random)
{
	MP_AUTO(mp_freep) char *text = nasty(random, "", 4);

	return mp_json_string(text);
}

static struct mp_json *stop_signal(struct random *random)
{
	static const char *const signals[] = { "SIGTERM", "9", "sigquit", "SIGRTMIN+3", "INT" };

	return mp_json_string(signals[below(random, MP_ARRAY_LEN(signals))]);
}

static const struct member {
	const char *key;
	struct mp_json *(*make)(struct random *random);
} members[] = {
	{ "Env", env },
	{ "Cmd", argv },
	{ "Entrypoint", argv },
	{ "Shell", argv },
	{ "Labels", labels },
	{ "Volumes", volumes },
	{ "ExposedPorts", ports },
	{ "OnBuild", onbuild },
	{ "Healthcheck", healthcheck },
	{ "WorkingDir", working_dir },
	{ "User", user },
	{ "StopSignal", stop_signal },
};

/* Whether a Dockerfile has words for @json: what it refuses is the units' business. */
static bool can_be_said(const struct mp_json *json)
{
	MP_AUTO(mp_image_config_free) struct mp_image_config config = { 0 };
	MP_AUTO(mp_freep) char *text = NULL;

	read_config(&config, json);
	return mp_dockerfile_generate(&config, "rootfs.tar", &text, NULL) == 0;
}

static struct mp_json *make_config(unsigned int number)
{
	struct random random = { (uint64_t)seed() << 20 ^ (number + 1) * 0x9e3779b97f4a7c15u };
	struct mp_json *json = mp_json_object();

	for (size_t i = 0; i < MP_ARRAY_LEN(members); i++) {
		if (below(&random, 2) == 0)
			continue;
		do {
			mp_json_set_take(json, members[i].key, members[i].make(&random));
		} while (!can_be_said(json));
	}
	return json;
}

static void run_slice(enum way way, unsigned int slice)
{
	unsigned int configs = setting("MP_TEST_CONFIGS", MP_TEST_CONFIGS);

	for (unsigned int number = slice; number < configs; number += SLICES) {
		MP_AUTO(mp_json_freep) struct mp_json *json = make_config(number);
		MP_AUTO(mp_buf_free) struct mp_buf report = { 0 };
		MP_AUTO(mp_freep) char *text = NULL;

		if (round_trips(way, json, &report))
			continue;
		shrink(way, &json);
		round_trips(way, json, &report);
		text = mp_json_dump_pretty(json);
		cr_assert_fail("%s, seed %u, configuration %u, shrunk to %s%s", way_names[way],
			       seed(), number, text, report.data);
	}
}

/*
 * A label or a variable longer than a line, and the longest line that is not wrapped. Not much
 * longer: these builders take quadratic time over a word.
 */
static void run_long_values(enum way way)
{
	static const char around[] = "CMD [\"\"]";
	MP_AUTO(mp_json_freep) struct mp_json *json = mp_json_object();
	MP_AUTO(mp_buf_free) struct mp_buf value = { 0 }, argument = { 0 }, report = { 0 };
	MP_AUTO(mp_freep) char *entry = NULL;
	struct mp_json *list = mp_json_array(), *strings = mp_json_array();
	struct mp_json *object = mp_json_object();
	struct random random = { MP_TEST_SEED };

	while (value.len < MP_DOCKERFILE_MAX_LINE) {
		mp_buf_adds(&value, fragments[below(&random, MP_ARRAY_LEN(fragments))]);
		mp_buf_adds(&value, "                #");
	}
	while (argument.len < MP_DOCKERFILE_MAX_LINE - strlen(around))
		mp_buf_addc(&argument, 'x');
	entry = mp_xasprintf("A=%s", value.data);
	mp_json_push_take(list, mp_json_string(entry));
	mp_json_set_string(object, "l", value.data);
	if (way != LEGACY)
		mp_json_set_take(json, "Env", list);
	else
		mp_json_freep(&list);
	if (way != BUILDKIT)
		mp_json_set_take(json, "Labels", object);
	else
		mp_json_freep(&object);
	mp_json_push_take(strings, mp_json_string(argument.data));
	mp_json_set_take(json, "Cmd", strings);
	cr_assert(round_trips(way, json, &report), "%s: %s", way_names[way], report.data);
	mp_buf_addc(&argument, 'x');
	strings = mp_json_array();
	mp_json_push_take(strings, mp_json_string(argument.data));
	mp_json_set_take(json, "Cmd", strings);
	cr_expect_not(can_be_said(json));
}

Test(builders, a_long_values_legacy, .timeout = 300)
{
	engine_socket();
	run_long_values(LEGACY);
}

Test(builders, a_long_values_buildkit, .timeout = 300)
{
	engine_socket();
	run_long_values(BUILDKIT);
}

Test(builders, a_long_values_load, .timeout = 300)
{
	engine_socket();
	run_long_values(LOAD);
}

Test(builders, archive_names, .timeout = 300)
{
	static const char *const names[] = { "a b.tar", "--from=x", "$HOME", "q\"'#.tar",
					     "\xc3\xa9" };
	const struct mp_image_config config = { 0 };

	engine_socket();
	for (size_t i = 0; i < MP_ARRAY_LEN(names); i++) {
		for (enum way way = LEGACY; way <= BUILDKIT; way++) {
			MP_AUTO(mp_buf_free) struct mp_buf report = { 0 };
			MP_AUTO(mp_freep) char *tag = mp_xasprintf("mp-names-%d:%d", getpid(), way);
			MP_AUTO(mp_json_freep) struct mp_json *inspected = NULL;

			cr_assert_eq(build(way, &config, names[i], tag, &report), 0, "%s: %s",
				     way_names[way], report.data);
			inspected = inspect_and_remove(tag);
		}
	}
}

/* What the engine shows of a built image, it shows of the image loaded with that, but the parent.
 */
Test(builders, built_then_loaded, .timeout = 300)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = mp_json_object();
	MP_AUTO(mp_json_freep) struct mp_json *built = NULL;
	MP_AUTO(mp_json_freep) struct mp_json *loaded = NULL;
	MP_AUTO(mp_image_config_free) struct mp_image_config config = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf report = { 0 };
	MP_AUTO(mp_freep) char *tag = mp_xasprintf("mp-built-%d:1", getpid());
	MP_AUTO(mp_freep) char *before = NULL, *after = NULL;
	struct random random = { MP_TEST_SEED };

	engine_socket();
	for (size_t i = 0; i < MP_ARRAY_LEN(members); i++) {
		do {
			mp_json_set_take(json, members[i].key, members[i].make(&random));
		} while (!can_be_said(json));
	}
	read_config(&config, json);
	cr_assert_eq(build(LEGACY, &config, "rootfs.tar", tag, &report), 0, "%s", report.data);
	built = inspect_and_remove(tag);
	cr_assert_eq(load(built, tag, &report), 0, "%s", report.data);
	loaded = inspect_and_remove(tag);
	mp_json_remove(built, "Image");
	mp_json_remove(loaded, "Image");
	before = mp_json_dump_pretty(built);
	after = mp_json_dump_pretty(loaded);
	cr_expect_str_eq(after, before);
}

#define SLICE(test, way, slice)                                                                    \
	Test(builders, test, .timeout = 300)                                                       \
	{                                                                                          \
		engine_socket();                                                                   \
		run_slice(way, slice);                                                             \
	}

SLICE(legacy_0, LEGACY, 0)
SLICE(legacy_1, LEGACY, 1)
SLICE(legacy_2, LEGACY, 2)
SLICE(legacy_3, LEGACY, 3)
SLICE(buildkit_0, BUILDKIT, 0)
SLICE(buildkit_1, BUILDKIT, 1)
SLICE(buildkit_2, BUILDKIT, 2)
SLICE(buildkit_3, BUILDKIT, 3)
SLICE(load_0, LOAD, 0)
SLICE(load_1, LOAD, 1)
SLICE(load_2, LOAD, 2)
SLICE(load_3, LOAD, 3)
