/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/elf_internal.h"

#include "core/log.h"

#include <string.h>

/* Of one PT_NOTE; the largest in use have some kilobytes. */
#define NOTES_MAX_BYTES 65536
#define DLOPENS_MAX 1024
/* A hostile file may have millions of them, each of which could be complained of: the first is. */
static void warn(struct mp_elf_reader *reader, const struct mp_error *err)
{
	if (!reader->warned)
		mp_warn("%s; it is passed over", err->msg);
	reader->warned = true;
}

static void take_dlopen_note(struct mp_elf_reader *reader, const char *text, size_t len,
			     struct mp_dlopens *dlopens)
{
	MP_AUTO(mp_freep) char *json = mp_xstrndup(text, strnlen(text, len));
	struct mp_error err;

	if (dlopens->n < DLOPENS_MAX && mp_dlopen_parse(json, reader->name, dlopens, &err))
		warn(reader, &err);
}

/* One note: where the next begins, or SIZE_MAX where this one makes no sense. */
static size_t take_note(struct mp_elf_reader *reader, const char *notes, size_t len, size_t at,
			size_t align, struct mp_dlopens *dlopens)
{
	const char *name, *text;
	size_t name_room, text_room;
	Elf32_Nhdr note; /* the same in both classes */

	if (mp_elf_translate(reader, MP_ELF_WORD, notes + at, sizeof(note), &note, NULL))
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
static int read_notes(struct mp_elf_reader *reader, const Elf64_Phdr *phdr,
		      struct mp_dlopens *dlopens, struct mp_error *err)
{
	size_t len = phdr->p_filesz < NOTES_MAX_BYTES ? phdr->p_filesz : NOTES_MAX_BYTES;
	/* System V's 8 in the 64-bit class is used where the segment says so alone. */
	size_t align = phdr->p_align == 8 ? 8 : 4;
	MP_AUTO(mp_freep) char *notes = NULL;
	struct mp_error local;

	if (len < sizeof(Elf32_Nhdr))
		return 0;
	notes = mp_xmalloc(len);
	if (mp_elf_read_at(reader, phdr->p_offset, notes, len, "PT_NOTE", &local)) {
		if (local.code == MP_E_SYS) {
			if (err)
				*err = local;
			return -1;
		}
		warn(reader, &local);
		return 0;
	}
	for (size_t at = 0; at < len && len - at >= sizeof(Elf32_Nhdr);) {
		at = take_note(reader, notes, len, at, align, dlopens);
		if (at == SIZE_MAX && !reader->warned)
			mp_warn("'%s' has malformed notes: what it loads by dlopen may be missed",
				reader->name);
		reader->warned |= at == SIZE_MAX;
	}
	return 0;
}

int mp_elf_read_notes(struct mp_elf_reader *reader, struct mp_dlopens *dlopens,
		      struct mp_error *err)
{
	for (size_t i = 0; i < reader->n_phdrs; i++) {
		if (reader->phdrs[i].p_type == PT_NOTE &&
		    read_notes(reader, &reader->phdrs[i], dlopens, err))
			return -1;
	}
	return 0;
}
