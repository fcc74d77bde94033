# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Tracing what others have started: containers, images, control groups, processes.

# One program: waits until it is told the end by SIGTERM; a word makes it open that file at once, and
# SIGUSR1 makes it open /late.
targets_image()
{
	mkdir -p root/bin
	[ -x root/bin/app ] || compile_static root/bin/app '
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
static void late(int sig) { open("/late", O_RDONLY); }
static void end(int sig) { _exit(0); }
int main(int argc, char **argv)
{
	signal(SIGUSR1, late);
	signal(SIGTERM, end);
	if (argc > 1)
		open(argv[1], O_RDONLY);
	open("/held", O_RDONLY);
	if (argc > 2)
		return 0;
	for (;;)
		pause();
}'
	touch root/held root/late root/first root/entered
	echo "$1" >root/id
	image_of "$1" root 'ENTRYPOINT ["/bin/app"]'
}

# refuses STATUS TEXT COMMAND...: in one line.
refuses()
{
	local status=$1 text=$2

	shift 2
	expect "$status" "$@"
	says "$text"
	one_line
}

# follow ARGUMENT...: micropack trace in the background, which says in ./log that it follows. A shell
# has it ignore SIGINT, as what runs in the background of a terminal.
follow()
{
	: >log # what the last one said
	env --default-signal=INT "$MICROPACK" trace "$@" >traces 2>log &
	follower=$!
	for _ in $(seq 100); do
		! grep -q '^micropack: following' log || return 0
		kill -0 "$follower" 2>/dev/null || break
		sleep 0.1
	done
	cat log >&2
	fail "micropack trace $* does not follow"
}

