/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/format.h"

#include "core/path.h"

#include <string.h>

/* One absolute path a line, written as for `micropack pack LIST`. */
static int list_line(struct mp_import *import, void *state, char *line, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *path = NULL;
	size_t len = strlen(line);

	(void)state;
	if (len > 0 && line[len - 1] == '\r')
		line[len - 1] = '\0';
	if (line[strspn(line, " \t")] == '\0' || line[0] == '#')
		return 0;
	path = mp_path_unescape(line);
	if (!path)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "'%s': malformed escape; a backslash is written '\\\\'", line);
	if (path[0] != '/')
		return mp_error_set(err, MP_E_FORMAT, 0, "'%s' is not an absolute path", line);
	mp_import_add(import, &(struct mp_trace_event){ .op = MP_OP_OPEN, .path = path });
	return 0;
}

const struct mp_import_format mp_import_list = { .name = "list", .line = list_line };
