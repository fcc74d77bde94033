/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_LINKS_H
#define MP_PACKER_LINKS_H

#include <stdint.h>

/*
 * Files that have several names, by what tells that two names are of one file. Zero-initialised is
 * empty.
 */
struct mp_links {
	void *tree;
};

/*
 * Notes @name, of any kind but NULL, for the file (@dev, @ino) unless there is one: then that,
 * which was the first, is returned. Else NULL. Borrowed.
 */
const void *mp_links_first(struct mp_links *links, uint64_t dev, uint64_t ino, const void *name);
void mp_links_clear(struct mp_links *links);

#endif
