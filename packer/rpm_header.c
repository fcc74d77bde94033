/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/bytes.h"
#include "packer/packages_internal.h"

#include <string.h>

/*
 * rpm's "header format" (its documentation, manual/format_header): two big-endian 32-bit numbers,
 * of index entries and of bytes in the store; entries of tag, type, offset in the store and count;
 * the store. In the database the eight bytes of magic before that are left out.
 */

enum { INTRO_SIZE = 8, ENTRY_SIZE = 16 };

/* RPMTAG_* */
enum tag {
	TAG_NAME = 1000,
	TAG_VERSION = 1001,
	TAG_RELEASE = 1002,
	TAG_EPOCH = 1003,
	TAG_VENDOR = 1011,
	TAG_LICENSE = 1014,
	TAG_URL = 1020,
	TAG_ARCH = 1022,
	TAG_SOURCERPM = 1044,
	TAG_DIRINDEXES = 1116,
	TAG_BASENAMES = 1117,
	TAG_DIRNAMES = 1118,
};

enum type { TYPE_INT32 = 4, TYPE_STRING = 6, TYPE_STRING_ARRAY = 8, TYPE_I18NSTRING = 9 };

/* A real package has at most some ten thousand. */
#define DIRS_MAX 200000

#define PATH_MAX_BYTES ((size_t)16384)
/* Of all paths of a package: a directory's name may be long, and used by each file. */
#define PATHS_MAX_BYTES ((size_t)64 << 20)

struct entry {
	uint32_t tag, type, offset, count;
};

struct blob {
	const unsigned char *index, *store;
	size_t n_entries, store_size;
};

static const char *split(const void *data, size_t len, struct blob *blob)
{
	const unsigned char *bytes = data;
	uint64_t n_entries, store_size;

	if (len < INTRO_SIZE)
		return "it is too short";
	n_entries = mp_be32(bytes);
	store_size = mp_be32(bytes + 4);
	if (INTRO_SIZE + n_entries * ENTRY_SIZE + store_size > len)
		return "its index and store are larger than it is";
	blob->n_entries = (size_t)n_entries;
	blob->store_size = (size_t)store_size;
	blob->index = bytes + INTRO_SIZE;
	blob->store = blob->index + blob->n_entries * ENTRY_SIZE;
	return NULL;
}

/* Whether @count texts, each with its NUL, lie in the store from @offset on. */
static bool has_texts(const struct blob *blob, uint32_t offset, uint32_t count)
{
	const unsigned char *at = blob->store + offset;
	const unsigned char *end = blob->store + blob->store_size;

	for (; count > 0; count--) {
		const unsigned char *nul = memchr(at, '\0', (size_t)(end - at));

		if (!nul)
			return false;
		at = nul + 1;
	}
	return true;
}

static const char *text_of(const struct blob *blob, const struct entry *entry, const char **out)
{
	if ((entry->type != TYPE_STRING && entry->type != TYPE_I18NSTRING) || entry->count < 1 ||
	    !has_texts(blob, entry->offset, 1))
		return "a text in it is none";
	*out = (const char *)blob->store + entry->offset;
	return NULL;
}

static const char *texts_of(const struct blob *blob, const struct entry *entry, const char **out,
			    size_t *n_out)
{
	if (entry->type != TYPE_STRING_ARRAY || !has_texts(blob, entry->offset, entry->count))
		return "a list of texts in it is none";
	*out = (const char *)blob->store + entry->offset;
	*n_out = entry->count;
	return NULL;
}

/* *out: the bytes of all numbers. */
static const char *numbers_of(const struct blob *blob, const struct entry *entry,
			      const unsigned char **out, size_t *n_out)
{
	if (entry->type != TYPE_INT32 ||
	    (uint64_t)entry->count * 4 > blob->store_size - entry->offset)
		return "a list of numbers in it is none";
	*out = blob->store + entry->offset;
	*n_out = entry->count;
	return NULL;
}

/* What is read besides texts. */
struct lists {
	const unsigned char *epochs;
	size_t n_epochs, n_indexes;
};

