# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What pack writes: compressed archives, images in other tools' forms, the same bytes everywhere.

list_of_cat()
{
	printf '/bin/cat\n/etc/debian_version\n' >files.txt
}

# What `docker image inspect` says, without what belongs to the making of an image; a builder puts
# PATH first.
config_of()
{
	docker image inspect -f '{{json .Config}}' "$1" |
		jq -S 'del(.Image, .Hostname) | .Env |= (. // [] | sort) | with_entries(select(.value | . != null and . != "" and . != false))'
}

# Every path of an image in the engine's storage, with all that a builder keeps of it: not fractions
# of seconds, and of attributes capabilities.
files_of()
{
	local layers

	layers=$(docker image inspect -f '{{.GraphDriver.Data.UpperDir}}{{with .GraphDriver.Data.LowerDir}}:{{.}}{{end}}' "$1")
	mkdir -p empty mounted
	mount -t overlay -o "ro,lowerdir=$layers:$PWD/empty" overlay mounted
	(
		cd mounted
		find . -mindepth 1 -printf '%p %y %m %U:%G %n %Ts %l\n' | sort
		find . -mindepth 1 \( -type b -o -type c \) -exec stat -c '%n %t,%T' {} + | sort
		find . -type f -exec sha256sum {} + | sort -k 2
		find . -mindepth 1 \( -type f -o -type d \) -print0 | sort -z |
			xargs -0 getfattr -h -d -m - -e hex
	)
	umount mounted
}

test_outputs_compressed()
{
	local name

	list_of_cat
	for name in rootfs.tar rootfs.tar.gz again.tgz rootfs.tar.zst again.tar.zst; do
		expect 0 "$MICROPACK" pack files.txt --image debian:bookworm-slim -o $name --json
		[ "$(jq -r .sha256 out)" = "$(sha256sum <$name | cut -d ' ' -f 1)" ]
		[ "$(jq -r .diff_id out)" = "sha256:$(sha256sum <rootfs.tar | cut -d ' ' -f 1)" ]
		[ "$(jq -r '.packages[0] | "\(.packageFileName) \(.checksums[0].checksumValue)"' \
			"${name%%.*}.spdx.json")" = "$name $(jq -r .sha256 out)" ]
		bsdtar -tf $name | cmp - <(bsdtar -tf rootfs.tar)
	done
	refuses 2 "-o: 'rootfs.tar.xz': what is compressed ends in .tar.gz" \
		"$MICROPACK" pack files.txt --image debian:bookworm-slim -o rootfs.tar.xz
	cmp rootfs.tar.gz again.tgz
	cmp rootfs.tar.zst again.tar.zst
	zcat rootfs.tar.gz | cmp - rootfs.tar
	zstd -qdc rootfs.tar.zst | cmp - rootfs.tar

	docker import -c 'CMD ["/bin/cat", "/etc/debian_version"]' rootfs.tar.gz \
		micropack-e2e/compressed:1 >/dev/null
	[ "$(docker run --rm micropack-e2e/compressed:1)" = "$(tar -xOf rootfs.tar etc/debian_version)" ]
	mkdir context
	cp rootfs.tar.gz context
	expect 0 "$MICROPACK" dockerfile --image debian:bookworm-slim --rootfs rootfs.tar.gz \
		-o context/Dockerfile
	DOCKER_BUILDKIT=0 docker build -q -t micropack-e2e/compressed:2 context
	[ "$(docker run --rm micropack-e2e/compressed:2 /bin/cat /etc/debian_version)" = \
		"$(tar -xOf rootfs.tar etc/debian_version)" ]
	expect 0 "$MICROPACK" dockerfile --image debian:bookworm-slim --rootfs rootfs.tar.zst
	says "an engine that does not know zstd"
	docker rmi micropack-e2e/compressed:1 micropack-e2e/compressed:2 >/dev/null
}

