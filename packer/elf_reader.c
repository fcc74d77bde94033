/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/elf_internal.h"

#include <errno.h>
#include <gelf.h>
#include <inttypes.h>
#include <string.h>

/*
 * The file is read a bounded piece at a time, and libelf translates the pieces to this machine's
 * layout. elf_begin() would not do: it allocates a section table as long as the file claims (a file
 * of 128 bytes can ask for gigabytes), and mapping a file that somebody truncates is SIGBUS.
 */

/* Linux refuses to run what has a larger program header table (fs/binfmt_elf.c, load_elf_phdrs). */
#define PHDRS_MAX_BYTES 65536

void mp_elf_reader_clear(struct mp_elf_reader *reader)
{
	mp_freep(&reader->phdrs);
}

int mp_elf_malformed(const struct mp_elf_reader *reader, const char *what, struct mp_error *err)
{
	return mp_error_set(err, MP_E_FORMAT, 0, "'%s' is a malformed ELF file: %s", reader->name,
			    what);
}

/* Reads as much as there is of @len bytes at @offset, at least @least; -1. */
static ssize_t fetch(const struct mp_elf_reader *reader, uint64_t offset, void *buf, size_t len,
		     size_t least, struct mp_error *err)
{
	size_t done = 0;

	while (done < least) {
		ssize_t got = mp_contents_read(reader->contents, (char *)buf + done, len - done,
					       offset + done);

		if (got < 0)
			return mp_error_set(err, MP_E_SYS, errno, "read '%s'", reader->name);
		if (got == 0)
			return mp_elf_malformed(reader, "it became shorter while it was read", err);
		done += (size_t)got;
	}
	return (ssize_t)done;
}

/* Whether what was read ahead has @len bytes at @offset. */
static bool in_window(const struct mp_elf_reader *reader, uint64_t offset, size_t len)
{
	return offset >= reader->window_at && offset - reader->window_at <= reader->window_len &&
	       len <= reader->window_len - (offset - reader->window_at);
}

int mp_elf_read_at(struct mp_elf_reader *reader, uint64_t offset, void *buf, size_t len,
		   const char *what, struct mp_error *err)
{
	uint64_t start = offset & ~UINT64_C(4095);
	ssize_t got;

	if (offset > reader->size_bytes || len > reader->size_bytes - offset)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "'%s' is a malformed ELF file: %s at offset %" PRIu64
				    " (%zu bytes) is outside of the file",
				    reader->name, what, offset, len);
	if (len > MP_ELF_WINDOW_BYTES / 2)
		return fetch(reader, offset, buf, len, len, err) < 0 ? -1 : 0;
	if (!in_window(reader, offset, len)) {
		reader->window_len = 0;
		got = fetch(reader, start, reader->window, MP_ELF_WINDOW_BYTES,
			    (size_t)(offset - start) + len, err);
		if (got < 0)
			return -1;
		reader->window_at = start;
		reader->window_len = (size_t)got;
	}
	memcpy(buf, reader->window + (offset - reader->window_at), len);
	return 0;
}

static const Elf_Type types[] = {
	[MP_ELF_EHDR] = ELF_T_EHDR, [MP_ELF_PHDR] = ELF_T_PHDR, [MP_ELF_DYN] = ELF_T_DYN,
	[MP_ELF_SYM] = ELF_T_SYM,   [MP_ELF_WORD] = ELF_T_WORD,
};

int mp_elf_translate(const struct mp_elf_reader *reader, enum mp_elf_piece piece, const void *raw,
		     size_t len, void *out, struct mp_error *err)
{
	Elf_Data from = {
		.d_buf = (void *)raw,
		.d_type = types[piece],
		.d_version = EV_CURRENT,
		.d_size = len,
	};
	Elf_Data to = { .d_buf = out, .d_version = EV_CURRENT, .d_size = len };
	Elf_Data *done;

	elf_version(EV_CURRENT); /* libelf wants to be asked before anything else */
	done = reader->elf_class == ELFCLASS64 ? elf64_xlatetom(&to, &from, reader->byte_order)
					       : elf32_xlatetom(&to, &from, reader->byte_order);
	if (!done)
		return mp_elf_malformed(reader, elf_errmsg(-1), err);
	return 0;
}

int mp_elf_read_header(struct mp_elf_reader *reader, Elf64_Ehdr *header, struct mp_error *err)
{
	char raw[sizeof(Elf64_Ehdr)];
	Elf32_Ehdr narrow;

	if (reader->elf_class == ELFCLASS64) {
		if (mp_elf_read_at(reader, 0, raw, sizeof(*header), "the file header", err))
			return -1;
		return mp_elf_translate(reader, MP_ELF_EHDR, raw, sizeof(*header), header, err);
	}
	if (mp_elf_read_at(reader, 0, raw, sizeof(narrow), "the file header", err) ||
	    mp_elf_translate(reader, MP_ELF_EHDR, raw, sizeof(narrow), &narrow, err))
		return -1;
	*header = (Elf64_Ehdr){
		.e_type = narrow.e_type,
		.e_machine = narrow.e_machine,
		.e_flags = narrow.e_flags,
		.e_phoff = narrow.e_phoff,
		.e_phentsize = narrow.e_phentsize,
		.e_phnum = narrow.e_phnum,
	};
	return 0;
}

