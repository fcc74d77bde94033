/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small HTTP server that turns text with plugins it loads by name when a request asks for them:
 *
 *   GET /                      the banner
 *   GET /run/PLUGIN?TEXT       TEXT turned by PLUGINDIR/PLUGIN.so; 404 when there is no such plugin
 *
 * usage: server CONFIG
 */
#define _GNU_SOURCE /* accept4 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "text.h"

struct config {
	int port;
	char banner[128];
	char plugin_dir[256];
	char farewell[256];
};

static volatile sig_atomic_t stopping;

static void on_stop(int sig)
{
	(void)sig;
	stopping = 1;
}

static int read_config(const char *path, struct config *c)
{
	char line[512], key[64], value[256];
	FILE *f = fopen(path, "re");

	if (f == NULL) {
		fprintf(stderr, "server: open '%s': %s\n", path, strerror(errno));
		return -1;
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		if (line[0] == '#' || sscanf(line, "%63[a-z_] = %255[^\n]", key, value) != 2)
			continue;
		if (strcmp(key, "port") == 0)
			c->port = atoi(value);
		else if (strcmp(key, "banner") == 0)
			snprintf(c->banner, sizeof(c->banner), "%s", value);
		else if (strcmp(key, "plugin_dir") == 0)
			snprintf(c->plugin_dir, sizeof(c->plugin_dir), "%s", value);
		else if (strcmp(key, "farewell") == 0)
			snprintf(c->farewell, sizeof(c->farewell), "%s", value);
	}
	fclose(f);
	if (c->port < 1 || c->port > 65535 || c->plugin_dir[0] == '\0') {
		fprintf(stderr, "server: '%s' names no port or no plugin_dir\n", path);
		return -1;
	}
	return 0;
}

static void answer(int fd, const char *status, const char *body)
{
	dprintf(fd,
		"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n%s\n",
		status, strlen(body) + 1, body);
}

static int is_name(const char *s)
{
	size_t n;

	for (n = 0; s[n] != '\0'; n++)
		if (!islower((unsigned char)s[n]) && !isdigit((unsigned char)s[n]))
			return 0;
	return n > 0 && n < 32;
}

static void run_plugin(int fd, const struct config *c, const char *name, char *text)
{
	char path[320], body[128];
	text_fn turn;
	void *lib;

	if (!is_name(name)) {
		answer(fd, "400 Bad Request", "bad plugin name");
		return;
	}
	snprintf(path, sizeof(path), "%s/%s.so", c->plugin_dir, name);
	lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (lib == NULL) {
		fprintf(stderr, "server: %s\n", dlerror());
		snprintf(body, sizeof(body), "no plugin '%s'", name);
		answer(fd, "404 Not Found", body);
		return;
	}
	*(void **)&turn = dlsym(lib, "turn");
	if (turn == NULL) {
		answer(fd, "500 Internal Server Error", dlerror());
	} else {
		turn(text);
		answer(fd, "200 OK", text);
	}
	dlclose(lib);
}

static void serve(int fd, const struct config *c)
{
	struct timeval limit = { .tv_sec = 5 };
	char request[2048], *target, *end, *query;
	size_t len = 0;
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	do {
		n = read(fd, request + len, sizeof(request) - 1 - len);
		if (n <= 0)
			return;
		len += (size_t)n;
		request[len] = '\0';
	} while (strstr(request, "\r\n\r\n") == NULL && len < sizeof(request) - 1);

	if (strncmp(request, "GET /", 5) != 0 || (end = strchr(request + 4, ' ')) == NULL) {
		answer(fd, "400 Bad Request", "bad request");
		return;
	}
	*end = '\0';
	target = request + 4;
	query = strchr(target, '?');
	if (query != NULL)
		*query++ = '\0';

	if (strcmp(target, "/") == 0)
		answer(fd, "200 OK", c->banner);
	else if (strncmp(target, "/run/", 5) == 0)
		run_plugin(fd, c, target + 5, query != NULL ? query : target + strlen(target));
	else
		answer(fd, "404 Not Found", "not found");
}

static int listen_on(int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 64) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Shutdown code reads files too. */
static void say_farewell(const char *path)
{
	char line[128] = "";
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return;
	if (fgets(line, sizeof(line), f) != NULL)
		printf("%s", line);
	fclose(f);
}

int main(int argc, char **argv)
{
	/* No SA_RESTART: accept() has to notice. */
	struct sigaction stop = { .sa_handler = on_stop };
	struct config c = { 0 };
	int listener;

	if (argc != 2) {
		fprintf(stderr, "usage: server CONFIG\n");
		return 2;
	}
	if (read_config(argv[1], &c) < 0)
		return 1;
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	listener = listen_on(c.port);
	if (listener < 0) {
		fprintf(stderr, "server: listen on port %d: %s\n", c.port, strerror(errno));
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("server: %s, port %d, text library %s\n", c.banner, c.port, text_version());

	while (!stopping) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		serve(fd, &c);
		close(fd);
	}
	close(listener);
	say_farewell(c.farewell);
	return 0;
}
