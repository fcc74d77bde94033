/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/import/imported.h"

TestSuite(import_formats, .timeout = 60);

Test(import_formats, known)
{
	cr_expect(mp_import_knows("strace"));
	cr_expect(mp_import_knows("bpftrace"));
	cr_expect(mp_import_knows("sysdig"));
	cr_expect(mp_import_knows("list"));
	cr_expect_not(mp_import_knows("ltrace"));
	cr_expect_not(mp_import_knows(""));
}

/* list */

static const struct mp_import_options list = { .format = "list" };

Test(import_formats, list)
{
	static const struct imported cases[] = {
		{ "", "" },
		{ "/a\n/b c\n", "open /a -> ?\nopen /b c -> ?\n" },
		{ "# a comment\n\n \t\n/a\r\n/a\n/b", "open /a -> ?\nopen /b -> ?\n" },
		{ "/caf\\xe9\n/a\\\\b\n/caf\xe9\n", "open /caf\\xe9 -> ?\nopen /a\\\\b -> ?\n" },
	};

	expect_imported(&list, cases, MP_ARRAY_LEN(cases));
}

Test(import_formats, list_malformed)
{
	static const struct imported cases[] = {
		{ "/a\nb\n", "'f' line 2: 'b' is not an absolute path" },
		{ " /a\n", "'f' line 1: ' /a' is not an absolute path" },
		{ "/a\\q\n",
		  "'f' line 1: '/a\\q': malformed escape; a backslash is written '\\\\'" },
	};
	struct mp_trace *trace = NULL;
	struct mp_error err = { 0 };

	expect_malformed(&list, cases, MP_ARRAY_LEN(cases));
	cr_expect_eq(mp_import(&list, "/a\n/b\0c\n", 8, "f", &trace, &err), -1);
	cr_expect_str_eq(err.msg, "'f' line 2: a NUL byte", "%s", err.msg);
}

/* bpftrace */

static const struct mp_import_options bpftrace = { .format = "bpftrace" };

#define START                                                                                      \
	"Attaching 6 probes...\nTracing open syscalls... Hit Ctrl-C to end.\n"                     \
	"PID    COMM               FD ERR PATH\n"
#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN

Test(import_formats, bpftrace)
{
	static const struct imported cases[] = {
		{ START, "" },
		{ START "2440   snmp-pass           4   0 /proc/cpuinfo\n"
			"25706  ls                 -1   2 /no such\n"
			"25706  ls                 -1  13 /root\n",
		  "open /proc/cpuinfo -> ?\nopen /no such ENOENT\nopen /root EACCES\n" },
		/* A name with blanks and with numbers. */
		{ "1      tmux: server         8   0 /a\n"
		  "1      python3 -m 3         8   0 /b\n"
		  "1234567 x                  1024   0 /c\n",
		  "open /a -> ?\nopen /b -> ?\nopen /c -> ?\n" },
		/* No directory, no name; a name that the kernel could not read either. */
		{ "1      a                   8   0 rel\n"
		  "1      a                   8   0 \n"
		  "1      a                  -1  14 \n",
		  "unread 2\n" },
		{ "Lost 12 events\nWARNING: Lost 3 events\n1 a 3 0 /x\n\n\n",
		  "open /x -> ?\ndropped 15\n" },
		{ "1 a 3 0 /x/long..\n1 a 3 0 /x/..\n1 a 3 0 /..\n",
		  "open /x/.. -> ?\nopen /.. -> ?\ntruncated 1\n" },
		/* Two of 63 bytes: a text of 64 with its end. One of 62 beside a longer one. */
		{ "1 a 3 0 /" FIFTY TEN "ab\n1 a 3 0 /" FIFTY TEN "xy\n1 a 3 0 /x\n",
		  "open /" FIFTY TEN "ab -> ?\nopen /" FIFTY TEN "xy -> ?\nopen /x -> ?\n"
		  "truncated 2\n" },
		{ "1 a 3 0 /" FIFTY TEN "ab\n1 a 3 0 /" FIFTY TEN TEN "\n",
		  "open /" FIFTY TEN "ab -> ?\nopen /" FIFTY TEN TEN " -> ?\n" },
	};

	expect_imported(&bpftrace, cases, MP_ARRAY_LEN(cases));
}

