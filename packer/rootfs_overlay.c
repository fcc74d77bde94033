/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/rootfs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <unistd.h>

/* mount(2) takes one page of options, with a NUL. */
#define OPTIONS_MAX 4096

/* What the mounting thread gets, and leaves. */
struct job {
	const struct mp_strv *layer_dirs;
	int root_fd;
	int rc;
	struct mp_error *err;
};

static int open_layer(const char *path, int *fd_out, struct mp_error *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return mp_error_set(err, MP_E_SYS, errno, "open image layer '%s'", path);
	*fd_out = fd;
	return 0;
}

struct fds {
	int *v;
	size_t n;
};

static void fds_close(struct fds *fds)
{
	for (size_t i = 0; i < fds->n; i++)
		mp_closep(&fds->v[i]);
	mp_freep(&fds->v);
}

static int open_layers(const struct mp_strv *layer_dirs, struct fds *fds, struct mp_error *err)
{
	fds->v = mp_xcalloc(layer_dirs->n, sizeof(*fds->v));
	for (; fds->n < layer_dirs->n; fds->n++) {
		if (open_layer(layer_dirs->v[fds->n], &fds->v[fds->n], err))
			return -1;
	}
	return 0;
}

/*
 * Layers by descriptor: a ':' or ',' in a name of the engine's would end it, and 128 layers (moby's
 * limit) by name would not fit.
 */
static int mount_options(const struct fds *fds, struct mp_buf *options, struct mp_error *err)
{
	mp_buf_adds(options, "lowerdir=");
	for (size_t i = 0; i < fds->n; i++)
		mp_buf_addf(options, "%s/proc/self/fd/%d", i ? ":" : "", fds->v[i]);
	if (options->len >= OPTIONS_MAX)
		return mp_error_set(err, MP_E_SYS, E2BIG, "mount %zu image layers", fds->n);
	return 0;
}

/*
 * The new mount's root. The mount lies over the uppermost layer, whose name leads to it now; what
 * the name led to before must not be taken for it.
 */
static int open_mounted(const char *path, int *root_fd_out, struct mp_error *err)
{
	MP_AUTO(mp_closep) int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return mp_error_set(err, MP_E_SYS, errno, "open the mounted image at '%s'", path);
	if (fs.f_type != OVERLAYFS_SUPER_MAGIC)
		return mp_error_set(err, MP_E_SYS, 0,
				    "open the mounted image at '%s': it was moved meanwhile", path);
	*root_fd_out = MP_STEAL_FD(fd);
	return 0;
}

/* In a mount namespace of the thread's own. */
static int mount_layers(struct job *job)
{
	MP_AUTO(mp_buf_free) struct mp_buf options = { 0 };
	MP_AUTO(fds_close) struct fds fds = { 0 };
	const char *top = job->layer_dirs->v[0];

	/* Opened here, not before: overlayfs (since Linux 5.14) takes no layer of a foreign mount
	 * namespace. */
	if (open_layers(job->layer_dirs, &fds, job->err) || mount_options(&fds, &options, job->err))
		return -1;
	if (mount("overlay", top, "overlay", MS_RDONLY | MS_NODEV | MS_NOSUID | MS_NOATIME,
		  options.data) < 0)
		return mp_error_set(job->err, MP_E_SYS, errno, "mount %zu image layers over '%s'",
				    fds.n, top);
	return open_mounted(top, &job->root_fd, job->err);
}

static void *mount_thread(void *arg)
{
	struct job *job = arg;

	if (unshare(CLONE_FS | CLONE_NEWNS) < 0)
		mp_error_set(job->err, MP_E_SYS, errno, "make a private mount namespace");
	/* Without this, systemd's shared mounts would pass ours on to the host. */
	else if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		mp_error_set(job->err, MP_E_SYS, errno, "make the mounts of '/' private");
	else
		job->rc = mount_layers(job);
	return NULL;
}

/*
 * A thread, because a namespace belongs to a task: when the thread ends, so does the namespace, and
 * the mount lives on in the descriptor alone. No process can ever see it, and nothing is left to
 * unmount, however this program ends.
 */
static int mount_private(const struct mp_strv *layer_dirs, int *root_fd_out, struct mp_error *err)
{
	struct job job = { .layer_dirs = layer_dirs, .rc = -1, .err = err };
	pthread_t thread;
	int error = pthread_create(&thread, NULL, mount_thread, &job);

	if (error)
		return mp_error_set(err, MP_E_SYS, error, "start a thread");
	pthread_join(thread, NULL);
	if (job.rc)
		return -1;
	*root_fd_out = job.root_fd;
	return 0;
}

int mp_rootfs_open_overlay(const struct mp_strv *layer_dirs, struct mp_rootfs **root_out,
			   struct mp_error *err)
{
	bool single = layer_dirs->n == 1;
	int fd = -1;

	if (layer_dirs->n == 0)
		return mp_error_set(err, MP_E_ENGINE, 0, "the image has no layer directories");
	/* overlayfs wants two lower directories; one needs no joining, only its whiteouts hidden.
	 */
	if (single ? open_layer(layer_dirs->v[0], &fd, err) : mount_private(layer_dirs, &fd, err))
		return -1;
	return mp_rootfs_directory_take(fd, single ? MP_DIRECTORY_LAYER : MP_DIRECTORY_PRIVATE,
					layer_dirs->v[0], root_out, err);
}
