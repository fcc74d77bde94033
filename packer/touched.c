/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/touched.h"

#include "core/path.h"

#include <string.h>

static int forget_volume(struct mp_resolver *resolver, const char *volume, struct mp_fileset *set,
			 struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	MP_AUTO(mp_freep) char *parent = NULL;

	if (mp_resolve(resolver, volume, 0, &res, err))
		return -1;
	if (!res.missing)
		return 0;
	parent = mp_path_parent(res.missing);
	mp_fileset_forget_time(set, parent);
	return 0;
}

static const char *const always[] = { "/", "/dev", "/etc", "/proc", "/sys" };

bool mp_touched_always(const char *path)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(always); i++) {
		if (strcmp(path, always[i]) == 0)
			return true;
	}
	return false;
}

int mp_touched_forget(struct mp_resolver *resolver, const struct mp_image_config *config,
		      struct mp_fileset *set, struct mp_error *err)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(always); i++)
		mp_fileset_forget_time(set, always[i]);
	for (size_t i = 0; config && i < config->volumes.n; i++) {
		if (config->volumes.v[i][0] == '/' &&
		    forget_volume(resolver, config->volumes.v[i], set, err))
			return -1;
	}
	return 0;
}
