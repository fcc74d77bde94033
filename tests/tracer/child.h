/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TESTS_TRACER_CHILD_H
#define MP_TESTS_TRACER_CHILD_H

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
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

/* For nftw(3): removes what it is called for. */
static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

#endif
