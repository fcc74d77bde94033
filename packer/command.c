/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/command.h"

#include "core/path.h"

#include <string.h>
#include <sys/stat.h>

/* @path as it is seen from @dir. */
static char *absolute(const char *dir, const char *path)
{
	return path[0] == '/' ? mp_xstrdup(path) : mp_path_join(dir, path);
}

static int try_program(struct mp_resolver *resolver, const char *path,
		       struct mp_resolution *res_out, struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };

	if (mp_resolve(resolver, path, 0, &res, err))
		return -1;
	if (!mp_resolution_is_file(&res) || !(res.node->mode & 0111))
		return 0;
	*res_out = res;
	res = (struct mp_resolution){ 0 };
	return 1;
}

int mp_command_find(struct mp_resolver *resolver, const char *name, const char *search_path,
		    const char *working_dir, struct mp_resolution *res_out, struct mp_strv *tried,
		    struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv dirs = { 0 };
	int rc = 0;

	if (!name[0])
		return 0;
	if (strchr(name, '/')) {
		MP_AUTO(mp_freep) char *path = absolute(working_dir, name);

		return try_program(resolver, path, res_out, err);
	}
	mp_strv_split(&dirs, search_path ? search_path : MP_COMMAND_DEFAULT_PATH, ":");
	for (size_t i = 0; rc == 0 && i < dirs.n; i++) {
		MP_AUTO(mp_freep) char *dir = absolute(working_dir, dirs.v[i]);
		MP_AUTO(mp_freep) char *path = mp_path_join(dir, name);

		mp_strv_push(tried, dir);
		rc = try_program(resolver, path, res_out, err);
	}
	return rc;
}
