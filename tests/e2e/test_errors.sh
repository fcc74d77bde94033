# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Bad input and bad times: one line that says what to do, the documented exit status, nothing left.

test_error_usage()
{
	printf '#!/bin/sh\nexit 0\n' >plain.sh
	refuses 2 'one IMAGE is needed' "$MICROPACK"
	refuses 2 'one IMAGE is needed' "$MICROPACK" image command
	refuses 2 "'--tets' is not known" "$MICROPACK" image --tets x
	refuses 2 'needs a value' "$MICROPACK" image --tests
	refuses 2 "not for 'micropack pack'" "$MICROPACK" pack x --image y --tests /bin/true
	refuses 2 'missing.sh' "$MICROPACK" micropack-sample/nginx --tests missing.sh -o out.d
	refuses 2 'is not executable' "$MICROPACK" micropack-sample/nginx --tests plain.sh -o out.d
	refuses 2 'only one of' "$MICROPACK" micropack-sample/nginx --for 1s --run x -o out.d
	refuses 2 'no name for an image' "$MICROPACK" micropack-sample/nginx --tag 'Bad Name' -o out.d
	refuses 2 'bridge-of-nowhere' "$MICROPACK" micropack-sample/nginx -p bridge-of-nowhere \
		--for 1s -o out.d
	refuses 2 '--mount' "$MICROPACK" micropack-sample/nginx --mount type=bind -o out.d
	refuses 2 '--image' "$MICROPACK" pack list
	refuses 2 'files.txt' "$MICROPACK" pack files.txt --root /
}

test_error_engine()
{
	refuses 4 'no-such-image' "$MICROPACK" micropack-e2e/no-such-image -o out.d
	DOCKER_HOST=unix:///nonexistent/socket refuses 4 '/nonexistent/socket' \
		"$MICROPACK" micropack-sample/nginx -o out.d
	DOCKER_HOST=tcp://127.0.0.1:1 refuses 4 '127.0.0.1:1' "$MICROPACK" micropack-sample/nginx \
		-o out.d
	DOCKER_HOST=gopher://x refuses 2 'gopher' "$MICROPACK" micropack-sample/nginx -o out.d
}

test_error_other_architecture()
{
	mkdir saved
	docker save micropack-sample/hello-static:latest | tar -C saved -x
	sed -i 's/"architecture":"[a-z0-9]*"/"architecture":"s390x"/' saved/[0-9a-f]*.json
	sed -i 's|micropack-sample/hello-static:latest|micropack-e2e/foreign:1|' saved/manifest.json
	rm -f saved/repositories
	tar -C saved -c . | docker load -q
	refuses 4 's390x' "$MICROPACK" micropack-e2e/foreign:1 -o out.d
	docker rmi micropack-e2e/foreign:1 >/dev/null
}

test_error_no_privilege()
{
	chmod 777 .
	refuses 3 'run with sudo' setpriv --reuid 65534 --clear-groups "$MICROPACK" trace -o t.jsonl \
		-- true
	[ ! -e t.jsonl ]
}

test_error_no_btf()
{
	refuses 3 'no BTF' unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && "$@"' sh \
		"$MICROPACK" trace -o t.jsonl -- true
	[ ! -e t.jsonl ]
}

test_error_cannot_start()
{
	mkdir root
	image_of micropack-e2e/nothing:1 root 'ENTRYPOINT ["/no/such/program"]'
	refuses 5 '/no/such/program' "$MICROPACK" micropack-e2e/nothing:1 -o out.d
	docker rmi micropack-e2e/nothing:1 >/dev/null
}

test_error_tests_fail()
{
	printf '#!/bin/sh\necho on stdout\necho on stderr >&2\nexit 42\n' >tests.sh
	chmod +x tests.sh
	refuses 5 'exit status 42' "$MICROPACK" micropack-sample/nginx --tests tests.sh -o out.d
	prints 'on stdout'
	grep -q 'on stderr' err
}

test_error_incomplete_trace()
{
	expect 0 "$MICROPACK" trace micropack-sample/hello-static -o t.jsonl
	head -n -1 t.jsonl >cut.jsonl
	refuses 6 'no trailer' "$MICROPACK" pack cut.jsonl --image micropack-sample/hello-static
	expect 0 "$MICROPACK" pack cut.jsonl --image micropack-sample/hello-static --incomplete=ok
	sed 's/"dropped":0/"dropped":3/' t.jsonl >lossy.jsonl
	refuses 6 '3 events dropped' "$MICROPACK" pack lossy.jsonl --image micropack-sample/hello-static
	head -n 1 t.jsonl >empty.jsonl
	refuses 6 'empty' "$MICROPACK" pack empty.jsonl --image micropack-sample/hello-static
	: >nothing.txt
	refuses 6 'empty' "$MICROPACK" pack nothing.txt --root /
	printf '/bin\nrelative/path\n' >relative.txt
	refuses 1 'relative.txt:2' "$MICROPACK" pack relative.txt --root /
	sed 's/"op":"open"/"op":"opened"/' t.jsonl >bad.jsonl
	refuses 1 "unknown op 'opened'" "$MICROPACK" pack bad.jsonl --root /
}

# What stood there before is still there when the disk is full.
test_error_disk_full()
{
	mkdir small
	mount -t tmpfs -o size=1m tmpfs small
	trap 'umount small' EXIT
	echo precious >small/rootfs.tar
	printf '/bin/bash\n' >files.txt
	expect 1 "$MICROPACK" pack files.txt --image debian:bookworm-slim -o small/rootfs.tar
	says 'No space left on device'
	one_line
	[ "$(cat small/rootfs.tar)" = precious ]
	[ "$(ls small)" = rootfs.tar ]
	expect 1 "$MICROPACK" micropack-sample/nginx --for 1s -o small
	says 'No space left on device'
	[ "$(cat small/rootfs.tar)" = precious ]
	expect 1 "$MICROPACK" trace -o /dev/full -- true
	says 'No space left on device'
	expect 1 sh -c '"$0" --help >/dev/full' "$MICROPACK"
}

test_error_buffer_too_small()
{
	refuses 2 'buffer' "$MICROPACK" trace --buffer-size 3 -- true
	refuses 2 'buffer' "$MICROPACK" trace --buffer-size 3x -- true
	expect 0 "$MICROPACK" trace --buffer-size 64k -- true
}
