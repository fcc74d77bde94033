#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs the end-to-end tests with the engine at DOCKER_HOST.
# usage: run.sh MICROPACK [PATTERN...]     PATTERN: of test names, as for case
set -u

TOP=$(cd "$(dirname "$0")/../.." && pwd)
MICROPACK=$(realpath "$1")
shift
patterns=("$@")
[ $# -gt 0 ] || patterns=('*')
# Tests that do something again and again do it MICROPACK_TEST_RUNS times.
limit_s=$((300 + 5 * ${MICROPACK_TEST_RUNS:-0}))
passed=0
failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TOP MICROPACK

run_one()
{
	local file=$1 name=$2 dir=$scratch/$2 start=$SECONDS

	mkdir "$dir"
	if (cd "$dir" && timeout -k 10 $limit_s bash -euc \
		". '$TOP/tests/e2e/lib.sh'; . '$file'; $name") >"$scratch/log" 2>&1 </dev/null; then
		passed=$((passed + 1))
		echo "  e2e     $name ($((SECONDS - start)) s)"
	else
		failed=$((failed + 1))
		echo "  e2e     $name FAILED:"
		sed 's/^/    /' "$scratch/log"
	fi
	rm -rf "$dir"
}

for file in "$TOP"/tests/e2e/test_*.sh; do
	for name in $(sed -n 's/^\(test_[a-z0-9_]*\)()$/\1/p' "$file"); do
		for pattern in "${patterns[@]}"; do
			# shellcheck disable=SC2254
			case $name in
			$pattern)
				run_one "$file" "$name"
				break
				;;
			esac
		done
	done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
