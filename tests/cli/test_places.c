/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/places.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/micropack-places-XXXXXX";

static void enter(void)
{
	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(chdir(directory), 0);
	cr_assert_eq(mkdir("sub", 0755), 0);
	cr_assert_eq(close(open("file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644)), 0);
	cr_assert_eq(symlink("file", "link"), 0);
	cr_assert_eq(symlink("sub", "way"), 0);
	cr_assert_eq(mkfifo("fifo", 0644), 0);
}

static void leave(void)
{
	static const char *const names[] = { "file", "link", "way", "fifo" };

	for (size_t i = 0; i < MP_ARRAY_LEN(names); i++)
		unlink(names[i]);
	rmdir("sub");
	rmdir(directory);
}

TestSuite(places, .init = enter, .fini = leave, .timeout = 30);

Test(places, pairs)
{
	static const struct {
		enum mp_place_use a_use;
		const char *a;
		enum mp_place_use b_use;
		const char *b;
		bool is_same;
	} cases[] = {
		{ MP_PLACE_WRITTEN, "new", MP_PLACE_WRITTEN, "new", true },
		{ MP_PLACE_WRITTEN, "new", MP_PLACE_WRITTEN, "./new", true },
		{ MP_PLACE_WRITTEN, "new", MP_PLACE_WRITTEN, "sub/../new", true },
		{ MP_PLACE_WRITTEN, "sub/new", MP_PLACE_WRITTEN, "way/new", true },
		{ MP_PLACE_WRITTEN, "new", MP_PLACE_WRITTEN, "newer", false },
		{ MP_PLACE_WRITTEN, "new", MP_PLACE_WRITTEN, "sub/new", false },
		{ MP_PLACE_READ, "file", MP_PLACE_WRITTEN, "file", true },
		{ MP_PLACE_READ, "link", MP_PLACE_WRITTEN, "file", true },
		{ MP_PLACE_READ, "link", MP_PLACE_WRITTEN, "link", true },
		{ MP_PLACE_READ, "file", MP_PLACE_READ, "./file", false },
		/* A link that is written is replaced. */
		{ MP_PLACE_READ, "file", MP_PLACE_WRITTEN, "link", false },
		{ MP_PLACE_WRITTEN, "file", MP_PLACE_WRITTEN, "link", false },
		{ MP_PLACE_WRITTEN, "fifo", MP_PLACE_WRITTEN, "fifo", false },
		{ MP_PLACE_READ, "/dev/null", MP_PLACE_WRITTEN, "/dev/null", false },
		{ MP_PLACE_ADDED_TO, "new", MP_PLACE_ADDED_TO, "./new", false },
		{ MP_PLACE_ADDED_TO, "new", MP_PLACE_WRITTEN, "./new", true },
		{ MP_PLACE_WRITTEN, NULL, MP_PLACE_WRITTEN, NULL, false },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_places_free) struct mp_places places = { 0 };
		const struct mp_place a = { cases[i].a_use, "-o", "one", cases[i].a };
		const struct mp_place b = { cases[i].b_use, "--plan", "two", cases[i].b };
		struct mp_error err = { 0 };

		cr_assert_eq(mp_places_add(&places, a, &err), 0, "case %zu: %s", i, err.msg);
		cr_expect_eq(mp_places_add(&places, b, &err), cases[i].is_same ? -1 : 0,
			     "case %zu: %s", i, err.msg);
		if (!cases[i].is_same)
			continue;
		cr_expect_eq(err.code, MP_E_USAGE);
		cr_expect_str_eq(err.msg, "-o 'one' and --plan 'two' are the same place");
	}
}

Test(places, where_no_file_can_be)
{
	static const struct {
		const char *path, *message;
	} cases[] = {
		{ "", "create '': No such file or directory" },
		{ "sub", "create 'sub': Is a directory" },
		{ "no/such", "create 'no/such': No such file or directory" },
		{ "file/x", "create 'file/x': Not a directory" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_places_free) struct mp_places places = { 0 };
		const struct mp_place place = { MP_PLACE_WRITTEN, "-o", "x", cases[i].path };
		struct mp_error err = { 0 };

		cr_expect_eq(mp_places_add(&places, place, &err), -1, "'%s'", cases[i].path);
		cr_expect_eq(err.code, MP_E_USAGE);
		cr_expect_str_eq(err.msg, cases[i].message);
	}
}

/* Its directory need not be writable. */
Test(places, device_of_others)
{
	struct mp_error err = { 0 };

	if (geteuid() == 0)
		cr_assert_eq(seteuid(65534), 0);
	cr_expect_eq(mp_place_check_writable("/dev/null", &err), 0, "%s", err.msg);
	cr_expect_eq(mp_place_check_writable("/dev/new", &err), -1);
	cr_expect_str_eq(err.msg, "create '/dev/new': Permission denied");
	if (getuid() == 0)
		cr_assert_eq(seteuid(0), 0);
}
