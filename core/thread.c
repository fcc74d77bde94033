/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/thread.h"

#include <signal.h>

int mp_thread_start(pthread_t *thread_out, void *(*body)(void *), void *context)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(thread_out, NULL, body, context);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}
