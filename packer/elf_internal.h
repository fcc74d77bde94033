/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_ELF_INTERNAL_H
#define MP_PACKER_ELF_INTERNAL_H

#include "packer/elf.h"

#include <elf.h>

/* What packer/elf*.c have in common: the pieces of a file, each checked before it is read. */

/* Most of what is read lies together at the start of a file. */
#define MP_ELF_WINDOW_BYTES 16384

/* A file that is being read. */
struct mp_elf_reader {
	const struct mp_contents *contents;
	const char *name;
	uint64_t size_bytes;
	uint8_t elf_class;
	uint8_t byte_order;
	Elf64_Phdr *phdrs;
	size_t n_phdrs;
	bool warned;        /* of a note that makes no sense: once says it */
	uint64_t window_at; /* offset in the file of what was read ahead */
	size_t window_len;
	char window[MP_ELF_WINDOW_BYTES];
};

void mp_elf_reader_clear(struct mp_elf_reader *reader);

/* Sets the error: the file, and @what is wrong with it. Returns -1. */
int mp_elf_malformed(const struct mp_elf_reader *reader, const char *what, struct mp_error *err);

/* 1 where the file begins with ELF's magic number, and then class and byte order are known; 0; -1.
 */
MP_MUST_USE int mp_elf_read_ident(struct mp_elf_reader *reader, struct mp_error *err);
/* The file header as the 64-bit class has it. */
MP_MUST_USE int mp_elf_read_header(struct mp_elf_reader *reader, Elf64_Ehdr *header,
				   struct mp_error *err);
/* Likewise, the program headers. */
MP_MUST_USE int mp_elf_read_phdrs(struct mp_elf_reader *reader, const Elf64_Ehdr *header,
				  struct mp_error *err);
/* The first of that type, or NULL. */
const Elf64_Phdr *mp_elf_find_phdr(const struct mp_elf_reader *reader, uint32_t type);

/* Exactly @len bytes at @offset; @what names them in the error. */
MP_MUST_USE int mp_elf_read_at(struct mp_elf_reader *reader, uint64_t offset, void *buf, size_t len,
			       const char *what, struct mp_error *err);

/* Structures of the file's class, or an array of them. */
enum mp_elf_piece {
	MP_ELF_EHDR,
	MP_ELF_PHDR,
	MP_ELF_DYN,
	MP_ELF_SYM,
	MP_ELF_WORD,
};

/* Those in the @len bytes at @raw, to @out, in this machine's byte order. */
MP_MUST_USE int mp_elf_translate(const struct mp_elf_reader *reader, enum mp_elf_piece piece,
				 const void *raw, size_t len, void *out, struct mp_error *err);

/*
 * The offset in the file of what a process sees at @addr, and in *len_out how many bytes of the
 * file follow it in its segment. false where no segment has it.
 */
bool mp_elf_locate(const struct mp_elf_reader *reader, uint64_t addr, uint64_t *offset_out,
		   uint64_t *len_out);

/* Where a string table lies. */
struct mp_elf_strings {
	struct mp_elf_reader *reader;
	uint64_t offset;
	uint64_t len;
};

/* The string at @index, of at most @max_bytes, to *out, which the caller frees. */
MP_MUST_USE int mp_elf_read_string(const struct mp_elf_strings *strings, uint64_t index,
				   size_t max_bytes, char **out, struct mp_error *err);

/* Where a dynamic section says that the symbols are; 0: there is none. */
struct mp_elf_symbols {
	uint64_t table_addr, gnu_hash_addr, hash_addr, strtab_addr;
};

/*
 * What the file imports of the C library's functions, as bits of enum mp_libc_use added to *uses. A
 * table that makes no sense is none: nothing that the loader does depends on it. @executable: the
 * file is of type ET_EXEC.
 */
void mp_elf_read_imports(const struct mp_elf_strings *strings, const struct mp_elf_symbols *symbols,
			 bool executable, unsigned int *uses);

/*
 * The newest of the versions that the string table of libc.so.6 has ("GLIBC_2.34"), which it
 * defines; nothing that it needs itself (the loader's) is newer.
 */
void mp_elf_read_glibc_version(const struct mp_elf_strings *strings, unsigned int *minor);

/* What the file says in .note.dlopen. Notes that make no sense are a warning. -1: MP_E_SYS. */
MP_MUST_USE int mp_elf_read_notes(struct mp_elf_reader *reader, struct mp_dlopens *dlopens,
				  struct mp_error *err);

#endif
