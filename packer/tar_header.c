/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/tar_internal.h"

#include "packer/rootfs_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Bounds on what a header may ask for; far beyond any real file. */
#define XATTRS_MAX 1000        /* of one file */
#define XATTR_NAME_LEN_MAX 255 /* XATTR_NAME_MAX of linux/limits.h */
#define XATTR_VALUE_MAX 65536  /* XATTR_SIZE_MAX of the same */
#define SEGMENTS_MAX (1 << 20) /* of a sparse file */

static const char bad_map[] = "bad map of a sparse file";

bool mp_tar_parse_decimal(const char *text, size_t len, int64_t *out)
{
	uint64_t value = 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]) ||
		    __builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value) ||
		    value > INT64_MAX)
			return false;
	}
	*out = (int64_t)value;
	return true;
}

/* For what octal digits have no room for: two's complement, big-endian, the first bit a mark. */
static bool parse_base256(const unsigned char *field, size_t len, int64_t *out)
{
	bool negative = field[0] & 0x40;
	uint64_t value = negative ? UINT64_MAX : 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char byte = field[i];

		if (i == 0 && !negative)
			byte &= 0x7f;
		if (value >> 55 != (negative ? UINT64_MAX >> 55 : 0))
			return false;
		value = value << 8 | byte;
	}
	*out = (int64_t)value;
	return true;
}

bool mp_tar_parse_number(const unsigned char *field, size_t len, int64_t *out)
{
	uint64_t value = 0;
	size_t i = 0;

	if (field[0] & 0x80)
		return parse_base256(field, len, out);
	while (i < len && field[i] == ' ')
		i++;
	for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
		value = value << 3 | (uint64_t)(field[i] - '0'); /* 12 digits at most: 36 bits */
	if (i < len && field[i] != ' ' && field[i] != '\0')
		return false;
	*out = (int64_t)value;
	return true;
}

/* "[-]seconds[.fraction]"; digits beyond the ninth are cut off. */
static bool parse_time(const char *text, size_t len, int64_t *seconds, uint32_t *nanoseconds)
{
	bool negative = len > 0 && text[0] == '-';
	const char *digits = text + negative, *end = text + len;
	const char *dot = memchr(digits, '.', (size_t)(end - digits));
	uint32_t scale = 100000000, ns = 0;
	int64_t s;

	if (!mp_tar_parse_decimal(digits, (size_t)((dot ? dot : end) - digits), &s))
		return false;
	for (const char *p = dot ? dot + 1 : end; p < end; p++) {
		if (!isdigit((unsigned char)*p))
			return false;
		ns += (uint32_t)(*p - '0') * scale;
		scale /= 10;
	}
	*seconds = negative ? -s - (ns > 0) : s;
	*nanoseconds = negative && ns > 0 ? 1000000000 - ns : ns;
	return true;
}

/* Sparse files */

const char *mp_tar_sparse_add(struct mp_tar_sparse *sparse, int64_t number)
{
	if (number < 0)
		return bad_map;
	if (sparse->half) {
		sparse->v[sparse->n - 1].len = (uint64_t)number;
		sparse->half = false;
		return NULL;
	}
	if (sparse->n >= SEGMENTS_MAX)
		return "more parts of a sparse file than can be read";
	sparse->v = mp_array_grow(sparse->v, sparse->n, &sparse->cap, sizeof(*sparse->v));
	sparse->v[sparse->n++] = (struct mp_tar_segment){ (uint64_t)number, 0 };
	sparse->half = true;
	return NULL;
}

const char *mp_tar_sparse_add_gnu(struct mp_tar_sparse *sparse, const unsigned char *pairs,
				  size_t count)
{
	for (const unsigned char *field = pairs; field < pairs + 24 * count; field += 12) {
		const char *wrong;
		int64_t number;

		if (!sparse->half && field[0] == '\0')
			break;
		if (!mp_tar_parse_number(field, 12, &number))
			return bad_map;
		wrong = mp_tar_sparse_add(sparse, number);
		if (wrong)
			return wrong;
	}
	return NULL;
}

bool mp_tar_sparse_is_read(const struct mp_tar_sparse *sparse)
{
	return sparse->counted && sparse->expected == 0;
}

