/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/spdx.h"

#include "core/json.h"
#include "tests/packer/sums.h"

#include <sys/mman.h>

/* The document, parsed; owned by the caller. */
static struct mp_json *document_of(const struct sums *sums, const struct mp_packages *packages,
				   const struct mp_spdx_subject *subject)
{
	MP_AUTO(mp_closep) int fd = memfd_create("spdx", MFD_CLOEXEC);
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	struct mp_error err = { 0 };
	struct mp_json *json;

	cr_assert_eq(mp_spdx_write(subject, packages, sums->digests, fd, "spdx", &err), 0, "%s",
		     err.msg);
	cr_assert_eq(mp_contents_read_all(&MP_CONTENTS_OF(fd), "spdx", 1 << 26, &text, &err), 0);
	json = mp_json_parse(text.data, text.len, "spdx", &err);
	cr_assert_not_null(json, "%s", err.msg);
	return json;
}

static const char *text_at(const struct mp_json *object, const char *key)
{
	const char *text = mp_json_text(mp_json_get(object, key));

	return text ? text : "";
}

static const struct mp_spdx_subject subject = {
	.name = "registry:5000/a b@sha256:1",
	.file_name = "rootfs.tar",
	.rootfs_sha256 = EMPTY_SHA256,
};

/* Without packages, all files are the archive's own; names are text, and so is the namespace. */
Test(spdx, archive_alone)
{
	MP_AUTO(sums_clear) struct sums sums;
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	const struct mp_json *package, *files;
	struct mp_error err = { 0 };

	sums_make(&sums);
	write_text(AWKWARD, "x", 0644);
	write_text(LATIN, "x", 0644);
	write_text("back\\slash", "x", 0644);
	cr_assert_eq(symlink("x", "link"), 0);
	cr_assert_eq(sums_take(&sums, &err), 0, "%s", err.msg);
	json = document_of(&sums, NULL, &subject);
	cr_expect_str_eq(text_at(json, "spdxVersion"), "SPDX-2.3");
	cr_expect_str_eq(text_at(json, "documentNamespace"),
			 "https://spdx.org/spdxdocs/micropack/"
			 "registry:5000%2Fa%20b%40sha256:1-" EMPTY_SHA256);
	cr_assert_eq(mp_json_len(mp_json_get(json, "packages")), 1);
	package = mp_json_at(mp_json_get(json, "packages"), 0);
	cr_expect_str_eq(text_at(package, "name"), subject.name);
	files = mp_json_get(json, "files");
	cr_assert_eq(mp_json_len(files), 3);
	cr_expect_str_eq(text_at(mp_json_at(files, 0), "fileName"), "./-rf a=b%c\\x0a\"x");
	cr_expect_str_eq(text_at(mp_json_at(files, 1), "fileName"), "./back\\\\slash");
	cr_expect_str_eq(text_at(mp_json_at(files, 2), "fileName"), "./lat-\\xe9");
	/* DESCRIBES and a CONTAINS for each file. */
	cr_expect_eq(mp_json_len(mp_json_get(json, "relationships")), 4);
}

Test(spdx, no_files)
{
	MP_AUTO(sums_clear) struct sums sums;
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	const struct mp_json *package;
	struct mp_error err = { 0 };
	bool analyzed = true;

	sums_make(&sums);
	cr_assert_eq(sums_take(&sums, &err), 0, "%s", err.msg);
	json = document_of(&sums, NULL, &subject);
	package = mp_json_at(mp_json_get(json, "packages"), 0);
	cr_assert_eq(mp_json_get_boolean(package, "filesAnalyzed", &analyzed, &err), 0);
	cr_expect_not(analyzed, "the specification forbids it without files");
	cr_expect_null(mp_json_get(package, "packageVerificationCode"));
	cr_expect_eq(mp_json_len(mp_json_get(json, "files")), 0);
}

Test(spdx, created)
{
	static const struct {
		const char *given, *written;
	} cases[] = {
		{ NULL, "1970-01-01T00:00:00Z" },
		{ "", "1970-01-01T00:00:00Z" },
		{ "2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z" },
		{ "2023-11-14T22:13:20.123456789Z", "2023-11-14T22:13:20Z" },
		{ "2023-11-14T22:13:20+01:00", "1970-01-01T00:00:00Z" },
		{ "2023-11-14T22:13:20", "1970-01-01T00:00:00Z" },
		{ "2023-11-14 22:13:20Z", "1970-01-01T00:00:00Z" },
		{ "yesterday", "1970-01-01T00:00:00Z" },
	};
	MP_AUTO(sums_clear) struct sums sums;
	struct mp_error err = { 0 };

	sums_make(&sums);
	cr_assert_eq(sums_take(&sums, &err), 0, "%s", err.msg);
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_spdx_subject dated = subject;
		MP_AUTO(mp_json_freep) struct mp_json *json = NULL;

		dated.created = cases[i].given;
		json = document_of(&sums, NULL, &dated);
		cr_expect_str_eq(text_at(mp_json_get(json, "creationInfo"), "created"),
				 cases[i].written, "%zu", i);
	}
}

