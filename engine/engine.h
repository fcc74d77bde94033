/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_ENGINE_ENGINE_H
#define MP_ENGINE_ENGINE_H

#include "core/buf.h"
#include "core/error.h"
#include "core/image.h"
#include "core/json.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A client of the Docker Engine API (docs.docker.com/engine/api). Found as the docker command finds
 * it: DOCKER_HOST (unix:///path, tcp://host:port, with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH for
 * TLS), else unix:///var/run/docker.sock. The API version is the one that the engine reports.
 *
 * Every call: MP_E_ENGINE with what was asked and what the engine answered; MP_E_INTERRUPTED within
 * a second of a signal (core/interrupt.h). Where the engine says that the object does not exist,
 * sys_errno is ENOENT. One engine is for one thread at a time.
 */
struct mp_engine;

MP_MUST_USE int mp_engine_connect(struct mp_engine **engine_out, struct mp_error *err);
void mp_engine_freep(struct mp_engine **engine);

/* The address as the user would write it in DOCKER_HOST; borrowed. */
const char *mp_engine_host(const struct mp_engine *engine);
/* Where published ports are reached: "127.0.0.1" for a Unix socket, else the TCP host; borrowed. */
const char *mp_engine_address(const struct mp_engine *engine);
const char *mp_engine_version(const struct mp_engine *engine);      /* "20.10.24"; borrowed */
const char *mp_engine_api_version(const struct mp_engine *engine);  /* "1.41"; borrowed */
const char *mp_engine_architecture(const struct mp_engine *engine); /* "amd64"; borrowed */

/*
 * Whether the engine keeps files on disk with other owners than its containers see: a rootless one,
 * or one with user namespaces (--userns-remap). Asks GET /info.
 */
MP_MUST_USE int mp_engine_maps_owners(struct mp_engine *engine, bool *maps_out,
				      struct mp_error *err);

/* Images */

MP_MUST_USE int mp_engine_image_inspect(struct mp_engine *engine, const char *reference,
					struct mp_image **image_out, struct mp_error *err);

/* Called while an image is pulled, with a line for people: "a1b2c3: Downloading 3.1 of 27 MB". */
typedef void (*mp_engine_progress)(const char *line, void *context);

/* "name", "name:tag" or "name@sha256:…"; a name alone means :latest. Credentials: those that the
 * docker command stored in plain text in its config.json, where there are any. */
MP_MUST_USE int mp_engine_image_pull(struct mp_engine *engine, const char *reference,
				     mp_engine_progress progress, void *context,
				     struct mp_error *err);

/* Takes a stream piece by piece; -1 with @err set ends it. */
typedef int (*mp_engine_sink)(const void *data, size_t len, void *context, struct mp_error *err);

/* What `docker save` writes of @reference, given to @sink. */
MP_MUST_USE int mp_engine_image_save(struct mp_engine *engine, const char *reference,
				     mp_engine_sink sink, void *context, struct mp_error *err);

/* Loads a `docker save` archive from @fd (a file or a pipe, read to its end). */
MP_MUST_USE int mp_engine_image_load(struct mp_engine *engine, int fd, struct mp_error *err);

MP_MUST_USE int mp_engine_image_remove(struct mp_engine *engine, const char *reference,
				       struct mp_error *err);

/* Builds the context (a tar stream on @fd with a Dockerfile) and tags it. The engine's own error
 * text is in err. */
MP_MUST_USE int mp_engine_image_build(struct mp_engine *engine, int fd, const char *tag,
				      struct mp_error *err);

/* Containers */

/* @spec: the body of POST /containers/create. @id_out: 64 hexadecimal digits, the caller's to free.
 * sys_errno is ENOENT where the image does not exist. */
MP_MUST_USE int mp_engine_container_create(struct mp_engine *engine, const struct mp_json *spec,
					   char **id_out, struct mp_error *err);
MP_MUST_USE int mp_engine_container_start(struct mp_engine *engine, const char *id,
					  struct mp_error *err);
/* The container's own stop signal, then SIGKILL after @grace_s seconds. No error when it has ended
 * already. */
MP_MUST_USE int mp_engine_container_stop(struct mp_engine *engine, const char *id,
					 unsigned int grace_s, struct mp_error *err);
/* Kills it if it runs and removes it with its anonymous volumes. No error when it is gone. */
MP_MUST_USE int mp_engine_container_remove(struct mp_engine *engine, const char *id,
					   struct mp_error *err);

/* Removes container *id, where it is not NULL, also after a signal; a failure is a warning, since
 * there is no one left to handle it. *id is NULL afterwards. For cleanup. */
void mp_engine_container_discard(struct mp_engine *engine, char **id);

enum mp_health { MP_HEALTH_NONE, MP_HEALTH_STARTING, MP_HEALTH_HEALTHY, MP_HEALTH_UNHEALTHY };

struct mp_port_binding {
	unsigned int container_port;
	char protocol[8]; /* "tcp", "udp", "sctp" */
	char *host_ip;    /* "" for any of IPv4; IPv6 only where there is no IPv4 binding */
	unsigned int host_port;
};

struct mp_container_state {
	bool running;
	bool oom_killed;
	int exit_code; /* meaningful once it does not run any more */
	char *error;   /* why it could not be started; NULL when there is nothing to say */
	enum mp_health health;
	char *ip_address; /* on its first network that has one; NULL without (host, none) */
	struct mp_port_binding *ports; /* one for each published port, sorted by container port */
	size_t n_ports;
};

MP_MUST_USE int mp_engine_container_inspect(struct mp_engine *engine, const char *id,
					    struct mp_container_state *state_out,
					    struct mp_error *err);
void mp_container_state_clear(struct mp_container_state *state);

/* A container that someone else has made. */
struct mp_container {
	char *id; /* 64 hexadecimal digits */
	char *name;
	char *image;    /* as it was named when the container was created */
	char *image_id; /* "sha256:…" */
	char *status;   /* "created", "running", "exited", … */
	bool running;   /* also while it is paused, or about to be restarted */
	char *started;  /* when it was started last: a text that each start changes */
	pid_t pid;      /* of its first process on the engine's host; 0 while there is none */
};

/* @name: of a container, or an ID or its beginning. */
MP_MUST_USE int mp_engine_container_find(struct mp_engine *engine, const char *name,
					 struct mp_container *container_out, struct mp_error *err);
void mp_container_clear(struct mp_container *container);

/* Appends the IDs of the containers of exactly this image that run. */
MP_MUST_USE int mp_engine_containers_of_image(struct mp_engine *engine, const char *image_id,
					      struct mp_strv *ids, struct mp_error *err);

/*
 * The ID of the image of container @id, which runs or was there a moment ago: engines remember what
 * happened lately. Returns 1; 0 where it is no container of this engine's; -1 where that cannot be
 * found out. Does not wait for a container that is being started.
 */
MP_MUST_USE int mp_engine_container_image(struct mp_engine *engine, const char *id,
					  char **image_id_out, struct mp_error *err);

/*
 * What the container printed so far, both streams in the order of printing, split by stream. @tail:
 * the number of last lines, 0 for all.
 */
typedef void (*mp_engine_output)(int stream_fd, const char *data, size_t len, void *context);
MP_MUST_USE int mp_engine_container_logs(struct mp_engine *engine, const char *id,
					 unsigned int tail, mp_engine_output output, void *context,
					 struct mp_error *err);

/* The container's file system as a tar stream, given to @sink piece by piece. */
MP_MUST_USE int mp_engine_container_export(struct mp_engine *engine, const char *id,
					   mp_engine_sink sink, void *context,
					   struct mp_error *err);

#endif
