/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/options.h"

#include "core/file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(options, .timeout = 30);

#define MAX_WORDS 16

/* Parses the words of @line, which are separated by single spaces. */
static int parse_line(const char *line, struct mp_options *options, struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv words = { 0 };
	char *argv[MAX_WORDS + 2] = { (char *)"micropack" };
	int argc = 1;

	if (line[0])
		mp_strv_split(&words, line, " ");
	cr_assert(words.n <= MAX_WORDS);
	for (size_t i = 0; i < words.n; i++)
		argv[argc++] = words.v[i];
	return mp_options_parse(argc, argv, options, err);
}

static void expect_parsed(const char *line, struct mp_options *options)
{
	struct mp_error err = { 0 };

	cr_assert(parse_line(line, options, &err) == 0, "'%s': %s", line, err.msg);
}

static void expect_refused(const char *line, const char *message)
{
	MP_AUTO(mp_options_free) struct mp_options options = { 0 };
	struct mp_error err = { 0 };

	cr_expect_eq(parse_line(line, &options, &err), -1, "'%s' is accepted", line);
	cr_expect_eq(err.code, MP_E_USAGE, "'%s': code %d", line, err.code);
	cr_expect_str_eq(err.msg, message, "'%s':\n  '%s'\nnot\n  '%s'", line, err.msg, message);
}

static void expect_list(const struct mp_strv *list, const char *joined, const char *about)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };

	for (size_t i = 0; i < list->n; i++)
		mp_buf_addf(&text, "%s%s", i ? "," : "", list->v[i]);
	cr_expect_str_eq(text.data ? text.data : "", joined, "%s: '%s', not '%s'", about,
			 text.data ? text.data : "", joined);
}

static void expect_text(const char *text, const char *expected, const char *about)
{
	cr_expect(text && strcmp(text, expected) == 0, "%s: '%s', not '%s'", about,
		  text ? text : "(null)", expected);
}

Test(options, defaults)
{
	MP_AUTO(mp_options_free) struct mp_options options = { 0 };

	expect_parsed("nginx:1", &options);
	cr_expect_eq(options.command, MP_COMMAND_MICROPACK);
	expect_list(&options.arguments, "nginx:1", "arguments");
	cr_expect_eq(options.qa.ready_timeout_ms, 60000);
	cr_expect_eq(options.qa.stop_grace_s, 10);
	cr_expect_eq(options.qa.watch_ms, 0);
	cr_expect_eq(options.buffer_bytes, 0);
	cr_expect_eq(options.source, MP_SOURCE_AUTO);
	cr_expect_eq(options.verbosity, 0);
	cr_expect_not(options.has_separator || options.help || options.version || options.json ||
		      options.no_image || options.no_verify || options.incomplete_ok);
	cr_expect_null(options.output);
	cr_expect_null(options.tag);
}

/* A script that can be given to --tests. */
static void make_script(char path[40], mode_t mode)
{
	int fd;

	strcpy(path, "/tmp/mp-test-options-XXXXXX");
	fd = mkstemp(path);
	cr_assert(fd >= 0 && fchmod(fd, mode) == 0);
	close(fd);
}

