/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void mp_freep(void *ptr_to_ptr)
{
	int saved_errno = errno;

	free(*(void **)ptr_to_ptr);
	errno = saved_errno;
}

void mp_closep(int *fd)
{
	int saved_errno = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved_errno;
}
