/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/strace_text.h"

#include "core/trace.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S INT64_C(1000000000)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Lines */

/* "1700000000.123456", of -ttt; of -r, which counts from the last line, there are fewer digits. */
static int64_t epoch_ns(const char *text)
{
	char *end;
	long long seconds = strtoll(text, &end, 10);
	int64_t fraction = 0, unit = NS_PER_S;

	if (*end != '.' || end - text < 9 || end - text > 10 || seconds >= INT64_MAX / NS_PER_S)
		return -1;
	while (is_digit(*++end) && unit > 1) {
		unit /= 10;
		fraction += (*end - '0') * unit;
	}
	return seconds * NS_PER_S + fraction;
}

/* The length of a time at the start of @text, 0 where it is none: digits, and '.' or ':'. */
static size_t time_len(const char *text)
{
	size_t len = strspn(text, "0123456789.:");

	return len > strspn(text, "0123456789") && text[len] == ' ' && is_digit(text[0]) ? len : 0;
}

void mp_strace_prefix(char **text, long *pid_out, int64_t *time_ns_out)
{
	char *p = *text + strspn(*text, " "), *end;
	size_t len;

	*pid_out = 0;
	*time_ns_out = -1;
	if (strncmp(p, "[pid ", 5) == 0) {
		*pid_out = strtol(p + 5, &end, 10);
		if (*end == ']')
			p = end + 1;
	} else if (is_digit(*p) && !time_len(p)) {
		*pid_out = strtol(p, &end, 10);
		if (*end == ' ')
			p = end;
		else
			*pid_out = 0;
	}
	p += strspn(p, " ");
	while ((len = time_len(p)) > 0) {
		*time_ns_out = epoch_ns(p);
		p += len + strspn(p + len, " ");
	}
	*text = p;
}

size_t mp_strace_name_len(const char *text)
{
	size_t len = 0;

	while (is_word(text[len]) || text[len] == '?')
		len++;
	return text[len] == '(' ? len : 0;
}

bool mp_strace_is_fork(const char *text)
{
	static const char *const names[] = { "clone", "fork", "vfork", "clone2", "clone3" };
	size_t len = strcspn(text, "( ");

	for (size_t i = 0; i < MP_ARRAY_LEN(names); i++) {
		if (strlen(names[i]) == len && strncmp(text, names[i], len) == 0)
			return true;
	}
	return false;
}

/* Calls */

/* Behind the string at @p, which begins with its quote; NULL where that does not end. */
static const char *skip_string(const char *p)
{
	for (p++; *p != '"'; p++) {
		if (*p == '\\')
			p++;
		if (!*p)
			return NULL;
	}
	return p + 1;
}

/* Whether what a descriptor stands for begins at @p, a '<' in @text: "3<", "AT_FDCWD<". */
static bool begins_annotation(const char *text, const char *p)
{
	static const char cwd[] = "AT_FDCWD";
	const char *start = p;

	while (start > text && is_word(start[-1]))
		start--;
	if (start == p || p[1] == '<')
		return false;
	return strspn(start, "0123456789") == (size_t)(p - start) ||
	       ((size_t)(p - start) == sizeof(cwd) - 1 &&
		strncmp(start, cwd, sizeof(cwd) - 1) == 0);
}

/*
 * Behind the annotation at @p. In paths '<' and '>' are escaped, and a device stands in a pair of
 * its own; in sockets there is "->".
 */
static const char *skip_annotation(const char *p)
{
	bool is_path = p[1] == '/';
	int depth = 0;

	for (; *p; p++) {
		if (*p == '<')
			depth++;
		else if (*p == '>' && (is_path || p[-1] != '-') && --depth == 0)
			return p + 1;
	}
	return NULL;
}

/* Behind whatever token begins at @p. */
static const char *skip_token(const char *text, const char *p)
{
	const char *end;

	if (*p == '"')
		return skip_string(p);
	if (p[0] == '/' && p[1] == '*') {
		end = strstr(p + 2, "*/");
		return end ? end + 2 : NULL;
	}
	if (*p == '<' && begins_annotation(text, p))
		return skip_annotation(p);
	return p + 1;
}

static void push_argument(struct mp_strv *arguments, const char *start, const char *end)
{
	while (start < end && *start == ' ')
		start++;
	while (end > start && end[-1] == ' ')
		end--;
	if (start < end || arguments->n > 0)
		mp_strv_push_take(arguments, mp_xstrndup(start, (size_t)(end - start)));
}

/* Behind the ')' that ends the arguments; the end of @text where it has none; NULL: malformed. */
static const char *split_arguments(const char *text, struct mp_strv *arguments)
{
	const char *start = text, *p = text;
	int depth = 0;

	while (p && *p) {
		if (*p == ')' && depth == 0) {
			push_argument(arguments, start, p);
			return p + 1;
		}
		if (*p == ',' && depth == 0) {
			push_argument(arguments, start, p);
			start = p + 1;
		}
		depth += *p == '(' || *p == '[' || *p == '{';
		depth -= *p == ')' || *p == ']' || *p == '}';
		p = skip_token(text, p);
	}
	if (p)
		push_argument(arguments, start, p);
	return p;
}

