/* SPDX-License-Identifier: BSD-2-Clause */
#include "traced.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

/*
 * Every system call that takes a path, made by a program that knows what a trace of it has to have
 * (probe/rows.h), in each of the ways that a program may be built: the test wants all of it, and
 * that nothing is lost.
 */

TestSuite(completeness, .init = traced_setup, .fini = traced_teardown, .timeout = 300);

/* Events that have to be wanted wherever this runs; more are where the kernel has the calls. */
#ifdef __x86_64__
#define LEAST_DONE 240
#else
#define LEAST_DONE 180 /* without the older half of the calls */
#endif

/* The probes are beside the test. */
static char *probe_path(const char *variant)
{
	char exe[4096];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	REQUIRE(len > 0);
	exe[len] = '\0';
	*strrchr(exe, '/') = '\0';
	return mp_xasprintf("%s/probe-%s", exe, variant);
}

/* Executes the probe in the work folder. Returns only where it cannot. */
static void exec_probe(const char *variant, const char *command, const char *output)
{
	MP_AUTO(mp_freep) char *probe = probe_path(variant);
	char folder[4096];
	char *argv[] = { probe, (char *)command, folder, (char *)output, NULL };
	char *envp[] = { NULL };

	REQUIRE(getcwd(folder, sizeof(folder)));
	execve(probe, argv, envp);
}

#define RESULTS "../out/results"

SCENARIO(dynamic)
{
	exec_probe("dynamic", "run", RESULTS);
	REQUIRE(!"executed");
}

SCENARIO(static)
{
	exec_probe("static", "run", RESULTS);
	REQUIRE(!"executed");
}

SCENARIO(threads)
{
	exec_probe("dynamic", "threads", RESULTS);
	REQUIRE(!"executed");
}

#ifdef __x86_64__
SCENARIO(i386)
{
	exec_probe("i386", "run", RESULTS);
	REQUIRE(!"executed");
}
#endif

/* A process that is not traced and does @command. */
static pid_t start_probe(const char *variant, const char *command)
{
	pid_t pid = fork();

	cr_assert(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		REQUIRE(chdir(work_dir) == 0);
		exec_probe(variant, command, NULL);
		_exit(98);
	}
	return pid;
}

static void wait_for_server(void)
{
	MP_AUTO(mp_freep) char *socket = at_work(".server");

	for (int tries = 0; access(socket, F_OK) < 0; tries++) {
		cr_assert(tries < 1000, "no server after 10 s");
		usleep(10000);
	}
}

/* An event that the probe wants: one line of its output. */
struct wanted {
	const char *row, *outcome;
	bool through_ring;
	bool any_real, maybe_real;
	struct mp_trace_event event;
};

static enum mp_trace_op read_op(const char *name)
{
	for (int op = 0; op < MP_OP_COUNT; op++) {
		if (strcmp(mp_trace_op_name(op), name) == 0)
			return op;
	}
	cr_assert(false, "the probe has an op '%s'", name);
	return MP_OP_COUNT;
}

static unsigned int read_flags(const char *text)
{
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };
	unsigned int flags = 0;

	if (strcmp(text, "-") == 0)
		return 0;
	mp_strv_split(&names, text, ",");
	for (size_t i = 0; i < names.n; i++) {
		unsigned int bit = 1;

		while (mp_trace_flag_name(bit) && strcmp(mp_trace_flag_name(bit), names.v[i]) != 0)
			bit <<= 1;
		cr_assert(mp_trace_flag_name(bit), "the probe has a flag '%s'", names.v[i]);
		flags |= bit;
	}
	return flags;
}

/* @fields: of the line; they stay the caller's. */
static struct wanted read_wanted(const struct mp_strv *fields)
{
	const char *real = fields->v[5], *error = fields->v[7];
	struct wanted wanted = {
		.row = fields->v[0],
		.outcome = fields->v[1],
		.through_ring = strcmp(fields->v[2], "io_uring") == 0,
		.any_real = strcmp(real, "*") == 0,
		.maybe_real = real[0] == '?',
		.event = { .op = read_op(fields->v[3]), .flags = read_flags(fields->v[6]) },
	};

	wanted.event.path = mp_path_unescape(fields->v[4]);
	if (strcmp(real, "-") != 0 && !wanted.any_real)
		wanted.event.real = mp_path_unescape(real + wanted.maybe_real);
	if (strcmp(error, "-") != 0) {
		wanted.event.error = mp_trace_errno_number(error);
		cr_assert(wanted.event.error, "the probe has an errno '%s'", error);
	}
	return wanted;
}

/* What is said of the file that was reached; nothing, where that is not known. */
#define FLAGS_OF_REAL (MP_TRACE_DIR | MP_TRACE_DELETED | MP_TRACE_FOREIGN | MP_TRACE_MOUNTED)

static bool is_wanted(const struct wanted *wanted, const struct mp_trace_event *event,
		      const char *exe)
{
	unsigned int flags = wanted->event.flags;

	if (wanted->maybe_real && !event->real)
		flags &= ~(unsigned int)FLAGS_OF_REAL;
	else if (!wanted->any_real && !same_text(event->real, wanted->event.real))
		return false;
	return event->op == wanted->event.op && event->error == wanted->event.error &&
	       event->flags == flags && strcmp(event->path, wanted->event.path) == 0 &&
	       same_text(event->exe, exe);
}

