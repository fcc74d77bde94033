/* SPDX-License-Identifier: BSD-2-Clause */
#include "text.h"

const char *text_version(void)
{
	return "1.2";
}

void text_map(char *text, int (*fn)(int))
{
	for (; *text != '\0'; text++)
		*text = (char)fn((unsigned char)*text);
}
