/* SPDX-License-Identifier: BSD-2-Clause */
#include "qa/spec.h"

#include "core/file.h"
#include "core/path.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEALTH_INTERVAL_NS INT64_C(1000000000)
#define ENV_FILE_MAX_BYTES ((size_t)16 << 20)

void mp_run_spec_free(struct mp_run_spec *spec)
{
	mp_strv_free(&spec->env);
	mp_strv_free(&spec->volumes);
	mp_strv_free(&spec->mounts);
	mp_strv_free(&spec->publish);
	mp_strv_free(&spec->cap_add);
	mp_strv_free(&spec->tmpfs);
	mp_strv_free(&spec->command);
	mp_freep(&spec->network);
	mp_freep(&spec->user);
	mp_freep(&spec->workdir);
	mp_freep(&spec->entrypoint);
}

int mp_run_spec_add_env(struct mp_run_spec *spec, const char *text, struct mp_error *err)
{
	const char *equals = strchr(text, '=');
	const char *value = equals ? NULL : getenv(text);
	MP_AUTO(mp_freep) char *variable = NULL;
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;

	if (!text[0] || equals == text)
		return mp_error_set(err, MP_E_USAGE, 0, "--env '%s': a variable needs a name",
				    text);
	if (!equals && !value)
		return 0;
	variable = equals ? mp_xstrdup(text) : mp_xasprintf("%s=%s", text, value);
	json = mp_json_string(variable);
	if (!json)
		return mp_error_set(err, MP_E_USAGE, 0, "--env '%s' is not UTF-8", variable);
	mp_strv_push_take(&spec->env, MP_STEAL(variable));
	return 0;
}

int mp_run_spec_add_env_file(struct mp_run_spec *spec, const char *path, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv lines = { 0 };

	if (mp_file_read_named(path, ENV_FILE_MAX_BYTES, &text, err))
		return mp_error_prefix(err, "--env-file");
	if (memchr(text.data ? text.data : "", '\0', text.len))
		return mp_error_set(err, MP_E_USAGE, 0, "--env-file '%s' is no text", path);
	mp_strv_split(&lines, text.data ? text.data : "", "\n");
	for (size_t i = 0; i < lines.n; i++) {
		char *line = lines.v[i] + strspn(lines.v[i], " \t");
		size_t len = strlen(line);

		if (len > 0 && line[len - 1] == '\r')
			line[len - 1] = '\0';
		if (!line[0] || line[0] == '#')
			continue;
		if (mp_run_spec_add_env(spec, line, err))
			return mp_error_prefix(err, "--env-file '%s' line %zu", path, i + 1);
	}
	return 0;
}

bool mp_run_spec_publishes(const struct mp_run_spec *spec)
{
	return !spec->network ||
	       (strcmp(spec->network, "host") != 0 && strcmp(spec->network, "none") != 0 &&
		strncmp(spec->network, "container:", 10) != 0);
}

/* Ports */

struct port_range {
	long first, last;
};

/* "80" or "8000-8010". */
static int parse_range(const char *text, struct port_range *range)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -1;
	range->first = range->last = strtol(text, &end, 10);
	if (*end == '-' && end[1] >= '0' && end[1] <= '9')
		range->last = strtol(end + 1, &end, 10);
	if (*end || range->first < 0 || range->last > 65535 || range->last < range->first)
		return -1;
	return 0;
}

static void bind_port(struct mp_json *bindings, long container_port, const char *protocol,
		      const char *host_ip, const char *host_port)
{
	MP_AUTO(mp_freep) char *key = mp_xasprintf("%ld/%s", container_port, protocol);
	struct mp_json *list = mp_json_get(bindings, key);
	struct mp_json *binding = mp_json_object();

	if (!list) {
		list = mp_json_array();
		mp_json_set_take(bindings, key, list);
	}
	mp_json_set_string(binding, "HostIp", host_ip);
	mp_json_set_string(binding, "HostPort", host_port);
	mp_json_push_take(list, binding);
}

/* IPv4 or IPv6; "" for any. */
static bool is_address(const char *text)
{
	struct in6_addr address;

	return !text[0] || inet_pton(AF_INET, text, &address) == 1 ||
	       inet_pton(AF_INET6, text, &address) == 1;
}

