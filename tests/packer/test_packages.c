/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/log.h"
#include "packer/packages_internal.h"
#include "tests/packer/tree.h"

#include <sqlite3.h>
#include <stdint.h>

/* What was warned of. */
static struct mp_buf warnings;

static void take_warning(enum mp_log_level level, const char *message, void *context)
{
	(void)context;
	if (level == MP_LOG_WARNING)
		mp_buf_addf(&warnings, "%s\n", message);
}

static void listen(void)
{
	mp_buf_clear(&warnings);
	mp_log_set_sink(take_warning, NULL);
}

static const char *heard(void)
{
	return warnings.data ? warnings.data : "";
}

static void keep(struct tree *tree, const char *path)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	struct mp_error err;

	cr_assert_eq(mp_resolve(tree->resolver, path, 0, &res, &err), 0, "%s", err.msg);
	cr_assert_eq(res.status, MP_RESOLVED_FOUND, "%s", path);
	mp_resolution_keep(&res, tree->set, MP_WHY(MP_REASON_TRACED));
}

static struct mp_packages *describe(struct tree *tree)
{
	struct mp_packages *packages = NULL;
	struct mp_error err = { 0 };

	cr_assert_eq(mp_packages_find(tree->resolver, tree->set, &packages, &err), 0, "%s",
		     err.msg);
	cr_assert_eq(mp_packages_add_records(packages, tree->resolver, tree->set, &err), 0, "%s",
		     err.msg);
	return packages;
}

/* "NAME VERSION ARCHITECTURE FILES" of each, one a line. Owned by the caller. */
static char *names_of(const struct mp_packages *packages)
{
	struct mp_buf text = { 0 };

	for (size_t i = 0; i < mp_packages_count(packages); i++) {
		const struct mp_package *package = mp_packages_at(packages, i);

		cr_expect_eq(package->index, i);
		mp_buf_addf(&text, "%s %s %s %zu\n", package->name, package->version,
			    package->architecture, package->n_files);
	}
	return mp_buf_steal(&text);
}

static void expect_made(const struct tree *tree, const char *path, const char *text)
{
	const struct mp_file *file = mp_fileset_find(tree->set, path);

	cr_assert_not_null(file, "'%s' is not kept", path);
	cr_assert_not_null(file->made, "'%s' is the image's own", path);
	cr_expect_str_eq(file->made->data, text, "'%s':\n%s", path, file->made->data);
	cr_expect_eq(file->node.mode, S_IFREG | 0644u);
	cr_expect_eq(file->node.uid | file->node.gid, 0);
	cr_expect_eq(file->node.size_bytes, strlen(text));
	cr_expect_eq(file->why.reason, MP_REASON_PACKAGE);
}

static void expect_absent(const struct tree *tree, const char *path)
{
	cr_expect_null(mp_fileset_find(tree->set, path), "'%s' is kept", path);
}

static void expect_owner(const struct mp_packages *packages, const char *path, const char *name)
{
	const struct mp_package *owner = mp_packages_owner(packages, path);

	cr_expect_str_eq(owner ? owner->name : "", name, "'%s'", path);
}

#define SUM "0123456789abcdef0123456789abcdef  "
#define DASH                                                                                       \
	"Package: dash\nStatus: install ok installed\nArchitecture: amd64\n"                       \
	"Version: 0.5.12-2\nMaintainer: A <a@b>\nDescription: POSIX shell\n more\n .\n end\n"
#define LIBC(arch)                                                                                 \
	"Package: libc6\nStatus: install ok installed\nArchitecture: " arch                        \
	"\nMulti-Arch: same\nSource: glibc (2.36-1)\nVersion: 2.36-1+b1\n"                         \
	"Maintainer: G <g@b>\nDescription: C library\n"
#define GONE "Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n"
#define DIVERTER "Package: diverter\nStatus: install ok installed\nArchitecture: all\nVersion: 3\n"
#define WORDY "Package: wordy\nStatus: install ok installed\nArchitecture: all\nVersion: 4\n"

