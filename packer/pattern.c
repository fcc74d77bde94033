/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/pattern.h"

#include "core/path.h"

#include <string.h>

#define SPECIAL "*?["
#define CAN_BE_QUOTED "*?[]{},"

enum token_type {
	TOKEN_BYTE,
	TOKEN_ANY,  /* ? */
	TOKEN_SET,  /* [...] */
	TOKEN_STAR, /* * */
	TOKEN_DEEP, /* ** */
	TOKEN_DIRS, /* ** and the '/' behind it, where a '/' stands before: whole names, or none */
};

struct mp_token {
	enum token_type type;
	unsigned char byte;
	uint8_t *set; /* TOKEN_SET: 256 bits */
};

static void pattern_clear(struct mp_pattern *pattern)
{
	for (size_t i = 0; i < pattern->n_tokens; i++)
		mp_freep(&pattern->tokens[i].set);
	mp_freep(&pattern->tokens);
	mp_freep(&pattern->prefix);
	*pattern = (struct mp_pattern){ 0 };
}

void mp_patterns_free(struct mp_patterns *patterns)
{
	for (size_t i = 0; i < patterns->n; i++)
		pattern_clear(&patterns->v[i]);
	mp_freep(&patterns->v);
	*patterns = (struct mp_patterns){ 0 };
}

/* Reading */

/* The byte that the escape at @text stands for: its length, 0 where there is no such escape. */
static size_t read_escape(const char *text, unsigned char *byte_out)
{
	if (text[1] == '\\' || (text[1] && strchr(CAN_BE_QUOTED, text[1]))) {
		*byte_out = (unsigned char)text[1];
		return 2;
	}
	return mp_path_read_escape(text, byte_out) && *byte_out != '/' ? 4 : 0;
}

/* The length of what stands at @text as one: an escape, a set, a byte; whatever is in it. */
static size_t unit_length(const char *text)
{
	size_t i = 1;

	if (text[0] == '\\')
		return text[1] ? 2 : 1;
	if (text[0] != '[')
		return 1;
	if (text[i] == '!' || text[i] == '^')
		i++;
	if (text[i] == ']')
		i++;
	while (text[i] && text[i] != ']' && text[i] != '/')
		i += text[i] == '\\' && text[i + 1] ? 2 : 1;
	/* A set that has no end is found fault with later. */
	return text[i] == ']' ? i + 1 : 1;
}

static struct mp_token *add_token(struct mp_pattern *pattern, enum token_type type)
{
	struct mp_token *token;

	pattern->tokens = mp_array_grow(pattern->tokens, pattern->n_tokens, &pattern->cap_tokens,
					sizeof(*pattern->tokens));
	token = &pattern->tokens[pattern->n_tokens++];
	*token = (struct mp_token){ .type = type };
	return token;
}

static void add_byte(struct mp_pattern *pattern, unsigned char byte)
{
	add_token(pattern, TOKEN_BYTE)->byte = byte;
}

/* One member of a set: its length, or 0 where it is malformed. */
static size_t read_member(const char *text, unsigned char *byte_out)
{
	if (text[0] == '\\')
		return read_escape(text, byte_out);
	*byte_out = (unsigned char)text[0];
	return text[0] && text[0] != '/' ? 1 : 0;
}

/* What is in the brackets that begin at @text; NULL where it makes no sense. */
static uint8_t *read_set(const char *text, size_t len)
{
	MP_AUTO(mp_freep) uint8_t *set = mp_xcalloc(1, 256 / 8);
	bool negated = text[1] == '!' || text[1] == '^';
	const char *end = text + len - 1;

	for (const char *p = text + 1 + negated; p < end;) {
		unsigned char first, last;
		size_t taken = read_member(p, &first);

		if (!taken || (p[0] == '[' && p[1] == ':'))
			return NULL;
		p += taken;
		last = first;
		if (p[0] == '-' && p + 1 < end) {
			taken = read_member(p + 1, &last);
			if (!taken || last < first)
				return NULL;
			p += taken + 1;
		}
		for (unsigned int byte = first; byte <= last; byte++)
			set[byte / 8] |= (uint8_t)(1u << byte % 8);
	}
	for (size_t i = 0; negated && i < 256 / 8; i++)
		set[i] = (uint8_t)~set[i];
	set['/' / 8] &= (uint8_t) ~(1u << '/' % 8);
	return MP_STEAL(set);
}

/* The stars at @text: how long they are. */
static size_t read_stars(struct mp_pattern *pattern, const char *text)
{
	size_t len = strspn(text, "*");

	if (len == 1) {
		add_token(pattern, TOKEN_STAR);
	} else if (text[len] == '/' && text[-1] == '/') {
		add_token(pattern, TOKEN_DIRS);
		len++;
	} else {
		add_token(pattern, TOKEN_DEEP);
	}
	return len;
}

static int malformed(struct mp_error *err, const char *text, const char *what)
{
	return mp_error_set(err, MP_E_FORMAT, 0, "'%s': %s", text, what);
}

