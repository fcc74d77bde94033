/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/calls.h"
#include "import/format.h"
#include "import/strace_text.h"
#include "import/tasks.h"

#include "core/path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The output of strace. Each line is a call, whole or in two pieces ("<unfinished ...>",
 * "<... name resumed>"), or a remark about a process.
 */

struct strace {
	struct mp_import *import;
	struct mp_tasks *tasks;
	int64_t start_ns, now_ns; /* of -ttt; -1: not known */
	bool broken;              /* a line ended in a remark about a child: */
	long broken_pid;          /* the number that it began with */
};

/* A call as it is looked at. */
struct call {
	struct strace *strace;
	struct mp_task *task;
	const struct mp_traced_call *known;
	const char *text; /* from its name on */
	struct mp_strace_call parsed;
};

static void call_clear(struct call *call)
{
	mp_strace_call_free(&call->parsed);
}

static struct mp_trace_losses *losses_of(struct strace *strace)
{
	return &strace->import->trace->losses;
}

/* The argument at @index as it is written; "" where there is none. */
static const char *argument(const struct call *call, int index)
{
	const struct mp_strv *arguments = &call->parsed.arguments;

	return index >= 0 && (size_t)index < arguments->n ? arguments->v[index] : "";
}

static bool has_word(const struct call *call, int index, const char *word)
{
	return mp_strace_has_word(argument(call, index), word);
}

/* Paths */

static void set_cwd(struct mp_task_fs *fs, const char *path)
{
	MP_AUTO(mp_freep) char *cwd = path ? mp_path_clean(path) : NULL;

	mp_freep(&fs->cwd);
	fs->cwd = MP_STEAL(cwd);
}

/* Whether a ".." in @path could lead out of a root, where the kernel stops. */
static bool climbs(const char *path)
{
	for (const char *p = strstr(path, ".."); p; p = strstr(p + 1, "..")) {
		if ((p == path || p[-1] == '/') && (!p[2] || p[2] == '/'))
			return true;
	}
	return false;
}

/* The directory that the descriptor at @index stands for; -1: the working directory. */
static char *directory(const struct call *call, int index)
{
	struct mp_task_fs *fs = call->task->fs;
	const char *dirfd = argument(call, index);
	bool deleted = false;
	MP_AUTO(mp_freep) char *path = mp_strace_fd_path(dirfd, &deleted);

	if (deleted)
		return NULL;
	if (index >= 0 && strncmp(dirfd, "AT_FDCWD", 8) != 0)
		return MP_STEAL(path);
	if (path)
		set_cwd(fs, path);
	return mp_xstrdup(fs->cwd);
}

/* @name as the call takes it, absolute; NULL where that is not known. */
static char *resolve(const struct call *call, int dirfd, const char *name)
{
	const struct mp_task_fs *fs = call->task->fs;
	bool in_root = has_word(call, call->known->how, "RESOLVE_IN_ROOT");
	MP_AUTO(mp_freep) char *dir = NULL;

	if (name[0] != '/' || in_root)
		dir = directory(call, dirfd);
	if (in_root)
		return dir && !climbs(name) ? mp_path_join(dir, name + strspn(name, "/")) : NULL;
	if (name[0] != '/')
		return dir && !(fs->root && climbs(name)) ? mp_path_join(dir, name) : NULL;
	if (fs->lost_root || (fs->root && climbs(name)))
		return NULL;
	return fs->root ? mp_path_join(fs->root, name + 1) : mp_xstrdup(name);
}

/* The name in the address of an AF_UNIX socket; @result as for mp_strace_string. */
static enum mp_strace_string socket_name(const char *address, char **bytes_out)
{
	static const char member[] = "sun_path=";
	const char *found = strstr(address, member);

	if (!found || found[sizeof(member) - 1] == '@') /* another family; no file */
		return MP_STRACE_NULL;
	return mp_strace_string(found + sizeof(member) - 1, bytes_out);
}

/*
 * The path at @path as an event has it. False without one: nothing was named, or it is not known,
 * which is counted.
 */
