/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"
#include "core/interrupt.h"
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* What --quiet and --verbose leave of the log. */
static void print_message(enum mp_log_level level, const char *message, void *context)
{
	const int *verbosity = context;

	if (level == MP_LOG_WARNING)
		fprintf(stderr, "micropack: warning: %s\n", message);
	else if ((int)level <= *verbosity + (int)MP_LOG_INFO)
		fprintf(stderr, "micropack: %s\n", message);
}

static int run_command(const struct mp_options *options, struct mp_error *err)
{
	static int (*const commands[MP_COMMANDS])(const struct mp_options *, struct mp_error *) = {
		[MP_COMMAND_MICROPACK] = mp_cmd_micropack,
		[MP_COMMAND_TRACE] = mp_cmd_trace,
		[MP_COMMAND_PACK] = mp_cmd_pack,
		[MP_COMMAND_DOCKERFILE] = mp_cmd_dockerfile,
		[MP_COMMAND_DOCTOR] = mp_cmd_doctor,
		[MP_COMMAND_MERGE] = mp_cmd_merge,
		[MP_COMMAND_DIFF] = mp_cmd_diff,
		[MP_COMMAND_IMPORT] = mp_cmd_import,
		[MP_COMMAND_EXPLAIN] = mp_cmd_explain,
	};

	if (options->help) {
		fputs(mp_help_text(options->command), stdout);
		return 0;
	}
	if (options->version) {
		puts("micropack " MP_VERSION);
		return 0;
	}
	return commands[options->command](options, err);
}

/* A result that did not reach its reader (a full disk behind standard output) is a failure. */
static int flush_results(struct mp_error *err)
{
	errno = 0;
	if (fflush(stdout) || ferror(stdout))
		return mp_error_set(err, MP_E_SYS, errno, "write to standard output");
	return 0;
}

/*
 * A standard descriptor that is closed would be given to the next file that is opened, and what is
 * printed would go into an archive. Opened the wrong way round, it fails as if it were closed.
 */
static void occupy_standard_fds(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(1);
	}
}

int main(int argc, char **argv)
{
	MP_AUTO(mp_options_free) struct mp_options options = { 0 };
	struct mp_error err = { 0 };
	int rc;

	occupy_standard_fds();
	mp_interrupt_install();
	rc = mp_options_parse(argc, argv, &options, &err);
	if (rc == 0) {
		mp_log_set_sink(print_message, &options.verbosity);
		rc = run_command(&options, &err);
	}
	if (rc >= 0 && flush_results(&err))
		rc = -1;
	if (rc >= 0)
		return rc;
	fflush(stdout);
	fprintf(stderr, "micropack: error: %s\n", err.msg);
	return mp_error_exit_status(err.code, mp_interrupt_signal());
}
