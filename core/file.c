/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/file.h"

#include "core/interrupt.h"
#include "core/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Why open(2) failed: of a FIFO it waits for the other end, and a signal ends that. */
static int open_failed(const char *path, const char *purpose, struct mp_error *err)
{
	int error = errno;

	if (error == EINTR && mp_interrupt_check(err))
		return -1;
	return mp_error_set(err, MP_E_SYS, error, "open '%s'%s", path, purpose);
}

int mp_fd_read_all(int fd, const char *what, size_t max_bytes, struct mp_buf *buf,
		   struct mp_error *err)
{
	char chunk[65536];

	for (;;) {
		ssize_t got = read(fd, chunk, sizeof(chunk));

		if (got < 0 && errno == EINTR) {
			if (mp_interrupt_check(err))
				return -1;
			continue;
		}
		if (got < 0)
			return mp_error_set(err, MP_E_SYS, errno, "read '%s'", what);
		if (got == 0)
			return 0;
		if (buf->len + (size_t)got > max_bytes)
			return mp_error_set(err, MP_E_FORMAT, 0, "read '%s': larger than %zu bytes",
					    what, max_bytes);
		mp_buf_add(buf, chunk, (size_t)got);
	}
}

int mp_file_read(const char *path, size_t max_bytes, struct mp_buf *buf, struct mp_error *err)
{
	MP_AUTO(mp_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return open_failed(path, "", err);
	return mp_fd_read_all(fd, path, max_bytes, buf, err);
}

int mp_file_read_named(const char *path, size_t max_bytes, struct mp_buf *buf, struct mp_error *err)
{
	if (mp_file_read(path, max_bytes, buf, err) == 0)
		return 0;
	if (err && err->code != MP_E_INTERRUPTED)
		err->code = MP_E_USAGE;
	return -1;
}

int mp_fd_write_all(int fd, const void *data, size_t len, const char *what, struct mp_error *err)
{
	const char *p = data;

	while (len > 0) {
		ssize_t put = write(fd, p, len);

		if (put < 0 && errno != EINTR)
			return mp_error_set(err, MP_E_SYS, errno, "write '%s'", what);
		if (put > 0) {
			p += put;
			len -= (size_t)put;
		}
		/* Less than all, to a pipe: it was full, and a signal ended the wait. */
		if (len > 0 && mp_interrupt_check(err))
			return -1;
	}
	return 0;
}

bool mp_outfile_is_in_place(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) &&
	    (mp_path_is_under(path, "/dev") || mp_path_is_under(path, "/proc")))
		return true;
	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

/* Whether it is the place that is wrong, not the time. */
static int create_failed(const char *path, int error, struct mp_error *err)
{
	static const int wrong_places[] = { ENOENT, ENOTDIR, EISDIR, EACCES, EROFS, ENAMETOOLONG };

	for (size_t i = 0; i < MP_ARRAY_LEN(wrong_places); i++) {
		if (error == wrong_places[i])
			return mp_error_set(err, MP_E_USAGE, error, "create '%s'", path);
	}
	return mp_error_set(err, MP_E_SYS, error, "create '%s'", path);
}

int mp_outfile_open(struct mp_outfile *file, const char *path, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *temporary = NULL;
	struct stat st;
	mode_t mask;
	int fd;

	if (!path[0]) /* its temporary file could be created */
		return create_failed(path, ENOENT, err);
	if (mp_outfile_is_in_place(path)) {
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			return open_failed(path, " for writing", err);
	} else {
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			return create_failed(path, EISDIR, err);
		temporary = mp_xasprintf("%s.XXXXXX.tmp", path);
		fd = mkostemps(temporary, 4, O_CLOEXEC);
		if (fd < 0)
			return create_failed(path, errno, err);
		mask = umask(0);
		umask(mask);
		fchmod(fd, 0666 & ~mask);
	}
	*file = (struct mp_outfile){ mp_xstrdup(path), MP_STEAL(temporary), fd };
	return 0;
}

int mp_outfile_commit(struct mp_outfile *file, struct mp_error *err)
{
	int rc = 0;

	if (file->temporary && fsync(file->fd) < 0)
		rc = mp_error_set(err, MP_E_SYS, errno, "write '%s'", file->path);
	/* Network file systems report a full disk as late as here. */
	if (close(file->fd) < 0 && rc == 0)
		rc = mp_error_set(err, MP_E_SYS, errno, "write '%s'", file->path);
	file->fd = -1;
	if (rc == 0 && file->temporary) {
		if (rename(file->temporary, file->path) < 0)
			rc = mp_error_set(err, MP_E_SYS, errno, "rename to '%s'", file->path);
		else
			mp_freep(&file->temporary);
	}
	mp_outfile_closep(file);
	return rc;
}

void mp_outfile_closep(struct mp_outfile *file)
{
	int saved_errno = errno;

	if (!file->path)
		return;
	if (file->fd >= 0)
		close(file->fd);
	if (file->temporary)
		unlink(file->temporary);
	mp_freep(&file->temporary);
	mp_freep(&file->path);
	*file = (struct mp_outfile){ NULL, NULL, -1 };
	errno = saved_errno;
}

const char *mp_temporary_dir(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && dir[0] ? dir : "/tmp";
}

int mp_temporary_open(void)
{
	MP_AUTO(mp_freep) char *path = NULL;
	int fd = open(mp_temporary_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	/* EISDIR: the file system knows nothing of O_TMPFILE (some network ones). */
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	path = mp_path_join(mp_temporary_dir(), "micropack.XXXXXX");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

int mp_file_replace(const char *path, const void *data, size_t len, struct mp_error *err)
{
	MP_AUTO(mp_outfile_closep) struct mp_outfile file = { 0 };

	if (mp_outfile_open(&file, path, err) || mp_fd_write_all(file.fd, data, len, path, err))
		return -1;
	return mp_outfile_commit(&file, err);
}
