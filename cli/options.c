/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/options.h"

#include "core/clock.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_READY_TIMEOUT_MS 60000
#define DEFAULT_STOP_GRACE_S 10
#define ARGUMENT 1 /* what getopt_long(3) says for what is no option */

/* Bits of the commands that an option is for. */
#define M (1u << MP_COMMAND_MICROPACK)
#define T (1u << MP_COMMAND_TRACE)
#define P (1u << MP_COMMAND_PACK)
#define D (1u << MP_COMMAND_DOCKERFILE)
#define DOC (1u << MP_COMMAND_DOCTOR)
#define MER (1u << MP_COMMAND_MERGE)
#define DIF (1u << MP_COMMAND_DIFF)
#define IMP (1u << MP_COMMAND_IMPORT)
#define EXP (1u << MP_COMMAND_EXPLAIN)
#define ALL (M | T | P | D | DOC | MER | DIF | IMP | EXP)

enum option_id {
	OPT_ENV = 256,
	OPT_ENV_FILE,
	OPT_VOLUME,
	OPT_MOUNT,
	OPT_PUBLISH,
	OPT_NETWORK,
	OPT_USER,
	OPT_WORKDIR,
	OPT_ENTRYPOINT,
	OPT_CAP_ADD,
	OPT_TMPFS,
	OPT_TESTS,
	OPT_RUN,
	OPT_FOR,
	OPT_READY_TIMEOUT,
	OPT_READY_CMD,
	OPT_STOP_TIMEOUT,
	OPT_CONTAINER,
	OPT_FOLLOW_IMAGE,
	OPT_CGROUP,
	OPT_PID,
	OPT_ATTACH,
	OPT_MAIN_ONLY,
	OPT_OUTPUT,
	OPT_TAG,
	OPT_IMAGE,
	OPT_ROOT,
	OPT_CONFIG,
	OPT_ROOTFS,
	OPT_FORMAT,
	OPT_PLAN,
	OPT_FROM_PLAN,
	OPT_TRACE,
	OPT_TO,
	OPT_KEEP,
	OPT_DROP,
	OPT_KEEP_EXE,
	OPT_KEEP_PACKAGE,
	OPT_STAT_ONLY,
	OPT_KEEP_SHELL,
	OPT_KEEP_LISTED,
	OPT_KEEP_SUGGESTED,
	OPT_NO_PACKAGE_DB,
	OPT_BUILD,
	OPT_NO_IMAGE,
	OPT_NO_VERIFY,
	OPT_INCOMPLETE,
	OPT_JSON,
	OPT_QUIET,
	OPT_VERBOSE,
	OPT_SOURCE,
	OPT_BUFFER_SIZE,
	OPT_HELP,
	OPT_VERSION,
};

