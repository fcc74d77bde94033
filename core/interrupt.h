/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_INTERRUPT_H
#define MP_CORE_INTERRUPT_H

#include "core/error.h"

/*
 * SIGINT, SIGTERM and SIGHUP end a run cleanly: they only set a flag, everything that waits looks
 * at the flag and fails with MP_E_INTERRUPTED, and the ordinary cleanup of each caller does the
 * rest.
 */

/* Installs the handlers (without SA_RESTART) and ignores SIGPIPE. For cli/ alone. */
void mp_interrupt_install(void);

/* The signal that was caught, or 0. */
int mp_interrupt_signal(void);

/* -1 and MP_E_INTERRUPTED once a signal was caught, else 0. */
int mp_interrupt_check(struct mp_error *err);

/*
 * Cleanup must talk to the engine after the signal: between _hold and _release the flag reads as
 * not set. Calls nest.
 */
void mp_interrupt_hold(void);
void mp_interrupt_release(void);

/* Sleeps @ms milliseconds or until a signal is caught; -1 as mp_interrupt_check. */
int mp_interrupt_sleep_ms(unsigned int ms, struct mp_error *err);

#endif