/* Debian: /usr merged, two architectures, a diversion, a removed package with a conffile. */
static void make_debian(struct tree *tree)
{
	tree_make(tree);
	tree_file(tree, "/usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n", 0644);
	tree_dir(tree, "/etc", 0755);
	tree_link(tree, "/etc/os-release", "../usr/lib/os-release");
	tree_file(tree, "/usr/bin/dash", "", 0755);
	tree_link(tree, "/usr/bin/sh", "dash");
	tree_link(tree, "/bin", "usr/bin");
	tree_link(tree, "/lib", "usr/lib");
	tree_file(tree, "/usr/lib/amd64/libc.so.6", "", 0755);
	tree_file(tree, "/usr/lib/i386/libc.so.6", "", 0755);
	tree_file(tree, "/usr/bin/tool.distrib", "dash's", 0755);
	tree_file(tree, "/usr/bin/tool", "diverter's", 0755);
	tree_file(tree, "/etc/gone.conf", "", 0644);
	tree_file(tree, "/etc/local.conf", "", 0644);
	tree_file(tree, "/usr/share/doc/wordy/copyright", "", 0644);
	tree_file(tree, "/var/lib/dpkg/status",
		  DASH "\n" LIBC("amd64") "\n" LIBC("i386") "\n" GONE "\n" DIVERTER "\n" WORDY,
		  0644);
	tree_file(tree, "/var/lib/dpkg/diversions",
		  "/usr/bin/tool\n/usr/bin/tool.distrib\ndiverter\n", 0644);
	tree_file(tree, "/var/lib/dpkg/info/dash.list",
		  "/.\n/bin\n/bin/dash\n/bin/sh\n/usr/bin/tool\n/etc\n", 0644);
	tree_file(tree, "/var/lib/dpkg/info/dash.md5sums",
		  SUM "bin/dash\n" SUM "usr/bin/tool\n" SUM "usr/share/man/dash.1.gz\nrubbish\n",
		  0644);
	tree_file(tree, "/var/lib/dpkg/info/libc6:amd64.list", "/lib/amd64/libc.so.6\n", 0644);
	tree_file(tree, "/var/lib/dpkg/info/libc6:amd64.md5sums", SUM "lib/amd64/libc.so.6\n",
		  0644);
	tree_file(tree, "/var/lib/dpkg/info/libc6:i386.list", "/lib/i386/libc.so.6", 0644);
	tree_file(tree, "/var/lib/dpkg/info/gone.list", "/etc/gone.conf\n", 0644);
	tree_file(tree, "/var/lib/dpkg/info/diverter.list", "/usr/bin/tool\n", 0644);
	tree_file(tree, "/var/lib/dpkg/info/wordy.list",
		  "/usr/share/doc/wordy/copyright\n/etc\n/usr/share/wordy\n", 0644);
}

Test(packages, dpkg)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;
	MP_AUTO(mp_freep) char *names = NULL;

	make_debian(&tree);
	keep(&tree, "/bin/sh");
	keep(&tree, "/usr/bin/tool.distrib");
	keep(&tree, "/lib/amd64/libc.so.6");
	keep(&tree, "/lib/i386/libc.so.6");
	keep(&tree, "/etc/gone.conf");
	keep(&tree, "/etc/local.conf");
	keep(&tree, "/usr/share/doc/wordy/copyright");
	packages = describe(&tree);
	names = names_of(packages);
	cr_expect_str_eq(names, "dash 0.5.12-2 amd64 2\nlibc6 2.36-1+b1 amd64 1\n"
				"libc6 2.36-1+b1 i386 1\n");
	cr_expect_str_eq(mp_packages_os_id(packages), "debian");
	cr_expect_str_eq(mp_packages_os_version(packages), "12");
	cr_expect_str_eq(mp_packages_at(packages, 1)->source, "glibc");
	cr_expect_str_eq(mp_packages_at(packages, 1)->source_version, "2.36-1");
	expect_owner(packages, "/usr/bin/dash", "dash");
	expect_owner(packages, "/usr/bin/sh", "dash");
	expect_owner(packages, "/usr/bin/tool.distrib", "dash");
	expect_owner(packages, "/usr/lib/i386/libc.so.6", "libc6");
	expect_owner(packages, "/etc/gone.conf", "");
	expect_owner(packages, "/etc/local.conf", "");
	expect_owner(packages, "/usr/share/doc/wordy/copyright", "");
	expect_made(&tree, "/var/lib/dpkg/status.d/dash", DASH);
	expect_made(&tree, "/var/lib/dpkg/status.d/dash.md5sums",
		    SUM "bin/dash\n" SUM "usr/bin/tool\n");
	expect_made(&tree, "/var/lib/dpkg/status.d/libc6:amd64", LIBC("amd64"));
	expect_made(&tree, "/var/lib/dpkg/status.d/libc6:amd64.md5sums",
		    SUM "lib/amd64/libc.so.6\n");
	expect_made(&tree, "/var/lib/dpkg/status.d/libc6:i386", LIBC("i386"));
	expect_absent(&tree, "/var/lib/dpkg/status.d/libc6:i386.md5sums");
	expect_absent(&tree, "/var/lib/dpkg/status.d/wordy");
	expect_absent(&tree, "/var/lib/dpkg/status");
	cr_expect_not_null(mp_fileset_find(tree.set, "/etc/os-release"));
	cr_expect_not_null(mp_fileset_find(tree.set, "/usr/lib/os-release"));
	cr_expect(S_ISDIR(mp_fileset_find(tree.set, "/var/lib/dpkg/status.d")->node.mode));
}