static bool take_path(const struct call *call, int dirfd, int path, char **path_out)
{
	MP_AUTO(mp_freep) char *name = NULL;
	enum mp_strace_string kind = call->known->kind == MP_SYSCALL_SOCKETS
					     ? socket_name(argument(call, path), &name)
					     : mp_strace_string(argument(call, path), &name);

	if (kind == MP_STRACE_NULL || call->parsed.error == EFAULT)
		return false;
	if (kind == MP_STRACE_CUT) {
		losses_of(call->strace)->truncated++;
		return false;
	}
	if (kind == MP_STRACE_STRING && !name[0]) {
		/* Of the descriptor itself, which was opened by its name before; or an error. */
		if (call->known->kind != MP_SYSCALL_EXECS || call->parsed.error)
			return false;
		*path_out = mp_strace_fd_path(argument(call, dirfd), NULL);
	} else if (kind == MP_STRACE_STRING) {
		*path_out = resolve(call, dirfd, name);
	}
	if (*path_out)
		return true;
	losses_of(call->strace)->unread++;
	return false;
}

/* Events */

static unsigned int how_flags(const struct call *call)
{
	const struct mp_traced_call *known = call->known;
	unsigned int flags = 0;

	if (known->how < 0)
		return 0;
	if (strcmp(known->name, "linkat") == 0)
		return has_word(call, known->how, "AT_SYMLINK_FOLLOW") ? 0 : MP_TRACE_NOFOLLOW;
	if (known->kind != MP_SYSCALL_OPENS)
		return has_word(call, known->how, "AT_SYMLINK_NOFOLLOW") ? MP_TRACE_NOFOLLOW : 0;
	if (has_word(call, known->how, "O_WRONLY") || has_word(call, known->how, "O_RDWR"))
		flags |= MP_TRACE_WRITE;
	if (has_word(call, known->how, "O_CREAT"))
		flags |= MP_TRACE_CREATE;
	if (has_word(call, known->how, "O_NOFOLLOW"))
		flags |= MP_TRACE_NOFOLLOW;
	if (has_word(call, known->how, "O_DIRECTORY") && !call->parsed.error)
		flags |= MP_TRACE_DIR;
	return flags;
}

static int64_t first_ns(const struct strace *strace)
{
	int64_t elapsed_ns = strace->now_ns - strace->start_ns;

	return strace->start_ns >= 0 && elapsed_ns > 0 ? elapsed_ns : 0;
}

static void add_event(const struct call *call, struct mp_trace_event *event)
{
	event->error = call->parsed.error;
	event->exe = call->task->exe;
	event->first_ns = first_ns(call->strace);
	mp_import_add(call->strace->import, event);
}

/* The call's first path; *path_out is NULL without one. */
static void take_first(const struct call *call, char **path_out)
{
	const struct mp_traced_call *known = call->known;
	struct mp_trace_event event = { .op = known->op, .flags = known->flags | how_flags(call) };

	if (!take_path(call, known->dirfd, known->path, path_out))
		return;
	event.path = *path_out;
	if (known->kind == MP_SYSCALL_OPENS && call->parsed.file) {
		event.flags |= call->parsed.file_deleted ? MP_TRACE_DELETED : 0;
		event.real = call->parsed.file_deleted ? NULL : call->parsed.file;
	}
	add_event(call, &event);
}

static void take_second(const struct call *call)
{
	const struct mp_path_argument *second = &call->known->second;
	struct mp_trace_event event = { .op = second->op, .flags = second->flags };
	MP_AUTO(mp_freep) char *path = NULL;

	if (!second->path || !take_path(call, second->dirfd, second->path, &path))
		return;
	event.path = path;
	add_event(call, &event);
}

/* Calls */

/* The kernel's answer is seen from within the root. */
static void take_getcwd(const struct call *call)
{
	struct mp_task_fs *fs = call->task->fs;
	MP_AUTO(mp_freep) char *cwd = NULL;

	if (!fs->root && !fs->lost_root &&
	    mp_strace_string(argument(call, 0), &cwd) == MP_STRACE_STRING && cwd[0] == '/')
		set_cwd(fs, cwd);
}

/* Without -y its name is not known; the directory was opened by one before. */
static void take_list(const struct call *call)
{
	bool deleted = false;
	MP_AUTO(mp_freep) char *dir = mp_strace_fd_path(argument(call, 0), &deleted);
	struct mp_trace_event event = {
		.op = MP_OP_LIST, .flags = MP_TRACE_DIR, .path = dir, .real = dir
	};

	if (dir && !deleted)
		add_event(call, &event);
}

