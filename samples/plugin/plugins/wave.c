/* SPDX-License-Identifier: BSD-2-Clause */
/* Turns digits into a sine wave's digits. Needs a library that nothing else here needs: libm. */
#include <ctype.h>
#include <math.h>

#include "text.h"

static int wave(int c)
{
	return isdigit(c) ? '0' + (int)lround(4.5 + 4.5 * sin(c - '0')) : c;
}

void turn(char *text)
{
	text_map(text, wave);
}
