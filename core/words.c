/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/words.h"

#include <stdbool.h>
#include <string.h>

int mp_words_split(const char *text, struct mp_strv *words, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf word = { 0 };
	bool in_word = false;
	char quote = '\0';

	for (const char *p = text; *p; p++) {
		if (quote == '\'' && *p != '\'') {
			mp_buf_addc(&word, *p);
		} else if (quote && *p == quote) {
			quote = '\0';
		} else if (!quote && (*p == '\'' || *p == '"')) {
			quote = *p;
			in_word = true;
		} else if (*p == '\\' && (!quote || (p[1] && strchr("\"\\$`", p[1])))) {
			if (!p[1])
				return mp_error_set(err, MP_E_USAGE, 0, "'%s' ends in a backslash",
						    text);
			mp_buf_addc(&word, *++p);
			in_word = true;
		} else if (!quote && strchr(" \t\n", *p)) {
			if (in_word)
				mp_strv_push_take(words, mp_buf_steal(&word));
			in_word = false;
		} else {
			mp_buf_addc(&word, *p);
			in_word = true;
		}
	}
	if (quote)
		return mp_error_set(err, MP_E_USAGE, 0, "unfinished %c in '%s'", quote, text);
	if (in_word)
		mp_strv_push_take(words, mp_buf_steal(&word));
	return 0;
}
