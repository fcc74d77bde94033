/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/index.h"
#include "packer/name_table.h"
#include "tests/packer/specimen.h"

#include <sched.h>
#include <sys/mount.h>

TestSuite(index, .timeout = 120);

static struct mp_index *index_make(void)
{
	struct mp_index *index = NULL;
	struct mp_error err = { 0 };

	cr_assert_eq(mp_index_new(&index, &err), 0, "%s", err.msg);
	return index;
}

static int put_file(struct mp_index *index, const char *path, uint64_t offset, struct mp_error *err)
{
	const struct mp_node node = { .mode = S_IFREG | 0644, .size_bytes = 1 };
	const struct mp_index_place place = { 7, offset };

	return mp_index_put(index, path, &node, &place, err);
}

/* Everything that a node has comes back, whatever is stored beside it. */
Test(index, keeps_nodes)
{
	MP_AUTO(mp_index_freep) struct mp_index *index = index_make();
	MP_AUTO(mp_node_clear) struct mp_node got = { 0 }, device = { 0 };
	struct mp_xattr xattrs[] = { { "security.capability", "\1\0\2", 3 },
				     { "user.empty", "", 0 },
				     { "user.long", "0123456789", 10 } };
	struct mp_node node = { .mode = S_IFDIR | 07755,
				.uid = UINT32_MAX - 1,
				.gid = 5,
				.mtime_s = -5,
				.mtime_ns = 999999999,
				.xattrs = xattrs,
				.n_xattrs = 3 };
	struct mp_node null = { .mode = S_IFCHR | 0666,
				.rdev_major = UINT32_MAX,
				.rdev_minor = 70000 };
	struct mp_error err = { 0 };

	cr_assert_eq(mp_index_put(index, "/d", &node, NULL, &err), 0);
	cr_assert_eq(mp_index_put(index, "/d/null", &null, NULL, &err), 0);
	cr_assert(mp_index_get(index, "/d", &got, NULL));
	cr_expect_eq(got.mode, node.mode);
	cr_expect_eq(got.uid, node.uid);
	cr_expect_eq(got.gid, 5);
	cr_expect_eq(got.mtime_s, -5);
	cr_expect_eq(got.mtime_ns, 999999999);
	cr_expect_eq(got.nlink, 1);
	cr_assert_eq(got.n_xattrs, 3);
	for (size_t i = 0; i < 3; i++) {
		cr_expect_str_eq(got.xattrs[i].name, xattrs[i].name);
		cr_expect_eq(got.xattrs[i].size, xattrs[i].size);
		cr_expect_eq(memcmp(got.xattrs[i].value, xattrs[i].value, xattrs[i].size), 0);
	}
	cr_assert(mp_index_get(index, "/d/null", &device, NULL));
	cr_expect_eq(device.rdev_major, UINT32_MAX);
	cr_expect_eq(device.rdev_minor, 70000);
	cr_expect_eq(device.size_bytes, 0);
}

/* Directories small and large, in which names come and go: each is found, and no other. */
Test(index, finds_what_is_there)
{
	enum { DIRS = 7, NAMES = 300, ROUNDS = 60000 };
	static uint64_t model[DIRS][NAMES]; /* its offset; 0: absent */
	MP_AUTO(mp_index_freep) struct mp_index *index = index_make();
	struct mp_rootfs_totals totals;
	struct mp_error err = { 0 };
	uint32_t state = 1;
	uint64_t files = 0;

	for (uint64_t round = 1; round <= ROUNDS; round++) {
		uint32_t dir = (state = state * 1664525 + 1013904223) >> 8;
		uint32_t name = (state = state * 1664525 + 1013904223) >> 8;
		char path[32];

		dir %= DIRS;
		name %= dir < 3 ? 33 : NAMES; /* about as many as are searched one by one */
		snprintf(path, sizeof(path), "/d%u/%u", dir, name);
		if (state >> 31) {
			cr_assert_eq(put_file(index, path, round, &err), 0, "%s", err.msg);
			files += !model[dir][name];
			model[dir][name] = round;
		} else {
			mp_index_remove(index, path);
			files -= model[dir][name] != 0;
			model[dir][name] = 0;
		}
	}
	for (uint32_t i = 0; i < DIRS * NAMES; i++) {
		struct mp_index_place place = { 0, 0 };
		char path[32];

		snprintf(path, sizeof(path), "/d%u/%u", i / NAMES, i % NAMES);
		cr_expect_eq(mp_index_get(index, path, NULL, &place),
			     model[i / NAMES][i % NAMES] != 0, "%s", path);
		cr_expect_eq(place.offset, model[i / NAMES][i % NAMES], "%s", path);
	}
	mp_index_totals(index, &totals);
	cr_expect_eq(totals.files, files);
	cr_expect_eq(totals.size_bytes, files);
}

