/* SPDX-License-Identifier: BSD-2-Clause */
#include "tracer/spool.h"

#include "core/cleanup.h"
#include "core/file.h"

#include <errno.h>
#include <linux/types.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bpf/event.h"

#define BLOCK_SIZE ((size_t)256 << 10)

/* A set of 64-bit keys: open addressing, a power of two, at most half full; 0 is never a key. */
struct key_set {
	uint64_t *slots;
	size_t size, used;
};

struct mp_spool {
	int fd;
	struct key_set seen;
	char *block;  /* what was not written yet, or was read and not taken */
	size_t used;  /* bytes in it */
	size_t taken; /* of those, while reading */
	bool reading; /* since the first _rewind */
	bool at_end;  /* nothing behind what is in it */
	bool failed;
	struct mp_error failure;
};

/* The slot of @key, or the free one where it belongs. The keys are hashes already. */
static uint64_t *key_slot(const struct key_set *set, uint64_t key)
{
	size_t i = key & (set->size - 1);

	while (set->slots[i] && set->slots[i] != key)
		i = (i + 1) & (set->size - 1);
	return &set->slots[i];
}

static void key_set_grow(struct key_set *set)
{
	struct key_set bigger = { .size = set->size ? set->size * 2 : 1024, .used = set->used };

	bigger.slots = mp_xcalloc(bigger.size, sizeof(*bigger.slots));
	for (size_t i = 0; i < set->size; i++) {
		if (set->slots[i])
			*key_slot(&bigger, set->slots[i]) = set->slots[i];
	}
	mp_freep(&set->slots);
	*set = bigger;
}

/* Whether @key is new; it is in the set afterwards. */
static bool key_set_add(struct key_set *set, uint64_t key)
{
	uint64_t *slot;

	if (!key)
		key = 1;
	if (set->used * 2 >= set->size)
		key_set_grow(set);
	slot = key_slot(set, key);
	if (*slot)
		return false;
	*slot = key;
	set->used++;
	return true;
}

/* As in the kernel, n records have two of the same key by chance with about n²/2^65. */
static uint64_t key_of(const char *data, size_t size)
{
	uint64_t key = size, word;

	for (; size >= sizeof(word); data += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		key = mp_mix(key, word);
	}
	word = 0;
	memcpy(&word, data, size);
	key = mp_mix(key, word);
	key = mp_mix(key ^ key >> 29, size);
	return key;
}

int mp_spool_open(struct mp_spool **spool_out, struct mp_error *err)
{
	int fd = mp_temporary_open();

	if (fd < 0)
		return mp_error_set(err, MP_E_SYS, errno,
				    "create a temporary file in '%s' ($TMPDIR)",
				    mp_temporary_dir());
	*spool_out = mp_xcalloc(1, sizeof(**spool_out));
	(*spool_out)->fd = fd;
	(*spool_out)->block = mp_xmalloc(BLOCK_SIZE);
	return 0;
}

void mp_spool_freep(struct mp_spool **spool)
{
	if (!*spool)
		return;
	close((*spool)->fd);
	mp_freep(&(*spool)->seen.slots);
	mp_freep(&(*spool)->block);
	mp_freep(spool);
}

static void flush(struct mp_spool *spool)
{
	if (!spool->failed && spool->used > 0 &&
	    mp_fd_write_all(spool->fd, spool->block, spool->used, "the temporary file in $TMPDIR",
			    &spool->failure))
		spool->failed = true;
	spool->used = 0;
}

void mp_spool_add(struct mp_spool *spool, const void *data, size_t size, size_t skip)
{
	uint32_t len = (uint32_t)size;

	if (size > BLOCK_SIZE - sizeof(len) || skip > size) {
		if (!spool->failed)
			mp_error_set(
				&spool->failure, MP_E_TRACE, 0,
				"keep a record of %zu bytes: the kernel side makes none like it",
				size);
		spool->failed = true;
		return;
	}
	if (!key_set_add(&spool->seen, key_of((const char *)data + skip, size - skip)))
		return;
	if (spool->used + sizeof(len) + size > BLOCK_SIZE)
		flush(spool);
	memcpy(spool->block + spool->used, &len, sizeof(len));
	memcpy(spool->block + spool->used + sizeof(len), data, size);
	spool->used += sizeof(len) + size;
}

int mp_spool_rewind(struct mp_spool *spool, struct mp_error *err)
{
	if (!spool->reading)
		flush(spool);
	spool->reading = true;
	if (spool->failed) {
		*err = spool->failure;
		return -1;
	}
	if (lseek(spool->fd, 0, SEEK_SET) < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read the temporary file");
	spool->used = spool->taken = 0;
	spool->at_end = false;
	return 0;
}

/* Makes sure that @size bytes are in the block, unless the file ends before. */
static int fill(struct mp_spool *spool, size_t size, struct mp_error *err)
{
	if (spool->used - spool->taken >= size || spool->at_end)
		return 0;
	memmove(spool->block, spool->block + spool->taken, spool->used - spool->taken);
	spool->used -= spool->taken;
	spool->taken = 0;
	while (spool->used < BLOCK_SIZE) {
		ssize_t got = read(spool->fd, spool->block + spool->used, BLOCK_SIZE - spool->used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return mp_error_set(err, MP_E_SYS, errno, "read the temporary file");
		if (got == 0) {
			spool->at_end = true;
			break;
		}
		spool->used += (size_t)got;
	}
	return 0;
}

int mp_spool_next(struct mp_spool *spool, const void **data_out, size_t *size_out,
		  struct mp_error *err)
{
	uint32_t len;

	if (fill(spool, sizeof(len), err))
		return -1;
	if (spool->used - spool->taken < sizeof(len))
		return 0;
	memcpy(&len, spool->block + spool->taken, sizeof(len));
	if (fill(spool, sizeof(len) + len, err))
		return -1;
	if (spool->used - spool->taken < sizeof(len) + len)
		return mp_error_set(err, MP_E_SYS, 0, "the temporary file was cut by somebody");
	*data_out = spool->block + spool->taken + sizeof(len);
	*size_out = len;
	spool->taken += sizeof(len) + len;
	return 1;
}
