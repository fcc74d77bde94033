/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/digests.h"

#include <errno.h>
#include <pthread.h>
#include <search.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (1 << 18)

#define HOLES_MAX_BYTES ((uint64_t)1 << 30)
/* A file with more parts than that is read, whatever its holes sum up to. */
#define PARTS_MAX 1000

struct mp_digests {
	struct mp_rootfs *root;
	const struct mp_file **files; /* all of the set, by path */
	size_t n_files;
	struct mp_digest *v;
	size_t n, cap;
	void *links; /* struct link: files with several names */
	unsigned char *chunk;
	pthread_t thread;
	bool running; /* the thread was not joined yet */
	atomic_bool stop;
	bool failed;
	struct mp_error failure;
};

struct link {
	uint64_t dev, ino;
	size_t index; /* in v */
};

static int by_file(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino == y->ino ? 0 : x->ino < y->ino ? -1 : 1;
}

/* The digest of another name of @file, or NULL: then @index is that of the next one. */
static const struct mp_digest *twin_of(struct mp_digests *digests, const struct mp_file *file,
				       size_t index)
{
	struct link *link, **known;

	if (file->made || file->node.nlink < 2)
		return NULL;
	link = mp_xmalloc(sizeof(*link));
	*link = (struct link){ file->node.file_dev, file->node.file_ino, index };
	known = tsearch(link, &digests->links, by_file);
	if (!known || *known == link)
		return NULL;
	mp_freep(&link);
	return (*known)->index < digests->n ? &digests->v[(*known)->index] : NULL;
}

/* Whether more of the file is holes than zeros are worth being summed. */
static bool is_mostly_holes(const struct mp_contents *contents, uint64_t size)
{
	uint64_t holes = 0;
	off_t end = (off_t)(contents->offset + size);
	off_t at = (off_t)contents->offset;

	if (size <= HOLES_MAX_BYTES)
		return false;
	for (int i = 0; i < PARTS_MAX && at < end && holes <= HOLES_MAX_BYTES; i++) {
		off_t data = lseek(contents->fd, at, SEEK_DATA);

		if (data < 0 && errno != ENXIO)
			return false;
		if (data < 0 || data > end)
			data = end;
		holes += (uint64_t)(data - at);
		at = data < end ? lseek(contents->fd, data, SEEK_HOLE) : end;
		if (at < 0)
			return false;
	}
	return holes > HOLES_MAX_BYTES;
}

struct sums {
	struct mp_sha1 *sha1;
	struct mp_sha256 *sha256;
};

static void sums_free(struct sums *sums)
{
	mp_sha1_freep(&sums->sha1);
	mp_sha256_freep(&sums->sha256);
}

static void sums_add(struct sums *sums, const void *data, size_t len)
{
	mp_sha1_add(sums->sha1, data, len);
	mp_sha256_add(sums->sha256, data, len);
}

/* 1; 0 for a file that gets no digest; -1. */
static int sum_contents(struct mp_digests *digests, const struct mp_file *file, struct sums *sums,
			struct mp_error *err)
{
	MP_AUTO(mp_contents_close) struct mp_contents contents = MP_CONTENTS_CLOSED;
	uint64_t at = 0;
	ssize_t got;

	if (mp_rootfs_open(digests->root, file->path, &contents, err))
		return -1;
	if (is_mostly_holes(&contents, file->node.size_bytes))
		return 0;
	while ((got = mp_contents_read(&contents, digests->chunk, CHUNK, at)) > 0) {
		if (atomic_load(&digests->stop))
			return mp_error_set(err, MP_E_SYS, ECANCELED, "read '%s'", file->path);
		sums_add(sums, digests->chunk, (size_t)got);
		at += (uint64_t)got;
	}
	if (got < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read '%s'", file->path);
	if (at != file->node.size_bytes)
		return mp_error_set(err, MP_E_SYS, 0, "'%s' changed while it was read", file->path);
	return 1;
}

static int sum_file(struct mp_digests *digests, const struct mp_file *file, struct mp_error *err)
{
	MP_AUTO(sums_free) struct sums sums = { mp_sha1_new(), mp_sha256_new() };
	const struct mp_digest *twin = twin_of(digests, file, digests->n);
	struct mp_digest digest = { .file = file };
	int rc = 1;

	if (twin) {
		digest = *twin;
		digest.file = file;
	} else {
		if (file->made)
			sums_add(&sums, file->made->data, file->made->len);
		else
			rc = sum_contents(digests, file, &sums, err);
		mp_sha1_finish(sums.sha1, digest.sha1);
		mp_sha256_finish(sums.sha256, digest.sha256);
	}
	if (rc <= 0)
		return rc;
	digests->v = mp_array_grow(digests->v, digests->n, &digests->cap, sizeof(*digests->v));
	digests->v[digests->n++] = digest;
	return 0;
}

static void *run(void *context)
{
	struct mp_digests *digests = context;

	for (size_t i = 0; i < digests->n_files && !digests->failed; i++) {
		if (S_ISREG(digests->files[i]->node.mode))
			digests->failed = atomic_load(&digests->stop) ||
					  sum_file(digests, digests->files[i], &digests->failure);
	}
	return NULL;
}

int mp_digests_start(struct mp_rootfs *root, const struct mp_fileset *set,
		     struct mp_digests **digests_out, struct mp_error *err)
{
	MP_AUTO(mp_digests_freep) struct mp_digests *digests = mp_xcalloc(1, sizeof(*digests));
	sigset_t all, before;
	int rc;

	digests->root = root;
	digests->files = mp_fileset_sorted(set);
	digests->n_files = mp_fileset_count(set);
	digests->chunk = mp_xmalloc(CHUNK);
	/* Signals are for the thread that looks at the flag when a call is interrupted. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&digests->thread, NULL, run, digests);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc)
		return mp_error_set(err, MP_E_SYS, rc, "start a thread");
	digests->running = true;
	*digests_out = MP_STEAL(digests);
	return 0;
}

static void join(struct mp_digests *digests)
{
	if (digests->running)
		pthread_join(digests->thread, NULL);
	digests->running = false;
}

int mp_digests_wait(struct mp_digests *digests, struct mp_error *err)
{
	join(digests);
	if (digests->failed && err)
		*err = digests->failure;
	return digests->failed ? -1 : 0;
}

size_t mp_digests_count(const struct mp_digests *digests)
{
	return digests->n;
}

const struct mp_digest *mp_digests_at(const struct mp_digests *digests, size_t index)
{
	return &digests->v[index];
}

void mp_digests_freep(struct mp_digests **digests)
{
	if (!*digests)
		return;
	atomic_store(&(*digests)->stop, true);
	join(*digests);
	tdestroy((*digests)->links, free);
	mp_freep(&(*digests)->files);
	mp_freep(&(*digests)->v);
	mp_freep(&(*digests)->chunk);
	mp_freep(digests);
}
