/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CLI_RULES_H
#define MP_CLI_RULES_H

#include "cli/options.h"
#include "packer/rules.h"

/*
 * The rules that options say, and the files that they name (@FILE). MP_E_USAGE for what is no rule;
 * MP_E_FORMAT for a malformed line of a file. Cleared by the caller, also after a failure.
 */
MP_MUST_USE int mp_rules_read(const struct mp_keep_options *options, struct mp_rules *rules,
			      struct mp_error *err);

/* The first option that is set, as "--keep"; NULL where none is. */
const char *mp_keep_options_first(const struct mp_keep_options *options);

#endif
