/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/http.h"

#include "core/path.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/var/run/docker.sock"

void mp_http_target_clear(struct mp_http_target *target)
{
	mp_freep(&target->name);
	mp_freep(&target->address);
	mp_freep(&target->base_url);
	mp_freep(&target->socket_path);
	mp_freep(&target->ca_file);
	mp_freep(&target->cert_file);
	mp_freep(&target->key_file);
}

static int unusable(const char *host, const char *why, struct mp_error *err)
{
	return mp_error_set(err, MP_E_USAGE, 0, "DOCKER_HOST '%s': %s", host, why);
}

static int parse_unix(const char *host, const char *path, struct mp_http_target *target_out,
		      struct mp_error *err)
{
	if (!path[0])
		path = DEFAULT_SOCKET;
	if (path[0] != '/')
		return unusable(host, "the socket's path must be absolute: unix:///path", err);
	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return unusable(host, "the path is too long for a Unix socket", err);
	*target_out = (struct mp_http_target){
		.name = mp_xstrdup(host),
		.address = mp_xstrdup("127.0.0.1"),
		.base_url = mp_xstrdup("http://localhost"),
		.socket_path = mp_xstrdup(path),
	};
	return 0;
}

/* @text: what follows the host name, "" or ":2375". Returns 0 where it is neither. */
static unsigned int parse_port(const char *text, bool tls)
{
	unsigned long port;
	char *end;

	if (!text[0] || strcmp(text, "/") == 0)
		return tls ? 2376 : 2375;
	if (text[0] != ':' || !isdigit((unsigned char)text[1]))
		return 0;
	port = strtoul(text + 1, &end, 10);
	if ((end[0] && strcmp(end, "/") != 0) || port > 65535)
		return 0;
	return (unsigned int)port;
}

static int parse_tcp(const char *host, const char *rest, bool tls,
		     struct mp_http_target *target_out, struct mp_error *err)
{
	static const char ipv6_bytes[] = "0123456789abcdefABCDEF:.";
	static const char name_bytes[] = "0123456789abcdefghijklmnopqrstuvwxyz"
					 "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-_";
	MP_AUTO(mp_freep) char *address = NULL;
	bool brackets = rest[0] == '[';
	unsigned int port;
	size_t len;

	rest += brackets;
	len = strspn(rest, brackets ? ipv6_bytes : name_bytes);
	if (brackets && (len == 0 || rest[len] != ']'))
		return unusable(host, "not an address in brackets: tcp://[::1]:2375", err);
	port = parse_port(rest + len + brackets, tls);
	if (port == 0)
		return unusable(host, "not of the form tcp://HOST:PORT", err);
	address = len ? mp_xstrndup(rest, len) : mp_xstrdup("127.0.0.1");
	*target_out = (struct mp_http_target){
		.name = mp_xstrdup(host),
		.base_url = mp_xasprintf("%s://%s%s%s:%u", tls ? "https" : "http",
					 brackets ? "[" : "", address, brackets ? "]" : "", port),
	};
	target_out->address = MP_STEAL(address);
	return 0;
}

int mp_http_target_parse(const char *host, bool tls, struct mp_http_target *target_out,
			 struct mp_error *err)
{
	const char *colon = strstr(host, "://");
	size_t len = colon ? (size_t)(colon - host) : 0;
	const char *rest = colon ? colon + strlen("://") : host;

	/* As the docker command does: a bare address is TCP. */
	if (!colon && host[0] && !strchr(host, '/'))
		return parse_tcp(host, rest, tls, target_out, err);
	if (strncmp(host, "unix://", 7) == 0)
		return parse_unix(host, rest, target_out, err);
	if (strncmp(host, "tcp://", 6) == 0 || strncmp(host, "http://", 7) == 0)
		return parse_tcp(host, rest, tls, target_out, err);
	if (strncmp(host, "https://", 8) == 0)
		return unusable(host, "write tcp://HOST:PORT and set DOCKER_TLS_VERIFY=1", err);
	if (strncmp(host, "ssh://", 6) == 0)
		return unusable(host,
				"ssh:// is not supported; forward the socket with ssh -nNT "
				"-L /tmp/docker.sock:/var/run/docker.sock HOST and set "
				"DOCKER_HOST=unix:///tmp/docker.sock",
				err);
	if (colon)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "DOCKER_HOST '%s': %.*s:// is not supported, only unix:// and "
				    "tcp://",
				    host, (int)len, host);
	return unusable(host, "neither unix:///PATH nor tcp://HOST:PORT", err);
}

/* @file_out: @dir/@name. A default directory (@required false) need not have it. */
static int find_pem(const char *dir, const char *name, bool required, char **file_out,
		    struct mp_error *err)
{
	MP_AUTO(mp_freep) char *path = mp_path_join(dir, name);

	if (access(path, R_OK) < 0) {
		if (!required && errno == ENOENT)
			return 0;
		return mp_error_set(err, MP_E_USAGE, errno, "DOCKER_TLS_VERIFY is set, but '%s'",
				    path);
	}
	*file_out = MP_STEAL(path);
	return 0;
}

static int find_certificates(struct mp_http_target *target, struct mp_error *err)
{
	const char *given = getenv("DOCKER_CERT_PATH");
	const char *home = getenv("HOME");
	MP_AUTO(mp_freep) char *dir = NULL;
	bool required = given && given[0];

	dir = required ? mp_xstrdup(given) : mp_path_join(home ? home : "/", ".docker");
	if (find_pem(dir, "ca.pem", required, &target->ca_file, err) ||
	    find_pem(dir, "cert.pem", required, &target->cert_file, err) ||
	    find_pem(dir, "key.pem", required, &target->key_file, err))
		return -1;
	return 0;
}

int mp_http_target_from_env(struct mp_http_target *target_out, struct mp_error *err)
{
	MP_AUTO(mp_http_target_clear) struct mp_http_target target = { 0 };
	const char *host = getenv("DOCKER_HOST");
	const char *verify = getenv("DOCKER_TLS_VERIFY");
	bool tls = verify && verify[0];

	if (!host || !host[0])
		host = "unix://" DEFAULT_SOCKET;
	if (mp_http_target_parse(host, tls, &target, err))
		return -1;
	if (tls && !target.socket_path && find_certificates(&target, err))
		return -1;
	*target_out = target;
	target = (struct mp_http_target){ 0 };
	return 0;
}
