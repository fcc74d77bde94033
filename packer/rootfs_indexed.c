/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/rootfs_indexed.h"

#include "core/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_TAKEN (MP_INDEXED_STORED + 1)

struct mp_indexed_source {
	int fd;
	dev_t dev;
	ino_t ino;
};

static int indexed_lookup(struct mp_rootfs *root, const char *path, struct mp_node *node_out,
			  struct mp_error *err)
{
	(void)err;
	return mp_index_get(((struct mp_indexed *)root)->index, path, node_out, NULL);
}

static int indexed_open(struct mp_rootfs *root, const char *path, struct mp_contents *contents_out,
			struct mp_error *err)
{
	const struct mp_indexed *contents = (struct mp_indexed *)root;
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 };
	struct mp_index_place place;

	if (!mp_index_get(contents->index, path, &node, &place))
		return mp_rootfs_err_absent(err, path);
	if (!S_ISREG(node.mode))
		return mp_rootfs_err_not_file(err, path);
	*contents_out = (struct mp_contents){
		.fd = place.source == MP_INDEXED_STORED
			      ? contents->store.fd
			      : contents->taken[place.source - FIRST_TAKEN].fd,
		.offset = place.offset,
		.size_bytes = node.size_bytes,
		.borrowed = true,
	};
	return 0;
}

static int indexed_list(struct mp_rootfs *root, const char *path, struct mp_strv *names_out,
			struct mp_error *err)
{
	struct mp_index *index = ((struct mp_indexed *)root)->index;
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 };

	if (!mp_index_get(index, path, &node, NULL))
		return mp_rootfs_err_absent(err, path);
	if (!S_ISDIR(node.mode))
		return mp_rootfs_err_not_directory(err, path);
	mp_index_list(index, path, names_out);
	return 0;
}

static int indexed_totals(struct mp_rootfs *root, struct mp_rootfs_totals *totals_out,
			  struct mp_error *err)
{
	(void)err;
	mp_index_totals(((struct mp_indexed *)root)->index, totals_out);
	return 0;
}

static void indexed_free(struct mp_rootfs *root)
{
	struct mp_indexed *contents = (struct mp_indexed *)root;

	mp_indexed_freep(&contents);
}

/* Making one */

int mp_indexed_new(struct mp_indexed **contents_out, struct mp_error *err)
{
	static const struct mp_rootfs_ops ops = {
		.lookup = indexed_lookup,
		.open = indexed_open,
		.list = indexed_list,
		.totals = indexed_totals,
		.free = indexed_free,
	};
	MP_AUTO(mp_indexed_freep) struct mp_indexed *contents = mp_xcalloc(1, sizeof(*contents));

	if (mp_store_start(&contents->store, err) || mp_index_new(&contents->index, err))
		return -1;
	contents->base.ops = &ops;
	*contents_out = MP_STEAL(contents);
	return 0;
}

void mp_indexed_freep(struct mp_indexed **contents)
{
	if (!*contents)
		return;
	mp_index_freep(&(*contents)->index);
	mp_store_close(&(*contents)->store);
	for (size_t i = 0; i < (*contents)->n_taken; i++)
		mp_closep(&(*contents)->taken[i].fd);
	mp_freep(&(*contents)->taken);
	mp_freep(contents);
}

int mp_indexed_add_source(struct mp_indexed *contents, int fd, uint32_t *source_out,
			  struct mp_error *err)
{
	struct mp_indexed_source source;
	struct stat st;
	size_t i = 0;

	if (fstat(fd, &st) < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read an archive");
	while (i < contents->n_taken &&
	       (contents->taken[i].dev != st.st_dev || contents->taken[i].ino != st.st_ino))
		i++;
	if (i == contents->n_taken) {
		source = (struct mp_indexed_source){ fcntl(fd, F_DUPFD_CLOEXEC, 3), st.st_dev,
						     st.st_ino };
		if (source.fd < 0)
			return mp_error_set(err, MP_E_SYS, errno, "keep an archive open");
		contents->taken =
			mp_array_grow(contents->taken, i, &contents->cap_taken, sizeof(source));
		contents->taken[contents->n_taken++] = source;
	}
	*source_out = (uint32_t)(FIRST_TAKEN + i);
	return 0;
}

/* @path is a directory whose time is that of what the engine did in it. */
static void forget_time(struct mp_index *index, const char *path, int64_t made_s)
{
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 };

	if (mp_index_get(index, path, &node, NULL) && S_ISDIR(node.mode) && node.mtime_s >= made_s)
		mp_index_set_time(index, path, 0, 0);
}

void mp_indexed_disown(struct mp_indexed *contents, const char *path, int64_t made_s)
{
	struct mp_index *index = contents->index;
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 };
	MP_AUTO(mp_freep) char *parent = NULL;

	if (!mp_index_get(index, path, &node, NULL) || node.mtime_s < made_s)
		return;
	if (!mp_index_is_empty(index, path)) {
		forget_time(index, path, made_s);
		return;
	}
	parent = mp_path_parent(path);
	mp_index_remove(index, path);
	forget_time(index, parent, made_s);
}
