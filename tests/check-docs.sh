#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the manual pages and --help say against what the code knows. The last line is
# "N passed, N failed".
# usage: check-docs.sh MICROPACK
set -u
program=$(realpath "${1:-build/release/micropack}") || exit 1
cd "$(dirname "$0")/.." || exit 1
[ -x "$program" ] || {
	echo "check-docs: '$program' is no program; build it first" >&2
	exit 1
}

passed=0
failed=0

# check DESCRIPTION COMMAND...
check()
{
	local what=$1

	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "check-docs: $what"
	fi
}

# Whether standard input has $1 as a word of its own: --net is not in --network.
has_word()
{
	grep -qE -- "(^|[^a-zA-Z0-9-])$1([^a-zA-Z0-9-]|\$)"
}

# The table in cli/options.c, a line each: ID NAME LETTER(or 0) COMMANDS("M|T").
known_options()
{
	sed -nE "s/^\t\{ (OPT_[A-Z_]+), \"([a-z-]+)\", '?([a-zA-Z0])'?, (true|false), ([A-Z |]+) \},\$/\1 \2 \3 \5/p" \
		cli/options.c | sed 's/ | /|/g; s/ALL/M|T|P|D|DOC|MER|DIF|IMP|EXP/'
}

command_word()
{
	case $1 in
	M) ;;
	T) echo trace ;;
	P) echo pack ;;
	D) echo dockerfile ;;
	DOC) echo doctor ;;
	MER) echo merge ;;
	DIF) echo diff ;;
	IMP) echo import ;;
	EXP) echo explain ;;
	esac
}

page_of()
{
	echo "docs/micropack${1:+-$1}.1"
}

# The options of command letter $1: lines of ID NAME LETTER.
options_of()
{
	known_options | while read -r id name letter commands; do
		[[ "|$commands|" == *"|$1|"* ]] && echo "$id $name $letter"
	done
}

help_has_option()
{
	local text=$1 id=$2 letter=$3 name

	# An option with two names is in the help by one of them.
	for name in $(known_options | awk -v id="$id" '$1 == id { print $2 }'); do
		has_word "--$name" <<<"$text" || continue
		[ "$letter" = 0 ] || has_word "-$letter" <<<"$text" || continue
		return 0
	done
	return 1
}

page_has_option()
{
	local items

	items=$(grep -E '^\.It Fl ' "$1")
	grep -qE -- "Fl -$2( |\$)" <<<"$items" || return 1
	[ "$3" = 0 ] || grep -qE -- "Fl $3 , Fl -$2( |\$)" <<<"$items"
}

fits_80_columns()
{
	! grep -qE '.{81,}' <<<"$1"
}

check_command()
{
	local word page help id name letter names

	word=$(command_word "$1")
	page=$(page_of "$word")
	help=$("$program" ${word:+"$word"} --help)
	names=$(options_of "$1" | awk '{ print $2 }')
	while read -r id name letter; do
		check "micropack $word --help does not have --$name" \
			help_has_option "$help" "$id" "$letter"
		check "$page does not have --$name${letter/0/}" \
			page_has_option "$page" "$name" "$letter"
	done < <(options_of "$1")
	# The other way round.
	for name in $(grep -oE -- '--[a-z][a-z-]*' <<<"$help" | sort -u); do
		check "micropack $word --help: $name is not an option of it" \
			grep -qxF -- "${name#--}" <<<"$names"
	done
	for name in $(grep -E '^\.It Fl ' "$page" | grep -oE 'Fl -[a-z][a-z-]*' | sed 's/Fl -//'); do
		check "$page: --$name is not an option of it" grep -qxF -- "$name" <<<"$names"
	done
	check "micropack $word --help is wider than 80 columns" fits_80_columns "$help"
	check "$page does not refer to the other pages" grep -q '^\.Xr micropack' "$page"
}

lint_page()
{
	local said

	said=$(mandoc -Tlint -Wwarning "$1" 2>&1) && [ -z "$said" ] && return
	echo "$said"
	return 1
}

# Exit statuses are those of core/error.c.
page_has_statuses()
{
	local page=$1 listed

	shift
	listed=$(sed -n '/^\.Sh EXIT STATUS/,/^\.El/p' "$page" | sed -nE 's/^\.It ([0-9]+).*/\1/p' |
		tr '\n' ' ')
	[ "$listed" = "$* " ]
}

all_statuses()
{
	sed -n '/^int mp_error_exit_status/,/^}/p' core/error.c | grep -oE 'return [0-9]+(;| \+)' |
		grep -oE '[0-9]+' | sort -nu | tr '\n' ' '
}

check "the table of options cannot be read" [ "$(known_options | wc -l)" -ge 30 ]
for letter in M T P D DOC MER DIF IMP EXP; do
	check_command "$letter"
done
for format in $(sed -nE 's/.*\.name = "([a-z]+)".*/\1/p' import/*.c); do
	check "docs/micropack-import.1 does not have $format" grep -qx "\.It Cm $format" \
		docs/micropack-import.1
	check "micropack import --help does not have $format" has_word "$format" \
		< <("$program" import --help)
done
for page in docs/*.1; do
	check "$page: mandoc complains" lint_page "$page"
	for section in NAME SYNOPSIS DESCRIPTION ENVIRONMENT 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
		check "$page has no $section" grep -qx ".Sh $section" "$page"
	done
done
for page in docs/micropack.1 docs/micropack-trace.1; do
	for variable in $(grep -ohE 'MICROPACK_[A-Z]+' qa/ready.c | sort -u); do
		check "$page does not have $variable" grep -q "^\.It Ev $variable\$" "$page"
	done
	check "$page has no OVERHEAD" grep -qx '.Sh OVERHEAD' "$page"
done
for variable in $(grep -ohE 'getenv\("[A-Z_]+"\)' core/*.c engine/*.c packer/*.c | grep -oE '[A-Z_]{2,}' |
	sort -u); do
	[ "$variable" = HOME ] ||
		check "docs/micropack.1 does not have $variable" \
			grep -q "^\.It Ev $variable\$" docs/micropack.1
done
# shellcheck disable=SC2046
check "docs/micropack.1: exit statuses are not those of core/error.c" \
	page_has_statuses docs/micropack.1 $(all_statuses)
for word in $(sed -nE '/_names\[(MP_OP_COUNT)?\] = /,/};/p' core/trace.c | grep -oE '"[a-z]+"' | tr -d '"'); do
	check "docs/trace-format.md does not have \`$word\`" grep -q "^| \`$word\` |" \
		docs/trace-format.md
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
