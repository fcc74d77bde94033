/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_COMMAND_H
#define MP_PACKER_COMMAND_H

#include "packer/resolve.h"

/* What the engine sets where an image sets no PATH. */
#define MP_COMMAND_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/*
 * The program that execvp(3) would run for @name: a path where it has a slash, else searched in
 * @search_path (NULL: the default), relative ones from @working_dir. Returns 1 and fills *res_out
 * (cleared by the caller; an executable regular file), 0, or -1. @tried: gets what was tried.
 */
MP_MUST_USE int mp_command_find(struct mp_resolver *resolver, const char *name,
				const char *search_path, const char *working_dir,
				struct mp_resolution *res_out, struct mp_strv *tried,
				struct mp_error *err);

#endif
