#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What packing costs, as ratios inside one run: against GNU tar given the same list of files, for
# the same files in a larger image, from an export or a saved archive against bsdtar reading that
# stream; and the peak memory of each. Needs root, and the engine at DOCKER_HOST.
#
#   ROUNDS=5       medians of so many
#   FILLER_MB=2700 what the larger image has besides
set -eu
cd "$(dirname "$0")/.."
TOP=$PWD
export LC_ALL=C # numbers have a point
micropack=$TOP/build/release/micropack
work=$(mktemp -d "${TMPDIR:-/var/tmp}/micropack-packing.XXXXXX")
rounds=${ROUNDS:-5}
image=micropack-bench/packing

cleanup()
{
	cd "$TOP"
	rm -rf "$work"
	docker rmi -f "$image:small" "$image:large" >/dev/null 2>&1 || true
}
trap cleanup EXIT

cc -O2 -o "$work/measure" bench/measure.c

median()
{
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# 20,000 files of 0.1 to 30 kB, many directories, and 300 of 0.2 to 2 MB; nothing compresses.
make_files()
{
	local i

	head -c 4000000 /dev/urandom >"$work/random"
	mkdir -p "$1/many" "$1/few"
	for i in $(seq 200); do
		mkdir -p "$1/many/$((i % 20))/$i"
	done
	awk -v dir="$1" -v random="$work/random" 'BEGIN {
		srand(1)
		for (i = 0; i < 20000; i++) {
			size = int(100 + 30000 * rand() ^ 4)
			d = i % 200 + 1
			printf "%s/many/%d/%d/file-%d %d %d\n", dir, d % 20, d, i, size, int(3900000 * rand())
		}
		for (i = 0; i < 300; i++)
			printf "%s/few/file-%d %d %d\n", dir, i, int(200000 + 1800000 * rand()),
				int(1900000 * rand())
	}' >"$work/files"
	perl -e 'open(R, "<", $ARGV[0]); binmode R; local $/; $r = <R>; open(L, "<", $ARGV[1]);
		$/ = "\n"; while (<L>) { ($p, $n, $o) = split; open(F, ">", $p); print F substr($r, $o, $n); close F }' \
		"$work/random" "$work/files"
}

# Two layers, so that there is something to join; and three.
make_images()
{
	mkdir "$work/tree" "$work/build"
	make_files "$work/tree"
	(cd "$work/tree" && find many -type f | sort) >"$work/many.tar-list"
	(cd "$work/tree" && find few -type f | sort) >"$work/few.tar-list"
	for list in many few; do
		sed 's|^|/|' "$work/$list.tar-list" >"$work/$list.list"
	done
	tar -C "$work/tree" -cf "$work/build/few.tar" few
	tar -C "$work/tree" -cf "$work/build/many.tar" many
	mkdir "$work/filler"
	for i in $(seq $((${FILLER_MB:-2700} / 10))); do
		head -c 10000000 /dev/urandom >"$work/filler/$i"
	done
	tar -C "$work" -cf "$work/build/filler.tar" filler
	rm -rf "$work/tree" "$work/filler"
	printf 'FROM scratch\nADD few.tar /\nADD many.tar /\n' >"$work/build/small"
	printf 'FROM %s:small\nADD filler.tar /\n' "$image" >"$work/build/large"
	for name in small large; do
		DOCKER_BUILDKIT=0 docker build -q -t "$image:$name" -f "$work/build/$name" "$work/build" >/dev/null
	done
	rm -rf "$work/build"
}

# The layers of an image, uppermost first, as overlayfs wants them.
layers_of()
{
	local upper lower

	upper=$(docker image inspect -f '{{.GraphDriver.Data.UpperDir}}' "$1")
	lower=$(docker image inspect -f '{{.GraphDriver.Data.LowerDir}}' "$1")
	echo "$upper:$lower"
}

# Each prints what measure does: "MS KIB".

