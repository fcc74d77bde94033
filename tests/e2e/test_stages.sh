# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The stages as commands: trace, pack, dockerfile; with an engine and without.

test_stages_pipeline()
{
	local image=micropack-sample/plugin

	expect 0 "$MICROPACK" trace "$image" --tests "$(sample_tests plugin)" -o trace.jsonl
	mkdir context
	expect 0 "$MICROPACK" pack --image "$image" -o context/rootfs.tar trace.jsonl
	expect 0 "$MICROPACK" dockerfile --image "$image" -o context/Dockerfile
	DOCKER_BUILDKIT=0 docker build -q -t micropack-e2e/pipeline:1 context
	expect 0 "$MICROPACK" trace micropack-e2e/pipeline:1 --tests "$(sample_tests plugin)"
	docker rmi micropack-e2e/pipeline:1 >/dev/null
}

# A list written by hand, packed from an image: the closure comes along.
test_stages_list()
{
	printf '# for curl users\n\n/bin/cat\n/etc/debian_version\n' >files.txt
	expect 0 "$MICROPACK" pack files.txt --image debian:bookworm-slim -o rootfs.tar
	in_archive rootfs.tar usr/bin/cat
	in_archive rootfs.tar bin
	in_archive rootfs.tar usr/lib/x86_64-linux-gnu/libc.so.6
	docker import -c 'CMD ["/bin/cat", "/etc/debian_version"]' rootfs.tar micropack-e2e/list:1 \
		>/dev/null
	[ "$(docker run --rm micropack-e2e/list:1)" = \
		"$(docker run --rm debian:bookworm-slim cat /etc/debian_version)" ]
	docker rmi micropack-e2e/list:1 >/dev/null
	echo /no/such/file >>files.txt
	expect 7 "$MICROPACK" pack files.txt --image debian:bookworm-slim -o other.tar
	says /no/such/file
	[ ! -e other.tar ]
}

# No engine at all: a program of this host becomes a root file system that runs.
test_stages_host_program()
{
	DOCKER_HOST=unix:///nonexistent expect 0 "$MICROPACK" trace -- \
		sh -c 'sort /etc/passwd | head -n 1'
	DOCKER_HOST=unix:///nonexistent expect 0 "$MICROPACK" pack trace.jsonl --root / -o rootfs.tar
	mkdir root
	tar -xpf rootfs.tar -C root
	[ "$(chroot root sh -c 'sort /etc/passwd | head -n 1')" = "$(sort /etc/passwd | head -n 1)" ]
	! find root/proc root/sys root/dev -mindepth 1 | grep . || fail "host's /proc is packed"
	expect 5 "$MICROPACK" trace -o failed.jsonl -- sh -c 'exit 7'
	says 'exit status 7'
	expect 2 "$MICROPACK" trace -o failed.jsonl -- /no/such/program
	says "run '/no/such/program': No such file"
	one_line
	[ ! -e failed.jsonl ]
	expect 0 "$MICROPACK" trace --for 500ms -o timed.jsonl -- sleep 60
	grep -q '"path":"/usr/bin/sleep"' timed.jsonl || grep -q '"path":"/bin/sleep"' timed.jsonl
}

# What was made at run time, and what was changed, is as the image has it, or not there.
test_stages_nothing_of_the_run()
{
	mkdir -p root/etc root/var/lib/app root/var/cache root/bin root/srv
	compile_static root/bin/app '
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
int main(void)
{
	int fd = open("/etc/app.conf", O_RDWR | O_TRUNC);
	if (write(fd, "secret of the run\n", 18) != 18)
		return 1;
	mkdir("/var/lib/app/data", 0700);
	close(open("/var/lib/app/data/db", O_CREAT | O_WRONLY, 0600));
	close(open("/var/cache/fresh", O_CREAT | O_WRONLY, 0600));
	chmod("/etc/mode", 0777);
	unlink("/etc/doomed");
	rename("/etc/old-name", "/etc/new-name");
	symlink("/etc/app.conf", "/srv/link");
	return 0;
}'
	for name in app.conf mode doomed old-name; do
		echo "$name of the image" >root/etc/$name
	done
	chmod 0640 root/etc/mode
	chown -R 77:88 root/var/lib/app
	chmod 02750 root/var/lib/app
	image_of micropack-e2e/state:1 root 'ENTRYPOINT ["/bin/app"]'
	expect 0 "$MICROPACK" micropack-e2e/state:1 -o out.d
	for name in app.conf mode doomed old-name; do
		[ "$(tar -xOf out.d/rootfs.tar etc/$name)" = "$name of the image" ]
	done
	not_in_archive out.d/rootfs.tar etc/new-name
	not_in_archive out.d/rootfs.tar var/lib/app/data
	not_in_archive out.d/rootfs.tar var/cache/fresh
	not_in_archive out.d/rootfs.tar srv/link
	in_archive out.d/rootfs.tar srv
	tar -tvf out.d/rootfs.tar --numeric-owner | grep -qE '^-rw-r----- .* etc/mode$'
	tar -tvf out.d/rootfs.tar --numeric-owner | grep -qE '^drwxr-s--- 77/88 .* var/lib/app/$'
	tar -tvf out.d/rootfs.tar | grep -qE '^drwxrwxrwt .* tmp/$'
	docker rmi micropack-e2e/state:1 micropack-e2e/state:1-micro >/dev/null
}

