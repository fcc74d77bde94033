/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_TOUCHED_H
#define MP_PACKER_TOUCHED_H

#include "core/image_config.h"
#include "packer/resolve.h"

/*
 * Engines write into some directories when they create a container: mount points, /etc/hosts,
 * /.dockerenv (Docker: daemon/initlayer, and the runtime). Their time is that of the container
 * since then: nothing in one sees the image's, and an export does not have it. So that every source
 * gives the same archive, they have the time 0 there: /, /dev, /etc, /proc, /sys, and what would
 * get the mount point of a volume that the image lacks. @config: the image's, or NULL.
 */
MP_MUST_USE int mp_touched_forget(struct mp_resolver *resolver,
				  const struct mp_image_config *config, struct mp_fileset *set,
				  struct mp_error *err);

/* Whether the directory at @path has no time of its own in any image. */
bool mp_touched_always(const char *path);

#endif
