/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/interrupt.h"

#include "core/clock.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

static volatile sig_atomic_t caught_signal;
static int hold_depth;

static void on_signal(int sig)
{
	caught_signal = sig;
}

void mp_interrupt_install(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal };
	struct sigaction inherited;

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < MP_ARRAY_LEN(signals); i++) {
		/* nohup and shells' background jobs ignore some on purpose. */
		if (sigaction(signals[i], NULL, &inherited) == 0 && inherited.sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &action, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
}

int mp_interrupt_signal(void)
{
	return caught_signal;
}

int mp_interrupt_check(struct mp_error *err)
{
	if (!caught_signal || hold_depth > 0)
		return 0;
	return mp_error_set(err, MP_E_INTERRUPTED, 0, "interrupted by SIG%s",
			    sigabbrev_np(caught_signal));
}

void mp_interrupt_hold(void)
{
	hold_depth++;
}

void mp_interrupt_release(void)
{
	hold_depth--;
}

int mp_interrupt_sleep_ms(unsigned int ms, struct mp_error *err)
{
	int64_t deadline_ms = mp_clock_ms() + ms;

	/* In slices: a signal that another thread takes does not wake this one. */
	for (;;) {
		int64_t left_ms = deadline_ms - mp_clock_ms();

		if (mp_interrupt_check(err))
			return -1;
		if (left_ms <= 0)
			return 0;
		poll(NULL, 0, left_ms > 100 ? 100 : (int)left_ms);
	}
}
