/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/error.h"

#include "core/path.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Copies @text into the message, unprintable bytes escaped, cut where it does not fit. */
static void set_message(struct mp_error *err, const char *text)
{
	mp_text_printable(text, err->msg, sizeof(err->msg));
}

int mp_error_set(struct mp_error *err, enum mp_code code, int sys_errno, const char *fmt, ...)
{
	char text[sizeof(err->msg)];
	va_list args;
	size_t len;

	if (!err)
		return -1;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	len = strlen(text);
	if (sys_errno)
		snprintf(text + len, sizeof(text) - len, ": %s", strerror(sys_errno));
	err->code = code;
	err->sys_errno = sys_errno;
	set_message(err, text);
	return -1;
}

/* The message becomes "@before@between@after". */
static int join(struct mp_error *err, const char *before, const char *between, const char *after)
{
	char text[sizeof(err->msg)];

	snprintf(text, sizeof(text), "%s%s%s", before, between, after);
	set_message(err, text);
	return -1;
}

int mp_error_prefix(struct mp_error *err, const char *fmt, ...)
{
	char prefix[sizeof(err->msg)];
	va_list args;

	if (!err)
		return -1;
	va_start(args, fmt);
	vsnprintf(prefix, sizeof(prefix), fmt, args);
	va_end(args);
	return join(err, prefix, ": ", err->msg);
}

int mp_error_hint(struct mp_error *err, const char *fmt, ...)
{
	char hint[sizeof(err->msg)];
	va_list args;

	if (!err)
		return -1;
	va_start(args, fmt);
	vsnprintf(hint, sizeof(hint), fmt, args);
	va_end(args);
	return join(err, err->msg, "; ", hint);
}

int mp_error_exit_status(enum mp_code code, int signal)
{
	switch (code) {
	case MP_E_NONE:
		return 0;
	case MP_E_SYS:
	case MP_E_FORMAT:
		return 1;
	case MP_E_USAGE:
		return 2;
	case MP_E_TRACE:
		return 3;
	case MP_E_ENGINE:
		return 4;
	case MP_E_TESTS:
		return 5;
	case MP_E_INCOMPLETE:
		return 6;
	case MP_E_NOTFOUND:
		return 7;
	case MP_E_VERIFY:
		return 8;
	case MP_E_INTERRUPTED:
		return 128 + signal;
	}
	return 1;
}
