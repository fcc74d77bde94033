/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/elf.h"

#include "core/log.h"
#include "packer/libc_symbols.h"

#include <errno.h>
#include <gelf.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The file is read a bounded piece at a time, and libelf translates the pieces to
 * this machine's layout. elf_begin() would not do: it allocates a section table as long as the file
 * claims (a file of 128 bytes can ask for gigabytes), and mapping a file that somebody truncates is
 * SIGBUS.
 */

/* Linux refuses to run what has a larger program header table (fs/binfmt_elf.c, load_elf_phdrs). */
#define PHDRS_MAX_BYTES 65536
/* 65536 entries; the largest dynamic sections in use have some hundred. */
#define DYNAMIC_MAX_BYTES (UINT64_C(1) << 20)
#define LIBRARIES_MAX 4096
#define SEARCH_DIRS_MAX 1024
#define SEARCH_PATH_MAX_BYTES 65536
/* Of one PT_NOTE; the largest in use have some kilobytes. */
#define NOTES_MAX_BYTES 65536
#define DLOPENS_MAX 1024
/* Of those that a file imports; the largest programs have some ten thousand. */
#define SYMBOLS_MAX 65536
#define SYMBOL_NAME_MAX 64
/* Most of what is read lies together at the start of a file. */
#define WINDOW_BYTES 16384

struct reader {
	const struct mp_contents *contents;
	const char *name;
	uint64_t size_bytes;
	uint8_t elf_class;
	uint8_t byte_order;
	GElf_Phdr *phdrs;
	size_t n_phdrs;
	uint64_t window_at; /* offset in the file of what was read ahead */
	size_t window_len;
	char window[WINDOW_BYTES];
};

/* What is wanted of a dynamic section. Strings are offsets into its string table. */
struct dynamic {
	uint64_t needed[LIBRARIES_MAX];
	uint64_t filters[LIBRARIES_MAX];
	uint64_t auxiliary[LIBRARIES_MAX];
	size_t n_needed, n_filters, n_auxiliary;
	uint64_t soname, rpath, runpath;
	bool has_soname, has_rpath, has_runpath;
	bool no_default_lib;
	bool has_strtab;
	uint64_t strtab_addr;
	uint64_t strtab_size;
	uint64_t symtab_addr, gnu_hash_addr, hash_addr; /* 0: not there */
};

static void reader_clear(struct reader *reader)
{
	mp_freep(&reader->phdrs);
}

static int malformed(const struct reader *reader, const char *what, struct mp_error *err)
{
	return mp_error_set(err, MP_E_FORMAT, 0, "'%s' is a malformed ELF file: %s", reader->name,
			    what);
}

/* Reads as much as there is of @len bytes at @offset, at least @least; -1. */
static ssize_t fetch(const struct reader *reader, uint64_t offset, void *buf, size_t len,
		     size_t least, struct mp_error *err)
{
	size_t done = 0;

	while (done < least) {
		ssize_t got = mp_contents_read(reader->contents, (char *)buf + done, len - done,
					       offset + done);

		if (got < 0)
			return mp_error_set(err, MP_E_SYS, errno, "read '%s'", reader->name);
		if (got == 0)
			return malformed(reader, "it became shorter while it was read", err);
		done += (size_t)got;
	}
	return (ssize_t)done;
}

/* Whether what was read ahead has @len bytes at @offset. */
static bool in_window(const struct reader *reader, uint64_t offset, size_t len)
{
	return offset >= reader->window_at && offset - reader->window_at <= reader->window_len &&
	       len <= reader->window_len - (offset - reader->window_at);
}

/* Reads exactly @len bytes at @offset; @what names them in the error. */
static int read_at(struct reader *reader, uint64_t offset, void *buf, size_t len, const char *what,
		   struct mp_error *err)
{
	uint64_t start = offset & ~UINT64_C(4095);
	ssize_t got;

