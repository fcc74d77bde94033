/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/elf.h"
#include "tests/fuzz/fuzz.h"

#include <limits.h>

/*
 * An ELF file, with its notes and symbols: whatever it holds, what is read of it is bounded, or the
 * error is the file's.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	MP_AUTO(mp_elf_clear) struct mp_elf elf = { 0 };
	struct mp_error err = { 0 };
	struct mp_contents contents;
	int rc;

	if (fd < 0)
		fd = memfd_create("elf", MFD_CLOEXEC);
	REQUIRE(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	contents = (struct mp_contents){ .fd = fd, .size_bytes = size };
	rc = mp_elf_read(&contents, "input", &elf, &err);
	REQUIRE(rc == 1 || rc == 0 || rc == -1);
	REQUIRE((rc >= 0) == (err.code == MP_E_NONE));
	REQUIRE(rc >= 0 || (err.code == MP_E_FORMAT && err.msg[0]));
	REQUIRE(rc == 0 || rc < 0 || memcmp(data, "\177ELF", 4) == 0);
	REQUIRE(!elf.interpreter || (elf.interpreter[0] && strlen(elf.interpreter) < PATH_MAX));
	for (size_t i = 0; i < elf.needed.n; i++)
		REQUIRE(elf.needed.v[i][0]);
	for (size_t i = 0; i < elf.dlopens.n; i++)
		REQUIRE(elf.dlopens.v[i].sonames.n > 0);
	return 0;
}
