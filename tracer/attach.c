/* SPDX-License-Identifier: BSD-2-Clause */
#include "tracer/attach.h"

#include "core/file.h"
#include "core/log.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_MOUNTINFO_BYTES ((size_t)64 << 20)
#define DELETED " (deleted)"

/* The mounts of one mount namespace. */
struct mounts {
	ino_t namespace;
	long *ids;
	size_t n, cap;
};

struct mp_attach {
	struct mounts *seen;
	size_t n_seen, cap_seen;
	struct mp_strmap *told;
	uint64_t truncated;
};

struct mp_attach *mp_attach_new(void)
{
	struct mp_attach *attach = mp_xcalloc(1, sizeof(*attach));

	attach->told = mp_strmap_new(NULL);
	return attach;
}

void mp_attach_freep(struct mp_attach **attach)
{
	if (!*attach)
		return;
	for (size_t i = 0; i < (*attach)->n_seen; i++)
		mp_freep(&(*attach)->seen[i].ids);
	mp_freep(&(*attach)->seen);
	mp_strmap_freep(&(*attach)->told);
	mp_freep(attach);
}

uint64_t mp_attach_truncated(const struct mp_attach *attach)
{
	return attach->truncated;
}

/* One process that is being read. Its directory in /proc fails once it has ended, also when another
 * one gets its ID. */
struct process {
	struct mp_attach *attach;
	pid_t pid;
	int dir;
	struct mounts *mounts;
	long root_mount;
	char *exe; /* NULL: of no mount of its own */
	struct stat exe_stat;
	mp_attach_found found;
	void *context;
};

static void process_cleanup(struct process *process)
{
	mp_closep(&process->dir);
	mp_freep(&process->exe);
}

static bool has_ended(int error)
{
	return error == ENOENT || error == ESRCH;
}

/* 0 for a process, or a descriptor of it, that is gone; else -1 with @err. */
static int not_readable(const struct process *process, const char *name, int error,
			struct mp_error *err)
{
	if (has_ended(error))
		return 0;
	mp_error_set(err, MP_E_TRACE, error, "read '/proc/%d/%s'", (int)process->pid, name);
	if (error == EPERM || error == EACCES)
		return mp_error_hint(err, "CAP_SYS_PTRACE and CAP_SYS_ADMIN are needed: run with "
					  "sudo");
	return -1;
}

/* What /proc says of a descriptor; the same of every kernel, a line each. */
struct fdinfo {
	long long position;
	unsigned int flags;
	long mount;
};

static int read_fdinfo(int dir, const char *name, struct fdinfo *info)
{
	MP_AUTO(mp_closep) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	char text[256];
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (len < 0)
		return -1;
	text[len] = '\0';
	if (sscanf(text, "pos: %lld flags: %o mnt_id: %ld", &info->position, &info->flags,
		   &info->mount) == 3)
		return 0;
	errno = EBADMSG;
	return -1;
}

/* The ID of the mount that @fd is on; -1 and errno. */
static long mount_of(int fd)
{
	char name[48];
	struct fdinfo info;

	snprintf(name, sizeof(name), "/proc/thread-self/fdinfo/%d", fd);
	return read_fdinfo(AT_FDCWD, name, &info) ? -1 : info.mount;
}

/* Mount namespaces */

/* What a thread of its own brings from one. */
struct visit {
	int namespace, proc;
	int mountinfo;
	int error;
};

static void visit_cleanup(struct visit *visit)
{
	mp_closep(&visit->namespace);
	mp_closep(&visit->proc);
	mp_closep(&visit->mountinfo);
}

/*
 * /proc/PID/mountinfo has only what the process can reach from its own root, which need not be that
 * of the namespace: so it is read from within, where one enters at the namespace's root.
 */
