/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/traces.h"

#include "core/log.h"

#include <stdio.h>

int mp_load_trace(const char *path, struct mp_trace **trace_out, struct mp_error *err)
{
	if (mp_trace_read(path, trace_out, err) == 0)
		return 0;
	if (err->code == MP_E_SYS)
		err->code = MP_E_USAGE;
	return -1;
}

int mp_save_trace(const struct mp_trace *trace, const char *path, struct mp_error *err)
{
	struct mp_error why = { 0 };

	if (mp_trace_write(trace, path, err))
		return -1;
	if (mp_trace_check_complete(trace, &why))
		mp_warn("%s; 'pack' will refuse it", why.msg);
	printf("%s\n", path);
	return 0;
}
