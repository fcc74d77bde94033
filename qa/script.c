/* SPDX-License-Identifier: BSD-2-Clause */
#include "qa/target.h"

#include "core/clock.h"
#include "core/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* How often a wait looks for signals, and how long a script has to end after SIGTERM. */
#define SLICE_MS 100
#define GRACE_MS 2000

static void attr_destroyp(posix_spawnattr_t *attr)
{
	posix_spawnattr_destroy(attr);
}

static void actions_destroyp(posix_spawn_file_actions_t *actions)
{
	posix_spawn_file_actions_destroy(actions);
}

/* In a process group of its own, so that all it starts can be ended with it. */
static int spawn(char *const argv[], const struct mp_strv *env, enum mp_script_output output,
		 pid_t *pid_out, struct mp_error *err)
{
	MP_AUTO(attr_destroyp) posix_spawnattr_t attr;
	MP_AUTO(actions_destroyp) posix_spawn_file_actions_t actions;
	MP_AUTO(mp_freep) char **envp = mp_xcalloc(env->n + 1, sizeof(*envp));
	sigset_t defaults;
	int rc;

	if (env->n)
		memcpy(envp, env->v, env->n * sizeof(*envp));
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE); /* ignored here */
	posix_spawnattr_init(&attr);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (output == MP_SCRIPT_TO_STDERR)
		posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	if (output == MP_SCRIPT_DROP) {
		posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
		posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	}
	rc = posix_spawn(pid_out, argv[0], &actions, &attr, argv, envp);
	if (rc)
		return mp_error_set(err, MP_E_USAGE, rc, "run '%s'", argv[0]);
	return 0;
}

/* Waits up to @timeout_ms for the process to end. 1 when it has, 0 when not. */
static int wait_slice(int pidfd, int timeout_ms)
{
	struct pollfd wait = { .fd = pidfd, .events = POLLIN };

	return poll(&wait, 1, timeout_ms) > 0;
}

static void end_group(pid_t pid, int pidfd)
{
	kill(-pid, SIGTERM);
	if (!wait_slice(pidfd, GRACE_MS))
		kill(-pid, SIGKILL);
}

static int exit_status(int wait_status)
{
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

int mp_script_run(char *const argv[], const struct mp_strv *env, enum mp_script_output output,
		  int64_t deadline_ms, int *status_out, struct mp_error *err)
{
	MP_AUTO(mp_closep) int pidfd = -1;
	bool expired = false;
	int wait_status, rc = 0;
	pid_t pid;

	if (spawn(argv, env, output, &pid, err))
		return -1;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		rc = mp_error_set(err, MP_E_SYS, errno, "watch '%s'", argv[0]);
		kill(-pid, SIGKILL);
	}
	while (rc == 0 && !wait_slice(pidfd, SLICE_MS)) {
		rc = mp_interrupt_check(err);
		expired = deadline_ms && mp_clock_ms() > deadline_ms;
		if (rc || expired) {
			end_group(pid, pidfd);
			break;
		}
	}
	/*
	 * What it left running in the background must not outlive the run. Until it is waited for,
	 * its number, which is the group's, is nobody else's.
	 */
	kill(-pid, SIGKILL);
	while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
		;
	if (rc)
		return -1;
	*status_out = expired ? -1 : exit_status(wait_status);
	return 0;
}