Test(options, every_option)
{
	MP_AUTO(mp_options_free) struct mp_options options = { 0 };
	const struct mp_run_spec *spec = &options.qa.spec;
	char script[40], env_file[40];
	char *argv[] = { (char *)"micropack",
			 (char *)"-e",
			 (char *)"A=1",
			 (char *)"--env=B=a b",
			 (char *)"--env-file",
			 env_file,
			 (char *)"-v/a:/b",
			 (char *)"--volume",
			 (char *)"/c",
			 (char *)"--mount=type=tmpfs,target=/t",
			 (char *)"-p80",
			 (char *)"--publish",
			 (char *)"443",
			 (char *)"--net",
			 (char *)"none",
			 (char *)"--network=back",
			 (char *)"-u1000",
			 (char *)"-w/srv",
			 (char *)"--entrypoint=",
			 (char *)"--cap-add=ALL",
			 (char *)"--tmpfs=/run:size=1m",
			 (char *)"--tests",
			 script,
			 (char *)"--run=a b",
			 (char *)"--run",
			 (char *)"",
			 (char *)"--for=1.5s",
			 (char *)"--ready-timeout=2m",
			 (char *)"--ready-cmd=exit 0",
			 (char *)"--stop-timeout=1500ms",
			 (char *)"-oout",
			 (char *)"-tname:tag",
			 (char *)"--no-image",
			 (char *)"--no-verify",
			 (char *)"--incomplete=ok",
			 (char *)"--source=export",
			 (char *)"--buffer-size=64M",
			 (char *)"--json",
			 (char *)"--verbose",
			 (char *)"image" };
	struct mp_error err = { 0 };

	make_script(script, 0700);
	make_script(env_file, 0600);
	cr_assert(mp_file_replace(env_file, "F=1\n", 4, &err) == 0);
	cr_assert(mp_options_parse(MP_ARRAY_LEN(argv), argv, &options, &err) == 0, "%s", err.msg);
	unlink(script);
	unlink(env_file);
	expect_list(&options.arguments, "image", "arguments");
	expect_list(&spec->env, "A=1,B=a b,F=1", "env");
	expect_list(&spec->volumes, "/a:/b,/c", "volumes");
	expect_list(&spec->mounts, "type=tmpfs,target=/t", "mounts");
	expect_list(&spec->publish, "80,443", "publish");
	expect_text(spec->network, "back", "network: the last one counts");
	expect_text(spec->user, "1000", "user");
	expect_text(spec->workdir, "/srv", "workdir");
	expect_text(spec->entrypoint, "", "entrypoint");
	expect_list(&spec->cap_add, "ALL", "cap-add");
	expect_list(&spec->tmpfs, "/run:size=1m", "tmpfs");
	expect_text(options.qa.tests, script, "tests");
	expect_list(&options.qa.runs, "a b,", "run");
	cr_expect_eq(options.qa.watch_ms, 1500);
	cr_expect_eq(options.qa.ready_timeout_ms, 120000);
	expect_text(options.qa.ready_cmd, "exit 0", "ready-cmd");
	cr_expect_eq(options.qa.stop_grace_s, 2, "rounded up");
	expect_text(options.output, "out", "output");
	expect_text(options.tag, "name:tag", "tag");
	cr_expect(options.no_image && options.no_verify && options.incomplete_ok && options.json);
	cr_expect_eq(options.source, MP_SOURCE_EXPORT);
	cr_expect_eq(options.buffer_bytes, (size_t)64 << 20);
	cr_expect_eq(options.verbosity, 1);
}

Test(options, of_pack_and_dockerfile)
{
	MP_AUTO(mp_options_free) struct mp_options pack = { 0 };
	MP_AUTO(mp_options_free) struct mp_options dockerfile = { 0 };

	expect_parsed("pack --image i:1 --root / list.txt --source overlay -q", &pack);
	cr_expect_eq(pack.command, MP_COMMAND_PACK);
	expect_list(&pack.arguments, "list.txt", "arguments");
	expect_text(pack.image, "i:1", "image");
	expect_text(pack.root, "/", "root");
	cr_expect_eq(pack.source, MP_SOURCE_OVERLAY);
	cr_expect_eq(pack.verbosity, -1);
	expect_parsed("--config c.json dockerfile --rootfs r.tar", &dockerfile);
	cr_expect_eq(dockerfile.command, MP_COMMAND_DOCKERFILE);
	expect_text(dockerfile.config, "c.json", "config");
	expect_text(dockerfile.rootfs, "r.tar", "rootfs");
}

