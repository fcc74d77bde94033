/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/error.h"
#include "core/interrupt.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

Test(error, set_prefix_hint)
{
	struct mp_error err = { 0 };

	cr_expect_eq(mp_error_set(&err, MP_E_SYS, ENOENT, "open '%s'", "/x"), -1);
	cr_expect_eq(err.code, MP_E_SYS);
	cr_expect_eq(err.sys_errno, ENOENT);
	cr_expect_str_eq(err.msg, "open '/x': No such file or directory");
	cr_expect_eq(mp_error_prefix(&err, "pack '%s'", "/y"), -1);
	cr_expect_eq(mp_error_hint(&err, "run with %s", "sudo"), -1);
	cr_expect_str_eq(err.msg, "pack '/y': open '/x': No such file or directory; run with sudo");
	cr_expect_eq(err.code, MP_E_SYS);
	cr_expect_eq(mp_error_set(&err, MP_E_FORMAT, 0, "bad"), -1);
	cr_expect_eq(err.sys_errno, 0);
	cr_expect_str_eq(err.msg, "bad");
}

Test(error, nobody_listens)
{
	cr_expect_eq(mp_error_set(NULL, MP_E_SYS, EIO, "x"), -1);
	cr_expect_eq(mp_error_prefix(NULL, "x"), -1);
	cr_expect_eq(mp_error_hint(NULL, "x"), -1);
}

/* The message may be made of itself, as when an error is set again. */
Test(error, own_message_as_argument)
{
	struct mp_error err = { 0 };

	mp_error_set(&err, MP_E_SYS, 0, "inner");
	mp_error_set(&err, MP_E_ENGINE, 0, "outer (%s)", err.msg);
	cr_expect_str_eq(err.msg, "outer (inner)");
	mp_error_prefix(&err, "%s", err.msg);
	cr_expect_str_eq(err.msg, "outer (inner): outer (inner)");
}

/* A name from a hostile image neither speaks to the terminal nor runs over. */
Test(error, hostile_text)
{
	char longest[5000];
	struct mp_error err = { 0 };

	mp_error_set(&err, MP_E_SYS, 0, "'%s'", "a\x1b[31m\n\x7f\xff\xc2\x9b\xc3\xa9");
	cr_expect_str_eq(err.msg, "'a\\x1b[31m\\x0a\\x7f\\xff\\xc2\\x9b\xc3\xa9'");
	for (int byte = 1; byte < 256; byte += 17) {
		memset(longest, byte, sizeof(longest));
		longest[sizeof(longest) - 1] = '\0';
		mp_error_set(&err, MP_E_SYS, EIO, "'%s'", longest);
		cr_expect_lt(strlen(err.msg), sizeof(err.msg));
		mp_error_prefix(&err, "%s", longest);
		mp_error_hint(&err, "%s", longest);
		mp_error_hint(&err, "%s", longest);
		cr_expect_lt(strlen(err.msg), sizeof(err.msg));
		for (const char *p = err.msg; *p; p++)
			cr_assert(*p >= 0x20 && *p != 0x7f, "byte %d: %s", byte, err.msg);
	}
}

Test(error, exit_status)
{
	static const struct {
		enum mp_code code;
		int status;
	} cases[] = {
		{ MP_E_NONE, 0 },   { MP_E_SYS, 1 },        { MP_E_FORMAT, 1 },
		{ MP_E_USAGE, 2 },  { MP_E_TRACE, 3 },      { MP_E_ENGINE, 4 },
		{ MP_E_TESTS, 5 },  { MP_E_INCOMPLETE, 6 }, { MP_E_NOTFOUND, 7 },
		{ MP_E_VERIFY, 8 },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++)
		cr_expect_eq(mp_error_exit_status(cases[i].code, 0), cases[i].status, "code %d",
			     cases[i].code);
}

Test(error, interrupt)
{
	struct mp_error err = { 0 };

	mp_interrupt_install();
	cr_expect_eq(mp_interrupt_check(&err), 0);
	raise(SIGTERM);
	cr_expect_eq(mp_interrupt_signal(), SIGTERM);
	mp_interrupt_hold();
	mp_interrupt_hold();
	cr_expect_eq(mp_interrupt_check(&err), 0);
	mp_interrupt_release();
	cr_expect_eq(mp_interrupt_check(&err), 0);
	mp_interrupt_release();
	cr_expect_eq(mp_interrupt_check(&err), -1);
	cr_expect_eq(err.code, MP_E_INTERRUPTED);
	cr_expect_str_eq(err.msg, "interrupted by SIGTERM");
	cr_expect_eq(mp_error_exit_status(err.code, mp_interrupt_signal()), 128 + SIGTERM);
	cr_expect_eq(mp_interrupt_sleep_ms(60000, &err), -1);
}