static const struct known_option {
	enum option_id id;
	const char *name;
	char letter; /* 0: none */
	bool has_value;
	unsigned int commands;
} known_options[] = {
	{ OPT_ENV, "env", 'e', true, M | T },
	{ OPT_ENV_FILE, "env-file", 0, true, M | T },
	{ OPT_VOLUME, "volume", 'v', true, M | T },
	{ OPT_MOUNT, "mount", 0, true, M | T },
	{ OPT_PUBLISH, "publish", 'p', true, M | T },
	{ OPT_NETWORK, "network", 0, true, M | T },
	{ OPT_NETWORK, "net", 0, true, M | T },
	{ OPT_USER, "user", 'u', true, M | T },
	{ OPT_WORKDIR, "workdir", 'w', true, M | T | IMP },
	{ OPT_ENTRYPOINT, "entrypoint", 0, true, M | T },
	{ OPT_CAP_ADD, "cap-add", 0, true, M | T },
	{ OPT_TMPFS, "tmpfs", 0, true, M | T },
	{ OPT_TESTS, "tests", 0, true, M | T },
	{ OPT_RUN, "run", 0, true, M | T },
	{ OPT_FOR, "for", 0, true, M | T },
	{ OPT_READY_TIMEOUT, "ready-timeout", 0, true, M | T },
	{ OPT_READY_CMD, "ready-cmd", 0, true, M | T },
	{ OPT_STOP_TIMEOUT, "stop-timeout", 0, true, M | T },
	{ OPT_CONTAINER, "container", 0, true, T },
	{ OPT_FOLLOW_IMAGE, "follow-image", 0, true, T },
	{ OPT_CGROUP, "cgroup", 0, true, T },
	{ OPT_PID, "pid", 0, true, T },
	{ OPT_ATTACH, "attach", 0, false, T },
	{ OPT_MAIN_ONLY, "main-only", 0, false, M | T },
	{ OPT_OUTPUT, "output", 'o', true, M | T | P | D | MER | IMP },
	{ OPT_TAG, "tag", 't', true, M },
	{ OPT_IMAGE, "image", 0, true, P | D | EXP },
	{ OPT_ROOT, "root", 0, true, P | EXP },
	{ OPT_CONFIG, "config", 0, true, P | D | EXP },
	{ OPT_ROOTFS, "rootfs", 0, true, D },
	{ OPT_FORMAT, "format", 0, true, IMP },
	{ OPT_PLAN, "plan", 0, true, M | P | EXP },
	{ OPT_FROM_PLAN, "from-plan", 0, true, P },
	{ OPT_TRACE, "trace", 0, true, EXP },
	{ OPT_TO, "to", 0, true, M | P },
	{ OPT_KEEP, "keep", 0, true, M | P | EXP },
	{ OPT_DROP, "drop", 0, true, M | P | EXP },
	{ OPT_KEEP_EXE, "keep-exe", 0, true, M | P | EXP },
	{ OPT_KEEP_PACKAGE, "keep-package", 0, true, M | P | EXP },
	{ OPT_STAT_ONLY, "stat-only", 0, true, M | P | EXP },
	{ OPT_KEEP_SHELL, "keep-shell", 0, false, M | P | EXP },
	{ OPT_KEEP_LISTED, "keep-listed", 0, false, M | P | EXP },
	{ OPT_KEEP_SUGGESTED, "keep-suggested", 0, false, M | P | EXP },
	{ OPT_NO_PACKAGE_DB, "no-package-db", 0, false, M | P | EXP },
	{ OPT_BUILD, "build", 0, false, M },
	{ OPT_NO_IMAGE, "no-image", 0, false, M },
	{ OPT_NO_VERIFY, "no-verify", 0, false, M },
	{ OPT_INCOMPLETE, "incomplete", 0, true, M | P | EXP },
	{ OPT_JSON, "json", 0, false, M | P | DOC | DIF | EXP },
	{ OPT_QUIET, "quiet", 'q', false, ALL },
	{ OPT_VERBOSE, "verbose", 0, false, ALL },
	{ OPT_SOURCE, "source", 0, true, M | P | EXP },
	{ OPT_BUFFER_SIZE, "buffer-size", 0, true, M | T },
	{ OPT_HELP, "help", 'h', false, ALL },
	{ OPT_VERSION, "version", 0, false, ALL },
};

static const char *const command_words[MP_COMMANDS] = {
	[MP_COMMAND_MICROPACK] = "",      [MP_COMMAND_TRACE] = "trace",
	[MP_COMMAND_PACK] = "pack",       [MP_COMMAND_DOCKERFILE] = "dockerfile",
	[MP_COMMAND_DOCTOR] = "doctor",   [MP_COMMAND_MERGE] = "merge",
	[MP_COMMAND_DIFF] = "diff",       [MP_COMMAND_IMPORT] = "import",
	[MP_COMMAND_EXPLAIN] = "explain",
};

const char *mp_command_word(enum mp_command command)
{
	return command_words[command];
}

static void set_text(char **field, const char *value)
{
	mp_freep(field);
	*field = mp_xstrdup(value);
}

static int set_duration(int64_t *field_ms, const char *name, const char *value,
			struct mp_error *err)
{
	*field_ms = mp_duration_parse_ms(value);
	if (*field_ms < 0)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "--%s '%s': a time such as 30s, 500ms or 2m is needed", name,
				    value);
	return 0;
}

