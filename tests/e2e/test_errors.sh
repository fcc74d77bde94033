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

# What is read stays, and nothing is written over what was just written.
test_error_same_place()
{
	local image=micropack-sample/hello-static

	expect 0 "$MICROPACK" trace $image
	expect 0 "$MICROPACK" pack trace.jsonl --image $image --plan plan.txt
	cp trace.jsonl trace.before
	cp plan.txt plan.before
	ln -s . way
	refuses 2 "the input 'trace.jsonl' and -o './trace.jsonl' are the same place" \
		"$MICROPACK" pack trace.jsonl --image $image -o ./trace.jsonl
	refuses 2 "the input 'trace.jsonl' and --plan 'way/trace.jsonl'" \
		"$MICROPACK" pack trace.jsonl --image $image --plan way/trace.jsonl
	refuses 2 "--from-plan 'plan.txt' and -o 'plan.txt'" \
		"$MICROPACK" pack --from-plan plan.txt --image $image -o plan.txt
	refuses 2 "-o 'x' and --plan 'x'" "$MICROPACK" pack trace.jsonl --image $image -o x --plan x
	refuses 2 "--plan 'x.spdx.json' and the SPDX document 'x.spdx.json'" \
		"$MICROPACK" pack trace.jsonl --image $image -o x.tar --plan x.spdx.json
	refuses 2 "-o 'x.tar' and --to 'oci-archive:way/x.tar:1'" \
		"$MICROPACK" pack trace.jsonl --image $image -o x.tar --to oci-archive:way/x.tar:1
	refuses 2 "--to 'oci-archive:x.tar' and --to 'docker-archive:way/x.tar'" "$MICROPACK" pack \
		trace.jsonl --image $image --to oci-archive:x.tar --to docker-archive:way/x.tar
	refuses 2 "the archive 'out.d/rootfs.tar' and --plan 'out.d/../out.d/rootfs.tar'" \
		"$MICROPACK" $image -o out.d --plan out.d/../out.d/rootfs.tar
	# A whole run would be for nothing.
	refuses 2 "create '/nonexistent/plan'" "$MICROPACK" $image -o out.d --plan /nonexistent/plan
	[ ! -s out ] || fail "the container was run before"
	cmp trace.jsonl trace.before
	cmp plan.txt plan.before
	[ ! -e x ] && [ ! -e x.tar ]
	expect 0 "$MICROPACK" pack trace.jsonl --image $image --to oci:layout:a --to oci:way/layout:b
	[ "$(jq '.manifests | length' layout/index.json)" = 2 ]
}

# An image or an archive may go to a device that somebody else has made.
test_error_device()
{
	local dir status=0

	dir=$(mktemp -d /tmp/micropack-e2e-XXXXXX)
	trap "rm -rf '$dir'" EXIT
	docker save micropack-sample/plugin:latest >"$dir/image.tar"
	echo /etc/passwd >"$dir/list"
	cp "$MICROPACK" "$dir"
	chown -R nobody "$dir"
	cd "$dir" || return
	setpriv --reuid 65534 --regid 65534 --clear-groups "./${MICROPACK##*/}" pack list \
		--image docker-archive:image.tar --to docker-archive:/dev/null 2>err || status=$?
	[ "$status" = 0 ] || fail "$status: $(cat err)"
	setpriv --reuid 65534 --regid 65534 --clear-groups "./${MICROPACK##*/}" pack list \
		--image docker-archive:image.tar --to docker-archive:/dev/new 2>err || status=$?
	[ "$status" = 2 ] && grep -q "create '/dev/new': Permission denied" err
	echo /etc/shadow >list
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups "./${MICROPACK##*/}" pack list --root / \
		2>err || status=$?
	[ "$status" = 1 ] && grep -q "'/etc/shadow': Permission denied; .* run with sudo" err
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