/* -p [[ip:]hostPort:]containerPort[/protocol], each port a number or a range. */
static int add_published(struct mp_json *bindings, const char *text, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *copy = mp_xstrdup(text);
	struct port_range inside, outside = { 0, 0 };
	const char *protocol = "tcp", *ip = "";
	char *slash = strrchr(copy, '/'), *colon, *container = copy, *host = NULL;

	if (slash) {
		*slash = '\0';
		protocol = slash + 1;
	}
	colon = strrchr(copy, ':');
	if (colon) {
		*colon = '\0';
		container = colon + 1;
		host = copy;
		colon = strrchr(copy, ':'); /* an IPv6 address stands in brackets */
		if (colon && !(copy[0] == '[' && colon < strchr(copy, ']'))) {
			*colon = '\0';
			ip = copy;
			host = colon + 1;
		}
	}
	if (ip[0] == '[' && ip[1] != ']' && ip[strlen(ip) - 1] == ']') {
		ip++;
		*strchr(ip, ']') = '\0';
	}
	if (!is_address(ip) || parse_range(container, &inside) || inside.first == 0 ||
	    (host && host[0] && parse_range(host, &outside)) ||
	    (host && host[0] && outside.last - outside.first != inside.last - inside.first) ||
	    (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0 &&
	     strcmp(protocol, "sctp") != 0))
		return mp_error_set(err, MP_E_USAGE, 0,
				    "--publish '%s': [[IP:]HOSTPORT:]CONTAINERPORT[/PROTOCOL] is "
				    "needed",
				    text);
	for (long port = inside.first; port <= inside.last; port++) {
		MP_AUTO(mp_freep)
		char *host_port = host && host[0]
					  ? mp_xasprintf("%ld", outside.first + port - inside.first)
					  : mp_xstrdup("");

		bind_port(bindings, port, protocol, ip, host_port);
	}
	return 0;
}

static int add_ports(const struct mp_run_spec *spec, const struct mp_image_config *config,
		     struct mp_json *body, struct mp_json *host, struct mp_error *err)
{
	struct mp_json *bindings = mp_json_object();
	struct mp_json *exposed = mp_json_object();
	MP_AUTO(mp_strv_free) struct mp_strv ports = { 0 };

	mp_json_set_take(host, "PortBindings", bindings);
	mp_json_set_take(body, "ExposedPorts", exposed);
	if (!mp_run_spec_publishes(spec))
		return 0;
	for (size_t i = 0; i < spec->publish.n; i++) {
		if (add_published(bindings, spec->publish.v[i], err))
			return -1;
	}
	for (size_t i = 0; i < config->exposed.n; i++) {
		const char *slash = strchr(config->exposed.v[i], '/');
		MP_AUTO(mp_freep)
		char *key = slash ? mp_xstrdup(config->exposed.v[i])
				  : mp_xasprintf("%s/tcp", config->exposed.v[i]);

		if (!mp_json_get(bindings, key))
			bind_port(bindings, strtol(key, NULL, 10), strchr(key, '/') + 1,
				  "127.0.0.1", "");
	}
	mp_json_keys(bindings, &ports);
	for (size_t i = 0; i < ports.n; i++)
		mp_json_set_take(exposed, ports.v[i], mp_json_object());
	return 0;
}

/* Volumes and mounts */

/* -v [SOURCE:]TARGET[:OPTIONS]; a SOURCE that begins with '.' is relative to the working directory.
 */
static int add_volume(struct mp_json *binds, struct mp_json *anonymous, const char *text,
		      struct mp_error *err)
{
	if (!strchr(text, ':')) {
		if (text[0] != '/')
			return mp_error_set(err, MP_E_USAGE, 0,
					    "--volume '%s': the path in the container must be "
					    "absolute",
					    text);
		mp_json_set_take(anonymous, text, mp_json_object());
	} else if (text[0] == '.') {
		const char *colon = strchr(text, ':');
		MP_AUTO(mp_freep) char *relative = mp_xstrndup(text, (size_t)(colon - text));
		MP_AUTO(mp_freep) char *source = realpath(relative, NULL);
		MP_AUTO(mp_freep) char *bind = NULL;
		struct mp_json *json;

		if (!source)
			return mp_error_set(err, MP_E_USAGE, errno, "--volume '%s'", text);
		bind = mp_xasprintf("%s%s", source, colon);
		json = mp_json_string(bind);
		if (!json)
			return mp_error_set(err, MP_E_USAGE, 0, "--volume '%s' is not UTF-8", bind);
		mp_json_push_take(binds, json);
	} else {
		mp_json_push_take(binds, mp_json_string(text));
	}
	return 0;
}

