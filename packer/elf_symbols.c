/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/elf_internal.h"

#include "packer/libc_symbols.h"

#include <stdlib.h>
#include <string.h>

/* Of those that a file imports; the largest programs have some ten thousand. */
#define SYMBOLS_MAX 65536
/* Where the symbols' names are; the largest libraries have some megabytes. */
#define STRTAB_MAX_BYTES ((size_t)4 << 20)
/* Likewise, those of libc.so.6, which has some ten kilobytes. */
#define VERSIONS_MAX_BYTES ((size_t)256 << 10)

/* A word of the table at @addr, as a process sees it; 0 where there is none. */
static uint32_t word_at(struct mp_elf_reader *reader, uint64_t addr, unsigned int index)
{
	uint64_t offset, len;
	uint32_t raw, word;

	if (!addr || !mp_elf_locate(reader, addr + (uint64_t)index * sizeof(raw), &offset, &len) ||
	    mp_elf_read_at(reader, offset, &raw, sizeof(raw), "a hash table", NULL) ||
	    mp_elf_translate(reader, MP_ELF_WORD, &raw, sizeof(raw), &word, NULL))
		return 0;
	return word;
}

/*
 * How many symbols at the table's start have all that are imported among them. What is in
 * DT_GNU_HASH is defined, and comes last. But where a program that is not position independent
 * takes the address of a function, the import is in there too: the string table behind says how
 * many there are.
 */
static uint64_t count_symbols(struct mp_elf_reader *reader, const struct mp_elf_symbols *symbols,
			      bool executable)
{
	uint64_t entry = reader->elf_class == ELFCLASS64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	uint64_t n = symbols->gnu_hash_addr ? word_at(reader, symbols->gnu_hash_addr, 1)
					    : word_at(reader, symbols->hash_addr, 1);

	if (symbols->gnu_hash_addr && executable && symbols->strtab_addr > symbols->table_addr)
		n = (symbols->strtab_addr - symbols->table_addr) / entry;
	return n < SYMBOLS_MAX ? n : SYMBOLS_MAX;
}

/*
 * The strings of symbols are all over their table: it is read as a whole, but where it is larger
 * than any real one needs to be.
 */
static char *read_names_of_symbols(const struct mp_elf_strings *strings, size_t *len_out)
{
	size_t len = strings->len < STRTAB_MAX_BYTES ? strings->len : STRTAB_MAX_BYTES;
	char *text = mp_xmalloc(len + 1);

	if (mp_elf_read_at(strings->reader, strings->offset, text, len, "the string table", NULL))
		len = 0;
	text[len] = '\0';
	*len_out = len;
	return text;
}

/* Those of the @n symbols of @table that the file does not define, to *uses. */
static void take_symbols(const struct mp_elf_strings *strings, const void *table, size_t n,
			 unsigned int *uses)
{
	bool wide = strings->reader->elf_class == ELFCLASS64;
	size_t len;
	MP_AUTO(mp_freep) char *names = read_names_of_symbols(strings, &len);

	for (size_t i = 0; i < n; i++) {
		const Elf64_Sym *symbol64 = (const Elf64_Sym *)table + i;
		const Elf32_Sym *symbol32 = (const Elf32_Sym *)table + i;
		uint64_t name = wide ? symbol64->st_name : symbol32->st_name;
		unsigned int section = wide ? symbol64->st_shndx : symbol32->st_shndx;

		if (section == SHN_UNDEF && name != 0 && name < len)
			*uses |= mp_libc_use_of(names + name);
	}
}

void mp_elf_read_imports(const struct mp_elf_strings *strings, const struct mp_elf_symbols *symbols,
			 bool executable, unsigned int *uses)
{
	struct mp_elf_reader *reader = strings->reader;
	size_t entry = reader->elf_class == ELFCLASS64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	uint64_t n = count_symbols(reader, symbols, executable);
	MP_AUTO(mp_freep) char *raw = NULL;
	MP_AUTO(mp_freep) char *table = NULL;
	uint64_t offset, len;

	if (!n || !symbols->table_addr ||
	    !mp_elf_locate(reader, symbols->table_addr, &offset, &len))
		return;
	if (n > len / entry)
		n = len / entry;
	if (!n)
		return;
	raw = mp_xmalloc(n * entry);
	table = mp_xmalloc(n * entry);
	if (mp_elf_read_at(reader, offset, raw, n * entry, "the symbol table", NULL) ||
	    mp_elf_translate(reader, MP_ELF_SYM, raw, n * entry, table, NULL))
		return;
	take_symbols(strings, table, n, uses);
}

void mp_elf_read_glibc_version(const struct mp_elf_strings *strings, unsigned int *minor)
{
	static const char prefix[] = "GLIBC_2.";
	size_t len = strings->len < VERSIONS_MAX_BYTES ? strings->len : VERSIONS_MAX_BYTES;
	MP_AUTO(mp_freep) char *text = mp_xmalloc(len + 1);
	const char *at = text;

	if (mp_elf_read_at(strings->reader, strings->offset, text, len, "the string table", NULL))
		return;
	text[len] = '\0';
	while ((at = memmem(at, len - (size_t)(at - text), prefix, strlen(prefix)))) {
		unsigned long found = strtoul(at + strlen(prefix), NULL, 10);

		if (found < 1000 && found > *minor)
			*minor = (unsigned int)found;
		at += strlen(prefix);
	}
}
