/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

static const char usage[] =
	"usage: probe list DIR           prints what a trace would have to have\n"
	"       probe prepare DIR        makes what is needed, in the empty folder DIR\n"
	"       probe prepare-short DIR  the same without paths that are too long for an archive\n"
	"       probe run DIR [OUTPUT]   does everything, and prints what a trace has to have\n"
	"       probe threads DIR        the same, each row in a thread of its own\n"
	"       probe serve DIR          the process that is not traced\n"
	"       probe leaf               does nothing\n"
	"\n"
	"A line an event, fields with a tab between: row, outcome (done, skipped, failed), "
	"io_uring or\n"
	"-, op, path, real path, flags, errno. Paths are escaped as in a trace; - is none, ? in "
	"front of\n"
	"a real path means that it need not be known, and * any.\n";

int work, own_pid;
const char *work_path, *own_program;

static bool work_mounted, program_mounted;

/* Paths */

/* What makes a path of 4,095 bytes of the work folder's. */
static void add_long(FILE *text)
{
	size_t len = 4095 - strlen(work_path) - 1;

	for (size_t i = 1; i <= len; i++)
		fputc(i % 200 == 0 && i < len ? '/' : 'l', text);
}

char *expand(const struct row *row, const char *text)
{
	char *path = NULL;
	size_t size;
	FILE *file = open_memstream(&path, &size);

	REQUIRE(file);
	for (; *text; text++) {
		if (*text != '%') {
			fputc(*text, file);
			continue;
		}
		switch (*++text) {
		case 'n':
			fputs(row->name, file);
			break;
		case 'w':
			fputs(work_path, file);
			break;
		case 'x':
			fputs(own_program, file);
			break;
		case 'p':
			fprintf(file, "%d", own_pid);
			break;
		case 'l':
			add_long(file);
			break;
		default:
			REQUIRE(!"a letter behind %");
		}
	}
	REQUIRE(fclose(file) == 0);
	return path;
}

/* Whether @path is on another mount than the root is. */
static bool is_mounted(const char *path)
{
	struct statx root, other;

	REQUIRE(statx(AT_FDCWD, "/", 0, STATX_MNT_ID, &root) == 0);
	REQUIRE(statx(AT_FDCWD, path, 0, STATX_MNT_ID, &other) == 0);
	return root.stx_mnt_id != other.stx_mnt_id;
}

/* Printing */

static void print_escaped(const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '\\')
			printf("\\\\");
		else if (c < ' ' || c > '~')
			printf("\\x%02x", c);
		else
			putchar(c);
	}
}

static void print_path(const char *path)
{
	if (path[0] != '/') {
		print_escaped(work_path);
		if (path[0])
			putchar('/');
	}
	print_escaped(path);
}

/* Flags that are set by where the file is. */
static unsigned int mount_flags(const struct row *event)
{
	if (!event->real || event->real[0] == '*' || (event->made & MOUNTS))
		return 0;
	if (strcmp(event->real, "%x") == 0)
		return program_mounted ? FLAG_MOUNTED : 0;
	return work_mounted && event->real[0] != '/' ? FLAG_MOUNTED : 0;
}

static void print_flags(unsigned int flags)
{
	static const char *const names[] = {
		"write",  "create",   "dir",     "deleted", "foreign",
		"script", "nofollow", "mounted", "located", "created"
	};
	const char *between = "";

	if (!flags)
		putchar('-');
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(flags & 1u << i))
			continue;
		printf("%s%s", between, names[i]);
		between = ",";
	}
}

static void print_real(const struct row *row, const struct row *event)
{
	const char *text = event->real;
	char *real;

	if (!text || text[0] == '*') {
		putchar(text ? '*' : '-');
		return;
	}
	if (text[0] == '=')
		text = work_mounted ? event->path : text + 1;
	if (text[0] == '?') {
		putchar('?');
		text++;
	}
	real = expand(row, text);
	print_path(real);
	free(real);
}

static void print_event(const struct row *row, const struct row *event, const char *outcome,
			int error)
{
	char *path = expand(row, event->path);

	print_escaped(row->name);
	printf("\t%s\t%s\t%s\t", outcome, row->made & RING ? "io_uring" : "-", event->op);
	print_path(path);
	putchar('\t');
	print_real(row, event);
	putchar('\t');
	print_flags(event->flags | mount_flags(event));
	printf("\t%s\n", error ? strerrorname_np(error) : "-");
	free(path);
}

