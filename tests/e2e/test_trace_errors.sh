# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2016 # scripts are for those who run them
#
# Tracing in bad times: what is missing, full, gone or killed, before and in the middle. One line says
# it, the exit status is the documented one, and no file is there that could be taken for a trace.

# script NAME TEXT: an executable ./NAME.
script()
{
	printf '#!/bin/bash\nset -e\n%s\n' "$2" >"$1"
	chmod +x "$1"
}

# An image whose program waits until it is told to end.
waiting_image()
{
	mkdir -p root/bin
	compile_static root/bin/wait '
#include <signal.h>
#include <unistd.h>
static void end(int sig) { (void)sig; _exit(0); }
int main(void) { signal(SIGTERM, end); for (;;) pause(); }'
	image_of "$1" root 'ENTRYPOINT ["/bin/wait"]'
}

# while_it_waits COMMAND...: in the background, with the next container that runs.
while_it_waits()
{
	(
		timeout 100 docker events --filter type=container --filter event=start --format '{{.ID}}' |
			{
				read -r id
				"$@" "$id"
			}
	) >/dev/null 2>&1 &
	sleep 0.3 # until it listens
}

# Root is not enough where its capabilities are taken away; nothing is started then.
test_error_trace_capabilities()
{
	local missing

	for missing in -bpf -perfmon -bpf,-perfmon; do
		refuses 3 'run with sudo' setpriv --bounding-set "$missing,-sys_admin" "$MICROPACK" \
			trace -o out.d -- touch ran
		refuses 3 'run with sudo' setpriv --bounding-set "$missing,-sys_admin" "$MICROPACK" \
			trace micropack-sample/hello-static -o out.d
	done
	[ ! -e ran ]
	# No more than those two is needed.
	expect 0 setpriv --bounding-set -all,+bpf,+perfmon "$MICROPACK" trace -o two.jsonl -- true
	expect 0 "$MICROPACK" pack two.jsonl --root / -o two.tar
}

# Of a place that cannot be written to nothing is asked.
test_error_trace_read_only()
{
	mkdir fixed
	mount -t tmpfs -o ro tmpfs fixed
	trap 'umount fixed' EXIT
	refuses 2 "create 'fixed/t.jsonl': Read-only file system" "$MICROPACK" trace \
		-o fixed/t.jsonl -- touch ran
	refuses 2 'Read-only file system' "$MICROPACK" trace micropack-sample/hello-static \
		-o fixed/t.jsonl
	refuses 2 'Read-only file system' "$MICROPACK" micropack-sample/hello-static -o fixed/out
	[ ! -e ran ]
}

test_error_trace_disk_full()
{
	local many='i=0; while [ $i -lt 2000 ]; do [ -e "missing-$i" ]; i=$((i + 1)); done'

	mkdir small
	mount -t tmpfs -o size=64k,nr_inodes=3 tmpfs small
	trap 'umount small' EXIT
	echo precious >small/t.jsonl
	refuses 1 'No space left on device' "$MICROPACK" trace -o small/t.jsonl -- sh -c "$many; true"
	[ "$(cat small/t.jsonl)" = precious ]
	[ "$(ls small)" = t.jsonl ]
	# Not even room for a name.
	: >small/last
	refuses 1 'No space left on device' "$MICROPACK" trace -o small/t.jsonl -- touch ran
	[ ! -e ran ]
	rm small/last
	mount -o remount,size=4k small
	refuses 1 'No space left on device' "$MICROPACK" trace micropack-sample/nginx --for 1s \
		-o small/t.jsonl
	[ "$(cat small/t.jsonl)" = precious ]
	[ "$(ls small)" = t.jsonl ]
}

# The output's directory goes while the program runs.
test_error_trace_directory_gone()
{
	mkdir dir
	refuses 1 "'dir/t.jsonl': No such file" "$MICROPACK" trace -o dir/t.jsonl -- rm -r dir
	mkdir dir
	refuses 1 "'dir/t.jsonl': No such file" "$MICROPACK" trace -o dir/t.jsonl -- mv dir moved
	[ ! -e moved/t.jsonl ]
	mkdir dir
	script tests.sh 'rm -r dir'
	refuses 1 "'dir/t.jsonl': No such file" "$MICROPACK" trace micropack-sample/nginx \
		--tests ./tests.sh -o dir/t.jsonl
}

