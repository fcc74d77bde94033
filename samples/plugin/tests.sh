#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The checks of the plugin sample. micropack says where the container is.

set -eu
base=http://${MICROPACK_HOST:?}:${MICROPACK_PORT_7000:?}

fail()
{
	echo "plugin: FAILED: $*" >&2
	exit 1
}

# expect NAME STATUS BODY PATH
expect()
{
	local got

	got=$(curl -sS -m 10 -w '%{http_code}' "$base$4") || fail "$1: no answer from $4"
	[ "$got" = "$3
$2" ] || fail "$1: expected '$3' and $2, got '$got'"
	echo "plugin: ok: $1"
}

# A published port may accept before the program behind it listens.
until curl -s -m 2 -o /dev/null "$base/" || [ $SECONDS -ge 10 ]; do
	sleep 0.1
done

expect "the banner comes from the config" 200 'plugin server, release 2' /
expect "a plugin" 200 'HELLO,WORLD' '/run/upper?hello,world'
expect "a plugin with a library of its own" 200 '5895103796' '/run/wave?0123456789'
expect "a plugin that does not exist" 404 "no plugin 'nosuch'" /run/nosuch
expect "a name that is not a plugin's" 400 'bad plugin name' /run/..%2Fupper
