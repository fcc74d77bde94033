/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/http.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Test(engine_host, forms)
{
	static const struct {
		const char *host;
		bool tls;
		const char *base_url, *address, *socket_path;
	} cases[] = {
		{ "unix:///run/x.sock", false, "http://localhost", "127.0.0.1", "/run/x.sock" },
		{ "unix:///run/x.sock", true, "http://localhost", "127.0.0.1", "/run/x.sock" },
		{ "unix://", false, "http://localhost", "127.0.0.1", "/var/run/docker.sock" },
		{ "tcp://h.example:2375", false, "http://h.example:2375", "h.example", NULL },
		{ "tcp://h.example:2375/", false, "http://h.example:2375", "h.example", NULL },
		{ "tcp://h.example", false, "http://h.example:2375", "h.example", NULL },
		{ "tcp://h.example", true, "https://h.example:2376", "h.example", NULL },
		{ "tcp://:99", false, "http://127.0.0.1:99", "127.0.0.1", NULL },
		{ "http://10.0.0.1:80", false, "http://10.0.0.1:80", "10.0.0.1", NULL },
		{ "tcp://[::1]:2375", false, "http://[::1]:2375", "::1", NULL },
		{ "tcp://[fe80::1]", true, "https://[fe80::1]:2376", "fe80::1", NULL },
		{ "localhost:2375", false, "http://localhost:2375", "localhost", NULL },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_http_target_clear) struct mp_http_target target = { 0 };
		struct mp_error err = { 0 };

		cr_assert_eq(mp_http_target_parse(cases[i].host, cases[i].tls, &target, &err), 0,
			     "'%s': %s", cases[i].host, err.msg);
		cr_expect_str_eq(target.name, cases[i].host);
		cr_expect_str_eq(target.base_url, cases[i].base_url, "'%s': %s", cases[i].host,
				 target.base_url);
		cr_expect_str_eq(target.address, cases[i].address, "'%s': %s", cases[i].host,
				 target.address);
		if (cases[i].socket_path)
			cr_expect_str_eq(target.socket_path, cases[i].socket_path);
		else
			cr_expect_null(target.socket_path, "'%s'", cases[i].host);
	}
}

Test(engine_host, refused)
{
	static const struct {
		const char *host, *message;
	} cases[] = {
		{ "", "DOCKER_HOST '': neither unix:///PATH nor tcp://HOST:PORT" },
		{ "/var/run/docker.sock", "neither unix:///PATH nor tcp://HOST:PORT" },
		{ "unix://relative.sock", "the socket's path must be absolute" },
		{ "ssh://user@host", "ssh:// is not supported; forward the socket" },
		{ "npipe:////./pipe/docker", "npipe:// is not supported" },
		{ "fd://3", "fd:// is not supported, only unix:// and tcp://" },
		{ "https://h:1", "set DOCKER_TLS_VERIFY=1" },
		{ "tcp://h:0", "'tcp://h:0': not of the form tcp://HOST:PORT" },
		{ "tcp://h:65536", "not of the form" },
		{ "tcp://h:99999999999999999999", "not of the form" },
		{ "tcp://h:-1", "not of the form" },
		{ "tcp://h:", "not of the form" },
		{ "tcp://h:1x", "not of the form" },
		{ "tcp://h:1:2", "not of the form" },
		{ "tcp://user@h:1", "not of the form" },
		{ "tcp://h:1/prefix", "not of the form" },
		{ "tcp://h h:1", "not of the form" },
		{ "tcp://h\r\nX: y:1", "not of the form" },
		{ "tcp://[::1", "not an address in brackets" },
		{ "tcp://[]:1", "not an address in brackets" },
		{ "tcp://[h]:1", "not an address in brackets" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_http_target target = { 0 };
		struct mp_error err = { 0 };

		cr_expect_eq(mp_http_target_parse(cases[i].host, false, &target, &err), -1, "'%s'",
			     cases[i].host);
		cr_expect_eq(err.code, MP_E_USAGE, "'%s'", cases[i].host);
		cr_expect_not_null(strstr(err.msg, cases[i].message), "'%s': %s", cases[i].host,
				   err.msg);
		cr_expect_null(target.name, "left untouched");
	}
}

Test(engine_host, socket_path_too_long)
{
	struct mp_http_target target = { 0 };
	struct mp_error err = { 0 };
	char host[200] = "unix:///";

	memset(host + 8, 'a', 108);
	cr_expect_eq(mp_http_target_parse(host, false, &target, &err), -1);
	cr_expect_not_null(strstr(err.msg, "too long for a Unix socket"), "%s", err.msg);
}

/* Without DOCKER_HOST, and with an empty one, it is the default socket. */
Test(engine_host, environment)
{
	static const char *const empty[] = { NULL, "" };

	unsetenv("DOCKER_TLS_VERIFY");
	for (size_t i = 0; i < MP_ARRAY_LEN(empty); i++) {
		MP_AUTO(mp_http_target_clear) struct mp_http_target target = { 0 };
		struct mp_error err = { 0 };

		unsetenv("DOCKER_HOST");
		if (empty[i])
			setenv("DOCKER_HOST", empty[i], 1);
		cr_assert_eq(mp_http_target_from_env(&target, &err), 0, "%s", err.msg);
		cr_expect_str_eq(target.name, "unix:///var/run/docker.sock");
	}
}

static void write_file(const char *dir, const char *name)
{
	MP_AUTO(mp_freep) char *path = mp_xasprintf("%s/%s", dir, name);
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	fclose(file);
}

static void remove_file(const char *dir, const char *name)
{
	MP_AUTO(mp_freep) char *path = mp_xasprintf("%s/%s", dir, name);

	unlink(path);
}

Test(engine_host, certificates)
{
	static const char *const names[] = { "ca.pem", "cert.pem", "key.pem" };
	MP_AUTO(mp_http_target_clear) struct mp_http_target target = { 0 };
	char dir[] = "/tmp/mp-test-engine-XXXXXX";
	struct mp_error err = { 0 };

	cr_assert_not_null(mkdtemp(dir));
	setenv("DOCKER_HOST", "tcp://127.0.0.1:2376", 1);
	setenv("DOCKER_TLS_VERIFY", "1", 1);
	setenv("DOCKER_CERT_PATH", dir, 1);
	write_file(dir, "ca.pem");
	cr_expect_eq(mp_http_target_from_env(&target, &err), -1);
	cr_expect_eq(err.code, MP_E_USAGE);
	cr_expect_not_null(strstr(err.msg, "cert.pem'"), "%s", err.msg);

	write_file(dir, "cert.pem");
	write_file(dir, "key.pem");
	cr_assert_eq(mp_http_target_from_env(&target, &err), 0, "%s", err.msg);
	cr_expect_str_eq(target.base_url, "https://127.0.0.1:2376");
	cr_expect_not_null(strstr(target.key_file, "/key.pem"));
	for (size_t i = 0; i < MP_ARRAY_LEN(names); i++)
		remove_file(dir, names[i]);
	rmdir(dir);
}
