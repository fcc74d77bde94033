/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads that do one thing only, to be timed:
 *
 *   loads stats N NAMES     N stats of files that do not exist, NAMES different ones in turn
 *   loads opens THREADS N   N opens by each thread, of the files of /usr/bin in turn
 *   loads openclose N       N times open and close of one file
 *   loads getppid N         N times the cheapest system call
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIRECTORY "/usr/bin"
#define MAX_THREADS 64

static char **names;
static size_t n_names;
static long n_opens;

static void fail(const char *what)
{
	fprintf(stderr, "loads: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void do_stats(long n, long different)
{
	struct stat st;
	char path[64];

	for (long i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/usr/lib/missing-%ld.so", i % different);
		if (stat(path, &st) == 0 || errno != ENOENT)
			fail(path);
	}
}

static void list_names(void)
{
	DIR *dir = opendir(DIRECTORY);
	struct dirent *entry;

	if (!dir)
		fail(DIRECTORY);
	while ((entry = readdir(dir))) {
		names = realloc(names, (n_names + 1) * sizeof(*names));
		if (!names || asprintf(&names[n_names], DIRECTORY "/%s", entry->d_name) < 0)
			fail("remember a name");
		/* Links may lead nowhere. */
		if (access(names[n_names], R_OK) == 0)
			n_names++;
	}
	closedir(dir);
	if (n_names == 0)
		fail("no file in " DIRECTORY);
}

/* Each thread begins elsewhere, so that not all of them open the same file at once. */
static void *open_files(void *argument)
{
	size_t at = (size_t)argument * 31;

	for (long i = 0; i < n_opens; i++) {
		const char *path = names[(at + (size_t)i) % n_names];
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			fail(path);
		close(fd);
	}
	return NULL;
}

static void do_opens(long n_threads, long n)
{
	pthread_t threads[MAX_THREADS];

	list_names();
	n_opens = n;
	for (long i = 0; i < n_threads; i++) {
		errno = pthread_create(&threads[i], NULL, open_files, (void *)i);
		if (errno)
			fail("start a thread");
	}
	for (long i = 0; i < n_threads; i++)
		pthread_join(threads[i], NULL);
}

static void do_openclose(long n)
{
	while (n-- > 0) {
		int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			fail("/etc/passwd");
		close(fd);
	}
}

int main(int argc, char **argv)
{
	long n = argc > 2 ? atol(argv[2]) : 0, m = argc > 3 ? atol(argv[3]) : 0;
	const char *what = n > 0 ? argv[1] : "";

	if (!strcmp(what, "stats") && m > 0)
		do_stats(n, m);
	else if (!strcmp(what, "opens") && m > 0 && n <= MAX_THREADS)
		do_opens(n, m);
	else if (!strcmp(what, "openclose"))
		do_openclose(n);
	else if (!strcmp(what, "getppid"))
		while (n-- > 0)
			syscall(SYS_getppid);
	else {
		fputs("usage: loads stats N NAMES | opens THREADS N | openclose N | getppid N\n",
		      stderr);
		return 2;
	}
	return 0;
}
