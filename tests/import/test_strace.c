/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/import/imported.h"

TestSuite(import_strace, .timeout = 120);

static const struct mp_import_options strace = { .format = "strace" };
static const struct mp_import_options strace_in = { "strace", "/w" };

#define EXIT "+++ exited with 0 +++\n"
/* What is asked for with a known working directory and a program, and what is not. */
#define RUN "execve(\"/p\", [\"p\", \"a, b)\"], 0x7ffd /* 3 vars */) = 0\n"
#define RAN "exec /p -> ?\n"

Test(import_strace, calls)
{
	static const struct imported cases[] = {
		{ "", "" },
		{ RUN EXIT, RAN },
		{ RUN "openat(AT_FDCWD, \"/a\", O_RDONLY|O_CLOEXEC) = 3\n"
		      "openat(AT_FDCWD, \"/a\", O_RDONLY|O_CLOEXEC) = 4\n" EXIT,
		  RAN "open /a -> ? by /p\n" },
		/* -y says what was reached. */
		{ "openat(AT_FDCWD</w>, \"/a\", O_RDWR|O_CREAT|O_NOFOLLOW, 0666) = 3</b>\n"
		  "open(\"/d\", O_RDONLY|O_DIRECTORY)   = 3</d>\n"
		  "open(\"/g\", O_WRONLY) = 3</g>(deleted)\n"
		  "open(\"/h\", O_RDONLY) = 3</h (deleted)>\n"
		  "open(\"/dev/null\", O_RDONLY) = 3</dev/null<char 1:3>>\n"
		  "open(\"/o\", O_RDONLY) = 3</o\\74x\\76>\n"
		  "open(\"/s\", O_RDONLY) = 3<socket:[7]>\n" EXIT,
		  "open /a -> /b (write,create,nofollow)\n"
		  "open /d (dir)\n"
		  "open /g -> ? (write,deleted)\n"
		  "open /h -> ? (deleted)\n"
		  "open /dev/null\n"
		  "open /o -> /o<x>\n"
		  "open /s -> ?\n" },
		/* Failures are findings; a name that could not be read has touched nothing. */
		{ "stat(\"/a\", 0x7ffe) = -1 ENOENT (No such file or directory)\n"
		  "lstat(\"/a\", 0x7ffe) = -1 EACCES (Permission denied) <0.000012>\n"
		  "stat(0x10, 0x7ffe) = -1 EFAULT (Bad address)\n"
		  "open(\"/f\", O_RDONLY) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)\n"
		  "open(\"\", O_RDONLY) = -1 ENOENT (No such file or directory)\n" EXIT,
		  "stat /a ENOENT\nstat /a EACCES (nofollow)\nopen /f E512\n" },
		{ "newfstatat(AT_FDCWD, \"/a\", {st_mode=S_IFREG|0644, st_size=9, ...}, 0) = 0\n"
		  "newfstatat(AT_FDCWD, \"/l\", {st_mode=S_IFLNK}, AT_SYMLINK_NOFOLLOW) = 0\n"
		  "newfstatat(3</x>, \"\", {st_mode=S_IFREG}, AT_EMPTY_PATH) = 0\n"
		  "utimensat(3, NULL, [UTIME_NOW, UTIME_OMIT], 0) = 0\n"
		  "faccessat2(AT_FDCWD, \"/b\", R_OK, AT_EACCESS) = 0\n"
		  "readlink(\"/proc/self/exe\", \"/usr/bin/p\", 4096) = 10\n" EXIT,
		  "stat /a -> ?\nstat /l -> ? (nofollow)\naccess /b -> ?\n"
		  "readlink /proc/self/exe -> ? (nofollow)\n" },
		{ "getdents64(3</d>, 0x1 /* 4 entries */, 32768) = 112\n"
		  "getdents64(3</d>, 0x1 /* 0 entries */, 32768) = 0\n"
		  "getdents(4</e>, 0x1, 32768) = -1 EBADF (Bad file descriptor)\n"
		  "getdents64(5, 0x1 /* 2 entries */, 32768) = 48\n"
		  "getdents64(6</g>(deleted), 0x1 /* 0 entries */, 32768) = 0\n" EXIT,
		  "list /d (dir)\n" },
		/* Spelled in several ways, one path; ".." may cross a symlink and stays. */
		{ "stat(\"//a/./b/\", 0x7ffe) = 0\nstat(\"/a/b\", 0x7ffe) = 0\n"
		  "stat(\"/a/b/.\", 0x7ffe) = 0\nstat(\"/a/../b\", 0x7ffe) = 0\n"
		  "openat(AT_FDCWD</w>, \".\", O_RDONLY|O_DIRECTORY) = 3</w>\n"
		  "stat(\"/.\", 0x7ffe) = 0\n" EXIT,
		  "stat /a/b -> ?\nstat /a/../b -> ?\nopen /w (dir)\nstat / -> ?\n" },
		{ "rename(\"/a\", \"/b\") = 0\n"
		  "renameat2(AT_FDCWD, \"/c\", 5</d>, \"e\", RENAME_NOREPLACE) = 0\n"
		  "link(\"/a\", \"/l\") = 0\n"
		  "linkat(AT_FDCWD, \"/a\", AT_FDCWD, \"/m\", AT_SYMLINK_FOLLOW) = 0\n"
		  "symlink(\"../x\", \"/s\") = 0\n"
		  "symlinkat(\"../x\", 5</d>, \"s\") = 0\n" EXIT,
		  "remove /a -> ? (write,nofollow)\ncreate /b -> ? (create,nofollow)\n"
		  "remove /c -> ? (write,nofollow)\ncreate /d/e -> ? (create,nofollow)\n"
		  "other /a -> ? (nofollow)\ncreate /l -> ? (create,nofollow)\n"
		  "other /a -> ?\ncreate /m -> ? (create,nofollow)\n"
		  "create /s -> ? (create,nofollow)\ncreate /d/s -> ? (create,nofollow)\n" },
		{ "openat2(AT_FDCWD, \"/a\", {flags=O_WRONLY|O_CREAT, mode=0600, resolve=0}, 24) = "
		  "3\n"
		  "openat2(3</r>, \"/a\", {flags=O_RDONLY, resolve=RESOLVE_IN_ROOT}, 24) = 4\n"
		  "openat2(3</r>, \"../a\", {flags=O_RDONLY, resolve=RESOLVE_IN_ROOT}, 24) = "
		  "4\n" EXIT,
		  "open /a -> ? (write,create)\nopen /r/a -> ?\nunread 1\n" },
		{ "connect(3<UNIX-STREAM:[12->13]>, {sa_family=AF_UNIX, sun_path=\"/run/s\"}, 110) "
		  "= 0\n"
		  "connect(3, {sa_family=AF_UNIX, sun_path=@\"abstract\"}, 12) = 0\n"
		  "connect(3, {sa_family=AF_INET, sin_port=htons(53)}, 16) = 0\n"
		  "bind(3, {sa_family=AF_UNIX, sun_path=\"/run/t\"}, 110) = 0\n" EXIT,
		  "socket /run/s -> ?\nsocket /run/t -> ? (create)\n" },
		/* Names: octal, hexadecimal, and what looks like syntax. */
		{ "stat(\"/\\303\\251\\n\\\"\\\\, \\x41)\", 0x1) = 0\n"
		  "openat(3</a->, \"b\", O_RDONLY) = 4</a-/b>\n"
		  "open(\"/) = -1 ENOENT (\", O_RDONLY) = 3\n" EXIT,
		  "stat /\303\251\\x0a\"\\\\, A) -> ?\nopen /a-/b\nopen /) = -1 ENOENT ( -> ?\n" },
		{ "open(\"/a/very/long\"..., O_RDONLY) = 3\n"
		  "stat(0x7ffe00, 0x7ffe10) = 0\n" EXIT,
		  "truncated 1\nunread 1\n" },
		/* Nothing of these is about paths. */
		{ "read(3</a>, \"open(\\\"/x\\\", 0) = 3\", 9) = 9\n"
		  "rt_sigaction(SIGINT, {sa_handler=0x1, sa_flags=SA_RESTART}, NULL, 8) = 0\n"
		  "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=9} ---\n"
		  "mmap(NULL, 9, PROT_READ, MAP_PRIVATE, 3</a>, 0) = 0x7f2a\n"
		  "restart_syscall(<... resuming interrupted read ...>) = 0\n"
		  "[ Process PID=9 runs in 32 bit mode. ]\n"
		  " > /usr/lib/libc.so.6(open+0x1) [0x2]\n"
		  "exit_group(0)                           = ?\n" EXIT,
		  "" },
	};

	expect_imported(&strace, cases, MP_ARRAY_LEN(cases));
}

