/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/log.h"

#include "core/path.h"

#include <stdarg.h>
#include <stdio.h>

static mp_log_sink current_sink;
static void *current_context;

void mp_log_set_sink(mp_log_sink sink, void *context)
{
	current_sink = sink;
	current_context = context;
}

static void MP_PRINTF(2, 0) emit(enum mp_log_level level, const char *fmt, va_list args)
{
	char text[2048], printable[2048];

	if (!current_sink)
		return;
	vsnprintf(text, sizeof(text), fmt, args);
	mp_text_printable(text, printable, sizeof(printable));
	current_sink(level, printable, current_context);
}

void mp_warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	emit(MP_LOG_WARNING, fmt, args);
	va_end(args);
}

void mp_info(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	emit(MP_LOG_INFO, fmt, args);
	va_end(args);
}

void mp_debug(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	emit(MP_LOG_DEBUG, fmt, args);
	va_end(args);
}
