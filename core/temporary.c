/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/temporary.h"

#include "core/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const char *temporary_dir(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && dir[0] ? dir : "/tmp";
}

int mp_temporary_failed(int error, const char *what, struct mp_error *err)
{
	mp_error_set(err, MP_E_SYS, error, "%s a temporary file in '%s'", what, temporary_dir());
	if (error == ENOSPC || error == EDQUOT || error == EFBIG)
		mp_error_hint(err, "set TMPDIR to a directory with more room");
	return -1;
}

int mp_temporary_open(int *fd_out, struct mp_error *err)
{
	const char *dir = temporary_dir();
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	/* EISDIR: the file system knows nothing of O_TMPFILE (some network ones). */
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		MP_AUTO(mp_freep) char *path = mp_path_join(dir, "micropack.XXXXXX");

		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			unlink(path);
	}
	if (fd < 0)
		return mp_temporary_failed(errno, "create", err);
	*fd_out = fd;
	return 0;
}
