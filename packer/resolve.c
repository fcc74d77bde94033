/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/resolve.h"

#include "core/path.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* include/linux/namei.h, MAXSYMLINKS. */
#define LINKS_MAX 40

/* Links can lead to a longer path than one may ask for; but a hostile image must not make it grow.
 */
#define REAL_PATH_MAX (4 * PATH_MAX)

struct mp_resolver {
	struct mp_rootfs *root;
	const struct mp_fileset *set;
	struct mp_strmap *known;                              /* path → struct known */
	struct mp_strv hidden;                                /* directories without contents */
	bool (*hides)(const char *path, const void *context); /* may be NULL */
	const void *hides_context;
};

/* A directory, a symlink, or a directory that does not exist. */
struct known {
	bool exists;
	struct mp_node node;
};

static void known_free(void *value)
{
	struct known *known = value;

	mp_node_clear(&known->node);
	mp_freep(&known);
}

struct mp_resolver *mp_resolver_new(struct mp_rootfs *root, const struct mp_fileset *set)
{
	struct mp_resolver *resolver = mp_xcalloc(1, sizeof(*resolver));

	resolver->root = root;
	resolver->set = set;
	resolver->known = mp_strmap_new(known_free);
	return resolver;
}

void mp_resolver_freep(struct mp_resolver **resolver)
{
	if (!*resolver)
		return;
	mp_strmap_freep(&(*resolver)->known);
	mp_strv_free(&(*resolver)->hidden);
	mp_freep(resolver);
}

struct mp_rootfs *mp_resolver_root(const struct mp_resolver *resolver)
{
	return resolver->root;
}

void mp_resolver_hide_contents(struct mp_resolver *resolver, const char *dir)
{
	mp_strv_push(&resolver->hidden, dir);
}

void mp_resolver_hide_kernel(struct mp_resolver *resolver)
{
	mp_resolver_hide_contents(resolver, "/proc");
	mp_resolver_hide_contents(resolver, "/sys");
}

void mp_resolver_hide_if(struct mp_resolver *resolver,
			 bool (*hides)(const char *path, const void *context), const void *context)
{
	resolver->hides = hides;
	resolver->hides_context = context;
}

bool mp_resolver_hides(const struct mp_resolver *resolver, const char *path)
{
	for (size_t i = 0; i < resolver->hidden.n; i++) {
		const char *dir = resolver->hidden.v[i];

		if (mp_path_is_under(path, dir) && strcmp(path, dir) != 0)
			return true;
	}
	return resolver->hides && resolver->hides(path, resolver->hides_context);
}

/* A walk in progress. */
struct walk {
	struct mp_resolver *resolver;
	struct mp_resolution *res;
	char *at;   /* directory reached */
	char *text; /* names to walk: the path, then a symlink's target and what followed it */
	const char *rest; /* what of it is still to be walked */
	char *next;       /* @at and the next name */
	bool last;        /* nothing but slashes comes behind that name */
	bool slash;       /* and there are such slashes */
	bool nofollow;
	size_t n_links;
	long asked_link; /* step of the symlink that NOFOLLOW asked for; -1 */
};

static void walk_clear(struct walk *walk)
{
	mp_freep(&walk->at);
	mp_freep(&walk->text);
	mp_freep(&walk->next);
}

/* Whether to remember an object beyond this walk: others will pass it. Contents are not passed. */
static bool is_passage(const struct mp_node *node)
{
	return S_ISDIR(node->mode) || S_ISLNK(node->mode);
}

static int look_up_anew(struct walk *walk, const struct mp_node **node_out, struct mp_error *err)
{
	struct mp_resolver *resolver = walk->resolver;
	struct known *known = mp_xcalloc(1, sizeof(*known));
	int rc = mp_rootfs_lookup(resolver->root, walk->next, &known->node, err);

	if (rc > 0 && !is_passage(&known->node)) {
		/* At most one walk's end: a file is neither passed nor followed. */
		walk->res->owned = mp_xmalloc(sizeof(*walk->res->owned));
		*walk->res->owned = known->node;
		*node_out = walk->res->owned;
		mp_freep(&known);
		return 1;
	}
	if (rc < 0 || (rc == 0 && walk->last)) {
		mp_freep(&known);
		return rc;
	}
	known->exists = rc > 0;
	mp_strmap_put(resolver->known, walk->next, known);
	*node_out = &known->node;
	return rc;
}