/* What a call that names no path, or has found its own, leaves behind. @path: NULL: not known. */
static void take_effect(const struct call *call, const char *path)
{
	struct mp_task *task = call->task;
	MP_AUTO(mp_freep) char *fd_path = NULL;
	bool deleted = false;

	switch (call->known->kind) {
	case MP_SYSCALL_EXECS:
		mp_freep(&task->exe);
		task->exe = path ? mp_path_clean(path) : NULL;
		break;
	case MP_SYSCALL_CHDIRS:
		set_cwd(task->fs, path);
		break;
	case MP_SYSCALL_CHROOTS:
		mp_freep(&task->fs->root);
		task->fs->root = path ? mp_path_clean(path) : NULL;
		task->fs->lost_root = !path;
		break;
	case MP_SYSCALL_FORKS:
		if (call->parsed.result > 0)
			mp_tasks_fork(call->strace->tasks, task, call->parsed.result, call->text);
		break;
	case MP_SYSCALL_GETCWD:
		take_getcwd(call);
		break;
	case MP_SYSCALL_FCHDIR:
		fd_path = mp_strace_fd_path(argument(call, 0), &deleted);
		set_cwd(task->fs, deleted ? NULL : fd_path);
		break;
	case MP_SYSCALL_UNSHARE:
		if (has_word(call, 0, "CLONE_FS") || has_word(call, 0, "CLONE_NEWNS"))
			mp_task_unshare(task);
		break;
	case MP_SYSCALL_REROOTS:
		/* setns for another namespace than that of mounts changes nothing here. */
		if (strcmp(call->known->name, "setns") == 0 && !has_word(call, 1, "CLONE_NEWNS") &&
		    strcmp(argument(call, 1), "0") != 0)
			break;
		task->fs->lost_root = true;
		set_cwd(task->fs, NULL);
		break;
	case MP_SYSCALL_LISTS:
		take_list(call);
		break;
	default:
		break;
	}
}

static bool names_paths(enum mp_syscall_kind kind)
{
	return kind < MP_SYSCALL_FORKS;
}

/* Behind the '=' of a call's text; NULL where there is none behind a ')'. */
static const char *result_of(const char *text)
{
	for (const char *p = strchr(text, ')'); p; p = strchr(p + 1, ')')) {
		const char *sign = p + 1 + strspn(p + 1, " ");

		if (*sign == '=' && sign[1] == ' ')
			return sign + 2;
	}
	return NULL;
}

/* A call in one piece, or as much as there is of it. */
static int take_call(struct strace *strace, struct mp_task *task, const char *text, bool unfinished,
		     struct mp_error *err)
{
	size_t len = mp_strace_name_len(text);
	MP_AUTO(mp_freep) char *name = mp_xstrndup(text, len);
	MP_AUTO(mp_freep) char *path = NULL;
	MP_AUTO(call_clear)
	struct call call = {
		strace, task, mp_traced_call_by_name(name), text, { { 0 }, 0, 0, 0, NULL, false }
	};

	if (!call.known) {
		if (unfinished || result_of(text))
			return 0;
		return mp_error_set(err, MP_E_FORMAT, 0, "no result: '%s'", text);
	}
	if (!mp_strace_parse_call(text + len + 1, unfinished, &call.parsed))
		return mp_error_set(err, MP_E_FORMAT, 0, "malformed call: '%s'", text);
	if (names_paths(call.known->kind)) {
		take_first(&call, &path);
		take_second(&call);
	}
	if (call.parsed.outcome == MP_STRACE_RETURNED)
		take_effect(&call, path);
	task->has_forked = false;
	return 0;
}

/* A call whose end is not in the recording. */
static void take_unfinished(struct mp_task *task, void *context)
{
	struct strace *strace = context;
	MP_AUTO(mp_freep) char *text = MP_STEAL(task->pending);

	/* What cannot even be read so far has been cut in a path. */
	if (take_call(strace, task, text, true, NULL))
		losses_of(strace)->unread++;
}

/* Lines */

static bool strip_suffix(char *text, const char *suffix)
{
	size_t len = strlen(text), suffix_len = strlen(suffix);

	if (len < suffix_len || strcmp(text + len - suffix_len, suffix) != 0)
		return false;
	text[len - suffix_len] = '\0';
	return true;
}