/* The file that a package diverted is its own; what it diverted from, the other's. */
Test(packages, diversion)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;

	make_debian(&tree);
	keep(&tree, "/usr/bin/tool");
	packages = describe(&tree);
	cr_expect_eq(mp_packages_count(packages), 1);
	expect_owner(packages, "/usr/bin/tool", "diverter");
}

/* What dpkg itself makes of the records. */
Test(packages, dpkg_reads_them)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf status = { 0 };
	MP_AUTO(mp_freep) char *command = NULL;
	char line[256] = "";
	FILE *pipe;

	make_debian(&tree);
	keep(&tree, "/bin/sh");
	keep(&tree, "/lib/amd64/libc.so.6");
	packages = describe(&tree);
	for (size_t i = 0; i < mp_fileset_count(tree.set); i++) {
		const struct mp_file *file = mp_fileset_at(tree.set, i);

		if (file->made && !strstr(file->path, ".md5sums"))
			mp_buf_addf(&status, "%s\n", file->made->data);
	}
	tree_file(&tree, "/admin/status", status.data, 0644);
	tree_dir(&tree, "/admin/updates", 0755);
	tree_dir(&tree, "/admin/info", 0755);
	command = mp_xasprintf("dpkg-query --admindir='%s/admin' -W -f "
			       "'${Package}=${Version}=${db:Status-Status} ' 2>&1",
			       tree.dir);
	pipe = popen(command, "r");
	cr_assert_not_null(pipe);
	cr_assert_not_null(fgets(line, sizeof(line), pipe));
	cr_assert_eq(pclose(pipe), 0, "%s", line);
	cr_expect_str_eq(line, "dash=0.5.12-2=installed libc6=2.36-1+b1=installed ");
}

/* A program that reads the database finds the one that it had. */
Test(packages, database_in_use)
{
	static const char *const used[] = { "/var/lib/dpkg/status", "/var/lib/dpkg/status.d/x" };

	for (size_t i = 0; i < MP_ARRAY_LEN(used); i++) {
		MP_AUTO(tree_clear) struct tree tree;
		MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;
		const struct mp_file *file;

		make_debian(&tree);
		tree_file(&tree, "/var/lib/dpkg/status.d/x", "its own", 0600);
		keep(&tree, "/usr/bin/dash");
		keep(&tree, used[i]);
		packages = describe(&tree);
		cr_expect_eq(mp_packages_count(packages), 1);
		file = mp_fileset_find(tree.set, used[i]);
		cr_expect(!file->made && file->why.reason == MP_REASON_TRACED, "%s", used[i]);
		/* Where status is there, a scanner that finds both would count twice. */
		cr_expect_eq(!mp_fileset_find(tree.set, "/var/lib/dpkg/status.d/dash"), i == 0);
	}
}

