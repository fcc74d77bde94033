/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/sparse.h"

#include "core/interrupt.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (MP_SPARSE_BLOCK * 64)

/* A file that is being looked through. */
struct scan {
	const struct mp_contents *contents;
	uint64_t size;
	uint64_t zeros_from; /* begin of the run of zeros that goes on; where there is none, @at */
	uint64_t at;         /* as far as it was read; a multiple of the block, or the end */
	uint64_t data_max;   /* with more data than that, it is not sparse */
	struct mp_sparse map;
	unsigned char *chunk;
};

static void scan_clear(struct scan *scan)
{
	mp_sparse_clear(&scan->map);
	mp_freep(&scan->chunk);
}

/*
 * The first byte from scan->at on that is stored, as far as the file system says so. It may be
 * asked about a part of an archive: holes are its own there, and a block is counted from the begin
 * of the file.
 */
static uint64_t stored_from(const struct scan *scan)
{
	off_t at = (off_t)(scan->contents->offset + scan->at);
	off_t data = lseek(scan->contents->fd, at, SEEK_DATA);
	uint64_t next;

	if (data < 0) /* ENXIO: nothing but a hole from here to the end */
		return errno == ENXIO ? scan->size : scan->at;
	next = (uint64_t)data - scan->contents->offset;
	next -= next % MP_SPARSE_BLOCK;
	if (next > scan->size)
		return scan->size;
	return next > scan->at ? next : scan->at;
}

/* Data goes from the end of the last hole to @end: another part, or more of the last. */
static bool add_data(struct scan *scan, uint64_t from, uint64_t end)
{
	struct mp_sparse *map = &scan->map;
	struct mp_sparse_part *last = map->n ? &map->parts[map->n - 1] : NULL;

	if (last && last->offset + last->size_bytes == from) {
		last->size_bytes += end - from;
		return true;
	}
	if (map->n == MP_SPARSE_PARTS_MAX)
		return false;
	map->parts = mp_array_grow(map->parts, map->n, &map->cap, sizeof(*map->parts));
	map->parts[map->n++] = (struct mp_sparse_part){ from, end - from };
	return true;
}

/*
 * The run of zeros before scan->at is over: a hole, or data where it is too short for one. false:
 * too many parts.
 */
static bool end_zeros(struct scan *scan)
{
	uint64_t zeros = scan->at - scan->zeros_from;

	if (zeros >= MP_SPARSE_HOLE_MIN)
		scan->map.hole_bytes += zeros;
	else if (zeros && !add_data(scan, scan->zeros_from, scan->at))
		return false;
	scan->zeros_from = scan->at;
	return true;
}

/* Takes @len bytes that were read at scan->at. false: too many parts. */
static bool take_chunk(struct scan *scan, size_t len)
{
	for (size_t done = 0, step; done < len; done += step) {
		step = len - done < MP_SPARSE_BLOCK ? len - done : MP_SPARSE_BLOCK;
		if (mp_is_zero(scan->chunk + done, step)) {
			scan->at += step;
			continue;
		}
		if (!end_zeros(scan) || !add_data(scan, scan->at, scan->at + step))
			return false;
		scan->zeros_from = scan->at += step;
	}
	return true;
}

/* All of a chunk, but for the end of the file: how much a read returns must not matter. */
static ssize_t read_chunk(const struct scan *scan)
{
	uint64_t left = scan->size - scan->at;
	size_t want = left < CHUNK ? (size_t)left : CHUNK, got = 0;

	while (got < want) {
		ssize_t n = mp_contents_read(scan->contents, scan->chunk + got, want - got,
					     scan->at + got);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static int too_many_parts(const struct scan *scan, const char *path, struct mp_error *err)
{
	if (scan->size <= MP_SPARSE_PLAIN_MAX)
		return 0;
	return mp_error_set(err, MP_E_FORMAT, 0,
			    "'%s' has %" PRIu64 " bytes and more than %d holes: not packed", path,
			    scan->size, MP_SPARSE_PARTS_MAX);
}

/* 1: it was read to its end; 0: it is not sparse; -1. */
static int scan_all(struct scan *scan, const char *path, struct mp_error *err)
{
	while (scan->at < scan->size) {
		uint64_t data = scan->zeros_from - scan->map.hole_bytes;
		ssize_t got;

		if (mp_interrupt_check(err))
			return -1;
		if (data > scan->data_max)
			return 0;
		scan->at = stored_from(scan);
		if (scan->at == scan->size)
			break;
		got = read_chunk(scan);
		if (got < 0)
			return mp_error_set(err, MP_E_SYS, errno, "read '%s'", path);
		if (got == 0) /* it shrinks, as whoever reads it next will notice */
			return 0;
		if (!take_chunk(scan, (size_t)got))
			return too_many_parts(scan, path, err);
	}
	return end_zeros(scan) ? 1 : too_many_parts(scan, path, err);
}

int mp_sparse_map(const struct mp_contents *contents, uint64_t size, uint64_t hole_bytes_min,
		  const char *path, struct mp_sparse *map_out, struct mp_error *err)
{
	uint64_t least = hole_bytes_min > size - size / 2 ? hole_bytes_min : size - size / 2;
	MP_AUTO(scan_clear) struct scan scan = { .contents = contents, .size = size };
	int rc;

	if (size < least)
		return 0;
	scan.data_max = size - least;
	scan.chunk = mp_xmalloc(CHUNK);
	rc = scan_all(&scan, path, err);
	if (rc <= 0 || scan.map.hole_bytes < least)
		return rc < 0 ? -1 : 0;
	*map_out = scan.map;
	scan.map = (struct mp_sparse){ 0 };
	return 1;
}

void mp_sparse_clear(struct mp_sparse *map)
{
	mp_freep(&map->parts);
	*map = (struct mp_sparse){ 0 };
}
