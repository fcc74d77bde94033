/* SPDX-License-Identifier: BSD-2-Clause */
#include "tracer/processes.h"

#include "core/buf.h"
#include "core/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* PROC_PID_INIT_INO of the kernel (include/linux/proc_ns.h). */
#define INITIAL_PID_NAMESPACE 4026531836u
/* What /proc has of one process is small; a control group may have every process of the host. */
#define MAX_PROC_BYTES ((size_t)64 << 20)

void mp_processes_free(struct mp_processes *processes)
{
	mp_freep(&processes->v);
	*processes = (struct mp_processes){ 0 };
}

bool mp_processes_have(const struct mp_processes *processes, pid_t pid)
{
	for (size_t i = 0; i < processes->n; i++) {
		if (processes->v[i] == pid)
			return true;
	}
	return false;
}

static void add(struct mp_processes *processes, pid_t pid)
{
	if (mp_processes_have(processes, pid))
		return;
	processes->v =
		mp_array_grow(processes->v, processes->n, &processes->cap, sizeof(*processes->v));
	processes->v[processes->n++] = pid;
}

int mp_processes_check(struct mp_error *err)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) < 0)
		return mp_error_set(err, MP_E_TRACE, errno, "stat '/proc/self/ns/pid'");
	if (st.st_ino == INITIAL_PID_NAMESPACE)
		return 0;
	return mp_error_set(err, MP_E_TRACE, 0,
			    "what runs already can be followed only from the host's own PID "
			    "namespace: run micropack on the host, or in a container with "
			    "--pid=host");
}

/* The file @name of process @pid. 0 where the process has ended, 1 where it was read. */
static int read_of(pid_t pid, const char *name, struct mp_buf *text, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *path = mp_xasprintf("/proc/%d/%s", (int)pid, name);
	struct mp_error own = { 0 };

	mp_buf_clear(text);
	if (mp_file_read(path, MAX_PROC_BYTES, text, &own) == 0)
		return text->len > 0;
	if (own.sys_errno == ENOENT || own.sys_errno == ESRCH)
		return 0;
	*err = own;
	return -1;
}

/* Every process that /proc has. */
static int list_all(struct mp_processes *all, struct mp_error *err)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		return mp_error_set(err, MP_E_SYS, errno, "open '/proc'");
	while ((entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		/* Each is there once: no need to look for it. */
		all->v = mp_array_grow(all->v, all->n, &all->cap, sizeof(*all->v));
		all->v[all->n++] = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	closedir(proc);
	return 0;
}

/* The kernel side (bpf/trace.bpf.c) knows a name by the same rule. */
bool mp_cgroup_is_of_container(const char *cgroup, const char *id)
{
	for (const char *p = cgroup; (p = strstr(p, id)); p++) {
		char end = p[strlen(id)];

		if ((p == cgroup || p[-1] == '/' || p[-1] == '-') &&
		    (end == '\0' || end == '/' || end == '.'))
			return true;
	}
	return false;
}

/* Whether a line of @text, "HIERARCHY:CONTROLLERS:PATH", names the container. */
static bool any_line_is_of(char *text, const char *id)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		const char *path = strchr(line, '/');

		if (path && mp_cgroup_is_of_container(path, id))
			return true;
	}
	return false;
}

int mp_processes_of_container(const char *id, struct mp_processes *processes, struct mp_error *err)
{
	MP_AUTO(mp_processes_free) struct mp_processes all = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };

	if (list_all(&all, err))
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		int rc = read_of(all.v[i], "cgroup", &text, err);

		if (rc < 0)
			return -1;
		if (rc > 0 && any_line_is_of(text.data, id))
			add(processes, all.v[i]);
	}
	return 0;
}

/* What is directly in the control group @dir. */
static int add_members(int dir, const char *path, struct mp_processes *processes,
		       struct mp_error *err)
{
	MP_AUTO(mp_closep) int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	struct mp_error own = { 0 };
	char *rest, *line;

	if (fd < 0)
		mp_error_set(&own, MP_E_SYS, errno, "open '%s/cgroup.procs'", path);
	else if (mp_fd_read_all(fd, path, MAX_PROC_BYTES, &text, &own))
		mp_error_prefix(&own, "list processes");
	/* Removed meanwhile; or threaded, and then its processes are those of the group above. */
	if (own.sys_errno == ENOENT || own.sys_errno == ENODEV || own.sys_errno == EOPNOTSUPP)
		return 0;
	if (own.code) {
		*err = own;
		return -1;
	}
	for (rest = text.data; (line = strsep(&rest, "\n"));) {
		if (*line)
			add(processes, (pid_t)strtol(line, NULL, 10));
	}
	return 0;
}

/* The path of directory @name in @path; NULL where that is no directory. */
static char *deeper(const char *path, const struct dirent *entry)
{
	if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
		return NULL;
	return mp_xasprintf("%s/%s", path, entry->d_name);
}

int mp_processes_of_cgroup(const char *path, struct mp_processes *processes, struct mp_error *err)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int rc;

	if (!dir && errno == ENOENT)
		return 0;
	if (!dir)
		return mp_error_set(err, MP_E_SYS, errno, "open '%s'", path);
	rc = add_members(dirfd(dir), path, processes, err);
	while (rc == 0 && (entry = readdir(dir))) {
		MP_AUTO(mp_freep) char *below = deeper(path, entry);

		if (below)
			rc = mp_processes_of_cgroup(below, processes, err);
	}
	closedir(dir);
	return rc;
}

/* The parent's ID in /proc/PID/stat; the name before it may have any byte, ')' too. 0: none. */
static pid_t parent_in(const char *stat_text)
{
	const char *end = strrchr(stat_text, ')');
	int parent = 0;

	if (!end || sscanf(end + 1, " %*c %d", &parent) != 1)
		return 0;
	return parent;
}

int mp_processes_of_tree(pid_t pid, struct mp_processes *processes, struct mp_error *err)
{
	MP_AUTO(mp_processes_free) struct mp_processes all = { 0 };
	MP_AUTO(mp_processes_free) struct mp_processes tree = { 0 };
	MP_AUTO(mp_freep) pid_t *parents = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };

	if (list_all(&all, err))
		return -1;
	parents = mp_xcalloc(all.n + 1, sizeof(*parents));
	for (size_t i = 0; i < all.n; i++) {
		int rc = read_of(all.v[i], "stat", &text, err);

		if (rc < 0)
			return -1;
		parents[i] = rc > 0 ? parent_in(text.data) : 0;
		if (rc > 0 && all.v[i] == pid)
			add(&tree, pid);
	}
	/* The children of each, which stand behind it then. */
	for (size_t parent = 0; parent < tree.n; parent++) {
		for (size_t i = 0; i < all.n; i++) {
			if (parents[i] == tree.v[parent])
				add(&tree, all.v[i]);
		}
	}
	for (size_t i = 0; i < tree.n; i++)
		add(processes, tree.v[i]);
	return 0;
}
