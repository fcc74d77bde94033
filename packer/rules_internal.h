/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_RULES_INTERNAL_H
#define MP_PACKER_RULES_INTERNAL_H

#include "packer/rules.h"

/* What to do with what a pattern matches: 0 to go on, 1 for enough, -1. */
typedef int (*mp_match_visit)(void *context, const char *path, const struct mp_node *node,
			      struct mp_error *err);

/*
 * Calls @visit for what @pattern matches in the image, @dir standing for its prefix; what is below
 * a match is not looked at, nor what @resolver hides. 0, 1 or -1 as @visit.
 */
MP_MUST_USE int mp_match_all(struct mp_resolver *resolver, const struct mp_pattern *pattern,
			     const char *dir, mp_match_visit visit, void *context,
			     struct mp_error *err);

/* MP_E_NOTFOUND for @rule, with a hint from the first of its patterns. Returns -1. */
int mp_rule_matches_nothing(struct mp_resolver *resolver, const struct mp_rule *rule,
			    struct mp_error *err);

#endif