Test(import_formats, bpftrace_malformed)
{
	static const struct imported cases[] = {
		{ START "/etc/passwd\n", "'f' line 4: no PID at the start: '/etc/passwd'" },
		{ "1 ls\n", "'f' line 1: no FD, ERR and PATH behind COMM: '1 ls'" },
		{ "1 ls /etc/passwd\n",
		  "'f' line 1: no FD, ERR and PATH behind COMM: '1 ls /etc/passwd'" },
		/* A descriptor and an error, or none of both. */
		{ "1 ls 3 2 /a\n", "'f' line 1: no FD, ERR and PATH behind COMM: '1 ls 3 2 /a'" },
		{ "1 ls -1 0 /a\n", "'f' line 1: no FD, ERR and PATH behind COMM: '1 ls -1 0 /a'" },
		{ "1 ls -1 4096 /a\n",
		  "'f' line 1: no FD, ERR and PATH behind COMM: '1 ls -1 4096 /a'" },
	};

	expect_malformed(&bpftrace, cases, MP_ARRAY_LEN(cases));
	expect_robust(&bpftrace, START "1 a b 3 0 /x y\nLost 1 events\n1 a -1 2 /z..\n");
}

/* sysdig */

static const struct mp_import_options sysdig = { .format = "sysdig" };

Test(import_formats, sysdig)
{
	static const struct imported cases[] = {
		{ "", "" },
		{ "openat SUCCESS /etc/passwd\nexecve SUCCESS /usr/bin/env\nopen ENOENT /a b\n"
		  "openat SUCCESS /etc/passwd\n",
		  "open /etc/passwd -> ?\nexec /usr/bin/env -> ?\nopen /a b ENOENT\n" },
		{ "lstat SUCCESS /l\nmkdir EEXIST /d\nunlink SUCCESS /u\nchmod SUCCESS /c\n",
		  "stat /l -> ? (nofollow)\ncreate /d EEXIST (create)\n"
		  "remove /u -> ? (write,nofollow)\nattr /c -> ? (write)\n" },
		{ "openat SUCCESS <NA>\nopenat ENOENT <UNKNOWN>/a\nopenat SUCCESS rel\n"
		  "openat EFAULT <NA>\n",
		  "unread 3\n" },
		{ "openat SUCCESS /a\nDriver Events:12\nDriver Drops:3\nElapsed time: 1.0, x\n",
		  "open /a -> ?\ndropped 3\n" },
	};

	expect_imported(&sysdig, cases, MP_ARRAY_LEN(cases));
}

Test(import_formats, sysdig_malformed)
{
	static const struct imported cases[] = {
		{ "openat SUCCESS /a\n/etc/passwd\n",
		  "'f' line 2: '/etc/passwd' is no call that takes a path" },
		{ "read SUCCESS /a\n", "'f' line 1: 'read' is no call that takes a path" },
		{ "clone SUCCESS /a\n", "'f' line 1: 'clone' is no call that takes a path" },
		{ "openat 3 /a\n", "'f' line 1: '3' is neither SUCCESS nor the name of an error" },
		{ "openat /a\n", "'f' line 1: '/a' is neither SUCCESS nor the name of an error" },
		{ "openat SUCCESS\n", "'f' line 1: no path behind 'openat SUCCESS'" },
	};

	expect_malformed(&sysdig, cases, MP_ARRAY_LEN(cases));
	expect_robust(&sysdig, "openat SUCCESS /a b\nopen ENOENT <NA>\n");
}
