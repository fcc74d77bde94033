#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The tracer on other kernels than the running one: Debian's, each booted with a small initramfs in
# qemu, emulated in software so that it works wherever qemu does. The last line is
# "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1

usage()
{
	cat <<'END'
usage: run.sh BUILD_DIR [SERIES...]

Runs the tests of the tracer that were built in BUILD_DIR (build/release) on Debian's kernels of
these series (5.10 6.1 6.12), as many at once as there are processors.

  MICROPACK_KERNEL_CACHE    where kernels are kept (/var/cache/micropack/kernels)
  MICROPACK_KERNEL_TIMEOUT  seconds that a guest may take (900)
END
}

case ${1:-} in
'' | -*)
	usage
	[ "${1:-}" = --help ] || exit 2
	exit 0
	;;
esac

build=$1
shift
[ $# -gt 0 ] || set -- 5.10 6.1 6.12
cache=${MICROPACK_KERNEL_CACHE:-/var/cache/micropack/kernels}
timeout_s=${MICROPACK_KERNEL_TIMEOUT:-900}
passed=0
failed=0
work=$(mktemp -d) || exit 1
guests=()

cleanup()
{
	[ ${#guests[@]} -eq 0 ] || kill "${guests[@]}" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

die()
{
	echo "check-kernels: error: $*" >&2
	echo "0 passed, 1 failed"
	exit 1
}

[ "$(uname -m)" = x86_64 ] || die "only on x86_64: the guests run this host's programs"
for tool in qemu-system-x86_64 cpio busybox; do
	command -v $tool >/dev/null || die "$tool is missing: run scripts/install-deps.sh --kernels"
done

# install_with_libraries PROGRAM: into the guest's /micropack, its libraries where it looks for them.
install_with_libraries()
{
	local library

	strip -g -o "$root/micropack/$(basename "$1")" "$1" || return 1
	# A static program has none.
	ldd "$1" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
		mkdir -p "$root/$(dirname "$library")"
		cp -L "$library" "$root/$library"
	done
}

make_initramfs()
{
	local program root=$work/root

	mkdir -p "$root"/{bin,lib,lib64,usr,micropack}
	cp -L "$(command -v busybox)" "$root/bin/busybox" || return 1
	cp tests/kernels/init.sh "$root/init" && chmod 755 "$root/init" || return 1
	cp tests/run-unit.sh "$root/micropack/" || return 1
	install_with_libraries "$build/micropack" || return 1
	# Those that depend on the kernel.
	for program in "$build"/tests/tracer/{test_{completeness,lifecycle,paths,session},probe-}*; do
		[[ $program == *.[do] ]] || install_with_libraries "$program" || return 1
	done
	(cd "$root" && find . | cpio -o -H newc --quiet -R 0:0) >"$work/initramfs"
}

# start SERIES: boots it; the console goes to a file. One thread for both processors: qemu may let
# a processor see code that another is patching, as happens when a tracepoint is attached ("int3").
start()
{
	timeout -k 5 "$timeout_s" qemu-system-x86_64 -accel tcg,thread=single -cpu max -smp 2 -m 1G \
		-nodefaults -no-user-config -display none -no-reboot -serial "file:$work/$1.console" \
		-kernel "$cache/$1/vmlinuz" -initrd "$work/initramfs" \
		-append 'console=ttyS0 quiet loglevel=1 panic=-1' </dev/null >"$work/$1.qemu" 2>&1 &
	guests+=($!)
}

# report SERIES: what its guest said.
report()
{
	local console=$work/$1.console line

	echo "== kernel $1 ($(cat "$cache/$1/package"))"
	touch "$console"
	sed -i 's/\r$//' "$console"
	cat "$work/$1.qemu" "$console"
	line=$(sed -n 's/^guest: \([0-9]* passed, [0-9]* failed\)$/\1/p' "$console" | tail -n 1)
	if [ -z "$line" ]; then
		echo "FAILED  kernel $1: no end of the tests (after at most $timeout_s s)"
		failed=$((failed + 1))
		return
	fi
	passed=$((passed + ${line%% passed*}))
	line=${line#*, }
	failed=$((failed + ${line%% failed*}))
}

tests/kernels/fetch.sh "$cache" "$@"
make_initramfs || die "the initramfs cannot be made"

booted=()
for series in "$@"; do
	if [ -s "$cache/$series/vmlinuz" ]; then
		# A guest needs a processor of its own: its tests have time limits.
		[ "$(jobs -rp | wc -l)" -lt "$(nproc)" ] || wait -n
		start "$series"
		booted+=("$series")
	elif [ "$series" = 5.10 ]; then
		# The oldest leaves the archive first.
		echo "== kernel $series: cannot be had from the mirror; not tested, not counted"
	else
		echo "== kernel $series: cannot be had from the mirror; counted as a failure"
		failed=$((failed + 1))
	fi
done
for i in "${!booted[@]}"; do
	wait "${guests[i]}"
	report "${booted[i]}"
done
guests=()
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
