/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_RULES_H
#define MP_PACKER_RULES_H

#include "packer/pattern.h"
#include "packer/resolve.h"

/*
 * What a person says about what is kept, besides what a trace or a list says. A rule that matches
 * nothing is an error, since it is more likely misspelt than meant.
 */

/* One --keep or --drop. */
struct mp_rule {
	char *text;  /* "--keep /usr/share/zoneinfo": in reasons and errors */
	char *where; /* "files.txt:3" where it stands in a file; else NULL */
	struct mp_patterns patterns;
};

struct mp_rule_list {
	struct mp_rule *v;
	size_t n;
	size_t cap;
};

/* What becomes of regular files that a trace has, but of which nothing was read. */
enum mp_stat_only {
	MP_STAT_ONLY_KEEP,
	MP_STAT_ONLY_EMPTY, /* no contents, the same metadata */
	MP_STAT_ONLY_DROP,
};

/* Zero-initialised: no rules. */
struct mp_rules {
	struct mp_rule_list keep, drop;
	struct mp_strv exes;     /* programs: names that PATH of the image finds, or paths */
	struct mp_strv packages; /* all files of these, by the image's package database */
	bool shell;              /* /bin/sh, and what mp_rules_keep says */
	bool listed;             /* what was in directories that the traced program listed */
	enum mp_stat_only stat_only;
};

/* Adds the rule "@option @pattern". MP_E_FORMAT for a malformed pattern. */
MP_MUST_USE int mp_rule_list_add(struct mp_rule_list *list, const char *option, const char *pattern,
				 struct mp_error *err);

/*
 * Adds a rule for each line of @text: a pattern (packer/pattern.h); blank lines and lines that
 * begin with '#' are left out. @name: of the file. MP_E_FORMAT with the line number; then nothing
 * was added.
 */
MP_MUST_USE int mp_rule_list_parse(struct mp_rule_list *list, const char *option, const char *text,
				   size_t len, const char *name, struct mp_error *err);
void mp_rules_free(struct mp_rules *rules);

/* Appends the options that say the same as @rules, such as "--drop /usr/share/doc". */
void mp_rules_describe(const struct mp_rules *rules, struct mp_strv *options);

/* The words for enum mp_stat_only, in its order: "keep", "empty", "drop". */
#define MP_STAT_ONLY_WORDS                                                                         \
	{                                                                                          \
		"keep", "empty", "drop"                                                            \
	}

/* Where programs are looked for. */
struct mp_rules_env {
	const char *search_path; /* PATH of the image; NULL: the default */
	const char *working_dir;
};

/*
 * Adds to @set what the rules keep: what patterns match, directories with all that is below, of
 * symlinks also what they lead to; programs; a shell: /bin/sh and those of the programs "cat df du
 * env find grep head id ls ps sed stat tail wc" that the image has. The reason is MP_REASON_RULE
 * with the option. What a pattern names before its first special character is resolved as any path;
 * behind that, symlinks to directories are not walked into. MP_E_NOTFOUND names a rule that matches
 * nothing, and what may have been meant.
 */
MP_MUST_USE int mp_rules_keep(const struct mp_rules *rules, const struct mp_rules_env *env,
			      struct mp_resolver *resolver, struct mp_fileset *set,
			      struct mp_error *err);

/* Adds to @set the entries of the directory at @path, as --keep-listed does. */
MP_MUST_USE int mp_rules_keep_entries(struct mp_resolver *resolver, const char *path,
				      struct mp_fileset *set, struct mp_error *err);

/*
 * What --drop takes away. Planning goes on as if the image did not have it: what only that would
 * need is not kept either. Not dropped are the root directory, and /proc, /sys and /dev themselves,
 * which engines mount on.
 */
struct mp_drops;

/*
 * Finds what the rules to drop are about in the image of @resolver, which must not have them yet.
 * MP_E_NOTFOUND names one that matches nothing there. @rules: borrowed by *drops_out.
 */
MP_MUST_USE int mp_drops_new(const struct mp_rules *rules, struct mp_resolver *resolver,
			     struct mp_drops **drops_out, struct mp_error *err);
void mp_drops_freep(struct mp_drops **drops);

/* The rule that drops @path (clean, no symlink among its parents), or NULL. */
const struct mp_rule *mp_drops_find(const struct mp_drops *drops, const char *path);

#endif
