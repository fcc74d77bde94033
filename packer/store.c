/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/store.h"

#include "core/file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Beyond what any file system can hold, and far from where sums of it would overflow. */
#define CONTENTS_MAX ((uint64_t)1 << 62)

/* Blocks of zeros become holes; file systems allocate in blocks of this size or smaller. */
#define HOLE 4096
#define BUFFER 65536

int mp_store_failed(int error, const char *what, struct mp_error *err)
{
	mp_error_set(err, MP_E_SYS, error, "%s a temporary file in '%s'", what, mp_temporary_dir());
	if (error == ENOSPC || error == EDQUOT || error == EFBIG)
		mp_error_hint(err, "set TMPDIR to a directory with more room");
	return -1;
}

int mp_store_open(int *fd_out, struct mp_error *err)
{
	int fd = mp_temporary_open();

	if (fd < 0)
		return mp_store_failed(errno, "create", err);
	*fd_out = fd;
	return 0;
}

int mp_store_start(struct mp_store *store, struct mp_error *err)
{
	int fd = -1;

	if (mp_store_open(&fd, err))
		return -1;
	*store = (struct mp_store){ .fd = fd, .buffer = mp_xmalloc(BUFFER) };
	return 0;
}

/* Blocks of different files are kept apart, so that each keeps its holes. */
bool mp_store_reserve(struct mp_store *store, uint64_t size_bytes, uint64_t *offset_out)
{
	if (size_bytes >= CONTENTS_MAX - store->end - HOLE)
		return false;
	*offset_out = store->end;
	store->end += (size_bytes + HOLE - 1) / HOLE * HOLE;
	return true;
}

static int pwrite_all(int fd, const unsigned char *data, size_t len, uint64_t offset,
		      struct mp_error *err)
{
	while (len > 0) {
		ssize_t put = pwrite(fd, data, len, (off_t)offset);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return mp_store_failed(errno, "write to", err);
		data += put;
		len -= (size_t)put;
		offset += (uint64_t)put;
	}
	return 0;
}

/* Bytes from @offset to the end of its block, @len at most. */
static size_t block_left(uint64_t offset, size_t len)
{
	size_t left = HOLE - (size_t)(offset % HOLE);

	return left < len ? left : len;
}

/* Writes what is buffered, but blocks of zeros. */
static int flush(struct mp_store *store, struct mp_error *err)
{
	const unsigned char *data = store->buffer;
	uint64_t offset = store->buffer_at;
	size_t left = store->buffer_len;

	store->buffer_len = 0;
	while (left > 0) {
		size_t run = 0, step = 0;

		while (run < left &&
		       !mp_is_zero(data + run, step = block_left(offset + run, left - run)))
			run += step;
		if (run && pwrite_all(store->fd, data, run, offset, err))
			return -1;
		if (run < left)
			run += step;
		data += run;
		offset += run;
		left -= run;
	}
	return 0;
}

/*
 * Goes on at @offset, in the buffer where that can be: files that begin at the next block after the
 * end of another are written with it at once, zeros between them, which take no room there.
 */
static int move_to(struct mp_store *store, uint64_t offset, struct mp_error *err)
{
	uint64_t end = store->buffer_at + store->buffer_len;

	if (offset == end)
		return 0;
	if (store->buffer_len == 0 || offset < end || offset - end >= HOLE ||
	    offset / BUFFER != store->buffer_at / BUFFER)
		return flush(store, err);
	memset(store->buffer + store->buffer_len, 0, (size_t)(offset - end));
	store->buffer_len += (size_t)(offset - end);
	return 0;
}

int mp_store_write(struct mp_store *store, uint64_t offset, const void *data, size_t len,
		   struct mp_error *err)
{
	const unsigned char *p = data;

	if (move_to(store, offset, err))
		return -1;
	while (len > 0) {
		size_t room, take;

		if (store->buffer_len == 0)
			store->buffer_at = offset;
		/* Up to a multiple of the buffer's size, so that later blocks lie in it whole. */
		room = BUFFER - (size_t)(offset % BUFFER);
		take = len < room ? len : room;
		memcpy(store->buffer + store->buffer_len, p, take);
		store->buffer_len += take;
		if (take == room && flush(store, err))
			return -1;
		offset += take;
		p += take;
		len -= take;
	}
	return 0;
}

int mp_store_finish(struct mp_store *store, struct mp_error *err)
{
	if (flush(store, err))
		return -1;
	/* The last file may end in a hole. */
	if (ftruncate(store->fd, (off_t)store->end) < 0)
		return mp_store_failed(errno, "write to", err);
	return 0;
}

void mp_store_close(struct mp_store *store)
{
	if (!store->buffer)
		return;
	mp_closep(&store->fd);
	mp_freep(&store->buffer);
	*store = (struct mp_store){ 0 };
}