/* A number of a 1.0 map is complete: first how many parts, then their offsets and lengths. */
static const char *take_map_number(struct mp_tar_sparse *sparse)
{
	int64_t number;

	if (!mp_tar_parse_decimal(sparse->digits, sparse->n_digits, &number))
		return bad_map;
	sparse->n_digits = 0;
	if (sparse->counted) {
		sparse->expected--;
		return mp_tar_sparse_add(sparse, number);
	}
	if (number > SEGMENTS_MAX)
		return "more parts of a sparse file than can be read";
	sparse->counted = true;
	sparse->expected = 2 * (uint64_t)number;
	return NULL;
}

const char *mp_tar_sparse_add_text(struct mp_tar_sparse *sparse, const char *text, size_t len)
{
	for (const char *p = text; p < text + len && !mp_tar_sparse_is_read(sparse); p++) {
		if (*p != '\n' && sparse->n_digits == sizeof(sparse->digits))
			return bad_map;
		if (*p != '\n') {
			sparse->digits[sparse->n_digits++] = *p;
		} else {
			const char *wrong = take_map_number(sparse);

			if (wrong)
				return wrong;
		}
	}
	return NULL;
}

const char *mp_tar_sparse_check(const struct mp_tar_sparse *sparse, uint64_t data_bytes)
{
	uint64_t end = 0, sum = 0;

	if (sparse->half)
		return bad_map;
	for (size_t i = 0; i < sparse->n; i++) {
		const struct mp_tar_segment *part = &sparse->v[i];

		if (part->offset < end || part->offset > sparse->size ||
		    part->len > sparse->size - part->offset)
			return bad_map;
		end = part->offset + part->len;
		sum += part->len;
	}
	return sum == data_bytes ? NULL : "the map of a sparse file does not match its size";
}

void mp_tar_sparse_clear(struct mp_tar_sparse *sparse)
{
	mp_freep(&sparse->v);
	*sparse = (struct mp_tar_sparse){ 0 };
}

/* Extended headers */

static bool key_is(const char *key, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(key, name, len) == 0;
}

/* Whether @key begins with @prefix and goes on behind it; moves to that part. */
static bool skip_prefix(const char **key, size_t *len, const char *prefix)
{
	size_t n = strlen(prefix);

	if (*len <= n || memcmp(*key, prefix, n) != 0)
		return false;
	*key += n;
	*len -= n;
	return true;
}

/* An empty value takes back what was said. */
static bool set_text(char **out, const char *value, size_t len)
{
	if (memchr(value, '\0', len))
		return false;
	mp_freep(out);
	*out = len ? mp_xstrndup(value, len) : NULL;
	return true;
}

static bool set_number(bool *has, int64_t *out, const char *value, size_t len)
{
	*has = len > 0;
	return len == 0 || mp_tar_parse_decimal(value, len, out);
}

static bool set_time(struct mp_tar_extended *ext, const char *value, size_t len)
{
	ext->has_mtime = len > 0;
	return len == 0 || parse_time(value, len, &ext->mtime_s, &ext->mtime_ns);
}

static const char *apply_xattr(struct mp_tar_extended *ext, const char *name, size_t name_len,
			       const char *value, size_t len)
{
	MP_AUTO(mp_freep) char *text = mp_xstrndup(name, name_len);

	if (strlen(text) != name_len || name_len > XATTR_NAME_LEN_MAX || len > XATTR_VALUE_MAX)
		return "an extended attribute that no file can have";
	if (!mp_xattr_is_kept(text))
		return NULL;
	if (ext->xattrs.n_xattrs >= XATTRS_MAX)
		return "too many extended attributes";
	mp_node_set_xattr(&ext->xattrs, text, value, len);
	return NULL;
}

/* "offset,length,offset,length…" */
static const char *apply_sparse_map(struct mp_tar_sparse *sparse, const char *value, size_t len)
{
	const char *end = value + len;

	while (value < end) {
		const char *comma = memchr(value, ',', (size_t)(end - value));
		const char *stop = comma ? comma : end, *wrong;
		int64_t number;

		if (!mp_tar_parse_decimal(value, (size_t)(stop - value), &number))
			return bad_map;
		wrong = mp_tar_sparse_add(sparse, number);
		if (wrong)
			return wrong;
		value = comma ? comma + 1 : end;
	}
	return NULL;
}

