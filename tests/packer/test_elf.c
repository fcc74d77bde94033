/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/elf.h"
#include "tests/packer/tree.h"

#include <elf.h>
#include <errno.h>
#include <sys/mman.h>

/*
 * An ELF file built by hand, in any class and byte order: a header, three program headers (PT_LOAD
 * for everything, PT_INTERP, PT_DYNAMIC), a dynamic section, strings. The defaults make a good one.
 */
struct recipe {
	bool wide, big;
	uint16_t type;       /* 0: ET_DYN */
	uint16_t phentsize;  /* 0: the right one */
	uint16_t phnum;      /* 0: 3 */
	uint64_t phoff;      /* 0: behind the header */
	uint64_t interp_at;  /* 0: its string */
	uint64_t interp_len; /* 0: the string's */
	uint64_t dynamic_at; /* address of the dynamic section; 0: the right one */
	uint64_t strtab_at;  /* likewise */
	uint64_t strtab_len;
	uint64_t soname_at; /* in the string table; 0: its string */
	size_t n_needed;    /* 0: one */
	size_t n_dirs;      /* in DT_RUNPATH; 0: two */
	uint64_t shoff;     /* of a section table of one entry that claims to have 2^30 */
};

static void put(struct mp_buf *out, const struct recipe *recipe, uint64_t value, int size)
{
	for (int i = 0; i < size; i++)
		mp_buf_addc(out, (char)(value >> 8 * (recipe->big ? size - 1 - i : i)));
}

/* A word of the file's class. */
static void put_word(struct mp_buf *out, const struct recipe *recipe, uint64_t value)
{
	put(out, recipe, value, recipe->wide ? 8 : 4);
}

static void put_phdr(struct mp_buf *out, const struct recipe *recipe, uint32_t type, uint64_t at,
		     uint64_t len)
{
	put(out, recipe, type, 4);
	if (recipe->wide)
		put(out, recipe, 0, 4); /* flags */
	put_word(out, recipe, at);
	put_word(out, recipe, at); /* the addresses are offsets */
	put_word(out, recipe, at);
	put_word(out, recipe, len);
	put_word(out, recipe, len);
	if (!recipe->wide)
		put(out, recipe, 0, 4);
	put_word(out, recipe, 1);
}

static void put_dyn(struct mp_buf *out, const struct recipe *recipe, uint64_t tag, uint64_t value)
{
	put_word(out, recipe, tag);
	put_word(out, recipe, value);
}

static uint64_t or_else(uint64_t value, uint64_t otherwise)
{
	return value ? value : otherwise;
}

static void put_header(struct mp_buf *out, const struct recipe *recipe)
{
	uint64_t size = recipe->wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	uint64_t entry = recipe->wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

	mp_buf_add(out, ELFMAG, SELFMAG);
	mp_buf_addc(out, recipe->wide ? ELFCLASS64 : ELFCLASS32);
	mp_buf_addc(out, recipe->big ? ELFDATA2MSB : ELFDATA2LSB);
	mp_buf_add(out, "\1\0\0\0\0\0\0\0\0\0", 10);
	put(out, recipe, or_else(recipe->type, ET_DYN), 2);
	put(out, recipe, EM_S390, 2);
	put(out, recipe, EV_CURRENT, 4);
	put_word(out, recipe, 0);
	put_word(out, recipe, or_else(recipe->phoff, size));
	put_word(out, recipe, recipe->shoff);
	put(out, recipe, 0, 4);
	put(out, recipe, size, 2);
	put(out, recipe, or_else(recipe->phentsize, entry), 2);
	put(out, recipe, or_else(recipe->phnum, 3), 2);
	put(out, recipe, recipe->wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr), 2);
	put(out, recipe, 0, 4);
}

/* Offsets of the strings in their table. */
enum { NEEDED = 1, SONAME = 11, AUXILIARY = 24, FILTER = 31, RPATH = 39, RUNPATH = 45 };

static void put_strings(struct mp_buf *out, const struct recipe *recipe)
{
	static const char strings[] = "\0libn.so.1\0libself.so.2\0libaux\0libfilt\0/a:/b";

	mp_buf_add(out, strings, sizeof(strings));
	mp_buf_adds(out, "/c");
	for (size_t i = 1; i < or_else(recipe->n_dirs, 2); i++)
		mp_buf_adds(out, ":$ORIGIN");
	mp_buf_addc(out, '\0');
}

