/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/epoch.h"

#include "core/buf.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LAST_SECOND 253402300799 /* of the year 9999 */
#define MAX_DIGITS 12

int mp_epoch_read(int64_t *seconds_out, struct mp_error *err)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	size_t digits, zeros;
	long long seconds;

	if (!text)
		return 0;
	digits = strspn(text, "0123456789");
	zeros = strspn(text, "0");
	seconds = digits - zeros <= MAX_DIGITS ? strtoll(text, NULL, 10) : -1;
	if (digits == 0 || text[digits] || seconds < 0 || seconds > LAST_SECOND)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "SOURCE_DATE_EPOCH is '%s': a number of seconds since 1970, "
				    "before the year 10000, is needed",
				    text);
	*seconds_out = seconds;
	return 1;
}

char *mp_epoch_text(int64_t seconds)
{
	time_t when = (time_t)seconds;
	struct tm tm;
	char text[64];

	gmtime_r(&when, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return mp_xstrdup(text);
}
