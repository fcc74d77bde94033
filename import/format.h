/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_IMPORT_FORMAT_H
#define MP_IMPORT_FORMAT_H

#include "import/import.h"

/* What the formats have in common; for import/ alone. */

/* A text on its way to be a trace. */
struct mp_import {
	const struct mp_import_options *options;
	const char *text; /* all of it */
	size_t len;
	size_t line; /* the number of the one at hand, from 1 */
	struct mp_trace *trace;
	struct mp_strmap *seen;
};

/* A format. State is what _begin returns (NULL: none); @line has no newline and may be changed. */
struct mp_import_format {
	const char *name;
	void *(*begin)(struct mp_import *import);
	int (*line)(struct mp_import *import, void *state, char *line, struct mp_error *err);
	void (*finish)(struct mp_import *import, void *state);
	void (*free)(void *state);
};

extern const struct mp_import_format mp_import_strace, mp_import_bpftrace, mp_import_sysdig,
	mp_import_list;

/* Adds @event (borrowed), unless the trace has it. */
void mp_import_add(struct mp_import *import, const struct mp_trace_event *event);

/* Adds what a tool says that it has lost to @count: never more than a trace can say. */
void mp_import_count_lost(uint64_t *count, unsigned long long lost);

/* The next line of @import's text from *@at on, as a copy; NULL at the end. *@at moves on. */
char *mp_import_next_line(const struct mp_import *import, size_t *at, size_t *len_out);

/* Splits off the word at *@text, which is then behind it and the blanks that follow. */
char *mp_import_word(char **text);

#endif
