# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Careless users and hostile surroundings: what is written stays whole, what is started ends.

# A warning must not go into the archive because its descriptor is number 2.
test_hostile_closed_descriptors()
{
	mkdir root
	: >root/.wh.name
	printf '/.wh.name\n' >list
	expect 0 "$MICROPACK" pack list --root root -o whole.tar
	expect 0 sh -c 'exec "$0" "$@" <&- 2>&-' "$MICROPACK" pack list --root root -o closed.tar
	cmp whole.tar closed.tar
	expect 1 sh -c 'exec "$0" "$@" <&- >&-' "$MICROPACK" pack list --root root -o closed.tar
	says 'write to standard output'
	cmp whole.tar closed.tar
	expect 1 sh -c 'exec "$0" "$@" <&- >&- 2>&-' "$MICROPACK" trace -o t.jsonl -- true
	expect 0 "$MICROPACK" pack t.jsonl --root / -o t.tar
}

test_hostile_output_is_no_directory()
{
	: >file
	ln -s nowhere dangling
	expect 2 "$MICROPACK" micropack-sample/hello-static -o file
	says "create directory 'file'"
	one_line
	expect 2 "$MICROPACK" micropack-sample/hello-static -o dangling
	says "create directory 'dangling'"
	[ ! -e nowhere ]
}

test_hostile_output_without_a_name()
{
	expect 2 "$MICROPACK" trace -o '' -- touch ran
	says "create ''"
	[ ! -e ran ]
}

# interrupted COMMAND...: with SIGINT while it waits; ends with 130 within three seconds.
interrupted()
{
	local pid waited=0

	# A background job ignores SIGINT; what env starts does not.
	env --default-signal=INT "$@" >out 2>err &
	pid=$!
	sleep 1
	kill -INT $pid
	while kill -0 $pid 2>/dev/null; do
		waited=$((waited + 1))
		[ $waited -lt 30 ] || { kill -9 $pid; fail "still runs: $*"; }
		sleep 0.1
	done
	expect 130 wait $pid
}

test_hostile_interrupted_while_it_waits()
{
	local other

	mkfifo in out-fifo
	printf '/bin/bash\n' >list
	interrupted "$MICROPACK" pack in --root /
	interrupted "$MICROPACK" dockerfile --config in
	interrupted "$MICROPACK" pack list --root / -o out-fifo
	sleep 60 >in &
	other=$!
	interrupted "$MICROPACK" pack in --root /
	kill $other
	sleep 60 <out-fifo &
	other=$!
	interrupted "$MICROPACK" pack list --root / -o out-fifo
	kill $other
}

test_hostile_interrupted_command_leaves_no_process()
{
	interrupted "$MICROPACK" trace -o t.jsonl -- sh -c \
		'sh -c "echo \$\$ >one; sleep 61 & setsid sleep 62; true" & sleep 63; true'
	sleep 0.2
	[ -s one ]
	! pgrep -f '^sleep 6[123]$' || fail 'a process is left behind'
	[ ! -e t.jsonl ]
}