/* What databases say becomes valid JSON and valid package URLs. */
Test(spdx, packages)
{
	static const char status[] =
		"Package: a+b\nStatus: install ok installed\nArchitecture: amd64\n"
		"Version: 1:2.0~rc1+dfsg-1/x\nSource: src (3:1 2)\nMaintainer: A \"B\" <c@d>\n"
		"Homepage: https://x/\"y\"\n\nPackage: latin\nStatus: install ok installed\n"
		"Version: \xe9\nMaintainer: \xe9\n";
	static const char apk[] =
		"P:busy\nV:1.0-r0\nA:x86_64\nL:GPL-2.0-only AND \"x\"\nF:bin\nR:busy\n";
	MP_AUTO(sums_clear) struct sums sums;
	MP_AUTO(mp_resolver_freep) struct mp_resolver *resolver = NULL;
	MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	const struct mp_json *list;
	struct mp_error err = { 0 };

	sums_make(&sums);
	run("mkdir -p bin etc var/lib/dpkg/info lib/apk/db");
	write_text("bin/ab", "", 0755);
	write_text("bin/latin", "", 0755);
	write_text("bin/busy", "", 0755);
	write_text("etc/os-release", "ID=\"odd os\"\n", 0644);
	write_text("var/lib/dpkg/status", status, 0644);
	write_text("var/lib/dpkg/info/a+b.list", "/bin/ab\n", 0644);
	write_text("var/lib/dpkg/info/latin.list", "/bin/latin\n", 0644);
	write_text("lib/apk/db/installed", apk, 0644);
	cr_assert_eq(sums_take(&sums, &err), 0, "%s", err.msg);
	resolver = mp_resolver_new(sums.root, sums.set);
	cr_assert_eq(mp_packages_find(resolver, sums.set, &packages, &err), 0, "%s", err.msg);
	json = document_of(&sums, packages, &subject);
	list = mp_json_get(json, "packages");
	cr_assert_eq(mp_json_len(list), 4);
	for (size_t i = 1; i < 4; i++) {
		static const char *const expected[][4] = {
			{ "pkg:deb/odd%20os/a%2Bb@1:2.0~rc1%2Bdfsg-1%2Fx?arch=amd64&distro=odd%20os"
			  "&upstream=src%403:1%202",
			  "1:2.0~rc1+dfsg-1/x", "Organization: A \"B\" (c@d)", "" },
			{ "pkg:deb/odd%20os/latin@%E9?distro=odd%20os", "", "NOASSERTION", "" },
			{ "pkg:apk/odd%20os/busy@1.0-r0?arch=x86_64&distro=odd%20os", "1.0-r0",
			  "NOASSERTION", "The package says: GPL-2.0-only AND \"x\"" },
		};
		const struct mp_json *package = mp_json_at(list, i);
		const struct mp_json *reference =
			mp_json_at(mp_json_get(package, "externalRefs"), 0);

		cr_expect_str_eq(text_at(reference, "referenceLocator"), expected[i - 1][0]);
		cr_expect_str_eq(text_at(package, "versionInfo"), expected[i - 1][1]);
		cr_expect_str_eq(text_at(package, "supplier"), expected[i - 1][2]);
		cr_expect_str_eq(text_at(package, "licenseComments"), expected[i - 1][3]);
	}
}

Test(spdx, cannot_write)
{
	MP_AUTO(sums_clear) struct sums sums;
	MP_AUTO(mp_closep) int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct mp_error err = { 0 };

	sums_make(&sums);
	cr_assert_eq(sums_take(&sums, &err), 0, "%s", err.msg);
	cr_expect_eq(mp_spdx_write(&subject, NULL, sums.digests, fd, "x.spdx.json", &err), -1);
	cr_expect_eq(err.sys_errno, ENOSPC);
	cr_expect(strstr(err.msg, "'x.spdx.json'"), "%s", err.msg);
}
