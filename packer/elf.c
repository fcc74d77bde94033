/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/elf_internal.h"

#include <limits.h>
#include <string.h>

/* 65536 entries; the largest dynamic sections in use have some hundred. */
#define DYNAMIC_MAX_BYTES (UINT64_C(1) << 20)
#define LIBRARIES_MAX 4096
#define SEARCH_DIRS_MAX 1024
#define SEARCH_PATH_MAX_BYTES 65536
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
	uint64_t strtab_size;
	struct mp_elf_symbols symbols;
};

/* The kernel's rules (fs/binfmt_elf.c): 2 to PATH_MAX bytes, the last of them a NUL. */
static int read_interpreter(struct mp_elf_reader *reader, char **out, struct mp_error *err)
{
	const Elf64_Phdr *phdr = mp_elf_find_phdr(reader, PT_INTERP);
	char text[PATH_MAX];

	if (!phdr || phdr->p_filesz == 0) /* empty in a file of debug symbols alone */
		return 0;
	if (phdr->p_filesz < 2 || phdr->p_filesz > sizeof(text))
		return mp_elf_malformed(reader, "its PT_INTERP has an impossible size", err);
	if (mp_elf_read_at(reader, phdr->p_offset, text, phdr->p_filesz, "PT_INTERP", err))
		return -1;
	if (text[phdr->p_filesz - 1] != '\0' || text[0] == '\0')
		return mp_elf_malformed(reader, "its PT_INTERP is not a string", err);
	*out = mp_xstrdup(text);
	return 0;
}

static int add_library(const struct mp_elf_reader *reader, uint64_t list[LIBRARIES_MAX], size_t *n,
		       uint64_t offset, struct mp_error *err)
{
	if (*n == LIBRARIES_MAX)
		return mp_elf_malformed(reader, "it needs more than 4096 libraries", err);
	list[(*n)++] = offset;
	return 0;
}

/* Of a tag that comes more than once the loader takes the last (elf_get_dynamic_info). */
static int take_entry(const struct mp_elf_reader *reader, struct dynamic *dyn, int64_t tag,
		      uint64_t value, struct mp_error *err)
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
		dyn->symbols.strtab_addr = value;
		break;
	case DT_STRSZ:
		dyn->strtab_size = value;
		break;
	case DT_SYMTAB:
		dyn->symbols.table_addr = value;
		break;
	case DT_GNU_HASH:
		dyn->symbols.gnu_hash_addr = value;
		break;
	case DT_HASH:
		dyn->symbols.hash_addr = value;
		break;
	}
	return 0;
}

