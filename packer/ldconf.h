/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_LDCONF_H
#define MP_PACKER_LDCONF_H

#include "packer/resolve.h"

/*
 * Appends the directories that /etc/ld.so.conf of the image names (ldconfig(8)), files that it
 * includes too, with patterns as glob(7); none where there is no such file. Bounded, whatever
 * includes what.
 */
MP_MUST_USE int mp_ldconf_read(struct mp_resolver *resolver, struct mp_strv *dirs,
			       struct mp_error *err);

#endif