/* What was taken out makes room: a name that is replaced for ever takes no more than one. */
Test(index, room_is_used_again)
{
	MP_AUTO(mp_index_freep) struct mp_index *index = index_make();
	struct mp_error err = { 0 };

	mp_index_bound(index, 32 << 10);
	for (int i = 0; i < 20000; i++) {
		cr_assert_eq(put_file(index, "/a/b/c", 1, &err), 0, "%d: %s", i, err.msg);
		cr_assert_eq(mp_index_link(index, "/a/d", "/a/b/c", &err), 0, "%d: %s", i, err.msg);
		cr_assert_eq(mp_index_begin_layer(index, &err), 0);
		cr_assert_eq(mp_index_hide(index, "/a", &err), 0);
		cr_assert_not(mp_index_get(index, "/a", NULL, NULL));
	}
}

/* "shared" of /proc/self/statm: pages of files that are in memory. */
static uint64_t mapped_bytes(void)
{
	unsigned long size, resident, shared;
	FILE *file = fopen("/proc/self/statm", "r");

	cr_assert_eq(fscanf(file, "%lu %lu %lu", &size, &resident, &shared), 3);
	fclose(file);
	return (uint64_t)shared * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* An index of some 100 MiB, in the worst order that there is: memory is a part of it, at all times.
 */
Test(index, memory_does_not_grow_with_it)
{
	enum { FILES = 600000, LARGE = 100 };
	MP_AUTO(mp_index_freep) struct mp_index *index = index_make();
	struct mp_error err = { 0 };
	uint64_t most = 0, before = mapped_bytes();
	char path[64];

	for (uint32_t i = 0; i < FILES; i++) {
		uint32_t mixed = i * 2654435761u;

		snprintf(path, sizeof(path), "/large-%u/some-longer-name-%08x", mixed % LARGE,
			 mixed);
		cr_assert_eq(put_file(index, path, mixed, &err), 0, "%s", err.msg);
		if (i % 5000 == 0 && mapped_bytes() > most)
			most = mapped_bytes();
	}
	for (uint32_t i = 0; i < FILES; i += 1000) {
		uint32_t mixed = i * 2654435761u;
		struct mp_index_place place;

		snprintf(path, sizeof(path), "/large-%u/some-longer-name-%08x", mixed % LARGE,
			 mixed);
		cr_assert(mp_index_get(index, path, NULL, &place), "%s", path);
		cr_expect_eq(place.offset, mixed);
	}
	cr_expect_lt(most, before + ((uint64_t)40 << 20), "%" PRIu64, most >> 20);
}

/* A full disk is an error with a way out, and no signal. In the test's own mount namespace. */
Test(index, a_full_disk)
{
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_index_freep) struct mp_index *index = NULL;
	struct mp_error err = { 0 };
	char path[32];
	int i = 0;

	scratch_make(&scratch);
	cr_assert_eq(unshare(CLONE_NEWNS), 0, "%m");
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0, "%m");
	cr_assert_eq(mount("none", scratch.dir, "tmpfs", 0, "size=1m"), 0, "%m");
	setenv("TMPDIR", scratch.dir, 1);
	index = index_make();
	do
		snprintf(path, sizeof(path), "/d/%d", i++);
	while (put_file(index, path, 1, &err) == 0);
	cr_expect_eq(err.code, MP_E_SYS);
	cr_expect_eq(err.sys_errno, ENOSPC);
	cr_expect(strstr(err.msg, "write to a temporary file in '/tmp/mp-specimen-"), "%s",
		  err.msg);
	cr_expect(strstr(err.msg, "; set TMPDIR to a directory with more room"), "%s", err.msg);
	cr_expect(i > 1000, "%d", i);
	mp_index_freep(&index);
	umount(scratch.dir);
}

Test(index, many_references_under_one_hash)
{
	MP_AUTO(mp_name_table_close) struct mp_name_table table = { 0 };
	struct mp_error err = { 0 };
	uint64_t probe = 0;
	uint32_t ref, found = 0;

	cr_assert_eq(mp_name_table_open(&table, &err), 0, "%s", err.msg);
	/* At the end of the table, so that it goes on at its begin. */
	for (uint32_t i = 1; i <= 100; i++)
		cr_assert_eq(mp_name_table_put(&table, UINT32_MAX - i % 3, i, &err), 0);
	for (uint32_t i = 1; i <= 100; i += 2)
		mp_name_table_remove(&table, UINT32_MAX - i % 3, i);
	for (uint32_t i = 2; i <= 100; i += 2) {
		probe = 0;
		while ((ref = mp_name_table_next(&table, UINT32_MAX - i % 3, &probe)) && ref != i)
			;
		found += ref == i;
	}
	cr_expect_eq(found, 50);
	cr_expect_eq(table.n, 50);
}
