#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Shows fuzz targets (built with replay.c) their inputs. The last line is "N passed, N failed".
# usage: replay.sh PROGRAM...
set -u
cd "$(dirname "$0")/../.." || exit 1

passed=0
failed=0
export ASAN_OPTIONS=detect_leaks=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

for program in "$@"; do
	name=$(basename "$program")
	name=${name#replay_}
	out=$("$program" "tests/fuzz/corpus/$name")
	counts=$(printf '%s\n' "$out" | tail -n 1)
	printf '%s\n' "$out" | sed '$d'
	echo "  replay  $name: $counts"
	good=${counts%% passed*}
	bad=${counts#*, }
	bad=${bad%% failed*}
	passed=$((passed + ${good:-0}))
	failed=$((failed + ${bad:-1}))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
