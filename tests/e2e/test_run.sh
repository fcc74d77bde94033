# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# How containers are started, waited for, tested and ended.

# An image with one static program that prints what it was started with.
probe_image()
{
	mkdir -p root/etc root/bin root/data/sub root/work
	compile_static root/bin/probe '
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
extern char **environ;
int main(int argc, char **argv)
{
	char cwd[4096], line[256];
	for (int i = 0; i < argc; i++)
		printf("arg %s\n", argv[i]);
	for (char **e = environ; *e; e++)
		printf("env %s\n", *e);
	printf("uid %d\ncwd %s\n", getuid(), getcwd(cwd, sizeof(cwd)));
	FILE *f = fopen("/proc/self/mounts", "r");
	while (f && fgets(line, sizeof(line), f))
		printf("mount %s", line);
	f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof(line), f))
		printf("%s", line);
	f = fopen("/etc/setting", "r");
	while (f && fgets(line, sizeof(line), f))
		printf("setting %s", line);
	return getenv("STATUS") ? atoi(getenv("STATUS")) : 0;
}'
	cp root/bin/probe root/bin/other
	echo original >root/etc/setting
	image_of "$1" root 'ENTRYPOINT ["/bin/probe"]' 'CMD ["by-default"]' 'ENV FROM_IMAGE=yes' \
		'WORKDIR /work'
}

test_run_options()
{
	local image=micropack-e2e/probe:1

	probe_image "$image"
	echo mounted >setting
	printf '# comment\nFILE_A=1\n\nFILE_B=two words\n' >vars
	HOSTVAR=here expect 0 "$MICROPACK" -e A='x y' --env-file vars "$image" -eHOSTVAR \
		--tmpfs /scratch:size=64k -u 123:456 -w /data -v "$PWD/setting:/etc/setting:ro" \
		--mount "type=bind,source=$PWD,target=/data/sub,readonly" --cap-add NET_ADMIN \
		--network none --no-verify -o out.d -- one 'two words'
	prints 'arg one'
	prints 'arg two words'
	prints 'env A=x y'
	prints 'env FILE_B=two words'
	prints 'env HOSTVAR=here'
	prints 'env FROM_IMAGE=yes'
	prints 'uid 123'
	prints 'cwd /data'
	prints 'mount tmpfs /scratch tmpfs'
	prints 'setting mounted'
	grep -q '^mount .* /data/sub .*ro' out
	! grep -q 'by-default' out
	# What the image has below a mount is not what the program has read.
	! tar -tf out.d/rootfs.tar | grep -q '^etc/setting' || fail "what a mount hid is packed"
	expect 1 "$MICROPACK" explain /etc/setting --plan out.d/plan.txt --json
	[ "$(jq -r '.[0].verdict' out)" = mounted ]
	expect 0 "$MICROPACK" pack out.d/trace.jsonl --image "$image" --keep /etc/setting -o kept.tar
	[ "$(tar -xOf kept.tar etc/setting)" = original ]
	expect 0 "$MICROPACK" --entrypoint /bin/other "$image" --no-verify -o out.d
	prints 'arg /bin/other'
	expect 0 "$MICROPACK" "$image" --no-verify -o out.d
	prints 'arg by-default'
	docker rmi "$image" "$image-micro" >/dev/null
}

# Every exposed port is published on 127.0.0.1, and scripts are told; -p is as the user says.
test_run_ports()
{
	cat >tests.sh <<'END'
#!/bin/sh
set -eu
[ -n "$MICROPACK_CONTAINER" ]
[ "$MICROPACK_HOST" = 127.0.0.1 ]
[ "$MICROPACK_PORT" = "$MICROPACK_PORT_80" ]
[ "$MICROPACK_PORT_443" = 44399 ]
docker port "$MICROPACK_CONTAINER" | grep -q "^80/tcp -> 127.0.0.1:$MICROPACK_PORT_80"
curl -sf -m 5 -o /dev/null "http://$MICROPACK_HOST:$MICROPACK_PORT/"
curl -skf -m 5 -o /dev/null "https://127.0.0.1:44399/"
END
	chmod +x tests.sh
	expect 0 "$MICROPACK" micropack-sample/nginx -p 127.0.0.1:44399:443 --tests tests.sh \
		-o out.d --tag micropack-e2e/ports
	prints micropack-e2e/ports:latest
	docker rmi micropack-e2e/ports:latest >/dev/null
}

test_run_ready()
{
	printf '#!/bin/sh\ntest -e ready.flag\n' >tests.sh
	chmod +x tests.sh
	expect 0 "$MICROPACK" trace micropack-sample/nginx --tests ./tests.sh --ready-cmd \
		'test -n "$MICROPACK_PORT" && touch ready.flag'
	expect 5 "$MICROPACK" trace micropack-sample/nginx --tests ./tests.sh --ready-cmd false \
		--ready-timeout 1s -o late.jsonl
	says 'not ready after 1.0 s'
	[ ! -e late.jsonl ]
	# A container that ends before it is ready.
	expect 5 "$MICROPACK" trace micropack-sample/nginx --tests ./tests.sh -o late.jsonl -- \
		nginx -c /missing
	says 'before it was ready'
	grep -q '/missing' err || fail "the container's own words are not shown"
	# Its HEALTHCHECK decides where it has one.
	printf '#!/bin/sh\n[ "$(docker inspect -f "{{.State.Health.Status}}" $MICROPACK_CONTAINER)" = healthy ]\n' >tests.sh
	expect 0 "$MICROPACK" trace micropack-sample/redis --tests ./tests.sh
	grep -q '"session":1' trace.jsonl || fail "the health check is not told from the main process"
}

