/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/tasks.h"

#include "import/strace_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line that tells of a child. */
struct birth {
	size_t line;
	long parent, child;
};

struct mp_tasks {
	struct mp_strmap *by_pid;
	struct mp_task *first; /* of the recording; by number 0 until a number is known */
	struct birth *births;  /* by child, then by line */
	size_t n_births, cap_births;
	bool births_sorted, first_is_named;
	char *workdir;
};

#define PID_TEXT_SIZE 24

static const char *pid_text(long pid, char text[PID_TEXT_SIZE])
{
	snprintf(text, PID_TEXT_SIZE, "%ld", pid);
	return text;
}

/* Where a task is */

static void fs_unref(struct mp_task_fs **fs)
{
	if (*fs && --(*fs)->refs == 0) {
		mp_freep(&(*fs)->cwd);
		mp_freep(&(*fs)->root);
		mp_freep(fs);
	}
	*fs = NULL;
}

static struct mp_task_fs *fs_new(const char *cwd)
{
	struct mp_task_fs *fs = mp_xcalloc(1, sizeof(*fs));

	fs->refs = 1;
	fs->cwd = mp_xstrdup(cwd);
	return fs;
}

static struct mp_task_fs *fs_copy(const struct mp_task_fs *fs)
{
	struct mp_task_fs *copy = fs_new(fs->cwd);

	copy->root = mp_xstrdup(fs->root);
	copy->lost_root = fs->lost_root;
	return copy;
}

void mp_task_unshare(struct mp_task *task)
{
	struct mp_task_fs *own = fs_copy(task->fs);

	fs_unref(&task->fs);
	task->fs = own;
}

static void task_free(void *value)
{
	struct mp_task *task = value;

	fs_unref(&task->fs);
	mp_freep(&task->exe);
	mp_freep(&task->pending);
	mp_freep(&task);
}

/* Tasks */

struct mp_tasks *mp_tasks_new(const char *workdir)
{
	struct mp_tasks *tasks = mp_xcalloc(1, sizeof(*tasks));

	tasks->by_pid = mp_strmap_new(task_free);
	tasks->workdir = mp_xstrdup(workdir);
	return tasks;
}

void mp_tasks_freep(struct mp_tasks **tasks)
{
	if (!*tasks)
		return;
	mp_strmap_freep(&(*tasks)->by_pid);
	mp_freep(&(*tasks)->births);
	mp_freep(&(*tasks)->workdir);
	mp_freep(tasks);
}

void mp_tasks_foresee(struct mp_tasks *tasks, size_t line, long parent, long child)
{
	tasks->births = mp_array_grow(tasks->births, tasks->n_births, &tasks->cap_births,
				      sizeof(*tasks->births));
	tasks->births[tasks->n_births++] = (struct birth){ line, parent, child };
}

static int compare_births(const void *a, const void *b)
{
	const struct birth *one = a, *other = b;

	if (one->child != other->child)
		return one->child < other->child ? -1 : 1;
	return (one->line > other->line) - (one->line < other->line);
}

