/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/images.h"
#include "cli/packing.h"
#include "cli/tracing.h"

#include <criterion/criterion.h>
#include <string.h>

/* What the commands decide without an engine: names, sizes, what goes together. */

#define DIGITS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

Test(names, packed_image)
{
	static const struct {
		const char *reference, *requested, *tag; /* tag: NULL for an error */
	} cases[] = {
		{ "nginx", NULL, "nginx:latest-micro" },
		{ "nginx:1.25", NULL, "nginx:1.25-micro" },
		{ "library/nginx", NULL, "library/nginx:latest-micro" },
		{ "host:5000/a/b", NULL, "host:5000/a/b:latest-micro" },
		{ "host:5000/a/b:v1", NULL, "host:5000/a/b:v1-micro" },
		{ "Registry.Example/a:v1", NULL, "Registry.Example/a:v1-micro" },
		{ "nginx@sha256:" DIGITS, NULL, "nginx:latest-micro" },
		{ "nginx:1@sha256:" DIGITS, NULL, "nginx:1-micro" },
		{ "sha256:" DIGITS, NULL, "micropack-0123456789ab:micro" },
		{ DIGITS, NULL, "micropack-0123456789ab:micro" },
		{ "0123456789ab", NULL, "micropack-0123456789ab:micro" },
		{ "nginx", "small", "small:latest" },
		{ "nginx", "small:1", "small:1" },
		{ "nginx", "host:5000/small", "host:5000/small:latest" },
		{ "nginx", "a_b.c--d/e:T_1.2-3", "a_b.c--d/e:T_1.2-3" },
		{ "nginx", "", NULL },
		{ "nginx", "Small", NULL },
		{ "nginx", "small:", NULL },
		{ "nginx", "small:-x", NULL },
		{ "nginx", "small:a b", NULL },
		{ "nginx", "small/", NULL },
		{ "nginx", "/small", NULL },
		{ "nginx", "a//b", NULL },
		{ "nginx", "-small", NULL },
		{ "nginx", "small@sha256:1", NULL },
		{ "nginx", "sm\xc3\xa9", NULL },
		{ "../x", NULL, NULL },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		const char *asked = cases[i].requested ? cases[i].requested : cases[i].reference;
		MP_AUTO(mp_freep) char *tag = NULL;
		struct mp_error err = { 0 };
		int rc = mp_image_packed_tag(cases[i].reference, cases[i].requested, &tag, &err);

		cr_expect_eq(rc, cases[i].tag ? 0 : -1, "'%s': %s", asked, tag ? tag : err.msg);
		if (rc == 0 && cases[i].tag)
			cr_expect_str_eq(tag, cases[i].tag, "'%s': '%s'", asked, tag);
		if (rc < 0) {
			cr_expect_eq(err.code, MP_E_USAGE);
			cr_expect(strstr(err.msg, "is no name for an image; --tag NAME:TAG sets"),
				  "'%s'", err.msg);
		}
	}
}

Test(names, sizes)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0 B" },
		{ 999, "999 B" },
		{ 1000, "1.0 kB" },
		{ 9940000, "9.9 MB" },
		{ 999949, "999.9 kB" },
		{ 999950, "1.0 MB" },
		{ 74800000000, "74.8 GB" },
		{ UINT64_MAX, "18446744.1 TB" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep) char *text = mp_size_text(cases[i].bytes);

		cr_expect_str_eq(text, cases[i].text, "'%s', not '%s'", text, cases[i].text);
	}
}

Test(names, qa_options_that_do_not_go_together)
{
	char *tests = (char *)"/t", *ready_cmd = (char *)"true";
	static char *run[] = { (char *)"x" }, *command[] = { (char *)"y" };
	const struct {
		struct mp_qa qa;
		const char *message; /* NULL: fine */
	} cases[] = {
		{ { .tests = NULL }, NULL },
		{ { .tests = tests, .ready_cmd = ready_cmd }, NULL },
		{ { .runs = { run, 1, 1 } }, NULL },
		{ { .watch_ms = 1, .spec.command = { command, 1, 1 } }, NULL },
		{ { .tests = tests, .watch_ms = 1 },
		  "only one of --tests, --run and --for can be given" },
		{ { .runs = { run, 1, 1 }, .watch_ms = 1 },
		  "only one of --tests, --run and --for can be given" },
		{ { .tests = tests, .runs = { run, 1, 1 } },
		  "only one of --tests, --run and --for can be given" },
		{ { .runs = { run, 1, 1 }, .spec.command = { command, 1, 1 } },
		  "--run has the arguments already: nothing may follow '--'" },
		{ { .ready_cmd = ready_cmd }, "--ready-cmd is of use with --tests only" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_error err = { 0 };
		int rc = mp_check_qa_options(&cases[i].qa, &err);

		cr_expect_eq(rc, cases[i].message ? -1 : 0, "case %zu: %s", i, err.msg);
		if (!cases[i].message)
			continue;
		cr_expect_str_eq(err.msg, cases[i].message, "case %zu: '%s'", i, err.msg);
		cr_expect_eq(err.code, MP_E_USAGE);
	}
}

Test(names, traces_that_are_accepted)
{
	struct mp_trace_event event = { .path = (char *)"/x" };
	const struct mp_trace empty = { .complete = true };
	const struct mp_trace whole = { .events = &event, .n_events = 1, .complete = true };
	const struct mp_trace lossy = { .events = &event, .n_events = 1, .losses.dropped = 2 };
	const struct {
		const struct mp_trace *trace;
		bool incomplete_ok;
		const char *message; /* NULL: accepted */
	} cases[] = {
		{ &whole, false, NULL },
		{ &lossy, true, NULL },
		{ &lossy, false, "2 events dropped" },
		{ &empty, false, "the trace is empty: nothing ran" },
		{ &empty, true, "the trace is empty: nothing ran" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_error err = { 0 };
		int rc = mp_accept_trace(cases[i].trace, cases[i].incomplete_ok, &err);

		cr_expect_eq(rc, cases[i].message ? -1 : 0, "case %zu: %s", i, err.msg);
		if (!cases[i].message)
			continue;
		cr_expect(strstr(err.msg, cases[i].message), "case %zu: '%s'", i, err.msg);
		cr_expect_eq(strstr(err.msg, "--incomplete=ok") != NULL, cases[i].trace == &lossy,
			     "what would help is said, and nothing else: '%s'", err.msg);
		cr_expect_eq(err.code, MP_E_INCOMPLETE);
	}
}
