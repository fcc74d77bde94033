#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The checks of the redis sample. micropack says where the container is.
# They speak redis' protocol themselves: no redis-cli is needed on the host.

set -eu
LC_ALL=C
host=${MICROPACK_HOST:?}
port=${MICROPACK_PORT_6379:?}

fail()
{
	echo "redis: FAILED: $*" >&2
	exit 1
}

# bash waits for a connection as long as the kernel does, so a first one is made under timeout.
connect()
{
	timeout 2 bash -c ": 3<>/dev/tcp/$host/$port" && exec 3<>"/dev/tcp/$host/$port"
} 2>/dev/null

answers()
{
	connect && printf 'PING\r\n' >&3 && IFS= read -r -t 2 reply <&3 && [ "$reply" = $'+PONG\r' ]
} 2>/dev/null

read_line()
{
	local line

	IFS= read -r -t 10 line <&3 || fail "no answer to: $command"
	reply=${line%$'\r'}
}

# redis WORD...: leaves the answer in $reply; of an array, its elements with a space after each.
redis()
{
	local word count all=

	command=$*
	{
		printf '*%d\r\n' $#
		for word in "$@"; do
			printf '$%d\r\n%s\r\n' ${#word} "$word"
		done
	} >&3 || fail "cannot send: $command"
	read_line
	if [ "${reply:0:1}" = '*' ]; then
		for ((count = ${reply:1}; count > 0; count--)); do
			read_line
			read_value
			all+="$reply "
		done
		reply=$all
	else
		read_value
	fi
}

read_value()
{
	case $reply in
	'$-1') reply='(nil)' ;;
	'$'*) read_line ;;
	esac
}

# expect ANSWER WORD...
expect()
{
	local want=$1

	shift
	redis "$@"
	[ "$reply" = "$want" ] || fail "$*: expected '$want', got '$reply'"
	echo "redis: ok: $*"
}

# A published port may accept before the program behind it listens.
until answers; do
	[ $SECONDS -lt 10 ] || fail "no redis at $host:$port"
	sleep 0.1
done

# A new container is empty: nothing that an earlier run wrote was packed into its image.
expect ':0' DBSIZE

expect '+OK' SET sample:greeting 'hello, world'
expect 'hello, world' GET sample:greeting
expect '(nil)' GET sample:nothing
expect ':3' RPUSH sample:list a b c
expect 'a b c ' LRANGE sample:list 0 -1

# shellcheck disable=SC2016 # Lua, not the shell's
script='redis.call("INCRBY", KEYS[1], ARGV[1]); return redis.call("GET", KEYS[1])'
expect '42' EVAL "$script" 1 sample:count 42
expect '{"n":[1,2]}' EVAL 'return cjson.encode({n = cjson.decode("[1,2]")})' 0
redis EVAL 'return nosuch()' 0
[[ $reply == -*nosuch* ]] || fail "a Lua error: got '$reply'"
echo "redis: ok: a Lua error is reported"

expect 'maxmemory-policy allkeys-lru ' CONFIG GET maxmemory-policy
expect 'dir /data ' CONFIG GET dir
expect '+OK' SAVE
redis LASTSAVE
[[ $reply =~ ^:[1-9][0-9]*$ ]] || fail "LASTSAVE: got '$reply'"
