/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storm PROCESSES FILES [DIRECTORY]: that many processes begin at once and each opens FILES files
 * that nobody else does: DIRECTORY/P/F, P and F counted from 0. None of them exists; by default
 * neither does the directory, so that an open costs the kernel next to nothing and a tracer gets
 * as many different events as a machine can make. Prints the seconds from the word to go until all
 * have ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Waits until the other end of @gate is closed. 0: every open failed as it should. */
static int run_process(int gate, const char *directory, long process, long n_files)
{
	char path[4096], byte;

	if (read(gate, &byte, 1) != 0)
		return 1;
	for (long file = 0; file < n_files; file++) {
		snprintf(path, sizeof(path), "%s/%ld/%ld", directory, process, file);
		if (open(path, O_RDONLY | O_CLOEXEC) >= 0)
			errno = EEXIST;
		if (errno != ENOENT) {
			fprintf(stderr, "storm: open '%s': %s\n", path, strerror(errno));
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	long n_processes = argc > 2 ? atol(argv[1]) : 0, n_files = argc > 2 ? atol(argv[2]) : 0;
	const char *directory = argc > 3 ? argv[3] : "/nonexistent-storm";
	struct timespec start, end;
	int gate[2], status, failed = 0;

	if (n_processes < 1 || n_files < 1) {
		fputs("usage: storm PROCESSES FILES [DIRECTORY]\n", stderr);
		return 2;
	}
	if (pipe(gate) < 0)
		return 1;
	for (long process = 0; process < n_processes; process++) {
		pid_t pid = fork();

		if (pid < 0) {
			perror("storm: fork");
			return 1;
		}
		if (pid == 0) {
			close(gate[1]);
			_exit(run_process(gate[0], directory, process, n_files));
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	close(gate[1]);
	while (wait(&status) > 0)
		failed |= status;
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%.3f\n", (end.tv_sec - start.tv_sec) + (end.tv_nsec - start.tv_nsec) / 1e9);
	return failed != 0;
}
