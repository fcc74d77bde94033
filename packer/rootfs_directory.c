/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/rootfs_internal.h"

#include "core/interrupt.h"
#include "core/path.h"
#include "packer/links.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* XATTR_LIST_MAX and XATTR_SIZE_MAX of linux/limits.h, which glibc's own limits.h hides. */
#define XATTR_MAX 65536

/* "/proc/self/fd/", an int, '/' and a name. */
#define FD_LINK_SIZE (32 + NAME_MAX + 1)

/* As many files stay open, if the process may have that many. */
#define KEPT_OPEN_MAX 16384
/* Descriptors that are left for everything else. */
#define KEPT_OPEN_SPARE 1024

/* Since Linux 6.13, with the same number on every architecture; older headers do not know it. */
#ifndef SYS_listxattrat
#define SYS_listxattrat 465
#endif

/*
 * Everything is reached from an open root by openat2(2), which the kernel confines: no symlink, no
 * magic link and no ".." can lead out of it, also while somebody renames directories below it.
 */
struct directory {
	struct mp_rootfs base;
	int root_fd;
	bool whiteouts;
	bool inert; /* no device can be opened in it, and nobody changes it meanwhile */
	/* Of an inert one, the directory that was used last: paths often come sorted. */
	char *last_path;
	int last_fd;
	/* And its files that were opened so far, up to KEPT_OPEN_MAX: each is looked into for what
	 * it needs, and later packed. Path → struct open_file. */
	struct mp_strmap *open_files;
	size_t n_kept_max;
	struct rlimit limit_before;
};

struct open_file {
	int fd;
};

/* An object: what lies at @name in the directory @at, or where that is "", @at itself (O_PATH). */
struct place {
	int at;
	const char *name;
};

static int open_at(int dir_fd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned int)flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
}

/* Where the first PATH_MAX - 1 bytes of @path can be cut between two names; 0: nowhere. */
static size_t cut_at(const char *path)
{
	size_t cut = PATH_MAX - 1;

	while (cut > 0 && path[cut] != '/')
		cut--;
	return cut;
}