Test(import_strace, directories)
{
	static const struct imported cases[] = {
		/* Not known until something tells. */
		{ "stat(\"a\", 0x1) = 0\nopenat(7, \"b\", O_RDONLY) = 3\n" EXIT, "unread 2\n" },
		{ "chdir(\"/d/\") = 0\nstat(\"a\", 0x1) = 0\nchdir(\"../e\") = 0\n"
		  "stat(\"b\", 0x1) = 0\nchdir(\"no\") = -1 ENOENT (No such file)\n"
		  "stat(\"c\", 0x1) = 0\n" EXIT,
		  "chdir /d -> ?\nstat /d/a -> ?\nchdir /d/../e -> ?\nstat /d/../e/b -> ?\n"
		  "chdir /d/../e/no ENOENT\nstat /d/../e/c -> ?\n" },
		{ "getcwd(\"/d\", 4096) = 3\nstat(\"a\", 0x1) = 0\n" EXIT, "stat /d/a -> ?\n" },
		{ "openat(AT_FDCWD</d>, \"a\", O_RDONLY) = 3\nstat(\"b\", 0x1) = 0\n" EXIT,
		  "open /d/a -> ?\nstat /d/b -> ?\n" },
		{ "openat(5</d\\74>, \"a\", O_RDONLY) = 3\n"
		  "openat(5</d>(deleted), \"a\", O_RDONLY) = -1 ENOENT (No such file)\n" EXIT,
		  "open /d</a -> ?\nunread 1\n" },
		{ "fchdir(5</d>) = 0\nstat(\"a\", 0x1) = 0\nfchdir(6) = 0\n"
		  "stat(\"b\", 0x1) = 0\n" EXIT,
		  "stat /d/a -> ?\nunread 1\n" },
		/* In a chroot a path begins at its root; ".." ends there, which only the kernel can
		 * tell. */
		{ "chroot(\"/r\") = 0\nchdir(\"/\") = 0\nstat(\"/a\", 0x1) = 0\n"
		  "stat(\"b\", 0x1) = 0\nstat(\"/../c\", 0x1) = 0\n" EXIT,
		  "chdir /r -> ?\nstat /r/a -> ?\nstat /r/b -> ?\nunread 1\n" },
		{ "pivot_root(\"/a\", \"/b\") = 0\nstat(\"/a\", 0x1) = 0\nstat(\"b\", 0x1) = "
		  "0\n" EXIT,
		  "unread 2\n" },
		{ "setns(3, CLONE_NEWNET) = 0\nstat(\"/a\", 0x1) = 0\n" EXIT, "stat /a -> ?\n" },
		{ "execveat(3</bin/p>, \"\", [\"p\"], 0x1, AT_EMPTY_PATH) = 0\n"
		  "stat(\"/a\", 0x1) = 0\n" EXIT,
		  "exec /bin/p -> ?\nstat /a -> ? by /bin/p\n" },
		{ "execveat(3, \"\", [\"p\"], 0x1, AT_EMPTY_PATH) = 0\n" EXIT, "unread 1\n" },
	};
	static const struct imported started_in[] = {
		{ "execve(\"./p\", [\"p\"], 0x1 /* 2 vars */) = 0\nstat(\"a\", 0x1) = 0\n" EXIT,
		  "exec /w/p -> ?\nstat /w/a -> ? by /w/p\n" },
		{ "7  stat(\"a\", 0x1) = 0\n8  stat(\"a\", 0x1) = 0\n7  " EXIT "8  " EXIT,
		  "stat /w/a -> ?\nunread 1\n" },
	};

	expect_imported(&strace, cases, MP_ARRAY_LEN(cases));
	expect_imported(&strace_in, started_in, MP_ARRAY_LEN(started_in));
}

