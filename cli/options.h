/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CLI_OPTIONS_H
#define MP_CLI_OPTIONS_H

#include "qa/qa.h"

#include <sys/types.h>

/* The commands of micropack. MP_COMMAND_MICROPACK is the main job, which has no word of its own. */
enum mp_command {
	MP_COMMAND_MICROPACK,
	MP_COMMAND_TRACE,
	MP_COMMAND_PACK,
	MP_COMMAND_DOCKERFILE,
	MP_COMMAND_DOCTOR,
	MP_COMMAND_MERGE,
	MP_COMMAND_DIFF,
	MP_COMMAND_IMPORT,
	MP_COMMAND_EXPLAIN,
	MP_COMMANDS,
};

/* Where the original image is read. */
enum mp_source { MP_SOURCE_AUTO, MP_SOURCE_OVERLAY, MP_SOURCE_SAVE, MP_SOURCE_EXPORT };

/* What `trace` follows besides what it starts itself. */
struct mp_targets {
	struct mp_strv containers; /* --container */
	struct mp_strv images;     /* --follow-image */
	struct mp_strv cgroups;    /* --cgroup */
	pid_t *pids;               /* --pid */
	size_t n_pids, cap_pids;
	bool attach;    /* --attach */
	bool main_only; /* --main-only; also of what it starts itself */
};

/* What is kept or dropped besides what the trace and the closure say. */
struct mp_keep_options {
	struct mp_strv keep;     /* --keep: GLOB or @FILE */
	struct mp_strv drop;     /* --drop: likewise */
	struct mp_strv exes;     /* --keep-exe */
	struct mp_strv packages; /* --keep-package */
	char *stat_only;         /* --stat-only; NULL: not given */
	bool shell;              /* --keep-shell */
	bool listed;             /* --keep-listed */
	bool suggested;          /* --keep-suggested */
};

/* Everything that a command line can say. Zero-initialised but for what mp_options_parse sets. */
struct mp_options {
	enum mp_command command;
	bool help, version;
	struct mp_strv arguments; /* without the command's word */
	struct mp_qa qa;          /* its spec.command: what follows "--" */
	bool has_separator;       /* "--" was there */
	char *output;             /* -o */
	char *tag;                /* --tag */
	char *image;              /* --image */
	char *root;               /* --root */
	char *config;             /* --config */
	char *rootfs;             /* --rootfs */
	char *format;             /* --format */
	char *plan;               /* --plan */
	char *from_plan;          /* --from-plan */
	char *trace;              /* --trace */
	struct mp_strv to;        /* --to */
	bool no_image, no_verify, incomplete_ok, json;
	bool build;         /* --build */
	bool no_package_db; /* --no-package-db */
	struct mp_keep_options keep;
	int verbosity; /* -1 quiet, 0, 1 verbose */
	enum mp_source source;
	struct mp_targets targets;
	size_t buffer_bytes;
};

/*
 * Reads a command line; the order of options and arguments does not matter, and the command's word
 * is the first argument. MP_E_USAGE, with a hint at the help. The caller frees @options either way.
 */
MP_MUST_USE int mp_options_parse(int argc, char **argv, struct mp_options *options,
				 struct mp_error *err);
void mp_options_free(struct mp_options *options);

/* The word of @command on the command line; "" for the main job. */
const char *mp_command_word(enum mp_command command);

/* The text of --help: at most 80 columns. */
const char *mp_help_text(enum mp_command command);

#endif