/* The script's absolute path, so that it means the same wherever it is run from. */
static int set_tests(struct mp_options *options, const char *value, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *path = realpath(value, NULL);
	struct stat st;

	if (!path || stat(path, &st) < 0)
		return mp_error_set(err, MP_E_USAGE, errno, "--tests '%s'", value);
	if (!S_ISREG(st.st_mode))
		return mp_error_set(err, MP_E_USAGE, 0, "--tests '%s' is not a file", value);
	if (access(path, X_OK) < 0)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "--tests '%s' is not executable; chmod +x it", value);
	mp_freep(&options->qa.tests);
	options->qa.tests = MP_STEAL(path);
	return 0;
}

static int set_source(struct mp_options *options, const char *value, struct mp_error *err)
{
	static const char *const names[] = { "auto", "overlay", "save", "export" };

	for (size_t i = 0; i < MP_ARRAY_LEN(names); i++) {
		if (strcmp(value, names[i]) == 0) {
			options->source = (enum mp_source)i;
			return 0;
		}
	}
	return mp_error_set(err, MP_E_USAGE, 0,
			    "--source '%s': auto, overlay, save or export is needed", value);
}

/* "64M", "1G", "65536", "512k". */
static int set_buffer_size(struct mp_options *options, const char *value, struct mp_error *err)
{
	static const struct {
		const char *suffix;
		unsigned int shift;
	} units[] = { { "", 0 }, { "k", 10 }, { "K", 10 }, { "M", 20 }, { "G", 30 } };
	unsigned long number = 0;
	char *end = NULL;

	errno = 0;
	if (value[0] >= '0' && value[0] <= '9')
		number = strtoul(value, &end, 10);
	for (size_t i = 0; end && !errno && number <= 1ul << 30 && i < MP_ARRAY_LEN(units); i++) {
		if (number > 0 && strcmp(end, units[i].suffix) == 0) {
			options->buffer_bytes = number << units[i].shift;
			return 0;
		}
	}
	return mp_error_set(err, MP_E_USAGE, 0, "--buffer-size '%s': a size such as 64M is needed",
			    value);
}

/* Options of docker's that say how a container is started. */
static int apply_run_option(struct mp_run_spec *spec, int id, const char *value,
			    struct mp_error *err)
{
	switch (id) {
	case OPT_ENV:
		return mp_run_spec_add_env(spec, value, err);
	case OPT_ENV_FILE:
		return mp_run_spec_add_env_file(spec, value, err);
	case OPT_VOLUME:
		mp_strv_push(&spec->volumes, value);
		return 0;
	case OPT_MOUNT:
		mp_strv_push(&spec->mounts, value);
		return 0;
	case OPT_PUBLISH:
		mp_strv_push(&spec->publish, value);
		return 0;
	case OPT_CAP_ADD:
		mp_strv_push(&spec->cap_add, value);
		return 0;
	case OPT_TMPFS:
		mp_strv_push(&spec->tmpfs, value);
		return 0;
	case OPT_NETWORK:
		set_text(&spec->network, value);
		return 0;
	case OPT_USER:
		set_text(&spec->user, value);
		return 0;
	case OPT_WORKDIR:
		set_text(&spec->workdir, value);
		return 0;
	default:
		set_text(&spec->entrypoint, value);
		return 0;
	}
}

/* Options of the QA. */
static int apply_qa_option(struct mp_options *options, int id, const char *value,
			   struct mp_error *err)
{
	int64_t grace_ms;

	switch (id) {
	case OPT_TESTS:
		return set_tests(options, value, err);
	case OPT_RUN:
		mp_strv_push(&options->qa.runs, value);
		return 0;
	case OPT_FOR:
		if (set_duration(&options->qa.watch_ms, "for", value, err))
			return -1;
		if (options->qa.watch_ms == 0)
			return mp_error_set(err, MP_E_USAGE, 0, "--for '%s': no time at all",
					    value);
		return 0;
	case OPT_READY_TIMEOUT:
		return set_duration(&options->qa.ready_timeout_ms, "ready-timeout", value, err);
	case OPT_READY_CMD:
		set_text(&options->qa.ready_cmd, value);
		return 0;
	default:
		if (set_duration(&grace_ms, "stop-timeout", value, err))
			return -1;
		options->qa.stop_grace_s = (unsigned int)((grace_ms + 999) / 1000);
		return 0;
	}
}