/* "… strace: Process 7 attached": what strace says about a child gets into its own line where
 * both go to the terminal. */
static long strip_attached(char *text)
{
	char *remark = strstr(text, "strace: Process ");
	long pid = 0;
	int end = 0;

	if (!remark || sscanf(remark, "strace: Process %ld attached%n", &pid, &end) != 1 || !end ||
	    remark[end])
		return 0;
	*remark = '\0';
	return pid;
}

static void begin_call(struct mp_task *task, const char *text)
{
	mp_freep(&task->pending);
	task->pending = mp_xstrdup(text);
	task->has_forked = false;
}

/* "<... openat resumed>…": the other piece of a call; @unfinished: one that is not the last. */
static int resume_call(struct strace *strace, struct mp_task *task, const char *text,
		       bool unfinished, struct mp_error *err)
{
	static const char start[] = "<... ", middle[] = " resumed>";
	const char *name = text + sizeof(start) - 1;
	const char *rest = strstr(name, middle);
	MP_AUTO(mp_freep) char *begun = MP_STEAL(task->pending);
	MP_AUTO(mp_freep) char *word = NULL;
	MP_AUTO(mp_freep) char *whole = NULL;
	const struct mp_traced_call *known;

	if (!rest)
		return mp_error_set(err, MP_E_FORMAT, 0, "no name: '%s'", text);
	word = mp_xstrndup(name, (size_t)(rest - name));
	rest += sizeof(middle) - 1;
	if (begun) {
		size_t len = mp_strace_name_len(begun);

		if (len != strlen(word) || strncmp(begun, word, len) != 0)
			return mp_error_set(err, MP_E_FORMAT, 0, "%s is resumed in '%s'", word,
					    begun);
		whole = mp_xasprintf("%s%s", begun, rest);
		if (unfinished) {
			task->pending = MP_STEAL(whole);
			return 0;
		}
		return take_call(strace, task, whole, false, err);
	}
	/* It began before the recording did. */
	known = mp_traced_call_by_name(word);
	losses_of(strace)->unread += known && names_paths(known->kind);
	return 0;
}

/* "+++ exited with 0 +++" and its like. */
static void take_end(struct strace *strace, struct mp_task *task, const char *text)
{
	long heir;

	if (sscanf(text, "+++ superseded by execve in pid %ld", &heir) == 1) {
		mp_tasks_supersede(strace->tasks, heir, task);
	} else if (strncmp(text, "+++ exited", 10) == 0 || strncmp(text, "+++ killed", 10) == 0) {
		if (task->pending)
			take_unfinished(task, strace);
		mp_task_end(task);
	}
}

/* What strace says that is no call. */
static bool is_remark(const char *text)
{
	static const char *const starts[] = { "--- ",       "strace: ", "Process ",
					      "[ Process ", "> ",       "<unfinished " };

	for (size_t i = 0; i < MP_ARRAY_LEN(starts); i++) {
		if (strncmp(text, starts[i], strlen(starts[i])) == 0)
			return true;
	}
	return !*text;
}

static void set_time(struct strace *strace, int64_t time_ns)
{
	strace->now_ns = time_ns;
	if (strace->start_ns < 0)
		strace->start_ns = time_ns;
}

/* A line that begins a call, or is one. @attached: the child that strace broke into it for. */
static int begin_or_take(struct strace *strace, struct mp_task *task, char *text, long attached,
			 bool unfinished, struct mp_error *err)
{
	if (task->pending)
		take_unfinished(task, strace);
	if (!unfinished)
		return take_call(strace, task, text, false, err);
	begin_call(task, text);
	if (attached && mp_strace_is_fork(text)) {
		mp_tasks_fork(strace->tasks, task, attached, text);
		task->has_forked = true;
	}
	return 0;
}

static bool strip_unfinished(char *text)
{
	return strip_suffix(text, " <unfinished ...>") || strip_suffix(text, " <detached ...>");
}

static int task_line(struct strace *strace, struct mp_task *task, char *text, long attached,
		     struct mp_error *err)
{
	bool unfinished;