static void *visit_namespace(void *context)
{
	struct visit *visit = context;

	if (unshare(CLONE_FS) == 0 && setns(visit->namespace, CLONE_NEWNS) == 0)
		visit->mountinfo =
			openat(visit->proc, "thread-self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (visit->mountinfo < 0)
		visit->error = errno;
	return NULL;
}

static int read_mounts(struct visit *visit, struct mounts *mounts, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	char *rest, *line;

	if (mp_fd_read_all(visit->mountinfo, "/proc/thread-self/mountinfo", MAX_MOUNTINFO_BYTES,
			   &text, err))
		return -1;
	for (rest = text.data; (line = strsep(&rest, "\n"));) {
		if (!isdigit((unsigned char)*line))
			continue;
		mounts->ids =
			mp_array_grow(mounts->ids, mounts->n, &mounts->cap, sizeof(*mounts->ids));
		mounts->ids[mounts->n++] = strtol(line, NULL, 10);
	}
	return 0;
}

static int enter_namespace(struct visit *visit, struct mp_error *err)
{
	pthread_t thread;
	int rc;

	visit->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (visit->proc < 0)
		return mp_error_set(err, MP_E_SYS, errno, "open '/proc'");
	rc = pthread_create(&thread, NULL, visit_namespace, visit);
	if (rc)
		return mp_error_set(err, MP_E_SYS, rc, "start a thread");
	pthread_join(thread, NULL);
	if (visit->error)
		return mp_error_set(err, MP_E_TRACE, visit->error, "list its mounts");
	return 0;
}

/* Finds process->mounts; 1, or 0 where the process has ended. */
static int find_mounts(struct process *process, struct mp_error *err)
{
	MP_AUTO(visit_cleanup) struct visit visit = { -1, -1, -1, 0 };
	struct mp_attach *attach = process->attach;
	struct mounts mounts = { 0 };
	struct stat st;

	visit.namespace = openat(process->dir, "ns/mnt", O_RDONLY | O_CLOEXEC);
	if (visit.namespace < 0 || fstat(visit.namespace, &st) < 0)
		return not_readable(process, "ns/mnt", errno, err);
	for (size_t i = 0; i < attach->n_seen; i++) {
		process->mounts = &attach->seen[i];
		if (process->mounts->namespace == st.st_ino)
			return 1;
	}
	mounts.namespace = st.st_ino;
	if (enter_namespace(&visit, err) || read_mounts(&visit, &mounts, err)) {
		mp_freep(&mounts.ids);
		return mp_error_prefix(err, "process %d", (int)process->pid);
	}
	attach->seen = mp_array_grow(attach->seen, attach->n_seen, &attach->cap_seen,
				     sizeof(*attach->seen));
	process->mounts = &attach->seen[attach->n_seen++];
	*process->mounts = mounts;
	return 1;
}

static bool has_mount(const struct mounts *mounts, long id)
{
	for (size_t i = 0; i < mounts->n; i++) {
		if (mounts->ids[i] == id)
			return true;
	}
	return false;
}

/* Files */

/* A file that a process has in use. */
struct object {
	char path[PATH_MAX];
	struct stat st;
	unsigned int flags; /* of enum mp_trace_flag */
	bool foreign;       /* of no mount of its namespace: path says nothing */
};

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/*
 * /proc marks the path of a file that has no name any more, and a file may be named like that. What
 * a layered file system says of its links does not tell.
 */
static void strip_mark(const struct process *process, struct object *object)
{
	size_t len = strlen(object->path), mark_len = strlen(DELETED);
	MP_AUTO(mp_closep) int root = -1;
	struct stat st;

	if (len <= mark_len || strcmp(object->path + len - mark_len, DELETED) != 0)
		return;
	root = openat(process->dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0 && fstatat(root, object->path + 1, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    same_file(&st, &object->st))
		return;
	object->path[len - mark_len] = '\0';
	object->flags |= MP_TRACE_DELETED;
}

/* The path by which /proc knows what @fd is open for; 0 where it is too long. */
static int read_path(struct process *process, int fd, struct object *object, struct mp_error *err)
{
	char link[48];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, object->path, sizeof(object->path) - 1);
	if (len < 0 && errno == ENAMETOOLONG) {
		mp_warn("process %d has a file in use whose path is too long to record",
			(int)process->pid);
		process->attach->truncated++;
		return 0;
	}
	if (len < 0)
		return mp_error_set(err, MP_E_SYS, errno, "readlink '%s'", link);
	object->path[len] = '\0';
	return 1;
}

/* Looks at what the link @name of the process leads to. 1; 0 where there is nothing to tell of. */
static int look(struct process *process, const char *name, struct object *object,
		struct mp_error *err)
{
	MP_AUTO(mp_closep) int fd = openat(process->dir, name, O_PATH | O_CLOEXEC);
	long mount;
	int rc;

	object->flags = MP_TRACE_ATTACHED;
	if (fd < 0 || fstat(fd, &object->st) < 0)
		return not_readable(process, name, errno, err);
	mount = mount_of(fd);
	if (mount < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read '/proc/self/fdinfo/%d'", fd);
	object->foreign = !has_mount(process->mounts, mount);
	if (object->foreign)
		return 1;
	rc = read_path(process, fd, object, err);
	if (rc <= 0)
		return rc;
	if (mount != process->root_mount)
		object->flags |= MP_TRACE_MOUNTED;
	if (S_ISDIR(object->st.st_mode))
		object->flags |= MP_TRACE_DIR;
	strip_mark(process, object);
	return 1;
}

/* Tells of @object, unless another process had it in use alike. @exe: who asked; NULL: unknown. */
static void tell(struct process *process, enum mp_trace_op op, const struct object *object,
		 const char *exe)
{
	MP_AUTO(mp_freep)
	char *key = mp_xasprintf("%d %x %s%c%s", (int)op, object->flags, object->path,
				 exe ? '\n' : '\0', exe ? exe : "");
	struct mp_trace_event event = { .op = op, .flags = object->flags };

	if (object->foreign || mp_strmap_put(process->attach->told, key, process->attach))
		return;
	event.path = mp_xstrdup(object->path);
	event.real = mp_xstrdup(object->path);
	event.exe = mp_xstrdup(exe);
	process->found(&event, process->context);
}

/* A descriptor of the process. */
static int read_descriptor(struct process *process, const char *number, struct mp_error *err)
{
	char name[48], info_name[48];
	struct fdinfo info = { 0 };
	struct object object;
	int rc;

	snprintf(name, sizeof(name), "fd/%s", number);
	snprintf(info_name, sizeof(info_name), "fdinfo/%s", number);
	rc = look(process, name, &object, err);
	if (rc <= 0 || object.foreign)
		return rc;
	if (read_fdinfo(process->dir, info_name, &info))
		return not_readable(process, info_name, errno, err);
	if ((info.flags & O_ACCMODE) != O_RDONLY && !(info.flags & O_PATH))
		object.flags |= MP_TRACE_WRITE;
	if (info.flags & O_PATH)
		object.flags |= MP_TRACE_LOCATED;
	tell(process, MP_OP_OPEN, &object, process->exe);
	/* A directory has a position once its names have been read. */
	if (S_ISDIR(object.st.st_mode) && info.position > 0)
		tell(process, MP_OP_LIST, &object, process->exe);
	return 0;
}

/* A range of memory with a file behind it. */
static int read_mapping(struct process *process, const char *range, struct mp_error *err)
{
	struct object object;
	struct stat link;
	char name[64];
	int rc;

	snprintf(name, sizeof(name), "map_files/%s", range);
	/* The link's own mode is how the file was opened. */
	if (fstatat(process->dir, name, &link, AT_SYMLINK_NOFOLLOW) < 0)
		return not_readable(process, name, errno, err);
	rc = look(process, name, &object, err);
	if (rc <= 0 || (process->exe && same_file(&object.st, &process->exe_stat)))
		return rc;
	if (link.st_mode & S_IWUSR)
		object.flags |= MP_TRACE_WRITE;
	tell(process, MP_OP_OPEN, &object, process->exe);
	return 0;
}

/* Reads each entry of the directory @name of the process. */
static int read_each(struct process *process, const char *name,
		     int (*read_one)(struct process *, const char *, struct mp_error *),
		     struct mp_error *err)
{
	int fd = openat(process->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int rc = 0;

	if (!dir) {
		rc = not_readable(process, name, errno, err);
		mp_closep(&fd);
		return rc;
	}
	while (rc >= 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			rc = read_one(process, entry->d_name, err);
	}
	closedir(dir);
	return rc < 0 ? -1 : 0;
}

static int read_places(struct process *process, struct mp_error *err)
{
	struct object object;
	int rc = look(process, "cwd", &object, err);

	if (rc > 0)
		tell(process, MP_OP_CHDIR, &object, process->exe);
	if (rc >= 0)
		rc = look(process, "root", &object, err);
	/* Unless it has another root than the namespace, there is nothing that it did. */
	if (rc > 0 && (object.foreign || strcmp(object.path, "/") != 0))
		tell(process, MP_OP_CHDIR, &object, process->exe);
	return rc < 0 ? -1 : 0;
}

/* Finds the mount of the process's root; what is on another one is marked. 1; 0: it has ended. */
static int find_root(struct process *process, struct mp_error *err)
{
	MP_AUTO(mp_closep) int fd = openat(process->dir, "root", O_PATH | O_CLOEXEC);

	if (fd < 0)
		return not_readable(process, "root", errno, err);
	process->root_mount = mount_of(fd);
	if (process->root_mount < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read '/proc/self/fdinfo/%d'", fd);
	return 1;
}

/* Opens @pid's directory, finds its mounts and its program. 1; 0: it has ended, or is a thread of
 * the kernel's, which has no program. @program: NULL, or filled. */
static int process_open(struct process *process, struct object *program, struct mp_error *err)
{
	char name[32];
	int rc;

	snprintf(name, sizeof(name), "/proc/%d", (int)process->pid);
	process->dir = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (process->dir < 0)
		return not_readable(process, "", errno, err);
	rc = find_mounts(process, err);
	if (rc > 0)
		rc = find_root(process, err);
	if (rc > 0)
		rc = look(process, "exe", program, err);
	if (rc <= 0 || program->foreign)
		return rc;
	process->exe = mp_xstrdup(program->path);
	process->exe_stat = program->st;
	return 1;
}

int mp_attach_program(struct mp_attach *attach, pid_t pid, char **exe_out, struct mp_error *err)
{
	MP_AUTO(process_cleanup)
	struct process process = { .attach = attach, .pid = pid, .dir = -1 };
	struct object program;

	if (process_open(&process, &program, err) < 0)
		return -1;
	*exe_out = MP_STEAL(process.exe);
	return 0;
}

int mp_attach_read(struct mp_attach *attach, pid_t pid, mp_attach_found found, void *context,
		   struct mp_error *err)
{
	MP_AUTO(process_cleanup)
	struct process process = {
		.attach = attach, .pid = pid, .dir = -1, .found = found, .context = context
	};
	struct object program;
	int rc = process_open(&process, &program, err);

	if (rc <= 0)
		return rc;
	/* Who executed it is not known any more. */
	tell(&process, MP_OP_EXEC, &program, NULL);
	if (read_each(&process, "map_files", read_mapping, err) ||
	    read_each(&process, "fd", read_descriptor, err) || read_places(&process, err))
		return -1;
	return 0;
}
