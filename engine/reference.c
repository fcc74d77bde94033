/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/internal.h"

#include <ctype.h>
#include <string.h>

/* Name 255, tag 128, digest 140 at most (distribution/reference), and room. */
#define MAX_REFERENCE_BYTES 600

static const char name_bytes[] =
	"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-";

/* One piece between slashes: begins with a letter or a digit, so it is neither "" nor "..". */
static bool is_component(const char *text, size_t len, bool first)
{
	size_t i = 0;

	if (first && text[0] == '[') {
		i = strspn(text + 1, "0123456789abcdefABCDEF:.") + 1;
		if (i >= len || text[i] != ']')
			return false;
		i++;
	} else if (!isalnum((unsigned char)text[0])) {
		return false;
	}
	for (; i < len; i++) {
		if (!strchr(name_bytes, text[i]) && !strchr(":@+", text[i]))
			return false;
	}
	return true;
}

int mp_reference_check(const char *reference, struct mp_error *err)
{
	const char *p = reference;
	bool valid = strlen(reference) <= MAX_REFERENCE_BYTES;

	while (valid) {
		size_t len = strcspn(p, "/");

		valid = is_component(p, len, p == reference);
		if (!p[len])
			break;
		p += len + 1;
	}
	if (valid)
		return 0;
	return mp_error_set(err, MP_E_USAGE, 0,
			    "'%.*s' is not the name of an image (NAME, NAME:TAG, NAME@sha256:… or "
			    "an image ID)",
			    MAX_REFERENCE_BYTES, reference);
}

int mp_container_check(const char *id, struct mp_error *err)
{
	size_t len = strlen(id);

	if (len <= 255 && isalnum((unsigned char)id[0]) && strspn(id, name_bytes) == len)
		return 0;
	return mp_error_set(err, MP_E_USAGE, 0, "'%.*s' is not the ID or name of a container", 255,
			    id);
}

/* Where the first component can be no part of a repository's name on Docker Hub, it is a host. */
static bool is_host(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (strchr(".:[", text[i]) || isupper((unsigned char)text[i]))
			return true;
	}
	return len == strlen("localhost") && strncmp(text, "localhost", len) == 0;
}

static char *registry_of(const char *name)
{
	const char *slash = strchr(name, '/');
	size_t len = slash ? (size_t)(slash - name) : 0;

	if (!slash || !is_host(name, len) || strncmp(name, "index.docker.io/", len + 1) == 0)
		return mp_xstrdup("docker.io");
	return mp_xstrndup(name, len);
}

void mp_reference_split(const char *reference, struct mp_reference *reference_out)
{
	size_t name_len = strcspn(reference, "@");
	const char *digest = reference[name_len] ? reference + name_len + 1 : NULL;
	MP_AUTO(mp_freep) char *name = mp_xstrndup(reference, name_len);
	const char *tag = "latest";
	char *slash = strrchr(name, '/');
	/* A colon before the last slash is that of a port. */
	char *colon = strchr(slash ? slash : name, ':');

	if (colon) {
		*colon = '\0';
		tag = colon + 1;
	}
	reference_out->tag = mp_xstrdup(digest ? digest : tag);
	reference_out->registry = registry_of(name);
	reference_out->name = MP_STEAL(name);
}

void mp_reference_clear(struct mp_reference *reference)
{
	mp_freep(&reference->name);
	mp_freep(&reference->tag);
	mp_freep(&reference->registry);
}
