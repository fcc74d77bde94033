#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Lets libFuzzer look for inputs that fuzz targets do not survive. What it has learned is kept in
# build/fuzz/corpus for the next time, what it has found in build/fuzz/found: to be put in
# tests/fuzz/corpus once it is understood. The last line is "N passed, N failed".
#
# What reaches code that the inputs in tests/fuzz/corpus do not reach is added to those by
#     build/fuzz/tests/fuzz/fuzz_NAME -merge=1 -use_counters=0 tests/fuzz/corpus/NAME build/fuzz/corpus/NAME
# usage: run.sh SECONDS PROGRAM...
set -u
cd "$(dirname "$0")/../.." || exit 1

seconds=$1
shift
passed=0
failed=0
mkdir -p build/fuzz/found

for program in "$@"; do
	name=$(basename "$program")
	name=${name#fuzz_}
	mkdir -p "build/fuzz/corpus/$name"
	set --
	[ ! -f "tests/fuzz/$name.dict" ] || set -- "-dict=tests/fuzz/$name.dict"
	echo "  fuzz    $name, $seconds s"
	if "$program" "$@" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
		-print_final_stats=1 -verbosity=0 -artifact_prefix="build/fuzz/found/$name-" \
		"build/fuzz/corpus/$name" "tests/fuzz/corpus/$name"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