static void put_dynamic(struct mp_buf *out, const struct recipe *recipe, uint64_t strings_at,
			uint64_t strings_len)
{
	for (size_t i = 0; i < or_else(recipe->n_needed, 1); i++)
		put_dyn(out, recipe, DT_NEEDED, NEEDED);
	put_dyn(out, recipe, DT_SONAME, or_else(recipe->soname_at, SONAME));
	put_dyn(out, recipe, DT_AUXILIARY, AUXILIARY);
	put_dyn(out, recipe, DT_FILTER, FILTER);
	put_dyn(out, recipe, DT_RPATH, RPATH);
	put_dyn(out, recipe, DT_RUNPATH, RUNPATH);
	put_dyn(out, recipe, DT_FLAGS_1, DF_1_NODEFLIB);
	put_dyn(out, recipe, DT_STRTAB, or_else(recipe->strtab_at, strings_at));
	put_dyn(out, recipe, DT_STRSZ, or_else(recipe->strtab_len, strings_len));
	put_dyn(out, recipe, DT_NULL, 0);
}

static void build(struct mp_buf *out, const struct recipe *recipe)
{
	static const char interp[] = "/lib/ld.so.1";
	MP_AUTO(mp_buf_free) struct mp_buf strings = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf dynamic = { 0 };
	uint64_t word = recipe->wide ? 8 : 4;
	uint64_t interp_at = recipe->wide ? sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr)
					  : sizeof(Elf32_Ehdr) + 3 * sizeof(Elf32_Phdr);
	uint64_t dynamic_at = interp_at + 16;
	uint64_t strings_at = dynamic_at + (or_else(recipe->n_needed, 1) + 9) * 2 * word;

	put_strings(&strings, recipe);
	put_dynamic(&dynamic, recipe, strings_at, strings.len);
	put_header(out, recipe);
	put_phdr(out, recipe, PT_LOAD, 0, strings_at + strings.len);
	put_phdr(out, recipe, PT_INTERP, or_else(recipe->interp_at, interp_at),
		 or_else(recipe->interp_len, sizeof(interp)));
	put_phdr(out, recipe, PT_DYNAMIC, or_else(recipe->dynamic_at, dynamic_at), dynamic.len);
	mp_buf_add(out, interp, sizeof(interp));
	mp_buf_add(out, "\0\0\0", 16 - sizeof(interp));
	mp_buf_add(out, dynamic.data, dynamic.len);
	mp_buf_add(out, strings.data, strings.len);
}

static int read_bytes(const void *data, size_t len, struct mp_elf *elf, struct mp_error *err)
{
	MP_AUTO(mp_closep) int fd = memfd_create("elf", MFD_CLOEXEC);

	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, data, len), (ssize_t)len);
	return mp_elf_read(&MP_CONTENTS_OF(fd), "/x", elf, err);
}

Test(elf, both_classes_and_byte_orders)
{
	for (int i = 0; i < 4; i++) {
		struct recipe recipe = { .wide = i & 1, .big = i & 2 };
		MP_AUTO(mp_buf_free) struct mp_buf file = { 0 };
		MP_AUTO(mp_elf_clear) struct mp_elf elf = { 0 };
		struct mp_error err = { 0 };

		build(&file, &recipe);
		cr_assert_eq(read_bytes(file.data, file.len, &elf, &err), 1, "%d: %s", i, err.msg);
		cr_expect_eq(elf.elf_class, recipe.wide ? ELFCLASS64 : ELFCLASS32);
		cr_expect_eq(elf.byte_order, recipe.big ? ELFDATA2MSB : ELFDATA2LSB);
		cr_expect_eq(elf.machine, EM_S390);
		cr_expect(elf.dynamic && elf.has_runpath && elf.no_default_lib);
		cr_expect_str_eq(elf.interpreter, "/lib/ld.so.1");
		cr_expect_str_eq(elf.soname, "libself.so.2");
		cr_assert_eq(elf.needed.n, 1);
		cr_expect_str_eq(elf.needed.v[0], "libn.so.1");
		cr_assert_eq(elf.filters.n, 1);
		cr_expect_str_eq(elf.filters.v[0], "libfilt");
		cr_assert_eq(elf.auxiliary.n, 1);
		cr_expect_str_eq(elf.auxiliary.v[0], "libaux");
		cr_assert_eq(elf.rpath.n, 2);
		cr_expect_str_eq(elf.rpath.v[1], "/b");
		cr_assert_eq(elf.runpath.n, 2);
		cr_expect_str_eq(elf.runpath.v[1], "$ORIGIN");
	}
}

