/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_LIBDIR_H
#define MP_PACKER_LIBDIR_H

#include "packer/resolve.h"

/*
 * Directories in which libraries are looked for, each read once: most searches look for a name that
 * is not there, and a hostile file can have millions of them done.
 */
struct mp_libdirs;

/* @resolver: borrowed. */
struct mp_libdirs *mp_libdirs_new(struct mp_resolver *resolver);
void mp_libdirs_freep(struct mp_libdirs **dirs);

/* 0 where @dir (absolute) certainly has no @name, else 1; -1 where the image cannot be read. */
MP_MUST_USE int mp_libdirs_may_have(struct mp_libdirs *dirs, const char *dir, const char *name,
				    struct mp_error *err);

/*
 * The subdirectories of @dir that the loader prefers on some CPUs: glibc-hwcaps, and what came
 * before it until glibc 2.36 (tls, haswell, …); every one, since an image may run on any.
 * *subdirs_out: borrowed, paths.
 */
MP_MUST_USE int mp_libdirs_variants(struct mp_libdirs *dirs, const char *dir,
				    const struct mp_strv **subdirs_out, struct mp_error *err);

#endif
