/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/tokens.h"

#include "packer/abi.h"

#include <limits.h>
#include <string.h>

enum token { TOKEN_NONE, TOKEN_ORIGIN, TOKEN_LIB, TOKEN_PLATFORM };

/*
 * Which token @text ('$' at its start) is, and its length. Without braces a token ends where its
 * name does, whatever follows (glibc, is_dst).
 */
static enum token token_at(const char *text, size_t *len_out)
{
	static const struct {
		const char *name;
		enum token token;
	} names[] = {
		{ "ORIGIN", TOKEN_ORIGIN },
		{ "LIB", TOKEN_LIB },
		{ "PLATFORM", TOKEN_PLATFORM },
	};
	bool braces = text[1] == '{';

	for (size_t i = 0; i < MP_ARRAY_LEN(names); i++) {
		size_t len = strlen(names[i].name);
		const char *name = text + 1 + braces;

		if (strncmp(name, names[i].name, len) != 0 || (braces && name[len] != '}'))
			continue;
		*len_out = len + (braces ? 3 : 1);
		return names[i].token;
	}
	return TOKEN_NONE;
}

/* @text with @values put in; NULL where one that it uses is NULL or the result is no path. */
static char *expand(const char *text, const char *const values[])
{
	MP_AUTO(mp_buf_free) struct mp_buf out = { 0 };

	while (*text && out.len < PATH_MAX) {
		size_t len = strcspn(text, "$");
		enum token token;

		mp_buf_add(&out, text, len);
		text += len;
		if (!*text)
			break;
		token = token_at(text, &len);
		if (token == TOKEN_NONE) {
			mp_buf_addc(&out, *text++);
			continue;
		}
		if (!values[token])
			return NULL;
		mp_buf_adds(&out, values[token]);
		text += len;
	}
	return out.len < PATH_MAX ? mp_buf_steal(&out) : NULL;
}

static bool uses(const char *text, enum token token)
{
	size_t len;

	for (text = strchr(text, '$'); text; text = strchr(text + 1, '$')) {
		if (token_at(text, &len) == token)
			return true;
	}
	return false;
}

void mp_tokens_expand(const char *text, const char *origin, const struct mp_elf *elf, bool musl,
		      struct mp_strv *out)
{
	MP_AUTO(mp_strv_free) struct mp_strv libs = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv platforms = { 0 };

	if (!musl && uses(text, TOKEN_LIB))
		mp_abi_lib_values(elf, &libs);
	if (!musl && uses(text, TOKEN_PLATFORM))
		mp_abi_platform_values(elf, &platforms);
	for (size_t i = 0; i == 0 || i < libs.n; i++) {
		for (size_t j = 0; j == 0 || j < platforms.n; j++) {
			const char *values[] = {
				[TOKEN_ORIGIN] = origin,
				[TOKEN_LIB] = i < libs.n ? libs.v[i] : NULL,
				[TOKEN_PLATFORM] = j < platforms.n ? platforms.v[j] : NULL,
			};
			char *path = expand(text, values);

			if (path)
				mp_strv_push_take(out, path);
		}
	}
}