/* Tokens of @rest, the part of the clean @text that begins with the first special name. */
static int read_tokens(struct mp_pattern *pattern, const char *rest, const char *text,
		       struct mp_error *err)
{
	for (const char *p = rest; *p;) {
		size_t len = unit_length(p);
		unsigned char byte;

		if (*p == '*') {
			len = read_stars(pattern, p);
		} else if (*p == '?') {
			add_token(pattern, TOKEN_ANY);
		} else if (*p == '\\') {
			len = read_escape(p, &byte);
			if (!len)
				return malformed(err, text,
						 "malformed escape; a backslash is written '\\\\'");
			add_byte(pattern, byte);
		} else if (*p == '[') {
			uint8_t *set = len > 2 ? read_set(p, len) : NULL;

			if (!set)
				return malformed(err, text,
						 "malformed [...]; a bracket by itself "
						 "is written '\\['");
			add_token(pattern, TOKEN_SET)->set = set;
		} else {
			add_byte(pattern, (unsigned char)*p);
		}
		p += len;
	}
	return 0;
}

/* Where the first name with a special character begins: at its '/', or at the end of @text. */
static size_t literal_length(const char *text)
{
	size_t slash = 0;

	for (size_t i = 0; text[i]; i += unit_length(text + i)) {
		if (text[i] == '/')
			slash = i;
		if (strchr(SPECIAL, text[i]))
			return slash;
	}
	return strlen(text);
}

/* Also once escapes are read. */
static bool is_clean(const char *path)
{
	MP_AUTO(mp_freep) char *clean = mp_path_clean(path);

	return strcmp(clean, path) == 0 && !mp_path_has_dotdot(path);
}

/* One alternative: no more braces. */
static int parse_alternative(const char *text, struct mp_patterns *patterns, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *clean = mp_path_clean(text);
	MP_AUTO(mp_buf_free) struct mp_buf prefix = { 0 };
	MP_AUTO(pattern_clear) struct mp_pattern pattern = { 0 };
	size_t literal;

	if (!clean)
		return malformed(err, text, "a pattern begins with '/'");
	if (mp_path_has_dotdot(clean))
		return malformed(err, text, "a pattern has no '..'");
	literal = literal_length(clean);
	for (size_t i = 0, len; i < literal; i += len) {
		unsigned char byte = (unsigned char)clean[i];

		len = clean[i] == '\\' ? read_escape(clean + i, &byte) : 1;
		if (!len)
			return malformed(err, text,
					 "malformed escape; a backslash is written '\\\\'");
		mp_buf_addc(&prefix, (char)byte);
	}
	if (literal < strlen(clean) && read_tokens(&pattern, clean + literal, text, err))
		return -1;
	pattern.prefix = prefix.len ? mp_buf_steal(&prefix) : mp_xstrdup("/");
	if (!is_clean(pattern.prefix))
		return malformed(err, text, "a pattern has no '..', however it is written");
	patterns->v = mp_array_grow(patterns->v, patterns->n, &patterns->cap, sizeof(*patterns->v));
	patterns->v[patterns->n++] = pattern;
	pattern = (struct mp_pattern){ 0 };
	return 0;
}

/*
 * The braces that begin at @text: its alternatives are appended to @alternatives, and what follows
 * the closing one is returned; NULL where there is none.
 */
static const char *read_braces(const char *text, struct mp_strv *alternatives)
{
	const char *start = text + 1;
	size_t depth = 0;

	for (const char *p = text; *p; p += unit_length(p)) {
		if (*p == '{')
			depth++;
		else if (*p == '}')
			depth--;
		if (depth == 0 || (depth == 1 && *p == ',')) {
			mp_strv_push_take(alternatives, mp_xstrndup(start, (size_t)(p - start)));
			start = p + 1;
		}
		if (depth == 0)
			return p + 1;
	}
	return NULL;
}

static const char *find_brace(const char *text)
{
	while (*text && *text != '{')
		text += unit_length(text);
	return *text ? text : NULL;
}

/* Puts the alternatives of the first braces of @text, each in its place, onto @todo. */
static int expand_first(const char *text, const char *brace, struct mp_strv *todo,
			struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv alternatives = { 0 };
	const char *rest = read_braces(brace, &alternatives);

	if (!rest)
		return malformed(err, text, "'{' without '}'; a brace by itself is written '\\{'");
	/* Last in, first out. */
	for (size_t i = alternatives.n; i > 0; i--)
		mp_strv_push_take(todo, mp_xasprintf("%.*s%s%s", (int)(brace - text), text,
						     alternatives.v[i - 1], rest));
	return 0;
}

static int parse_all(const char *text, struct mp_strv *todo, struct mp_patterns *patterns,
		     struct mp_error *err)
{
	size_t n_expanded = 0;

	mp_strv_push(todo, text);
	while (todo->n > 0) {
		MP_AUTO(mp_freep) char *next = todo->v[--todo->n];
		const char *brace = find_brace(next);
		int rc;

		if (n_expanded > MP_PATTERN_MAX_ALTERNATIVES ||
		    patterns->n + todo->n >= MP_PATTERN_MAX_ALTERNATIVES)
			return malformed(err, text, "too many alternatives in braces");
		n_expanded += brace != NULL;
		rc = brace ? expand_first(next, brace, todo, err)
			   : parse_alternative(next, patterns, err);
		if (rc)
			return -1;
	}
	return 0;
}

