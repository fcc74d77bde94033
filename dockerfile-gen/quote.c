/* SPDX-License-Identifier: BSD-2-Clause */
#include "dockerfile-gen/quote.h"

#include "core/json.h"

#include <string.h>

/* Where a long word is continued on a next line: far below MP_DOCKERFILE_MAX_LINE. */
#define WRAP_BYTES 16384

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* A word that no rule of the parser touches, wherever in a line it stands. */
static bool is_plain(const char *text)
{
	/* A leading "--" would be a flag, a leading "#" a comment, "[" a JSON array. */
	return text[0] && text[0] != '-' && strlen(text) < WRAP_BYTES &&
	       !text[strspn(text, DIGITS LETTERS "_-./:@%+,")];
}

void mp_dockerfile_add_word(struct mp_buf *out, const char *text, bool may_wrap)
{
	size_t line_start = out->len;

	if (is_plain(text)) {
		mp_buf_adds(out, text);
		return;
	}
	mp_buf_addc(out, '"');
	for (const char *p = text; *p; p++) {
		/* Quoted strings side by side are one word: close, continue the line, reopen. Not
		 * between the bytes of a UTF-8 character. */
		if (may_wrap && out->len - line_start > WRAP_BYTES && (*p & 0xc0) != 0x80) {
			mp_buf_adds(out, "\"\\\n\"");
			line_start = out->len;
		}
		if (strchr("\"\\$", *p))
			mp_buf_addc(out, '\\');
		mp_buf_addc(out, *p);
	}
	mp_buf_addc(out, '"');
}

void mp_dockerfile_add_json(struct mp_buf *out, const struct mp_strv *list)
{
	mp_buf_addc(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		MP_AUTO(mp_json_freep) struct mp_json *string = mp_json_string(list->v[i]);
		MP_AUTO(mp_freep) char *text = mp_json_dump(string);

		mp_buf_adds(out, i ? ", " : "");
		mp_buf_adds(out, text);
	}
	mp_buf_addc(out, ']');
}

int mp_dockerfile_refuse(const char *instruction, const char *name, const char *reason,
			 struct mp_error *err)
{
	/* A name may be anything: bounded, so that the reason is never cut off. */
	return mp_error_set(err, MP_E_FORMAT, 0,
			    "%s%s%.200s %s, which a Dockerfile cannot say; the image that "
			    "micropack loads into the engine needs no Dockerfile and keeps it",
			    instruction, name ? " " : "", name ? name : "", reason);
}

static bool is_utf8(const char *text)
{
	MP_AUTO(mp_json_freep) struct mp_json *string = mp_json_string(text);

	return string != NULL;
}

int mp_dockerfile_check(const char *instruction, const char *name, const char *text, bool is_json,
			struct mp_error *err)
{
	if (!is_utf8(text))
		return mp_dockerfile_refuse(instruction, name, "is not UTF-8", err);
	if (!is_json && strchr(text, '\n'))
		return mp_dockerfile_refuse(instruction, name, "holds a newline", err);
	return 0;
}

/* Whether the UTF-8 character at @p is white space to Go's unicode.IsSpace. */
static bool is_space_at(const char *p)
{
	static const char *const wide[] = {
		"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\xa8",
		"\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
	};

	if (*p && strchr(" \t\n\v\f\r", *p))
		return true;
	for (size_t i = 0; i < MP_ARRAY_LEN(wide); i++) {
		if (strncmp(p, wide[i], strlen(wide[i])) == 0)
			return true;
	}
	/* U+2000..U+200A */
	return strncmp(p, "\xe2\x80", 2) == 0 && (unsigned char)p[2] >= 0x80 &&
	       (unsigned char)p[2] <= 0x8a;
}

static const char *last_character(const char *text)
{
	const char *p = text + strlen(text);

	while (p > text && (*--p & 0xc0) == 0x80)
		;
	return p;
}

int mp_dockerfile_check_raw(const char *instruction, const char *text, bool keeps_trailing,
			    struct mp_error *err)
{
	size_t len = strlen(text);

	if (mp_dockerfile_check(instruction, NULL, text, false, err))
		return -1;
	if (!text[0])
		return mp_dockerfile_refuse(instruction, NULL, "is an empty text", err);
	if (is_space_at(text))
		return mp_dockerfile_refuse(instruction, NULL, "begins with a blank", err);
	if (text[len - 1] == '\r' || (!keeps_trailing && is_space_at(last_character(text))))
		return mp_dockerfile_refuse(instruction, NULL, "ends in a blank", err);
	/* A backslash before nothing but blanks continues the line. */
	while (text[len - 1] == ' ' || text[len - 1] == '\t')
		len--;
	if (text[len - 1] == '\\')
		return mp_dockerfile_refuse(instruction, NULL, "ends in a backslash", err);
	return 0;
}

/* The end of the JSON string, number or word at @p; NULL where there is none. */
static const char *skip_scalar(const char *p)
{
	static const char *const words[] = { "true", "false", "null" };
	size_t len = strspn(p, DIGITS LETTERS "+-.");

	if (*p == '"') {
		for (p++; *p && *p != '"'; p++) {
			if (*p == '\\' && p[1])
				p++;
		}
		return *p ? p + 1 : NULL;
	}
	for (size_t i = 0; i < MP_ARRAY_LEN(words); i++) {
		if (len == strlen(words[i]) && strncmp(p, words[i], len) == 0)
			return p + len;
	}
	return len && strchr(DIGITS, p[*p == '-']) ? p + len : NULL;
}

bool mp_dockerfile_reads_as_json(const char *text)
{
	bool after_value = false;
	size_t depth = 0;

	if (*text != '[')
		return false;
	/* Tokens in any order, but no two values side by side: `[ 1 -eq 1 ]` is a command. */
	do {
		if (strchr(" \t\r\n", *text)) {
			text++;
		} else if (strchr(",:", *text)) {
			after_value = false;
			text++;
		} else if (strchr("]}", *text)) {
			depth--;
			after_value = true;
			text++;
		} else if (after_value) {
			return false;
		} else if (strchr("[{", *text)) {
			depth++;
			text++;
		} else {
			text = skip_scalar(text);
			after_value = true;
		}
	} while (text && *text && depth > 0);
	return text && depth == 0;
}