Test(options, of_targets)
{
	MP_AUTO(mp_options_free) struct mp_options trace = { 0 };
	MP_AUTO(mp_options_free) struct mp_options job = { 0 };
	const struct mp_targets *targets = &trace.targets;

	expect_parsed("trace --container a --follow-image i:1 --container=b --cgroup /c --cgroup "
		      "d --pid 1 --attach --pid=2147483647 --main-only",
		      &trace);
	cr_expect_eq(trace.arguments.n, 0);
	expect_list(&targets->containers, "a,b", "container");
	expect_list(&targets->images, "i:1", "follow-image");
	expect_list(&targets->cgroups, "/c,d", "cgroup");
	cr_assert_eq(targets->n_pids, 2);
	cr_expect(targets->pids[0] == 1 && targets->pids[1] == INT_MAX);
	cr_expect(targets->attach && targets->main_only);
	expect_parsed("img --main-only", &job);
	cr_expect(job.targets.main_only && !job.targets.attach);
}

Test(options, of_merge_diff_and_import)
{
	MP_AUTO(mp_options_free) struct mp_options merge = { 0 };
	MP_AUTO(mp_options_free) struct mp_options diff = { 0 };
	MP_AUTO(mp_options_free) struct mp_options import = { 0 };

	expect_parsed("merge a.jsonl -o c.jsonl b.jsonl -q", &merge);
	cr_expect_eq(merge.command, MP_COMMAND_MERGE);
	expect_list(&merge.arguments, "a.jsonl,b.jsonl", "arguments");
	expect_text(merge.output, "c.jsonl", "output");
	expect_parsed("diff --json a b", &diff);
	cr_expect(diff.json);
	expect_parsed("import --format strace -w /srv x.txt -o t", &import);
	expect_text(import.format, "strace", "format");
	expect_text(import.qa.spec.workdir, "/srv", "workdir");
	expect_text(import.output, "t", "output");
	expect_list(&import.arguments, "x.txt", "arguments");
}

/* Order */

static void swap(char **a, char **b)
{
	char *saved = *a;

	*a = *b;
	*b = saved;
}

/* Each word is an option with its value, or an argument; "trace" has to come before the image. */
static void check_order(char **words, size_t n)
{
	MP_AUTO(mp_options_free) struct mp_options options = { 0 };
	MP_AUTO(mp_strv_free) struct mp_strv line = { 0 };
	struct mp_error err = { 0 };
	char *argv[MAX_WORDS] = { (char *)"micropack" };
	int argc = 1;

	for (size_t i = 0; i < n; i++)
		mp_strv_split(&line, words[i], " ");
	for (size_t i = 0; i < line.n; i++)
		argv[argc++] = line.v[i];
	cr_assert(mp_options_parse(argc, argv, &options, &err) == 0, "%s", err.msg);
	cr_expect_eq(options.command, MP_COMMAND_TRACE);
	expect_list(&options.arguments, "img", "arguments");
	expect_text(options.output, "out", "output");
	expect_list(&options.qa.spec.publish, "80", "publish");
	expect_list(&options.qa.runs, "x", "runs");
	cr_expect_eq(options.verbosity, -1);
}

static void permute(char **words, size_t n, size_t from)
{
	if (from == n) {
		size_t trace = 0, image = 0;

		for (size_t i = 0; i < n; i++) {
			if (strcmp(words[i], "trace") == 0)
				trace = i;
			if (strcmp(words[i], "img") == 0)
				image = i;
		}
		if (trace < image)
			check_order(words, n);
		return;
	}
	for (size_t i = from; i < n; i++) {
		swap(&words[from], &words[i]);
		permute(words, n, from + 1);
		swap(&words[from], &words[i]);
	}
}

Test(options, order_never_matters)
{
	char *words[] = { (char *)"trace", (char *)"img", (char *)"-o out",
			  (char *)"-p80",  (char *)"-q",  (char *)"--run x" };

	permute(words, MP_ARRAY_LEN(words), 0);
	/* Whatever the user's environment says about it. */
	setenv("POSIXLY_CORRECT", "1", 1);
	permute(words, MP_ARRAY_LEN(words), 0);
}