static int add_pid(struct mp_targets *targets, const char *value, struct mp_error *err)
{
	long pid = 0;
	char *end = NULL;

	errno = 0;
	if (value[0] >= '0' && value[0] <= '9')
		pid = strtol(value, &end, 10);
	if (errno || !end || *end || pid < 1 || pid > INT_MAX)
		return mp_error_set(err, MP_E_USAGE, 0, "--pid '%s': the ID of a process is needed",
				    value);
	targets->pids = mp_array_grow(targets->pids, targets->n_pids, &targets->cap_pids,
				      sizeof(*targets->pids));
	targets->pids[targets->n_pids++] = (pid_t)pid;
	return 0;
}

/* Options that say what is followed besides what micropack starts itself. */
static int apply_target_option(struct mp_targets *targets, int id, const char *value,
			       struct mp_error *err)
{
	switch (id) {
	case OPT_CONTAINER:
		mp_strv_push(&targets->containers, value);
		return 0;
	case OPT_FOLLOW_IMAGE:
		mp_strv_push(&targets->images, value);
		return 0;
	case OPT_CGROUP:
		mp_strv_push(&targets->cgroups, value);
		return 0;
	case OPT_PID:
		return add_pid(targets, value, err);
	case OPT_ATTACH:
		targets->attach = true;
		return 0;
	default:
		targets->main_only = true;
		return 0;
	}
}

/* Options that only set a member: those with a value, and those without. */
static const struct member {
	enum option_id id;
	enum { MEMBER_TEXT, MEMBER_LIST, MEMBER_FLAG } type;
	size_t offset;
} members[] = {
	{ OPT_OUTPUT, MEMBER_TEXT, offsetof(struct mp_options, output) },
	{ OPT_TAG, MEMBER_TEXT, offsetof(struct mp_options, tag) },
	{ OPT_IMAGE, MEMBER_TEXT, offsetof(struct mp_options, image) },
	{ OPT_ROOT, MEMBER_TEXT, offsetof(struct mp_options, root) },
	{ OPT_CONFIG, MEMBER_TEXT, offsetof(struct mp_options, config) },
	{ OPT_ROOTFS, MEMBER_TEXT, offsetof(struct mp_options, rootfs) },
	{ OPT_FORMAT, MEMBER_TEXT, offsetof(struct mp_options, format) },
	{ OPT_PLAN, MEMBER_TEXT, offsetof(struct mp_options, plan) },
	{ OPT_FROM_PLAN, MEMBER_TEXT, offsetof(struct mp_options, from_plan) },
	{ OPT_TRACE, MEMBER_TEXT, offsetof(struct mp_options, trace) },
	{ OPT_STAT_ONLY, MEMBER_TEXT, offsetof(struct mp_options, keep.stat_only) },
	{ OPT_TO, MEMBER_LIST, offsetof(struct mp_options, to) },
	{ OPT_KEEP, MEMBER_LIST, offsetof(struct mp_options, keep.keep) },
	{ OPT_DROP, MEMBER_LIST, offsetof(struct mp_options, keep.drop) },
	{ OPT_KEEP_EXE, MEMBER_LIST, offsetof(struct mp_options, keep.exes) },
	{ OPT_KEEP_PACKAGE, MEMBER_LIST, offsetof(struct mp_options, keep.packages) },
	{ OPT_KEEP_SHELL, MEMBER_FLAG, offsetof(struct mp_options, keep.shell) },
	{ OPT_KEEP_LISTED, MEMBER_FLAG, offsetof(struct mp_options, keep.listed) },
	{ OPT_KEEP_SUGGESTED, MEMBER_FLAG, offsetof(struct mp_options, keep.suggested) },
	{ OPT_NO_PACKAGE_DB, MEMBER_FLAG, offsetof(struct mp_options, no_package_db) },
	{ OPT_BUILD, MEMBER_FLAG, offsetof(struct mp_options, build) },
	{ OPT_NO_IMAGE, MEMBER_FLAG, offsetof(struct mp_options, no_image) },
	{ OPT_NO_VERIFY, MEMBER_FLAG, offsetof(struct mp_options, no_verify) },
	{ OPT_HELP, MEMBER_FLAG, offsetof(struct mp_options, help) },
	{ OPT_VERSION, MEMBER_FLAG, offsetof(struct mp_options, version) },
};

