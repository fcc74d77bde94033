/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_TAR_READER_H
#define MP_PACKER_TAR_READER_H

#include "packer/rootfs.h"

/*
 * Reads a tar archive that arrives in pieces: ustar and pax (POSIX.1-2017, pax, "ustar Interchange
 * Format" and "pax Interchange Format"), GNU's long names, large numbers and sparse files, v7. What
 * it takes for what follows Go's archive/tar, which engines read and write archives with.
 *
 * libarchive, which writes our archives, is not used to read them: it converts names through the
 * locale (NFD becomes NFC where that is UTF-8, so that a file would be packed under a name that
 * nobody opens), it pulls where an HTTP client pushes, and nothing bounds the memory that a sparse
 * map may take.
 */
struct mp_tar_reader;

struct mp_tar_entry {
	char *name;           /* bytes as they are in the archive: nothing about it is checked */
	char *link_name;      /* a hard link: the other name of the file, likewise; else NULL */
	struct mp_node node;  /* without file_dev, file_ino, nlink; xattrs as mp_xattr_is_kept */
	uint64_t data_offset; /* where its contents begin in the archive… */
	bool sparse;          /* …which are all of it, in one piece, unless this is set */
};

/* Called while the archive is fed. A call that fails ends the reading with its error. */
struct mp_tar_events {
	int (*entry)(void *context, const struct mp_tar_entry *entry, struct mp_error *err);
	/* Contents of the last entry, in ascending order; what is not delivered is a hole. */
	int (*data)(void *context, uint64_t offset, const void *data, size_t len,
		    struct mp_error *err);
};

/* @events: borrowed for as long as the reader lives. */
struct mp_tar_reader *mp_tar_reader_new(const struct mp_tar_events *events, void *context);
void mp_tar_reader_freep(struct mp_tar_reader **reader);

/*
 * Memory is bounded whatever is fed. After a failure (MP_E_FORMAT; or that of a callback) the
 * reader is of no further use. What follows the end of the archive is ignored.
 */
MP_MUST_USE int mp_tar_reader_feed(struct mp_tar_reader *reader, const void *data, size_t len,
				   struct mp_error *err);

/*
 * Passes over contents that come next, without delivering them: at most @max bytes, *skipped_out of
 * them, which the caller does not feed. 0 where something else comes next, or the contents are
 * those of a sparse file.
 */
MP_MUST_USE int mp_tar_reader_skip(struct mp_tar_reader *reader, uint64_t max,
				   uint64_t *skipped_out, struct mp_error *err);

/* Whether the blocks that end an archive were read. */
bool mp_tar_reader_is_ended(const struct mp_tar_reader *reader);

/*
 * MP_E_FORMAT unless the archive's end was reached. @bare_end: it may also end behind an entry,
 * without the blocks of zeros, as Go's archive/tar has it, and so engines with layers.
 */
MP_MUST_USE int mp_tar_reader_finish(const struct mp_tar_reader *reader, bool bare_end,
				     struct mp_error *err);

#endif