# One run, each form; read by skopeo and by the engine.
test_outputs_destinations()
{
	local to image=micropack-sample/hello-static manifest id

	expect 0 "$MICROPACK" trace $image
	expect 0 "$MICROPACK" pack trace.jsonl --image $image --json --to oci:layout:v1 \
		--to oci-archive:oci.tar:v1 --to docker-archive:docker.tar:micropack-e2e/archive \
		--to docker-daemon:micropack-e2e/daemon:1
	cp out result
	[ ! -e rootfs.tar ]
	manifest=$(jq -r '.destinations[0].manifest' result)
	id=$(jq -r '.destinations[0].image_id' result)
	[ "$(jq -r '[.destinations[] | .image_id] | unique | length' result)" -eq 1 ]
	[ "$(docker image inspect -f '{{.Id}}' micropack-e2e/daemon:1)" = "$id" ]
	for to in oci:layout:v1 oci-archive:oci.tar:v1; do
		[ "$(skopeo inspect -f '{{.Digest}}' $to)" = "$manifest" ]
	done
	for to in oci:layout:v1 oci-archive:oci.tar:v1 docker-archive:docker.tar; do
		[ "sha256:$(skopeo inspect --raw --config $to | sha256sum | cut -d ' ' -f 1)" = "$id" ]
	done
	echo '{"default":[{"type":"insecureAcceptAnything"}]}' >policy.json
	skopeo --policy policy.json copy -q oci-archive:oci.tar:v1 \
		docker-archive:copy.tar:micropack-e2e/copy:1
	docker load -q <copy.tar
	[ "$(docker image inspect -f '{{.Id}}' micropack-e2e/copy:1)" = "$id" ]
	docker rmi micropack-e2e/copy:1
	docker rmi micropack-e2e/daemon:1
	docker load -q <docker.tar
	docker run --rm micropack-e2e/archive >packed
	docker run --rm $image | cmp - packed
	[ "$(config_of micropack-e2e/archive)" = "$(config_of $image)" ]
	docker rmi micropack-e2e/archive

	# A second image in the layout, and the main command's.
	expect 0 "$MICROPACK" $image --no-image -o out.d --to oci:layout:v2 --json
	[ "$(skopeo inspect -f '{{.Digest}}' oci:layout:v2)" = \
		"$(jq -r '.destinations[0].manifest' out)" ]
	[ "$(skopeo inspect -f '{{.Digest}}' oci:layout:v1)" = "$manifest" ]
}

# From archive to archive without an engine; the one that is read may be the one that is written.
test_outputs_from_archives()
{
	local image=micropack-sample/hello-static id

	expect 0 "$MICROPACK" trace $image
	docker save -o both.tar $image:latest
	cp both.tar saved.tar
	export SOURCE_DATE_EPOCH=1500000000
	expect 0 "$MICROPACK" pack trace.jsonl --image $image --to oci-archive:engine.tar:v1 --json
	id=$(jq -r '.destinations[0].image_id' out)
	(
		export DOCKER_HOST=unix:///nonexistent
		expect 0 "$MICROPACK" pack trace.jsonl --image docker-archive:both.tar \
			--to docker-archive:both.tar:micropack-e2e/both:1 --to oci:layout:v1
		[ "$(skopeo inspect -f '{{.Digest}}' oci:layout:v1)" = \
			"$(skopeo inspect -f '{{.Digest}}' oci-archive:engine.tar:v1)" ]
		expect 0 "$MICROPACK" pack trace.jsonl --image oci:layout:v1 --to oci:layout:v1
		expect 0 "$MICROPACK" pack trace.jsonl --image oci-archive:engine.tar --to oci-archive:engine.tar:v1
		[ "$(jq '.manifests | length' layout/index.json)" -eq 1 ]
		[ "$(skopeo inspect -f '{{.Digest}}' oci-archive:engine.tar:v1)" = \
			"$(skopeo inspect -f '{{.Digest}}' oci:layout:v1)" ]
		expect 4 "$MICROPACK" pack trace.jsonl --image oci:layout:v1 --to docker-daemon:a:b
		says "--to 'docker-daemon:a:b': cannot connect"
	)
	docker load -q <both.tar
	[ "$(docker image inspect -f '{{.Id}}' micropack-e2e/both:1)" = "$id" ]
	docker rmi micropack-e2e/both:1
	expect 0 "$MICROPACK" pack trace.jsonl --image oci-archive:engine.tar \
		--to docker-daemon:micropack-e2e/both:2
	[ "$(docker image inspect -f '{{.Id}}' micropack-e2e/both:2)" = "$id" ]
	docker rmi micropack-e2e/both:2
}

