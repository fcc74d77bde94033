#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# How long it takes to find all that the ELF files of /usr/bin and /usr/lib of this host need: part
# of `make bench`. The same files are given to libtree and lddtree, in one call each; by turns, so
# that each finds the files in memory. micropack does more of them: metadata, symlinks, reasons,
# other CPUs' variants, and it reads symbols and notes; it writes a plan, and no archive.
#
# micropack looks at each file as a process of its own, since what is found depends on who asks, as
# lddtree does and libtree -vvv. libtree -vv looks at a library once in all, for the first file that
# needs it: less work, and another answer where a later one has other search paths.
#
# In the environment: ROUNDS (3), FILES (how many of the files; all), MICROPACK.
set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C # numbers have a point
micropack=${MICROPACK:-build/release/micropack}
rounds=${ROUNDS:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cc -O2 -o "$work/measure" bench/measure.c

# Programs and libraries, but for names that a list would have to escape.
scanelf -R -y -B -E ET_EXEC,ET_DYN -F '%F' /usr/bin /usr/lib 2>/dev/null |
	grep -v -e '^/usr/lib/debug/' -e '[^!-\[\]-~]' | sort -u | head -n "${FILES:-1000000}" >"$work/list"
tr '\n' '\0' <"$work/list" >"$work/list0"
count=$(wc -l <"$work/list")

run()
{
	case $1 in
	micropack) "$work/measure" "$micropack" pack -q "$work/list" --root / --no-package-db \
		--plan "$work/plan" ;;
	libtree-vv*) "$work/measure" xargs -0 -n 1000000 -s 2000000 libtree -p "${1#libtree}" -- \
		<"$work/list0" ;;
	# Python of the distribution, whatever comes first in PATH.
	lddtree) "$work/measure" xargs -0 -n 1000000 -s 2000000 /usr/bin/python3 /usr/bin/lddtree -l \
		<"$work/list0" ;;
	esac >"$work/$1.out" 2>"$work/$1.err" || true
	tail -n 1 "$work/$1.err" >>"$work/$1.cost"
}

# median TOOL FIELD: of its costs.
median()
{
	awk -v field="$2" '{ print $field }' "$work/$1.cost" | sort -n |
		awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

echo "== what $count ELF files of /usr/bin and /usr/lib need" \
	"($(xargs -0 stat -c %s <"$work/list0" | awk '{ s += $1 } END { printf "%.1f GB", s / 1e9 }'))"
for round in $(seq "$rounds"); do
	run micropack
	run libtree-vv
	run libtree-vvv
	[ "$round" -gt 1 ] || run lddtree # a minute
done
[ -s "$work/plan" ] || {
	cat "$work/micropack.err" >&2
	exit 1
}
for tool in micropack libtree-vv libtree-vvv lddtree; do
	awk -v tool=$tool -v n="$count" -v ms="$(median $tool 1)" -v kib="$(median $tool 2)" \
		-v ours="$(median micropack 1)" 'BEGIN {
			printf "%-12s %9.0f ms %9.0f files/s %7.1f× %8d KiB%s\n", tool, ms,
				n / ms * 1000, ms / ours, kib, tool == "micropack" ? " (at most 65536)" : ""
		}'
done
