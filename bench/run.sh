#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Measurements, printed as ratios inside one run: `make bench`. Needs root, and the engine at
# DOCKER_HOST.
set -eu
cd "$(dirname "$0")/.."
TOP=$PWD
export LC_ALL=C # numbers have a point
micropack=$TOP/build/release/micropack
work=$(mktemp -d)
rounds=${ROUNDS:-5}

cleanup()
{
	cd "$TOP"
	rm -rf "$work"
}
trap cleanup EXIT

scripts/sample-images.sh >/dev/null
cc -O2 -o "$work/measure" bench/measure.c

median()
{
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

ratio()
{
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'
}

# member FILE NAME: of micropack's --json.
member()
{
	sed -n "s/.*\"$2\": \([0-9][0-9]*\).*/\1/p" "$1"
}

# Sum of the named stages, in ms.
stages()
{
	local file=$1 sum=0 name

	shift
	for name in "$@"; do
		sum=$((sum + $(member "$file" "$name")))
	done
	echo "$sum"
}

whole_command()
{
	local name=nginx round out

	echo "== the whole command, $name sample, median of $rounds"
	for round in $(seq "$rounds"); do
		out=$work/run.$round
		"$work/measure" "$micropack" "micropack-sample/$name" -q --json -o "$work/out" \
			--tests "samples/$name/tests.sh" >"$out" 2>"$out.err"
		tail -n 1 "$out.err" >"$out.cost"
	done
	for stage in image trace tests pack load verify; do
		printf '%-25s %6d ms\n' "$stage" \
			"$(for round in $(seq "$rounds"); do member "$work/run.$round" $stage; done | median)"
	done
	printf '%-25s %6d ms  (at most 1500; mint: 3800)\n' "without tests, proof" \
		"$(for round in $(seq "$rounds"); do
			stages "$work/run.$round" image trace pack load
		done | median)"
	printf '%-25s %6d ms\n' "proof without tests" \
		"$(for round in $(seq "$rounds"); do
			echo $(($(member "$work/run.$round" verify) - $(member "$work/run.$round" tests)))
		done | median)"
	printf '%-25s %6d ms  (docker run, ready, docker stop, docker rm)\n' "  of it by hand" "$(by_hand $name)"
	printf '%-25s %6d KiB (at most 65536)\n' "peak memory" \
		"$(awk '{ print $2 }' "$work"/run.*.cost | median)"
}

# What starting and ending the container costs without micropack.
by_hand()
{
	local start id port

	start=$(date +%s%N)
	id=$(docker run -d -p 127.0.0.1::80 "micropack-sample/$1")
	port=$(docker port "$id" 80/tcp | head -n 1)
	until curl -sf -o /dev/null "http://$port/"; do :; done
	docker stop "$id" >/dev/null
	docker rm "$id" >/dev/null
	echo $((($(date +%s%N) - start) / 1000000))
}

# The same tests under strace, in a copy of the image.
run_under_strace()
{
	local root=$work/root id

	mkdir "$root"
	id=$(docker create micropack-sample/nginx)
	docker export "$id" | tar -C "$root" -xp --numeric-owner
	docker rm "$id" >/dev/null
	# What the engine would mount; nginx logs there.
	for node in null:1:3 random:1:8 urandom:1:9; do
		IFS=: read -r node major minor <<<"$node"
		[ -e "$root/dev/$node" ] || mknod -m 666 "$root/dev/$node" c "$major" "$minor"
	done
	unshare -n -m bash -euc '
		ip link set lo up
		mount -t proc proc "$1/proc"
		ln -sfn /proc/self/fd/1 "$1/dev/stdout"
		ln -sfn /proc/self/fd/2 "$1/dev/stderr"
		strace -f -qq -e trace=%file -o "$2" chroot "$1" nginx -g "daemon off;" >/dev/null 2>&1 &
		until curl -sf -o /dev/null http://127.0.0.1/; do sleep 0.1; done
		MICROPACK_HOST=127.0.0.1 MICROPACK_PORT=80 MICROPACK_PORT_80=80 MICROPACK_PORT_443=443 \
			samples/nginx/tests.sh >/dev/null
		chroot "$1" nginx -s quit
		wait' bash "$root" "$work/strace.log"
	sed -n '/chroot(/,$p' "$work/strace.log" | grep -v ' = -1 ' | grep -o '"/[^"]*"' | tr -d '"' | sort -u |
		grep -vE '^/(proc|sys|dev)/' >"$work/strace.paths"
}

# Size of all that strace saw opened, executed or looked at with success.
size_of_strace_list()
{
	local root=$work/root

	# The program's interpreter is opened by the kernel itself, so strace does not see it.
	if [ "${1:-}" = with-interpreter ]; then
		readelf -l "$root/usr/sbin/nginx" |
			sed -n 's/.*program interpreter: \(.*\)\]/\1/p' >>"$work/strace.paths"
	fi
	while read -r path; do
		chroot "$root" readlink -f -- "$path"
	done <"$work/strace.paths" | sort -u | while read -r path; do
		[ ! -f "$root$path" ] || stat -c %s "$root$path"
	done | awk '{ sum += $1 } END { print sum }'
}

size_against_strace()
{
	local seen loadable packed

	echo "== the result's size, nginx sample"
	run_under_strace
	seen=$(size_of_strace_list)
	loadable=$(size_of_strace_list with-interpreter)
	packed=$(sed -n '/"after"/,$p' "$work/run.1" | sed -n 's/.*"size_bytes": \([0-9]*\).*/\1/p' | head -n 1)
	printf '%-25s %9d bytes\n' "what strace sees" "$seen"
	printf '%-25s %9d bytes  (with the ELF interpreter, which the kernel opens)\n' \
		"what strace's list needs" "$loadable"
	printf '%-25s %9d bytes  %s× of that (at most 1.02), %s× of what strace sees\n' "packed" \
		"$packed" "$(ratio "$packed" "$loadable")" "$(ratio "$packed" "$seen")"
}

# Peak memory of reading an image through the export stream, which grows with nothing but its index.
memory_of_sources()
{
	echo "== peak memory, packing from each source"
	"$micropack" trace -q micropack-sample/flask --tests samples/flask/tests.sh \
		-o "$work/flask.jsonl" >/dev/null 2>&1
	for source in overlay export; do
		"$work/measure" "$micropack" pack -q "$work/flask.jsonl" --image micropack-sample/flask \
			--source $source -o "$work/$source.tar" >/dev/null 2>"$work/cost"
		read -r ms kib < <(tail -n 1 "$work/cost")
		printf '%-25s %6.0f ms %8d KiB\n' "$source" "$ms" "$kib"
	done
}

whole_command
size_against_strace
memory_of_sources
bench/closure.sh
bench/packing.sh
bench/costs.sh
