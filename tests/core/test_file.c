/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/file.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];
static bool mounted;

static void make_directory(void)
{
	strcpy(directory, "/tmp/mp-test-file.XXXXXX");
	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(chdir(directory), 0);
	umask(022);
}

static void remove_directory(void)
{
	const char *const names[] = { "out", "out/in", "link", "fifo", "other" };

	for (size_t i = 0; i < MP_ARRAY_LEN(names); i++)
		unlink(names[i]);
	rmdir("out");
	if (chdir("/") == 0 && mounted)
		umount(directory);
	rmdir(directory);
}

static void expect_content(const char *path, const char *text)
{
	MP_AUTO(mp_buf_free) struct mp_buf buf = { 0 };
	struct mp_error err = { 0 };

	cr_assert_eq(mp_file_read(path, 1 << 20, &buf, &err), 0, "%s", err.msg);
	cr_expect_str_eq(buf.data ? buf.data : "", text);
}

/* Number of entries in the test's directory: no temporary file may stay. */
static size_t count_entries(void)
{
	DIR *dir = opendir(".");
	size_t n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

TestSuite(file, .init = make_directory, .fini = remove_directory);

Test(file, replace_and_read)
{
	struct mp_error err = { 0 };
	struct stat st;

	cr_assert_eq(mp_file_replace("out", "old", 3, &err), 0, "%s", err.msg);
	expect_content("out", "old");
	cr_assert_eq(stat("out", &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0644, "mode %o", st.st_mode);
	cr_assert_eq(mp_file_replace("out", "newer", 5, &err), 0, "%s", err.msg);
	expect_content("out", "newer");
	cr_assert_eq(mp_file_replace("out", "", 0, &err), 0, "%s", err.msg);
	expect_content("out", "");
	cr_expect_eq(count_entries(), 1);
}

Test(file, read_is_bounded)
{
	MP_AUTO(mp_buf_free) struct mp_buf buf = { 0 };
	struct mp_error err = { 0 };

	cr_assert_eq(mp_file_replace("out", "12345", 5, &err), 0);
	mp_buf_adds(&buf, "ab");
	cr_expect_eq(mp_file_read("out", 7, &buf, &err), 0, "appended up to the limit");
	cr_expect_str_eq(buf.data, "ab12345");
	mp_buf_clear(&buf);
	cr_expect_eq(mp_file_read("out", 4, &buf, &err), -1);
	cr_expect_eq(err.code, MP_E_FORMAT);
	cr_expect_str_eq(err.msg, "read 'out': larger than 4 bytes");
	cr_expect_eq(mp_file_read("/dev/zero", 100000, &buf, &err), -1);
	cr_expect_eq(err.code, MP_E_FORMAT);
	cr_expect_eq(mp_file_read("nowhere", 4, &buf, &err), -1);
	cr_expect_eq(err.code, MP_E_SYS);
	cr_expect_str_eq(err.msg, "open 'nowhere': No such file or directory");
	cr_expect_eq(mp_file_read(".", 4, &buf, &err), -1);
	cr_expect_str_eq(err.msg, "read '.': Is a directory");
}

/* Without a commit, what stood there before stays, and nothing else. */
Test(file, close_keeps_the_old_file)
{
	struct mp_outfile file = { 0 };
	struct mp_error err = { 0 };

	mp_outfile_closep(&file); /* a closed one */
	cr_assert_eq(mp_file_replace("out", "old", 3, &err), 0);
	cr_assert_eq(mp_outfile_open(&file, "out", &err), 0, "%s", err.msg);
	cr_assert_eq(mp_fd_write_all(file.fd, "half", 4, "out", &err), 0);
	expect_content("out", "old");
	errno = EXDEV;
	mp_outfile_closep(&file);
	cr_expect_eq(errno, EXDEV, "cleanup keeps errno");
	expect_content("out", "old");
	cr_expect_eq(count_entries(), 1);
	mp_outfile_closep(&file);
}

Test(file, cannot_create)
{
	struct mp_outfile file = { 0 };
	struct mp_error err = { 0 };

	cr_expect_eq(mp_outfile_open(&file, "no/such/out", &err), -1);
	cr_expect_eq(err.code, MP_E_USAGE);
	cr_expect_str_eq(err.msg, "create 'no/such/out': No such file or directory");
	cr_assert_eq(mkdir("out", 0755), 0);
	cr_expect_eq(mp_outfile_open(&file, "out", &err), -1);
	cr_expect_str_eq(err.msg, "create 'out': Is a directory");
	cr_expect_null(file.path);
	cr_expect_eq(count_entries(), 1);
}

/* The place was taken by a directory between open and commit. */
Test(file, rename_fails)
{
	struct mp_outfile file = { 0 };
	struct mp_error err = { 0 };

	cr_assert_eq(mp_outfile_open(&file, "out", &err), 0);
	cr_assert_eq(mkdir("out", 0755), 0);
	cr_expect_eq(mp_outfile_commit(&file, &err), -1);
	cr_expect_str_eq(err.msg, "rename to 'out': Is a directory");
	cr_expect_null(file.path);
	cr_expect_eq(count_entries(), 1);
}

/* A device is written, not replaced, and a full one is an error. */
Test(file, devices)
{
	struct mp_error err = { 0 };
	struct stat st;

	cr_expect_eq(mp_file_replace("/dev/null", "x", 1, &err), 0, "%s", err.msg);
	cr_expect_eq(mp_file_replace("/dev/full", "x", 1, &err), -1);
	cr_expect_eq(err.code, MP_E_SYS);
	cr_expect_eq(err.sys_errno, ENOSPC);
	cr_expect_str_eq(err.msg, "write '/dev/full': No space left on device");
	cr_assert_eq(stat("/dev/null", &st), 0);
	cr_expect(S_ISCHR(st.st_mode));
	cr_assert_eq(stat("/dev/full", &st), 0);
	cr_expect(S_ISCHR(st.st_mode));
}

Test(file, fifo)
{
	MP_AUTO(mp_closep) int reader = -1;
	struct mp_error err = { 0 };
	struct stat st;
	char text[4] = "";

	cr_assert_eq(mkfifo("fifo", 0600), 0);
	reader = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	cr_expect_eq(mp_file_replace("fifo", "abc", 3, &err), 0, "%s", err.msg);
	cr_expect_eq(read(reader, text, 3), 3);
	cr_expect_str_eq(text, "abc");
	cr_assert_eq(lstat("fifo", &st), 0);
	cr_expect(S_ISFIFO(st.st_mode));
	cr_expect_eq(count_entries(), 1);
}

/* A disk that fills up while writing: the old file is whole, the new one is gone. */
Test(file, disk_full)
{
	MP_AUTO(mp_freep) char *big = mp_xcalloc(1, 1 << 20);
	struct mp_error err = { 0 };

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", directory, "tmpfs", 0, "size=64k"))
		cr_skip("no privilege to mount a small file system");
	mounted = true;
	cr_assert_eq(chdir(directory), 0);
	cr_assert_eq(mp_file_replace("out", "old", 3, &err), 0, "%s", err.msg);
	cr_expect_eq(mp_file_replace("out", big, 1 << 20, &err), -1);
	cr_expect_eq(err.code, MP_E_SYS);
	cr_expect_eq(err.sys_errno, ENOSPC);
	cr_expect_str_eq(err.msg, "write 'out': No space left on device");
	expect_content("out", "old");
	cr_expect_eq(count_entries(), 1);
	/* Its space is free again. */
	cr_expect_eq(mp_file_replace("out", big, 16 << 10, &err), 0, "%s", err.msg);
}

/* As many calls as it takes: a pipe takes a little at a time. */
Test(file, write_all_to_a_slow_reader)
{
	static char data[1 << 20];
	size_t got = 0;
	int ends[2];
	pid_t pid;

	cr_assert_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		_exit(mp_fd_write_all(ends[1], data, sizeof(data), "pipe", NULL) ? 1 : 0);
	}
	close(ends[1]);
	for (ssize_t n; (n = read(ends[0], data, 4096)) > 0;)
		got += (size_t)n;
	close(ends[0]);
	cr_expect_eq(got, sizeof(data));
}
