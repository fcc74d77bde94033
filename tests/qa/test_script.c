/* SPDX-License-Identifier: BSD-2-Clause */
#include "qa/target.h"

#include "core/clock.h"
#include "core/file.h"
#include "core/interrupt.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Scripts on the host: their status, what they are given, and that nothing of them stays. */

static char scratch[] = "/tmp/mp-test-script-XXXXXX";

static void setup(void)
{
	cr_assert(mkdtemp(scratch) && chdir(scratch) == 0);
}

static void teardown(void)
{
	MP_AUTO(mp_freep) char *command = mp_xasprintf("rm -rf '%s'", scratch);

	cr_expect(system(command) == 0);
}

TestSuite(script, .init = setup, .fini = teardown, .timeout = 60);

/* Runs @text with /bin/sh; @deadline_ms: from now, 0 for none. */
static int run_shell(const char *text, enum mp_script_output output, int64_t deadline_ms,
		     int *status_out, struct mp_error *err)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)text, NULL };
	MP_AUTO(mp_strv_free) struct mp_strv env = { 0 };

	mp_strv_push(&env, "PATH=/usr/bin:/bin");
	return mp_script_run(argv, &env, output, deadline_ms ? mp_clock_ms() + deadline_ms : 0,
			     status_out, err);
}

static char *text_of(const char *name)
{
	struct mp_buf text = { 0 };
	struct mp_error err = { 0 };

	cr_assert(mp_file_read(name, 1 << 20, &text, &err) == 0, "%s", err.msg);
	return mp_buf_steal(&text);
}

Test(script, status)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{ "exit 0", 0 },
		{ "exit 7", 7 },
		{ "exit 255", 255 },
		{ "/nonexistent/program", 127 },
		{ "kill -TERM $$", 128 + SIGTERM },
		{ "kill -KILL $$", 128 + SIGKILL },
		{ "kill -PIPE $$", 128 + SIGPIPE },     /* which micropack itself ignores */
		{ "if read line; then exit 1; fi", 0 }, /* no input, and no terminal */
		{ "sleep 0.3; exit 4", 4 },
	};

	mp_interrupt_install();
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_error err = { 0 };
		int status = -2;

		cr_expect_eq(run_shell(cases[i].text, MP_SCRIPT_PASS, 0, &status, &err), 0, "%s",
			     err.msg);
		cr_expect_eq(status, cases[i].status, "'%s': %d", cases[i].text, status);
	}
}

Test(script, arguments_and_environment)
{
	char *argv[] = { (char *)"/bin/sh",
			 (char *)"-c",
			 (char *)"printf '%s|' \"$0\" \"$@\" >args; env | sort >env",
			 (char *)"zero",
			 (char *)"a b",
			 (char *)"",
			 (char *)"$HOME*",
			 NULL };
	MP_AUTO(mp_strv_free) struct mp_strv env = { 0 };
	MP_AUTO(mp_freep) char *args = NULL;
	MP_AUTO(mp_freep) char *variables = NULL;
	struct mp_error err = { 0 };
	int status = -2;

	setenv("MP_TEST_NOT_GIVEN", "1", 1);
	mp_strv_push(&env, "PATH=/usr/bin:/bin");
	mp_strv_push(&env, "MICROPACK_PORT=8080");
	mp_strv_push(&env, "SPACES= a  b ");
	cr_assert_eq(mp_script_run(argv, &env, MP_SCRIPT_PASS, 0, &status, &err), 0, "%s", err.msg);
	cr_assert_eq(status, 0);
	args = text_of("args");
	variables = text_of("env");
	cr_expect_str_eq(args, "zero|a b||$HOME*|");
	cr_expect(strstr(variables, "MICROPACK_PORT=8080\n"), "%s", variables);
	cr_expect(strstr(variables, "SPACES= a  b \n"), "%s", variables);
	cr_expect_not(strstr(variables, "MP_TEST_NOT_GIVEN"), "%s", variables);
}