/* Whether @id is one of them. */
static bool set_member(struct mp_options *options, int id, const char *value)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(members); i++) {
		void *member = (char *)options + members[i].offset;

		if ((int)members[i].id != id)
			continue;
		if (members[i].type == MEMBER_TEXT)
			set_text(member, value);
		else if (members[i].type == MEMBER_LIST)
			mp_strv_push(member, value);
		else
			*(bool *)member = true;
		return true;
	}
	return false;
}

static int set_incomplete(struct mp_options *options, const char *value, struct mp_error *err)
{
	options->incomplete_ok = strcmp(value, "ok") == 0;
	if (options->incomplete_ok)
		return 0;
	return mp_error_set(err, MP_E_USAGE, 0, "--incomplete '%s': only --incomplete=ok is known",
			    value);
}

static int apply_option(struct mp_options *options, int id, const char *value, struct mp_error *err)
{
	if (id <= OPT_TMPFS)
		return apply_run_option(&options->qa.spec, id, value, err);
	if (id <= OPT_STOP_TIMEOUT)
		return apply_qa_option(options, id, value, err);
	if (id <= OPT_MAIN_ONLY)
		return apply_target_option(&options->targets, id, value, err);
	if (set_member(options, id, value))
		return 0;
	switch (id) {
	case OPT_INCOMPLETE:
		return set_incomplete(options, value, err);
	case OPT_JSON:
		options->json = true;
		options->qa.output_to_stderr = true;
		return 0;
	case OPT_SOURCE:
		return set_source(options, value, err);
	case OPT_BUFFER_SIZE:
		return set_buffer_size(options, value, err);
	default:
		options->verbosity = id == OPT_QUIET ? -1 : 1;
		return 0;
	}
}

/* What getopt_long(3) wants to know, from the table above. */
static void describe_options(struct option *longs, char *shorts)
{
	*shorts++ = '-'; /* arguments come in their order, whatever POSIXLY_CORRECT says */
	*shorts++ = ':'; /* a missing value is told from an unknown option */
	for (size_t i = 0; i < MP_ARRAY_LEN(known_options); i++) {
		const struct known_option *known = &known_options[i];

		*longs++ = (struct option){ known->name,
					    known->has_value ? required_argument : no_argument,
					    NULL, (int)known->id };
		if (!known->letter)
			continue;
		*shorts++ = known->letter;
		if (known->has_value)
			*shorts++ = ':';
	}
	*longs = (struct option){ 0 };
	*shorts = '\0';
}

static const struct known_option *option_by_id(int id)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(known_options); i++) {
		if ((int)known_options[i].id == id ||
		    (known_options[i].letter && known_options[i].letter == id))
			return &known_options[i];
	}
	return NULL;
}

static int bad_option(int result, char **argv, struct mp_error *err)
{
	const char *what = result == ':' ? "needs a value" : "is not known";

	/* A long option's value that should not be there sets optopt too. */
	if (optopt && !option_by_id(optopt))
		return mp_error_set(err, MP_E_USAGE, 0, "option '-%c' %s", optopt, what);
	if (optopt && result == '?')
		return mp_error_set(err, MP_E_USAGE, 0, "option '--%s' takes no value",
				    option_by_id(optopt)->name);
	return mp_error_set(err, MP_E_USAGE, 0, "option '%s' %s", argv[optind - 1], what);
}

/* Takes the command's word from the arguments. */
static void find_command(struct mp_options *options)
{
	if (options->arguments.n == 0)
		return;
	for (int command = MP_COMMAND_MICROPACK + 1; command < MP_COMMANDS; command++) {
		if (strcmp(options->arguments.v[0], command_words[command]) != 0)
			continue;
		options->command = (enum mp_command)command;
		mp_freep(&options->arguments.v[0]);
		options->arguments.n--;
		memmove(options->arguments.v, options->arguments.v + 1,
			options->arguments.n * sizeof(char *));
		return;
	}
}

