/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/path.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

char *mp_path_clean(const char *path)
{
	struct mp_buf out = { 0 };

	if (path[0] != '/')
		return NULL;
	while (*path) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len > 0 && !(len == 1 && path[0] == '.')) {
			mp_buf_addc(&out, '/');
			mp_buf_add(&out, path, len);
		}
		path += len;
	}
	if (out.len == 0)
		mp_buf_addc(&out, '/');
	return mp_buf_steal(&out);
}

char *mp_path_join(const char *dir, const char *name)
{
	size_t len = strlen(dir);

	while (len > 0 && dir[len - 1] == '/')
		len--;
	return mp_xasprintf("%.*s/%s", (int)len, dir, name);
}

char *mp_path_parent(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return mp_xstrdup("/");
	return mp_xstrndup(path, (size_t)(slash - path));
}

char *mp_path_directory(const char *path)
{
	return strchr(path, '/') ? mp_path_parent(path) : mp_xstrdup(".");
}

const char *mp_path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool mp_path_is_under(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len == 1)
		return true;
	return strncmp(path, dir, len) == 0 && (path[len] == '/' || !path[len]);
}

bool mp_path_has_dotdot(const char *path)
{
	for (; *path; path += strcspn(path, "/")) {
		path += strspn(path, "/");
		if (path[0] == '.' && path[1] == '.' && (path[2] == '/' || !path[2]))
			return true;
	}
	return false;
}

/*
 * Length in bytes of the printable UTF-8 character at @p: 0 for a control character, a malformed or
 * overlong sequence, a surrogate, or a code point beyond U+10FFFF (RFC 3629). C1 controls
 * (U+0080..U+009F) count as controls: terminals obey them.
 */
static size_t printable_len(const unsigned char *p)
{
	static const uint32_t minimum[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t code;
	size_t len;

	if (p[0] < 0x80)
		return p[0] >= 0x20 && p[0] != 0x7f;
	if ((p[0] & 0xe0) == 0xc0)
		len = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		len = 3;
	else if ((p[0] & 0xf8) == 0xf0)
		len = 4;
	else
		return 0;
	code = p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < minimum[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ||
	    code < 0xa0)
		return 0;
	return len;
}

void mp_path_escape(struct mp_buf *buf, const char *bytes)
{
	const unsigned char *p = (const unsigned char *)bytes;

	while (*p) {
		size_t len = printable_len(p);

		if (*p == '\\') {
			mp_buf_adds(buf, "\\\\");
			p++;
		} else if (len) {
			mp_buf_add(buf, p, len);
			p += len;
		} else {
			mp_buf_addf(buf, "\\x%02x", *p++);
		}
	}
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool mp_path_read_escape(const char *text, unsigned char *byte_out)
{
	int high, low;

	if (text[0] != '\\' || text[1] != 'x' || (high = hex_value(text[2])) < 0 ||
	    (low = hex_value(text[3])) < 0 || (high | low) == 0)
		return false;
	*byte_out = (unsigned char)(high << 4 | low);
	return true;
}

char *mp_path_unescape(const char *text)
{
	MP_AUTO(mp_buf_free) struct mp_buf out = { 0 };

	while (*text) {
		unsigned char byte;

		if (*text != '\\') {
			mp_buf_addc(&out, *text++);
			continue;
		}
		if (text[1] == '\\') {
			mp_buf_addc(&out, '\\');
			text += 2;
			continue;
		}
		if (!mp_path_read_escape(text, &byte))
			return NULL;
		mp_buf_addc(&out, (char)byte);
		text += 4;
	}
	return mp_buf_steal(&out);
}

void mp_text_printable(const char *text, char *dst, size_t size)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t used = 0;

	while (*p) {
		size_t len = printable_len(p);
		size_t need = len ? len : 4;

		if (used + need + 1 > size)
			break;
		if (len)
			memcpy(dst + used, p, len);
		else
			snprintf(dst + used, 5, "\\x%02x", *p);
		used += need;
		p += len ? len : 1;
	}
	dst[used] = '\0';
}
