/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe.h"

#include <sys/mman.h>

/* What is there before; in the work folder, which is the working folder. */

static void make_file(int dir, const char *name, const void *data, size_t size, mode_t mode)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, mode);

	REQUIRE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

/* A copy of this program. */
static void make_program(const char *name)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	struct stat st;
	void *data;

	REQUIRE(fd >= 0 && fstat(fd, &st) == 0);
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	REQUIRE(data != MAP_FAILED);
	make_file(AT_FDCWD, name, data, (size_t)st.st_size, 0755);
	munmap(data, (size_t)st.st_size);
	close(fd);
}

static void make_tree(const char *name)
{
	int dir;

	REQUIRE(mkdir(name, 0755) == 0);
	dir = open(name, O_RDONLY | O_DIRECTORY);
	REQUIRE(dir >= 0 && mkdirat(dir, "dir", 0755) == 0);
	make_file(dir, "file", "", 0, 0644);
	close(dir);
}

/* A file, and the folders above it where they are missing. A folder at a time: it may be deep. */
static void make_path(char *path)
{
	int dir = open(".", O_RDONLY | O_DIRECTORY);
	char *name = path, *end;

	REQUIRE(dir >= 0);
	while ((end = strchr(name, '/'))) {
		int below;

		*end = '\0';
		REQUIRE(mkdirat(dir, name, 0755) == 0 || errno == EEXIST);
		below = openat(dir, name, O_RDONLY | O_DIRECTORY);
		REQUIRE(below >= 0);
		close(dir);
		dir = below;
		name = end + 1;
	}
	if (faccessat(dir, name, F_OK, 0) < 0)
		make_file(dir, name, "", 0, 0644);
	close(dir);
}

static void make_requested_path(const struct row *row, bool short_paths)
{
	char *path = expand(row, row->path);
	size_t above = path[0] == '/' ? strlen(work_path) + 1 : 0;

	if (!short_paths || strlen(path) < 3000)
		make_path(path + above);
	free(path);
}

static void make_script(const char *name, const char *interpreter)
{
	char line[256];
	int len = snprintf(line, sizeof(line), "#!%s leaf\n", interpreter);

	REQUIRE(len > 0 && (size_t)len < sizeof(line));
	make_file(AT_FDCWD, name, line, (size_t)len, 0755);
	make_program(interpreter);
}

static void prepare_row(const struct row *row, bool short_paths)
{
	const char *to = beside(row->name, ".to");
	const char *name = row->made & LINKED ? to : row->name;

	if (row->made & LINKED)
		REQUIRE(symlink(to, row->name) == 0);
	if (row->made & (A_FILE | A_PAIR))
		make_file(AT_FDCWD, name, "", 0, 0644);
	if (row->made & A_PAIR)
		make_file(AT_FDCWD, to, "", 0, 0644);
	if (row->made & A_DIR)
		REQUIRE(mkdir(name, 0755) == 0);
	if (row->made & A_TREE)
		make_tree(name);
	if (row->made & A_PROGRAM)
		make_program(name);
	if (row->made & A_SCRIPT)
		make_script(name, to);
	if (row->made & A_PATH)
		make_requested_path(row, short_paths);
}

void prepare(bool short_paths)
{
	for (size_t i = 0; i < n_rows; i++) {
		if (rows[i].name)
			prepare_row(&rows[i], short_paths);
	}
}
