/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/outputs.h"

#include "core/buf.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(outputs, .timeout = 30);

Test(outputs, one_for_each_image)
{
	MP_AUTO(mp_outputs_free) struct mp_outputs outputs = { 0 };

	cr_expect_eq(mp_outputs_add(&outputs, "nginx", "sha256:1"), 0);
	cr_expect_eq(mp_outputs_add(&outputs, NULL, NULL), 1);
	cr_expect_eq(mp_outputs_add(&outputs, "redis", "sha256:2"), 2);
	cr_expect_eq(mp_outputs_add(&outputs, "nginx:latest", "sha256:1"), 0, "the same image");
	cr_expect_eq(mp_outputs_add(&outputs, "nginx", "sha256:3"), 3, "another one by now");
	cr_expect_eq(mp_outputs_add(&outputs, NULL, NULL), 1);
	cr_expect_eq(outputs.n, 4);
	cr_expect_str_eq(outputs.v[0].image, "nginx", "the first name stays");
}

static void name(struct mp_outputs *outputs, const char *output)
{
	struct mp_error err = { 0 };

	cr_assert_eq(mp_outputs_name(outputs, output, &err), 0, "%s", err.msg);
}

Test(outputs, a_single_one_is_a_file)
{
	static const char *const given[] = { NULL, "t.jsonl", "/nonexistent/t" };

	for (size_t i = 0; i < MP_ARRAY_LEN(given); i++) {
		MP_AUTO(mp_outputs_free) struct mp_outputs outputs = { 0 };

		mp_outputs_add(&outputs, "nginx", "sha256:1");
		name(&outputs, given[i]);
		cr_expect_str_eq(outputs.v[0].path, given[i] ? given[i] : "trace.jsonl");
	}
}

Test(outputs, names_in_a_directory)
{
	static const struct {
		const char *image, *id, *file;
	} cases[] = {
		{ "nginx", "sha256:1", "nginx.jsonl" },
		{ "nginx", "sha256:2", "nginx-2.jsonl" },
		{ "a/b:1", "sha256:3", "a-b-1.jsonl" },
		{ "a:b/1", "sha256:4", "a-b-1-2.jsonl" },
		{ "host:5000/a@sha256:f", "sha256:5", "host-5000-a@sha256-f.jsonl" },
		{ "../x", "sha256:6", "..-x.jsonl" },
		{ "a-b:1", "sha256:7", "a-b-1-3.jsonl" },
		{ NULL, NULL, "processes.jsonl" },
	};
	MP_AUTO(mp_outputs_free) struct mp_outputs outputs = { 0 };
	MP_AUTO(mp_outputs_free) struct mp_outputs single = { 0 };
	char dir[] = "/tmp/mp-test-outputs-XXXXXX";

	cr_assert_not_null(mkdtemp(dir));
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++)
		mp_outputs_add(&outputs, cases[i].image, cases[i].id);
	name(&outputs, dir);
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep) char *path = mp_xasprintf("%s/%s", dir, cases[i].file);

		cr_expect_str_eq(outputs.v[i].path, path);
	}
	mp_outputs_add(&single, "nginx:1", "sha256:1");
	name(&single, dir);
	cr_expect_str_eq(strrchr(single.v[0].path, '/'), "/nginx-1.jsonl");
	rmdir(dir);
}

Test(outputs, several_need_a_directory)
{
	static const struct {
		const char *output, *message;
	} cases[] = {
		{ NULL, "2 traces are written, one for each image: -o has to be a directory that "
			"exists" },
		{ "/dev/null", "2 traces are written, one for each image: -o has to be a "
			       "directory, which '/dev/null' is not" },
		{ "/nonexistent", "2 traces are written, one for each image: -o has to be a "
				  "directory, which '/nonexistent' is not" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_outputs_free) struct mp_outputs outputs = { 0 };
		struct mp_error err = { 0 };

		mp_outputs_add(&outputs, "nginx", "sha256:1");
		mp_outputs_add(&outputs, NULL, NULL);
		cr_expect_eq(mp_outputs_name(&outputs, cases[i].output, &err), -1);
		cr_expect_eq(err.code, MP_E_USAGE);
		cr_expect_str_eq(err.msg, cases[i].message);
	}
}
