/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/list.h"

#include "core/path.h"

#include <string.h>

static bool is_left_out(const char *line, size_t len)
{
	size_t i = 0;

	while (i < len && (line[i] == ' ' || line[i] == '\t'))
		i++;
	return i == len || line[0] == '#';
}

int mp_list_read(const char *text, size_t len, const char *name,
		 int (*take)(void *context, const char *line, const char *where,
			     struct mp_error *err),
		 void *context, struct mp_error *err)
{
	const char *end = text + len;

	for (size_t number = 1; text < end; number++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t length = (size_t)((newline ? newline : end) - text);
		const char *start = text;
		MP_AUTO(mp_freep) char *line = NULL;
		MP_AUTO(mp_freep) char *where = NULL;

		text = newline ? newline + 1 : end;
		if (length > 0 && start[length - 1] == '\r')
			length--;
		if (is_left_out(start, length))
			continue;
		where = mp_xasprintf("%s:%zu", name, number);
		if (memchr(start, '\0', length))
			return mp_error_set(err, MP_E_FORMAT, 0,
					    "%s: a path cannot contain a NUL byte", where);
		line = mp_xstrndup(start, length);
		if (take(context, line, where, err))
			return -1;
	}
	return 0;
}

static int take_path(void *context, const char *line, const char *where, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *bytes = mp_path_unescape(line);
	char *path;

	if (!bytes)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "%s: '%s': malformed escape; a backslash is written '\\\\'",
				    where, line);
	path = mp_path_clean(bytes);
	if (!path)
		return mp_error_set(err, MP_E_FORMAT, 0, "%s: '%s' is not an absolute path", where,
				    line);
	mp_strv_push_take(context, path);
	return 0;
}

int mp_list_parse(const char *text, size_t len, const char *name, struct mp_strv *paths,
		  struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv found = { 0 };

	if (mp_list_read(text, len, name, take_path, &found, err))
		return -1;
	mp_strv_copy(paths, &found);
	return 0;
}
