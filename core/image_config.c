/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/image_config.h"

#include <stdlib.h>
#include <string.h>

static int by_port(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	long p = strtol(x, NULL, 10), q = strtol(y, NULL, 10);

	if (p != q)
		return p < q ? -1 : 1;
	return strcmp(x, y);
}

static int read_keys(const struct mp_json *json, const char *key, struct mp_strv *list,
		     struct mp_error *err)
{
	const struct mp_json *object = NULL;

	if (mp_json_get_object(json, key, &object, err))
		return -1;
	mp_json_keys(object, list);
	mp_strv_sort(list);
	return 0;
}

static int read_labels(struct mp_image_config *config, const struct mp_json *json,
		       struct mp_error *err)
{
	const struct mp_json *labels = NULL;

	if (mp_json_get_object(json, "Labels", &labels, err) ||
	    read_keys(json, "Labels", &config->label_keys, err))
		return -1;
	for (size_t i = 0; i < config->label_keys.n; i++) {
		const char *value = "";

		if (mp_json_get_string(labels, config->label_keys.v[i], &value, err))
			return mp_error_prefix(err, "Labels");
		mp_strv_push(&config->label_values, value);
	}
	return 0;
}

static int read_healthcheck(struct mp_image_config *config, const struct mp_json *json,
			    struct mp_error *err)
{
	const struct mp_json *health = NULL;

	if (mp_json_get_object(json, "Healthcheck", &health, err))
		return -1;
	if (mp_json_get_strv(health, "Test", &config->healthcheck, err) ||
	    mp_json_get_integer(health, "Interval", &config->health_interval_ns, err) ||
	    mp_json_get_integer(health, "Timeout", &config->health_timeout_ns, err) ||
	    mp_json_get_integer(health, "StartPeriod", &config->health_start_period_ns, err) ||
	    mp_json_get_integer(health, "StartInterval", &config->health_start_interval_ns, err) ||
	    mp_json_get_integer(health, "Retries", &config->health_retries, err))
		return mp_error_prefix(err, "Healthcheck");
	return 0;
}

int mp_image_config_read(struct mp_image_config *config, const struct mp_json *json,
			 struct mp_error *err)
{
	if (json && !mp_json_is_object(json))
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "the image configuration is not an object");
	if (mp_json_get_strv(json, "Env", &config->env, err) ||
	    mp_json_get_strv(json, "Entrypoint", &config->entrypoint, err) ||
	    mp_json_get_strv(json, "Cmd", &config->cmd, err) ||
	    mp_json_get_strv(json, "Shell", &config->shell, err) ||
	    mp_json_get_strv(json, "OnBuild", &config->onbuild, err) ||
	    read_keys(json, "ExposedPorts", &config->exposed, err) ||
	    read_keys(json, "Volumes", &config->volumes, err) || read_labels(config, json, err) ||
	    mp_json_copy_string(json, "WorkingDir", &config->working_dir, err) ||
	    mp_json_copy_string(json, "User", &config->user, err) ||
	    mp_json_copy_string(json, "StopSignal", &config->stop_signal, err) ||
	    read_healthcheck(config, json, err))
		return mp_error_prefix(err, "image configuration");
	if (config->exposed.n)
		qsort(config->exposed.v, config->exposed.n, sizeof(char *), by_port);
	return 0;
}

const char *mp_image_config_getenv(const struct mp_image_config *config, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < config->env.n; i++) {
		if (strncmp(config->env.v[i], name, len) == 0 && config->env.v[i][len] == '=')
			return config->env.v[i] + len + 1;
	}
	return NULL;
}

void mp_image_config_free(struct mp_image_config *config)
{
	mp_strv_free(&config->env);
	mp_strv_free(&config->entrypoint);
	mp_strv_free(&config->cmd);
	mp_strv_free(&config->shell);
	mp_strv_free(&config->onbuild);
	mp_strv_free(&config->exposed);
	mp_strv_free(&config->volumes);
	mp_strv_free(&config->label_keys);
	mp_strv_free(&config->label_values);
	mp_strv_free(&config->healthcheck);
	mp_freep(&config->working_dir);
	mp_freep(&config->user);
	mp_freep(&config->stop_signal);
}
