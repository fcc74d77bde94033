/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * measure COMMAND ARGUMENT…: runs it and prints, as the last line on standard error, its wall time
 * in milliseconds and the largest resident set of it or of any of its children, in KiB: "MS KIB".
 * Linked statically, it also runs inside of a container, where what it measures has nothing of the
 * engine's in it.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec start, end;
	struct rusage usage;
	int status;
	pid_t pid;

	if (argc < 2)
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &start);
	pid = fork();
	if (pid == 0) {
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) < 0)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &end);
	fprintf(stderr, "%.3f %ld\n",
		(end.tv_sec - start.tv_sec) * 1e3 + (end.tv_nsec - start.tv_nsec) / 1e6,
		usage.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