	if (text[0] == '+') {
		take_end(strace, task, text);
		return 0;
	}
	unfinished = strip_unfinished(text) || attached;
	if (text[0] == '<')
		return resume_call(strace, task, text, unfinished, err);
	return begin_or_take(strace, task, text, attached, unfinished, err);
}

/* The rest of a call that strace broke into, where no line of another task came between. */
static int take_rest(struct strace *strace, char *text, long attached, struct mp_error *err)
{
	bool unfinished = strip_unfinished(text) || attached;
	struct mp_task *task = mp_tasks_at(strace->tasks, strace->import->line, strace->broken_pid);
	MP_AUTO(mp_freep) char *begun = MP_STEAL(task->pending);
	MP_AUTO(mp_freep) char *whole = mp_xasprintf("%s%s", begun ? begun : "", text);

	strace->broken = attached != 0;
	if (!begun)
		return mp_error_set(err, MP_E_FORMAT, 0, "no line of strace's: '%s'", text);
	if (!unfinished)
		return take_call(strace, task, whole, false, err);
	task->pending = MP_STEAL(whole);
	return 0;
}

/* A call, a piece of one, or the end of a process. */
static bool is_of_task(const char *text)
{
	return strncmp(text, "+++ ", 4) == 0 || strncmp(text, "<... ", 5) == 0 ||
	       mp_strace_name_len(text) > 0;
}

static int strace_line(struct mp_import *import, void *state, char *line, struct mp_error *err)
{
	struct strace *strace = state;
	long attached = strip_attached(line);
	char *text = line;
	int64_t time_ns;
	long pid;

	if (line[0] && line[strlen(line) - 1] == '\r')
		line[strlen(line) - 1] = '\0';
	mp_strace_prefix(&text, &pid, &time_ns);
	if (is_remark(text))
		return 0;
	if (!is_of_task(text)) {
		if (strace->broken)
			return take_rest(strace, line, attached, err);
		return mp_error_set(err, MP_E_FORMAT, 0, "no line of strace's: '%s'", text);
	}
	set_time(strace, time_ns);
	strace->broken = attached || (strace->broken && pid != strace->broken_pid);
	if (attached)
		strace->broken_pid = pid;
	return task_line(strace, mp_tasks_at(strace->tasks, import->line, pid), text, attached,
			 err);
}

/* The whole recording */

/* The call that a line ends, if that gives a child: the number that it returns, else 0. */
static long child_of_line(const char *text)
{
	const char *result = result_of(text);
	char *end;
	long child;

	if (!result || !mp_strace_is_fork(strncmp(text, "<... ", 5) == 0 ? text + 5 : text))
		return 0;
	child = strtol(result, &end, 10);
	if (child > 0 && strncmp(end, " /* ", 4) == 0)
		child = strtol(end + 4, NULL, 10);
	return child > 0 ? child : 0;
}

/* A child's lines may come before the one that tells whose child it is. */
static void foresee_children(struct mp_import *import, struct mp_tasks *tasks)
{
	size_t at = 0, len;

	for (size_t number = 1;; number++) {
		MP_AUTO(mp_freep) char *line = mp_import_next_line(import, &at, &len);
		char *text = line;
		int64_t time_ns;
		long pid, child;

		if (!line)
			return;
		mp_strace_prefix(&text, &pid, &time_ns);
		child = child_of_line(text);
		if (child)
			mp_tasks_foresee(tasks, number, pid, child);
	}
}

static void *strace_begin(struct mp_import *import)
{
	struct strace *strace = mp_xcalloc(1, sizeof(*strace));

	strace->import = import;
	strace->tasks = mp_tasks_new(import->options->workdir);
	strace->start_ns = strace->now_ns = -1;
	foresee_children(import, strace->tasks);
	return strace;
}

/* A process whose end is not there was not followed to it. */
static void strace_finish(struct mp_import *import, void *state)
{
	struct strace *strace = state;

	mp_tasks_each_pending(strace->tasks, take_unfinished, strace);
	import->trace->losses.untracked += mp_tasks_alive(strace->tasks);
}

static void strace_free(void *state)
{
	struct strace *strace = state;

	mp_tasks_freep(&strace->tasks);
	mp_freep(&strace);
}

const struct mp_import_format mp_import_strace = {
	.name = "strace",
	.begin = strace_begin,
	.line = strace_line,
	.finish = strace_finish,
	.free = strace_free,
};
