/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_RESOLVE_H
#define MP_PACKER_RESOLVE_H

#include "packer/fileset.h"

/*
 * Paths inside an image, resolved as the kernel would with that root (path_resolution(7)): "..",
 * absolute links, at most 40 of them. What a path crosses is part of the answer, since a packed
 * image must have it too. Directories and symlinks are remembered, and looked up once.
 */
struct mp_resolver;

/* Both are borrowed for the life of the resolver; @set spares lookups of what it has. */
struct mp_resolver *mp_resolver_new(struct mp_rootfs *root, const struct mp_fileset *set);
void mp_resolver_freep(struct mp_resolver **resolver);
struct mp_rootfs *mp_resolver_root(const struct mp_resolver *resolver);

/*
 * From now on @dir (clean) has no contents, whatever the root file system says: what is found in
 * /proc belongs to the host.
 */
void mp_resolver_hide_contents(struct mp_resolver *resolver, const char *dir);
/* So for /proc and /sys, in which there is nothing that belongs to an image. */
void mp_resolver_hide_kernel(struct mp_resolver *resolver);

/*
 * From now on nothing is there that @hides says so of, @context being its own. Both have to stay
 * for the life of the resolver.
 */
void mp_resolver_hide_if(struct mp_resolver *resolver,
			 bool (*hides)(const char *path, const void *context), const void *context);

/* Whether @path (clean, no symlink among its parents) is hidden, be it in the image or not. */
bool mp_resolver_hides(const struct mp_resolver *resolver, const char *path);

enum mp_resolve_flag {
	/*
	 * A symlink at the end of the path is itself what was asked for: it is followed where it
	 * leads to something, and the answer by itself where it does not.
	 */
	MP_RESOLVE_NOFOLLOW = 1 << 0,
};

enum mp_resolve_status {
	MP_RESOLVED_ABSENT, /* something on the way does not exist, or is no directory */
	MP_RESOLVED_FOUND,
	MP_RESOLVED_LOOP, /* ELOOP */
};

/* One object on the way. */
struct mp_resolve_step {
	char *path;                 /* clean, no symlink among its parents */
	const struct mp_node *node; /* borrowed from the resolver, the set, or the resolution */
	bool last;                  /* what the last component names, or a symlink there leads to */
};

struct mp_resolution {
	enum mp_resolve_status status;
	char *asked;                /* the path as it was asked for, clean */
	const char *path;           /* FOUND: the object itself; else NULL; borrowed from steps */
	const struct mp_node *node; /* its metadata; borrowed, as in a step */
	char *missing;              /* the first path that does not exist; NULL where all do */
	struct mp_resolve_step *steps; /* in the order of the walk, without repetitions in a row */
	size_t n_steps;
	size_t cap_steps;
	struct mp_node *owned;
};

/*
 * Resolves @path (absolute, any spelling) with @flags of mp_resolve_flag. *out is overwritten, and
 * cleared by the caller, also after a failure; it must not outlive the resolver and the set.
 * Returns 0 whatever the status; -1 with MP_E_SYS or MP_E_FORMAT where the image cannot be read.
 */
MP_MUST_USE int mp_resolve(struct mp_resolver *resolver, const char *path, unsigned int flags,
			   struct mp_resolution *out, struct mp_error *err);
void mp_resolution_clear(struct mp_resolution *resolution);

/* Whether it found a regular file. */
bool mp_resolution_is_file(const struct mp_resolution *resolution);
/* Whether it found a directory. */
bool mp_resolution_is_dir(const struct mp_resolution *resolution);

/*
 * Adds to @set what the walk met. FOUND: what the path names gets @why, where that is a symlink
 * each further object MP_REASON_TARGET because of the link before it. The rest gets
 * MP_REASON_SYMLINK because of the path that was asked for, or MP_REASON_PARENT because of what the
 * directory was passed for. Otherwise only the rest is there to be added; a link that is itself
 * what was asked for gets @why there too.
 */
void mp_resolution_keep(const struct mp_resolution *resolution, struct mp_fileset *set,
			const struct mp_why *why);

/*
 * Appends the contents of the regular file at @path, symlinks followed. Returns 1, 0 where there is
 * none, -1: MP_E_FORMAT beyond @max_bytes, MP_E_SYS.
 */
MP_MUST_USE int mp_resolver_read_file(struct mp_resolver *resolver, const char *path,
				      size_t max_bytes, struct mp_buf *buf, struct mp_error *err);

/* Names in the directory at @path, symlinks followed, sorted; none where there is no directory. */
MP_MUST_USE int mp_resolver_list(struct mp_resolver *resolver, const char *path,
				 struct mp_strv *names_out, struct mp_error *err);

#endif