Test(packages, distroless)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;
	MP_AUTO(mp_freep) char *names = NULL;

	tree_make(&tree);
	tree_file(&tree, "/usr/bin/app", "", 0755);
	tree_file(&tree, "/usr/bin/other", "", 0755);
	tree_file(&tree, "/var/lib/dpkg/status.d/app",
		  "Package: app\nVersion: 1\nArchitecture: all\n", 0644);
	tree_file(&tree, "/var/lib/dpkg/status.d/app.md5sums",
		  SUM "./usr/bin/app\n" SUM "./usr/bin/gone\n", 0644);
	tree_file(&tree, "/var/lib/dpkg/status.d/other",
		  "Package: other\nVersion: 2\nArchitecture: all\n", 0644);
	tree_file(&tree, "/var/lib/dpkg/status.d/other.md5sums", SUM "usr/bin/other\n", 0644);
	keep(&tree, "/usr/bin/app");
	packages = describe(&tree);
	names = names_of(packages);
	cr_expect_str_eq(names, "app 1 all 1\n");
	expect_made(&tree, "/var/lib/dpkg/status.d/app",
		    "Package: app\nVersion: 1\nArchitecture: all\n");
	expect_made(&tree, "/var/lib/dpkg/status.d/app.md5sums", SUM "./usr/bin/app\n");
	expect_absent(&tree, "/var/lib/dpkg/status.d/other");
}

#define APK_HEAD(name)                                                                             \
	"C:Q1abc=\nP:" name "\nV:1.2-r3\nA:x86_64\nS:1\nI:2\nT:text\nU:https://x\nL:MIT\n"         \
	"o:origin\nm:M <m@x>\nD:so:libc.musl-x86_64.so.1\np:cmd:" name "=1.2-r3\n"

#define APK_DATABASE                                                                               \
	APK_HEAD("busybox")                                                                        \
	"F:bin\nM:0:0:755\nR:busybox\na:0:0:755\nZ:Q1one=\nR:sh\nZ:Q1two=\n"                       \
	"F:etc\nR:motd\nZ:Q1three=\n\n" APK_HEAD(                                                  \
		"nothing") "F:usr\nF:usr/bin\nR:nothing\n\n" APK_HEAD("musl") "F:lib\nR:ld-musl."  \
									      "so.1\na:0:0:755\n"
#define APK_KEPT                                                                                   \
	APK_HEAD("busybox")                                                                        \
	"F:bin\nM:0:0:755\nR:busybox\na:0:0:755\nZ:Q1one=\n\n" APK_HEAD(                           \
		"musl") "F:lib\nR:ld-musl.so.1\na:0:0:755\n\n"

Test(packages, apk)
{
	static const char *const places[] = { "/lib/apk/db/installed",
					      "/usr/lib/apk/db/installed" };

	for (size_t i = 0; i < MP_ARRAY_LEN(places); i++) {
		MP_AUTO(tree_clear) struct tree tree;
		MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;
		MP_AUTO(mp_freep) char *names = NULL;

		tree_make(&tree);
		tree_file(&tree, "/etc/os-release", "NAME=x\nID='alpine'\nVERSION_ID=3.20.1\n",
			  0644);
		tree_file(&tree, places[i], APK_DATABASE, 0600);
		tree_file(&tree, "/bin/busybox", "", 0755);
		tree_link(&tree, "/bin/sh", "/bin/busybox");
		tree_file(&tree, "/lib/ld-musl.so.1", "", 0755);
		tree_file(&tree, "/etc/motd", "", 0644);
		keep(&tree, "/bin/busybox");
		keep(&tree, "/lib/ld-musl.so.1");
		packages = describe(&tree);
		names = names_of(packages);
		cr_expect_str_eq(names, "busybox 1.2-r3 x86_64 1\nmusl 1.2-r3 x86_64 1\n");
		expect_made(&tree, places[i], APK_KEPT);
		cr_expect_str_eq(mp_packages_os_id(packages), "alpine");
		cr_expect_str_eq(mp_packages_at(packages, 0)->license, "MIT");
		cr_expect_not_null(mp_fileset_find(tree.set, "/etc/os-release"));
	}
}

/* A package that rpmbuild made and rpm installed. */
static void make_rpm(struct tree *tree, const char *database)
{
	static const char spec[] =
		"Name: mp-test\nVersion: 1.0\nRelease: 2\nEpoch: 3\n"
		"Summary: t\nLicense: MIT and BSD\nVendor: V\nBuildArch: noarch\n"
		"%description\nt\n%install\n"
		"mkdir -p %{buildroot}/opt/bin %{buildroot}/opt/etc\n"
		"touch %{buildroot}/opt/bin/a %{buildroot}/opt/bin/b "
		"%{buildroot}/opt/etc/c\n%files\n/opt/bin/a\n/opt/bin/b\n"
		"/opt/etc/c\n";
	MP_AUTO(mp_freep) char *command = NULL;

	tree_make(tree);
	tree_file(tree, "/build/test.spec", spec, 0644);
	tree_dir(tree, "/image", 0755);
	command = mp_xasprintf("cd '%s' && rpmbuild -bb --quiet --define \"_topdir $PWD/build\" "
			       "build/test.spec >/dev/null 2>&1 && "
			       "rpm --root \"$PWD/image\" --dbpath '%s' --nodeps -i "
			       "build/RPMS/noarch/*.rpm 2>/dev/null && mv image/opt . && mkdir -p "
			       "./'%s' && mv image/'%s'/* ./'%s' && rm -r image build",
			       tree->dir, database, database, database, database);
	tree_run(command);
}

