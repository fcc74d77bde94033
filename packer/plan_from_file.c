/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/plan_file.h"

#include "core/path.h"
#include "packer/resolve.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* A plan as a set: every line is looked up in the image anew. */
struct builder {
	const char *name;
	struct mp_rootfs *root;
	struct mp_resolver *resolver;
	struct mp_fileset *set;
};

static void builder_clear(struct builder *builder)
{
	mp_resolver_freep(&builder->resolver);
	mp_fileset_freep(&builder->set);
}

static int is_absent(const struct builder *builder, const struct mp_plan_line *line,
		     struct mp_error *err)
{
	mp_error_set(err, MP_E_NOTFOUND, 0, "%s:%zu: '%s' is not in the image", builder->name,
		     line->number, line->path);
	return mp_error_hint(err, "a plan is for the image that it was made from; delete the line, "
				  "or plan anew");
}

/* The parents of @line's path, and where it really is; "/" is by itself. */
static int take_parents(struct builder *builder, const struct mp_plan_line *line, char **real_out,
			struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	MP_AUTO(mp_freep) char *dir = mp_path_parent(line->path);

	if (strcmp(line->path, "/") == 0) {
		*real_out = mp_xstrdup("/");
		return 0;
	}
	if (mp_resolve(builder->resolver, dir, 0, &res, err))
		return -1;
	if (!mp_resolution_is_dir(&res))
		return is_absent(builder, line, err);
	for (size_t i = 0; i < res.n_steps; i++) {
		const struct mp_resolve_step *step = &res.steps[i];
		bool is_link = S_ISLNK(step->node->mode);

		mp_fileset_add(builder->set, step->path, step->node,
			       MP_WHY(is_link ? MP_REASON_SYMLINK : MP_REASON_PARENT,
				      .because = line->path));
	}
	*real_out = mp_path_join(res.path, mp_path_base(line->path));
	return 0;
}

/* The root is a directory, and no file system takes a longer name or path. */
static bool cannot_be_made(const char *path, mode_t type)
{
	return (strcmp(path, "/") == 0 && !S_ISDIR(type)) ||
	       strlen(mp_path_base(path)) > NAME_MAX || strlen(path) >= PATH_MAX;
}

static int take_line(void *context, struct mp_plan_line *line, struct mp_error *err)
{
	struct builder *builder = context;
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 };
	MP_AUTO(mp_freep) char *real = NULL;
	int rc;

	if (take_parents(builder, line, &real, err))
		return -1;
	if (mp_resolver_hides(builder->resolver, real))
		return mp_error_set(err, MP_E_NOTFOUND, 0,
				    "%s:%zu: '%s': what is in /proc and /sys is never packed",
				    builder->name, line->number, line->path);
	if (line->origin == MP_PLAN_MADE) {
		if (cannot_be_made(real, line->type))
			return mp_error_set(err, MP_E_FORMAT, 0,
					    "%s:%zu: '%.300s' cannot be made: no Linux system has "
					    "such a path",
					    builder->name, line->number, line->path);
		if (S_ISDIR(line->type))
			mp_fileset_add(builder->set, real, &line->node, &line->why);
		else
			mp_fileset_add_made(builder->set, real, &line->node, line->contents.data,
					    line->contents.len, &line->why);
		return 0;
	}
	rc = mp_rootfs_lookup(builder->root, real, &node, err);
	if (rc <= 0)
		return rc < 0 ? -1 : is_absent(builder, line, err);
	if (line->origin == MP_PLAN_EMPTIED && S_ISREG(node.mode))
		mp_fileset_add_made(builder->set, real, &node, "", 0, &line->why);
	else
		mp_fileset_add(builder->set, real, &node, &line->why);
	return 0;
}

int mp_plan_from_file(struct mp_rootfs *root, const char *text, size_t len, const char *name,
		      struct mp_plan_header *header_out, struct mp_fileset **set_out,
		      struct mp_error *err)
{
	MP_AUTO(builder_clear)
	struct builder builder = { .name = name, .root = root, .set = mp_fileset_new() };

	builder.resolver = mp_resolver_new(root, builder.set);
	mp_resolver_hide_kernel(builder.resolver);
	if (mp_plan_file_read(text, len, name, header_out, take_line, &builder, err))
		return -1;
	if (mp_fileset_count(builder.set) == 0)
		return mp_error_set(err, MP_E_INCOMPLETE, 0, "'%s' is empty: no path to pack",
				    name);
	*set_out = MP_STEAL(builder.set);
	return 0;
}
