/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/clock.h"

#include "core/cleanup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t mp_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t mp_duration_parse_ms(const char *text)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = { { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
	const double limit_ms = 365.0 * 24 * 3600 * 1000;
	char *end;
	double value;

	if (!strchr("0123456789.", text[0]) || !text[0])
		return -1;
	value = strtod(text, &end);
	for (size_t i = 0; i < MP_ARRAY_LEN(units); i++) {
		if (strcmp(end, units[i].name) == 0 && isfinite(value) &&
		    value * units[i].ms <= limit_ms)
			return (int64_t)(value * units[i].ms);
	}
	return -1;
}