static Elf64_Phdr widen_phdr(const Elf32_Phdr *narrow)
{
	return (Elf64_Phdr){
		.p_type = narrow->p_type,
		.p_offset = narrow->p_offset,
		.p_vaddr = narrow->p_vaddr,
		.p_filesz = narrow->p_filesz,
		.p_memsz = narrow->p_memsz,
		.p_align = narrow->p_align,
	};
}

int mp_elf_read_phdrs(struct mp_elf_reader *reader, const Elf64_Ehdr *header, struct mp_error *err)
{
	bool wide = reader->elf_class == ELFCLASS64;
	size_t entry = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	size_t len = header->e_phnum * entry;
	MP_AUTO(mp_freep) char *raw = NULL;
	MP_AUTO(mp_freep) void *table = NULL;

	if (len == 0)
		return 0;
	if (header->e_phentsize != entry)
		return mp_elf_malformed(reader, "its program headers have the wrong size", err);
	if (len > PHDRS_MAX_BYTES)
		return mp_elf_malformed(reader, "it has more program headers than Linux accepts",
					err);
	raw = mp_xmalloc(len);
	table = mp_xmalloc(len);
	if (mp_elf_read_at(reader, header->e_phoff, raw, len, "the program header table", err) ||
	    mp_elf_translate(reader, MP_ELF_PHDR, raw, len, table, err))
		return -1;
	reader->n_phdrs = header->e_phnum;
	reader->phdrs = mp_xcalloc(reader->n_phdrs, sizeof(*reader->phdrs));
	for (size_t i = 0; i < reader->n_phdrs; i++)
		reader->phdrs[i] =
			wide ? ((Elf64_Phdr *)table)[i] : widen_phdr(&((Elf32_Phdr *)table)[i]);
	return 0;
}

bool mp_elf_locate(const struct mp_elf_reader *reader, uint64_t addr, uint64_t *offset_out,
		   uint64_t *len_out)
{
	for (size_t i = 0; i < reader->n_phdrs; i++) {
		const Elf64_Phdr *phdr = &reader->phdrs[i];
		uint64_t delta = addr - phdr->p_vaddr;

		if (phdr->p_type != PT_LOAD || addr < phdr->p_vaddr || delta >= phdr->p_filesz)
			continue;
		if (phdr->p_offset > reader->size_bytes ||
		    delta >= reader->size_bytes - phdr->p_offset)
			return false;
		*offset_out = phdr->p_offset + delta;
		*len_out = phdr->p_filesz - delta;
		if (*len_out > reader->size_bytes - *offset_out)
			*len_out = reader->size_bytes - *offset_out;
		return true;
	}
	return false;
}

const Elf64_Phdr *mp_elf_find_phdr(const struct mp_elf_reader *reader, uint32_t type)
{
	for (size_t i = 0; i < reader->n_phdrs; i++) {
		if (reader->phdrs[i].p_type == type)
			return &reader->phdrs[i];
	}
	return NULL;
}

int mp_elf_read_string(const struct mp_elf_strings *strings, uint64_t index, size_t max_bytes,
		       char **out, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };

	while (index < strings->len && text.len < max_bytes) {
		char piece[256];
		size_t want =
			strings->len - index < sizeof(piece) ? strings->len - index : sizeof(piece);
		const char *end;

		if (mp_elf_read_at(strings->reader, strings->offset + index, piece, want,
				   "the string table", err))
			return -1;
		end = memchr(piece, '\0', want);
		if (end) {
			mp_buf_add(&text, piece, (size_t)(end - piece));
			*out = mp_buf_steal(&text);
			return 0;
		}
		mp_buf_add(&text, piece, want);
		index += want;
	}
	return mp_elf_malformed(strings->reader,
				index < strings->len ? "a name in its string table is too long"
						     : "a name lies outside of its string table",
				err);
}

int mp_elf_read_ident(struct mp_elf_reader *reader, struct mp_error *err)
{
	unsigned char ident[EI_NIDENT];

	if (mp_contents_size(reader->contents, &reader->size_bytes) < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read '%s'", reader->name);
	if (reader->size_bytes < SELFMAG)
		return 0;
	if (mp_elf_read_at(reader, 0, ident, SELFMAG, "the magic number", err))
		return -1;
	if (memcmp(ident, ELFMAG, SELFMAG) != 0)
		return 0;
	if (mp_elf_read_at(reader, 0, ident, sizeof(ident), "the file header", err))
		return -1;
	reader->elf_class = ident[EI_CLASS];
	reader->byte_order = ident[EI_DATA];
	if (reader->elf_class != ELFCLASS32 && reader->elf_class != ELFCLASS64)
		return mp_elf_malformed(reader, "its class is neither 32-bit nor 64-bit", err);
	if (reader->byte_order != ELFDATA2LSB && reader->byte_order != ELFDATA2MSB)
		return mp_elf_malformed(reader, "its byte order is neither of the two", err);
	return 1;
}
