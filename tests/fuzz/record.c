/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/file.h"
#include "tracer/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Writes what the kernel side says about a program, as an input of fuzz_decode:
 *
 *     make build/release/tests/fuzz/record
 *     sudo build/release/tests/fuzz/record ls / >tests/fuzz/corpus/decode/ls
 */

static int fail(const char *what, const struct mp_error *err)
{
	fprintf(stderr, "record: %s: %s\n", what, err->msg);
	return 1;
}

/* The nameless file in @dir in which the session has kept the records. */
static int find_spool(const char *dir)
{
	for (int fd = 3; fd < 256; fd++) {
		char link[64], path[256];
		ssize_t len;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		len = readlink(link, path, sizeof(path) - 1);
		if (len > 0 && strncmp(path, dir, strlen(dir)) == 0)
			return fd;
	}
	return -1;
}

/* From the spool's lengths of four bytes to those of two that an input has. */
static int write_input(int fd, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf spool = { 0 };
	uint32_t len;

	if (lseek(fd, 0, SEEK_SET) < 0 ||
	    mp_fd_read_all(fd, "the spool", (size_t)1 << 24, &spool, err))
		return -1;
	for (size_t at = 0; at + sizeof(len) <= spool.len; at += sizeof(len) + len) {
		memcpy(&len, spool.data + at, sizeof(len));
		putchar((int)(len & 0xff));
		putchar((int)(len >> 8 & 0xff));
		fwrite(spool.data + at + sizeof(len), 1, len, stdout);
	}
	return fflush(stdout) ? mp_error_set(err, MP_E_SYS, errno, "write") : 0;
}

static pid_t start(char **argv, int *go_out)
{
	int gate[2];
	pid_t pid;
	char byte;

	if (pipe(gate) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		close(gate[1]);
		dup2(STDERR_FILENO, STDOUT_FILENO);
		if (read(gate[0], &byte, 1) == 1)
			execvp(argv[0], argv);
		_exit(127);
	}
	close(gate[0]);
	*go_out = gate[1];
	return pid;
}

int main(int argc, char **argv)
{
	const struct mp_session_options options = { 0 };
	MP_AUTO(mp_session_freep) struct mp_session *session = NULL;
	char dir[] = "/tmp/mp-record-XXXXXX";
	struct mp_trace trace = { 0 };
	struct mp_trace_losses losses;
	struct mp_error err = { 0 };
	pid_t pid;
	int go = -1;

	if (argc < 2 || !mkdtemp(dir))
		return fputs("usage: record PROGRAM [ARGUMENT...] >INPUT\n", stderr), 2;
	setenv("TMPDIR", dir, 1);
	if (mp_session_open(&options, &session, &err))
		return fail("trace", &err);
	rmdir(dir);
	unsetenv("TMPDIR");
	pid = start(argv + 1, &go);
	if (pid < 0)
		return perror("record: start the program"), 1;
	if (mp_session_add_process(session, mp_session_add_sink(session, &trace), pid, &err))
		return fail("follow", &err);
	if (write(go, "!", 1) != 1 || waitpid(pid, NULL, 0) != pid)
		return fail("run", &err);
	if (mp_session_finish(session, &losses, &err) || write_input(find_spool(dir), &err))
		return fail("record", &err);
	for (size_t i = 0; i < trace.n_events; i++)
		mp_trace_event_clear(&trace.events[i]);
	mp_freep(&trace.events);
	return 0;
}