/* 1 and the metadata of walk->next, 0 where it does not exist, -1. */
static int look_up(struct walk *walk, const struct mp_node **node_out, struct mp_error *err)
{
	const struct mp_resolver *resolver = walk->resolver;
	const struct known *known = mp_strmap_get(resolver->known, walk->next);
	const struct mp_file *file;

	if (known) {
		*node_out = &known->node;
		return known->exists;
	}
	if (mp_resolver_hides(resolver, walk->next))
		return 0;
	file = resolver->set ? mp_fileset_find(resolver->set, walk->next) : NULL;
	if (file) {
		*node_out = &file->node;
		return 1;
	}
	return look_up_anew(walk, node_out, err);
}

static void add_step(struct walk *walk, const char *path, const struct mp_node *node, bool last)
{
	struct mp_resolution *res = walk->res;
	struct mp_resolve_step *step;

	if (res->n_steps > 0 && strcmp(res->steps[res->n_steps - 1].path, path) == 0) {
		res->steps[res->n_steps - 1].last |= last;
		return;
	}
	res->steps = mp_array_grow(res->steps, res->n_steps, &res->cap_steps, sizeof(*res->steps));
	step = &res->steps[res->n_steps++];
	step->path = mp_xstrdup(path);
	step->node = node;
	step->last = last;
}

static void drop_steps(struct mp_resolution *res, size_t n)
{
	while (res->n_steps > n)
		mp_freep(&res->steps[--res->n_steps].path);
}

/* The walk is over, and the last step is what it found. Returns 0. */
static int found(struct walk *walk)
{
	struct mp_resolve_step *step = &walk->res->steps[walk->res->n_steps - 1];

	step->last = true;
	walk->res->status = MP_RESOLVED_FOUND;
	walk->res->path = step->path;
	walk->res->node = step->node;
	return 0;
}

/* The walk is over: nothing is there, but for the symlink that was asked for. Returns 0. */
static int not_found(struct walk *walk, enum mp_resolve_status status)
{
	walk->res->status = status;
	walk->res->missing = MP_STEAL(walk->next);
	if (walk->asked_link < 0)
		return 0;
	drop_steps(walk->res, (size_t)walk->asked_link + 1);
	return found(walk);
}

/*
 * Goes to the directory @path, which the walk takes over: 1, or -1. It is there: the root, or
 * passed on the way here (or by the walk of a symlink's target).
 */
static int enter_take(struct walk *walk, char *path, struct mp_error *err)
{
	const struct mp_node *node = NULL;
	int rc;

	mp_freep(&walk->next);
	walk->next = path;
	walk->last = false;
	rc = look_up(walk, &node, err);
	if (rc < 0)
		return -1;
	if (rc == 0 || !S_ISDIR(node->mode))
		return mp_error_set(err, MP_E_FORMAT, 0, "'%s' in the image is no directory", path);
	mp_freep(&walk->at);
	walk->at = MP_STEAL(walk->next);
	add_step(walk, walk->at, node, false);
	return 1;
}

/* A symlink as the next name: 1 where the walk goes on, 0 at its end, -1. */
static int follow(struct walk *walk, const struct mp_node *node, struct mp_error *err)
{
	char *text;

	if (walk->nofollow && walk->last && !walk->slash && walk->asked_link < 0)
		walk->asked_link = (long)walk->res->n_steps;
	add_step(walk, walk->next, node, walk->last);
	if (++walk->n_links > LINKS_MAX)
		return not_found(walk, MP_RESOLVED_LOOP);
	if (!node->target || !node->target[0])
		return not_found(walk, MP_RESOLVED_ABSENT);
	text = walk->last && !walk->slash ? mp_xstrdup(node->target)
					  : mp_xasprintf("%s/%s", node->target, walk->rest);
	mp_freep(&walk->text);
	walk->rest = walk->text = text;
	return text[0] == '/' ? enter_take(walk, mp_xstrdup("/"), err) : 1;
}