static int take_entries(const struct mp_elf_reader *reader, struct dynamic *dyn, const void *table,
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
static int read_dynamic(struct mp_elf_reader *reader, const Elf64_Phdr *phdr, struct dynamic *dyn,
			struct mp_error *err)
{
	size_t entry = reader->elf_class == ELFCLASS64 ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
	MP_AUTO(mp_freep) char *raw = NULL;
	MP_AUTO(mp_freep) char *table = NULL;
	uint64_t offset, len;

	if (!mp_elf_locate(reader, phdr->p_vaddr, &offset, &len))
		return mp_elf_malformed(reader, "its PT_DYNAMIC is outside of the file", err);
	if (len > phdr->p_filesz)
		len = phdr->p_filesz;
	if (len > DYNAMIC_MAX_BYTES)
		len = DYNAMIC_MAX_BYTES;
	len -= len % entry;
	if (len == 0)
		return mp_elf_malformed(reader, "its PT_DYNAMIC is cut short", err);
	raw = mp_xmalloc(len);
	table = mp_xmalloc(len);
	if (mp_elf_read_at(reader, offset, raw, len, "PT_DYNAMIC", err) ||
	    mp_elf_translate(reader, MP_ELF_DYN, raw, len, table, err))
		return -1;
	return take_entries(reader, dyn, table, len, err);
}

static int read_names(const struct mp_elf_strings *strings, const uint64_t *indices, size_t n,
		      struct mp_strv *names, struct mp_error *err)
{
	for (size_t i = 0; i < n; i++) {
		char *name = NULL;

		if (mp_elf_read_string(strings, indices[i], PATH_MAX, &name, err))
			return -1;
		if (name[0])
			mp_strv_push_take(names, name);
		else
			mp_freep(&name);
	}
	return 0;
}

/* An empty path is none at all (glibc, decompose_rpath). */
static int read_search_path(const struct mp_elf_strings *strings, uint64_t index,
			    struct mp_strv *dirs, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *text = NULL;
	size_t n = 1;

	if (mp_elf_read_string(strings, index, SEARCH_PATH_MAX_BYTES, &text, err))
		return -1;
	for (const char *p = text; *p; p++)
		n += *p == ':';
	if (n > SEARCH_DIRS_MAX)
		return mp_elf_malformed(strings->reader, "it searches more than 1024 directories",
					err);
	if (text[0])
		mp_strv_split(dirs, text, ":");
	return 0;
}

static int read_strings(struct mp_elf_reader *reader, const struct dynamic *dyn, struct mp_elf *elf,
			struct mp_error *err)
{
	struct mp_elf_strings strings = { .reader = reader };

	if (!dyn->n_needed && !dyn->n_filters && !dyn->n_auxiliary && !dyn->has_soname &&
	    !dyn->has_rpath && !dyn->has_runpath)
		return 0;
	if (!dyn->has_strtab ||
	    !mp_elf_locate(reader, dyn->symbols.strtab_addr, &strings.offset, &strings.len))
		return mp_elf_malformed(reader, "its string table is outside of the file", err);
	if (strings.len > dyn->strtab_size)
		strings.len = dyn->strtab_size;
	if (read_names(&strings, dyn->needed, dyn->n_needed, &elf->needed, err) ||
	    read_names(&strings, dyn->filters, dyn->n_filters, &elf->filters, err) ||
	    read_names(&strings, dyn->auxiliary, dyn->n_auxiliary, &elf->auxiliary, err) ||
	    (dyn->has_soname &&
	     mp_elf_read_string(&strings, dyn->soname, PATH_MAX, &elf->soname, err)) ||
	    (dyn->has_rpath && read_search_path(&strings, dyn->rpath, &elf->rpath, err)) ||
	    (dyn->has_runpath && read_search_path(&strings, dyn->runpath, &elf->runpath, err)))
		return -1;
	return 0;
}

/* What the loader does not read of a dynamic object, but others will ask for. */
static int read_rest(struct mp_elf_reader *reader, const struct dynamic *dyn, bool executable,
		     struct mp_elf *elf, struct mp_error *err)
{
	struct mp_elf_strings strings = { .reader = reader };

	if (dyn->has_strtab &&
	    mp_elf_locate(reader, dyn->symbols.strtab_addr, &strings.offset, &strings.len)) {
		if (strings.len > dyn->strtab_size)
			strings.len = dyn->strtab_size;
		mp_elf_read_imports(&strings, &dyn->symbols, executable, &elf->libc_uses);
		if (elf->soname && strcmp(elf->soname, "libc.so.6") == 0)
			mp_elf_read_glibc_version(&strings, &elf->glibc_minor);
	}
	return mp_elf_read_notes(reader, &elf->dlopens, err);
}

static int read_elf(struct mp_elf_reader *reader, struct mp_elf *elf, struct mp_error *err)
{
	MP_AUTO(mp_freep) struct dynamic *dyn = NULL;
	const Elf64_Phdr *phdr;
	Elf64_Ehdr header;

	if (mp_elf_read_header(reader, &header, err))
		return -1;
	elf->elf_class = reader->elf_class;
	elf->byte_order = reader->byte_order;
	elf->machine = header.e_machine;
	elf->flags = header.e_flags;
	/* Object files and core dumps: no loader ever reads them. */
	if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
		return 0;
	if (mp_elf_read_phdrs(reader, &header, err) ||
	    read_interpreter(reader, &elf->interpreter, err))
		return -1;
	phdr = mp_elf_find_phdr(reader, PT_DYNAMIC);
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

int mp_elf_read(const struct mp_contents *contents, const char *name, struct mp_elf *elf_out,
		struct mp_error *err)
{
	MP_AUTO(mp_elf_reader_clear)
	struct mp_elf_reader reader = { .contents = contents, .name = name };
	MP_AUTO(mp_elf_clear) struct mp_elf elf = { 0 };
	int rc = mp_elf_read_ident(&reader, err);

	if (rc <= 0)
		return rc;
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