#define SHARED "CLONE_VM|CLONE_FS|CLONE_THREAD"

Test(import_strace, processes)
{
	static const struct imported cases[] = {
		/* Two pieces, with others between. */
		{ "7  openat(AT_FDCWD, \"a\", O_RDONLY <unfinished ...>\n"
		  "8  stat(\"/b\",  <unfinished ...>\n"
		  "7  <... openat resumed>)   = 3</w/a>\n"
		  "8  <... stat resumed>{st_mode=S_IFREG, ...}) = 0\n"
		  "7  open(\"/c\", O_RDONLY <unfinished ...>\n"
		  "7  <... open resumed> ) = -1 ENOENT (No such file)\n7  " EXIT "8  " EXIT,
		  "open /w/a\nstat /b -> ?\nopen /c ENOENT\n" },
		/* A child begins where its parent is, also before its parent knows of it, and goes
		 * its own way; a thread does not. */
		{ "7  chdir(\"/d\") = 0\n7  fork() = 8\n8  stat(\"a\", 0x1) = 0\n"
		  "8  chdir(\"/e\") = 0\n7  stat(\"b\", 0x1) = 0\n7  " EXIT "8  " EXIT,
		  "chdir /d -> ?\nstat /d/a -> ?\nchdir /e -> ?\nstat /d/b -> ?\n" },
		{ "7  chdir(\"/d\") = 0\n7  vfork( <unfinished ...>\n8  stat(\"a\", 0x1) = 0\n"
		  "8  " EXIT "7  <... vfork resumed>) = 8\n7  " EXIT,
		  "chdir /d -> ?\nstat /d/a -> ?\n" },
		{ "7  clone3({flags=" SHARED ", exit_signal=0}, 88 <unfinished ...>\n"
		  "8  chdir(\"/d\") = 0\n"
		  "7  <... clone3 resumed> => {parent_tid=[8]}, 88) = 8\n"
		  "7  stat(\"a\", 0x1) = 0\n8  unshare(CLONE_FS) = 0\n8  chdir(\"/e\") = 0\n"
		  "7  stat(\"b\", 0x1) = 0\n7  " EXIT "8  " EXIT,
		  "chdir /d -> ?\nstat /d/a -> ?\nchdir /e -> ?\nstat /d/b -> ?\n" },
		/* Two at once: whose child is whose is told later. */
		{ "7  chdir(\"/d\") = 0\n7  fork() = 8\n8  chdir(\"/e\") = 0\n"
		  "7  fork( <unfinished ...>\n8  fork( <unfinished ...>\n"
		  "10 stat(\"a\", 0x1) = 0\n9  stat(\"a\", 0x1) = 0\n"
		  "7  <... fork resumed>) = 9\n8  <... fork resumed>) = 10\n"
		  "7  " EXIT "8  " EXIT "9  " EXIT "10 " EXIT,
		  "chdir /d -> ?\nchdir /e -> ?\nstat /e/a -> ?\nstat /d/a -> ?\n" },
		/* In another PID namespace the child has another number. */
		{ "7  vfork( <unfinished ...>\n9  stat(\"a\", 0x1) = 0\n"
		  "7  <... vfork resumed>) = 2 /* 9 in strace's PID NS */\n7  " EXIT "9  " EXIT,
		  "stat /w/a -> ?\n" },
		{ "7  vfork( <unfinished ...>\n9  stat(\"a\", 0x1) = 0\n"
		  "7  <... vfork resumed>) = 2\n7  " EXIT "9  " EXIT,
		  "stat /w/a -> ?\n" },
		/* A number that is used again. */
		{ "7  fork() = 8\n8  chdir(\"/d\") = 0\n8  " EXIT "7  fork( <unfinished ...>\n"
		  "8  stat(\"a\", 0x1) = 0\n7  <... fork resumed>) = 8\n8  " EXIT "7  " EXIT,
		  "chdir /d -> ?\nstat /w/a -> ?\n" },
		/* A thread executes a program, and gets the number of its process. */
		{ "7  clone(child_stack=0x1, flags=" SHARED ") = 8\n7  futex(0x1 <unfinished ...>\n"
		  "8  execve(\"/q\", [\"q\"], 0x1 <unfinished ...>\n"
		  "7  +++ superseded by execve in pid 8 +++\n"
		  "7  <... execve resumed>)   = 0\n7  stat(\"a\", 0x1) = 0\n7  " EXIT,
		  "exec /q -> ?\nstat /w/a -> ? by /q\n" },
		/* To a terminal: numbers only while there is more than one. */
		{ "chdir(\"/d\") = 0\nvfork(strace: Process 8 attached\n <unfinished ...>\n"
		  "[pid     8] stat(\"a\", 0x1) = 0\n[pid     7] <... vfork resumed>) = 8\n"
		  "[pid     7] chdir(\"/e\") = 0\n[pid     8] stat(\"b\", 0x1) = 0\n"
		  "[pid     8] +++ exited with 0 +++\nstat(\"c\", 0x1) = 0\n" EXIT,
		  "chdir /d -> ?\nstat /d/a -> ?\nchdir /e -> ?\nstat /d/b -> ?\nstat /e/c -> "
		  "?\n" },
		{ "fork(strace: Process 8 attached\n)  = 8\nchdir(\"/d\") = 0\n"
		  "[pid 8] stat(\"a\", 0x1) = 0\n[pid 8] " EXIT "stat(\"b\", 0x1) = 0\n" EXIT,
		  "chdir /d -> ?\nstat /w/a -> ?\nstat /d/b -> ?\n" },
		{ "fork() = 8\nchdir(\"/d\") = 0\nread(0, strace: Process 8 attached\n"
		  "[pid 8] stat(\"a\", 0x1) = 0\n[pid 8] " EXIT
		  "<... read resumed>\"\", 1) = 0\n" EXIT,
		  "chdir /d -> ?\nstat /w/a -> ?\n" },
		{ "fork() = 8\nnewfstatat(AT_FDCWD, \"a\", strace: Process 8 attached\n"
		  "0x7ffe00, 0) = 0\n[pid 8] " EXIT EXIT,
		  "stat /w/a -> ?\n" },
		{ "fork() = 8\nopen(strace: Process 8 attached\n\"a\", O_RDONLY <unfinished ...>\n"
		  "[pid 8] " EXIT "[pid 7] <... open resumed>) = 3</w/b>\n" EXIT,
		  "open /w/a -> /w/b\n" },
		/* What was going on at the end may have been done. */
		{ "7  open(\"/a\", O_RDONLY <unfinished ...>\n7  +++ killed by SIGKILL +++\n",
		  "open /a -> ?\n" },
		{ "7  open(\"/a\", O_RDONLY) = ?\n7  " EXIT, "open /a -> ?\n" },
		/* Cut short, not followed, or followed from the middle on. */
		{ "7  stat(\"/a\", 0x1) = 0\n8  stat(\"/b\",  <unfinished ...>\n",
		  "stat /a -> ?\nstat /b -> ?\nuntracked 2\n" },
		{ "fork() = 8\n" EXIT, "untracked 1\n" },
		{ "7  <... openat resumed>) = 3\n7  <... read resumed>\"\", 9) = 0\n7  " EXIT,
		  "unread 1\n" },
		{ "strace: Process 7 attached\n7  read(0,  <detached ...>\n", "untracked 1\n" },
	};

	expect_imported(&strace_in, cases, MP_ARRAY_LEN(cases));
}

