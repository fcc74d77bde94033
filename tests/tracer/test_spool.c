/* SPDX-License-Identifier: BSD-2-Clause */
#include "tracer/spool.h"

#include "core/buf.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BLOCK ((size_t)256 << 10) /* the spool's */
#define LARGEST (BLOCK - sizeof(uint32_t))

static char scratch[] = "/tmp/mp-test-spool-XXXXXX";

static void begin(void)
{
	cr_assert(mkdtemp(scratch));
	setenv("TMPDIR", scratch, 1);
}

static size_t count_entries(const char *dir)
{
	DIR *handle = opendir(dir);
	size_t n = 0;

	cr_assert(handle);
	for (const struct dirent *entry; (entry = readdir(handle));)
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(handle);
	return n;
}

/* Whatever a test did, no file is left. */
static void end(void)
{
	cr_expect_eq(rmdir(scratch), 0, "'%s' is not empty", scratch);
}

TestSuite(spool, .init = begin, .fini = end);

static struct mp_spool *open_spool(void)
{
	struct mp_spool *spool = NULL;
	struct mp_error err = { 0 };

	cr_assert_eq(mp_spool_open(&spool, &err), 0, "%s", err.msg);
	return spool;
}

static void rewind_spool(struct mp_spool *spool)
{
	struct mp_error err = { 0 };

	cr_assert_eq(mp_spool_rewind(spool, &err), 0, "%s", err.msg);
}

/* The descriptor that is opened next. */
static int next_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	close(fd);
	return fd;
}

/* The path of an open file. */
static const char *path_of_fd(int fd)
{
	static char path[256];
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	cr_assert_gt(len, 0);
	path[len] = '\0';
	return path;
}

/* A record that is all its number, and known by it. */
static void fill_record(char *record, size_t size, unsigned int number)
{
	for (size_t i = 0; i < size; i++)
		record[i] = (char)(number * 2654435761u >> (i % 4 * 8));
}

static void expect_next(struct mp_spool *spool, const void *expected, size_t size,
			const char *about)
{
	struct mp_error err = { 0 };
	const void *data = NULL;
	size_t got = 0;
	int rc = mp_spool_next(spool, &data, &got, &err);

	cr_assert_eq(rc, 1, "%s: returned %d, %s", about, rc, err.msg);
	cr_assert_eq(got, size, "%s: %zu bytes, not %zu", about, got, size);
	cr_assert(memcmp(data, expected, size) == 0, "%s: other bytes", about);
}

static void expect_end(struct mp_spool *spool, const char *about)
{
	struct mp_error err = { 0 };
	const void *data;
	size_t size;

	for (int times = 0; times < 2; times++)
		cr_assert_eq(mp_spool_next(spool, &data, &size, &err), 0, "%s: %s", about, err.msg);
}

Test(spool, empty)
{
	MP_AUTO(mp_spool_freep) struct mp_spool *spool = open_spool();

	rewind_spool(spool);
	expect_end(spool, "the first time");
	rewind_spool(spool);
	expect_end(spool, "again");
}

Test(spool, free_of_nothing)
{
	struct mp_spool *spool = NULL;

	mp_spool_freep(&spool);
	cr_expect_null(spool);
}

/* Many blocks of records of any size: all come back as they came, as often as they are read. */
Test(spool, order)
{
	enum { RECORDS = 20000, MOST = 1000 };
	MP_AUTO(mp_spool_freep) struct mp_spool *spool = open_spool();
	char record[MOST + 8];

	for (unsigned int i = 0; i < RECORDS; i++) {
		size_t size = 8 + i * 7919 % MOST;

		fill_record(record, size, i);
		memcpy(record, &i, sizeof(i));
		mp_spool_add(spool, record, size, 0);
	}
	/* Once in part, then whole, and whole again. */
	for (int turn = 0; turn < 3; turn++) {
		rewind_spool(spool);
		for (unsigned int i = 0; i < (turn ? RECORDS : RECORDS / 3); i++) {
			size_t size = 8 + i * 7919 % MOST;

			fill_record(record, size, i);
			memcpy(record, &i, sizeof(i));
			expect_next(spool, record, size, "a record");
		}
		if (turn)
			expect_end(spool, "all of them");
	}
}

