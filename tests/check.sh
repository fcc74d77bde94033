#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Every test, with an engine and with BPF: `make check`. The last line is "N passed, N failed".
#
# The engine is the one that answers, or a private one under build/engine, which is ended afterwards.
# Nothing is skipped for want of either.
set -u
cd "$(dirname "$0")/.." || exit 1

export MP_TEST_MUST_RUN=bpf,docker
passed=0
failed=0
log=$(mktemp)

cleanup()
{
	rm -f "$log"
	scripts/engine.sh stop build/engine
}
trap cleanup EXIT

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
make_quietly all && make_quietly VARIANT=san all || {
	echo "0 passed, 1 failed"
	exit 1
}
DOCKER_HOST=$(scripts/engine.sh start build/engine) && export DOCKER_HOST &&
	scripts/sample-images.sh || {
	echo "0 passed, 1 failed"
	exit 1
}
step tests/lint.sh
step tests/check-docs.sh build/release/micropack
step make_quietly unit
step make_quietly VARIANT=san unit
step tests/e2e/run.sh build/release/micropack
step tests/e2e/run.sh build/san/micropack 'test_error_*|test_stages_*|test_sample_hello_static'
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
