/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/sbom.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test(sbom, path)
{
	static const struct {
		const char *archive, *document;
	} cases[] = {
		{ "rootfs.tar", "rootfs.spdx.json" },
		{ "out/rootfs.tar.gz", "out/rootfs.spdx.json" },
		{ "/x/a.tgz", "/x/a.spdx.json" },
		{ "a.tar.zst", "a.spdx.json" },
		{ "a.b.tar", "a.b.spdx.json" },
		{ "image", "image.spdx.json" },
		{ ".tar", ".tar.spdx.json" },
		{ "out/.tar", "out/.tar.spdx.json" },
		{ "a.tar/b", "a.tar/b.spdx.json" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep) char *path = mp_sbom_path(cases[i].archive);

		cr_expect_str_eq(path, cases[i].document, "'%s': '%s'", cases[i].archive, path);
	}
	cr_expect_null(mp_sbom_path("/dev/null"));
	cr_expect_null(mp_sbom_path("/dev/stdout"));
}

/* Writes the document of an empty archive, "x.tar", and returns the time in it: 0, or -1. */
static int created_of(const struct mp_image *image, char out[32], struct mp_error *err)
{
	MP_AUTO(mp_sbom_clear) struct mp_sbom sbom = { 0 };
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = mp_fileset_new();
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	const char *at;

	cr_assert_null(mp_sbom_listener(&sbom));
	mp_sbom_start(&sbom, set);
	cr_assert_not_null(mp_sbom_listener(&sbom));
	if (mp_sbom_write(&sbom, image, NULL, "x.tar", "0", err))
		return -1;
	cr_assert_neq(access("x.spdx.json", F_OK), 0, "it is not committed yet");
	cr_assert_eq(mp_sbom_commit(&sbom, err), 0, "%s", err->msg);
	cr_assert_eq(mp_file_read("x.spdx.json", 1 << 20, &text, err), 0, "%s", err->msg);
	unlink("x.spdx.json");
	at = strstr(text.data, "\"created\":\"");
	cr_assert_not_null(at, "%s", text.data);
	snprintf(out, 32, "%.*s", (int)strcspn(at + 11, "\""), at + 11);
	return 0;
}

/* SOURCE_DATE_EPOCH where it is set, else the image's time, else none. NULL: it is refused. */
Test(sbom, created)
{
	static const struct {
		const char *epoch, *image, *created;
	} cases[] = {
		{ NULL, NULL, "1970-01-01T00:00:00Z" },
		{ NULL, "2023-01-02T03:04:05.6Z", "2023-01-02T03:04:05Z" },
		{ "0", "2023-01-02T03:04:05Z", "1970-01-01T00:00:00Z" },
		{ "1700000000", NULL, "2023-11-14T22:13:20Z" },
		{ "253402300799", NULL, "9999-12-31T23:59:59Z" },
		{ "253402300800", NULL, NULL },
		{ "-1", NULL, NULL },
		{ "", "2023-01-02T03:04:05Z", NULL },
		{ "now", "2023-01-02T03:04:05Z", NULL },
		{ "99999999999999999999", NULL, NULL },
	};
	char dir[] = "/tmp/mp-sbom-XXXXXX";

	cr_assert(mkdtemp(dir) && chdir(dir) == 0);
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_image image = { .reference = "x", .created = (char *)cases[i].image };
		struct mp_error err = { 0 };
		char created[32];
		int rc;

		if (cases[i].epoch)
			setenv("SOURCE_DATE_EPOCH", cases[i].epoch, 1);
		else
			unsetenv("SOURCE_DATE_EPOCH");
		rc = created_of(cases[i].image ? &image : NULL, created, &err);
		if (!cases[i].created) {
			cr_expect_eq(rc, -1, "%zu", i);
			cr_expect_eq(err.code, MP_E_USAGE, "%zu: %s", i, err.msg);
			continue;
		}
		cr_assert_eq(rc, 0, "%zu: %s", i, err.msg);
		cr_expect_str_eq(created, cases[i].created, "%zu", i);
	}
	cr_assert(chdir("/") == 0 && rmdir(dir) == 0);
}