Test(options, commands)
{
	static const struct {
		const char *line;
		enum mp_command command;
		const char *arguments;
	} cases[] = {
		{ "", MP_COMMAND_MICROPACK, "" },
		{ "nginx", MP_COMMAND_MICROPACK, "nginx" },
		{ "trace nginx", MP_COMMAND_TRACE, "nginx" },
		{ "pack a", MP_COMMAND_PACK, "a" },
		{ "dockerfile", MP_COMMAND_DOCKERFILE, "" },
		{ "doctor", MP_COMMAND_DOCTOR, "" },
		{ "merge a b", MP_COMMAND_MERGE, "a,b" },
		{ "diff a b", MP_COMMAND_DIFF, "a,b" },
		{ "import a", MP_COMMAND_IMPORT, "a" },
		{ "nginx trace", MP_COMMAND_MICROPACK, "nginx,trace" },
		{ "trace trace", MP_COMMAND_TRACE, "trace" },
		{ "trace:latest", MP_COMMAND_MICROPACK, "trace:latest" },
		{ "-q doctor", MP_COMMAND_DOCTOR, "" },
		{ "-o trace nginx", MP_COMMAND_MICROPACK, "nginx" },
		{ "-", MP_COMMAND_MICROPACK, "-" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_options_free) struct mp_options options = { 0 };

		expect_parsed(cases[i].line, &options);
		cr_expect_eq(options.command, cases[i].command, "'%s': command %d", cases[i].line,
			     options.command);
		expect_list(&options.arguments, cases[i].arguments, cases[i].line);
	}
	cr_expect_str_eq(mp_command_word(MP_COMMAND_MICROPACK), "");
	cr_expect_str_eq(mp_command_word(MP_COMMAND_DOCKERFILE), "dockerfile");
}

Test(options, separator)
{
	static const struct {
		const char *line, *arguments, *command;
		bool has_separator;
	} cases[] = {
		{ "img", "img", "", false },
		{ "img --", "img", "", true },
		{ "img -- --version", "img", "--version", true },
		{ "img -q -- -o x --bad", "img", "-o,x,--bad", true },
		{ "trace -- ls -l", "", "ls,-l", true },
		{ "img -- a -- b", "img", "a,--,b", true },
		{ "-- trace", "", "trace", true }, /* a program, not the command's word */
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_options_free) struct mp_options options = { 0 };

		expect_parsed(cases[i].line, &options);
		expect_list(&options.arguments, cases[i].arguments, cases[i].line);
		expect_list(&options.qa.spec.command, cases[i].command, cases[i].line);
		cr_expect_eq(options.has_separator, cases[i].has_separator, "'%s'", cases[i].line);
	}
}

/* Refusals */