Test(packages, rpm)
{
	static const char *const places[] = { "/var/lib/rpm", "/usr/lib/sysimage/rpm" };

	listen();
	for (size_t i = 0; i < MP_ARRAY_LEN(places); i++) {
		MP_AUTO(tree_clear) struct tree tree;
		MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;
		MP_AUTO(mp_strv_free) struct mp_strv files = { 0 };
		MP_AUTO(mp_freep) char *names = NULL;
		MP_AUTO(mp_freep) char *lines = NULL;
		const struct mp_package *package;
		struct mp_error err = { 0 };

		make_rpm(&tree, places[i]);
		keep(&tree, "/opt/bin/b");
		packages = describe(&tree);
		names = names_of(packages);
		cr_assert_str_eq(names, "mp-test 1.0-2 noarch 1\n");
		package = mp_packages_at(packages, 0);
		cr_expect_str_eq(package->epoch, "3");
		cr_expect_str_eq(package->license, "MIT and BSD");
		cr_expect_str_eq(package->maintainer, "V");
		cr_expect_str_eq(package->source, "mp-test");
		cr_expect_str_eq(package->source_version, "1.0-2");
		expect_owner(packages, "/opt/bin/b", "mp-test");
		cr_assert_eq(mp_packages_files(tree.resolver, "mp-test", &files, &err), 1);
		lines = tree_lines(&files);
		cr_expect_str_eq(lines, "/opt/bin/a\n/opt/bin/b\n/opt/etc/c\n");
	}
	cr_expect_str_eq(heard(), "");
}

/* Numbers are big-endian. */
static void put32(struct mp_buf *buf, uint32_t number)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		mp_buf_addc(buf, (char)(number >> shift));
}

Test(packages, rpm_headers)
{
#define NVR                                                                                        \
	{ 1000, 6, 0, 1 }, { 1001, 6, 2, 1 },                                                      \
	{                                                                                          \
		1002, 6, 4, 1                                                                      \
	}
	static const struct {
		uint32_t n_entries, store_size; /* 0: as they are */
		uint32_t entries[8][4];
		const char *wrong; /* NULL: nothing */
	} cases[] = {
		{ 0, 0, { NVR }, NULL },
		{ 0, 0, { NVR, { 1117, 8, 6, 2 }, { 1118, 8, 2, 1 }, { 1116, 4, 12, 2 } }, NULL },
		{ 0, 0, { NVR, { 1000, 6, 99, 1 } }, NULL }, /* the first one counts */
		{ 0, 0, { { 1000, 6, 0, 1 } }, "it has no name, version and release" },
		{ UINT32_MAX, 0, { NVR }, "its index and store are larger than it is" },
		{ 0, UINT32_MAX, { NVR }, "its index and store are larger than it is" },
		{ 0, 0, { { 1000, 6, 21, 1 } }, "its index leads out of it" },
		{ 0, 0, { { 1000, 6, 20, 1 } }, "a text in it is none" },
		{ 0, 0, { { 1000, 4, 0, 1 } }, "a text in it is none" },
		{ 0, 0, { NVR, { 1117, 8, 6, 99 } }, "a list of texts in it is none" },
		{ 0, 0, { NVR, { 1116, 4, 12, 3 } }, "a list of numbers in it is none" },
		{ 0, 0, { NVR, { 1117, 8, 6, 2 } }, "its lists of files do not belong together" },
		{ 0, 0, { NVR, { 1003, 4, 0, UINT32_MAX } }, "a list of numbers in it is none" },
	};
	static const char store[20] = "n\0v\0r\0a\0b\0\0\0\0\0\0\0\0\0\1";

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_buf_free) struct mp_buf blob = { 0 };
		struct mp_rpm_header header;
		uint32_t n = 0;
		const char *wrong;

		while (n < 8 && cases[i].entries[n][0])
			n++;
		put32(&blob, cases[i].n_entries ? cases[i].n_entries : n);
		put32(&blob, cases[i].store_size ? cases[i].store_size : sizeof(store));
		for (uint32_t j = 0; j < 4 * n; j++)
			put32(&blob, cases[i].entries[j / 4][j % 4]);
		mp_buf_add(&blob, store, sizeof(store));
		wrong = mp_rpm_header_parse(blob.data, blob.len, &header);
		cr_expect_str_eq(wrong ? wrong : "", cases[i].wrong ? cases[i].wrong : "", "%zu",
				 i);
	}
}