# What a directory has been filled with.
sums_of()
{
	(cd "$1" && find . -type f -exec sha256sum {} + | sort -k 2)
}

# Nothing of the host, the user or the moment is in what is written.
test_outputs_same_everywhere()
{
	local command=(pack "$PWD/files.txt" --image debian:bookworm-slim -q -o rootfs.tar.zst
		--to oci:layout:v1 --to oci-archive:oci.tar:v1 --to docker-archive:docker.tar:a:b)

	list_of_cat
	export SOURCE_DATE_EPOCH=1500000000
	mkdir a b
	(cd a && exec "$MICROPACK" "${command[@]}")
	(
		cd b
		export TZ=Asia/Tokyo LC_ALL=C.UTF-8 HOME=/nonexistent
		umask 077
		unshare --uts sh -ec 'hostname elsewhere; exec "$@"' - faketime -f +400d \
			"$MICROPACK" "${command[@]}" --source save
	)
	[ "$(sums_of a | wc -l)" -ge 8 ]
	[ "$(sums_of a)" = "$(sums_of b)" ] || fail "elsewhere it is different"

	# What was asked for is in it: no time is newer, and the image says so.
	mkdir root
	tar --zstd -xpf a/rootfs.tar.zst -C root
	[ -z "$(find root -mindepth 1 -newermt @$SOURCE_DATE_EPOCH)" ]
	[ "$(skopeo inspect --raw --config oci:a/layout:v1 | jq -r '.created, .history[].created' | uniq)" = \
		2017-07-14T02:40:00Z ]

	# Another user, who can read it all.
	chmod a+rwx . ..
	expect 0 "$MICROPACK" pack files.txt --root root -o root.tar.gz
	expect 0 setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$MICROPACK" pack files.txt --root root -o nobody.tar.gz
	cmp root.tar.gz nobody.tar.gz

	for SOURCE_DATE_EPOCH in '' now -1 1.5; do
		refuses 2 'SOURCE_DATE_EPOCH is ' "$MICROPACK" pack files.txt --root / -o out.d
		refuses 2 'SOURCE_DATE_EPOCH is ' "$MICROPACK" debian:bookworm-slim -o out.d -- true
	done
}

# expect_same_images IMAGE OTHER: config and files.
expect_same_images()
{
	[ "$(docker image inspect -f '{{.Id}}' "$1")" != "$(docker image inspect -f '{{.Id}}' "$2")" ] ||
		fail "it is one image"
	config_of "$1" >config.1
	config_of "$2" >config.2
	diff config.1 config.2
	files_of "$1" >files.1
	files_of "$2" >files.2
	grep -q . files.1
	diff files.1 files.2
}

# An image with what a builder could lose.
make_rich_image()
{
	mkdir -p root/bin root/data/empty root/work
	compile_static root/bin/app 'int main(void) { return 0; }'
	cp root/bin/app root/bin/caps
	setcap cap_net_raw+ep root/bin/caps
	chmod 04711 root/bin/app
	echo one >root/data/first
	ln root/data/first root/data/second
	ln -s first root/data/symlink
	mkfifo root/data/fifo
	chown 1234:4321 root/data/first
	chmod 01777 root/data/empty
	touch -h -d @1234567890 root/data/first root/data/symlink root/data/empty
	image_of micropack-e2e/rich:base root 'ENTRYPOINT ["/bin/app", "$X \"quoted\""]' 'ENV A="b c" B=$A' 'WORKDIR /work' \
		'USER 1234:4321' 'EXPOSE 80/tcp' 'VOLUME /data/empty' 'LABEL a.b="c d"' \
		'HEALTHCHECK --interval=5s CMD /bin/app || exit 1'
	printf 'FROM micropack-e2e/rich:base\nSTOPSIGNAL SIGUSR1\n' |
		DOCKER_BUILDKIT=0 docker build -q -t "$1" -
}

