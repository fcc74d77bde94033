/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/internal.h"

#include "core/file.h"
#include "core/log.h"
#include "core/path.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_CONFIG_BYTES ((size_t)1 << 20)
/* The key that `docker login` uses for Docker Hub, whatever the registry's host is today. */
#define HUB_KEY "https://index.docker.io/v1/"

void mp_base64_encode(struct mp_buf *buf, const void *data, size_t len, bool url)
{
	const char *digits =
		url ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		    : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
				(n > 2 ? p[i + 2] : 0);

		for (size_t k = 0; k < 4; k++)
			mp_buf_addc(buf, k <= n ? digits[bits >> (18 - 6 * k) & 63] : '=');
	}
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int mp_base64_decode(struct mp_buf *buf, const char *text, struct mp_error *err)
{
	size_t len = strlen(text);
	uint32_t bits = 0;

	while (len > 0 && text[len - 1] == '=')
		len--;
	if (len % 4 == 1)
		return mp_error_set(err, MP_E_FORMAT, 0, "not base64");
	for (size_t i = 0; i < len; i++) {
		int value = base64_value(text[i]);

		if (value < 0)
			return mp_error_set(err, MP_E_FORMAT, 0, "not base64");
		bits = bits << 6 | (uint32_t)value;
		/* Every digit but the first of four completes a byte. */
		if (i % 4 > 0)
			mp_buf_addc(buf, (char)(bits >> (6 - 2 * (i % 4))));
	}
	return 0;
}

/* Older versions of docker wrote URLs as keys: "https://HOST/v1/". */
static bool key_names_host(const char *key, const char *host)
{
	size_t len;

	if (strncmp(key, "https://", 8) == 0)
		key += 8;
	else if (strncmp(key, "http://", 7) == 0)
		key += 7;
	len = strcspn(key, "/");
	return len == strlen(host) && strncasecmp(key, host, len) == 0;
}

static const struct mp_json *find_entry(const struct mp_json *auths, const char *registry,
					char **key_out)
{
	MP_AUTO(mp_strv_free) struct mp_strv keys = { 0 };
	bool hub = strcmp(registry, "docker.io") == 0;

	mp_json_keys(auths, &keys);
	if (mp_strv_find(&keys, hub ? HUB_KEY : registry) >= 0) {
		*key_out = mp_xstrdup(hub ? HUB_KEY : registry);
		return mp_json_get(auths, *key_out);
	}
	for (size_t i = 0; i < keys.n; i++) {
		if (key_names_host(keys.v[i], hub ? "index.docker.io" : registry)) {
			*key_out = mp_xstrdup(keys.v[i]);
			return mp_json_get(auths, *key_out);
		}
	}
	return NULL;
}

/* "auth" is base64 of "user:password". */
static void set_user_and_password(struct mp_json *header, const char *auth)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	char *colon;

	if (!auth || !auth[0] || mp_base64_decode(&text, auth, NULL) || !text.data)
		return;
	colon = strchr(text.data, ':');
	if (!colon)
		return;
	*colon = '\0';
	mp_json_set_string(header, "username", text.data);
	mp_json_set_string(header, "password", colon + 1);
}

char *mp_credentials_find(const struct mp_json *config, const char *registry)
{
	static const char *const copied[] = { "username", "password", "identitytoken",
					      "registrytoken" };
	MP_AUTO(mp_json_freep) struct mp_json *header = mp_json_object();
	MP_AUTO(mp_buf_free) struct mp_buf encoded = { 0 };
	MP_AUTO(mp_freep) char *key = NULL, *text = NULL;
	const struct mp_json *entry = find_entry(mp_json_get(config, "auths"), registry, &key);

	for (size_t i = 0; i < MP_ARRAY_LEN(copied); i++)
		mp_json_set_string(header, copied[i], mp_json_text(mp_json_get(entry, copied[i])));
	set_user_and_password(header, mp_json_text(mp_json_get(entry, "auth")));
	/* An entry without a secret says that a credential helper keeps it. */
	if (!mp_json_get(header, "password") && !mp_json_get(header, "identitytoken") &&
	    !mp_json_get(header, "registrytoken"))
		return NULL;
	mp_json_set_string(header, "serveraddress", key);
	text = mp_json_dump(header);
	mp_base64_encode(&encoded, text, strlen(text), true);
	return mp_buf_steal(&encoded);
}

static char *config_path(void)
{
	const char *dir = getenv("DOCKER_CONFIG");
	const char *home = getenv("HOME");

	if (dir && dir[0])
		return mp_path_join(dir, "config.json");
	return home && home[0] ? mp_path_join(home, ".docker/config.json") : NULL;
}

char *mp_credentials_load(const char *registry)
{
	MP_AUTO(mp_freep) char *path = config_path();
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *config = NULL;
	struct mp_error err = { 0 };

	if (!path)
		return NULL;
	if (mp_file_read(path, MAX_CONFIG_BYTES, &text, &err)) {
		if (err.sys_errno != ENOENT)
			mp_warn("registry credentials are not used: %s", err.msg);
		return NULL;
	}
	config = mp_json_parse(text.data ? text.data : "", text.len, path, &err);
	if (!config) {
		mp_warn("registry credentials are not used: %s", err.msg);
		return NULL;
	}
	return mp_credentials_find(config, registry);
}
