/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/libc_locale.h"

#include "core/path.h"
#include "packer/bytes.h"

#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define LOCALE_DIR "/usr/lib/locale"
#define ARCHIVE_PATH LOCALE_DIR "/locale-archive"
#define LOCALE_NAME_MAX 255
#define NAMES_MAX_BYTES (4u << 20)
#define FILES_MAX 256
#define DEPTH_MAX 4

/* The first words of an archive (glibc, locale/locarchive.h, struct locarhead). */
#define ARCHIVE_MAGIC 0xde020109u
#define ARCHIVE_STRINGS_AT 20 /* the offset of the names, and how many bytes of them are used */
#define ARCHIVE_HEADER_BYTES 32

static uint32_t get32(const unsigned char *p, uint8_t byte_order)
{
	return byte_order == ELFDATA2MSB ? mp_be32(p) : mp_le32(p);
}

/*
 * "de_DE.UTF-8@euro" as glibc writes it itself (_nl_normalize_codeset): "de_DE.utf8@euro". Digits
 * alone get "iso" before them.
 */
static char *normalize(const char *name)
{
	struct mp_buf out = { 0 };
	const char *dot = strchr(name, '.');
	size_t len = dot ? strcspn(dot + 1, "@") : 0;
	bool only_digits = len > 0;

	if (!dot)
		return mp_xstrdup(name);
	mp_buf_add(&out, name, (size_t)(dot + 1 - name));
	for (size_t i = 0; i < len; i++)
		only_digits = only_digits && !isalpha((unsigned char)dot[1 + i]);
	mp_buf_adds(&out, only_digits ? "iso" : "");
	for (size_t i = 0; i < len; i++) {
		if (isalnum((unsigned char)dot[1 + i]))
			mp_buf_addc(&out, (char)tolower((unsigned char)dot[1 + i]));
	}
	mp_buf_adds(&out, dot + 1 + len);
	return mp_buf_steal(&out);
}

/* Reads @len bytes at @at, or says that they are not there: 1, 0, -1. */
static int read_exactly(const struct mp_contents *contents, void *buf, size_t len, uint64_t at,
			struct mp_error *err)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = mp_contents_read(contents, (char *)buf + done, len - done, at + done);

		if (got < 0)
			return mp_error_set(err, MP_E_SYS, errno, "read '%s'", ARCHIVE_PATH);
		if (got == 0)
			return 0;
		done += (size_t)got;
	}
	return 1;
}

/* Whether the archive has a locale of that normalized name: 1, 0, -1. One that is no archive has
 * none. */
static int archive_has(const struct mp_contents *archive, uint8_t byte_order, const char *name,
		       struct mp_error *err)
{
	unsigned char header[ARCHIVE_HEADER_BYTES];
	MP_AUTO(mp_freep) char *names = NULL;
	size_t len, wanted = strlen(name) + 1;
	int rc = read_exactly(archive, header, sizeof(header), 0, err);

	if (rc <= 0 || get32(header, byte_order) != ARCHIVE_MAGIC)
		return rc < 0 ? -1 : 0;
	len = get32(header + ARCHIVE_STRINGS_AT + 4, byte_order);
	if (len < wanted || len > NAMES_MAX_BYTES)
		return 0;
	names = mp_xmalloc(len);
	rc = read_exactly(archive, names, len, get32(header + ARCHIVE_STRINGS_AT, byte_order), err);
	if (rc <= 0)
		return rc;
	for (const char *at = names; (at = memmem(at, len - (size_t)(at - names), name, wanted));
	     at++) {
		if (at == names || at[-1] == '\0')
			return 1;
	}
	return 0;
}

static int add_archive(struct mp_resolver *resolver, uint8_t byte_order, const char *normalized,
		       struct mp_strv *files, struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	MP_AUTO(mp_contents_close) struct mp_contents archive = MP_CONTENTS_CLOSED;
	int rc;

	if (mp_resolve(resolver, ARCHIVE_PATH, 0, &res, err))
		return -1;
	if (!mp_resolution_is_file(&res))
		return 0;
	if (mp_rootfs_open(mp_resolver_root(resolver), res.path, &archive, err))
		return -1;
	rc = archive_has(&archive, byte_order, normalized, err);
	if (rc > 0)
		mp_strv_push(files, ARCHIVE_PATH);
	return rc;
}

/* All files below @dir. */
static int add_dir(struct mp_resolver *resolver, const char *dir, unsigned int depth,
		   struct mp_strv *files, struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };

	if (mp_resolver_list(resolver, dir, &names, err))
		return -1;
	for (size_t i = 0; i < names.n && files->n < FILES_MAX; i++) {
		MP_AUTO(mp_freep) char *path = mp_path_join(dir, names.v[i]);
		MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

		if (mp_resolve(resolver, path, 0, &res, err))
			return -1;
		if (mp_resolution_is_file(&res))
			mp_strv_push(files, path);
		else if (mp_resolution_is_dir(&res) && depth < DEPTH_MAX &&
			 add_dir(resolver, path, depth + 1, files, err))
			return -1;
	}
	return 0;
}

int mp_libc_locale_files(struct mp_resolver *resolver, uint8_t byte_order, const char *name,
			 struct mp_strv *files, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *normalized = normalize(name);
	MP_AUTO(mp_freep) char *bare = mp_xstrndup(name, strcspn(name, ".@"));
	const char *const spellings[] = { name, normalized, bare };
	size_t before = files->n;
	int rc;

	/* A path is none of the image's locales, and "." and ".." are no names. */
	if (!name[0] || name[0] == '.' || strchr(name, '/') || strlen(name) > LOCALE_NAME_MAX ||
	    strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0)
		return 0;
	rc = add_archive(resolver, byte_order, normalized, files, err);
	for (size_t i = 0; rc == 0 && i < MP_ARRAY_LEN(spellings); i++) {
		MP_AUTO(mp_freep) char *dir = mp_path_join(LOCALE_DIR, spellings[i]);

		if (add_dir(resolver, dir, 0, files, err))
			return -1;
		if (files->n > before)
			break;
	}
	return rc < 0 ? -1 : 0;
}
