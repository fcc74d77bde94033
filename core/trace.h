/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_TRACE_H
#define MP_CORE_TRACE_H

#include "core/buf.h"
#include "core/error.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The trace: what a container (or a program) did with paths. One JSON object a line: a header, an
 * event a line in canonical order (core/trace_sort.h), a trailer that says whether anything is
 * missing. The format is documented in docs/trace-format.md; this is its one reader and one writer.
 */
#define MP_TRACE_VERSION 1

/* What was done with the path. The names in the file are those of mp_trace_op_name. */
enum mp_trace_op {
	MP_OP_EXEC,     /* execve, execveat: the program; also the interpreter of a script */
	MP_OP_OPEN,     /* open, openat, openat2, creat */
	MP_OP_STAT,     /* stat, lstat, newfstatat, statx */
	MP_OP_ACCESS,   /* access, faccessat, faccessat2 */
	MP_OP_READLINK, /* readlink, readlinkat */
	MP_OP_CHDIR,    /* chdir, chroot */
	MP_OP_CREATE,   /* mkdir, mknod, symlink, link, rename: the new name */
	MP_OP_REMOVE,   /* unlink, rmdir, rename: the old name */
	MP_OP_ATTR,     /* chmod, chown, utimes, truncate, xattr families: metadata of a path */
	MP_OP_SOCKET,   /* connect, bind and sending on AF_UNIX paths */
	MP_OP_LIST,     /* getdents: the names in a directory were read */
	MP_OP_OTHER,    /* any other call that takes a path */
	MP_OP_COUNT,
};

/* Bits of mp_trace_event.flags; in the file, words in the array "flags". */
enum mp_trace_flag {
	MP_TRACE_WRITE = 1 << 0,    /* opened for writing, or changed */
	MP_TRACE_CREATE = 1 << 1,   /* O_CREAT, or a call that makes the path */
	MP_TRACE_DIR = 1 << 2,      /* what was opened is a directory */
	MP_TRACE_DELETED = 1 << 3,  /* the file had no name any more */
	MP_TRACE_FOREIGN = 1 << 4,  /* not in the container's mount namespace: real is NULL */
	MP_TRACE_SCRIPT = 1 << 5,   /* exec: the interpreter that a '#!' line named */
	MP_TRACE_NOFOLLOW = 1 << 6, /* the call does not follow a symlink at the end of the path */
	MP_TRACE_MOUNTED = 1 << 7, /* the file is on another mount than the root: a volume, /proc */
	MP_TRACE_LOCATED = 1 << 8, /* O_PATH: opened as a place, its contents were not to be read */
	MP_TRACE_CREATED = 1 << 9, /* this open made the file: it was not there before */
	MP_TRACE_ATTACHED = 1 << 10, /* found in use when tracing began, not seen to be opened */
};

struct mp_trace_event {
	enum mp_trace_op op;
	unsigned int flags;
	int error;            /* 0, or the errno with which the call failed */
	unsigned int session; /* 0: the main process's tree; 1: docker exec and health checks */
	int64_t first_ns;     /* since the trace's first event; in the file, in the header */
	char *path;           /* requested: absolute in the container; never NULL */
	char *real;           /* of the file that was reached, where the kernel told; else NULL */
	char *exe; /* real path of the program that asked; NULL: the container's runtime, a memfd */
};

struct mp_trace_header {
	char *source;    /* "container", "command" or "import" */
	char *image;     /* reference as the user gave it; NULL without one, as the next */
	char *image_id;  /* "sha256:…" */
	char *arch;      /* of the traced host: uname -m */
	char *kernel;    /* uname -r */
	char *generator; /* "micropack 0.1.0" */
};

/* Everything that could make a trace say less than what happened. All counts are of events. */
struct mp_trace_losses {
	uint64_t dropped;   /* the buffer between kernel and tracer was full */
	uint64_t truncated; /* a path too long or too deep to record whole */
	uint64_t unread;    /* a name or a file that the program could not read */
	uint64_t untracked; /* processes that could not be followed: the table was full */
};

struct mp_trace {
	struct mp_trace_header header;
	struct mp_trace_event *events;
	size_t n_events;
	size_t cap_events;
	struct mp_trace_losses losses;
	bool complete; /* the trailer is there, its count is right, and nothing was lost */
};

const char *mp_trace_op_name(enum mp_trace_op op);
/* The word in the file for @bit, one of enum mp_trace_flag. */
const char *mp_trace_flag_name(enum mp_trace_flag bit);
/* The name in the file for an errno; @text is room for one that libc does not name. */
#define MP_ERRNO_TEXT_SIZE 16
const char *mp_trace_errno_name(int error, char text[MP_ERRNO_TEXT_SIZE]);
/* The errno of that name; 0 where it is none. */
int mp_trace_errno_number(const char *name);
/* The event's line in the file, owned by the caller. */
struct mp_json;
struct mp_json *mp_trace_event_json(const struct mp_trace_event *event);

bool mp_trace_lost_any(const struct mp_trace_losses *losses);
/* "3 events dropped, …", for messages; owned by the caller. */
char *mp_trace_losses_text(const struct mp_trace_losses *losses);

/*
 * Writes all of @trace to a file at @path, whole or not at all: events in canonical order, each
 * once, so that two traces that differ in their times alone differ in the first line alone. It has
 * no trailer if it is cut.
 */
MP_MUST_USE int mp_trace_write(const struct mp_trace *trace, const char *path,
			       struct mp_error *err);
/*
 * The same to @fd; @name is used in errors. @losses: those of the trailer, whatever @trace says;
 * NULL: no trailer.
 */
MP_MUST_USE int mp_trace_write_fd(const struct mp_trace *trace, int fd, const char *name,
				  const struct mp_trace_losses *losses, struct mp_error *err);

/*
 * Reads a whole trace, its events in whatever order it has them. MP_E_FORMAT (line number and what
 * is wrong) for anything that is no trace; one that is cut short is read up to its last whole line,
 * with complete = false.
 */
MP_MUST_USE int mp_trace_read(const char *path, struct mp_trace **trace_out, struct mp_error *err);
/* The same from @text; @name is used in errors. */
MP_MUST_USE int mp_trace_parse(const char *text, size_t len, const char *name,
			       struct mp_trace **trace_out, struct mp_error *err);
/* Whether @text begins as a trace does: how `pack` tells one from a list of paths. */
bool mp_trace_looks_like(const char *text, size_t len);
/* MP_E_INCOMPLETE with the reason unless the trace is complete and has events. */
MP_MUST_USE int mp_trace_check_complete(const struct mp_trace *trace, struct mp_error *err);
/* Whether the trace has no trailer; it may lack more than its losses say. */
bool mp_trace_is_cut(const struct mp_trace *trace);
/* Adds @event, whose strings then belong to @trace. */
void mp_trace_add_take(struct mp_trace *trace, struct mp_trace_event *event);
void mp_trace_freep(struct mp_trace **trace);
void mp_trace_event_clear(struct mp_trace_event *event);

#endif
