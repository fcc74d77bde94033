/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/packages_internal.h"

#include "core/interrupt.h"

#include <errno.h>
#include <string.h>

#define LINE_MAX_BYTES ((size_t)128 << 10)
/* Of most lists, all. Less than what malloc(3) asks the kernel for each time. */
#define LINE_BUFFER_BYTES ((size_t)32 << 10)

static void start_lines(struct mp_lines *lines, const char *path)
{
	lines->path = mp_xstrdup(path);
	lines->size = LINE_BUFFER_BYTES;
	lines->buf = mp_xmalloc(lines->size + 1);
}

int mp_lines_open(struct mp_lines *lines, struct mp_resolver *resolver, const char *path,
		  struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	*lines = (struct mp_lines){ .contents = MP_CONTENTS_CLOSED };
	if (mp_resolve(resolver, path, 0, &res, err))
		return -1;
	if (!mp_resolution_is_file(&res))
		return 0;
	if (mp_rootfs_open(mp_resolver_root(resolver), res.path, &lines->contents, err))
		return -1;
	start_lines(lines, res.path);
	lines->node = mp_xmalloc(sizeof(*lines->node));
	mp_node_copy(lines->node, res.node);
	return 1;
}

int mp_lines_open_listed(struct mp_lines *lines, struct mp_resolver *resolver, const char *path,
			 struct mp_error *err)
{
	struct mp_error local = { 0 };

	*lines = (struct mp_lines){ .contents = MP_CONTENTS_CLOSED };
	if (mp_rootfs_open(mp_resolver_root(resolver), path, &lines->contents, &local) == 0) {
		start_lines(lines, path);
		return 1;
	}
	/* There are symlinks in it, or it is no file: whoever resolves it knows. */
	if (local.code == MP_E_NOTFOUND || local.code == MP_E_FORMAT)
		return mp_lines_open(lines, resolver, path, err);
	if (err)
		*err = local;
	return -1;
}

void mp_lines_close(struct mp_lines *lines)
{
	mp_contents_close(&lines->contents);
	if (lines->node)
		mp_node_clear(lines->node);
	mp_freep(&lines->node);
	mp_freep(&lines->path);
	mp_freep(&lines->buf);
}

/* More bytes behind those that are there; at the end of the file none. */
static int fill(struct mp_lines *lines, struct mp_error *err)
{
	ssize_t got;

	memmove(lines->buf, lines->buf + lines->start, lines->end - lines->start);
	lines->end -= lines->start;
	lines->start = 0;
	if (lines->end == LINE_MAX_BYTES)
		return mp_error_set(err, MP_E_FORMAT, 0, "'%s' has a line of more than %zu bytes",
				    lines->path, LINE_MAX_BYTES);
	if (lines->end == lines->size) {
		lines->size *= 2;
		lines->buf = mp_xrealloc(lines->buf, lines->size + 1);
	}
	if (lines->at >= MP_LINES_MAX_BYTES)
		return mp_error_set(err, MP_E_FORMAT, 0, "'%s' is larger than %llu MiB",
				    lines->path, (unsigned long long)MP_LINES_MAX_BYTES >> 20);
	got = mp_contents_read(&lines->contents, lines->buf + lines->end, lines->size - lines->end,
			       lines->at);
	if (got < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read '%s'", lines->path);
	lines->ended = got == 0;
	lines->end += (size_t)got;
	lines->at += (uint64_t)got;
	return mp_interrupt_check(err);
}

int mp_lines_next(struct mp_lines *lines, char **line_out, size_t *len_out, struct mp_error *err)
{
	size_t looked = 0;

	for (;;) {
		char *line = lines->buf + lines->start;
		size_t have = lines->end - lines->start;
		char *newline = memchr(line + looked, '\n', have - looked);

		if (newline || (lines->ended && have > 0)) {
			size_t len = newline ? (size_t)(newline - line) : have;

			line[len] = '\0';
			lines->start += newline ? len + 1 : len;
			*line_out = line;
			*len_out = len;
			return 1;
		}
		if (lines->ended)
			return 0;
		looked = have;
		if (fill(lines, err))
			return -1;
	}
}
