/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TESTS_TRACER_CONTAINED_H
#define MP_TESTS_TRACER_CONTAINED_H

#include "traced.h"

#include <sched.h>
#include <sys/mount.h>

/* What scenarios do, and containers without an engine. */

static inline bool open_file(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* The trace has to have opened @path. */
static inline void expect_opened(const struct mp_trace *trace, const char *path)
{
	const struct expected_event event = { MP_OP_OPEN, path, path, 0, 0 };

	expect_event(trace, &event);
}

static inline void wait_for(pid_t pid)
{
	int status;

	REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

/* Containers: without an engine, by a cgroup of the right name and a mount namespace. */

#define ID_DIGITS "0123456789abcdef"
#define CONTAINER_ID ID_DIGITS ID_DIGITS ID_DIGITS ID_DIGITS
#define OTHER_ID "f123456789abcdef" ID_DIGITS ID_DIGITS ID_DIGITS

/* A hierarchy of control groups that can be used: the unified one, or one of version 1. */
static const char *const hierarchies[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified",
					   "/sys/fs/cgroup/pids", "/sys/fs/cgroup/memory" };

static inline bool is_hierarchy(const char *path)
{
	MP_AUTO(mp_freep) char *members = mp_path_join(path, "cgroup.procs");

	return access(members, W_OK) == 0;
}

/* Makes @name, of one or more levels, below @hierarchy; the path is the caller's to free. */
static inline char *make_cgroup(const char *hierarchy, const char *name)
{
	char *path = mp_xasprintf("%s/mp-test-%d", hierarchy, (int)getpid());
	MP_AUTO(mp_strv_free) struct mp_strv levels = { 0 };

	mp_strv_split(&levels, name, "/");
	for (size_t i = 0; i <= levels.n; i++) {
		char *deeper;

		cr_assert(mkdir(path, 0755) == 0 || errno == EEXIST, "mkdir '%s': %s", path,
			  strerror(errno));
		if (i == levels.n)
			break;
		deeper = mp_path_join(path, levels.v[i]);
		mp_freep(&path);
		path = deeper;
	}
	return path;
}

/* @path and the levels that make_cgroup made above it. */
static inline void remove_cgroup(char **path)
{
	while (*path && strstr(*path, "/mp-test-")) {
		char *parent = mp_path_parent(*path);

		/* A process that has been waited for may be in it for a moment. */
		for (int tries = 0; rmdir(*path) < 0 && errno == EBUSY && tries < 100; tries++)
			usleep(10000);
		mp_freep(path);
		*path = parent;
	}
	mp_freep(path);
}

static inline void enter_cgroup(const char *cgroup)
{
	MP_AUTO(mp_freep) char *members = mp_path_join(cgroup, "cgroup.procs");
	int fd = open(members, O_WRONLY);

	REQUIRE(fd >= 0 && write(fd, "0", 1) == 1);
	close(fd);
}

/* The first hierarchy that can be used. Skips the test where there is none. */
static inline const char *any_hierarchy(void)
{
	for (size_t h = 0; h < MP_ARRAY_LEN(hierarchies); h++) {
		if (is_hierarchy(hierarchies[h]))
			return hierarchies[h];
	}
	if (!must_run_bpf())
		cr_skip("no control groups that this user may make");
	cr_assert(false, "no control groups that this user may make");
	return NULL;
}

/*
 * Runs @script in @cgroup and a mount namespace of its own, in the work folder: as process 1 of a
 * PID namespace, as an engine starts a container, or as one that enters later. Returns its exit
 * status.
 */
static inline int run_shell_in(const char *cgroup, bool as_process_1, const char *script)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)script, NULL };
	int namespaces = CLONE_NEWNS | (as_process_1 ? CLONE_NEWPID : 0);
	pid_t pid = fork();

	cr_assert(pid >= 0);
	if (pid > 0)
		return traced_wait(pid);
	enter_cgroup(cgroup);
	REQUIRE(unshare(namespaces) == 0);
	REQUIRE(mount("", "/", "", MS_REC | MS_PRIVATE, "") == 0 && chdir(work_dir) == 0);
	/* Only a child is in the PID namespace. */
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0) {
		execve("/bin/sh", argv, environ);
		_exit(97);
	}
	_exit(traced_wait(pid));
}

#endif
