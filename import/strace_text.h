/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_IMPORT_STRACE_TEXT_H
#define MP_IMPORT_STRACE_TEXT_H

#include "core/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* How strace writes things. Pure functions on text. */

/*
 * Moves *@text behind the process ID ("1234 ", "[pid 1234] ") and the time (of -t, -tt, -ttt, -r)
 * that a line begins with. *pid_out: 0 without one. *time_ns_out: only of -ttt, else -1.
 */
void mp_strace_prefix(char **text, long *pid_out, int64_t *time_ns_out);

/* The length of the name of a call at the start of @text, where '(' follows; else 0. */
size_t mp_strace_name_len(const char *text);

/* Whether @text begins with the name of a call that gives a child. */
bool mp_strace_is_fork(const char *text);

enum mp_strace_outcome {
	MP_STRACE_RETURNED,
	MP_STRACE_FAILED,
	MP_STRACE_UNKNOWN, /* "= ?", or nothing: the process ended in it */
};

/* "name(argument, …) = result", taken apart. */
struct mp_strace_call {
	struct mp_strv arguments; /* as they are written */
	enum mp_strace_outcome outcome;
	long result; /* RETURNED */
	int error;   /* FAILED */
	char *file;  /* the path behind the descriptor that was returned; NULL */
	bool file_deleted;
};

/*
 * Takes apart @text, which begins behind the '('. @unfinished: it may end anywhere behind an
 * argument. False where it is malformed; @call is freed by the caller either way.
 */
bool mp_strace_parse_call(const char *text, bool unfinished, struct mp_strace_call *call);
void mp_strace_call_free(struct mp_strace_call *call);

enum mp_strace_string {
	MP_STRACE_STRING,
	MP_STRACE_CUT,  /* "…"... */
	MP_STRACE_NULL, /* NULL */
	MP_STRACE_NONE, /* an address, or nothing at all */
};

/* The bytes of a quoted @argument, the caller's, for the first of these. */
enum mp_strace_string mp_strace_string(const char *argument, char **bytes_out);

/* The path in "3</path>" or "AT_FDCWD</path>", the caller's; NULL where none is there. @deleted_out
 * (may be NULL): whether it is that of a file without a name. */
char *mp_strace_fd_path(const char *argument, bool *deleted_out);

/* Whether @word is in @text, with no letter, digit or '_' beside it. */
bool mp_strace_has_word(const char *text, const char *word);

#endif