Test(elf, malformed)
{
	static const struct {
		struct recipe recipe;
		const char
			*message; /* of what follows "'/x' is a malformed ELF file: "; NULL: good */
	} cases[] = {
		{ { .phnum = 0xffff }, "it has more program headers than Linux accepts" },
		{ { .phnum = 1000 }, "the program header table at offset " },
		{ { .phentsize = 8 }, "its program headers have the wrong size" },
		{ { .phoff = 1u << 31 }, "the program header table at offset 2147483648 " },
		{ { .interp_len = 1 }, "its PT_INTERP has an impossible size" },
		{ { .interp_len = 5000 }, "its PT_INTERP has an impossible size" },
		{ { .interp_len = 5 }, "its PT_INTERP is not a string" },
		{ { .interp_at = 1u << 30 }, "PT_INTERP at offset 1073741824 " },
		{ { .dynamic_at = 1u << 30 }, "its PT_DYNAMIC is outside of the file" },
		{ { .strtab_at = 1u << 30 }, "its string table is outside of the file" },
		{ { .strtab_len = 5 }, "a name lies outside of its string table" },
		{ { .soname_at = 0x7fffffff }, "a name lies outside of its string table" },
		{ { .n_needed = 4000 }, NULL },
		{ { .n_needed = 5000 }, "it needs more than 4096 libraries" },
		{ { .n_dirs = 1000 }, NULL },
		{ { .n_dirs = 2000 }, "it searches more than 1024 directories" },
		{ { .type = ET_CORE, .phoff = 1u << 31 }, NULL },
		{ { .shoff = 64 }, NULL },
	};

	for (size_t i = 0; i < 2 * MP_ARRAY_LEN(cases); i++) {
		struct recipe recipe = cases[i / 2].recipe;
		const char *message = cases[i / 2].message;
		MP_AUTO(mp_buf_free) struct mp_buf file = { 0 };
		MP_AUTO(mp_elf_clear) struct mp_elf elf = { 0 };
		struct mp_error err = { 0 };
		int rc;

		recipe.wide = i & 1;
		build(&file, &recipe);
		rc = read_bytes(file.data, file.len, &elf, &err);
		cr_expect_eq(rc, message ? -1 : 1, "case %zu: %d, %s", i / 2, rc, err.msg);
		if (!message || rc >= 0)
			continue;
		cr_expect_eq(err.code, MP_E_FORMAT);
		cr_expect(strstr(err.msg, message), "case %zu: %s", i / 2, err.msg);
	}
}

