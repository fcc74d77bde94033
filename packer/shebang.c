/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/shebang.h"

#include "core/path.h"
#include "core/words.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static size_t skip_blanks(const char *line, size_t at, size_t end)
{
	while (at < end && is_blank(line[at]))
		at++;
	return at;
}

/* Where the name that begins at @at ends: at a blank or a NUL. */
static size_t name_end(const char *line, size_t at, size_t end)
{
	while (at < end && !is_blank(line[at]) && line[at])
		at++;
	return at;
}

/*
 * The end of the line. One longer than the buffer will do where the interpreter's name is whole:
 * only its argument is cut. A file that ends without a newline is followed by NULs.
 */
static bool find_end(const char *line, size_t len, size_t *end_out)
{
	const char *newline = memchr(line, '\n', len);
	size_t end = len;

	if (newline) {
		end = (size_t)(newline - line);
	} else if (len == MP_SHEBANG_MAX) {
		end = len - 1;
		if (name_end(line, skip_blanks(line, 2, end), end) == end)
			return false;
	}
	while (end > 2 && is_blank(line[end - 1]))
		end--;
	*end_out = end;
	return true;
}

/* "NAME=value", which env(1) takes for its environment. */
static bool is_assignment(const char *word)
{
	return strchr(word, '=') != NULL;
}

/* Whether @option of env(1) takes the next word as its value. */
static bool takes_value(const char *option)
{
	static const char *const options[] = { "-u", "--unset", "-C", "--chdir" };

	for (size_t i = 0; i < MP_ARRAY_LEN(options); i++) {
		if (strcmp(option, options[i]) == 0)
			return true;
	}
	return false;
}

/* The program among env's words, behind its options and assignments. */
static void take_command(const struct mp_strv *words, struct mp_shebang *out)
{
	size_t i = 0;

	while (i < words->n && words->v[i][0] == '-') {
		bool ends = strcmp(words->v[i], "--") == 0;

		i += takes_value(words->v[i]) ? 2 : 1;
		if (ends)
			break;
	}
	for (; i < words->n && is_assignment(words->v[i]); i++) {
		if (strncmp(words->v[i], "PATH=", 5) == 0) {
			mp_freep(&out->search_path);
			out->search_path = mp_xstrdup(words->v[i] + 5);
		}
	}
	if (i < words->n)
		out->command = mp_xstrdup(words->v[i]);
}

/* What follows env's option to split a string: "-S", "-vS", "--split-string="; NULL without one. */
static const char *split_string(const char *argument)
{
	static const char option[] = "--split-string";
	size_t letters;

	if (strncmp(argument, option, strlen(option)) == 0 &&
	    strchr("= \t", argument[strlen(option)]))
		return argument[strlen(option)] ? argument + strlen(option) + 1
						: argument + strlen(option);
	if (argument[0] != '-')
		return NULL;
	letters = 1 + strspn(argument + 1, "iv0");
	return argument[letters] == 'S' ? argument + letters + 1 : NULL;
}

/* The kernel hands over one argument, blanks and all: only -S makes words of it. */
static void read_env(struct mp_shebang *out)
{
	const char *string = out->argument ? split_string(out->argument) : NULL;
	MP_AUTO(mp_strv_free) struct mp_strv words = { 0 };

	if (!out->argument)
		return;
	if (!string)
		mp_strv_push(&words, out->argument);
	else if (mp_words_split(string, &words, NULL))
		return;
	take_command(&words, out);
}

bool mp_shebang_parse(const char *head, size_t len, struct mp_shebang *out)
{
	size_t start, stop, end, argument;

	if (len > MP_SHEBANG_MAX)
		len = MP_SHEBANG_MAX;
	if (len < 2 || head[0] != '#' || head[1] != '!' || !find_end(head, len, &end))
		return false;
	start = skip_blanks(head, 2, end);
	stop = name_end(head, start, end);
	if (start == stop)
		return false;
	out->interpreter = mp_xstrndup(head + start, stop - start);
	argument = skip_blanks(head, stop, end);
	if (argument < end && head[argument])
		out->argument = mp_xstrndup(head + argument, end - argument);
	if (strcmp(mp_path_base(out->interpreter), "env") == 0)
		read_env(out);
	return true;
}

void mp_shebang_clear(struct mp_shebang *shebang)
{
	mp_freep(&shebang->interpreter);
	mp_freep(&shebang->argument);
	mp_freep(&shebang->command);
	mp_freep(&shebang->search_path);
}
