#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rules of the house that a compiler does not know. The last line is "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1

passed=0
failed=0

# rule DESCRIPTION COMMAND...: what the command prints breaks it.
rule()
{
	local description=$1 found

	shift
	found=$("$@")
	if [ -z "$found" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'lint: %s:\n%s\n' "$description" "$found"
	fi
}

code='core tracer engine packer dockerfile-gen qa import cli'

# includers HEADER FILE...: files that include <HEADER…> and are not among those.
includers()
{
	local header=$1 file

	shift
	# shellcheck disable=SC2086
	grep -rlE "^#include <($header)" --include='*.[ch]' $code | while read -r file; do
		[[ " $* " == *" $file "* ]] || echo "$file"
	done
}

# only HEADER FILE...: a library is known to those files alone.
only()
{
	rule "only ${*:2} may include <$1…>" includers "$@"
}

crossings()
{
	local folder=$1 other

	shift
	for other in "$@"; do
		grep -nE "^#include \"$other/" "$folder"/*.[ch]
	done
}

# apart FOLDER OTHER...: code in FOLDER does not know the others.
apart()
{
	rule "$1/ does not include from ${*:2}" crossings "$@"
}

unlicensed()
{
	grep -rLE 'SPDX-License-Identifier: ' --include='*.[ch]' --include='*.sh' \
		Makefile bench bpf cli core dockerfile-gen engine import packer qa samples scripts \
		tests tracer
}

printers()
{
	grep -nE '\b(printf|puts|exit|_exit)\(' core/*.c tracer/*.c engine/*.c packer/*.c \
		dockerfile-gen/*.c qa/*.c import/*.c | grep -vE '^core/buf.c:'
}

unfinished()
{
	# shellcheck disable=SC2086
	grep -rnE 'TODO|FIXME|XXX[ :]' --include='*.[ch]' --include='*.sh' $code bpf scripts samples
}

# One name, one thing: types that are defined twice would not be seen before a file knows both.
twins()
{
	# shellcheck disable=SC2086
	grep -rhoE '^(struct|enum|union) mp_[a-z0-9_]+ \{' --include='*.[ch]' $code | sort | uniq -d
}

# Columns, a tab being eight.
long_lines()
{
	local file

	# shellcheck disable=SC2086
	find $code bpf -name '*.[ch]' | while read -r file; do
		expand "$file" | LC_ALL=C.UTF-8 grep -nE '.{101,}' | sed "s|^|$file:|"
	done
}

only 'curl/' engine/http.c
only '(gelf|libelf)' packer/elf_reader.c
only 'archive' packer/archive.c packer/decompress.c
only 'bpf/' tracer/session.c
only '(zlib|zstd)' packer/compress.c
only 'jansson' core/json.c
only 'sqlite3' packer/rpm.c
only 'openssl/' core/sha256.c
apart core tracer engine packer dockerfile-gen qa import cli
apart tracer packer engine dockerfile-gen qa import cli
apart packer tracer engine dockerfile-gen qa import cli
apart engine tracer packer dockerfile-gen qa import cli
apart dockerfile-gen tracer packer engine qa import cli
apart qa tracer packer dockerfile-gen import cli
apart import tracer packer engine dockerfile-gen qa cli
rule "a licence line stands in each source" unlicensed
rule "nothing below cli/ prints or exits" printers
rule "each type is defined once" twins
rule "nothing is left to do" unfinished
rule "lines have at most 100 columns" long_lines
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