/* The first line behind @line that tells of @child; NULL without one. */
static const struct birth *next_birth(struct mp_tasks *tasks, size_t line, long child)
{
	const struct birth wanted = { line, 0, child };
	size_t low = 0, high = tasks->n_births;

	if (!tasks->births_sorted && tasks->n_births > 0)
		qsort(tasks->births, tasks->n_births, sizeof(*tasks->births), compare_births);
	tasks->births_sorted = true;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_births(&tasks->births[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < tasks->n_births && tasks->births[low].child == child ? &tasks->births[low]
									  : NULL;
}

static struct mp_task *get(const struct mp_tasks *tasks, long pid)
{
	char text[PID_TEXT_SIZE];

	return pid ? mp_strmap_get(tasks->by_pid, pid_text(pid, text)) : tasks->first;
}

static void put(struct mp_tasks *tasks, long pid, struct mp_task *task)
{
	char text[PID_TEXT_SIZE];
	struct mp_task *replaced = mp_strmap_put(tasks->by_pid, pid_text(pid, text), task);

	if (!tasks->first || tasks->first == replaced)
		tasks->first = task;
	if (replaced)
		task_free(replaced);
	task->is_prefixed = pid != 0;
}

static struct mp_task *task_new(struct mp_task_fs *fs_take)
{
	struct mp_task *task = mp_xcalloc(1, sizeof(*task));

	task->fs = fs_take;
	task->alive = true;
	return task;
}

static struct mp_task *child_new(const struct mp_task *parent, const char *call)
{
	bool shared = mp_strace_has_word(call, "CLONE_FS");
	struct mp_task *child = task_new(shared ? parent->fs : fs_copy(parent->fs));

	child->fs->refs += shared;
	child->exe = mp_xstrdup(parent->exe);
	return child;
}

/* The task that alone may have a child that nobody knows of. */
struct search {
	struct mp_task *found;
	size_t n;
};

static void look_for_parent(const char *key, void *value, void *context)
{
	struct mp_task *task = value;
	struct search *search = context;

	(void)key;
	if (!task->alive || !task->pending || task->has_forked || !mp_strace_is_fork(task->pending))
		return;
	search->found = task;
	search->n++;
}

static void look_for_living(const char *key, void *value, void *context)
{
	struct mp_task *task = value;
	struct search *search = context;

	(void)key;
	if (!task->alive)
		return;
	search->found = task;
	search->n++;
}

/* A line without a number: of the first task, or where others had numbers, of the only one left. */
static struct mp_task *unnumbered(struct mp_tasks *tasks)
{
	struct search living = { 0 };
	struct mp_task *task;

	if (tasks->first && tasks->first->alive)
		return tasks->first;
	mp_strmap_each(tasks->by_pid, look_for_living, &living);
	if (living.n == 1)
		return living.found;
	task = task_new(fs_new(tasks->first ? NULL : tasks->workdir));
	put(tasks, 0, task);
	tasks->first = task;
	return task;
}

/* The first task had no number while it was alone; now it has one. */
static struct mp_task *name_first(struct mp_tasks *tasks, long pid)
{
	struct mp_task *named = task_new(tasks->first->fs);

	named->exe = MP_STEAL(tasks->first->exe);
	named->pending = MP_STEAL(tasks->first->pending);
	named->has_forked = tasks->first->has_forked;
	tasks->first->fs = fs_new(NULL);
	tasks->first->alive = false;
	put(tasks, pid, named);
	tasks->first = named;
	return named;
}

/* A number that was not seen before, or whose task has ended. */
static struct mp_task *numbered(struct mp_tasks *tasks, size_t line, long pid)
{
	const struct birth *birth = next_birth(tasks, line, pid);
	struct mp_task *parent = birth ? get(tasks, birth->parent) : NULL;
	struct mp_task *task;
	struct search search = { 0 };

	if (!parent && tasks->first && !tasks->first->is_prefixed && tasks->first->alive &&
	    (!tasks->first->pending || tasks->first->has_forked ||
	     !mp_strace_is_fork(tasks->first->pending)))
		return name_first(tasks, pid);
	if (!parent) {
		mp_strmap_each(tasks->by_pid, look_for_parent, &search);
		parent = search.n == 1 ? search.found : NULL;
	}
	if (parent && parent->pending) {
		task = child_new(parent, parent->pending);
		parent->has_forked = true;
	} else if (parent) {
		task = child_new(parent, "");
	} else {
		task = task_new(fs_new(tasks->first ? NULL : tasks->workdir));
	}
	put(tasks, pid, task);
	return task;
}

struct mp_task *mp_tasks_at(struct mp_tasks *tasks, size_t line, long pid)
{
	struct mp_task *task = pid ? get(tasks, pid) : unnumbered(tasks);

	return task && task->alive ? task : numbered(tasks, line, pid);
}

void mp_tasks_fork(struct mp_tasks *tasks, struct mp_task *parent, long pid, const char *call)
{
	struct mp_task *known = get(tasks, pid);

	/* Its child has been heard of; @pid is that, or what a PID namespace makes of it. */
	if (parent->has_forked || (known && known->alive))
		return;
	put(tasks, pid, child_new(parent, call));
}

void mp_task_end(struct mp_task *task)
{
	task->alive = false;
	mp_freep(&task->pending);
}

void mp_tasks_supersede(struct mp_tasks *tasks, long pid, struct mp_task *heir)
{
	struct mp_task *task = get(tasks, pid);

	if (!task || task == heir)
		return;
	mp_freep(&heir->pending);
	mp_freep(&heir->exe);
	heir->pending = MP_STEAL(task->pending);
	heir->exe = mp_xstrdup(task->exe);
	fs_unref(&heir->fs);
	heir->fs = task->fs;
	heir->fs->refs++;
	mp_task_end(task);
}

static void count_alive(const char *key, void *value, void *context)
{
	const struct mp_task *task = value;
	size_t *n = context;

	(void)key;
	*n += task->alive;
}

size_t mp_tasks_alive(const struct mp_tasks *tasks)
{
	size_t n = 0;

	mp_strmap_each(tasks->by_pid, count_alive, &n);
	return n;
}

struct visit {
	void (*visit)(struct mp_task *task, void *context);
	void *context;
};

static void visit_pending(const char *key, void *value, void *context)
{
	const struct visit *visit = context;
	struct mp_task *task = value;

	(void)key;
	if (task->alive && task->pending)
		visit->visit(task, visit->context);
}

void mp_tasks_each_pending(struct mp_tasks *tasks,
			   void (*visit)(struct mp_task *task, void *context), void *context)
{
	struct visit closure = { visit, context };

	mp_strmap_each(tasks->by_pid, visit_pending, &closure);
}
