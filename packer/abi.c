/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/abi.h"

#include <elf.h>

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif

struct abi {
	uint16_t machine;
	uint8_t elf_class;
	uint8_t byte_order;
	const char *triplets;  /* Debian's, separated by blanks, as the rest */
	const char *libs;      /* below / and /usr, besides "lib" */
	const char *platforms; /* the kernel's ELF_PLATFORM, and what glibc makes of it */
	const char *musl;      /* LDSO_ARCH of musl's configure; NULL: none */
};

static const struct abi abis[] = {
	{ EM_X86_64, ELFCLASS64, ELFDATA2LSB, "x86_64-linux-gnu", "lib64",
	  "x86_64 haswell xeon_phi", "x86_64" },
	{ EM_X86_64, ELFCLASS32, ELFDATA2LSB, "x86_64-linux-gnux32", "libx32", "x86_64", "x32" },
	{ EM_386, ELFCLASS32, ELFDATA2LSB, "i386-linux-gnu i486-linux-gnu i686-linux-gnu", "lib32",
	  "i686 i586 i486 i386", "i386" },
	{ EM_AARCH64, ELFCLASS64, ELFDATA2LSB, "aarch64-linux-gnu", "lib64", "aarch64", "aarch64" },
	{ EM_AARCH64, ELFCLASS64, ELFDATA2MSB, "aarch64_be-linux-gnu", "lib64", "aarch64_be",
	  "aarch64_be" },
	{ EM_ARM, ELFCLASS32, ELFDATA2LSB, "arm-linux-gnueabihf arm-linux-gnueabi", "",
	  "v8l v7l v6l v5l", "armhf" },
	{ EM_PPC64, ELFCLASS64, ELFDATA2LSB, "powerpc64le-linux-gnu", "lib64",
	  "power8 power9 power10", "powerpc64le" },
	{ EM_PPC64, ELFCLASS64, ELFDATA2MSB, "powerpc64-linux-gnu", "lib64",
	  "power5 power6 power7 power8", "powerpc64" },
	{ EM_PPC, ELFCLASS32, ELFDATA2MSB, "powerpc-linux-gnu", "lib32", "", "powerpc" },
	{ EM_S390, ELFCLASS64, ELFDATA2MSB, "s390x-linux-gnu", "lib64",
	  "z900 z990 z9-109 z10 z196 zEC12 z13 z14 z15 z16", "s390x" },
	{ EM_S390, ELFCLASS32, ELFDATA2MSB, "s390-linux-gnu", "", "", NULL },
	{ EM_RISCV, ELFCLASS64, ELFDATA2LSB, "riscv64-linux-gnu", "lib64/lp64d lib64", "",
	  "riscv64" },
	{ EM_RISCV, ELFCLASS32, ELFDATA2LSB, "riscv32-linux-gnu", "lib32/ilp32d lib32", "",
	  "riscv32" },
	{ EM_LOONGARCH, ELFCLASS64, ELFDATA2LSB, "loongarch64-linux-gnu", "lib64", "",
	  "loongarch64" },
	{ EM_MIPS, ELFCLASS64, ELFDATA2LSB, "mips64el-linux-gnuabi64", "lib64", "", "mips64el" },
	{ EM_MIPS, ELFCLASS64, ELFDATA2MSB, "mips64-linux-gnuabi64", "lib64", "", "mips64" },
	{ EM_MIPS, ELFCLASS32, ELFDATA2LSB, "mipsel-linux-gnu", "lib32", "", "mipsel" },
	{ EM_MIPS, ELFCLASS32, ELFDATA2MSB, "mips-linux-gnu", "lib32", "", "mips" },
	{ EM_SPARCV9, ELFCLASS64, ELFDATA2MSB, "sparc64-linux-gnu", "lib64", "", NULL },
	{ EM_68K, ELFCLASS32, ELFDATA2MSB, "m68k-linux-gnu", "", "", "m68k" },
};

static const struct abi *find(const struct mp_elf *elf)
{
	static const struct abi unknown64 = { .triplets = "", .libs = "lib64", .platforms = "" };
	static const struct abi unknown32 = { .triplets = "", .libs = "", .platforms = "" };

	for (size_t i = 0; i < MP_ARRAY_LEN(abis); i++) {
		if (abis[i].machine == elf->machine && abis[i].elf_class == elf->elf_class &&
		    abis[i].byte_order == elf->byte_order)
			return &abis[i];
	}
	return elf->elf_class == ELFCLASS64 ? &unknown64 : &unknown32;
}

/*
 * The bits of e_flags in which two objects of one process have to agree (glibc,
 * elf_machine_reject_phdr_p, elf_machine_matches_host; the machines' psABIs). Of Arm's two bits an
 * object that says nothing has none.
 */
static bool flags_agree(const struct mp_elf *a, const struct mp_elf *b)
{
	uint32_t differing = a->flags ^ b->flags;

	switch (a->machine) {
	case EM_ARM: /* EF_ARM_ABI_FLOAT_SOFT, _HARD */
		return !(differing & 0x600) || !(a->flags & 0x600) || !(b->flags & 0x600);
	case EM_MIPS: /* EF_MIPS_ABI2 (n32), EF_MIPS_NAN2008 */
		return !(differing & 0x420);
	case EM_RISCV: /* the ABI of floating point, RVE */
		return !(differing & 0xe);
	case EM_PPC64: /* ELFv1 or ELFv2 */
		return !(differing & 3) || !(a->flags & 3) || !(b->flags & 3);
	default:
		return true;
	}
}

bool mp_abi_equal(const struct mp_elf *a, const struct mp_elf *b)
{
	return a->elf_class == b->elf_class && a->byte_order == b->byte_order &&
	       a->machine == b->machine && flags_agree(a, b);
}

static void push_words(struct mp_strv *list, const char *words)
{
	if (words[0])
		mp_strv_split(list, words, " ");
}

void mp_abi_default_dirs(const struct mp_elf *elf, struct mp_strv *dirs)
{
	MP_AUTO(mp_strv_free) struct mp_strv libs = { 0 };

	mp_abi_lib_values(elf, &libs);
	for (size_t i = 0; i < libs.n; i++) {
		mp_strv_push_take(dirs, mp_xasprintf("/%s", libs.v[i]));
		mp_strv_push_take(dirs, mp_xasprintf("/usr/%s", libs.v[i]));
	}
}

void mp_abi_lib_values(const struct mp_elf *elf, struct mp_strv *values)
{
	MP_AUTO(mp_strv_free) struct mp_strv triplets = { 0 };
	const struct abi *abi = find(elf);

	push_words(&triplets, abi->triplets);
	for (size_t i = 0; i < triplets.n; i++)
		mp_strv_push_take(values, mp_xasprintf("lib/%s", triplets.v[i]));
	push_words(values, abi->libs);
	mp_strv_push(values, "lib");
}

void mp_abi_platform_values(const struct mp_elf *elf, struct mp_strv *values)
{
	push_words(values, find(elf)->platforms);
}

const char *mp_abi_musl_arch(const struct mp_elf *elf)
{
	return find(elf)->musl;
}
