/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/epoch.h"

#include "core/buf.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(epoch, values)
{
	static const struct {
		const char *text; /* NULL: not set */
		int rc;
		const char *time;
	} cases[] = {
		{ NULL, 0, NULL },
		{ "0", 1, "1970-01-01T00:00:00Z" },
		{ "1700000000", 1, "2023-11-14T22:13:20Z" },
		{ "00000000000000000000001", 1, "1970-01-01T00:00:01Z" },
		{ "253402300799", 1, "9999-12-31T23:59:59Z" },
		{ "253402300800", -1, NULL },
		{ "99999999999999999999999", -1, NULL },
		{ "", -1, NULL },
		{ "-1", -1, NULL },
		{ "+1", -1, NULL },
		{ " 1", -1, NULL },
		{ "1.5", -1, NULL },
		{ "0x10", -1, NULL },
		{ "now", -1, NULL },
	};

	setenv("TZ", "Asia/Tokyo", 1);
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_error err = { 0 };
		int64_t seconds = -7;

		if (cases[i].text)
			setenv("SOURCE_DATE_EPOCH", cases[i].text, 1);
		else
			unsetenv("SOURCE_DATE_EPOCH");
		cr_expect_eq(mp_epoch_read(&seconds, &err), cases[i].rc, "%zu", i);
		if (cases[i].rc < 0) {
			cr_expect_eq(err.code, MP_E_USAGE);
			cr_expect_not_null(strstr(err.msg, "SOURCE_DATE_EPOCH is '"));
		}
		if (cases[i].rc > 0) {
			MP_AUTO(mp_freep) char *text = mp_epoch_text(seconds);

			cr_expect_str_eq(text, cases[i].time);
		} else {
			cr_expect_eq(seconds, -7);
		}
	}
}
