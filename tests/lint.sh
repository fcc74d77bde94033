#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rules of the house that a compiler does not know. The last line is "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1

passed=0
failed=0

# rule DESCRIPTION: what is on standard input breaks it.
rule()
{
	local found

	found=$(cat)
	if [ -z "$found" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'lint: %s:\n%s\n' "$1" "$found"
	fi
}

# only HEADER FILE...: a library is known to those files alone.
only()
{
	local header=$1 file

	shift
	grep -rlE "^#include <($header)" --include='*.[ch]' core tracer engine packer dockerfile-gen qa cli |
		while read -r file; do
			[[ " $* " == *" $file "* ]] || echo "$file"
		done | rule "only $* may include <$header…>"
}

# apart FOLDER OTHER...: code in FOLDER does not know the others.
apart()
{
	local folder=$1 other

	shift
	for other in "$@"; do
		grep -nE "^#include \"$other/" "$folder"/*.[ch]
	done | rule "$folder/ does not include from: $*"
}

only 'curl/' engine/http.c
only '(g|lib)?elf.h>|gelf.h>' packer/elf.c
only 'archive' packer/archive.c packer/rootfs_stream.c
only 'bpf/' tracer/session.c
only 'jansson' core/json.c
only 'openssl/' core/sha256.c
apart core tracer engine packer dockerfile-gen qa cli
apart tracer packer engine dockerfile-gen qa cli
apart packer tracer engine dockerfile-gen qa cli
apart engine tracer packer dockerfile-gen qa cli
apart dockerfile-gen tracer packer engine qa cli
apart qa tracer packer dockerfile-gen cli
grep -rLE 'SPDX-License-Identifier: ' --include='*.[ch]' --include='*.sh' --include=Makefile \
	Makefile bench bpf cli core dockerfile-gen engine packer qa samples scripts tests tracer |
	rule "a licence line stands in each source"
grep -rnE '\b(printf|puts|exit|_exit)\(' core/*.c tracer/*.c engine/*.c packer/*.c \
	dockerfile-gen/*.c qa/*.c | grep -vE '(sn|as|vas|vsn|f)printf\(|core/buf.c' |
	rule "nothing below cli/ prints or exits"
grep -rnE 'TODO|FIXME|XXX[^X.]' --include='*.[ch]' --include='*.sh' core tracer engine packer \
	dockerfile-gen qa cli bpf scripts samples | rule "nothing is left to do"
grep -rnE '.{101,}' --include='*.[ch]' core tracer engine packer dockerfile-gen qa cli bpf |
	rule "lines have at most 100 characters"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
