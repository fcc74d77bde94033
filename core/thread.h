/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_THREAD_H
#define MP_CORE_THREAD_H

#include <pthread.h>

/*
 * A thread that takes no signals: they are for the one that looks at the flag when a call of its
 * own is interrupted (core/interrupt.h). As pthread_create(3): 0, or an error number.
 */
int mp_thread_start(pthread_t *thread_out, void *(*body)(void *), void *context);

#endif