/* What is no database, or one of another kind. Packing goes on. */
Test(packages, warnings)
{
	static const struct {
		const char *path, *text, *warning;
	} cases[] = {
		{ "/var/lib/rpm/Packages", "x",
		  "the rpm database of the image, '/var/lib/rpm/Packages', is in the Berkeley DB "
		  "format" },
		{ "/usr/lib/sysimage/rpm/Packages.db", "x", "is in the ndb format" },
		{ "/var/lib/rpm/rpmdb.sqlite", "no database, but a text that is long enough",
		  "'/var/lib/rpm/rpmdb.sqlite': file is not a database" },
		{ "/var/lib/rpm/rpmdb.sqlite", "",
		  "'/var/lib/rpm/rpmdb.sqlite' has no table of packages" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(tree_clear) struct tree tree;
		MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;

		tree_make(&tree);
		tree_file(&tree, cases[i].path, cases[i].text, 0644);
		tree_file(&tree, "/app", "", 0755);
		keep(&tree, "/app");
		listen();
		packages = describe(&tree);
		cr_expect_eq(mp_packages_count(packages), 0);
		cr_expect(strstr(heard(), cases[i].warning), "%s", heard());
	}
}

/* Schemas that would have SQLite do something else than read a table. */
Test(packages, hostile_schemas)
{
	static const char *const schemas[] = {
		"CREATE VIEW Packages AS SELECT randomblob(100000000) AS blob",
		"CREATE VIRTUAL TABLE Packages USING fts3(blob)",
		"CREATE TABLE x(blob); CREATE VIEW Packages AS SELECT * FROM x",
		"CREATE TABLE Packages(n, blob AS (instr(zeroblob(n), zeroblob(n / 2) || x'01'))); "
		"INSERT INTO Packages VALUES (64)",
		"CREATE TABLE Packages(n, blob AS (zeroblob(n)) STORED); "
		"INSERT INTO Packages VALUES (64)",
		"CREATE TABLE Packages(h, blob AS (hex(zeroblob(9000000)))); "
		"INSERT INTO Packages(h) VALUES (1)",
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(schemas); i++) {
		MP_AUTO(tree_clear) struct tree tree;
		MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;
		MP_AUTO(mp_freep) char *path = NULL;
		sqlite3 *db = NULL;

		tree_make(&tree);
		tree_file(&tree, "/app", "", 0755);
		path = tree_path(&tree, "/var/lib/rpm/rpmdb.sqlite");
		cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
		cr_assert_eq(sqlite3_exec(db, schemas[i], NULL, NULL, NULL), SQLITE_OK, "%s",
			     sqlite3_errmsg(db));
		sqlite3_close(db);
		keep(&tree, "/app");
		listen();
		packages = describe(&tree);
		cr_expect(strstr(heard(), "has no table of packages"), "%s", heard());
	}
}

/* Names that would lead elsewhere, lines and stanzas that never end, bytes that are no text. */
Test(packages, hostile_texts)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;
	MP_AUTO(mp_freep) char *names = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf status = { 0 };
	static char line[300000];

	tree_make(&tree);
	tree_file(&tree, "/bin/a", "", 0755);
	tree_file(&tree, "/bin/b", "", 0755);
	tree_file(&tree, "/bin/c", "", 0755);
	tree_file(&tree, "/bin/z", "", 0755);
	memset(line, 'x', sizeof(line) - 1);
	mp_buf_adds(&status, "Package: ../../../etc/passwd\nVersion: 1\n\n");
	mp_buf_adds(&status, "Package: b\nVersion: 1\n");
	for (int i = 0; i < 300; i++)
		mp_buf_addf(&status, " %.5000s\n", line);
	mp_buf_adds(&status, "\nPackage: c\nVersion: \xff\x01\nArchitecture: ../x\n\n");
	mp_buf_adds(&status, "Package: z\n");
	mp_buf_adds(&status, line);
	tree_bytes(&tree, "/var/lib/dpkg/status", status.data, status.len, 0644);
	tree_file(&tree, "/var/lib/dpkg/info/a.list", "/bin/a\n/../bin/b\n", 0644);
	tree_file(&tree, "/var/lib/dpkg/info/b.list", "/bin/b\n", 0644);
	tree_file(&tree, "/var/lib/dpkg/info/c.list", "/bin/c\n\n\nbin/c\n/\n", 0644);
	tree_file(&tree, "/var/lib/dpkg/info/z.list", "/bin/z\n", 0644);
	keep(&tree, "/bin/a");
	keep(&tree, "/bin/b");
	keep(&tree, "/bin/c");
	keep(&tree, "/bin/z");
	listen();
	packages = describe(&tree);
	names = names_of(packages);
	cr_expect_str_eq(names, "c \xff\x01 ../x 1\n", "%s", names);
	cr_expect(strstr(heard(), "'/var/lib/dpkg/status' has a line of more than 131072 bytes"),
		  "%s", heard());
	expect_absent(&tree, "/etc/passwd");
}

