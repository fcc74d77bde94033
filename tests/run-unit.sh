#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs unit test programs one after the other and adds up what they report. A sanitizer's report
# fails the run even where the test that caused it passed.
# Lines of a test that begin with "note: " are shown.
# usage: run-unit.sh PROGRAM...
set -u

passed=0
failed=0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
export ASAN_OPTIONS="log_path=$scratch/asan:detect_leaks=1"
export UBSAN_OPTIONS="log_path=$scratch/ubsan:print_stacktrace=1"

for program in "$@"; do
	"$program" >"$scratch/out" 2>&1
	status=$?
	synthesis=$(sed 's/\x1b\[[0-9;]*m//g' "$scratch/out" | grep 'Synthesis:' | tail -n 1)
	ok=$(printf '%s' "$synthesis" | sed -n 's/.*Passing: \([0-9]*\).*/\1/p')
	tested=$(printf '%s' "$synthesis" | sed -n 's/.*Tested: \([0-9]*\).*/\1/p')
	if [ -z "$ok" ] || [ "$status" -ne 0 ] || [ "$ok" != "$tested" ]; then
		cat "$scratch/out"
		bad=$((${tested:-1} - ${ok:-0}))
		[ "$bad" -gt 0 ] || bad=1
		failed=$((failed + bad))
	fi
	for report in "$scratch"/asan.* "$scratch"/ubsan.*; do
		[ -e "$report" ] || continue
		echo "sanitizer report from $program:"
		cat "$report"
		rm -f "$report"
		failed=$((failed + 1))
	done
	passed=$((passed + ${ok:-0}))
	echo "  unit    $(basename "$program"): ${ok:-0} of ${tested:-0}"
	[ "$status" -ne 0 ] || sed -n "s/^note: /          /p" "$scratch/out"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
