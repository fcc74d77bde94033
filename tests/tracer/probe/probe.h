/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TESTS_TRACER_PROBE_H
#define MP_TESTS_TRACER_PROBE_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * A program that touches a fresh file through every system call that takes a path, and says what a
 * trace of it has to have. It knows nothing of micropack, and is linked with nothing but libc: it
 * runs as a 32-bit program and in images that are empty. What it does is the table in rows.h.
 */

/* What is there before a row is run; made by another process, so that the trace has none of it. */
enum {
	NOTHING = 0,
	A_FILE = 1 << 0,
	A_DIR = 1 << 1,
	A_TREE = 1 << 2,    /* a folder with a file `file` and a folder `dir` */
	A_PAIR = 1 << 3,    /* two files, the second one NAME.to */
	A_PROGRAM = 1 << 4, /* does nothing, successfully */
	A_SCRIPT = 1 << 5,  /* its interpreter is the program NAME.to */
	A_PATH = 1 << 6,    /* a file at the requested path, and the folders above it */
	LINKED = 1 << 8,    /* it is at NAME.to, and NAME is a symbolic link to that */
	/* How the row is run. */
	CHILD = 1 << 16,  /* by a child process */
	MOUNTS = 1 << 17, /* by a child process with a mount namespace of its own */
	SERVER = 1 << 18, /* needs the process that is not traced */
	RING = 1 << 19,   /* through io_uring */
};

/* Bits of row.flags; flag_names has the words, in the order of docs/trace-format.md. */
enum {
	FLAG_WRITE = 1 << 0,
	FLAG_CREATE = 1 << 1,
	FLAG_DIR = 1 << 2,
	FLAG_DELETED = 1 << 3,
	FLAG_FOREIGN = 1 << 4,
	FLAG_SCRIPT = 1 << 5,
	FLAG_NOFOLLOW = 1 << 6,
	FLAG_MOUNTED = 1 << 7,
	FLAG_LOCATED = 1 << 8,
	FLAG_CREATED = 1 << 9,
};

/* row.error: besides an errno. */
#define ANY_ERROR (-1)                 /* what the call does is not the point */
#define MAY(error) ((error) | 1 << 16) /* where it does something else, the row is skipped */

/*
 * Paths of a row are below the work folder unless they begin with '/'; in them
 *   %n is the row's name        %w the work folder             %p the process's ID
 *   %x the program              %l what makes a path of 4,095 bytes of it
 * A real path that begins with "=" is that where the work folder is on the root file system, which
 * is where a bind mount leads; else it is the requested one. A real path that begins with '?' need
 * not be known, but then it is that; "*" may be anything.
 */
struct row {
	int line;         /* in rows.h: whose call it is */
	const char *name; /* NULL: one more event of the row above */
	unsigned int made;
	const char *op;
	unsigned int flags;
	int error;
	const char *path; /* requested */
	const char *real; /* NULL: none */
};

extern const struct row rows[];
extern const size_t n_rows;

/* Does what the row says with @path, its requested path. Returns the result, or a negative errno.
 */
long row_perform(const struct row *row, const char *path);

/* Makes what the rows need in the work folder. @short_paths: none that an archive may not hold. */
void prepare(bool short_paths);

/* The work folder, and the same as a path; the process's ID and program when it started. */
extern int work;
extern const char *work_path, *own_program;
extern int own_pid;

/* @text with its % replaced; relative to the work folder as it was. The caller's to free. */
char *expand(const struct row *row, const char *text);

/* Ends the process unless @condition: there is no going on. */
#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "probe: %s:%d: %s: %s\n", __FILE__, __LINE__, #condition,  \
				strerror(errno));                                                  \
			exit(99);                                                                  \
		}                                                                                  \
	} while (0)

/* A system call. The result, or a negative errno. */
#define sys(...) result_of(syscall(__VA_ARGS__))

static inline long result_of(long result)
{
	return result == -1 ? -errno : result;
}

/* One request to a ring of its own (uring.c). The request's result, as that of sys(). */
enum { RING_PLAIN, RING_ASYNC, RING_POLLED, RING_DIRECT };
long ring(int how, unsigned int op, int fd, const void *addr, uint32_t len, const void *addr2,
	  uint32_t flags, const void *addr3);

/* What a row does in more than one call (steps.c). */
extern _Thread_local char out[32768]; /* for what calls answer; nobody looks */
const char *beside(const char *path, const char *suffix);
const char *held(const char *path, int fd, const char *result);
int folder(const char *path);
long back(long result);
long chdir_open(const char *path, const char *file);
long chroot_open(const char *path, const char *file);
long moved_folder(const char *path);
long moved_working_folder(const char *path);
long deleted_folder(const char *path);
long deleted_open(const char *path, int fd, const char *magic);
long renamed_open(const char *path, int fd, const char *magic);
long replaced_open(const char *path);
long bind_open(const char *path);
long tmpfs_open(const char *path);
long overlay_open(const char *path);
long link_descriptor(const char *path);
long exec_descriptor(const char *path, int flags);
long name_handle(const char *path, int flags);
long open_handle(const char *path);
long watch(const char *path, unsigned int mask);
long mark(const char *path, unsigned int flags);
long received(const char *path, char how);
extern char *const leaf[], *const no_environment[];

/* Sockets. @how: by which call. */
enum { BY_CALL, BY_SOCKETCALL, BY_RING };
long sock_bind(const char *path, int type, int how);
long sock_connect(const char *path, int type, int how);
long sock_sendto(const char *path, int type, int how);
long sock_sendmsg(const char *path, int type, int how);
long sock_sendmmsg(const char *path, int type, int how);

/* The process that is not traced: opens files, and hands them over (server.c). Does not return. */
void serve(void);
#define SERVER_SOCKET ".server"

#endif
