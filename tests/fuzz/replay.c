/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <sys/wait.h>

/*
 * Shows a fuzz target every file of the folders that are named, each in a process of its own: a
 * sanitizer ends it, and its leaks are looked for at its end.
 */
static bool survives(const char *path)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		MP_AUTO(mp_buf_free) struct mp_buf input = { 0 };
		struct mp_error err = { 0 };

		if (mp_file_read(path, (size_t)1 << 24, &input, &err)) {
			fprintf(stderr, "%s\n", err.msg);
			exit(1);
		}
		LLVMFuzzerTestOneInput((const uint8_t *)input.data, input.len);
		mp_buf_free(&input);
		exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int main(int argc, char **argv)
{
	unsigned int passed = 0, failed = 0;

	for (int i = 1; i < argc; i++) {
		struct dirent **entries = NULL;
		int n = scandir(argv[i], &entries, NULL, alphasort);

		for (int j = 0; j < n; j++) {
			MP_AUTO(mp_freep)
			char *path = mp_xasprintf("%s/%s", argv[i], entries[j]->d_name);

			if (entries[j]->d_type == DT_REG && survives(path)) {
				passed++;
			} else if (entries[j]->d_type == DT_REG) {
				printf("failed: %s\n", path);
				failed++;
			}
			mp_freep(&entries[j]);
		}
		mp_freep(&entries);
	}
	/* A corpus that is not there shows nothing. */
	failed += passed + failed == 0;
	printf("%u passed, %u failed\n", passed, failed);
	return failed > 0;
}