test_run_own_test()
{
	probe_image micropack-e2e/own:1
	expect 5 "$MICROPACK" micropack-e2e/own:1 -e STATUS=3 -o out.d
	says 'exit status 3'
	one_line
	[ ! -e out.d ] || fail "something was left in the output directory"
	expect 0 "$MICROPACK" trace micropack-e2e/own:1 --run 'a "b c"' --run "d" -o t.jsonl
	prints 'arg b c'
	prints 'arg d'
	expect 0 "$MICROPACK" trace micropack-sample/nginx --for 1s -o t.jsonl
	grep -q '"real":"/usr/sbin/nginx"' t.jsonl
	docker rmi micropack-e2e/own:1 >/dev/null
}

# The packed image lacks what the tests did not use before: exit 8, and the path is named.
test_run_proof_fails()
{
	cat >tests.sh <<'END'
#!/bin/sh
set -eu
url=http://$MICROPACK_HOST:$MICROPACK_PORT
curl -sf -m 5 -o /dev/null "$url/"
if [ -e second ]; then
	curl -sf -m 5 -o /dev/null "$url/unused.html"
fi
touch second
END
	chmod +x tests.sh
	expect 8 "$MICROPACK" micropack-sample/nginx --tests tests.sh -o out.d \
		--tag micropack-e2e/proof:1
	says 'unused.html'
	one_line
	docker rmi micropack-e2e/proof:1 >/dev/null
}

test_run_no_image()
{
	expect 0 "$MICROPACK" micropack-sample/hello-static --no-image -o out.d
	[ -s out.d/rootfs.tar ] && [ -s out.d/Dockerfile ]
	! grep -q 'passes the same tests' out
	expect 0 "$MICROPACK" --json micropack-sample/hello-static --no-image -o out.d
	[ "$(head -n 1 out)" = '{' ] && grep -q '"stages_ms"' out
	grep -q 'Hello' err
}

# Interrupted in the middle of the tests: nothing is left, not even what the script started.
interrupted_by()
{
	local signal=$1 status=0 before pid

	before=$(containers)
	printf '#!/bin/sh\ntouch started\nsleep 987654\n' >tests.sh
	chmod +x tests.sh
	# A job of a script ignores SIGINT, unless it is set free.
	env --default-signal=INT "$MICROPACK" micropack-sample/nginx --tests tests.sh -o out.d \
		>out 2>err &
	pid=$!
	for _ in $(seq 200); do
		[ ! -e started ] || break
		sleep 0.1
	done
	[ -e started ]
	kill -"$signal" "$pid"
	wait "$pid" || status=$?
	[ "$status" -eq "$2" ] || fail "exit status $status"
	says "interrupted by SIG$signal"
	[ "$(containers)" = "$before" ] || fail "a container is left behind"
	[ ! -e out.d ] || fail "output is left behind: $(ls out.d)"
	! pgrep -f 'sleep 987654' || fail "the script still runs"
	rm -f started
}

test_run_interrupted()
{
	interrupted_by INT 130
	interrupted_by TERM 143
}

# IDs of tracing programs that no process holds.
orphaned_programs()
{
	bpftool prog show | sed -nE 's/^([0-9]+): .* name on_(exec|fork|exit|syscall) .*/\1/p' |
		sort >loaded
	find /proc/[0-9]*/fdinfo -type f -exec grep -hs '^prog_id' {} + | tr -cd '0-9\n' | sort -u >held
	comm -23 loaded held
}

# Mounts, but for those that engines make for containers.
mounts()
{
	grep -vE ' (/[^ ]*)?/(overlay2|containers|netns|rootfs|merged)[/ ]| nsfs ' /proc/self/mountinfo |
		cut -d' ' -f3- | sort
}

# Nothing stays in the kernel, no mount is seen by others.
test_run_leaves_nothing()
{
	mounts >before
	expect 0 "$MICROPACK" micropack-sample/hello-static -o out.d
	mounts | comm -13 before - >left
	[ ! -s left ] || fail "mounts are left: $(cat left)"
	# Another micropack may be at work on this machine: what it loads has an owner.
	orphaned_programs >first
	sleep 1
	orphaned_programs | comm -12 first - >left
	[ ! -s left ] || fail "programs are left in the kernel: $(cat left)"
	[ -z "$(find out.d -name '*.tmp')" ]
	[ "$(find out.d -type f | sort | tr '\n' ' ')" = \
		"out.d/Dockerfile out.d/plan.txt out.d/rootfs.spdx.json out.d/rootfs.tar out.d/trace.jsonl " ]
}

# An image that the engine does not have is pulled.
test_run_pull()
{
	local port=53999 image

	image=127.0.0.1:$port/e2e/hello:1
	cat >registry.yml <<END
version: 0.1
storage: { filesystem: { rootdirectory: $PWD/registry } }
http: { addr: 127.0.0.1:$port }
END
	docker-registry serve registry.yml >registry.log 2>&1 &
	trap "kill $!" EXIT
	for _ in $(seq 100); do
		! curl -sf -o /dev/null http://127.0.0.1:$port/v2/ || break
		sleep 0.1
	done
	docker tag micropack-sample/hello-static "$image"
	docker push -q "$image"
	docker rmi "$image" >/dev/null
	expect 0 "$MICROPACK" "$image" -o out.d
	grep -q 'pulling it' err
	docker rmi "$image" "$image-micro" >/dev/null
	expect 4 "$MICROPACK" 127.0.0.1:$port/e2e/unknown -o out.d2
	says 127.0.0.1:$port/e2e/unknown
	[ ! -e out.d2 ]
}