Test(options, refused)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
		{ "--bad", "option '--bad' is not known; see 'micropack --help'" },
		{ "img --bad=1", "option '--bad=1' is not known; see 'micropack --help'" },
		{ "-x img", "option '-x' is not known; see 'micropack --help'" },
		{ "-qx img", "option '-x' is not known; see 'micropack --help'" },
		{ "trace --bad img", "option '--bad' is not known; see 'micropack trace --help'" },
		{ "img -o", "option '-o' needs a value; see 'micropack --help'" },
		{ "pack x --root", "option '--root' needs a value; see 'micropack pack --help'" },
		{ "img --tests -- x", "option '--tests' needs a value; see 'micropack --help'" },
		{ "img --json=yes", "option '--json' takes no value; see 'micropack --help'" },
		{ "img --quiet=1", "option '--quiet' takes no value; see 'micropack --help'" },
		{ "img --no-", "option '--no-' is not known; see 'micropack --help'" },

		{ "trace img --json",
		  "option '--json' is not for 'micropack trace'; see 'micropack trace --help'" },
		{ "pack x --tests /bin/true",
		  "option '--tests' is not for 'micropack pack'; see 'micropack pack --help'" },
		{ "img --root /",
		  "option '--root' is not for 'micropack'; see 'micropack --help'" },
		{ "pack t --image i --tests /no/such/script",
		  "option '--tests' is not for 'micropack pack'; see 'micropack pack --help'" },
		{ "merge --for never",
		  "option '--for' is not for 'micropack merge'; see 'micropack merge --help'" },
		{ "doctor -o x", "option '--output' is not for 'micropack doctor'; see 'micropack "
				 "doctor --help'" },
		{ "dockerfile --net x", "option '--network' is not for 'micropack dockerfile'; see "
					"'micropack dockerfile --help'" },

		{ "trace --pid x", "--pid 'x': the ID of a process is needed; see 'micropack trace "
				   "--help'" },
		{ "trace --pid 0", "--pid '0': the ID of a process is needed; see 'micropack trace "
				   "--help'" },
		{ "trace --pid 2147483648",
		  "--pid '2147483648': the ID of a process is needed; see 'micropack trace "
		  "--help'" },
		{ "trace --pid 1x", "--pid '1x': the ID of a process is needed; see 'micropack "
				    "trace --help'" },
		{ "trace --attach=1",
		  "option '--attach' takes no value; see 'micropack trace --help'" },
		{ "img --container x",
		  "option '--container' is not for 'micropack'; see 'micropack --help'" },

		{ "merge a --json",
		  "option '--json' is not for 'micropack merge'; see 'micropack merge --help'" },
		{ "diff a b -o c",
		  "option '--output' is not for 'micropack diff'; see 'micropack diff --help'" },
		{ "pack a --format list",
		  "option '--format' is not for 'micropack pack'; see 'micropack pack --help'" },
		{ "import a --format",
		  "option '--format' needs a value; see 'micropack import --help'" },

		{ "img --for x",
		  "--for 'x': a time such as 30s, 500ms or 2m is needed; see 'micropack --help'" },
		{ "img --for -1",
		  "--for '-1': a time such as 30s, 500ms or 2m is needed; see 'micropack --help'" },
		{ "img --for 0s", "--for '0s': no time at all; see 'micropack --help'" },
		{ "img --ready-timeout 5d", "--ready-timeout '5d': a time such as 30s, 500ms or 2m "
					    "is needed; see 'micropack --help'" },
		{ "img --stop-timeout 1y",
		  "--stop-timeout '1y': a time such as 30s, 500ms or 2m is "
		  "needed; see 'micropack --help'" },
		{ "img --source x", "--source 'x': auto, overlay, save or export is needed; see "
				    "'micropack --help'" },
		{ "img --incomplete yes", "--incomplete 'yes': only --incomplete=ok is known; see "
					  "'micropack --help'" },
		{ "img -e =x", "--env '=x': a variable needs a name; see 'micropack --help'" },
		{ "img --env-file /nonexistent",
		  "--env-file: open '/nonexistent': No such file or directory; see 'micropack "
		  "--help'" },
		{ "img --tests /nonexistent", "--tests '/nonexistent': No such file or directory; "
					      "see 'micropack --help'" },
		{ "img --tests /tmp", "--tests '/tmp' is not a file; see 'micropack --help'" },
		{ "img -u \xff", "--user '\\xff' is not UTF-8; see 'micropack --help'" },
		{ "img -- \xff", "argument '\\xff' is not UTF-8; see 'micropack --help'" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++)
		expect_refused(cases[i].line, cases[i].message);
}

Test(options, a_script_that_is_not_executable)
{
	char script[40];
	MP_AUTO(mp_freep) char *line = NULL;
	MP_AUTO(mp_freep) char *message = NULL;

	make_script(script, 0600);
	line = mp_xasprintf("img --tests %s", script);
	message = mp_xasprintf(
		"--tests '%s' is not executable; chmod +x it; see 'micropack --help'", script);
	expect_refused(line, message);
	unlink(script);
}

