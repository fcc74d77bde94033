/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/calls.h"
#include "import/format.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Lines of sysdig -p '*%evt.type %evt.res %fs.path.name': the path is the rest of the line. */

/* What sysdig -v adds at the end. */
static bool take_statistics(struct mp_import *import, const char *line)
{
	unsigned long long dropped;

	if (sscanf(line, "Driver Drops: %llu", &dropped) == 1) {
		mp_import_count_lost(&import->trace->losses.dropped, dropped);
		return true;
	}
	return strncmp(line, "Driver Events:", strlen("Driver Events:")) == 0 ||
	       strncmp(line, "Elapsed time:", strlen("Elapsed time:")) == 0;
}

static int sysdig_line(struct mp_import *import, void *state, char *line, struct mp_error *err)
{
	const struct mp_traced_call *call;
	struct mp_trace_event event = { 0 };
	char *rest = line, *type, *result;

	(void)state;
	if (line[strspn(line, " \t\r")] == '\0' || take_statistics(import, line))
		return 0;
	type = mp_import_word(&rest);
	result = mp_import_word(&rest);
	call = mp_traced_call_by_name(type);
	if (!call || call->path < 0)
		return mp_error_set(err, MP_E_FORMAT, 0, "'%s' is no call that takes a path", type);
	if (strcmp(result, "SUCCESS") != 0) {
		event.error = mp_trace_errno_number(result);
		if (!event.error)
			return mp_error_set(err, MP_E_FORMAT, 0,
					    "'%s' is neither SUCCESS nor the name of an error",
					    result);
	}
	if (!rest[0])
		return mp_error_set(err, MP_E_FORMAT, 0, "no path behind '%s %s'", type, result);
	if (event.error == EFAULT)
		return 0;
	/* "<NA>", and "<UNKNOWN>name" where sysdig does not know the directory. */
	if (rest[0] != '/') {
		import->trace->losses.unread++;
		return 0;
	}
	event.op = call->op;
	event.flags = call->flags;
	event.path = rest;
	mp_import_add(import, &event);
	return 0;
}

const struct mp_import_format mp_import_sysdig = { .name = "sysdig", .line = sysdig_line };