/* Errors that only a tracer sees. */
static int restart_error(const char *name)
{
	static const struct {
		const char *name;
		int error;
	} known[] = { { "ERESTARTSYS", 512 },
		      { "ERESTARTNOINTR", 513 },
		      { "ERESTARTNOHAND", 514 },
		      { "ERESTART_RESTARTBLOCK", 516 } };

	for (size_t i = 0; i < MP_ARRAY_LEN(known); i++) {
		if (strcmp(known[i].name, name) == 0)
			return known[i].error;
	}
	return mp_trace_errno_number(name);
}

/* "-1 ENOENT (…)", "? ERESTARTSYS (…)": the error at @text. */
static bool parse_error(const char *text, struct mp_strace_call *call)
{
	MP_AUTO(mp_freep) char *name = NULL;
	size_t len = 0;

	text += strspn(text, " ");
	while (is_word(text[len]))
		len++;
	name = mp_xstrndup(text, len);
	call->outcome = MP_STRACE_FAILED;
	call->error = restart_error(name);
	return call->error != 0;
}

/* @text is behind the ')'. */
static bool parse_result(const char *text, struct mp_strace_call *call)
{
	char *end;

	text += strspn(text, " ");
	if (*text != '=')
		return false;
	text++;
	text += strspn(text, " ");
	if (*text == '?') {
		call->outcome = MP_STRACE_UNKNOWN;
		return text[1] != ' ' || text[2] != 'E' || parse_error(text + 1, call);
	}
	call->result = strtol(text, &end, 0);
	if (end == text)
		return false;
	if (call->result < 0)
		return parse_error(end, call);
	call->outcome = MP_STRACE_RETURNED;
	call->file = mp_strace_fd_path(text, &call->file_deleted);
	/* A child of another PID namespace: "7 / * 1234 in strace's PID NS * /", with the blanks.
	 */
	if (strncmp(end, " /* ", 4) == 0 && strstr(end, "in strace's PID NS"))
		call->result = strtol(end + 4, NULL, 10);
	return true;
}

bool mp_strace_parse_call(const char *text, bool unfinished, struct mp_strace_call *call)
{
	const char *behind = split_arguments(text, &call->arguments);

	call->outcome = MP_STRACE_UNKNOWN;
	if (!behind)
		return false;
	if (!*behind && unfinished)
		return true;
	return behind > text && parse_result(behind, call);
}

void mp_strace_call_free(struct mp_strace_call *call)
{
	mp_strv_free(&call->arguments);
	mp_freep(&call->file);
}

/* Arguments */

/* One byte of a C string at *@p, which moves behind it. */
static char unescape_byte(const char **p)
{
	static const char letters[] = "ntrvfab0", bytes[] = "\n\t\r\v\f\a\b";
	const char *letter;
	int value = 0;

	if (**p != '\\')
		return *(*p)++;
	(*p)++;
	if (!**p) /* the text was cut within the escape */
		return '\\';
	if (**p >= '0' && **p <= '7') {
		for (int i = 0; i < 3 && **p >= '0' && **p <= '7'; i++)
			value = value * 8 + (*(*p)++ - '0');
		return (char)value;
	}
	if (**p == 'x' && isxdigit((unsigned char)(*p)[1]) && isxdigit((unsigned char)(*p)[2])) {
		char digits[3] = { (*p)[1], (*p)[2], '\0' };

		*p += 3;
		return (char)strtol(digits, NULL, 16);
	}
	letter = strchr(letters, **p);
	if (letter && *letter)
		return (*p)++, bytes[letter - letters];
	return *(*p)++;
}

/* The bytes from @p to the first of @ends that is not escaped. */
static char *unescape(const char *p, const char *ends)
{
	struct mp_buf bytes = { 0 };

	while (*p && !strchr(ends, *p))
		mp_buf_addc(&bytes, unescape_byte(&p));
	return mp_buf_steal(&bytes);
}

enum mp_strace_string mp_strace_string(const char *argument, char **bytes_out)
{
	const char *end;

	if (strcmp(argument, "NULL") == 0)
		return MP_STRACE_NULL;
	if (argument[0] != '"')
		return MP_STRACE_NONE;
	end = skip_string(argument);
	if (!end)
		return MP_STRACE_NONE;
	if (strncmp(end, "...", 3) == 0)
		return MP_STRACE_CUT;
	*bytes_out = unescape(argument + 1, "\"");
	return MP_STRACE_STRING;
}

char *mp_strace_fd_path(const char *argument, bool *deleted_out)
{
	static const char mark[] = " (deleted)";
	const char *start = strchr(argument, '<');
	char *path;
	size_t len;

	if (!start || start[1] != '/' || !begins_annotation(argument, start))
		return NULL;
	path = unescape(start + 1, "<>");
	len = strlen(path);
	/* Older versions have the mark in the pair, newer ones behind it. */
	if (deleted_out)
		*deleted_out = strstr(start, ">(deleted)") == strchr(start, '>');
	if (len >= sizeof(mark) && strcmp(path + len - (sizeof(mark) - 1), mark) == 0) {
		path[len - (sizeof(mark) - 1)] = '\0';
		if (deleted_out)
			*deleted_out = true;
	}
	return path;
}

bool mp_strace_has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = strstr(text, word); p; p = strstr(p + 1, word)) {
		if ((p == text || !is_word(p[-1])) && !is_word(p[len]))
			return true;
	}
	return false;
}
