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

# A link of the system's is not replaced, whatever it leads to just now.
test_hostile_output_is_standard_output()
{
	local link=/dev/micropack-test-$$

	mkdir root
	: >root/name
	printf '/name\n' >list
	ln -s /proc/self/fd/1 "$link"
	expect 0 "$MICROPACK" pack list --root root -o "$link"
	[ -L "$link" ] || fail "the link was replaced"
	rm "$link"
	grep -aq ustar out
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

# swap_for_ever DIR: in the background, DIR/d is a directory or a link to /etc, and DIR/d/passwd a
# file, a link to /etc/passwd or a FIFO, in turn. $swapper: its process.
swap_for_ever()
{
	perl -e '
		my ($dir, $n) = ($ARGV[0], 0);
		chdir $dir or die;
		while (1) {
			rename "d", "e"; symlink "/etc", "d"; unlink "d"; rename "e", "d";
			rename "d/passwd", "d/keep"; symlink "/etc/passwd", "d/passwd"; unlink "d/passwd";
			system("mkfifo d/passwd") if ++$n % 50 == 0; unlink "d/passwd";
			rename "d/keep", "d/passwd";
		}' "$1" &
	swapper=$!
}

# Links and other things in the place of what is packed: no byte of the host's, no wait, no crash.
test_hostile_swapped_while_packed()
{
	local packed=0 failed=0 status

	mkdir -p tree/d
	printf 'the image' >tree/d/passwd
	printf '/d/passwd\n' >list
	swap_for_ever tree
	# shellcheck disable=SC2064
	trap "kill $swapper" EXIT
	for _ in $(seq 150); do
		status=0
		timeout 10 "$MICROPACK" pack list --root tree -o out.tar >out 2>err || status=$?
		case $status in
		0)
			packed=$((packed + 1))
			# A file is the image's; of a link only the text is packed.
			if tar -tvf out.tar | grep -q '^-.* d/passwd$'; then
				[ "$(tar -xOf out.tar d/passwd)" = 'the image' ] || fail "a file of the host"
			fi
			! grep -aq '^root:' out.tar || fail "a file of the host"
			! tar -tf out.tar | grep -q '^etc/.' || fail "a file of the host"
			;;
		1 | 4 | 7)
			failed=$((failed + 1))
			one_line
			;;
		*)
			cat err
			fail "status $status"
			;;
		esac
		rm -f out.tar
	done
	echo "$packed packed, $failed refused"
	[ $packed -gt 0 ] && [ $failed -gt 0 ]
}

# A file that grows or shrinks is not packed as something that it never was.
test_hostile_resized_while_packed()
{
	local writer

	mkdir tree
	head -c 3000000 /dev/zero >tree/log
	printf '/log\n' >list
	perl -e 'while (1) { truncate $ARGV[0], 3000000 + int(rand(2000000)) }' tree/log &
	writer=$!
	# shellcheck disable=SC2064
	trap "kill $writer" EXIT
	for _ in $(seq 60); do
		if "$MICROPACK" pack list --root tree -o out.tar >out 2>err; then
			tar -tf out.tar >/dev/null
		else
			grep -qE "'/log' (grew|shrank) while it was read" err || fail "$(cat err)"
			one_line
			[ ! -e out.tar ] || fail "output is left behind"
		fi
		rm -f out.tar
	done
}

# Who may not read a file is told which one.
test_hostile_unreadable_files()
{
	cp "$MICROPACK" micropack # whose directory others may not enter
	mkdir -m 755 tree tree/secret
	echo secret >tree/secret/file
	echo key >tree/key
	chmod 0 tree/key
	chmod 755 .
	printf '/key\n' >list
	expect 1 setpriv --reuid 65534 --regid 65534 --clear-groups \
		./micropack pack list --root tree -o /dev/null
	says "'/key': Permission denied"
	one_line
	chmod 0 tree/secret
	printf '/secret/file\n' >list
	expect 1 setpriv --reuid 65534 --regid 65534 --clear-groups \
		./micropack pack list --root tree -o /dev/null
	says "'/secret/file': Permission denied"
	one_line
}

# Links that lead to the host, or nowhere, or round and round.
test_hostile_links()
{
	mkdir -p tree/a/b
	ln -s ../../../../../../../../etc/passwd tree/a/up
	ln -s /etc/passwd tree/a/absolute
	ln -s /proc/self/root/etc tree/a/magic
	ln -s loop2 tree/a/loop1
	ln -s loop1 tree/a/loop2
	ln -s "$PWD/tree/.." tree/a/b/out
	printf '/a/up\n/a/absolute\n/a/loop1\n/a/magic\n/a/b/out\n' >list
	expect 0 "$MICROPACK" pack list --root tree -o out.tar
	tar -tf out.tar >names
	printf '%s\n' a/ a/absolute a/b/ a/b/out a/loop1 a/magic a/up dev/ proc/ sys/ tmp/ | diff - names
	printf '/a/magic/passwd\n' >list
	expect 7 "$MICROPACK" pack list --root tree -o out.tar
	says 'not in the image: /a/magic/passwd'
}

# A configuration of the loader that includes half the image, again and again.
test_hostile_loader_configuration()
{
	mkdir -p tree/etc tree/bin tree/d{1..30}/e{1..30}/f
	cp /bin/true tree/bin/true
	yes 'include /*/*/*/*' | head -n 30000 >tree/etc/ld.so.conf
	printf '/bin/true\n' >list
	expect 7 timeout 30 "$MICROPACK" pack list --root tree -o out.tar
	grep -q "ld.so.conf includes more than can be read" err || fail "$(cat err)"
	says 'not in the image: libc.so.6'
}

# A link in the place of the package records leads nowhere that a container has something mounted.
test_hostile_place_of_package_records()
{
	local target

	for target in /proc /sys /dev /tmp ../../../../../../etc; do
		rm -rf tree
		mkdir -p tree/var/lib/dpkg/info
		: >tree/a
		printf '/a\n' | tee list >tree/var/lib/dpkg/info/p.list
		printf 'Package: p\nVersion: 1\n' >tree/var/lib/dpkg/status
		ln -s "$target" tree/var/lib/dpkg/status.d
		expect 0 "$MICROPACK" pack list --root tree -o out.tar
		not_in_archive out.tar proc/p
		not_in_archive out.tar sys/p
		not_in_archive out.tar dev/p
		not_in_archive out.tar etc/p
		[ ! -e /tmp/p ] && [ ! -e /etc/p ] || fail 'a file of the host'
	done
}