Test(import_strace, prefixes)
{
	static const struct imported cases[] = {
		{ "12:34:56 stat(\"/a\", 0x1) = 0\n12:34:56.000001 stat(\"/b\", 0x1) = 0\n"
		  "     0.000100 stat(\"/c\", 0x1) = 0\n12:34:57 " EXIT,
		  "stat /a -> ?\nstat /b -> ?\nstat /c -> ?\n" },
		{ "7     12:34:56 stat(\"/a\", 0x1) = 0 <0.000009>\n7 12:34:57 " EXIT,
		  "stat /a -> ?\n" },
		{ "[pid 7] 12:34:56 stat(\"/a\", 0x1) = 0\n[pid 7] 12:34:57 " EXIT,
		  "stat /a -> ?\n" },
	};
	static const char epoch[] = "1700000000.000001 stat(\"/a\", 0x1) = 0\n"
				    "1700000001.500001 stat(\"/b\", 0x1) = 0\n"
				    "1700000000.900001 stat(\"/c\", 0x1) = 0\n";
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	struct mp_error err = { 0 };

	expect_imported(&strace, cases, MP_ARRAY_LEN(cases));
	cr_assert_eq(mp_import(&strace, epoch, strlen(epoch), "f", &trace, &err), 0, "%s", err.msg);
	cr_assert_eq(trace->n_events, 3);
	cr_expect_eq(trace->events[0].first_ns, 0);
	cr_expect_eq(trace->events[1].first_ns, 1500000000);
	cr_expect_eq(trace->events[2].first_ns, 900000000);
}