# ended STATUS [SIGNAL]: it ends, after that signal, with this exit status.
ended()
{
	local status=0

	[ $# -lt 2 ] || kill -s "$2" "$follower"
	timeout 20 tail --pid="$follower" -f /dev/null || fail "it does not end"
	wait "$follower" || status=$?
	[ $status -eq "$1" ] && return 0
	cat log >&2
	fail "exit status $status, not $1"
}

# An event of trace $1 that is $2, with the path $3 and, if given, with the flag $4.
event()
{
	grep "^{\"op\":\"$2\",\"path\":\"$3\"" "$1" | grep -q "${4:+\"$4\"}" && return 0
	cat "$1" >&2
	fail "no $2 of $3 ${4:-} in $1"
}

no_event()
{
	! grep "^{\"op\":\"$2\",\"path\":\"$3\"" "$1" | grep "${4:+\"$4\"}" >&2 ||
		fail "$2 of $3 ${4:-} in $1"
}

complete()
{
	tail -n 1 "$1" | grep -qF '"dropped":0,"truncated":0,"unread":0,"untracked":0' ||
		fail "$1 is incomplete: $(tail -n 1 "$1")"
}

test_targets_container_that_is_created()
{
	targets_image micropack-e2e/targets:1
	id=$(docker create --name mp-targets-a micropack-e2e/targets:1 /first)
	follow --container mp-targets-a -o t.jsonl
	grep -q "waiting for container 'mp-targets-a' to be started" log
	docker start "$id" >/dev/null
	docker exec "$id" /bin/app /entered x
	docker stop "$id" >/dev/null
	ended 0
	[ "$(cat traces)" = t.jsonl ]
	head -n 1 t.jsonl | grep -qF '"source":"container","image":"micropack-e2e/targets:1","image_id":"sha256:'
	event t.jsonl exec /bin/app
	event t.jsonl open /first
	event t.jsonl open /held
	event t.jsonl open /entered
	grep '"path":"/entered"' t.jsonl | grep -q '"session":1'
	complete t.jsonl
	expect 0 "$MICROPACK" pack t.jsonl --image micropack-e2e/targets:1 -o rootfs.tar
	in_archive rootfs.tar first
	not_in_archive rootfs.tar late
	# Started again: the same, without what enters.
	follow --container "$id" --main-only -o main.jsonl
	docker start "$id" >/dev/null
	docker exec "$id" /bin/app /entered x
	docker stop "$id" >/dev/null
	ended 0
	event main.jsonl open /first
	no_event main.jsonl open /entered
	complete main.jsonl
	docker rm "$id" >/dev/null
	docker rmi micropack-e2e/targets:1 >/dev/null
}

# It has been up for long: what it has open is told from /proc, what it does now from the kernel.
test_targets_container_that_runs()
{
	targets_image micropack-e2e/targets:2
	id=$(docker run -d --name mp-targets-b micropack-e2e/targets:2 /first)
	follow --container mp-targets-b --attach -o t.jsonl
	! grep warning log || fail "a warning"
	docker kill -s USR1 "$id" >/dev/null
	docker exec "$id" /bin/app /entered x
	ended 0 INT
	event t.jsonl exec /bin/app attached
	event t.jsonl open /held attached
	event t.jsonl open /first attached
	event t.jsonl open /late
	no_event t.jsonl open /late attached
	grep '"path":"/late"' t.jsonl | grep -qF '"exe":"/bin/app"'
	event t.jsonl open /entered
	complete t.jsonl
	expect 0 "$MICROPACK" pack t.jsonl --image micropack-e2e/targets:2 -o rootfs.tar
	for path in bin/app held late first; do
		in_archive rootfs.tar $path
	done
	# Without --attach there is a warning; what it executes next is there all the same.
	follow --container mp-targets-b -o next.jsonl
	grep -q "warning: container 'mp-targets-b' runs already" log
	docker kill -s USR1 "$id" >/dev/null
	docker exec "$id" /bin/app /entered x
	ended 0 TERM
	event next.jsonl open /entered
	no_event next.jsonl open /late
	no_event next.jsonl open /held attached
	expect 2 "$MICROPACK" trace --container mp-targets-b --main-only
	says '--main-only needs --attach'
	# What has entered is left out; the end of the container is the end of the trace.
	docker exec -d "$id" /bin/app /entered
	follow --container mp-targets-b --main-only --attach -o main.jsonl
	docker kill -s USR1 "$id" >/dev/null
	docker exec "$id" /bin/app /late x
	docker stop "$id" >/dev/null
	ended 0
	event main.jsonl open /first attached
	event main.jsonl open /late
	no_event main.jsonl open /entered
	! grep '"session"' main.jsonl || fail "a session"
	docker rm "$id" >/dev/null
	docker rmi micropack-e2e/targets:2 >/dev/null
}

test_targets_image()
{
	targets_image micropack-e2e/targets:3
	targets_image micropack-e2e/targets:other
	id=$(docker run -d micropack-e2e/targets:3 /entered)
	follow --follow-image micropack-e2e/targets:3 -o t.jsonl
	grep -q "1 container of 'micropack-e2e/targets:3' runs already and is not followed" log
	docker kill -s USR1 "$id" >/dev/null
	docker exec "$id" /bin/app /late x
	docker run --rm micropack-e2e/targets:other /late x
	for _ in 1 2 3; do
		docker run --rm micropack-e2e/targets:3 /first x
	done
	ended 0 INT
	event t.jsonl exec /bin/app
	event t.jsonl open /first
	no_event t.jsonl open /late
	no_event t.jsonl open /entered
	complete t.jsonl
	# And those that run, with what they have open.
	mkdir traces.d
	follow --follow-image micropack-e2e/targets:3 --attach -o traces.d
	docker kill -s USR1 "$id" >/dev/null
	docker run --rm micropack-e2e/targets:3 /first x
	ended 0 INT
	grep -q 'container [0-9a-f]* of micropack-e2e/targets:3 is followed' log
	[ "$(cat traces)" = traces.d/micropack-e2e-targets-3.jsonl ]
	event traces.d/micropack-e2e-targets-3.jsonl open /entered attached
	event traces.d/micropack-e2e-targets-3.jsonl open /late
	event traces.d/micropack-e2e-targets-3.jsonl open /first
	complete traces.d/micropack-e2e-targets-3.jsonl
	docker rm -f "$id" >/dev/null
	docker rmi micropack-e2e/targets:3 micropack-e2e/targets:other >/dev/null
}

# A trace for each image, of several containers each.
test_targets_several_images()
{
	targets_image micropack-e2e/targets:4
	targets_image micropack-e2e/targets:5
	a=$(docker create micropack-e2e/targets:4 /first x)
	b=$(docker create micropack-e2e/targets:4 /late x)
	c=$(docker create micropack-e2e/targets:5 /entered x)
	expect 2 "$MICROPACK" trace --container "$a" --container "$c" -o t.jsonl
	says "2 traces are written, one for each image: -o has to be a directory, which 't.jsonl' is not"
	one_line
	expect 2 "$MICROPACK" trace --container "$a" --container "$c"
	says 'a directory that exists'
	mkdir out.d
	follow --container "$a" --container "$b" --container "$c" --container "${a:0:12}" -o out.d
	docker start "$a" "$b" "$c" >/dev/null
	ended 0
	[ "$(sort traces)" = "out.d/micropack-e2e-targets-4.jsonl
out.d/micropack-e2e-targets-5.jsonl" ]
	four=out.d/micropack-e2e-targets-4.jsonl five=out.d/micropack-e2e-targets-5.jsonl
	event $four open /first
	event $four open /late
	no_event $four open /entered
	event $five open /entered
	no_event $five open /first
	complete $four
	complete $five
	head -n 1 $five | grep -qF '"image":"micropack-e2e/targets:5"'
	docker rm "$a" "$b" "$c" >/dev/null
	docker rmi micropack-e2e/targets:4 micropack-e2e/targets:5 >/dev/null
}

# A directory of a cgroup file system where this user may make one.
make_group()
{
	for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/pids; do
		[ -w $hierarchy/cgroup.procs ] || continue
		group=$hierarchy/mp-e2e-$$
		mkdir $group
		return 0
	done
	fail "no control group can be made"
}

# No engine is asked for control groups and processes.
test_targets_control_group()
{
	export DOCKER_HOST=unix:///nonexistent
	make_group
	echo content >file
	follow --cgroup "$group" -o t.jsonl
	bash -c "echo \$\$ >$group/cgroup.procs; exec cat $PWD/file" >/dev/null
	sleep 0.5 # empty groups are seen to be empty only while they are looked at
	rmdir "$group"
	ended 0
	event t.jsonl open "$PWD/file"
	head -n 1 t.jsonl | grep -qF '"source":"command"'
	! head -n 1 t.jsonl | grep '"image' || fail "an image in the header"
	complete t.jsonl
	mkdir "$group"
	mkfifo gate
	bash -c "echo \$\$ >$group/cgroup.procs; exec 7<$PWD/file; read -r _ <$PWD/gate; cat /etc/hostname" &
	sleep 0.5
	follow --cgroup "$group" --attach -o running.jsonl
	echo >gate
	wait $!
	ended 0
	rmdir "$group"
	event running.jsonl open "$PWD/file" attached
	event running.jsonl open /etc/hostname
	no_event running.jsonl open /etc/hostname attached
	event running.jsonl exec "$(realpath /bin/bash)" attached
	complete running.jsonl
	refuses 2 "'/etc' is no control group" "$MICROPACK" trace --cgroup /etc
	refuses 2 "find the control group '/nonexistent'" "$MICROPACK" trace --cgroup /nonexistent
}

test_targets_process()
{
	export DOCKER_HOST=unix:///nonexistent
	echo content >file
	mkfifo gate
	bash -c "exec 7<$PWD/file; read -r _ <$PWD/gate; cat /etc/hostname >/dev/null; read -r _ <$PWD/gate" &
	pid=$!
	sleep 0.5
	follow --pid $pid -o t.jsonl
	echo >gate
	sleep 0.2
	echo >gate
	ended 0
	event t.jsonl open "$PWD/file" attached
	event t.jsonl exec "$(realpath /bin/bash)" attached
	event t.jsonl open "$(realpath /lib/x86_64-linux-gnu/libc.so.6)" attached
	event t.jsonl open /etc/hostname
	grep '"path":"/etc/hostname"' t.jsonl | grep -q '"exe":"[a-z/]*/cat"'
	complete t.jsonl
	sleep 60 &
	expect 0 "$MICROPACK" trace --pid $! --for 300ms -o timed.jsonl
	event timed.jsonl exec "$(realpath /bin/sleep)" attached
	kill $!
	refuses 2 '--pid 4194304' "$MICROPACK" trace --pid 4194304
	expect 3 unshare --pid --fork --mount-proc "$MICROPACK" trace --pid 1
	says "only from the host's own PID namespace"
	one_line
}

test_targets_errors()
{
	refuses 2 'there is no IMAGE and no COMMAND' "$MICROPACK" trace image --container x
	refuses 2 'there is no IMAGE and no COMMAND' "$MICROPACK" trace --pid 1 -- true
	refuses 2 'need an IMAGE' "$MICROPACK" trace --container x --tests /bin/true
	refuses 2 'need an IMAGE' "$MICROPACK" trace --container x -e A=b
	refuses 2 '--attach needs' "$MICROPACK" trace --attach -- true
	refuses 2 '--main-only is about containers' "$MICROPACK" trace --main-only -- true
	refuses 2 '--main-only is about containers' "$MICROPACK" trace --main-only --pid 1
	refuses 2 'is not the ID or name of a container' "$MICROPACK" trace --container ../x
	refuses 4 "find container 'mp-none'" "$MICROPACK" trace --container mp-none
	refuses 4 'pull it first' "$MICROPACK" trace --follow-image mp-none:1
	DOCKER_HOST=unix:///nonexistent expect 4 "$MICROPACK" trace --container x
	says "cannot connect to the Docker engine"
	one_line
	targets_image micropack-e2e/targets:6
	id=$(docker create micropack-e2e/targets:6)
	refuses 2 "create '/nonexistent/t'" "$MICROPACK" trace --container "$id" -o /nonexistent/t
	# A container that is removed is over.
	follow --container "$id"
	docker rm "$id" >/dev/null
	ended 0
	grep -q "warning: 'trace.jsonl' is empty" log
	docker rmi micropack-e2e/targets:6 >/dev/null
}