	if (offset > reader->size_bytes || len > reader->size_bytes - offset)
		return mp_error_set(err, MP_E_FORMAT, 0,
				    "'%s' is a malformed ELF file: %s at offset %" PRIu64
				    " (%zu bytes) is outside of the file",
				    reader->name, what, offset, len);
	if (len > WINDOW_BYTES / 2)
		return fetch(reader, offset, buf, len, len, err) < 0 ? -1 : 0;
	if (!in_window(reader, offset, len)) {
		reader->window_len = 0;
		got = fetch(reader, start, reader->window, WINDOW_BYTES,
			    (size_t)(offset - start) + len, err);
		if (got < 0)
			return -1;
		reader->window_at = start;
		reader->window_len = (size_t)got;
	}
	memcpy(buf, reader->window + (offset - reader->window_at), len);
	return 0;
}

/* Translates @len bytes of the file at @raw into @out, which has room for as many. */
static int translate(const struct reader *reader, Elf_Type type, const void *raw, size_t len,
		     void *out, struct mp_error *err)
{
	Elf_Data from = {
		.d_buf = (void *)raw,
		.d_type = type,
		.d_version = EV_CURRENT,
		.d_size = len,
	};
	Elf_Data to = { .d_buf = out, .d_version = EV_CURRENT, .d_size = len };
	Elf_Data *done = reader->elf_class == ELFCLASS64
				 ? elf64_xlatetom(&to, &from, reader->byte_order)
				 : elf32_xlatetom(&to, &from, reader->byte_order);

	if (!done)
		return malformed(reader, elf_errmsg(-1), err);
	return 0;
}

/* The file header as the 64-bit class has it. */
static int read_header(struct reader *reader, GElf_Ehdr *header, struct mp_error *err)
{
	char raw[sizeof(Elf64_Ehdr)];
	Elf32_Ehdr narrow;

	if (reader->elf_class == ELFCLASS64) {
		if (read_at(reader, 0, raw, sizeof(*header), "the file header", err))
			return -1;
		return translate(reader, ELF_T_EHDR, raw, sizeof(*header), header, err);
	}
	if (read_at(reader, 0, raw, sizeof(narrow), "the file header", err) ||
	    translate(reader, ELF_T_EHDR, raw, sizeof(narrow), &narrow, err))
		return -1;
	*header = (GElf_Ehdr){
		.e_type = narrow.e_type,
		.e_machine = narrow.e_machine,
		.e_flags = narrow.e_flags,
		.e_phoff = narrow.e_phoff,
		.e_phentsize = narrow.e_phentsize,
		.e_phnum = narrow.e_phnum,
	};
	return 0;
}

static GElf_Phdr widen_phdr(const Elf32_Phdr *narrow)
{
	return (GElf_Phdr){
		.p_type = narrow->p_type,
		.p_offset = narrow->p_offset,
		.p_vaddr = narrow->p_vaddr,
		.p_filesz = narrow->p_filesz,
		.p_memsz = narrow->p_memsz,
		.p_align = narrow->p_align,
	};
}

static int read_phdrs(struct reader *reader, const GElf_Ehdr *header, struct mp_error *err)
{
	bool wide = reader->elf_class == ELFCLASS64;
	size_t entry = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	size_t len = header->e_phnum * entry;
	MP_AUTO(mp_freep) char *raw = NULL;
	MP_AUTO(mp_freep) void *table = NULL;

	if (len == 0)
		return 0;
	if (header->e_phentsize != entry)
		return malformed(reader, "its program headers have the wrong size", err);
	if (len > PHDRS_MAX_BYTES)
		return malformed(reader, "it has more program headers than Linux accepts", err);
	raw = mp_xmalloc(len);
	table = mp_xmalloc(len);
	if (read_at(reader, header->e_phoff, raw, len, "the program header table", err) ||
	    translate(reader, ELF_T_PHDR, raw, len, table, err))
		return -1;
	reader->n_phdrs = header->e_phnum;
	reader->phdrs = mp_xcalloc(reader->n_phdrs, sizeof(*reader->phdrs));
	for (size_t i = 0; i < reader->n_phdrs; i++)
		reader->phdrs[i] =
			wide ? ((Elf64_Phdr *)table)[i] : widen_phdr(&((Elf32_Phdr *)table)[i]);
	return 0;
}

/*
 * The offset in the file of what a process sees at @addr, and in *len_out how many bytes of the
 * file follow it in its segment. false where no segment has it.
 */
