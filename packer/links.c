/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/links.h"

#include "core/buf.h"

#include <search.h>
#include <stdlib.h>

struct link {
	uint64_t dev, ino;
	const void *first;
};

static int by_file(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino == y->ino ? 0 : x->ino < y->ino ? -1 : 1;
}

const void *mp_links_first(struct mp_links *links, uint64_t dev, uint64_t ino, const void *name)
{
	struct link *link = mp_xmalloc(sizeof(*link)), **known;

	*link = (struct link){ dev, ino, name };
	known = tsearch(link, &links->tree, by_file);
	if (!known || *known == link)
		return NULL;
	mp_freep(&link);
	return (*known)->first;
}

void mp_links_clear(struct mp_links *links)
{
	tdestroy(links->tree, free);
	links->tree = NULL;
}