/* Around what is left of a block, and as large as one can be. */
Test(spool, sizes_around_a_block)
{
	static const size_t firsts[] = { 1,           BLOCK / 2 - 5, BLOCK / 2 - 4, BLOCK / 2 - 3,
					 LARGEST - 6, LARGEST - 5,   LARGEST - 4,   LARGEST - 1,
					 LARGEST };
	static const size_t seconds[] = { 0, 1, 2, BLOCK / 2 - 4, LARGEST - 5, LARGEST };
	MP_AUTO(mp_freep) char *one = mp_xmalloc(LARGEST);
	MP_AUTO(mp_freep) char *two = mp_xmalloc(LARGEST);

	fill_record(one, LARGEST, 1);
	fill_record(two, LARGEST, 2);
	for (size_t i = 0; i < MP_ARRAY_LEN(firsts) * MP_ARRAY_LEN(seconds); i++) {
		size_t first = firsts[i / MP_ARRAY_LEN(seconds)];
		size_t second = seconds[i % MP_ARRAY_LEN(seconds)];
		MP_AUTO(mp_spool_freep) struct mp_spool *spool = open_spool();
		char about[64];

		snprintf(about, sizeof(about), "%zu and %zu bytes", first, second);
		mp_spool_add(spool, one, first, 0);
		mp_spool_add(spool, two, second, 0);
		mp_spool_add(spool, "end", 3, 0);
		for (int turn = 0; turn < 2; turn++) {
			rewind_spool(spool);
			expect_next(spool, one, first, about);
			expect_next(spool, two, second, about);
			expect_next(spool, "end", 3, about);
			expect_end(spool, about);
		}
	}
}

/* One that cannot be kept is no silent loss. */
Test(spool, a_record_that_is_no_record)
{
	static const struct {
		size_t size, skip;
		const char *message;
	} cases[] = {
		{ LARGEST + 1, 0, "keep a record of 262141 bytes" },
		{ 4, 5, "keep a record of 4 bytes" },
	};
	MP_AUTO(mp_freep) char *record = mp_xcalloc(1, LARGEST + 1);

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_spool_freep) struct mp_spool *spool = open_spool();
		struct mp_error err = { 0 };

		mp_spool_add(spool, "first", 5, 0);
		mp_spool_add(spool, record, cases[i].size, cases[i].skip);
		mp_spool_add(spool, "last", 4, 0);
		cr_expect_eq(mp_spool_rewind(spool, &err), -1);
		cr_expect(strstr(err.msg, cases[i].message), "%s", err.msg);
	}
}

/* What was there before is left out, but for the bytes that do not count. */
Test(spool, duplicates)
{
	static const struct {
		const char *about;
		const char *data;
		size_t size, skip;
		bool is_new;
	} records[] = {
		{ "the first", "11111111aaaaaaaabbb", 19, 8, true },
		{ "the same", "11111111aaaaaaaabbb", 19, 8, false },
		{ "the same at another time", "22222222aaaaaaaabbb", 19, 8, false },
		{ "another end", "11111111aaaaaaaabbc", 19, 8, true },
		{ "another first byte that counts", "11111111caaaaaaabbb", 19, 8, true },
		{ "a byte less", "11111111aaaaaaaabb", 18, 8, true },
		{ "a NUL more", "11111111aaaaaaaabbb", 20, 8, true },
		{ "two more", "11111111aaaaaaaabbb\0", 21, 8, true },
		{ "words in another order", "11111111bbbaaaaaaaa", 19, 8, true },
		{ "nothing that counts", "11111111", 8, 8, true },
		{ "nothing that counts, again", "33333333", 8, 8, false },
		{ "a NUL that counts", "33333333\0", 9, 8, true },
		{ "nothing at all", "", 0, 0, false }, /* as the one with nothing that counts */
		{ "the same in front, but all of it counts", "11111111aaaaaaaabbb", 19, 0, true },
		{ "and again", "11111111aaaaaaaabbb", 19, 0, false },
		{ "the first, after all those", "44444444aaaaaaaabbb", 19, 8, false },
	};
	MP_AUTO(mp_spool_freep) struct mp_spool *spool = open_spool();

	for (size_t i = 0; i < MP_ARRAY_LEN(records); i++)
		mp_spool_add(spool, records[i].data, records[i].size, records[i].skip);
	rewind_spool(spool);
	for (size_t i = 0; i < MP_ARRAY_LEN(records); i++) {
		if (records[i].is_new)
			expect_next(spool, records[i].data, records[i].size, records[i].about);
	}
	expect_end(spool, "nothing else");
}

/* Also where there are far more of them than the set of what was seen begins with. */
Test(spool, many_duplicates)
{
	enum { RECORDS = 50000 };
	MP_AUTO(mp_spool_freep) struct mp_spool *spool = open_spool();

	for (uint64_t turn = 0; turn < 3; turn++) {
		for (uint64_t i = 0; i < RECORDS; i++)
			mp_spool_add(spool, (uint64_t[]){ turn, i }, 16, 8);
	}
	rewind_spool(spool);
	for (uint64_t i = 0; i < RECORDS; i++)
		expect_next(spool, (uint64_t[]){ 0, i }, 16, "a record");
	expect_end(spool, "each once");
}