/* One KEY[=VALUE] of --mount. */
static int set_mount_field(struct mp_json *mount, const char *key, const char *value,
			   struct mp_error *err)
{
	static const struct {
		const char *key, *field;
	} texts[] = {
		{ "type", "Type" },
		{ "source", "Source" },
		{ "src", "Source" },
		{ "target", "Target" },
		{ "destination", "Target" },
		{ "dst", "Target" },
		{ "consistency", "Consistency" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(texts); i++) {
		if (strcmp(key, texts[i].key) == 0 && value) {
			mp_json_set_string(mount, texts[i].field, value);
			return 0;
		}
	}
	if (strcmp(key, "readonly") == 0 || strcmp(key, "ro") == 0) {
		bool yes = !value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;

		if (!yes && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
			return mp_error_set(err, MP_E_USAGE, 0, "%s=%s: true or false is needed",
					    key, value);
		mp_json_set_boolean(mount, "ReadOnly", yes);
		return 0;
	}
	if (strcmp(key, "bind-propagation") == 0 && value) {
		struct mp_json *options = mp_json_object();

		mp_json_set_string(options, "Propagation", value);
		mp_json_set_take(mount, "BindOptions", options);
		return 0;
	}
	return mp_error_set(err, MP_E_USAGE, 0,
			    "'%s' is not known (type, source, target, readonly, bind-propagation, "
			    "consistency are)",
			    key);
}

/* --mount type=bind,source=/a,target=/b,readonly */
static int add_mount(struct mp_json *mounts, const char *text, struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *mount = mp_json_object();
	MP_AUTO(mp_strv_free) struct mp_strv fields = { 0 };

	mp_strv_split(&fields, text, ",");
	mp_json_set_string(mount, "Type", "volume"); /* as docker has it */
	for (size_t i = 0; i < fields.n; i++) {
		char *value = strchr(fields.v[i], '=');

		if (value)
			*value++ = '\0';
		if (set_mount_field(mount, fields.v[i], value, err))
			return mp_error_prefix(err, "--mount '%s'", text);
	}
	if (!mp_json_get(mount, "Target"))
		return mp_error_set(err, MP_E_USAGE, 0, "--mount '%s': a target is needed", text);
	mp_json_push_take(mounts, MP_STEAL(mount));
	return 0;
}

static int add_storage(const struct mp_run_spec *spec, struct mp_json *body, struct mp_json *host,
		       struct mp_error *err)
{
	struct mp_json *binds = mp_json_array(), *anonymous = mp_json_object();
	struct mp_json *mounts = mp_json_array(), *tmpfs = mp_json_object();

	mp_json_set_take(host, "Binds", binds);
	mp_json_set_take(body, "Volumes", anonymous);
	mp_json_set_take(host, "Mounts", mounts);
	mp_json_set_take(host, "Tmpfs", tmpfs);
	for (size_t i = 0; i < spec->volumes.n; i++) {
		if (add_volume(binds, anonymous, spec->volumes.v[i], err))
			return -1;
	}
	for (size_t i = 0; i < spec->mounts.n; i++) {
		if (add_mount(mounts, spec->mounts.v[i], err))
			return -1;
	}
	for (size_t i = 0; i < spec->tmpfs.n; i++) {
		const char *text = spec->tmpfs.v[i];
		const char *options = strchr(text, ':');
		MP_AUTO(mp_freep)
		char *path =
			options ? mp_xstrndup(text, (size_t)(options - text)) : mp_xstrdup(text);

		mp_json_set_string(tmpfs, path, options ? options + 1 : "");
	}
	return 0;
}

static void add_process(const struct mp_run_spec *spec, const struct mp_strv *command,
			struct mp_json *body)
{
	mp_json_set_take(body, "Env", mp_json_from_strv(&spec->env));
	mp_json_set_string(body, "User", spec->user);
	mp_json_set_string(body, "WorkingDir", spec->workdir);
	if (spec->entrypoint) {
		struct mp_json *entrypoint = mp_json_array();

		mp_json_push_take(entrypoint, mp_json_string(spec->entrypoint));
		mp_json_set_take(body, "Entrypoint", entrypoint);
	}
	if (!command)
		command = &spec->command;
	if (command->n > 0)
		mp_json_set_take(body, "Cmd", mp_json_from_strv(command));
}

/* Members of the object that are left out are taken from the image by the engine. */
static void add_health_interval(const struct mp_image_config *config, struct mp_json *body)
{
	struct mp_json *health;

	if (config->healthcheck.n == 0 || strcmp(config->healthcheck.v[0], "NONE") == 0 ||
	    (config->health_interval_ns > 0 && config->health_interval_ns <= HEALTH_INTERVAL_NS))
		return;
	health = mp_json_object();
	mp_json_set_integer(health, "Interval", HEALTH_INTERVAL_NS);
	mp_json_set_take(body, "Healthcheck", health);
}

int mp_run_spec_to_json(const struct mp_run_spec *spec, const char *image_id,
			const struct mp_image_config *config, const struct mp_strv *command,
			struct mp_json **json_out, struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *body = mp_json_object();
	struct mp_json *host = mp_json_object();

	mp_json_set_string(body, "Image", image_id);
	mp_json_set_take(body, "HostConfig", host);
	add_process(spec, command, body);
	add_health_interval(config, body);
	mp_json_set_string(host, "NetworkMode", spec->network);
	mp_json_set_take(host, "CapAdd", mp_json_from_strv(&spec->cap_add));
	if (add_ports(spec, config, body, host, err) || add_storage(spec, body, host, err))
		return -1;
	*json_out = MP_STEAL(body);
	return 0;
}
