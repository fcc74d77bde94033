/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_PATTERN_H
#define MP_PACKER_PATTERN_H

#include "core/buf.h"
#include "core/error.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Patterns of paths, as --keep and --drop take them: absolute, matched against whole paths, byte by
 * byte, whatever the locale is. A leading '.' is a byte as any other.
 *
 *   *        any bytes but '/', also none
 *   **       any bytes; between two '/' any number of directories, also none
 *   ?        one byte but '/'
 *   [a-z_]   one byte of these, never '/'; [!a-z] or [^a-z] one of the others; a ']' comes first
 *   {a,b}    the alternatives, which may hold all of this, '/' and braces too
 *   \xHH \\  a byte, as in a list of paths; also \* \? \[ \] \{ \} and \, for the character itself
 *
 * Matching takes time in proportion to the pattern's length times the path's.
 */
struct mp_pattern {
	/* The names before the first that has a special character: a clean path, "/" at least. */
	char *prefix;
	struct mp_token *tokens; /* of what follows it; none: the prefix is all there is */
	size_t n_tokens;
	size_t cap_tokens;
};

struct mp_patterns {
	struct mp_pattern *v;
	size_t n;
	size_t cap;
};

/* Longer ones, and ones that stand for more alternatives, are refused. */
#define MP_PATTERN_MAX_BYTES 8192
#define MP_PATTERN_MAX_ALTERNATIVES 1024

/*
 * Appends what @text stands for, an element for each alternative of its braces. MP_E_FORMAT says
 * what is wrong with it.
 */
MP_MUST_USE int mp_pattern_parse(const char *text, struct mp_patterns *patterns,
				 struct mp_error *err);
void mp_patterns_free(struct mp_patterns *patterns);

/*
 * How far a pattern has come in a path: the tokens that may be next, a bit each. Owned; one that is
 * copied by mp_match_copy too.
 */
struct mp_match {
	uint64_t *bits;
	size_t n_words;
};

/* Before the first byte behind the prefix. */
void mp_match_begin(const struct mp_pattern *pattern, struct mp_match *match);
void mp_match_copy(struct mp_match *dst, const struct mp_match *src);
/* false: nothing that goes on so can match. */
bool mp_match_advance(const struct mp_pattern *pattern, struct mp_match *match, const char *text,
		      size_t len);
/* Whether what was seen so far is a match. */
bool mp_match_is_complete(const struct mp_pattern *pattern, const struct mp_match *match);
void mp_match_free(struct mp_match *match);

/*
 * Whether @path or a directory that it is in matches. @prefix: what stands for the pattern's own
 * prefix, which may lead through symlinks.
 */
bool mp_pattern_covers(const struct mp_pattern *pattern, const char *prefix, const char *path);

#endif