Test(script, output)
{
	static const struct {
		enum mp_script_output output;
		const char *out, *err;
	} cases[] = {
		{ MP_SCRIPT_PASS, "to out\n", "to err\n" },
		{ MP_SCRIPT_TO_STDERR, "", "to out\nto err\n" },
		{ MP_SCRIPT_DROP, "", "" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		int saved_out = dup(STDOUT_FILENO), saved_err = dup(STDERR_FILENO);
		int out = open("out", O_WRONLY | O_CREAT | O_TRUNC, 0600);
		int err_fd = open("err", O_WRONLY | O_CREAT | O_TRUNC, 0600);
		MP_AUTO(mp_freep) char *out_text = NULL;
		MP_AUTO(mp_freep) char *err_text = NULL;
		struct mp_error err = { 0 };
		int status = -2, rc;

		dup2(out, STDOUT_FILENO);
		dup2(err_fd, STDERR_FILENO);
		rc = run_shell("echo to out; echo to err >&2", cases[i].output, 0, &status, &err);
		dup2(saved_out, STDOUT_FILENO);
		dup2(saved_err, STDERR_FILENO);
		close(out);
		close(err_fd);
		cr_assert(rc == 0 && status == 0, "%s", err.msg);
		out_text = text_of("out");
		err_text = text_of("err");
		cr_expect_str_eq(out_text, cases[i].out, "case %zu: '%s'", i, out_text);
		cr_expect_str_eq(err_text, cases[i].err, "case %zu: '%s'", i, err_text);
	}
}

/* Whether the process whose number is in the file @name runs. */
static bool is_running(const char *name)
{
	MP_AUTO(mp_freep) char *number = text_of(name);
	MP_AUTO(mp_freep) char *path = mp_xasprintf("/proc/%ld/stat", strtol(number, NULL, 10));
	MP_AUTO(mp_buf_free) struct mp_buf stat_text = { 0 };
	const char *state;

	if (mp_file_read(path, 4096, &stat_text, NULL))
		return false;
	state = strrchr(stat_text.data, ')');
	/* A zombie is dead, even where nobody takes it away. */
	return state && state[2] != 'Z' && state[2] != 'X';
}

static void expect_gone(const char *name)
{
	int64_t deadline_ms = mp_clock_ms() + 2000;

	while (is_running(name) && mp_clock_ms() < deadline_ms)
		usleep(10000);
	cr_expect_not(is_running(name), "'%s' still runs", name);
}

/* What a script leaves running in the background ends with it. */
Test(script, children)
{
	static const char *const scripts[] = {
		"sleep 1000 & echo $! >child; exit 3",
		"(trap '' TERM HUP; sleep 1000 & echo $! >child; wait) & sleep 0.2; exit 3",
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(scripts); i++) {
		struct mp_error err = { 0 };
		int status = -2;

		cr_assert_eq(run_shell(scripts[i], MP_SCRIPT_PASS, 0, &status, &err), 0, "%s",
			     err.msg);
		cr_expect_eq(status, 3, "status %d", status);
		expect_gone("child");
	}
}

Test(script, deadline)
{
	static const struct {
		const char *text;
		int64_t deadline_ms, least_ms, most_ms;
		int status;
	} cases[] = {
		{ "exit 5", 10000, 0, 2000, 5 },
		{ "echo $$ >child; exec sleep 1000", 300, 300, 2000, -1 },
		{ "sleep 1000 & echo $! >child; wait", 300, 300, 2000, -1 },
		/* It does not listen to SIGTERM. */
		{ "trap '' TERM; echo $$ >child; while :; do sleep 0.1; done", 300, 2300, 5000,
		  -1 },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_error err = { 0 };
		int64_t start_ms = mp_clock_ms(), took_ms;
		int status = -2;

		cr_assert_eq(run_shell(cases[i].text, MP_SCRIPT_DROP, cases[i].deadline_ms, &status,
				       &err),
			     0, "%s", err.msg);
		took_ms = mp_clock_ms() - start_ms;
		cr_expect_eq(status, cases[i].status, "'%s': status %d", cases[i].text, status);
		cr_expect(took_ms >= cases[i].least_ms && took_ms <= cases[i].most_ms,
			  "'%s': %lld ms", cases[i].text, (long long)took_ms);
		if (cases[i].status < 0)
			expect_gone("child");
	}
}

/* Sends @sig to this process in a moment. */
static pid_t signal_soon(int sig)
{
	pid_t pid = fork();

	cr_assert(pid >= 0);
	if (pid == 0) {
		usleep(300000);
		kill(getppid(), sig);
		_exit(0);
	}
	return pid;
}

Test(script, interrupted)
{
	struct mp_error err = { 0 };
	int64_t start_ms = mp_clock_ms();
	int status = -2;
	pid_t pid;

	mp_interrupt_install();
	pid = signal_soon(SIGTERM);
	cr_expect_eq(run_shell("trap 'echo told >told; exit 0' TERM; echo $$ >child;"
			       "while :; do sleep 0.1; done",
			       MP_SCRIPT_PASS, 0, &status, &err),
		     -1);
	cr_expect_eq(err.code, MP_E_INTERRUPTED, "code %d", err.code);
	cr_expect_str_eq(err.msg, "interrupted by SIGTERM");
	cr_expect_eq(status, -2, "the output is untouched");
	cr_expect(mp_clock_ms() - start_ms < 3000, "%lld ms",
		  (long long)(mp_clock_ms() - start_ms));
	cr_expect_eq(access("told", F_OK), 0, "the script was not asked to end");
	expect_gone("child");
	waitpid(pid, NULL, 0);
}

/* Signals of the terminal are for micropack, which tells the script. */
Test(script, has_a_process_group_of_its_own)
{
	MP_AUTO(mp_freep) char *group = NULL;
	struct mp_error err = { 0 };
	int status = -2;

	cr_assert_eq(run_shell("read pid comm state ppid pgrp rest </proc/$$/stat; echo $pid $pgrp "
			       ">group",
			       MP_SCRIPT_PASS, 0, &status, &err),
		     0);
	group = text_of("group");
	cr_expect_eq(strtol(group, NULL, 10), strtol(strchr(group, ' '), NULL, 10), "%s", group);
	cr_expect_neq(strtol(group, NULL, 10), getpgrp());
}

Test(script, that_cannot_be_run)
{
	static const struct {
		const char *path, *message;
	} cases[] = {
		{ "./missing", "run './missing': No such file or directory" },
		{ "./plain", "run './plain': Permission denied" },
		{ "./no-interpreter", "run './no-interpreter': No such file or directory" },
		{ "./no-program", "run './no-program': Exec format error" },
		{ "/", "run '/': Permission denied" },
	};
	struct mp_error err = { 0 };

	cr_assert(mp_file_replace("plain", "#!/bin/sh\n", 10, &err) == 0);
	cr_assert(mp_file_replace("no-interpreter", "#!/nonexistent\n", 15, &err) == 0);
	cr_assert(mp_file_replace("no-program", "hello\n", 6, &err) == 0);
	cr_assert(chmod("no-interpreter", 0755) == 0 && chmod("no-program", 0755) == 0);
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		char *argv[] = { (char *)cases[i].path, NULL };
		const struct mp_strv env = { 0 };
		int status = -2;

		cr_expect_eq(mp_script_run(argv, &env, MP_SCRIPT_PASS, 0, &status, &err), -1,
			     "'%s' ran", cases[i].path);
		cr_expect_eq(err.code, MP_E_USAGE);
		cr_expect_str_eq(err.msg, cases[i].message, "'%s'", err.msg);
		cr_expect_eq(status, -2, "the output is untouched");
	}
}