/* The manual of GNU tar, "Storing Sparse Files": 0.0, 0.1 and 1.0. @key without "GNU.sparse.". */
static const char *apply_sparse(struct mp_tar_extended *ext, const char *key, size_t key_len,
				const char *value, size_t len)
{
	int64_t number;

	if (key_is(key, key_len, "name"))
		return set_text(&ext->sparse_name, value, len) ? NULL : "bad name of a sparse file";
	ext->sparse.used = true;
	if (key_is(key, key_len, "map"))
		return apply_sparse_map(&ext->sparse, value, len);
	if (!mp_tar_parse_decimal(value, len, &number))
		return "bad number in a sparse file's header";
	if (key_is(key, key_len, "offset") || key_is(key, key_len, "numbytes"))
		return mp_tar_sparse_add(&ext->sparse, number);
	if (key_is(key, key_len, "major"))
		ext->sparse_major = number;
	if (key_is(key, key_len, "minor"))
		ext->sparse_minor = number;
	if (key_is(key, key_len, "size") || key_is(key, key_len, "realsize")) {
		ext->sparse.size = (uint64_t)number;
		ext->has_sparse_size = true;
	}
	return NULL;
}

/* Keys that say nothing about what a file system keeps are passed over. */
static const char *apply_record(struct mp_tar_extended *ext, const char *key, size_t key_len,
				const char *value, size_t len)
{
	bool ok = true;

	if (skip_prefix(&key, &key_len, "SCHILY.xattr."))
		return apply_xattr(ext, key, key_len, value, len);
	if (skip_prefix(&key, &key_len, "GNU.sparse."))
		return apply_sparse(ext, key, key_len, value, len);
	if (key_is(key, key_len, "path"))
		ok = set_text(&ext->path, value, len);
	else if (key_is(key, key_len, "linkpath"))
		ok = set_text(&ext->link, value, len);
	else if (key_is(key, key_len, "size"))
		ok = set_number(&ext->has_size, &ext->size, value, len);
	else if (key_is(key, key_len, "uid"))
		ok = set_number(&ext->has_uid, &ext->uid, value, len);
	else if (key_is(key, key_len, "gid"))
		ok = set_number(&ext->has_gid, &ext->gid, value, len);
	else if (key_is(key, key_len, "mtime"))
		ok = set_time(ext, value, len);
	return ok ? NULL : "bad value in an extended header";
}

/* One record, "<length> <key>=<value>\n", at the begin of @text. */
static const char *parse_record(struct mp_tar_extended *ext, const char *text, size_t len,
				size_t *used_out)
{
	static const char bad_record[] = "bad record in an extended header";
	const char *space = memchr(text, ' ', len);
	const char *key, *equals, *end;
	int64_t size;

	if (!space || !mp_tar_parse_decimal(text, (size_t)(space - text), &size) ||
	    (uint64_t)size > len || text + size <= space + 1 || text[size - 1] != '\n')
		return bad_record;
	key = space + 1;
	end = text + size - 1;
	equals = memchr(key, '=', (size_t)(end - key));
	if (!equals || equals == key)
		return bad_record;
	*used_out = (size_t)size;
	return apply_record(ext, key, (size_t)(equals - key), equals + 1,
			    (size_t)(end - equals - 1));
}

const char *mp_tar_extended_parse(struct mp_tar_extended *ext, const char *text, size_t len)
{
	ext->used = true;
	while (len > 0) {
		size_t used = 0;
		const char *wrong = parse_record(ext, text, len, &used);

		if (wrong)
			return wrong;
		text += used;
		len -= used;
	}
	return NULL;
}

void mp_tar_extended_clear(struct mp_tar_extended *ext)
{
	mp_freep(&ext->path);
	mp_freep(&ext->link);
	mp_freep(&ext->sparse_name);
	mp_tar_sparse_clear(&ext->sparse);
	mp_node_clear(&ext->xattrs);
	*ext = (struct mp_tar_extended){ 0 };
}
