/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe.h"

#include <sched.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mount.h>

/* What takes more than one call. Each leaves its descriptors open; the process ends soon. */

_Thread_local char out[32768];
char *const leaf[] = { "probe", "leaf", NULL };
char *const no_environment[] = { NULL };

/* @path with @suffix behind it; never freed. */
const char *beside(const char *path, const char *suffix)
{
	char *joined;

	REQUIRE(asprintf(&joined, "%s%s", path, suffix) > 0);
	return joined;
}

/* Holds @path open as descriptor @fd. Returns @result. */
const char *held(const char *path, int fd, const char *result)
{
	int other = open(path, O_RDONLY);

	REQUIRE(other >= 0 && dup2(other, fd) == fd);
	close(other);
	return result;
}

int folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY);

	REQUIRE(fd >= 0);
	return fd;
}

/* Into the work folder again. */
long back(long result)
{
	REQUIRE(fchdir(work) == 0);
	return result;
}

long chdir_open(const char *path, const char *file)
{
	long result = sys(SYS_chdir, path);

	if (result < 0)
		return result;
	return back(sys(SYS_openat, AT_FDCWD, file, O_RDONLY));
}

long chroot_open(const char *path, const char *file)
{
	long result = sys(SYS_chroot, path);

	return result < 0 ? result : sys(SYS_openat, AT_FDCWD, file, O_RDONLY);
}

/* A new folder with a file: overlayfs does not rename folders of a lower layer. */
static void new_tree(const char *path)
{
	int fd;

	REQUIRE(mkdir(path, 0755) == 0);
	fd = creat(beside(path, "/file"), 0644);
	REQUIRE(fd >= 0 && close(fd) == 0);
}

/* The same text before and after the folder that it begins in is called something else. */
long moved_folder(const char *path)
{
	int fd;

	new_tree(path);
	fd = folder(path);
	REQUIRE(sys(SYS_openat, fd, "file", O_RDONLY) >= 0);
	REQUIRE(rename(path, beside(path, ".to")) == 0);
	return sys(SYS_openat, fd, "file", O_RDONLY);
}

long moved_working_folder(const char *path)
{
	new_tree(path);
	REQUIRE(chdir(path) == 0);
	REQUIRE(sys(SYS_openat, AT_FDCWD, "file", O_RDONLY) >= 0);
	REQUIRE(renameat(work, path, work, beside(path, ".to")) == 0);
	return back(sys(SYS_openat, AT_FDCWD, "file", O_RDONLY));
}

long deleted_folder(const char *path)
{
	REQUIRE(chdir(path) == 0 && unlinkat(work, path, AT_REMOVEDIR) == 0);
	return back(sys(SYS_openat, AT_FDCWD, "file", O_RDONLY));
}

long deleted_open(const char *path, int fd, const char *magic)
{
	held(path, fd, magic);
	REQUIRE(unlink(path) == 0);
	return sys(SYS_openat, AT_FDCWD, magic, O_RDONLY);
}

long renamed_open(const char *path, int fd, const char *magic)
{
	held(path, fd, magic);
	REQUIRE(rename(path, beside(path, ".to")) == 0);
	return sys(SYS_openat, AT_FDCWD, magic, O_RDONLY);
}

/* Another file under the same name. */
long replaced_open(const char *path)
{
	REQUIRE(sys(SYS_openat, AT_FDCWD, path, O_RDONLY) >= 0);
	REQUIRE(rename(beside(path, ".to"), path) == 0);
	return sys(SYS_openat, AT_FDCWD, path, O_RDONLY);
}

/* A folder over a folder below it. */
long bind_open(const char *path)
{
	long result = sys(SYS_mount, path, beside(path, "/dir"), NULL, MS_BIND, NULL);

	return result < 0 ? result : sys(SYS_openat, AT_FDCWD, beside(path, "/dir/file"), O_RDONLY);
}

long tmpfs_open(const char *path)
{
	long result = sys(SYS_mount, "none", path, "tmpfs", 0, NULL);

	return result < 0
		       ? result
		       : sys(SYS_openat, AT_FDCWD, beside(path, "/file"), O_WRONLY | O_CREAT, 0644);
}

/* A file that is copied up as it is opened. */
long overlay_open(const char *path)
{
	const char *over = beside(path, ".over"), *options;
	long result;

	REQUIRE(mkdir(over, 0755) == 0 && mkdir(beside(path, ".upper"), 0755) == 0);
	REQUIRE(mkdir(beside(path, ".work"), 0755) == 0);
	options = beside("lowerdir=", path);
	options = beside(beside(options, ",upperdir="), beside(path, ".upper"));
	options = beside(beside(options, ",workdir="), beside(path, ".work"));
	result = sys(SYS_mount, "none", over, "overlay", 0, options);
	return result < 0 ? result : sys(SYS_openat, AT_FDCWD, beside(over, "/file"), O_RDWR);
}

long link_descriptor(const char *path)
{
	int fd = open(path, O_RDONLY);

	return sys(SYS_linkat, fd, "", AT_FDCWD, beside(path, ".new"), AT_EMPTY_PATH);
}

long exec_descriptor(const char *path, int flags)
{
	int fd = open(path, flags);

	return sys(SYS_execveat, fd, "", leaf, no_environment, AT_EMPTY_PATH);
}

struct handle {
	struct file_handle head;
	char bytes[MAX_HANDLE_SZ];
};

long name_handle(const char *path, int flags)
{
	struct handle handle = { .head.handle_bytes = MAX_HANDLE_SZ };
	int mount;

	return sys(SYS_name_to_handle_at, work, path, &handle, &mount, flags);
}

long open_handle(const char *path)
{
	struct handle handle = { .head.handle_bytes = MAX_HANDLE_SZ };
	int mount;
	long result = sys(SYS_name_to_handle_at, work, path, &handle, &mount, 0);

	return result < 0 ? result : sys(SYS_open_by_handle_at, work, &handle, O_RDONLY);
}

long watch(const char *path, unsigned int mask)
{
	int fd = inotify_init1(0);

	REQUIRE(fd >= 0);
	return sys(SYS_inotify_add_watch, fd, path, mask);
}

long mark(const char *path, unsigned int flags)
{
	long fd = sys(SYS_fanotify_init, FAN_CLASS_NOTIF, O_RDONLY);

	if (fd < 0)
		return fd;
#ifdef __i386__
	/* The mask has 64 bits: two arguments. */
	return sys(SYS_fanotify_mark, fd, flags, FAN_OPEN, 0, work, path);
#else
	return sys(SYS_fanotify_mark, fd, flags, (uint64_t)FAN_OPEN, work, path);
#endif
}