/*
 * Takes the next name off walk->rest. false where there is none left. A name that is too long stays
 * too long.
 */
static bool next_name(struct walk *walk, char name[NAME_MAX + 2])
{
	const char *p = walk->rest + strspn(walk->rest, "/");
	size_t len = strcspn(p, "/");

	if (len == 0)
		return false;
	snprintf(name, NAME_MAX + 2, "%.*s", len > NAME_MAX ? NAME_MAX + 1 : (int)len, p);
	walk->slash = p[len] == '/';
	walk->rest = p + len + strspn(p + len, "/");
	walk->last = !*walk->rest;
	return true;
}

/* One name further: 1 where the walk goes on, 0 at its end, -1. */
static int step_into(struct walk *walk, const char *name, struct mp_error *err)
{
	const struct mp_node *node = NULL;
	int rc;

	mp_freep(&walk->next);
	walk->next = mp_path_join(walk->at, name);
	if (strlen(name) > NAME_MAX || strlen(walk->next) > REAL_PATH_MAX)
		return not_found(walk, MP_RESOLVED_ABSENT);
	rc = look_up(walk, &node, err);
	if (rc < 0)
		return -1;
	if (rc == 0 || (!is_passage(node) && (!walk->last || walk->slash)))
		return not_found(walk, MP_RESOLVED_ABSENT);
	if (S_ISLNK(node->mode))
		return follow(walk, node, err);
	add_step(walk, walk->next, node, walk->last);
	if (walk->last)
		return found(walk);
	mp_freep(&walk->at);
	walk->at = MP_STEAL(walk->next);
	return 1;
}

static int walk_all(struct walk *walk, struct mp_error *err)
{
	char name[NAME_MAX + 2];
	int rc = enter_take(walk, mp_xstrdup("/"), err);

	while (rc > 0 && next_name(walk, name)) {
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0)
			rc = enter_take(walk, mp_path_parent(walk->at), err);
		else
			rc = step_into(walk, name, err);
	}
	if (rc <= 0)
		return rc;
	/* The path ends in a directory without naming it: "/", "x/..", a link to ".". */
	if (enter_take(walk, mp_xstrdup(walk->at), err) < 0)
		return -1;
	return found(walk);
}

int mp_resolve(struct mp_resolver *resolver, const char *path, unsigned int flags,
	       struct mp_resolution *out, struct mp_error *err)
{
	MP_AUTO(walk_clear)
	struct walk walk = {
		.resolver = resolver,
		.res = out,
		.nofollow = flags & MP_RESOLVE_NOFOLLOW,
		.asked_link = -1,
	};

	*out = (struct mp_resolution){ .asked = mp_path_clean(path) };
	if (!out->asked)
		return mp_error_set(err, MP_E_FORMAT, 0, "'%s' is not an absolute path", path);
	walk.rest = walk.text = mp_xstrdup(path);
	return walk_all(&walk, err);
}

void mp_resolution_clear(struct mp_resolution *resolution)
{
	drop_steps(resolution, 0);
	mp_freep(&resolution->steps);
	mp_freep(&resolution->asked);
	mp_freep(&resolution->missing);
	if (resolution->owned)
		mp_node_clear(resolution->owned);
	mp_freep(&resolution->owned);
	*resolution = (struct mp_resolution){ 0 };
}

bool mp_resolution_is_file(const struct mp_resolution *resolution)
{
	return resolution->status == MP_RESOLVED_FOUND && S_ISREG(resolution->node->mode);
}

bool mp_resolution_is_dir(const struct mp_resolution *resolution)
{
	return resolution->status == MP_RESOLVED_FOUND && S_ISDIR(resolution->node->mode);
}

