/* SPDX-License-Identifier: BSD-2-Clause */
/* No test asks for this one, so it is not in the packed image. */
#include <ctype.h>

#include "text.h"

void turn(char *text)
{
	text_map(text, tolower);
}
