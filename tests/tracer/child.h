/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TESTS_TRACER_CHILD_H
#define MP_TESTS_TRACER_CHILD_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In a process of its own: what has to be true for the test to mean anything. */
#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			dprintf(STDERR_FILENO, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition,  \
				strerror(errno));                                                  \
			_exit(99);                                                                 \
		}                                                                                  \
	} while (0)

/* Removes @path, of a scratch folder, and all below it: also what is too deep to be named by a
 * path. */
static inline void remove_tree(const char *path)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf -- '%s'", path);
	if (system(command) != 0)
		fprintf(stderr, "cannot remove '%s'\n", path);
}

#endif
