/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>

#include "text.h"

void turn(char *text)
{
	text_map(text, toupper);
}