# Owners, modes, links, capabilities and devices, as they are in the image, in the packed image too.
test_stages_metadata()
{
	export LC_ALL=C # names are bytes here
	mkdir -p root/bin root/data/empty root/data/linkdir
	compile_static root/bin/caps 'int main(void) { return 0; }'
	echo one >root/data/first
	ln root/data/first root/data/second
	mkfifo root/data/fifo
	mknod root/data/device c 5 1
	ln -s first root/data/symlink
	ln -s ../../../../etc/passwd root/data/outside
	printf 'x' >"root/data/$(printf 'latin1-\351')"
	chmod 04711 root/bin/caps
	setcap cap_net_raw+ep root/bin/caps
	chmod 01777 root/data/empty
	chown 1234:4321 root/data/fifo root/data/symlink -h
	touch -h -d '2001-02-03 04:05:06.789' root/data/first root/data/symlink
	image_of micropack-e2e/metadata:1 root
	(cd root && find . -mindepth 1 | sed 's|^\.||' | sed 's/\xe9/\\xe9/') >files.txt
	expect 0 "$MICROPACK" pack files.txt --image micropack-e2e/metadata:1 -o rootfs.tar
	docker import rootfs.tar micropack-e2e/metadata:2 >/dev/null
	for version in 1 2; do
		mkdir unpacked.$version
		export_of micropack-e2e/metadata:$version \
			tar -C unpacked.$version --xattrs --xattrs-include='*' -xp
		(cd unpacked.$version && find bin data | sort | while read -r path; do
			stat -c '%n %F %a %u:%g %t,%T %h %Y' "$path"
			[ -h "$path" ] || getfattr -h -d -m - -e hex "$path"
			[ ! -L "$path" ] || readlink "$path"
			[ ! -f "$path" ] || sha256sum <"$path"
		done) >list.$version
		rm -rf unpacked.$version
	done
	grep -q security.capability list.1
	diff list.1 list.2
	[ "$(tar -tvf rootfs.tar | grep -c 'link to data/first')" -eq 1 ]
	docker rmi micropack-e2e/metadata:1 micropack-e2e/metadata:2 >/dev/null
}

test_stages_doctor()
{
	expect 0 "$MICROPACK" doctor
	[ "$(grep -c '^ok' out)" -eq 5 ]
	DOCKER_HOST=unix:///nonexistent expect 4 "$MICROPACK" doctor
	grep -q '^MISSING engine' out
	expect 3 setpriv --reuid 65534 --clear-groups "$MICROPACK" doctor
	grep -q '^MISSING tracing' out
	expect 0 "$MICROPACK" doctor --json
	grep -q '"check": "tracing"' out
}

# An engine that does not answer is none that is missing.
test_stages_doctor_interrupted()
{
	local status=0 micropack

	python3 -c 'import socket, time
server = socket.socket(socket.AF_UNIX)
server.bind("mute")
server.listen()
connection = server.accept()
print("asked", flush=True)
time.sleep(60)' >asked &
	trap "kill $!" EXIT
	while [ ! -S mute ]; do sleep 0.1; done
	DOCKER_HOST=unix://$PWD/mute "$MICROPACK" doctor >out 2>err &
	micropack=$!
	while [ ! -s asked ]; do sleep 0.1; done
	kill -TERM $micropack
	wait $micropack || status=$?
	[ "$status" = 143 ] || fail "status $status: $(cat out err)"
	says 'interrupted by SIGTERM'
	! grep MISSING out || fail "something is said to be missing"
}

test_stages_dockerfile()
{
	expect 0 "$MICROPACK" dockerfile --image micropack-sample/redis
	cp out by-image
	docker image inspect micropack-sample/redis >inspect.json
	DOCKER_HOST=unix:///nonexistent expect 0 "$MICROPACK" dockerfile --config inspect.json
	cmp out by-image
	head -n 1 out | grep -qx 'FROM scratch'
	echo '{"Config": {"Env": "wrong"}}' >bad.json
	expect 1 "$MICROPACK" dockerfile --config bad.json -o bad.Dockerfile
	says "'Env' is not an array"
	[ ! -e bad.Dockerfile ]
}