static bool locate(const struct reader *reader, uint64_t addr, uint64_t *offset_out,
		   uint64_t *len_out)
{
	for (size_t i = 0; i < reader->n_phdrs; i++) {
		const GElf_Phdr *phdr = &reader->phdrs[i];
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

static const GElf_Phdr *find_phdr(const struct reader *reader, uint32_t type)
{
	for (size_t i = 0; i < reader->n_phdrs; i++) {
		if (reader->phdrs[i].p_type == type)
			return &reader->phdrs[i];
	}
	return NULL;
}

/* The kernel's rules (fs/binfmt_elf.c): 2 to PATH_MAX bytes, the last of them a NUL. */
static int read_interpreter(struct reader *reader, char **out, struct mp_error *err)
{
	const GElf_Phdr *phdr = find_phdr(reader, PT_INTERP);
	char text[PATH_MAX];

	if (!phdr || phdr->p_filesz == 0) /* empty in a file of debug symbols alone */
		return 0;
	if (phdr->p_filesz < 2 || phdr->p_filesz > sizeof(text))
		return malformed(reader, "its PT_INTERP has an impossible size", err);
	if (read_at(reader, phdr->p_offset, text, phdr->p_filesz, "PT_INTERP", err))
		return -1;
	if (text[phdr->p_filesz - 1] != '\0' || text[0] == '\0')
		return malformed(reader, "its PT_INTERP is not a string", err);
	*out = mp_xstrdup(text);
	return 0;
}

static int add_library(const struct reader *reader, uint64_t list[LIBRARIES_MAX], size_t *n,
		       uint64_t offset, struct mp_error *err)
{
	if (*n == LIBRARIES_MAX)
		return malformed(reader, "it needs more than 4096 libraries", err);
	list[(*n)++] = offset;
	return 0;
}

/* Of a tag that comes more than once the loader takes the last (elf_get_dynamic_info). */
static int take_entry(const struct reader *reader, struct dynamic *dyn, int64_t tag, uint64_t value,
		      struct mp_error *err)
{
	switch (tag) {
	case DT_NEEDED:
		return add_library(reader, dyn->needed, &dyn->n_needed, value, err);
	case DT_FILTER:
		return add_library(reader, dyn->filters, &dyn->n_filters, value, err);
	case DT_AUXILIARY:
		return add_library(reader, dyn->auxiliary, &dyn->n_auxiliary, value, err);
	case DT_SONAME:
		dyn->has_soname = true;
		dyn->soname = value;
		break;
	case DT_RPATH:
		dyn->has_rpath = true;
		dyn->rpath = value;
		break;
	case DT_RUNPATH:
		dyn->has_runpath = true;
		dyn->runpath = value;
		break;
	case DT_FLAGS_1:
		dyn->no_default_lib = value & DF_1_NODEFLIB;
		break;
	case DT_STRTAB:
		dyn->has_strtab = true;
		dyn->strtab_addr = value;
		break;
	case DT_STRSZ:
		dyn->strtab_size = value;
		break;
	case DT_SYMTAB:
		dyn->symtab_addr = value;
		break;
	case DT_GNU_HASH:
		dyn->gnu_hash_addr = value;
		break;
	case DT_HASH:
		dyn->hash_addr = value;
		break;
	}
	return 0;
}

static int take_entries(const struct reader *reader, struct dynamic *dyn, const void *table,
			size_t len, struct mp_error *err)
{
	bool wide = reader->elf_class == ELFCLASS64;
	size_t n = len / (wide ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn));

	for (size_t i = 0; i < n; i++) {
		const Elf64_Dyn *entry64 = (const Elf64_Dyn *)table + i;
		const Elf32_Dyn *entry32 = (const Elf32_Dyn *)table + i;
		int64_t tag = wide ? entry64->d_tag : entry32->d_tag;
		uint64_t value = wide ? entry64->d_un.d_val : entry32->d_un.d_val;

		if (tag == DT_NULL)
			break;
		if (take_entry(reader, dyn, tag, value, err))
			return -1;
	}
	return 0;
}

/* The loader finds the section by its address, so p_offset is not asked. */
static int read_dynamic(struct reader *reader, const GElf_Phdr *phdr, struct dynamic *dyn,
			struct mp_error *err)
{
	size_t entry = reader->elf_class == ELFCLASS64 ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
	MP_AUTO(mp_freep) char *raw = NULL;
	MP_AUTO(mp_freep) char *table = NULL;
	uint64_t offset, len;

	if (!locate(reader, phdr->p_vaddr, &offset, &len))
		return malformed(reader, "its PT_DYNAMIC is outside of the file", err);
	if (len > phdr->p_filesz)
		len = phdr->p_filesz;
	if (len > DYNAMIC_MAX_BYTES)
		len = DYNAMIC_MAX_BYTES;
	len -= len % entry;
	if (len == 0)
		return malformed(reader, "its PT_DYNAMIC is cut short", err);
	raw = mp_xmalloc(len);
	table = mp_xmalloc(len);
	if (read_at(reader, offset, raw, len, "PT_DYNAMIC", err) ||
	    translate(reader, ELF_T_DYN, raw, len, table, err))
		return -1;
	return take_entries(reader, dyn, table, len, err);
}

/* The string at @index of the table that begins at @offset of the file and has @len bytes. */
static int read_string(struct reader *reader, uint64_t offset, uint64_t len, uint64_t index,
		       size_t max_bytes, char **out, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };

	while (index < len && text.len < max_bytes) {
		char piece[256];
		size_t want = len - index < sizeof(piece) ? len - index : sizeof(piece);
		const char *end;

		if (read_at(reader, offset + index, piece, want, "the string table", err))
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
	return malformed(reader,
			 index < len ? "a name in its string table is too long"
				     : "a name lies outside of its string table",
			 err);
}

struct strings {
	struct reader *reader;
	uint64_t offset;
	uint64_t len;
};

static int read_names(const struct strings *strings, const uint64_t *indices, size_t n,
		      struct mp_strv *names, struct mp_error *err)
{
	for (size_t i = 0; i < n; i++) {
		char *name = NULL;

		if (read_string(strings->reader, strings->offset, strings->len, indices[i],
				PATH_MAX, &name, err))
			return -1;
		if (name[0])
			mp_strv_push_take(names, name);
		else
			mp_freep(&name);
	}
	return 0;
}

/* An empty path is none at all (glibc, decompose_rpath). */
static int read_search_path(const struct strings *strings, uint64_t index, struct mp_strv *dirs,
			    struct mp_error *err)
{
	MP_AUTO(mp_freep) char *text = NULL;
	size_t n = 1;

	if (read_string(strings->reader, strings->offset, strings->len, index,
			SEARCH_PATH_MAX_BYTES, &text, err))
		return -1;
	for (const char *p = text; *p; p++)
		n += *p == ':';
	if (n > SEARCH_DIRS_MAX)
		return malformed(strings->reader, "it searches more than 1024 directories", err);
	if (text[0])
		mp_strv_split(dirs, text, ":");
	return 0;
}

static int read_strings(struct reader *reader, const struct dynamic *dyn, struct mp_elf *elf,
			struct mp_error *err)
{
	struct strings strings = { .reader = reader };

	if (!dyn->n_needed && !dyn->n_filters && !dyn->n_auxiliary && !dyn->has_soname &&
	    !dyn->has_rpath && !dyn->has_runpath)
		return 0;
	if (!dyn->has_strtab || !locate(reader, dyn->strtab_addr, &strings.offset, &strings.len))
		return malformed(reader, "its string table is outside of the file", err);
	if (strings.len > dyn->strtab_size)
		strings.len = dyn->strtab_size;
	if (read_names(&strings, dyn->needed, dyn->n_needed, &elf->needed, err) ||
	    read_names(&strings, dyn->filters, dyn->n_filters, &elf->filters, err) ||
	    read_names(&strings, dyn->auxiliary, dyn->n_auxiliary, &elf->auxiliary, err) ||
	    (dyn->has_soname && read_string(reader, strings.offset, strings.len, dyn->soname,
					    PATH_MAX, &elf->soname, err)) ||
	    (dyn->has_rpath && read_search_path(&strings, dyn->rpath, &elf->rpath, err)) ||
	    (dyn->has_runpath && read_search_path(&strings, dyn->runpath, &elf->runpath, err)))
		return -1;
	return 0;
}

static void take_dlopen_note(const struct reader *reader, const char *text, size_t len,
			     struct mp_dlopens *dlopens)
{
	MP_AUTO(mp_freep) char *json = mp_xstrndup(text, strnlen(text, len));
	struct mp_error err;

	if (dlopens->n < DLOPENS_MAX && mp_dlopen_parse(json, reader->name, dlopens, &err))
		mp_warn("%s; it is passed over", err.msg);
}

/* One note: where the next begins, or SIZE_MAX where this one makes no sense. */
static size_t take_note(const struct reader *reader, const char *notes, size_t len, size_t at,
			size_t align, struct mp_dlopens *dlopens)
{
	const char *name, *text;
	size_t name_room, text_room;
	Elf32_Nhdr note; /* the same in both classes */

	if (translate(reader, ELF_T_WORD, notes + at, sizeof(note), &note, NULL))
		return SIZE_MAX;
	at += sizeof(note);
	name_room = ((size_t)note.n_namesz + 3) & ~(size_t)3;
	text_room = ((size_t)note.n_descsz + align - 1) & ~(align - 1);
	if (name_room > len - at || note.n_descsz > len - at - name_room)
		return SIZE_MAX;
	name = notes + at;
	text = name + name_room;
	if (note.n_type == MP_DLOPEN_NOTE_TYPE && note.n_namesz == sizeof(MP_DLOPEN_NOTE_OWNER) &&
	    memcmp(name, MP_DLOPEN_NOTE_OWNER, sizeof(MP_DLOPEN_NOTE_OWNER)) == 0)
		take_dlopen_note(reader, text, note.n_descsz, dlopens);
	/* The last one need not be padded. */
	return text_room > len - at - name_room ? len : at + name_room + text_room;
}

/*
 * What the segment says of libraries that the file loads by dlopen(3). The sections are allocated,
 * so that a PT_NOTE has them also where the section table was stripped.
 */
static int read_notes(struct reader *reader, const GElf_Phdr *phdr, struct mp_dlopens *dlopens,
		      struct mp_error *err)
{
	size_t len = phdr->p_filesz < NOTES_MAX_BYTES ? phdr->p_filesz : NOTES_MAX_BYTES;
	/* System V's 8 in the 64-bit class is used where the segment says so alone. */
	size_t align = phdr->p_align == 8 ? 8 : 4;
	MP_AUTO(mp_freep) char *notes = NULL;
	struct mp_error local;

	if (len < sizeof(Elf32_Nhdr))
		return 0;
	notes = mp_xmalloc(len);
	if (read_at(reader, phdr->p_offset, notes, len, "PT_NOTE", &local)) {
		if (local.code == MP_E_SYS) {
			if (err)
				*err = local;
			return -1;
		}
		mp_warn("%s; it is passed over", local.msg);
		return 0;
	}
	for (size_t at = 0; at < len && len - at >= sizeof(Elf32_Nhdr);) {
		at = take_note(reader, notes, len, at, align, dlopens);
		if (at == SIZE_MAX)
			mp_warn("'%s' has malformed notes: what it loads by dlopen may be missed",
				reader->name);
	}
	return 0;
}

static int read_all_notes(struct reader *reader, struct mp_dlopens *dlopens, struct mp_error *err)
{
	for (size_t i = 0; i < reader->n_phdrs; i++) {
		if (reader->phdrs[i].p_type == PT_NOTE &&
		    read_notes(reader, &reader->phdrs[i], dlopens, err))
			return -1;
	}
	return 0;
}

/* A word of the table at @addr, as a process sees it; 0 where there is none. */
static uint32_t word_at(struct reader *reader, uint64_t addr, unsigned int index)
{
	uint64_t offset, len;
	uint32_t raw, word;

	if (!addr || !locate(reader, addr + (uint64_t)index * sizeof(raw), &offset, &len) ||
	    read_at(reader, offset, &raw, sizeof(raw), "a hash table", NULL) ||
	    translate(reader, ELF_T_WORD, &raw, sizeof(raw), &word, NULL))
		return 0;
	return word;
}

/*
 * How many symbols at the table's start have all that are imported among them. What is in
 * DT_GNU_HASH is defined, and comes last. But where a program that is not position independent
 * takes the address of a function, the import is in there too: the string table behind says how
 * many there are.
 */
static uint64_t count_symbols(struct reader *reader, const struct dynamic *dyn, bool executable)
{
	uint64_t entry = reader->elf_class == ELFCLASS64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	uint64_t n = dyn->gnu_hash_addr ? word_at(reader, dyn->gnu_hash_addr, 1)
					: word_at(reader, dyn->hash_addr, 1);

	if (dyn->gnu_hash_addr && executable && dyn->strtab_addr > dyn->symtab_addr)
		n = (dyn->strtab_addr - dyn->symtab_addr) / entry;
	return n < SYMBOLS_MAX ? n : SYMBOLS_MAX;
}

/* Those of the @n symbols at @offset that the file does not define, to *uses. */
static void take_symbols(const struct strings *strings, const void *table, size_t n,
			 unsigned int *uses)
{
	bool wide = strings->reader->elf_class == ELFCLASS64;

	for (size_t i = 0; i < n; i++) {
		const Elf64_Sym *symbol64 = (const Elf64_Sym *)table + i;
		const Elf32_Sym *symbol32 = (const Elf32_Sym *)table + i;
		uint64_t name = wide ? symbol64->st_name : symbol32->st_name;
		unsigned int section = wide ? symbol64->st_shndx : symbol32->st_shndx;
		char text[SYMBOL_NAME_MAX];
		size_t len = sizeof(text);

		if (section != SHN_UNDEF || name == 0 || name >= strings->len)
			continue;
		if (len > strings->len - name)
			len = strings->len - name;
		if (read_at(strings->reader, strings->offset + name, text, len, "a symbol", NULL))
			return;
		if (memchr(text, '\0', len))
			*uses |= mp_libc_use_of(text);
	}
}

/* A table that makes no sense is none: nothing that the loader does depends on it. */
static void read_imports(const struct strings *strings, const struct dynamic *dyn, bool executable,
			 unsigned int *uses)
{
	struct reader *reader = strings->reader;
	size_t entry = reader->elf_class == ELFCLASS64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	uint64_t n = count_symbols(reader, dyn, executable);
	MP_AUTO(mp_freep) char *raw = NULL;
	MP_AUTO(mp_freep) char *table = NULL;
	uint64_t offset, len;

	if (!n || !dyn->symtab_addr || !locate(reader, dyn->symtab_addr, &offset, &len))
		return;
	if (n > len / entry)
		n = len / entry;
	if (!n)
		return;
	raw = mp_xmalloc(n * entry);
	table = mp_xmalloc(n * entry);
	if (read_at(reader, offset, raw, n * entry, "the symbol table", NULL) ||
	    translate(reader, ELF_T_SYM, raw, n * entry, table, NULL))
		return;
	take_symbols(strings, table, n, uses);
}

/*
 * The newest of the versions that the string table of libc.so.6 has ("GLIBC_2.34"), which it
 * defines; nothing that it needs itself (the loader's) is newer.
 */
static void read_glibc_version(const struct strings *strings, unsigned int *minor)
{
	static const char prefix[] = "GLIBC_2.";
	size_t len =
		strings->len < SEARCH_PATH_MAX_BYTES * 4 ? strings->len : SEARCH_PATH_MAX_BYTES * 4;
	MP_AUTO(mp_freep) char *text = mp_xmalloc(len + 1);
	const char *at = text;

	if (read_at(strings->reader, strings->offset, text, len, "the string table", NULL))
		return;
	text[len] = '\0';
	while ((at = memmem(at, len - (size_t)(at - text), prefix, strlen(prefix)))) {
		unsigned long found = strtoul(at + strlen(prefix), NULL, 10);

		if (found < 1000 && found > *minor)
			*minor = (unsigned int)found;
		at += strlen(prefix);
	}
}

/* What the loader does not read of a dynamic object, but others will ask for. */
static int read_rest(struct reader *reader, const struct dynamic *dyn, bool executable,
		     struct mp_elf *elf, struct mp_error *err)
{
	struct strings strings = { .reader = reader };

	if (dyn->has_strtab && locate(reader, dyn->strtab_addr, &strings.offset, &strings.len)) {
		if (strings.len > dyn->strtab_size)
			strings.len = dyn->strtab_size;
		read_imports(&strings, dyn, executable, &elf->libc_uses);
		if (elf->soname && strcmp(elf->soname, "libc.so.6") == 0)
			read_glibc_version(&strings, &elf->glibc_minor);
	}
	return read_all_notes(reader, &elf->dlopens, err);
}

static int read_elf(struct reader *reader, struct mp_elf *elf, struct mp_error *err)
{
	MP_AUTO(mp_freep) struct dynamic *dyn = NULL;
	const GElf_Phdr *phdr;
	GElf_Ehdr header;

	if (read_header(reader, &header, err))
		return -1;
	elf->elf_class = reader->elf_class;
	elf->byte_order = reader->byte_order;
	elf->machine = header.e_machine;
	elf->flags = header.e_flags;
	/* Object files and core dumps: no loader ever reads them. */
	if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
		return 0;
	if (read_phdrs(reader, &header, err) || read_interpreter(reader, &elf->interpreter, err))
		return -1;
	phdr = find_phdr(reader, PT_DYNAMIC);
	if (!phdr || phdr->p_filesz == 0) /* empty in a file of debug symbols alone */
		return 0;
	dyn = mp_xcalloc(1, sizeof(*dyn));
	if (read_dynamic(reader, phdr, dyn, err) || read_strings(reader, dyn, elf, err))
		return -1;
	elf->dynamic = true;
	elf->has_runpath = dyn->has_runpath;
	elf->no_default_lib = dyn->no_default_lib;
	return read_rest(reader, dyn, header.e_type == ET_EXEC, elf, err);
}

/* 1 where @fd begins with ELF's magic number, and then class and byte order are known. */
static int read_ident(struct reader *reader, struct mp_error *err)
{
	unsigned char ident[EI_NIDENT];

	if (mp_contents_size(reader->contents, &reader->size_bytes) < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read '%s'", reader->name);
	if (reader->size_bytes < SELFMAG)
		return 0;
	if (read_at(reader, 0, ident, SELFMAG, "the magic number", err))
		return -1;
	if (memcmp(ident, ELFMAG, SELFMAG) != 0)
		return 0;
	if (read_at(reader, 0, ident, sizeof(ident), "the file header", err))
		return -1;
	reader->elf_class = ident[EI_CLASS];
	reader->byte_order = ident[EI_DATA];
	if (reader->elf_class != ELFCLASS32 && reader->elf_class != ELFCLASS64)
		return malformed(reader, "its class is neither 32-bit nor 64-bit", err);
	if (reader->byte_order != ELFDATA2LSB && reader->byte_order != ELFDATA2MSB)
		return malformed(reader, "its byte order is neither of the two", err);
	return 1;
}

int mp_elf_read(const struct mp_contents *contents, const char *name, struct mp_elf *elf_out,
		struct mp_error *err)
{
	MP_AUTO(reader_clear) struct reader reader = { .contents = contents, .name = name };
	MP_AUTO(mp_elf_clear) struct mp_elf elf = { 0 };
	int rc = read_ident(&reader, err);

	if (rc <= 0)
		return rc;
	elf_version(EV_CURRENT);
	if (read_elf(&reader, &elf, err))
		return -1;
	*elf_out = elf;
	elf = (struct mp_elf){ 0 };
	return 1;
}

void mp_elf_clear(struct mp_elf *elf)
{
	mp_freep(&elf->interpreter);
	mp_freep(&elf->soname);
	mp_strv_free(&elf->needed);
	mp_strv_free(&elf->filters);
	mp_strv_free(&elf->auxiliary);
	mp_strv_free(&elf->rpath);
	mp_strv_free(&elf->runpath);
	mp_dlopens_free(&elf->dlopens);
	*elf = (struct mp_elf){ 0 };
}