/* A descriptor of @path, or -1 and errno. A path too long for one call is walked in pieces. */
static int open_beneath(const struct directory *dir, const char *path, int flags)
{
	MP_AUTO(mp_closep) int from = -1;
	const char *rest = path + 1;

	while (strlen(rest) >= PATH_MAX) {
		char piece[PATH_MAX];
		size_t cut = cut_at(rest);
		int next;

		if (cut == 0) {
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(piece, rest, cut);
		piece[cut] = '\0';
		next = open_at(from < 0 ? dir->root_fd : from, piece, O_PATH | O_DIRECTORY);
		if (next < 0)
			return -1;
		mp_closep(&from);
		from = next;
		rest += cut + 1;
	}
	return open_at(from < 0 ? dir->root_fd : from, *rest ? rest : ".", flags);
}

/* Whether openat2's errno says that there is no such path, as the interface means it. */
static bool means_absent(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP || error == EXDEV ||
	       error == ENAMETOOLONG;
}

static bool is_whiteout(const struct directory *dir, const struct stat *st)
{
	return dir->whiteouts && S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

/*
 * An O_PATH descriptor and the status of @path: 1, 0 where it is absent, -1. O_PATH opens nothing:
 * a FIFO does not block, a device does not notice.
 */
static int find(const struct directory *dir, const char *path, int *fd_out, struct stat *st,
		struct mp_error *err)
{
	MP_AUTO(mp_closep) int fd = open_beneath(dir, path, O_PATH | O_NOFOLLOW);

	if (fd < 0)
		return means_absent(errno)
			       ? 0
			       : mp_error_set(err, MP_E_SYS, errno, "look up '%s'", path);
	if (fstat(fd, st) < 0)
		return mp_error_set(err, MP_E_SYS, errno, "look up '%s'", path);
	if (is_whiteout(dir, st))
		return 0;
	*fd_out = MP_STEAL_FD(fd);
	return 1;
}

/* The object behind an O_PATH descriptor, for calls that refuse such a descriptor itself. */
static void fd_link(int fd, char link[FD_LINK_SIZE])
{
	snprintf(link, FD_LINK_SIZE, "/proc/self/fd/%d", fd);
}

/* As getxattr(2). */
static ssize_t get_xattr(const struct place *place, const char *name, void *value, size_t size)
{
	char link[FD_LINK_SIZE];

	fd_link(place->at, link);
	if (!*place->name)
		return getxattr(link, name, value, size);
	snprintf(link, sizeof(link), "/proc/self/fd/%d/%s", place->at, place->name);
	return lgetxattr(link, name, value, size);
}

/* As listxattr(2). Most files have none, and a way through /proc costs as much as opening one. */
static ssize_t list_xattrs(const struct place *place, char *names, size_t size)
{
	char link[FD_LINK_SIZE];
	ssize_t len;

	fd_link(place->at, link);
	if (!*place->name)
		return listxattr(link, names, size);
	len = syscall(SYS_listxattrat, place->at, place->name, AT_SYMLINK_NOFOLLOW, names, size);
	/* A seccomp filter that does not know a call may say EPERM. */
	if (len >= 0 || (errno != ENOSYS && errno != EPERM))
		return len;
	snprintf(link, sizeof(link), "/proc/self/fd/%d/%s", place->at, place->name);
	return llistxattr(link, names, size);
}

static int read_xattr(const struct place *place, const char *name, struct mp_node *node,
		      const char *path, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *value = mp_xmalloc(XATTR_MAX);
	ssize_t size = get_xattr(place, name, value, XATTR_MAX);

	if (size < 0 && errno == ENODATA)
		return 0;
	if (size < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read attribute '%s' of '%s'", name,
				    path);
	mp_node_set_xattr(node, name, value, (size_t)size);
	return 0;
}

static int read_xattrs(const struct place *place, struct mp_node *node, const char *path,
		       struct mp_error *err)
{
	MP_AUTO(mp_freep) char *large = NULL;
	char small[512], *names = small;
	ssize_t len = list_xattrs(place, small, sizeof(small));

	if (len < 0 && errno == ERANGE) {
		names = large = mp_xmalloc(XATTR_MAX);
		len = list_xattrs(place, large, XATTR_MAX);
	}
	if (len < 0 && errno == ENOTSUP)
		return 0;
	if (len < 0)
		return mp_error_set(err, MP_E_SYS, errno, "list the attributes of '%s'", path);
	for (const char *name = names; name < names + len; name += strlen(name) + 1) {
		if (mp_xattr_is_kept(name) && read_xattr(place, name, node, path, err))
			return -1;
	}
	return 0;
}

static int read_target(const struct place *place, struct mp_node *node, const char *path,
		       struct mp_error *err)
{
	char target[PATH_MAX + 1];
	ssize_t len = readlinkat(place->at, place->name, target, sizeof(target));

	if (len < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read symlink '%s'", path);
	if ((size_t)len >= sizeof(target))
		return mp_error_set(err, MP_E_SYS, ENAMETOOLONG, "read symlink '%s'", path);
	node->target = mp_xstrndup(target, (size_t)len);
	return 0;
}

static void fill_node(struct mp_node *node, const struct stat *st)
{
	*node = (struct mp_node){
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mtime_s = st->st_mtim.tv_sec,
		.mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
		.file_dev = st->st_dev,
		.file_ino = st->st_ino,
		/* File systems disagree on what a directory's links are; it has one name. */
		.nlink = S_ISDIR(st->st_mode) ? 1 : (uint32_t)st->st_nlink,
	};
	if (S_ISREG(st->st_mode))
		node->size_bytes = (uint64_t)st->st_size;
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
		node->rdev_major = major(st->st_rdev);
		node->rdev_minor = minor(st->st_rdev);
	}
}

/*
 * Of an inert root, the place of @path without opening it. -1 and errno. The directory stays open
 * until another is asked for.
 */
static int find_place(struct directory *dir, const char *path, struct place *place_out)
{
	const char *name = mp_path_base(path);
	size_t len = (size_t)(name - path);
	int fd;

	*place_out = (struct place){ dir->root_fd, "." };
	if (!*name)
		return 0;
	if (!dir->last_path || strlen(dir->last_path) != len ||
	    memcmp(dir->last_path, path, len) != 0) {
		MP_AUTO(mp_freep) char *parent = mp_path_parent(path);

		fd = open_beneath(dir, parent, O_PATH | O_DIRECTORY);
		if (fd < 0)
			return -1;
		mp_closep(&dir->last_fd);
		mp_freep(&dir->last_path);
		dir->last_fd = fd;
		dir->last_path = mp_xstrndup(path, len);
	}
	*place_out = (struct place){ dir->last_fd, name };
	return 0;
}

/* 1: what is at @place goes to @node; -1. */
static int read_node(const struct place *place, const struct stat *st, struct mp_node *node_out,
		     const char *path, struct mp_error *err)
{
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 };
	int rc = 0;

	fill_node(&node, st);
	if (S_ISLNK(st->st_mode))
		rc = read_target(place, &node, path, err);
	else if (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode))
		rc = read_xattrs(place, &node, path, err);
	if (rc)
		return -1;
	*node_out = node;
	node = (struct mp_node){ 0 };
	return 1;
}