/* The row's events: its own, and those of the lines below that belong to it. */
static void print_row(const struct row *row, const char *outcome, int error)
{
	print_event(row, row, outcome, error);
	for (const struct row *also = row + 1; also < rows + n_rows && !also->name; also++)
		print_event(row, also, outcome, error);
	fflush(stdout);
}

static bool any_failed;

static void print_failed(const struct row *row, int error)
{
	fprintf(stderr, "probe: row '%s': %s\n", row->name, strerror(error));
	print_row(row, "failed", error);
	any_failed = true;
}

/* Running */

struct job {
	const struct row *row;
	const char *path;
	long result;
};

static long perform_in_child(const struct row *row, const char *path)
{
	if (row->made & MOUNTS) {
		long result = sys(SYS_unshare, CLONE_NEWNS);

		if (result < 0)
			return result;
		REQUIRE(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	}
	return row_perform(row, path);
}

/* What the child's call says; a child that executes a program says nothing, which is 0. */
static long in_child(const struct row *row, const char *path)
{
	long *result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	REQUIRE(result != MAP_FAILED);
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0) {
		*result = 0;
		*result = perform_in_child(row, path);
		_exit(0);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid);
	if (status != 0)
		fprintf(stderr, "probe: '%s': the child's status is %#x\n", row->name, status);
	return status == 0 ? *result : -ECHILD;
}

static void *do_job(void *data)
{
	struct job *job = data;

	if (job->row->made & (CHILD | MOUNTS))
		job->result = in_child(job->row, job->path);
	else
		job->result = row_perform(job->row, job->path);
	return NULL;
}

static void run_row(const struct row *row, bool threads)
{
	struct job job = { .row = row };
	int wanted = row->error & 0xffff, error;
	pthread_t thread;
	char *path;

	if ((row->made & SERVER) && access(SERVER_SOCKET, F_OK) < 0) {
		print_row(row, "skipped", ENOENT);
		return;
	}
	path = expand(row, row->path);
	job.path = path;
	if (threads) {
		REQUIRE(pthread_create(&thread, NULL, do_job, &job) == 0);
		REQUIRE(pthread_join(thread, NULL) == 0);
	} else {
		do_job(&job);
	}
	free(path);
	error = job.result < 0 ? (int)-job.result : 0;
	/* Of its own it may not have mounts, or not this call. */
	if (error == ENOSYS || ((row->made & MOUNTS) && error == EPERM))
		print_row(row, "skipped", error);
	else if (row->error == ANY_ERROR || error == wanted)
		print_row(row, "done", error);
	else if (row->error & MAY(0))
		print_row(row, "skipped", error);
	else
		print_failed(row, error);
}

static void run(bool threads)
{
	work_mounted = is_mounted(work_path);
	program_mounted = is_mounted(own_program);
	for (size_t i = 0; i < n_rows; i++) {
		if (rows[i].name)
			run_row(&rows[i], threads);
	}
}

static void list(void)
{
	for (size_t i = 0; i < n_rows; i++) {
		if (rows[i].name)
			print_row(&rows[i], "listed",
				  rows[i].error == ANY_ERROR ? 0 : rows[i].error & 0xffff);
	}
}

static int fail_usage(void)
{
	fputs(usage, stderr);
	return 2;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (strcmp(command, "leaf") == 0)
		return 0;
	if (argc < 3 || argc > 4 || argv[0][0] != '/' || argv[2][0] != '/')
		return fail_usage();
	own_program = argv[0];
	own_pid = getpid();
	work_path = argv[2];
	REQUIRE(argc < 4 || freopen(argv[3], "w", stdout));
	work = open(work_path, O_RDONLY | O_DIRECTORY);
	REQUIRE(work >= 0 && fchdir(work) == 0);
	umask(022);
	if (strcmp(command, "list") == 0)
		list();
	else if (strcmp(command, "prepare") == 0 || strcmp(command, "prepare-short") == 0)
		prepare(strcmp(command, "prepare") != 0);
	else if (strcmp(command, "run") == 0 || strcmp(command, "threads") == 0)
		run(strcmp(command, "run") != 0);
	else if (strcmp(command, "serve") == 0)
		serve();
	else
		return fail_usage();
	return ferror(stdout) || fclose(stdout) || any_failed ? 1 : 0;
}
