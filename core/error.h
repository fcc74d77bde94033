/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_ERROR_H
#define MP_CORE_ERROR_H

#include "core/cleanup.h"

/*
 * What kind of thing went wrong. It decides the exit status (docs/micropack.1, EXIT STATUS); the
 * words are in the message.
 */
enum mp_code {
	MP_E_NONE = 0,
	MP_E_SYS,         /* a system call or an input failed unexpectedly */
	MP_E_FORMAT,      /* malformed input: a trace, a list, a JSON document, an ELF file */
	MP_E_USAGE,       /* the command line, or a file named on it, is not usable */
	MP_E_TRACE,       /* this host or this user cannot trace */
	MP_E_ENGINE,      /* the container engine, or the image in it */
	MP_E_TESTS,       /* the tests failed on the original image */
	MP_E_INCOMPLETE,  /* the trace lost something, was cut short, or is empty */
	MP_E_NOTFOUND,    /* something needed is not in the image */
	MP_E_VERIFY,      /* the tests failed on the packed image */
	MP_E_INTERRUPTED, /* SIGINT, SIGTERM or SIGHUP */
};

/*
 * The one error of a call chain. Functions that can fail return 0 or -1 (or a pointer or NULL),
 * take a struct mp_error last, set it once where the failure happens, and leave their outputs
 * untouched. Callers add what they were doing with mp_error_prefix. Only cli/ prints it.
 */
struct mp_error {
	enum mp_code code;
	int sys_errno; /* 0 where no system call is involved */
	char msg[1024];
};

/*
 * Sets @err (which may be NULL) and returns -1. Where @sys_errno is not 0, ": <its text>" is added.
 * Bytes that are no printable text are written as \xHH, so that a hostile name cannot speak to the
 * terminal.
 */
int mp_error_set(struct mp_error *err, enum mp_code code, int sys_errno, const char *fmt, ...)
	MP_PRINTF(4, 5);

/* Puts "<fmt>: " before the message and returns -1. */
int mp_error_prefix(struct mp_error *err, const char *fmt, ...) MP_PRINTF(2, 3);

/* Puts "; <fmt>" behind the message (usually what to do about it) and returns -1. */
int mp_error_hint(struct mp_error *err, const char *fmt, ...) MP_PRINTF(2, 3);

/* The documented exit status for @code; for MP_E_INTERRUPTED, 128 + @signal. */
int mp_error_exit_status(enum mp_code code, int signal);

#endif
