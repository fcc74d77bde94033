/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void mp_freep(void *ptr_to_ptr)
{
	int saved_errno = errno;
	void *ptr;

	/* The variable's type is any pointer's, so it is copied rather than aliased. */
	memcpy(&ptr, ptr_to_ptr, sizeof(ptr));
	free(ptr);
	ptr = NULL;
	memcpy(ptr_to_ptr, &ptr, sizeof(ptr));
	errno = saved_errno;
}

void mp_closep(int *fd)
{
	int saved_errno = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved_errno;
}
