/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEXT_H
#define TEXT_H

/* What a plugin exports as "turn": changes @text in place. */
typedef void (*text_fn)(char *text);

const char *text_version(void);

/* Calls @fn for each character of @text and stores what it returns. */
void text_map(char *text, int (*fn)(int));

#endif