/* The file has no name, is for nobody else, and is not handed on. */
static void expect_nameless(const char *dir)
{
	int fd = next_fd();
	MP_AUTO(mp_spool_freep) struct mp_spool *spool = open_spool();
	const char *path = path_of_fd(fd);
	struct stat st;

	cr_expect(strncmp(path, dir, strlen(dir)) == 0 && path[strlen(dir)] == '/',
		  "the file is '%s', not in '%s'", path, dir);
	cr_expect_eq(fstat(fd, &st), 0);
	cr_expect_eq(st.st_nlink, 0);
	cr_expect_eq(st.st_mode & 07777, 0600, "mode %o", st.st_mode);
	cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	cr_expect_eq(count_entries(scratch), 0);
	mp_spool_add(spool, "abc", 3, 0);
	rewind_spool(spool);
	expect_next(spool, "abc", 3, "a record");
	expect_end(spool, "one record");
}

Test(spool, in_tmpdir)
{
	expect_nameless(scratch);
}

Test(spool, in_tmp_without_tmpdir)
{
	unsetenv("TMPDIR");
	expect_nameless("/tmp");
	setenv("TMPDIR", "", 1);
	expect_nameless("/tmp");
}

/* From now on open(2) with O_TMPFILE fails with @error, as it does on some file systems. */
static void forbid_tmpfile(int error)
{
	const uint32_t flags_at = offsetof(struct seccomp_data, args[2]);
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, flags_at),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, O_TMPFILE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, O_TMPFILE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { MP_ARRAY_LEN(filter), filter };

	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0, "%s",
		     strerror(errno));
	cr_assert_lt(open(scratch, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), 0);
	cr_assert_eq(errno, error);
}

Test(spool, no_tmpfile_on_this_file_system)
{
	forbid_tmpfile(EOPNOTSUPP);
	expect_nameless(scratch);
}

Test(spool, no_tmpfile_in_this_kernel)
{
	forbid_tmpfile(EISDIR);
	expect_nameless(scratch);
}

static void expect_no_spool(const char *dir, int error)
{
	struct mp_spool *spool = NULL;
	struct mp_error err = { 0 };
	char message[256];

	setenv("TMPDIR", dir, 1);
	snprintf(message, sizeof(message), "create a temporary file in '%s' ($TMPDIR): %s", dir,
		 strerror(error));
	cr_expect_eq(mp_spool_open(&spool, &err), -1, "'%s'", dir);
	cr_expect_eq(err.code, MP_E_SYS);
	cr_expect_str_eq(err.msg, message);
	cr_expect_null(spool);
}

Test(spool, no_such_directory)
{
	int fd = next_fd();

	expect_no_spool("/nonexistent/tmp", ENOENT);
	expect_no_spool("/proc/self/status", ENOTDIR);
	cr_expect_eq(next_fd(), fd, "a descriptor is left");
}

/* Records that do not fit on the disk: none is read as if they were all. */
Test(spool, full_disk)
{
	MP_AUTO(mp_freep) char *record = mp_xmalloc(LARGEST);
	struct mp_error err = { 0 };

	if (geteuid() != 0)
		cr_skip("needs root, to mount a small file system");
	cr_assert_eq(unshare(CLONE_NEWNS), 0, "%s", strerror(errno));
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0, "%s", strerror(errno));
	cr_assert_eq(mount("tmpfs", scratch, "tmpfs", 0, "size=1m"), 0, "%s", strerror(errno));
	for (unsigned int more = 0; more < 2; more++) {
		MP_AUTO(mp_spool_freep) struct mp_spool *spool = open_spool();

		/* Three fit. Of five the last is not written before _rewind. */
		for (unsigned int i = 0; i < 3 + 2 * more; i++) {
			fill_record(record, LARGEST, i);
			mp_spool_add(spool, record, LARGEST, 0);
		}
		if (!more) {
			rewind_spool(spool);
			continue;
		}
		for (int turn = 0; turn < 2; turn++) {
			cr_expect_eq(mp_spool_rewind(spool, &err), -1);
			cr_expect_eq(err.sys_errno, ENOSPC, "%s", err.msg);
			cr_expect(strstr(err.msg, "the temporary file in $TMPDIR"), "%s", err.msg);
		}
	}
	cr_expect_eq(umount(scratch), 0, "%s", strerror(errno));
}

/* Somebody else's hand in the file: an error, and no record that was not added. */
Test(spool, cut_by_somebody)
{
	int fd = next_fd();
	MP_AUTO(mp_spool_freep) struct mp_spool *spool = open_spool();
	struct mp_error err = { 0 };
	const void *data;
	size_t size;

	mp_spool_add(spool, "one", 3, 0);
	mp_spool_add(spool, "two", 3, 0);
	rewind_spool(spool);
	cr_assert_eq(ftruncate(fd, 4 + 3 + 4 + 2), 0);
	expect_next(spool, "one", 3, "what is whole");
	cr_expect_eq(mp_spool_next(spool, &data, &size, &err), -1);
	cr_expect(strstr(err.msg, "the temporary file was cut by somebody"), "%s", err.msg);
}
