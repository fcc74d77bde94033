/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What opensnoop.bt of bpftrace prints, and opensnoop of bcc alike: PID COMM FD ERR PATH. COMM may
 * hold blanks; PATH is the rest of the line.
 */

struct opens {
	size_t longest;     /* path, in bytes */
	uint64_t n_longest; /* paths of that length */
};

static void *opens_begin(struct mp_import *import)
{
	(void)import;
	return mp_xcalloc(1, sizeof(struct opens));
}

/* What bpftrace says about itself among the lines. */
static bool is_remark(const char *line)
{
	static const char *const starts[] = { "Attach", "Tracing ", "WARNING: ", "PID ", "@" };

	for (size_t i = 0; i < MP_ARRAY_LEN(starts); i++) {
		if (strncmp(line, starts[i], strlen(starts[i])) == 0)
			return true;
	}
	return line[strspn(line, " \t\r")] == '\0';
}

/* "Lost 12 events", in some versions behind "WARNING: ". */
static bool take_lost(struct mp_import *import, const char *line)
{
	static const char warning[] = "WARNING: ";
	unsigned long long lost;

	if (strncmp(line, warning, sizeof(warning) - 1) == 0)
		line += sizeof(warning) - 1;
	if (sscanf(line, "Lost %llu event", &lost) != 1)
		return false;
	mp_import_count_lost(&import->trace->losses.dropped, lost);
	return true;
}

/* Reads the number at *@text and moves behind it; a blank or the end has to follow. */
static bool take_number(char **text, long *number_out)
{
	char *start = *text + strspn(*text, " \t"), *end;

	*number_out = strtol(start, &end, 10);
	if (end == start || (*end && *end != ' ' && *end != '\t'))
		return false;
	*text = end;
	return true;
}

/* FD, ERR and PATH at @text, if they are there. */
static bool read_result(char *text, long *fd_out, long *error_out, char **path_out)
{
	if (!take_number(&text, fd_out) || !take_number(&text, error_out))
		return false;
	*path_out = *text ? text + 1 : text;
	return *fd_out >= -1 && *error_out >= 0 && *error_out < 4096 &&
	       (*fd_out == -1) == (*error_out > 0);
}

static void take_open(struct mp_import *import, struct opens *opens, int error, char *path)
{
	struct mp_trace_losses *losses = &import->trace->losses;
	size_t len = strlen(path);

	if (error == EFAULT)
		return;
	if (path[0] != '/') { /* the directory, or the name itself, is not known */
		losses->unread++;
		return;
	}
	/* The mark of bpftrace 0.19 and later for a text that it has cut. */
	if (len > 3 && strcmp(path + len - 2, "..") == 0 && path[len - 3] != '/') {
		losses->truncated++;
		return;
	}
	if (len > opens->longest)
		*opens = (struct opens){ len, 0 };
	opens->n_longest += len == opens->longest;
	mp_import_add(import,
		      &(struct mp_trace_event){ .op = MP_OP_OPEN, .path = path, .error = error });
}

static int opens_line(struct mp_import *import, void *state, char *line, struct mp_error *err)
{
	long pid, fd, error;
	char *path, *text = line;

	if (take_lost(import, line) || is_remark(line))
		return 0;
	if (!take_number(&text, &pid) || pid < 0)
		return mp_error_set(err, MP_E_FORMAT, 0, "no PID at the start: '%s'", line);
	/* COMM has at least one byte, and as few as leave two numbers behind it. */
	text += strspn(text, " \t");
	while (*text) {
		text += strcspn(text, " \t");
		if (read_result(text, &fd, &error, &path)) {
			take_open(import, state, (int)error, path);
			return 0;
		}
		text += strspn(text, " \t");
	}
	return mp_error_set(err, MP_E_FORMAT, 0, "no FD, ERR and PATH behind COMM: '%s'", line);
}

/* Older versions cut a text without a mark, at their limit less the NUL that ends it. */
static void opens_finish(struct mp_import *import, void *state)
{
	static const size_t limits[] = { 64, 128, 200, 256, 512, 1024 };
	const struct opens *opens = state;

	for (size_t i = 0; i < MP_ARRAY_LEN(limits); i++) {
		if (opens->longest == limits[i] - 1 || opens->longest == limits[i])
			import->trace->losses.truncated += opens->n_longest;
	}
}

const struct mp_import_format mp_import_bpftrace = {
	.name = "bpftrace",
	.begin = opens_begin,
	.line = opens_line,
	.finish = opens_finish,
	.free = free,
};
