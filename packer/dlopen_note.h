/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_DLOPEN_NOTE_H
#define MP_PACKER_DLOPEN_NOTE_H

#include "core/buf.h"
#include "core/error.h"

/*
 * ".note.dlopen": what an ELF file says of the libraries that it loads by dlopen(3)
 * (https://systemd.io/ELF_DLOPEN_METADATA).
 */
#define MP_DLOPEN_NOTE_TYPE 0x407c0c0aU
#define MP_DLOPEN_NOTE_OWNER "FDO" /* with its NUL */

enum mp_dlopen_priority {
	MP_DLOPEN_REQUIRED,    /* the file does not work without it */
	MP_DLOPEN_RECOMMENDED, /* works, but should have it; where a note does not say */
	MP_DLOPEN_SUGGESTED,
};

/* One feature that needs a library: any of several, the first that is found. */
struct mp_dlopen {
	struct mp_strv sonames; /* at least one */
	enum mp_dlopen_priority priority;
};

struct mp_dlopens {
	struct mp_dlopen *v;
	size_t n;
	size_t cap;
};

/*
 * Appends what the note @text says: an array of objects, or one object. @name: of the file, in
 * errors. MP_E_FORMAT where it is not what the specification says, and then nothing is appended.
 */
MP_MUST_USE int mp_dlopen_parse(const char *text, const char *name, struct mp_dlopens *dlopens,
				struct mp_error *err);
void mp_dlopens_free(struct mp_dlopens *dlopens);

#endif
