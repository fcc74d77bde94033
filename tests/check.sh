#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Every test, with BPF and the engine at DOCKER_HOST: `make check`. Nothing is skipped for want of
# either. The last line is "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1

export MP_TEST_MUST_RUN=bpf,docker
passed=0
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Runs a step whose last line is "N passed, N failed"; a step that ends otherwise is one failure.
step()
{
	local status=0 line

	echo "== $*"
	"$@" 2>&1 | tee "$log"
	status=${PIPESTATUS[0]}
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
	if [ -n "$line" ]; then
		passed=$((passed + ${line%% passed*}))
		line=${line#*, }
		failed=$((failed + ${line%% failed*}))
		[ "$status" -eq 0 ] || [ "${line%% failed*}" -gt 0 ] || failed=$((failed + 1))
	else
		[ "$status" -eq 0 ] || failed=$((failed + 1))
	fi
}

make_quietly()
{
	make --no-print-directory -j"$(nproc)" WERROR=1 "$@"
}

[ "$(id -u)" -eq 0 ] || {
	echo "make check: needs root, for BPF and the engine: run it with sudo" >&2
	exit 1
}
if ! make_quietly all || ! make_quietly VARIANT=san all || ! scripts/sample-images.sh; then
	echo "0 passed, 1 failed"
	exit 1
fi
step tests/lint.sh
step tests/check-docs.sh build/release/micropack
step make_quietly unit
step make_quietly VARIANT=san unit
step make_quietly VARIANT=san replay
step tests/e2e/run.sh build/release/micropack
step tests/e2e/run.sh build/san/micropack 'test_error_*' 'test_stages_*' \
	'test_traces_*' 'test_sample_hello*'
# Guests run this machine's programs.
[ "$(uname -m)" != x86_64 ] || step make --no-print-directory check-kernels
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
