/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_LOG_H
#define MP_CORE_LOG_H

#include "core/cleanup.h"

/*
 * What is worth telling a person while work goes on. Nothing below cli/ prints: messages go to the
 * sink that cli/ sets, and nowhere when there is none (as in a test).
 */
enum mp_log_level { MP_LOG_WARNING, MP_LOG_INFO, MP_LOG_DEBUG };

typedef void (*mp_log_sink)(enum mp_log_level level, const char *message, void *context);

void mp_log_set_sink(mp_log_sink sink, void *context);

void mp_warn(const char *fmt, ...) MP_PRINTF(1, 2);
void mp_info(const char *fmt, ...) MP_PRINTF(1, 2);
void mp_debug(const char *fmt, ...) MP_PRINTF(1, 2);

#endif