/* A line that comes over and over again takes no more memory than what is honest. */
Test(packages, records_without_end)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf sums = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf installed = { 0 };

	make_debian(&tree);
	while (sums.len <= MP_RECORDS_MAX_BYTES)
		mp_buf_adds(&sums, SUM "bin/dash\n");
	tree_bytes(&tree, "/var/lib/dpkg/info/dash.md5sums", sums.data, sums.len, 0644);
	mp_buf_adds(&installed, "P:a\nV:1\nA:x86_64\nF:bin\n");
	while (installed.len <= MP_RECORDS_MAX_BYTES)
		mp_buf_adds(&installed, "R:dash\nZ:Q1\n");
	tree_bytes(&tree, "/lib/apk/db/installed", installed.data, installed.len, 0644);
	keep(&tree, "/bin/dash");
	listen();
	packages = describe(&tree);
	cr_expect(strstr(heard(), "the records of kept packages are larger than 24 MiB"), "%s",
		  heard());
	cr_expect_eq(mp_packages_count(packages), 1);
	cr_expect_lt(mp_fileset_find(tree.set, "/var/lib/dpkg/status.d/dash.md5sums")->made->len,
		     MP_RECORDS_MAX_BYTES);
}

/* status.d that leads out of where it should be is not followed, nor is a file taken for it. */
Test(packages, no_place_for_records)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;

	make_debian(&tree);
	tree_link(&tree, "/var/lib/dpkg/status.d", "/nowhere/at/all");
	keep(&tree, "/bin/sh");
	listen();
	packages = describe(&tree);
	cr_expect_eq(mp_packages_count(packages), 1);
	cr_expect(strstr(heard(), "'/var/lib/dpkg/status.d' in the image is no directory"));
	expect_absent(&tree, "/nowhere/at/all/dash");
}

/* Nor are records put where a container has something mounted, nor is what is made there listed. */
Test(packages, records_stay_out_of_mounts)
{
	static const char *const dirs[] = { "/proc", "/dev" };
	static const struct mp_node made = { .mode = S_IFDIR | 0755, .nlink = 1 };

	for (size_t i = 0; i < MP_ARRAY_LEN(dirs); i++) {
		MP_AUTO(tree_clear) struct tree tree;
		MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;
		MP_AUTO(mp_freep) char *record = mp_path_join(dirs[i], "dash");

		make_debian(&tree);
		tree_link(&tree, "/var/lib/dpkg/status.d", dirs[i]);
		mp_fileset_add(tree.set, dirs[i], &made, MP_WHY(MP_REASON_MOUNT_POINT));
		mp_resolver_hide_contents(tree.resolver, "/proc");
		keep(&tree, "/bin/sh");
		listen();
		packages = describe(&tree);
		cr_expect_eq(mp_packages_count(packages), 1);
		cr_expect(strstr(heard(), "in the image is no directory"), "%s", heard());
		expect_absent(&tree, record);
	}
}