Test(import_strace, malformed)
{
	static const struct imported cases[] = {
		{ RUN "hello, world\n", "'f' line 2: no line of strace's: 'hello, world'" },
		{ "/etc/passwd\n", "'f' line 1: no line of strace's: '/etc/passwd'" },
		{ "open(\"/a\", O_RDONLY\n",
		  "'f' line 1: malformed call: 'open(\"/a\", O_RDONLY'" },
		{ "open(\"/a, O_RDONLY) = 3\n",
		  "'f' line 1: malformed call: 'open(\"/a, O_RDONLY) = 3'" },
		{ "open(\"/a\", O_RDONLY)\n",
		  "'f' line 1: malformed call: 'open(\"/a\", O_RDONLY)'" },
		{ "open(\"/a\", O_RDONLY) = x\n",
		  "'f' line 1: malformed call: 'open(\"/a\", O_RDONLY) = x'" },
		{ "open(\"/a\", O_RDONLY) = -1 EBOGUS\n",
		  "'f' line 1: malformed call: 'open(\"/a\", O_RDONLY) = -1 EBOGUS'" },
		{ "read(3\n", "'f' line 1: no result: 'read(3'" },
		{ "7 read(3 <unfinished ...>\n7 <... open resumed>) = 3\n",
		  "'f' line 2: open is resumed in 'read(3'" },
		{ "7 <... open\n", "'f' line 1: no name: '<... open'" },
	};

	expect_malformed(&strace, cases, MP_ARRAY_LEN(cases));
}

Test(import_strace, robust)
{
	expect_robust(&strace_in,
		      "7  1700000000.1 execve(\"./p\", [\"p\"], 0x1 /* 2 vars */) = 0\n"
		      "7  clone(flags=CLONE_FS <unfinished ...>\n"
		      "8  openat(AT_FDCWD</w>, \"\\303a\", O_RDONLY <unfinished ...>\n"
		      "7  <... clone resumed>) = 8\n"
		      "8  <... openat resumed>) = 3</dev/null<char 1:3>>\n"
		      "8  connect(3<TCP:[1->2]>, {sun_path=\"/s\"}, 9) = -1 ENOENT (No) <0.1>\n"
		      "7  +++ superseded by execve in pid 8 +++\n7  " EXIT);
}
