/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_NSSWITCH_H
#define MP_PACKER_NSSWITCH_H

#include "packer/libc_symbols.h"
#include "packer/resolve.h"

#define MP_NSSWITCH_PATH "/etc/nsswitch.conf"

/* Which services are asked for what: nsswitch.conf(5) of an image. */
struct mp_nsswitch;

/* Where there is no such file, or a database is not in it, it is what glibc does then. */
MP_MUST_USE int mp_nsswitch_read(struct mp_resolver *resolver, struct mp_nsswitch **nsswitch_out,
				 struct mp_error *err);
void mp_nsswitch_freep(struct mp_nsswitch **nsswitch);

/* The name of the database @use, one bit of MP_LIBC_DATABASES. */
const char *mp_nsswitch_database(unsigned int use);

/* Its services in order, borrowed. */
const struct mp_strv *mp_nsswitch_services(const struct mp_nsswitch *nsswitch, unsigned int use);

#endif
