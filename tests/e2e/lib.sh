# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What every end-to-end test uses. A test is a function test_NAME in a file test_*.sh; it runs in a
# shell of its own, in an empty directory ($PWD), with `set -eu`, and fails by any command that fails.
#
#   MICROPACK  the program     TOP  the source tree     DOCKER_HOST  the engine

fail()
{
	echo "FAILED: $*" >&2
	return 1
}

# expect STATUS COMMAND...: runs it; its output is in ./out and ./err.
expect()
{
	local expected=$1 status=0

	shift
	"$@" >out 2>err || status=$?
	[ "$status" -eq "$expected" ] && return 0
	echo "--- $*" >&2
	cat out err >&2
	fail "exit status $status, expected $expected: $*"
}

# says TEXT: the last command's error output has it, on a line that micropack wrote.
says()
{
	grep -F -- "$1" err | grep -q '^micropack: ' && return 0
	cat err >&2
	fail "no message with '$1'"
}

prints()
{
	grep -qF -- "$1" out && return 0
	cat out >&2
	fail "no output with '$1'"
}

# An error is one line.
one_line()
{
	[ "$(grep -c '^micropack: error: ' err)" -eq 1 ] && return 0
	cat err >&2
	fail "the error is not one line"
}

# refuses STATUS TEXT COMMAND...: and nothing is left in ./out.d, no container anywhere.
refuses()
{
	local status=$1 text=$2 before

	before=$(containers)
	shift 2
	expect "$status" "$@"
	says "$text"
	one_line
	[ ! -e out.d ] || fail "output is left behind: $(ls out.d)"
	[ "$(containers)" = "$before" ] || fail "a container is left behind"
}

# image_of NAME DIR [CHANGE...]: an image from the files in DIR.
image_of()
{
	local name=$1 dir=$2 change changes=()

	shift 2
	for change in "$@"; do
		changes+=(--change "$change")
	done
	tar -C "$dir" --numeric-owner --xattrs -c . | docker import "${changes[@]}" - "$name" >/dev/null
}

# export_of IMAGE COMMAND...: gives the file system of a container that is never started to COMMAND,
# as a tar stream. Its anonymous volumes go with it.
export_of()
{
	local id

	id=$(docker create "$1" /none)
	shift
	docker export "$id" | "$@"
	docker rm -v "$id" >/dev/null
}

containers()
{
	docker ps -aq | sort
}

# A small C program, linked statically: PROGRAM SOURCE-TEXT
compile_static()
{
	printf '%s\n' "$2" | cc -O1 -static -x c -o "$1" -
}

entries()
{
	tar -tf "$1" | sed 's|/$||' | sort
}

in_archive()
{
	entries "$1" | grep -qxF -- "$2" || fail "'$2' is not in $1"
}

not_in_archive()
{
	! entries "$1" | grep -qxF -- "$2" || fail "'$2' is in $1"
}

sample_tests()
{
	echo "$TOP/samples/$1/tests.sh"
}

# first_op TRACE: what was done first.
first_op()
{
	jq -rs '[.[0].first_ns, .[1:-1]] | transpose | min_by(.[0])[1].op' "$1"
}