/* What the directory at step @i was passed for: the next symlink, or the end of the walk. */
static const char *passed_for(const struct mp_resolution *res, size_t i)
{
	const char *dir = res->steps[i].path;

	for (i++; i < res->n_steps; i++) {
		const struct mp_resolve_step *step = &res->steps[i];

		if (S_ISDIR(step->node->mode) && !step->last)
			continue;
		/* Not so where ".." led out of it again. */
		if (mp_path_is_under(step->path, dir))
			return step->path;
		break;
	}
	return res->asked;
}

void mp_resolution_keep(const struct mp_resolution *res, struct mp_fileset *set,
			const struct mp_why *why)
{
	struct mp_why last = *why;

	for (size_t i = 0; i < res->n_steps; i++) {
		const struct mp_resolve_step *step = &res->steps[i];

		if (step->last && res->status == MP_RESOLVED_FOUND) {
			mp_fileset_add(set, step->path, step->node, &last);
			last = (struct mp_why){ MP_REASON_TARGET, step->path, NULL };
		} else if (S_ISLNK(step->node->mode) && strcmp(step->path, res->asked) == 0) {
			mp_fileset_add(set, step->path, step->node, why); /* leads nowhere */
		} else if (S_ISLNK(step->node->mode)) {
			mp_fileset_add(set, step->path, step->node,
				       MP_WHY(MP_REASON_SYMLINK, .because = res->asked));
		} else {
			mp_fileset_add(set, step->path, step->node,
				       MP_WHY(MP_REASON_PARENT, .because = passed_for(res, i)));
		}
	}
}

int mp_resolver_read_file(struct mp_resolver *resolver, const char *path, size_t max_bytes,
			  struct mp_buf *buf, struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	MP_AUTO(mp_contents_close) struct mp_contents contents = MP_CONTENTS_CLOSED;

	if (mp_resolve(resolver, path, 0, &res, err))
		return -1;
	if (!mp_resolution_is_file(&res))
		return 0;
	if (mp_rootfs_open(resolver->root, res.path, &contents, err) ||
	    mp_contents_read_all(&contents, path, max_bytes, buf, err))
		return -1;
	return 1;
}

/* Whether only the packed image has what @path leads to, and not the image. */
static int is_made(const struct mp_resolver *resolver, const char *path, bool *made_out,
		   struct mp_error *err)
{
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 };
	int rc;

	*made_out = false;
	if (!resolver->set || !mp_fileset_find(resolver->set, path))
		return 0;
	rc = mp_rootfs_lookup(resolver->root, path, &node, err);
	*made_out = rc == 0;
	return rc < 0 ? -1 : 0;
}

static void remove_hidden(const struct mp_resolver *resolver, const char *dir,
			  struct mp_strv *names)
{
	size_t n = 0;

	for (size_t i = 0; i < names->n; i++) {
		MP_AUTO(mp_freep) char *path = mp_path_join(dir, names->v[i]);

		if (mp_resolver_hides(resolver, path))
			mp_freep(&names->v[i]);
		else
			names->v[n++] = names->v[i];
	}
	names->n = n;
}

int mp_resolver_list(struct mp_resolver *resolver, const char *path, struct mp_strv *names_out,
		     struct mp_error *err)
{
	MP_AUTO(mp_resolution_clear) struct mp_resolution res = { 0 };
	bool made = false;

	if (mp_resolve(resolver, path, 0, &res, err))
		return -1;
	if (!mp_resolution_is_dir(&res) || mp_strv_find(&resolver->hidden, res.path) >= 0)
		return 0;
	/* A mount point that was made is empty; a link of the image may well lead to it. */
	if (is_made(resolver, res.path, &made, err))
		return -1;
	if (made)
		return 0;
	if (mp_rootfs_list(resolver->root, res.path, names_out, err))
		return -1;
	if (resolver->hides)
		remove_hidden(resolver, res.path, names_out);
	return 0;
}