static const char *take_entry(const struct blob *blob, const struct entry *entry,
			      struct mp_rpm_header *header, struct lists *lists)
{
	switch (entry->tag) {
	case TAG_NAME:
		return text_of(blob, entry, &header->name);
	case TAG_VERSION:
		return text_of(blob, entry, &header->version);
	case TAG_RELEASE:
		return text_of(blob, entry, &header->release);
	case TAG_VENDOR:
		return text_of(blob, entry, &header->vendor);
	case TAG_LICENSE:
		return text_of(blob, entry, &header->license);
	case TAG_URL:
		return text_of(blob, entry, &header->url);
	case TAG_ARCH:
		return text_of(blob, entry, &header->architecture);
	case TAG_SOURCERPM:
		return text_of(blob, entry, &header->source);
	case TAG_BASENAMES:
		return texts_of(blob, entry, &header->bases, &header->n_files);
	case TAG_DIRNAMES:
		return texts_of(blob, entry, &header->dirs, &header->n_dirs);
	case TAG_DIRINDEXES:
		return numbers_of(blob, entry, &header->dir_indexes, &lists->n_indexes);
	case TAG_EPOCH:
		return numbers_of(blob, entry, &lists->epochs, &lists->n_epochs);
	default:
		return NULL;
	}
}

const char *mp_rpm_header_parse(const void *data, size_t len, struct mp_rpm_header *header_out)
{
	struct mp_rpm_header header = { 0 };
	struct lists lists = { 0 };
	struct blob blob;
	const char *wrong = split(data, len, &blob);
	/* Texts of a tag that comes again would be looked through again. */
	bool seen[TAG_DIRNAMES - TAG_NAME + 1] = { false };

	for (size_t i = 0; !wrong && i < blob.n_entries; i++) {
		const unsigned char *p = blob.index + i * ENTRY_SIZE;
		struct entry entry = { mp_be32(p), mp_be32(p + 4), mp_be32(p + 8),
				       mp_be32(p + 12) };

		/* Regions, which stand for a part of the index, and others that are not read. */
		if (entry.tag < TAG_NAME || entry.tag > TAG_DIRNAMES || seen[entry.tag - TAG_NAME])
			continue;
		if (entry.offset > blob.store_size)
			return "its index leads out of it";
		seen[entry.tag - TAG_NAME] = true;
		wrong = take_entry(&blob, &entry, &header, &lists);
	}
	if (wrong)
		return wrong;
	if (!header.name || !header.version || !header.release)
		return "it has no name, version and release";
	if (lists.n_indexes != header.n_files || header.n_dirs > DIRS_MAX)
		return "its lists of files do not belong together";
	header.has_epoch = lists.n_epochs > 0;
	header.epoch = header.has_epoch ? mp_be32(lists.epochs) : 0;
	*header_out = header;
	return NULL;
}

int mp_rpm_header_files(const struct mp_rpm_header *header,
			int (*each)(void *context, const char *path, struct mp_error *err),
			void *context, struct mp_error *err)
{
	MP_AUTO(mp_freep) const char **dirs = mp_xcalloc(header->n_dirs, sizeof(*dirs));
	MP_AUTO(mp_buf_free) struct mp_buf path = { 0 };
	const char *base = header->bases;
	const char *dir = header->dirs;
	size_t left = PATHS_MAX_BYTES;
	int rc = 0;

	for (size_t i = 0; i < header->n_dirs; i++, dir += strlen(dir) + 1)
		dirs[i] = dir;
	for (size_t i = 0; rc == 0 && i < header->n_files; i++, base += strlen(base) + 1) {
		uint32_t index = mp_be32(header->dir_indexes + i * 4);

		if (index >= header->n_dirs ||
		    strnlen(dirs[index], PATH_MAX_BYTES) + strnlen(base, PATH_MAX_BYTES) >=
			    PATH_MAX_BYTES)
			continue;
		mp_buf_clear(&path);
		mp_buf_adds(&path, dirs[index]);
		mp_buf_adds(&path, base);
		if (path.len > left)
			break;
		left -= path.len;
		rc = each(context, path.data, err);
	}
	return rc;
}