/* SCRIPT means the same wherever it is run from. */
Test(options, a_script_is_known_by_its_absolute_path)
{
	MP_AUTO(mp_options_free) struct mp_options options = { 0 };
	MP_AUTO(mp_freep) char *line = NULL;
	char script[40];

	make_script(script, 0700);
	cr_assert(chdir("/tmp") == 0);
	line = mp_xasprintf("img --tests .//%s", strrchr(script, '/') + 1);
	expect_parsed(line, &options);
	expect_text(options.qa.tests, script, "tests");
	unlink(script);
}

Test(options, buffer_sizes)
{
	static const struct {
		const char *text;
		size_t bytes; /* 0: refused */
	} cases[] = {
		{ "65536", 65536 },
		{ "64k", 65536 },
		{ "64K", 65536 },
		{ "16M", (size_t)16 << 20 },
		{ "1G", (size_t)1 << 30 },
		{ "0", 0 },
		{ "0M", 0 },
		{ "", 0 },
		{ "M", 0 },
		{ "-1", 0 },
		{ " 1M", 0 },
		{ "1MB", 0 },
		{ "1m", 0 },
		{ "1.5M", 0 },
		{ "99999999999999999999", 0 },
		{ "18446744073709551615G", 0 },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_options_free) struct mp_options options = { 0 };
		char *argv[] = { (char *)"micropack", (char *)"img", (char *)"--buffer-size",
				 (char *)cases[i].text, NULL };
		struct mp_error err = { 0 };
		int rc = mp_options_parse(4, argv, &options, &err);

		cr_expect_eq(rc, cases[i].bytes ? 0 : -1, "'%s': %d", cases[i].text, rc);
		cr_expect_eq(options.buffer_bytes, cases[i].bytes, "'%s': %zu", cases[i].text,
			     options.buffer_bytes);
		if (!cases[i].bytes)
			cr_expect(strstr(err.msg, ": a size such as 64M is needed"), "'%s'",
				  err.msg);
	}
}

/* Help */

Test(options, help_and_version)
{
	static const struct {
		const char *line;
		enum mp_command command;
		bool help, version;
	} cases[] = {
		{ "--help", MP_COMMAND_MICROPACK, true, false },
		{ "-h", MP_COMMAND_MICROPACK, true, false },
		{ "trace --help", MP_COMMAND_TRACE, true, false },
		{ "--help pack", MP_COMMAND_PACK, true, false },
		{ "doctor -h", MP_COMMAND_DOCTOR, true, false },
		{ "--version", MP_COMMAND_MICROPACK, false, true },
		/* For what is wrong the help is what is wanted. */
		{ "doctor -o x --help", MP_COMMAND_DOCTOR, true, false },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_options_free) struct mp_options options = { 0 };

		expect_parsed(cases[i].line, &options);
		cr_expect_eq(options.command, cases[i].command, "'%s'", cases[i].line);
		cr_expect_eq(options.help, cases[i].help, "'%s'", cases[i].line);
		cr_expect_eq(options.version, cases[i].version, "'%s'", cases[i].line);
	}
}

Test(options, help_fits_80_columns)
{
	for (int command = 0; command < MP_COMMANDS; command++) {
		const char *text = mp_help_text((enum mp_command)command);
		const char *word = mp_command_word((enum mp_command)command);
		MP_AUTO(mp_strv_free) struct mp_strv lines = { 0 };

		cr_assert(text && strncmp(text, "usage: micropack", 16) == 0, "'%s'", word);
		cr_expect_eq(text[strlen(text) - 1], '\n', "'%s'", word);
		mp_strv_split(&lines, text, "\n");
		for (size_t i = 0; i < lines.n; i++) {
			size_t len = strlen(lines.v[i]);

			cr_expect(len <= 80, "micropack %s --help: %zu columns: %s", word, len,
				  lines.v[i]);
			cr_expect(len == 0 || lines.v[i][len - 1] != ' ', "blank at the end: '%s'",
				  lines.v[i]);
			for (const char *p = lines.v[i]; *p; p++)
				cr_expect(*p >= ' ' && *p <= '~', "one byte, one column: '%s'",
					  lines.v[i]);
		}
	}
}