/* Every @used option must be one of the command's. */
static int check_options(const struct mp_options *options, const bool *used, struct mp_error *err)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(known_options); i++) {
		if (!used[i] || (known_options[i].commands & 1u << options->command))
			continue;
		return mp_error_set(err, MP_E_USAGE, 0, "option '--%s' is not for 'micropack%s%s'",
				    known_options[i].name, options->command ? " " : "",
				    command_words[options->command]);
	}
	return 0;
}

/* Whether an option's value goes into the engine's JSON; any other is bytes, as paths are. */
static bool is_engine_text(const struct known_option *known)
{
	return known->id <= OPT_TMPFS || known->id == OPT_RUN || known->id == OPT_TAG ||
	       known->id == OPT_IMAGE || known->id == OPT_CONTAINER ||
	       known->id == OPT_FOLLOW_IMAGE;
}

/* What goes into the engine's JSON must be UTF-8. @option: NULL for an argument. */
static int check_text(const char *option, const char *value, struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = mp_json_string(value);

	if (!json)
		return mp_error_set(err, MP_E_USAGE, 0, "%s%s '%s' is not UTF-8",
				    option ? "--" : "", option ? option : "argument", value);
	return 0;
}

static int parse_options(int argc, char **argv, struct mp_options *options, bool *used,
			 struct mp_error *err)
{
	struct option longs[MP_ARRAY_LEN(known_options) + 1];
	char shorts[2 * MP_ARRAY_LEN(known_options) + 3];
	int result;

	describe_options(longs, shorts);
	opterr = 0;
	optind = 0; /* glibc: start anew */
	while ((result = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct known_option *known;

		if (result == '?' || result == ':')
			return bad_option(result, argv, err);
		if (result == ARGUMENT) {
			mp_strv_push(&options->arguments, optarg);
			continue;
		}
		known = option_by_id(result);
		used[known - known_options] = true;
		if (optarg && is_engine_text(known) && check_text(known->name, optarg, err))
			return -1;
		if (apply_option(options, (int)known->id, optarg, err))
			return -1;
	}
	return 0;
}

int mp_options_parse(int argc, char **argv, struct mp_options *options, struct mp_error *err)
{
	bool used[MP_ARRAY_LEN(known_options)] = { false };
	struct mp_error foreign = { 0 };
	bool is_known;
	int own = 1;
	int rc;

	options->qa.ready_timeout_ms = DEFAULT_READY_TIMEOUT_MS;
	options->qa.stop_grace_s = DEFAULT_STOP_GRACE_S;
	while (own < argc && strcmp(argv[own], "--") != 0)
		own++;
	options->has_separator = own < argc;
	rc = parse_options(own, argv, options, used, err);
	for (int i = own + 1; i < argc; i++)
		mp_strv_push(&options->qa.spec.command, argv[i]);
	is_known = options->arguments.n > 0;
	find_command(options);
	/* A value that is wrong matters less than that the command has no such option. */
	if (rc && is_known && check_options(options, used, &foreign))
		*err = foreign;
	/* With an IMAGE, the command is for a container; else it is a program of this host. */
	for (size_t i = 0; rc == 0 && options->arguments.n > 0 && i < options->qa.spec.command.n;
	     i++)
		rc = check_text(NULL, options->qa.spec.command.v[i], err);
	if (rc == 0 && !options->help && !options->version)
		rc = check_options(options, used, err);
	if (rc == 0)
		return 0;
	return mp_error_hint(err, "see 'micropack%s%s --help'", options->command ? " " : "",
			     command_words[options->command]);
}

void mp_options_free(struct mp_options *options)
{
	mp_strv_free(&options->arguments);
	mp_qa_free(&options->qa);
	mp_strv_free(&options->targets.containers);
	mp_strv_free(&options->targets.images);
	mp_strv_free(&options->targets.cgroups);
	mp_freep(&options->targets.pids);
	for (size_t i = 0; i < MP_ARRAY_LEN(members); i++) {
		void *member = (char *)options + members[i].offset;

		if (members[i].type == MEMBER_TEXT)
			mp_freep(member);
		else if (members[i].type == MEMBER_LIST)
			mp_strv_free(member);
	}
}