# Somebody else ends the container, or takes it away.
test_error_trace_container_gone()
{
	local image=micropack-e2e/waiting:1

	waiting_image $image
	script tests.sh 'docker rm -f "$MICROPACK_CONTAINER"'
	refuses 5 'the container was removed during the run' "$MICROPACK" trace $image \
		--tests ./tests.sh -o out.d
	refuses 5 'the container was removed during the run' "$MICROPACK" $image \
		--tests ./tests.sh -o out.d
	# What was to end by itself.
	while_it_waits docker kill
	refuses 5 'exit status 137' "$MICROPACK" trace $image -o out.d
	while_it_waits docker rm -f
	refuses 5 'no trace written' "$MICROPACK" trace $image -o out.d
	# Its tests have the last word, though, and they are satisfied.
	script tests.sh 'docker kill "$MICROPACK_CONTAINER"'
	expect 0 "$MICROPACK" trace $image --tests ./tests.sh -o t.jsonl
	expect 0 "$MICROPACK" pack t.jsonl --image $image -o t.tar
	script tests.sh 'docker pause "$MICROPACK_CONTAINER"'
	expect 0 "$MICROPACK" trace $image --tests ./tests.sh -o t.jsonl
	docker rmi $image >/dev/null
}

# loses_engine COMMAND...: in the middle of it, the engine at ./engine ends.
loses_engine()
{
	DOCKER_HOST=$(MICROPACK_PRIVATE_ENGINE=1 "$TOP/scripts/engine.sh" start "$PWD/engine")
	export DOCKER_HOST
	docker load -q -i image.tar
	while_it_waits ./end.sh
	expect 4 timeout 60 "$@"
	says "$DOCKER_HOST"
	one_line
	[ ! -e out.d ] || fail "output is left behind: $(ls out.d)"
	"$TOP/scripts/engine.sh" stop "$PWD/engine"
}

test_error_trace_engine_gone()
{
	local image=micropack-e2e/waiting:1

	waiting_image $image
	docker save $image >image.tar
	docker rmi $image >/dev/null
	trap '"$TOP/scripts/engine.sh" stop "$PWD/engine"' EXIT
	# While micropack waits for the container's end: an engine that crashes leaves it running.
	script end.sh "kill -9 \$(cat '$PWD/engine/dockerd.pid')"
	loses_engine "$MICROPACK" trace $image -o out.d
	loses_engine "$MICROPACK" $image --for 1m -o out.d
	# During the tests, which notice nothing.
	script tests.sh "'$TOP/scripts/engine.sh' stop '$PWD/engine'"
	script end.sh ''
	loses_engine "$MICROPACK" trace $image --tests ./tests.sh -o out.d
	loses_engine "$MICROPACK" $image --tests ./tests.sh -o out.d
}

# Nobody can be told of SIGKILL: what it leaves must not look like a trace.
test_error_trace_killed()
{
	local image=micropack-e2e/waiting:1 id file

	mkdir dir
	expect 137 "$MICROPACK" trace -o dir/t.jsonl -- sh -c 'cat /etc/passwd; kill -9 $PPID'
	[ ! -e dir/t.jsonl ]
	for file in dir/*; do
		[ ! -e "$file" ] || expect 6 "$MICROPACK" pack "$file" --root / -o dir.tar
	done
	waiting_image $image
	script tests.sh 'echo $MICROPACK_CONTAINER >id; kill -9 $PPID'
	expect 137 "$MICROPACK" $image --tests ./tests.sh -o out.d
	id=$(cat id)
	docker rm -f "$id" >/dev/null
	[ ! -e out.d/trace.jsonl ]
	[ ! -e out.d/rootfs.tar ]
	[ -z "$(docker images -q $image-micro)" ]
	# The next run is as if nothing had been.
	expect 0 "$MICROPACK" $image --for 500ms -o out.d
	expect 0 "$MICROPACK" pack out.d/trace.jsonl --image $image -o again.tar
	cmp again.tar out.d/rootfs.tar
	docker rmi $image $image-micro >/dev/null
}
