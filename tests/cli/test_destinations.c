/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/destinations.h"

#include <criterion/criterion.h>
#include <string.h>

static int parse(const char *a, const char *b, struct mp_destinations *destinations,
		 struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv texts = { 0 };

	mp_strv_push(&texts, a);
	if (b)
		mp_strv_push(&texts, b);
	return mp_destinations_parse(&texts, destinations, err);
}

Test(destinations, good)
{
	static const struct {
		const char *text;
		enum mp_transport transport;
		const char *path, *name;
		unsigned int forms;
	} cases[] = {
		{ "oci:/tmp/new", MP_TRANSPORT_OCI, "/tmp/new", NULL, 1u << MP_COMPRESSION_GZIP },
		{ "oci:new:a/b:1", MP_TRANSPORT_OCI, "new", "a/b:1", 1u << MP_COMPRESSION_GZIP },
		{ "oci-archive:x.tar:v", MP_TRANSPORT_OCI_ARCHIVE, "x.tar", "v",
		  1u << MP_COMPRESSION_GZIP },
		{ "docker-archive:/tmp/x.tar", MP_TRANSPORT_DOCKER_ARCHIVE, "/tmp/x.tar", NULL,
		  1u << MP_COMPRESSION_NONE },
		{ "docker-archive:x:registry:5000/a", MP_TRANSPORT_DOCKER_ARCHIVE, "x",
		  "registry:5000/a:latest", 1u << MP_COMPRESSION_NONE },
		{ "docker-daemon:registry:5000/a:2", MP_TRANSPORT_DOCKER_DAEMON, NULL,
		  "registry:5000/a:2", 1u << MP_COMPRESSION_NONE },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_destinations_free) struct mp_destinations list = { 0 };
		struct mp_error err = { 0 };

		cr_assert_eq(parse(cases[i].text, NULL, &list, &err), 0, "%s", err.msg);
		cr_assert_eq(list.n, 1);
		cr_expect_eq(list.v[0].transport, cases[i].transport);
		cr_expect_str_eq(list.v[0].text, cases[i].text);
		cr_expect_eq(mp_destinations_forms(&list), cases[i].forms);
		cr_expect_str_eq(list.v[0].path ?: "none", cases[i].path ?: "none");
		cr_expect_str_eq(list.v[0].name ?: "none", cases[i].name ?: "none");
	}
}

Test(destinations, bad)
{
	static const struct {
		const char *a, *b, *message;
	} cases[] = {
		{ "x.tar", NULL,
		  "--to 'x.tar' is none of oci:DIR[:REF], oci-archive:FILE[:REF], "
		  "docker-archive:FILE[:NAME:TAG] and docker-daemon:NAME:TAG" },
		{ "dir:/x", NULL, "--to 'dir:/x' is none of " },
		{ "oci:", NULL, "--to 'oci:' names no file" },
		{ "oci-archive::v", NULL, "--to 'oci-archive::v' names no file" },
		{ "oci:x:", NULL, "--to 'oci:x:' has no name after the last ':'" },
		{ "oci:x:-", NULL, "--to 'oci:x:-' does not end in a name that an OCI index" },
		{ "docker-archive:x:A", NULL, "--to 'docker-archive:x:A' does not end in a name" },
		{ "docker-daemon:", NULL, "--to 'docker-daemon:' does not end in a name" },
		{ "docker-daemon:\x1b[2J", NULL, "--to 'docker-daemon:\\x1b[2J' does not end" },
		{ "oci:/dev/null", NULL, "'/dev/null' is there and is neither an OCI layout" },
		{ "oci:/no/such/place", NULL, "create '/no/such/place': No such file" },
		{ "oci-archive:/no/such.tar", NULL, "create '/no/such.tar': No such file" },
		{ "docker-archive:/tmp", NULL, "create '/tmp': Is a directory" },
		{ "oci-archive:x:1", "docker-archive:x",
		  "--to 'oci-archive:x:1' and --to 'docker-archive:x' are the same place" },
		{ "docker-daemon:a", "docker-daemon:a", "are the same place" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_destinations list = { 0 };
		struct mp_error err = { 0 };

		cr_expect_eq(parse(cases[i].a, cases[i].b, &list, &err), -1, "%s", cases[i].a);
		cr_expect_eq(err.code, MP_E_USAGE, "%s", cases[i].a);
		cr_expect_not_null(strstr(err.msg, cases[i].message), "%s", err.msg);
		cr_expect_eq(list.n, 0);
	}
}

/* One layout has room for images of several names. */
Test(destinations, several)
{
	MP_AUTO(mp_destinations_free) struct mp_destinations list = { 0 };
	struct mp_error err = { 0 };

	cr_assert_eq(parse("oci:x:1", "oci:x:2", &list, &err), 0, "%s", err.msg);
	cr_expect_eq(list.n, 2);
	mp_destinations_free(&list);
	cr_assert_eq(parse("oci:x", "docker-daemon:x", &list, &err), 0, "%s", err.msg);
	cr_expect_eq(mp_destinations_forms(&list),
		     1u << MP_COMPRESSION_GZIP | 1u << MP_COMPRESSION_NONE);
}
