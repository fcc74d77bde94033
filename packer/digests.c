/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/digests.h"

#include "core/summer.h"

#include <string.h>
#include <sys/stat.h>

#define HOLES_MAX_BYTES ((uint64_t)1 << 30)

struct mp_digests {
	struct mp_archive_listener listener;
	struct mp_summer *summer;
	struct mp_file_digest *v; /* never moves: threads write there */
	size_t n;
	struct mp_strmap *by_name; /* first names of files with several → struct mp_file_digest */
	/* Other names: each gets the digests of the first as soon as they are there. */
	struct twin {
		struct mp_file_digest *digest;
		const struct mp_file_digest *first;
	} * twins;
	size_t n_twins, cap_twins;
};

static struct mp_file_digest *add(struct mp_digests *digests, const struct mp_file *file)
{
	struct mp_file_digest *digest = &digests->v[digests->n++];

	digest->file = file;
	return digest;
}

static bool on_begin(void *context, const struct mp_file *file, uint64_t hole_bytes)
{
	struct mp_digests *digests = context;
	struct mp_file_digest *digest;

	if (hole_bytes > HOLES_MAX_BYTES)
		return false;
	digest = add(digests, file);
	if (file->node.nlink > 1)
		mp_strmap_put(digests->by_name, file->path, digest);
	return true;
}

static void on_data(void *context, const void *data, size_t len)
{
	struct mp_digests *digests = context;

	mp_summer_add(digests->summer, data, len);
}

static void on_end(void *context)
{
	struct mp_digests *digests = context;
	struct mp_file_digest *digest = &digests->v[digests->n - 1];

	mp_summer_cut(digests->summer, digest->sha1, digest->sha256);
}

static void on_link(void *context, const struct mp_file *file, const struct mp_file *first)
{
	struct mp_digests *digests = context;
	const struct mp_file_digest *known = mp_strmap_get(digests->by_name, first->path);

	if (!known)
		return;
	digests->twins = mp_array_grow(digests->twins, digests->n_twins, &digests->cap_twins,
				       sizeof(*digests->twins));
	digests->twins[digests->n_twins++] = (struct twin){ add(digests, file), known };
}

struct mp_digests *mp_digests_new(const struct mp_fileset *set)
{
	struct mp_digests *digests = mp_xcalloc(1, sizeof(*digests));
	size_t n = 0;

	for (size_t i = 0; i < mp_fileset_count(set); i++)
		n += S_ISREG(mp_fileset_at(set, i)->node.mode);
	digests->v = mp_xcalloc(n, sizeof(*digests->v));
	digests->by_name = mp_strmap_new(NULL);
	digests->summer = mp_summer_new(1u << MP_SUM_SHA1 | 1u << MP_SUM_SHA256);
	digests->listener = (struct mp_archive_listener){
		.context = digests,
		.begin = on_begin,
		.data = on_data,
		.end = on_end,
		.link = on_link,
	};
	return digests;
}

const struct mp_archive_listener *mp_digests_listener(struct mp_digests *digests)
{
	return &digests->listener;
}

void mp_digests_wait(struct mp_digests *digests)
{
	mp_summer_wait(digests->summer);
	for (size_t i = 0; i < digests->n_twins; i++) {
		const struct twin *twin = &digests->twins[i];

		strcpy(twin->digest->sha1, twin->first->sha1);
		strcpy(twin->digest->sha256, twin->first->sha256);
	}
}

size_t mp_digests_count(const struct mp_digests *digests)
{
	return digests->n;
}

const struct mp_file_digest *mp_digests_at(const struct mp_digests *digests, size_t index)
{
	return &digests->v[index];
}

void mp_digests_freep(struct mp_digests **digests)
{
	if (!*digests)
		return;
	mp_summer_freep(&(*digests)->summer);
	mp_strmap_freep(&(*digests)->by_name);
	mp_freep(&(*digests)->twins);
	mp_freep(&(*digests)->v);
	mp_freep(digests);
}