/* Of any number of lists that name a file, the first has it: no other takes memory. */
Test(packages, one_file_in_many_lists)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;
	MP_AUTO(mp_freep) char *names = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf apk = { 0 };

	tree_make(&tree);
	tree_file(&tree, "/app", "", 0755);
	for (int i = 0; i < 20; i++) {
		MP_AUTO(mp_freep)
		char *sums = mp_xasprintf("/var/lib/dpkg/status.d/p%02d.md5sums", i);
		MP_AUTO(mp_freep) char *stanza = mp_xasprintf("/var/lib/dpkg/status.d/p%02d", i);

		tree_file(&tree, sums, "00000000000000000000000000000000  app\n", 0644);
		tree_file(&tree, stanza, "Package: p\nVersion: 1\nArchitecture: all\n", 0644);
		mp_buf_addf(&apk, "P:a%d\nV:1\nF:\nR:app\n\n", i);
	}
	tree_bytes(&tree, "/lib/apk/db/installed", apk.data, apk.len, 0644);
	keep(&tree, "/app");
	packages = describe(&tree);
	names = names_of(packages);
	cr_expect_str_eq(names, "p 1 all 1\n", "%s", names);
}

/* One list under many names is not read for ever. */
Test(packages, reading_is_bounded, .timeout = 120)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;
	MP_AUTO(mp_freep) char *first = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf line = { 0 };
	int fd;

	tree_make(&tree);
	tree_file(&tree, "/app", "", 0755);
	tree_file(&tree, "/var/lib/dpkg/status", "Package: p\nVersion: 1\n", 0644);
	for (int i = 0; i < 65535; i++)
		mp_buf_addc(&line, 'x');
	mp_buf_addc(&line, '\n');
	first = tree_path(&tree, "/var/lib/dpkg/info/p.list");
	fd = open(first, O_CREAT | O_WRONLY, 0644);
	cr_assert(fd >= 0);
	for (int i = 0; i < 1024; i++)
		cr_assert_eq(write(fd, line.data, line.len), (ssize_t)line.len);
	close(fd);
	for (int i = 0; i < 200; i++) {
		MP_AUTO(mp_freep)
		char *path = mp_xasprintf("%s/var/lib/dpkg/info/q%03d.list", tree.dir, i);

		cr_assert_eq(link(first, path), 0, "link '%s'", path);
	}
	keep(&tree, "/app");
	listen();
	packages = describe(&tree);
	cr_expect_eq(mp_packages_count(packages), 0);
	cr_assert(strstr(heard(), "more than 512 MiB would be read of such files"), "%s", heard());
	cr_expect_eq(strchr(heard(), '\n')[1], '\0', "one warning: %s", heard());
}

Test(packages, none)
{
	MP_AUTO(tree_clear) struct tree tree;
	MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;

	tree_make(&tree);
	tree_file(&tree, "/etc/os-release", "ID=x\n", 0644);
	tree_file(&tree, "/app", "", 0755);
	keep(&tree, "/app");
	packages = describe(&tree);
	cr_expect_eq(mp_packages_count(packages), 0);
	cr_expect_eq(mp_fileset_count(tree.set), 2, "only / and /app");
}

Test(packages, files)
{
	static const struct {
		const char *name;
		int found;
		const char *files;
	} cases[] = {
		{ "dash", 1, "/bin\n/usr/bin/dash\n/usr/bin/sh\n/usr/bin/tool.distrib\n/etc\n" },
		{ "libc6", 1, "/usr/lib/amd64/libc.so.6\n/usr/lib/i386/libc.so.6\n" },
		{ "libc6:i386", 1, "/usr/lib/i386/libc.so.6\n" },
		{ "libc6:arm64", 0, "" },
		{ "gone", 0, "" },
		{ "nothing", 0, "" },
		{ "../info/dash", 0, "" },
		{ "", 0, "" },
	};
	MP_AUTO(tree_clear) struct tree tree;

	make_debian(&tree);
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_strv_free) struct mp_strv files = { 0 };
		MP_AUTO(mp_freep) char *lines = NULL;
		struct mp_error err = { 0 };

		cr_expect_eq(mp_packages_files(tree.resolver, cases[i].name, &files, &err),
			     cases[i].found, "'%s' %s", cases[i].name, err.msg);
		lines = tree_lines(&files);
		cr_expect_str_eq(lines, cases[i].files, "'%s': %s", cases[i].name, lines);
	}
}