# From a mount of its own, as micropack: what the last one has looked up does not count.
tar_list()
{
	mkdir -p "$work/joined"
	# shellcheck disable=SC2016
	unshare -m bash -euc '
		mount -t overlay -o "ro,noatime,lowerdir=$2" overlay "$1/joined"
		exec "$1/measure" tar -C "$1/joined" --no-recursion --xattrs --numeric-owner \
			-T "$1/$3.tar-list" -cf "$1/tar.tar"' \
		bash "$work" "$(layers_of "$image:$1")" "$2" 2>&1 | tail -n 1
}

pack_list()
{
	"$work/measure" "$micropack" pack -q "$work/$2.list" --image "$image:$1" --source "${3:-overlay}" \
		-o /dev/stdout 2>&1 >"$work/out.tar" | tail -n 1
}

# As pack does it by itself: on the disk, and with the document of all files beside it.
pack_file()
{
	"$work/measure" "$micropack" pack -q "$work/$2.list" --image "$image:$1" --source overlay \
		-o "$work/packed.tar" 2>&1 >/dev/null | tail -n 1
}

tar_file()
{
	mkdir -p "$work/joined"
	# shellcheck disable=SC2016
	unshare -m bash -euc '
		mount -t overlay -o "ro,noatime,lowerdir=$2" overlay "$1/joined"
		exec "$1/measure" bash -c "tar -C $1/joined --no-recursion --xattrs --numeric-owner \
			-T $1/$3.tar-list -cf $1/tar.tar && sync $1/tar.tar"' \
		bash "$work" "$(layers_of "$image:$1")" "$2" 2>&1 | tail -n 1
}

# What one pass over a stream costs: read_stream COMMAND...
read_stream()
{
	# shellcheck disable=SC2016
	"$work/measure" bash -c '"$@" | bsdtar -tf - >/dev/null' bash "$@" 2>&1 | tail -n 1
}

read_export()
{
	local id

	id=$(docker create "$image:small" /none)
	read_stream docker export "$id"
	docker rm "$id" >/dev/null
}

pack_saved()
{
	"$work/measure" "$micropack" pack -q "$work/many.list" --image "docker-archive:$work/saved.tar" \
		-o /dev/stdout 2>&1 >"$work/out.tar" | tail -n 1
}

# compare TEXT AIM A B: medians of both commands, run in turn.
compare()
{
	local text=$1 aim=$2 a=$3 b=$4

	: >"$work/a"
	: >"$work/b"
	$a >/dev/null
	$b >/dev/null
	for _ in $(seq "$rounds"); do
		$a >>"$work/a"
		$b >>"$work/b"
	done
	printf '%-46s %7.0f ms against %7.0f ms  %.2f (at most %s)  %d KiB\n' "$text" \
		"$(median <"$work/a")" "$(median <"$work/b")" \
		"$(awk -v a="$(median <"$work/a")" -v b="$(median <"$work/b")" 'BEGIN { print a / b }')" \
		"$aim" "$(awk '{ print $2 }' "$work/a" | median)"
}

make_images
echo "== packing, median of $rounds; the last column is peak memory (at most 65536)"
compare "20,000 small files, against GNU tar" 1.15 "pack_list small many" "tar_list small many"
compare "300 large files, against GNU tar" 1.15 "pack_list small few" "tar_list small few"
compare "small files, with their document, on the disk" 1.15 "pack_file small many" "tar_file small many"
compare "large files, with their document, on the disk" 1.15 "pack_file small few" "tar_file small few"
compare "small files, 3 GB image against 0.3 GB" 1.10 "pack_list large many" "pack_list small many"
compare "large files, 3 GB image against 0.3 GB" 1.10 "pack_list large few" "pack_list small few"
compare "small files from an export, against bsdtar" 1.3 "pack_list small many export" read_export
# The archive's layers one by one: bsdtar skips over what is in a member.
docker save "$image:small" >"$work/saved.tar"
mkdir "$work/saved"
tar -C "$work/saved" -xf "$work/saved.tar"
read_layers()
{
	# shellcheck disable=SC2016
	"$work/measure" bash -c 'for layer in "$1"/*/layer.tar; do cat "$layer" | bsdtar -tf - >/dev/null; done' \
		bash "$work/saved" 2>&1 | tail -n 1
}
compare "small files from a saved archive, against it" 1.3 pack_saved read_layers
