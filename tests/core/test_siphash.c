/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/siphash.h"

#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

Test(siphash, depends_on_all_of_it)
{
	uint64_t hash = mp_siphash(1, "a longer name", 13);

	cr_expect_eq(mp_siphash(1, "a longer name", 13), hash);
	cr_expect_neq(mp_siphash(2, "a longer name", 13), hash);
	cr_expect_neq(mp_siphash(1, "a longer name", 12), hash);
	cr_expect_neq(mp_siphash(1, "A longer name", 13), hash);
	cr_expect_neq(mp_siphash(1, "a longer namE", 13), hash);
	cr_expect_neq(mp_siphash(0, "", 0), mp_siphash(0, "\0", 1));
}

static uint64_t hash_in_another_process(void)
{
	uint64_t hash = 0;
	int ends[2];
	pid_t pid;

	cr_assert_eq(pipe(ends), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		hash = mp_siphash(1, "name", 4);
		_exit(write(ends[1], &hash, sizeof(hash)) != (ssize_t)sizeof(hash));
	}
	cr_assert_eq(read(ends[0], &hash, sizeof(hash)), (ssize_t)sizeof(hash));
	close(ends[0]);
	close(ends[1]);
	waitpid(pid, NULL, 0);
	return hash;
}

/* What collides in one process does not in another. */
Test(siphash, each_process_has_a_key)
{
	cr_expect_neq(hash_in_another_process(), hash_in_another_process());
}