int mp_pattern_parse(const char *text, struct mp_patterns *patterns, struct mp_error *err)
{
	MP_AUTO(mp_strv_free) struct mp_strv todo = { 0 };
	MP_AUTO(mp_patterns_free) struct mp_patterns found = { 0 };

	if (strlen(text) > MP_PATTERN_MAX_BYTES)
		return mp_error_set(err, MP_E_FORMAT, 0, "'%.40s…': longer than %d bytes", text,
				    MP_PATTERN_MAX_BYTES);
	if (parse_all(text, &todo, &found, err))
		return -1;
	for (size_t i = 0; i < found.n; i++) {
		patterns->v = mp_array_grow(patterns->v, patterns->n, &patterns->cap,
					    sizeof(*patterns->v));
		patterns->v[patterns->n++] = found.v[i];
	}
	found.n = 0;
	return 0;
}

/* Matching: all positions at once, so that no byte of the path is looked at twice. */

static void set_bit(struct mp_match *match, size_t i)
{
	match->bits[i / 64] |= UINT64_C(1) << i % 64;
}

static bool has_bit(const struct mp_match *match, size_t i)
{
	return match->bits[i / 64] >> i % 64 & 1;
}

/* The token @i may be next; and the one behind it, where @i stands for nothing as well. */
static void enter(const struct mp_pattern *pattern, struct mp_match *match, size_t i)
{
	set_bit(match, i);
	while (i < pattern->n_tokens && pattern->tokens[i].type >= TOKEN_STAR)
		set_bit(match, ++i);
}

void mp_match_begin(const struct mp_pattern *pattern, struct mp_match *match)
{
	match->n_words = pattern->n_tokens / 64 + 1;
	match->bits = mp_xcalloc(match->n_words, sizeof(*match->bits));
	enter(pattern, match, 0);
}

void mp_match_copy(struct mp_match *dst, const struct mp_match *src)
{
	dst->n_words = src->n_words;
	dst->bits = mp_xmalloc(src->n_words * sizeof(*src->bits));
	memcpy(dst->bits, src->bits, src->n_words * sizeof(*src->bits));
}

void mp_match_free(struct mp_match *match)
{
	mp_freep(&match->bits);
}

/* Where @byte leads to from the token @i. */
static void take_byte(const struct mp_pattern *pattern, size_t i, unsigned char byte,
		      struct mp_match *next)
{
	const struct mp_token *token = &pattern->tokens[i];

	switch (token->type) {
	case TOKEN_BYTE:
		if (byte == token->byte)
			enter(pattern, next, i + 1);
		break;
	case TOKEN_ANY:
		if (byte != '/')
			enter(pattern, next, i + 1);
		break;
	case TOKEN_SET:
		if (token->set[byte / 8] >> byte % 8 & 1)
			enter(pattern, next, i + 1);
		break;
	case TOKEN_STAR:
		if (byte != '/')
			enter(pattern, next, i);
		break;
	case TOKEN_DEEP:
		enter(pattern, next, i);
		break;
	case TOKEN_DIRS:
		if (byte == '/')
			enter(pattern, next, i);
		else
			set_bit(next, i);
		break;
	}
}

bool mp_match_advance(const struct mp_pattern *pattern, struct mp_match *match, const char *text,
		      size_t len)
{
	uint64_t words[MP_PATTERN_MAX_BYTES / 64 + 1];
	struct mp_match next = { .bits = words, .n_words = match->n_words };
	size_t size = match->n_words * sizeof(*words);
	bool alive = true;

	for (size_t at = 0; at < len && alive; at++) {
		memset(words, 0, size);
		for (size_t w = 0; w < match->n_words; w++) {
			for (uint64_t left = match->bits[w]; left; left &= left - 1) {
				size_t i = w * 64 + (size_t)__builtin_ctzll(left);

				if (i < pattern->n_tokens)
					take_byte(pattern, i, (unsigned char)text[at], &next);
			}
		}
		memcpy(match->bits, words, size);
		alive = false;
		for (size_t w = 0; w < match->n_words; w++)
			alive |= words[w] != 0;
	}
	return alive;
}

bool mp_match_is_complete(const struct mp_pattern *pattern, const struct mp_match *match)
{
	return has_bit(match, pattern->n_tokens);
}

bool mp_pattern_covers(const struct mp_pattern *pattern, const char *prefix, const char *path)
{
	MP_AUTO(mp_match_free) struct mp_match match = { 0 };
	const char *rest;

	if (!mp_path_is_under(path, prefix))
		return false;
	if (pattern->n_tokens == 0)
		return true;
	rest = path + (strcmp(prefix, "/") == 0 ? 0 : strlen(prefix));
	mp_match_begin(pattern, &match);
	while (*rest) {
		size_t len = 1 + strcspn(rest + 1, "/");

		if (!mp_match_advance(pattern, &match, rest, len))
			return false;
		if (mp_match_is_complete(pattern, &match))
			return true;
		rest += len;
	}
	return false;
}