Test(elf, short_files)
{
	static const struct {
		const char *bytes;
		size_t len;
		int rc;
		const char *message;
	} cases[] = {
		{ "", 0, 0, NULL },
		{ "\177EL", 3, 0, NULL },
		{ "\177EL_", 4, 0, NULL },
		{ "#!/bin/sh\n", 10, 0, NULL },
		{ "\177ELF", 4, -1,
		  "'/x' is a malformed ELF file: the file header at offset 0 (16 bytes) "
		  "is outside of the file" },
		{ "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0", 16, -1,
		  "'/x' is a malformed ELF file: the file header at offset 0 (64 bytes) is outside "
		  "of the "
		  "file" },
		{ "\177ELF\3\1\1\0\0\0\0\0\0\0\0\0", 16, -1,
		  "'/x' is a malformed ELF file: its class is neither 32-bit nor 64-bit" },
		{ "\177ELF\1\0\1\0\0\0\0\0\0\0\0\0", 16, -1,
		  "'/x' is a malformed ELF file: its byte order is neither of the two" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		struct mp_elf elf = { 0 };
		struct mp_error err = { 0 };

		cr_expect_eq(read_bytes(cases[i].bytes, cases[i].len, &elf, &err), cases[i].rc,
			     "case %zu", i);
		cr_expect_str_eq(err.msg, cases[i].message ? cases[i].message : "", "case %zu: %s",
				 i, err.msg);
	}
}

/* A header alone, and the first sections of it: every length of a small good file. */
Test(elf, every_truncation_of_a_small_file)
{
	for (int i = 0; i < 4; i++) {
		struct recipe recipe = { .wide = i & 1, .big = i & 2 };
		MP_AUTO(mp_buf_free) struct mp_buf file = { 0 };

		build(&file, &recipe);
		for (size_t len = 0; len < file.len; len++) {
			MP_AUTO(mp_elf_clear) struct mp_elf elf = { 0 };
			struct mp_error err = { 0 };
			int rc = read_bytes(file.data, len, &elf, &err);

			cr_expect_eq(rc, len < SELFMAG ? 0 : -1, "%zu bytes: %d", len, rc);
			if (rc < 0)
				cr_expect_eq(err.code, MP_E_FORMAT, "%zu bytes: %s", len, err.msg);
		}
	}
}

static void read_whole(const char *path, struct mp_buf *data)
{
	MP_AUTO(mp_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char piece[65536];
	ssize_t got;

	cr_assert(fd >= 0, "open '%s'", path);
	while ((got = read(fd, piece, sizeof(piece))) > 0)
		mp_buf_add(data, piece, (size_t)got);
	cr_assert_eq(got, 0);
}

/* Whatever the answer, it is one, and a failure says that it is the file's. */
static void expect_answer(const void *data, size_t len, const char *what, size_t number)
{
	MP_AUTO(mp_elf_clear) struct mp_elf elf = { 0 };
	struct mp_error err = { 0 };
	int rc = read_bytes(data, len, &elf, &err);

	cr_expect(rc >= -1 && rc <= 1, "%s %zu: %d", what, number, rc);
	if (rc < 0)
		cr_expect_eq(err.code, MP_E_FORMAT, "%s %zu: %s", what, number, err.msg);
}

Test(elf, truncations_of_a_real_file)
{
	MP_AUTO(mp_buf_free) struct mp_buf file = { 0 };

	read_whole("/bin/ls", &file);
	cr_assert_gt(file.len, 4096);
	for (size_t len = 0; len <= 4096; len += 64)
		expect_answer(file.data, len, "truncated to", len);
}

/* Bytes of the headers, of the dynamic section and of its strings, changed at random. */
Test(elf, random_changes, .timeout = 120)
{
	unsigned int seed = 20240611;

	for (size_t i = 0; i < 2000; i++) {
		struct recipe recipe = { .wide = i & 1, .big = i & 2 };
		MP_AUTO(mp_buf_free) struct mp_buf file = { 0 };
		int n = 1 + rand_r(&seed) % 8;

		build(&file, &recipe);
		for (int j = 0; j < n; j++)
			file.data[(size_t)rand_r(&seed) % file.len] = (char)rand_r(&seed);
		expect_answer(file.data, file.len, "change", i);
	}
}

Test(elf, random_changes_of_a_real_file, .timeout = 120)
{
	MP_AUTO(mp_buf_free) struct mp_buf file = { 0 };
	unsigned int seed = 4711;

	read_whole("/bin/true", &file);
	for (size_t i = 0; i < 2000; i++) {
		MP_AUTO(mp_buf_free) struct mp_buf copy = { 0 };
		int n = 1 + rand_r(&seed) % 16;

		mp_buf_add(&copy, file.data, file.len);
		for (int j = 0; j < n; j++)
			copy.data[(size_t)rand_r(&seed) % 4096] = (char)rand_r(&seed);
		expect_answer(copy.data, copy.len, "change", i);
	}
}

/* What the compiler makes. */
Test(elf, kinds_of_files)
{
	static const struct {
		const char *flags;
		bool dynamic, interpreter;
	} cases[] = {
		{ "-c", false, false },     { "-static", false, false },
		{ "-pie", true, true },     { "-static-pie", true, false },
		{ "-shared", true, false }, { "-shared -s", true, false },
	};
	MP_AUTO(tree_clear) struct tree tree;

	tree_make(&tree);
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep) char *path = tree_path(&tree, "/file");
		MP_AUTO(mp_elf_clear) struct mp_elf elf = { 0 };
		MP_AUTO(mp_closep) int fd = -1;
		struct mp_error err = { 0 };

		unlink(path);
		tree_elf(&tree, "/file", NULL, cases[i].flags);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		lseek(fd, 100, SEEK_SET);
		cr_assert_eq(mp_elf_read(&MP_CONTENTS_OF(fd), path, &elf, &err), 1, "%s: %s",
			     cases[i].flags, err.msg);
		cr_expect_eq(elf.dynamic, cases[i].dynamic, "%s", cases[i].flags);
		cr_expect_eq(elf.interpreter != NULL, cases[i].interpreter, "%s", cases[i].flags);
		cr_expect_eq(lseek(fd, 0, SEEK_CUR), 100, "the descriptor was moved");
	}
}
