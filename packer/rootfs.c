/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/rootfs_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void mp_node_clear(struct mp_node *node)
{
	for (size_t i = 0; i < node->n_xattrs; i++) {
		mp_freep(&node->xattrs[i].name);
		mp_freep(&node->xattrs[i].value);
	}
	mp_freep(&node->xattrs);
	mp_freep(&node->target);
	*node = (struct mp_node){ 0 };
}

static void xattr_fill(struct mp_xattr *xattr, const char *name, const void *value, size_t size)
{
	xattr->name = mp_xstrdup(name);
	xattr->value = mp_xmalloc(size);
	if (size)
		memcpy(xattr->value, value, size);
	xattr->size = size;
}

void mp_node_copy(struct mp_node *dst, const struct mp_node *src)
{
	*dst = *src;
	dst->target = mp_xstrdup(src->target);
	dst->xattrs = NULL;
	if (!src->n_xattrs)
		return;
	dst->xattrs = mp_xcalloc(src->n_xattrs, sizeof(*dst->xattrs));
	for (size_t i = 0; i < src->n_xattrs; i++)
		xattr_fill(&dst->xattrs[i], src->xattrs[i].name, src->xattrs[i].value,
			   src->xattrs[i].size);
}

void mp_node_set_xattr(struct mp_node *node, const char *name, const void *value, size_t size)
{
	struct mp_xattr *at;
	size_t i = 0;

	while (i < node->n_xattrs && strcmp(node->xattrs[i].name, name) < 0)
		i++;
	if (i < node->n_xattrs && strcmp(node->xattrs[i].name, name) == 0) {
		at = &node->xattrs[i];
		mp_freep(&at->name);
		mp_freep(&at->value);
	} else {
		node->xattrs =
			mp_xrealloc(node->xattrs, (node->n_xattrs + 1) * sizeof(*node->xattrs));
		at = &node->xattrs[i];
		memmove(at + 1, at, (node->n_xattrs - i) * sizeof(*at));
		node->n_xattrs++;
	}
	xattr_fill(at, name, value, size);
}

bool mp_xattr_is_kept(const char *name)
{
	static const char *const kept[] = {
		"security.capability",
		"system.posix_acl_access",
		"system.posix_acl_default",
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(kept); i++) {
		if (strcmp(name, kept[i]) == 0)
			return true;
	}
	/* user.overlay.* is how rootless engines mark opaque directories: not the image's own. */
	return strncmp(name, "user.", 5) == 0 && strncmp(name, "user.overlay.", 13) != 0;
}

int mp_rootfs_err_absent(struct mp_error *err, const char *path)
{
	return mp_error_set(err, MP_E_NOTFOUND, 0, "'%s' is not in the image", path);
}

int mp_rootfs_err_not_file(struct mp_error *err, const char *path)
{
	return mp_error_set(err, MP_E_FORMAT, 0, "'%s' in the image is not a regular file", path);
}

int mp_rootfs_err_not_directory(struct mp_error *err, const char *path)
{
	return mp_error_set(err, MP_E_NOTFOUND, 0, "'%s' in the image is not a directory", path);
}

static bool path_is_clean(const char *path)
{
	if (strcmp(path, "/") == 0)
		return true;
	if (!*path)
		return false;
	while (*path == '/') {
		size_t len = strcspn(path + 1, "/");

		if (len == 0 || (len == 1 && path[1] == '.') ||
		    (len == 2 && path[1] == '.' && path[2] == '.'))
			return false;
		path += 1 + len;
	}
	return *path == '\0';
}

/* A source may rely on it: ".." in a path is how one leaves a root. */
static int check_path(const char *path, struct mp_error *err)
{
	if (path_is_clean(path))
		return 0;
	return mp_error_set(err, MP_E_FORMAT, 0, "'%s' is not a clean absolute path", path);
}

int mp_rootfs_lookup(struct mp_rootfs *root, const char *path, struct mp_node *node_out,
		     struct mp_error *err)
{
	if (check_path(path, err))
		return -1;
	return root->ops->lookup(root, path, node_out, err);
}

int mp_rootfs_open(struct mp_rootfs *root, const char *path, struct mp_contents *contents_out,
		   struct mp_error *err)
{
	if (check_path(path, err))
		return -1;
	return root->ops->open(root, path, contents_out, err);
}

ssize_t mp_contents_read(const struct mp_contents *contents, void *buf, size_t len, uint64_t at)
{
	ssize_t got;

	if (at >= contents->size_bytes)
		return 0;
	if (len > contents->size_bytes - at)
		len = (size_t)(contents->size_bytes - at);
	do
		got = pread(contents->fd, buf, len, (off_t)(contents->offset + at));
	while (got < 0 && errno == EINTR);
	return got;
}

int mp_contents_size(const struct mp_contents *contents, uint64_t *size_bytes_out)
{
	struct stat st;

	*size_bytes_out = contents->size_bytes;
	if (contents->size_bytes != MP_CONTENTS_TO_END)
		return 0;
	if (fstat(contents->fd, &st) < 0)
		return -1;
	*size_bytes_out = (uint64_t)st.st_size;
	return 0;
}

int mp_contents_read_all(const struct mp_contents *contents, const char *what, size_t max_bytes,
			 struct mp_buf *buf, struct mp_error *err)
{
	char chunk[16384];
	uint64_t at = 0;
	ssize_t got;

	while ((got = mp_contents_read(contents, chunk, sizeof(chunk), at)) > 0) {
		at += (uint64_t)got;
		if (at > max_bytes)
			return mp_error_set(err, MP_E_FORMAT, 0, "read '%s': larger than %zu bytes",
					    what, max_bytes);
		mp_buf_add(buf, chunk, (size_t)got);
	}
	return got < 0 ? mp_error_set(err, MP_E_SYS, errno, "read '%s'", what) : 0;
}

void mp_contents_close(struct mp_contents *contents)
{
	if (!contents->borrowed)
		mp_closep(&contents->fd);
	*contents = MP_CONTENTS_CLOSED;
}

int mp_rootfs_list(struct mp_rootfs *root, const char *path, struct mp_strv *names_out,
		   struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };

	if (check_path(path, err) || root->ops->list(root, path, &names, err))
		return -1;
	mp_strv_sort(&names);
	*names_out = names;
	names = (struct mp_strv){ 0 };
	return 0;
}

int mp_rootfs_totals(struct mp_rootfs *root, struct mp_rootfs_totals *totals_out,
		     struct mp_error *err)
{
	return root->ops->totals(root, totals_out, err);
}

void mp_rootfs_freep(struct mp_rootfs **root)
{
	if (*root)
		(*root)->ops->free(*root);
	*root = NULL;
}