static bool is_in(const struct mp_trace *trace, const struct wanted *wanted, const char *exe)
{
	for (size_t i = 0; i < trace->n_events; i++) {
		if (is_wanted(wanted, &trace->events[i], exe))
			return true;
	}
	return false;
}

static void expect_wanted(const struct mp_trace *trace, const struct wanted *wanted,
			  const char *exe)
{
	MP_AUTO(mp_buf_free) struct mp_buf others = { 0 };
	const struct mp_trace_event *event = &wanted->event;
	char path[300], real[300] = "(none)";

	if (is_in(trace, wanted, exe))
		return;
	describe_path(trace, event->path, &others);
	mp_text_printable(event->path, path, sizeof(path));
	if (event->real || wanted->any_real)
		mp_text_printable(event->real ? event->real : "(any)", real, sizeof(real));
	cr_expect(false, "row '%.60s': no event: %s '%s' real %s%s, error %d, flags %#x%s",
		  wanted->row, mp_trace_op_name(event->op), path, real,
		  wanted->maybe_real ? " or none" : "", event->error, event->flags,
		  others.data ? others.data : "");
}

/*
 * Whether the kernel tells what became of a request to io_uring. Before, it may tell that there was
 * one, and for what path; where it does not even do that, the trace says that it lacks something.
 */
static bool ring_is_told(void)
{
	struct utsname host;
	int major, minor;

	uname(&host);
	cr_assert(sscanf(host.release, "%d.%d", &major, &minor) == 2);
	return major > 5 || (major == 5 && minor >= 19);
}

static void expect_requested(const struct mp_trace *trace, const struct wanted *wanted)
{
	cr_expect(trace->losses.unread > 0 ||
			  find_event(trace, wanted->event.op, wanted->event.path),
		  "row '%s': no %s, and nothing is said to be missing", wanted->row,
		  mp_trace_op_name(wanted->event.op));
}

struct counts {
	int rows, done, skipped;
};

static void check_line(const struct mp_trace *trace, const char *line, const char *exe,
		       struct mp_buf *skipped, struct counts *counts)
{
	MP_AUTO(mp_strv_free) struct mp_strv fields = { 0 };
	struct wanted wanted;

	mp_strv_split(&fields, line, "\t");
	cr_assert_eq(fields.n, 8, "the probe has a line '%s'", line);
	wanted = read_wanted(&fields);
	counts->rows++;
	if (strcmp(wanted.outcome, "skipped") == 0) {
		counts->skipped++;
		mp_buf_addf(skipped, " %s (%s)", wanted.row, fields.v[7]);
	} else if (strcmp(wanted.outcome, "done") != 0) {
		cr_expect(false, "row '%s' is %s: %s", wanted.row, wanted.outcome, fields.v[7]);
	} else {
		counts->done++;
		if (!wanted.through_ring || ring_is_told())
			expect_wanted(trace, &wanted, exe);
		else
			expect_requested(trace, &wanted);
	}
	mp_trace_event_clear(&wanted.event);
}

static struct counts check_results(const char *variant, const struct mp_trace *trace,
				   const char *exe)
{
	MP_AUTO(mp_freep) char *path = mp_path_join(out_dir, "results");
	MP_AUTO(mp_freep) char *line = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf skipped = { 0 };
	struct counts counts = { 0 };
	FILE *file = fopen(path, "r");
	size_t size = 0;
	ssize_t len;

	cr_assert(file, "the probe has no results");
	while ((len = getline(&line, &size, file)) > 0) {
		line[len - 1] = '\0';
		check_line(trace, line, exe, &skipped, &counts);
	}
	fclose(file);
	fprintf(stderr, "note: completeness, %s: %d events wanted, %d done, %d skipped:%s\n",
		variant, counts.rows, counts.done, counts.skipped, skipped.len ? skipped.data : "");
	return counts;
}

/* Runs @scenario, which is the probe @variant, and compares. */
static void check(const char *scenario, const char *variant)
{
	MP_AUTO(mp_freep) char *exe = probe_path(variant);
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	struct mp_trace_losses losses;
	struct counts counts;
	pid_t server;

	cr_assert_eq(traced_wait(start_probe(variant, "prepare")), 0);
	server = start_probe(variant, "serve");
	wait_for_server();
	trace = traced_run(scenario, 0, &losses);
	kill(server, SIGKILL);
	traced_wait(server);
	counts = check_results(scenario, trace, exe);
	cr_expect_geq(counts.done, LEAST_DONE, "only %d of %d", counts.done, counts.rows);
	if (ring_is_told())
		expect_complete(trace);
	else
		cr_expect_eq(losses.dropped + losses.truncated + losses.untracked, 0);
}

Test(completeness, dynamically_linked)
{
	check("dynamic", "dynamic");
}

Test(completeness, statically_linked)
{
	check("static", "static");
}

Test(completeness, threads)
{
	check("threads", "dynamic");
}

#ifdef __x86_64__
Test(completeness, program_of_32_bits)
{
	check("i386", "i386");
}
#endif