static int look_up_inert(struct directory *dir, const char *path, struct mp_node *node_out,
			 struct mp_error *err)
{
	struct place place;
	struct stat st;

	if (find_place(dir, path, &place) ||
	    fstatat(place.at, place.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return means_absent(errno)
			       ? 0
			       : mp_error_set(err, MP_E_SYS, errno, "look up '%s'", path);
	return read_node(&place, &st, node_out, path, err);
}

static int directory_lookup(struct mp_rootfs *root, const char *path, struct mp_node *node_out,
			    struct mp_error *err)
{
	struct directory *dir = (struct directory *)root;
	MP_AUTO(mp_closep) int fd = -1;
	struct stat st;
	int rc;

	if (dir->inert)
		return look_up_inert(dir, path, node_out, err);
	rc = find(dir, path, &fd, &st, err);
	if (rc <= 0)
		return rc;
	return read_node(&(struct place){ fd, "" }, &st, node_out, path, err);
}

/*
 * In one step: a descriptor of the regular file at @path, or -1 for whoever wants to know why. What
 * else may lie there comes to no harm: a device is not opened, a FIFO does not block.
 */
static int open_inert(struct directory *dir, const char *path)
{
	MP_AUTO(mp_closep) int fd = -1;
	struct place place;
	struct stat st;

	if (!dir->inert || find_place(dir, path, &place))
		return -1;
	fd = open_at(place.at, place.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	return MP_STEAL_FD(fd);
}

/* The descriptor stays with the source, where it has room for one more, or goes to the caller. */
static void hand_out(struct directory *dir, const char *path, int fd,
		     struct mp_contents *contents_out)
{
	struct open_file *file;

	*contents_out = MP_CONTENTS_OF(fd);
	if (mp_strmap_count(dir->open_files) >= dir->n_kept_max)
		return;
	file = mp_xmalloc(sizeof(*file));
	file->fd = fd;
	mp_strmap_put(dir->open_files, path, file);
	contents_out->borrowed = true;
}

static bool is_open(const struct directory *dir, const char *path, struct mp_contents *contents_out)
{
	const struct open_file *file =
		dir->open_files ? mp_strmap_get(dir->open_files, path) : NULL;

	if (!file)
		return false;
	*contents_out = MP_CONTENTS_OF(file->fd);
	contents_out->borrowed = true;
	return true;
}

static void open_file_free(void *value)
{
	struct open_file *file = value;

	mp_closep(&file->fd);
	mp_freep(&file);
}

/*
 * Room for open files: the soft limit, often 1024 for the sake of select(2), is raised while the
 * source is there.
 */
static void make_room(struct directory *dir)
{
	struct rlimit limit;

	dir->open_files = mp_strmap_new(open_file_free);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	dir->limit_before = limit;
	if (limit.rlim_cur < KEPT_OPEN_MAX + KEPT_OPEN_SPARE) {
		limit.rlim_cur = limit.rlim_max < KEPT_OPEN_MAX + KEPT_OPEN_SPARE
					 ? limit.rlim_max
					 : KEPT_OPEN_MAX + KEPT_OPEN_SPARE;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			limit = dir->limit_before;
	}
	if (limit.rlim_cur > KEPT_OPEN_SPARE)
		dir->n_kept_max = (size_t)limit.rlim_cur - KEPT_OPEN_SPARE;
	if (dir->n_kept_max > KEPT_OPEN_MAX)
		dir->n_kept_max = KEPT_OPEN_MAX;
}

static void give_back_room(struct directory *dir)
{
	if (!dir->open_files)
		return;
	mp_strmap_freep(&dir->open_files);
	setrlimit(RLIMIT_NOFILE, &dir->limit_before);
}

static int directory_open(struct mp_rootfs *root, const char *path,
			  struct mp_contents *contents_out, struct mp_error *err)
{
	MP_AUTO(mp_closep) int fd = -1;
	char link[FD_LINK_SIZE];
	struct stat st;
	int rc, opened;

	if (is_open((struct directory *)root, path, contents_out))
		return 0;
	opened = open_inert((struct directory *)root, path);
	if (opened >= 0) {
		hand_out((struct directory *)root, path, opened, contents_out);
		return 0;
	}
	rc = find((struct directory *)root, path, &fd, &st, err);

	if (rc <= 0)
		return rc < 0 ? -1 : mp_rootfs_err_absent(err, path);
	if (!S_ISREG(st.st_mode))
		return mp_rootfs_err_not_file(err, path);
	/* The very file that was looked at, whatever its name stands for by now. */
	fd_link(fd, link);
	opened = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOATIME);
	if (opened < 0 && errno == EPERM) /* O_NOATIME is for the owner and CAP_FOWNER alone */
		opened = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (opened < 0)
		return mp_error_set(err, MP_E_SYS, errno, "open '%s'", path);
	*contents_out = MP_CONTENTS_OF(opened);
	return 0;
}

static void closedirp(DIR **stream)
{
	int saved_errno = errno;

	if (*stream)
		closedir(*stream);
	errno = saved_errno;
}

static int open_stream(const struct directory *dir, const char *path, DIR **stream_out,
		       struct mp_error *err)
{
	MP_AUTO(mp_closep)
	int fd = open_beneath(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME);

	if (fd < 0 && errno == EPERM)
		fd = open_beneath(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0) {
		int error = errno;
		struct stat st;

		if (!means_absent(error))
			return mp_error_set(err, MP_E_SYS, error, "open directory '%s'", path);
		if (find(dir, path, &fd, &st, NULL) == 1)
			return mp_rootfs_err_not_directory(err, path);
		return mp_rootfs_err_absent(err, path);
	}
	*stream_out = fdopendir(fd);
	if (!*stream_out)
		return mp_error_set(err, MP_E_SYS, errno, "open directory '%s'", path);
	(void)MP_STEAL_FD(fd);
	return 0;
}

/* The next name that is neither "." nor "..": 1; 0 at the end; -1. */
static int next_name(DIR *stream, const char *path, const struct dirent **entry_out,
		     struct mp_error *err)
{
	const struct dirent *entry;

	do {
		errno = 0;
		entry = readdir(stream);
	} while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	if (!entry && errno)
		return mp_error_set(err, MP_E_SYS, errno, "read directory '%s'", path);
	*entry_out = entry;
	return entry != NULL;
}

/* Whether @entry is there for the interface: no whiteout. */
static bool is_visible(const struct directory *dir, DIR *stream, const struct dirent *entry)
{
	struct stat st;

	if (!dir->whiteouts || (entry->d_type != DT_CHR && entry->d_type != DT_UNKNOWN))
		return true;
	return fstatat(dirfd(stream), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       !is_whiteout(dir, &st);
}

static int directory_list(struct mp_rootfs *root, const char *path, struct mp_strv *names_out,
			  struct mp_error *err)
{
	const struct directory *dir = (struct directory *)root;
	MP_AUTO(closedirp) DIR *stream = NULL;
	const struct dirent *entry;
	int rc;

	if (open_stream(dir, path, &stream, err))
		return -1;
	while ((rc = next_name(stream, path, &entry, err)) > 0) {
		if (is_visible(dir, stream, entry))
			mp_strv_push(names_out, entry->d_name);
	}
	return rc;
}

/* The walk for totals: directories that are still to be read, and the hard links already counted.
 */
struct walk {
	const struct directory *dir;
	struct mp_strv pending;
	struct mp_links links;
	struct mp_rootfs_totals totals;
};

static void walk_clear(struct walk *walk)
{
	mp_strv_free(&walk->pending);
	mp_links_clear(&walk->links);
}

/* Whether this is the first name of the file that the walk meets. */
static bool is_first_name(struct walk *walk, const struct stat *st)
{
	return st->st_nlink < 2 || !mp_links_first(&walk->links, st->st_dev, st->st_ino, walk);
}

/*
 * Whether the directory behind @fd shows the kernel's state and no files of its own: with "/" as
 * the root, /proc/kcore alone would add 128 TiB to the sum.
 */
static bool is_kernel_view(int fd)
{
	static const unsigned long types[] = {
		PROC_SUPER_MAGIC,   SYSFS_MAGIC,    CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
		DEBUGFS_MAGIC,      TRACEFS_MAGIC,  SECURITYFS_MAGIC,   BPF_FS_MAGIC,
		DEVPTS_SUPER_MAGIC, PSTOREFS_MAGIC, EFIVARFS_MAGIC,
	};
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < MP_ARRAY_LEN(types); i++) {
		if ((unsigned long)fs.f_type == types[i])
			return true;
	}
	return false;
}

static void count_entry(struct walk *walk, DIR *stream, const char *path, const char *name)
{
	struct stat st;

	/* Of a live directory, a name may be gone by now. */
	if (fstatat(dirfd(stream), name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    is_whiteout(walk->dir, &st))
		return;
	if (S_ISDIR(st.st_mode)) {
		mp_strv_push_take(&walk->pending, mp_path_join(path, name));
		return;
	}
	walk->totals.files++;
	if (S_ISREG(st.st_mode) && is_first_name(walk, &st))
		walk->totals.size_bytes += (uint64_t)st.st_size;
}

static int walk_directory(struct walk *walk, const char *path, struct mp_error *err)
{
	MP_AUTO(closedirp) DIR *stream = NULL;
	const struct dirent *entry;
	struct mp_error local;
	int rc;

	if (open_stream(walk->dir, path, &stream, &local)) {
		if (local.code == MP_E_NOTFOUND && strcmp(path, "/") != 0)
			return 0;
		if (err)
			*err = local;
		return -1;
	}
	if (is_kernel_view(dirfd(stream)))
		return 0;
	while ((rc = next_name(stream, path, &entry, err)) > 0)
		count_entry(walk, stream, path, entry->d_name);
	return rc;
}

static int directory_totals(struct mp_rootfs *root, struct mp_rootfs_totals *totals_out,
			    struct mp_error *err)
{
	MP_AUTO(walk_clear) struct walk walk = { .dir = (struct directory *)root };

	mp_strv_push(&walk.pending, "/");
	while (walk.pending.n > 0) {
		MP_AUTO(mp_freep) char *path = walk.pending.v[--walk.pending.n];

		if (mp_interrupt_check(err) || walk_directory(&walk, path, err))
			return -1;
	}
	*totals_out = walk.totals;
	return 0;
}

static void directory_free(struct mp_rootfs *root)
{
	struct directory *dir = (struct directory *)root;

	mp_closep(&dir->root_fd);
	mp_closep(&dir->last_fd);
	mp_freep(&dir->last_path);
	give_back_room(dir);
	mp_freep(&dir);
}

/* Whether the mount at @fd is as mp_rootfs_open_overlay makes it: no devices, no access times. */
static bool is_private_overlay(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC &&
	       (fs.f_flags & (ST_NODEV | ST_NOATIME)) == (ST_NODEV | ST_NOATIME);
}

int mp_rootfs_directory_take(int root_fd, enum mp_directory_kind kind, const char *name,
			     struct mp_rootfs **root_out, struct mp_error *err)
{
	static const struct mp_rootfs_ops ops = {
		.lookup = directory_lookup,
		.open = directory_open,
		.list = directory_list,
		.totals = directory_totals,
		.free = directory_free,
	};
	MP_AUTO(mp_closep) int owned = root_fd;
	MP_AUTO(mp_closep) int probe = open_at(root_fd, ".", O_PATH);
	struct directory *dir;

	if (probe < 0) {
		int error = errno;

		mp_error_set(err, MP_E_SYS, error, "open '%s'", name);
		if (error == ENOSYS)
			mp_error_hint(err, "openat2 is needed: Linux 5.6 or newer");
		return -1;
	}
	dir = mp_xcalloc(1, sizeof(*dir));
	dir->base.ops = &ops;
	dir->root_fd = MP_STEAL_FD(owned);
	dir->last_fd = -1;
	/* Also in an overlay: it lists those of a directory that no other layer has, though
	 * it finds nothing there (fs/overlayfs/readdir.c reads what is not merged as it is). */
	dir->whiteouts = kind != MP_DIRECTORY_ANY;
	dir->inert = kind == MP_DIRECTORY_PRIVATE && is_private_overlay(dir->root_fd);
	if (dir->inert)
		make_room(dir);
	*root_out = &dir->base;
	return 0;
}

int mp_rootfs_open_directory(const char *path, struct mp_rootfs **root_out, struct mp_error *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return mp_error_set(err, MP_E_SYS, errno, "open directory '%s'", path);
	return mp_rootfs_directory_take(fd, MP_DIRECTORY_ANY, path, root_out, err);
}
