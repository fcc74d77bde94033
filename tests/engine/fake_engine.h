/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TESTS_ENGINE_FAKE_ENGINE_H
#define MP_TESTS_ENGINE_FAKE_ENGINE_H

#include "core/buf.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A process that listens on a Unix socket and answers badly: what no real engine can be made to do.
 * DOCKER_HOST names it until it is stopped.
 */
struct fake_engine {
	char dir[32];
	char *socket_path;
	pid_t pid;
};

struct fake_answer {
	bool knows_version; /* GET /version is answered as an engine does */
	const char *data;   /* NULL: never answers */
	size_t len;
	size_t filler_bytes; /* this many copies of filler follow */
	char filler;
	unsigned int delay_ms; /* before data */
};

#define FAKE_VERSION                                                                               \
	"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"                                             \
	"{\"Version\":\"99.1\",\"ApiVersion\":\"7.3\",\"Arch\":\"riscv64\"}"

static inline void fake_send(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t put = send(fd, data, len, MSG_NOSIGNAL);

		if (put <= 0)
			return;
		data += put;
		len -= (size_t)put;
	}
}

static inline void fake_serve_one(int fd, const struct fake_answer *answer)
{
	char request[65536] = "", chunk[65536];
	size_t len = 0;
	ssize_t got;

	while (len + 1 < sizeof(request) && !strstr(request, "\r\n\r\n")) {
		got = read(fd, request + len, sizeof(request) - 1 - len);
		if (got <= 0)
			return;
		len += (size_t)got;
		request[len] = '\0';
	}
	if (answer->knows_version && strncmp(request, "GET /version ", 13) == 0) {
		fake_send(fd, FAKE_VERSION, strlen(FAKE_VERSION));
		return;
	}
	if (!answer->data)
		pause();
	usleep(answer->delay_ms * 1000);
	fake_send(fd, answer->data, answer->len);
	memset(chunk, answer->filler, sizeof(chunk));
	for (size_t left = answer->filler_bytes; left > 0;) {
		size_t n = left < sizeof(chunk) ? left : sizeof(chunk);

		fake_send(fd, chunk, n);
		left -= n;
	}
	/* As Go's server does: closed with something unread, the socket would take the answer back.
	 */
	shutdown(fd, SHUT_WR);
	while (read(fd, chunk, sizeof(chunk)) > 0)
		;
}

static inline void fake_start(struct fake_engine *fake, const struct fake_answer *answer)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	MP_AUTO(mp_freep) char *host = NULL;
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(fake->dir, "/tmp/mp-test-engine-XXXXXX");
	cr_assert_not_null(mkdtemp(fake->dir));
	fake->socket_path = mp_xasprintf("%s/socket", fake->dir);
	strcpy(address.sun_path, fake->socket_path);
	cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(listener, 16), 0);
	host = mp_xasprintf("unix://%s", fake->socket_path);
	setenv("DOCKER_HOST", host, 1);

	fake->pid = fork();
	cr_assert_neq(fake->pid, -1);
	if (fake->pid == 0) {
		for (;;) {
			int fd = accept(listener, NULL, NULL);

			if (fd < 0)
				_exit(0);
			fake_serve_one(fd, answer);
			close(fd);
		}
	}
	close(listener);
}

static inline void fake_stop(struct fake_engine *fake)
{
	kill(fake->pid, SIGKILL);
	waitpid(fake->pid, NULL, 0);
	unlink(fake->socket_path);
	rmdir(fake->dir);
	mp_freep(&fake->socket_path);
}

#endif