build_and_load()
{
	local sample=$1

	set -- --for 500ms --stop-timeout 1
	[ "$sample" != hello-static ] || set --
	expect 0 "$MICROPACK" "micropack-sample/$sample" "$@" --build --no-verify \
		--tag "micropack-e2e/built:$sample" --to "docker-daemon:micropack-e2e/loaded:$sample"
	expect_same_images "micropack-e2e/loaded:$sample" "micropack-e2e/built:$sample"
	docker rmi "micropack-e2e/loaded:$sample" "micropack-e2e/built:$sample" >/dev/null
}

test_outputs_build_is_load()
{
	local pid pids=() sample

	make_rich_image micropack-e2e/rich:1
	printf '/bin/caps\n/data/first\n/data/second\n/data/symlink\n/data/fifo\n' >files.txt
	mkdir context
	expect 0 "$MICROPACK" pack files.txt --image micropack-e2e/rich:1 -o context/rootfs.tar \
		--to docker-daemon:micropack-e2e/rich:loaded
	expect 0 "$MICROPACK" dockerfile --image micropack-e2e/rich:1 -o context/Dockerfile
	DOCKER_BUILDKIT=0 docker build -q -t micropack-e2e/rich:built context
	expect_same_images micropack-e2e/rich:loaded micropack-e2e/rich:built
	grep -q security.capability files.1
	docker rmi micropack-e2e/rich:base micropack-e2e/rich:1 micropack-e2e/rich:loaded micropack-e2e/rich:built >/dev/null

	# Each at the same time: most of it is waiting for the engine.
	for sample in hello-static plugin nginx redis flask; do
		mkdir "$sample"
		(cd "$sample" && build_and_load "$sample") &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
}

# Every way to write with too little room, or none: the message says where, and nothing is there.
test_outputs_no_room()
{
	local name

	list_of_cat
	mkdir small fixed
	unshare -m bash -euc '
		mount -t tmpfs -o size=1m none small
		mount -t tmpfs -o ro none fixed
		. "$TOP/tests/e2e/lib.sh"
		pack() { "$MICROPACK" pack files.txt --image debian:bookworm-slim -q "$@"; }
		for name in x.tar x.tar.gz x.tar.zst; do
			expect 1 pack -o small/$name
			says "write '\''small/$name'\'': No space left on device"
			one_line
			expect 2 pack -o fixed/$name
			says "create '\''fixed/$name'\''"
		done
		for to in oci:small/x oci-archive:small/x docker-archive:small/x; do
			expect 1 pack --to $to
			says "No space left on device"
			says "small/x"
			one_line
			expect 2 pack --to ${to/small/fixed}
			says "fixed/x"
		done
		TMPDIR=$PWD/small expect 1 pack --to docker-daemon:micropack-e2e/none:1
		says "write to a temporary file in"
		[ -z "$(ls -A small fixed | grep -v :)" ] || fail "left: $(ls -A small fixed)"
		mkdir small/layout
		expect 1 pack --to oci:small/layout
		[ -z "$(ls -A small/layout)" ] || fail "left: $(ls -A small/layout)"
	' || fail "no room"
	! docker image inspect micropack-e2e/none:1 >/dev/null 2>&1 || fail "an image is left"
}

# Ctrl-C in the middle: what was there stays.
test_outputs_interrupted()
{
	local to pid status

	mkdir -p root/etc
	base64 /dev/urandom | head -c 80000000 >root/large
	image_of micropack-e2e/large:1 root
	printf '/large\n' >files.txt
	echo before | tee x.tar >x.tar.gz
	for to in '-o x.tar.gz' '--to oci-archive:x.tar --to oci:layout'; do
		# shellcheck disable=SC2086
		"$MICROPACK" pack files.txt --image micropack-e2e/large:1 $to >out 2>err &
		pid=$!
		sleep 0.5
		kill -TERM $pid
		status=0
		wait $pid || status=$?
		[ $status -eq 143 ] || fail "$to: exit status $status: $(cat err)"
		one_line
	done
	[ "$(ls)" = "$(printf '%s\n' err files.txt out root x.tar x.tar.gz)" ] || fail "left: $(ls)"
	[ "$(cat x.tar x.tar.gz | uniq)" = before ]
	docker rmi micropack-e2e/large:1 >/dev/null
}
