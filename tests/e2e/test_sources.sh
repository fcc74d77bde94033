# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# An image is the same image, wherever it is read from.

# Each path of an image, but for what an engine makes or shows in every container. Leaves its files in
# ./root.
paths_of()
{
	mkdir root
	export_of "$1" tar -xp -C root --numeric-owner --xattrs --xattrs-include='*'
	find root -mindepth 1 | sed 's|^root||' |
		grep -vE '^/((dev|proc|sys)/.*|\.dockerenv|etc(/(hostname|hosts|resolv\.conf|mtab))?)$'
}

# sources IMAGE: its archives, layouts and directory, in the current one.
sources()
{
	paths_of "$1" | sort >paths
	docker image inspect "$1" >config.json
	# Without a tag a packed image of that name would be saved, too.
	[[ $1 == *:* ]] || set -- "$1:latest"
	docker save "$1" >saved.tar
	skopeo copy -q --dest-compress-format zstd docker-archive:saved.tar oci:layout:one
	skopeo copy -q docker-archive:saved.tar oci-archive:archived.tar:one
}

# pack_all INPUT IMAGE: by every source; the same bytes.
pack_all()
{
	local how=(
		"overlay --source overlay --image $2" "save --source save --image $2"
		"export --source export --image $2" "docker --image docker-archive:saved.tar"
		"oci --image oci-archive:archived.tar:one" "layout --image oci:layout"
		"directory --root root --config config.json"
	)
	local line

	for line in "${how[@]}"; do
		# shellcheck disable=SC2086
		expect 0 "$MICROPACK" pack -q "$1" ${line#* } -o "${line%% *}.tar"
		cmp overlay.tar "${line%% *}.tar" || fail "$1 by ${line%% *} is not what overlay gives"
	done
}

# same_bytes SAMPLE ENTRIES [QA]: the trace has at least so many; it is of a real run, or has every
# third path of the image. The list has what programs are not.
same_bytes()
{
	local image=micropack-sample/$1 entries=$2

	shift 2
	sources "$image"
	if [ $# -gt 0 ]; then
		expect 0 "$MICROPACK" trace "$image" "$@" -o trace.jsonl
	else
		awk 'NR % 3 == 0' paths >some
		expect 0 "$MICROPACK" import --format list some -o trace.jsonl
	fi
	pack_all trace.jsonl "$image"
	[ "$(entries overlay.tar | wc -l)" -ge "$entries" ] || fail "hardly anything is packed"
	grep -E '^/(etc|opt|srv|var|hello|usr/share)(/|$)|^/bin' paths >list
	pack_all list "$image"
}

test_sources_hello_static()
{
	same_bytes hello-static 4 --run Ann
}

test_sources_plugin()
{
	same_bytes plugin 25 --tests "$(sample_tests plugin)"
}

test_sources_nginx()
{
	same_bytes nginx 1500
}

test_sources_redis()
{
	same_bytes redis 1500
}

test_sources_flask()
{
	same_bytes flask 2500
}

# Whiteouts, an opaque directory, owners, a capability, a device, a volume that the image lacks: what
# a builder and an engine make of them, and skopeo of that.
test_sources_of_a_builder()
{
	mkdir context
	echo one >context/one
	cat >context/Dockerfile <<'END'
FROM debian:bookworm-slim
COPY one /data/a/one
COPY one /data/b/two
RUN rm -rf /data/a && mkdir /data/a && echo three >/data/a/three && chown 12:34 /data/a/three
RUN rm /data/b/two && ln -s ../a /data/b/two && mknod /data/null c 1 3 && mkfifo -m 622 /data/fifo \
 && cp /bin/true /data/caps && ln /data/caps /data/linked && chmod 4711 /data/caps
VOLUME /srv/lacks/this
CMD ["/data/caps"]
END
	DOCKER_BUILDKIT=0 docker build -q -t micropack-e2e/layers:1 context >/dev/null
	sources micropack-e2e/layers:1
	grep -E '^/(data|srv)' paths >list
	pack_all list micropack-e2e/layers:1
	not_in_archive overlay.tar data/a/one
	in_archive overlay.tar data/a/three
	tar -tvf overlay.tar --numeric-owner | grep -q '^-rw-r--r-- 12/34 .* data/a/three$'
	tar -tvf overlay.tar --full-time | grep -qE '^d.* 1970-01-01 00:00:00 srv/$'
	docker rmi micropack-e2e/layers:1 >/dev/null
}

# Nobody's own business: no engine, no root, not even a file by name.
test_sources_unprivileged()
{
	local dir

	dir=$(mktemp -d /tmp/micropack-e2e-XXXXXX)
	docker save micropack-sample/plugin:latest >docker.tar
	printf '/etc/passwd\n/opt/plugin\n/usr/bin/passwd\n' >list
	expect 0 "$MICROPACK" pack list --image micropack-sample/plugin -o reference.tar
	cp "$MICROPACK" list "$dir"
	chmod -R a+rX "$dir"
	mkdir -m 777 "$dir/out"
	as_nobody()
	{
		setpriv --reuid=65534 --regid=65534 --clear-groups env -u DOCKER_HOST -C "$dir/out" \
			"$dir/micropack" "$@"
	}
	expect 0 as_nobody pack ../list --image docker-archive:- -o stdin.tar <docker.tar
	cmp reference.tar "$dir/out/stdin.tar"
	gzip -1 <docker.tar | expect 0 as_nobody pack ../list -o pipe.tar \
		--image docker-archive:-:micropack-sample/plugin
	cmp reference.tar "$dir/out/pipe.tar"
	expect 0 as_nobody dockerfile --image docker-archive:- <docker.tar
	cp out by-archive
	expect 0 "$MICROPACK" dockerfile --image micropack-sample/plugin
	cmp out by-archive
	rm -r "$dir"
	# An engine, and no right to mount its layers.
	expect 0 setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin \
		"$MICROPACK" pack list --image micropack-sample/plugin -o saved.tar
	says "reading the image as the engine saves it"
	cmp reference.tar saved.tar
	expect 1 setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin \
		"$MICROPACK" pack list --source overlay --image micropack-sample/plugin -o no.tar
}

test_sources_errors()
{
	echo /etc/passwd >list
	docker save micropack-sample/plugin:latest micropack-sample/nginx:latest >two.tar
	head -c 3000000 two.tar >cut.tar
	mkdir empty
	refuses 2 "several images: one has to be named, behind a colon; there are: micropack-sample/" \
		"$MICROPACK" pack list --image docker-archive:two.tar -o out.d
	refuses 2 "two.tar:other': manifest.json: no such image; there are: " \
		"$MICROPACK" pack list --image docker-archive:two.tar:other -o out.d
	refuses 1 "ends too early" "$MICROPACK" pack list --image docker-archive:cut.tar -o out.d
	refuses 2 "open 'none.tar'" "$MICROPACK" pack list --image oci-archive:none.tar -o out.d
	refuses 2 "no 'index.json' is in it" "$MICROPACK" pack list --image oci:empty -o out.d
	refuses 2 "'docker-archive:' names no file" \
		"$MICROPACK" pack list --image docker-archive: -o out.d
	refuses 2 "--source says how the image of an engine is read" \
		"$MICROPACK" pack list --image docker-archive:two.tar --source save -o out.d
	refuses 2 "--source says how the image of an engine is read" \
		"$MICROPACK" pack list --root / --source overlay -o out.d
	refuses 2 "--config is for --root" \
		"$MICROPACK" pack list --image oci:empty --config two.tar -o out.d
	echo '{"Config": {"Env": 7}}' >bad.json
	refuses 1 "'Env' is not an array" "$MICROPACK" pack list --root / --config bad.json -o out.d
	expect 0 "$MICROPACK" pack list --image docker-archive:two.tar:micropack-sample/nginx -o one.tar
	mkdir layout
	tar -xf two.tar -C layout
	find layout -name layer.tar -size +1M -exec sh -c \
		'printf x | dd of="$1" bs=1 seek=700000 conv=notrunc status=none' sh {} \;
	tar -C layout -cf bent.tar .
	refuses 1 "its digest is sha256:" \
		"$MICROPACK" pack list --image docker-archive:bent.tar:micropack-sample/nginx -o out.d
}
