/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe.h"

#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/quota.h>
#include <sys/socket.h>

/*
 * rows.h is read twice: as the table, and as the cases of a switch. A row is known by its line.
 */

#define EXEC "exec"
#define OPEN "open"
#define STAT "stat"
#define ACCESS "access"
#define READLINK "readlink"
#define CHDIR "chdir"
#define CREATE "create"
#define REMOVE "remove"
#define ATTR "attr"
#define SOCKET "socket"
#define LIST "list"
#define OTHER "other"

#define W FLAG_WRITE
#define C FLAG_CREATE
#define D FLAG_DIR
#define X FLAG_DELETED
#define S FLAG_SCRIPT
#define N FLAG_NOFOLLOW
#define M FLAG_MOUNTED
#define L FLAG_LOCATED
#define NEW FLAG_CREATED

#define SELF "%n"
#define TO "%n.to"
#define NONE NULL
#define MAYBE(real) "?" real
#define ANYTHING "*"

/* Long names, and deep folders. */
#define TIMES10(text) text text text text text text text text text text
#define NAME255 TIMES10("nnnnnnnnnnnnnnnnnnnnnnnnn") "nnnnn"
_Static_assert(sizeof(NAME255) == 256, "the longest name has 255 bytes");
#define DEEP1000 TIMES10(TIMES10(TIMES10("d/")))

/* Newer than the headers may be. */
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#endif
#ifndef SYS_getxattrat
#define SYS_getxattrat 464
#endif
#ifndef SYS_listxattrat
#define SYS_listxattrat 465
#endif
#ifndef SYS_removexattrat
#define SYS_removexattrat 466
#endif
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif
#ifndef SYS_file_getattr
#define SYS_file_getattr 468
#endif
#ifndef SYS_file_setattr
#define SYS_file_setattr 469
#endif
#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

#ifdef SYS_newfstatat
#define SYS_statat SYS_newfstatat
#else
#define SYS_statat SYS_fstatat64
#endif
#define HOW(...) (&(struct open_how){ __VA_ARGS__ }), sizeof(struct open_how)

struct xattr_arguments {
	uint64_t value;
	uint32_t size, flags;
};
#define XATTR_ARGUMENTS(text)                                                                      \
	(&(struct xattr_arguments){ .value = (uintptr_t)(text), .size = 1 }), 16

#define OBJECT(text) (&(union bpf_attr){ .pathname = (uintptr_t)(text) }), sizeof(union bpf_attr)

/* As struct mount_attr. */
#define READ_ONLY ((uint64_t[4]){ MOUNT_ATTR_RDONLY }), 32

const struct row rows[] = {
#define AT(name, path, made, op, flags, error, real, ...)                                          \
	{ __LINE__, name, made, op, flags, error, path, real },
#define ROW(name, made, op, flags, error, real, ...)                                               \
	AT(name, "%n", made, op, flags, error, real, __VA_ARGS__)
#define ALSO(op, flags, path, real) { __LINE__, NULL, 0, op, flags, 0, path, real },
#include "rows.h"
#undef AT
#undef ROW
#undef ALSO
};
const size_t n_rows = sizeof(rows) / sizeof(rows[0]);

long row_perform(const struct row *row, const char *path)
{
	const char *name = row->name;

	switch (row->line) {
#define AT(name, path, made, op, flags, error, real, ...)                                          \
	case __LINE__:                                                                             \
		return __VA_ARGS__;
#define ROW(name, made, op, flags, error, real, ...)                                               \
	AT(name, "", made, op, flags, error, real, __VA_ARGS__)
#define ALSO(op, flags, path, real)
#include "rows.h"
	}
	fprintf(stderr, "probe: row '%s' does nothing\n", name);
	exit(99);
}
