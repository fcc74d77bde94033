/* SPDX-License-Identifier: BSD-2-Clause */
#include "qa/target.h"

#include "core/clock.h"
#include "core/interrupt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RETRY_MS 50
#define CONNECT_MS 500
/* How long a connection must last: the engine's proxy accepts for a port where nobody listens yet,
 * and closes as soon as it finds out. */
#define SETTLE_MS 100

extern char **environ;

/* Environment */

/* The container's ports: those published, or on the host's network those exposed. */
static int known_ports(const struct mp_target_container *target, struct mp_container_state *state,
		       struct mp_error *err)
{
	const struct mp_strv *exposed = &target->config->exposed;
	const char *network = target->qa->spec.network;

	if (mp_engine_container_inspect(target->engine, target->id, state, err))
		return -1;
	if (state->n_ports > 0 || !network || strcmp(network, "host") != 0)
		return 0;
	state->ports = mp_xcalloc(exposed->n, sizeof(*state->ports));
	for (size_t i = 0; i < exposed->n; i++) {
		struct mp_port_binding *port = &state->ports[state->n_ports++];
		const char *slash = strchr(exposed->v[i], '/');

		port->container_port = (unsigned int)strtoul(exposed->v[i], NULL, 10);
		port->host_port = port->container_port;
		port->host_ip = mp_xstrdup("127.0.0.1");
		snprintf(port->protocol, sizeof(port->protocol), "%s", slash ? slash + 1 : "tcp");
	}
	return 0;
}

/* Where the host reaches a port that is bound to @host_ip. */
static const char *reach(const struct mp_target_container *target,
			 const struct mp_port_binding *port)
{
	if (!port->host_ip[0] || strcmp(port->host_ip, "0.0.0.0") == 0 ||
	    strcmp(port->host_ip, "::") == 0)
		return mp_engine_address(target->engine);
	return port->host_ip;
}

int mp_target_environment(const struct mp_target_container *target, struct mp_strv *env_out,
			  struct mp_error *err)
{
	MP_AUTO(mp_container_state_clear) struct mp_container_state state = { 0 };

	if (known_ports(target, &state, err))
		return -1;
	for (char **variable = environ; *variable; variable++) {
		if (strncmp(*variable, "MICROPACK_", 10) != 0)
			mp_strv_push(env_out, *variable);
	}
	mp_strv_push_take(env_out, mp_xasprintf("MICROPACK_CONTAINER=%s", target->id));
	mp_strv_push_take(env_out, mp_xasprintf("MICROPACK_HOST=%s",
						state.n_ports ? reach(target, &state.ports[0])
							      : mp_engine_address(target->engine)));
	for (size_t i = 0; i < state.n_ports; i++) {
		const struct mp_port_binding *port = &state.ports[i];

		/* A variable has one value: TCP's, where a port is published for UDP too. */
		if (i > 0 && port[-1].container_port == port->container_port)
			continue;
		if (i == 0)
			mp_strv_push_take(env_out,
					  mp_xasprintf("MICROPACK_PORT=%u", port->host_port));
		mp_strv_push_take(env_out, mp_xasprintf("MICROPACK_PORT_%u=%u",
							port->container_port, port->host_port));
	}
	return 0;
}

/* Readiness */

/* A connected socket, or -1 with errno. */
static int connect_to(const char *address, unsigned int port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	MP_AUTO(mp_closep) int fd = -1;
	struct pollfd wait = { .events = POLLOUT };
	socklen_t len = sizeof(int);
	char service[16];
	int error = 0;

	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(address, service, &hints, &found)) {
		errno = EHOSTUNREACH;
		return -1;
	}
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) < 0)
		error = errno;
	freeaddrinfo(found);
	wait.fd = fd;
	if (error == EINPROGRESS) {
		error = ETIMEDOUT;
		if (poll(&wait, 1, CONNECT_MS) > 0)
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	}
	errno = error;
	return error ? -1 : MP_STEAL_FD(fd);
}

/* Whether the peer keeps the connection open, or speaks first. */
static bool stays_open(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&wait, 1, SETTLE_MS) == 0 || recv(fd, &byte, 1, MSG_PEEK) > 0;
}

/*
 * Whether @port accepts connections. The container's own address says at once, where the host has a
 * way to it; else the published port, with a moment's patience.
 */
static bool port_accepts(const struct mp_target_container *target, const char *ip_address,
			 const struct mp_port_binding *port)
{
	MP_AUTO(mp_closep) int published = connect_to(reach(target, port), port->host_port);
	MP_AUTO(mp_closep) int direct = -1;

	if (published < 0)
		return false;
	if (ip_address) {
		direct = connect_to(ip_address, port->container_port);
		if (direct >= 0 || errno == ECONNREFUSED)
			return direct >= 0;
	}
	return stays_open(published);
}

static bool has_healthcheck(const struct mp_image_config *config)
{
	return config->healthcheck.n > 0 && strcmp(config->healthcheck.v[0], "NONE") != 0;
}

/* 1 ready, 0 not yet, -1 failure; @waiting_for, of @size bytes, is what it waits for. */
static int check_once(const struct mp_target_container *target,
		      const struct mp_container_state *state, int64_t deadline_ms,
		      char *waiting_for, size_t size, struct mp_error *err)
{
	if (target->qa->ready_cmd) {
		MP_AUTO(mp_strv_free) struct mp_strv env = { 0 };
		char *argv[] = { (char *)"/bin/sh", (char *)"-c", target->qa->ready_cmd, NULL };
		int status;

		snprintf(waiting_for, size, "--ready-cmd '%s'", target->qa->ready_cmd);
		if (mp_target_environment(target, &env, err) ||
		    mp_script_run(argv, &env, MP_SCRIPT_DROP, deadline_ms, &status, err))
			return -1;
		return status == 0;
	}
	if (has_healthcheck(target->config)) {
		snprintf(waiting_for, size, "its HEALTHCHECK, which is %s",
			 state->health == MP_HEALTH_UNHEALTHY ? "unhealthy" : "starting");
		return state->health == MP_HEALTH_HEALTHY;
	}
	for (size_t i = 0; i < state->n_ports; i++) {
		const struct mp_port_binding *port = &state->ports[i];

		snprintf(waiting_for, size, "port %u to accept connections", port->container_port);
		if (strcmp(port->protocol, "tcp") == 0 &&
		    !port_accepts(target, state->ip_address, port))
			return 0;
	}
	return 1;
}

int mp_ready_wait(const struct mp_target_container *target, char *reason, size_t size,
		  struct mp_error *err)
{
	int64_t deadline_ms = mp_clock_ms() + target->qa->ready_timeout_ms;
	char waiting_for[512] = "";

	for (;;) {
		MP_AUTO(mp_container_state_clear) struct mp_container_state state = { 0 };
		int rc;

		if (known_ports(target, &state, err))
			return -1;
		if (!state.running) {
			snprintf(reason, size,
				 "the container ended with exit status %d before it was ready",
				 state.exit_code);
			return 0;
		}
		rc = check_once(target, &state, deadline_ms, waiting_for, sizeof(waiting_for), err);
		if (rc)
			return rc;
		if (mp_clock_ms() >= deadline_ms) {
			snprintf(reason, size,
				 "the container was not ready after %.1f s: waited for %s",
				 (double)target->qa->ready_timeout_ms / 1000, waiting_for);
			return 0;
		}
		if (mp_interrupt_sleep_ms(RETRY_MS, err))
			return -1;
	}
}
