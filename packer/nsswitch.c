/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/nsswitch.h"

#include "core/log.h"

#include <string.h>

#define CONF_MAX_BYTES 65536
#define SERVICES_MAX 32
#define SERVICE_NAME_MAX 64
#define BLANKS " \t\r\v\f"

/*
 * By the bit of enum mp_libc_use, and what holds without a line (glibc, nss/nss_database.c;
 * older ones asked "compat" or "nis" too, and did without). initgroups without a line is as group.
 */
static const struct {
	const char *name;
	const char *services;
} databases[] = {
	{ "passwd", "files" },       { "group", "files" },     { "initgroups", "" },
	{ "shadow", "files" },       { "gshadow", "files" },   { "hosts", "files dns" },
	{ "networks", "files dns" }, { "services", "files" },  { "protocols", "files" },
	{ "rpc", "files" },          { "ethers", "files" },    { "netgroup", "files" },
	{ "aliases", "files" },      { "publickey", "files" },
};

struct mp_nsswitch {
	struct mp_strv services[MP_ARRAY_LEN(databases)];
};

void mp_nsswitch_freep(struct mp_nsswitch **nsswitch)
{
	if (!*nsswitch)
		return;
	for (size_t i = 0; i < MP_ARRAY_LEN(databases); i++)
		mp_strv_free(&(*nsswitch)->services[i]);
	mp_freep(nsswitch);
}

const char *mp_nsswitch_database(unsigned int use)
{
	return databases[__builtin_ctz(use)].name;
}

const struct mp_strv *mp_nsswitch_services(const struct mp_nsswitch *nsswitch, unsigned int use)
{
	return &nsswitch->services[__builtin_ctz(use)];
}

/* "[NOTFOUND=return]" says what to do next, and may have blanks in it. */
static void cut_actions(char *text)
{
	bool inside = false;

	for (; *text; text++) {
		inside = *text == '[' || (inside && *text != ']');
		if (inside || *text == ']')
			*text = ' ';
	}
}

static void read_services(char *text, struct mp_strv *services)
{
	char *state = NULL;

	cut_actions(text);
	for (char *word = strtok_r(text, BLANKS, &state); word && services->n < SERVICES_MAX;
	     word = strtok_r(NULL, BLANKS, &state)) {
		if (strlen(word) <= SERVICE_NAME_MAX && !strchr(word, '/') &&
		    mp_strv_find(services, word) < 0)
			mp_strv_push(services, word);
	}
}

/* "hosts: files dns". Of two lines for one database the last holds. */
static void read_line(struct mp_nsswitch *nsswitch, char *line)
{
	char *colon;
	size_t len;

	line[strcspn(line, "#")] = '\0';
	line += strspn(line, BLANKS);
	len = strcspn(line, BLANKS ":");
	colon = line + len + strspn(line + len, BLANKS);
	if (len == 0 || *colon != ':')
		return;
	for (size_t i = 0; i < MP_ARRAY_LEN(databases); i++) {
		if (strlen(databases[i].name) != len || strncmp(databases[i].name, line, len) != 0)
			continue;
		mp_strv_free(&nsswitch->services[i]);
		read_services(colon + 1, &nsswitch->services[i]);
		return;
	}
}

int mp_nsswitch_read(struct mp_resolver *resolver, struct mp_nsswitch **nsswitch_out,
		     struct mp_error *err)
{
	MP_AUTO(mp_nsswitch_freep) struct mp_nsswitch *nsswitch = mp_xcalloc(1, sizeof(*nsswitch));
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	struct mp_error local;
	char *state = NULL;
	int rc = mp_resolver_read_file(resolver, MP_NSSWITCH_PATH, CONF_MAX_BYTES, &text, &local);

	if (rc < 0 && local.code != MP_E_FORMAT) {
		if (err)
			*err = local;
		return -1;
	}
	if (rc < 0)
		mp_warn("%s of the image is not used: %s", MP_NSSWITCH_PATH, local.msg);
	for (size_t i = 0; i < MP_ARRAY_LEN(databases); i++) {
		if (databases[i].services[0])
			mp_strv_split(&nsswitch->services[i], databases[i].services, " ");
	}
	for (char *line = rc > 0 && text.data ? strtok_r(text.data, "\n", &state) : NULL; line;
	     line = strtok_r(NULL, "\n", &state))
		read_line(nsswitch, line);
	*nsswitch_out = MP_STEAL(nsswitch);
	return 0;
}
