# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What an image says of its files, its packed form says too: every kind of metadata, from the layers
# of one image to those of the other.

# capability FILE HEX...: as the kernel stores it (struct vfs_cap_data), CAP_NET_RAW permitted.
capability()
{
	setfattr -n security.capability -v "0x$2" "$1"
}

# acl FILE NAME: user::rwx, user:3000000000:r--, group::r-x, mask::r-x, other::---
acl()
{
	local entry hex=0x02000000

	for entry in 01000700ffffffff 02000400005ed0b2 04000500ffffffff 10000500ffffffff \
		20000000ffffffff; do
		hex+=$entry
	done
	setfattr -n "system.posix_acl_$2" -v "$hex" "$1"
}

make_files()
{
	mkdir -p usr/bin usr/lib data/empty/below data/secret proc sys dev tmp
	chmod 1777 tmp
	echo suid >usr/bin/suid
	echo sgid >usr/bin/sgid
	echo caps >usr/bin/caps2
	echo caps >usr/bin/caps3
	echo none >data/none
	echo rich >data/rich
	: >data/nothing
	chown 3000000000:4000000000 data/rich
	chown 65534:4294967294 usr/bin/sgid
	chmod 4755 usr/bin/suid
	chmod 2711 usr/bin/sgid
	chmod 0 data/none
	chmod 3770 data
	chmod 0500 data/secret
	chown 12:34 data/secret data/empty/below
	# Revision 2, and revision 3 with the root of a user namespace (linux/capability.h).
	capability usr/bin/caps2 0100000200200000000000000000000000000000
	capability usr/bin/caps3 010000030020000000000000000000000000000040420f00
	setfattr -n user.note -v 0x610062ff data/rich
	setfattr -n user.long -v "0x$(head -c 2000 /dev/zero | tr '\0' a | od -An -v -tx1 | tr -d ' \n')" data/rich
	setfattr -n user.dir -v d data/empty
	acl data/rich access
	acl data/empty access
	acl data/empty default
	head -c 1500000 /dev/urandom >data/random
	truncate -s 5M data/sparse
	printf island | dd of=data/sparse bs=1 seek=3000000 conv=notrunc status=none
}

make_special()
{
	mkfifo -m 620 data/fifo
	mknod -m 600 data/char c 10 229
	mknod -m 640 data/block b 259 70000
	chown 5:6 data/fifo data/char data/block
	ln -s usr/lib lib
	ln -s /usr/bin bin
	echo library >usr/lib/lib.so.1
	ln -s lib.so.1 usr/lib/lib.so
	ln -s ../nothing/here data/dangling
	ln -s loop data/loop
	ln -s "$(head -c 3000 /dev/zero | tr '\0' l)" data/long
	ln -s "$(printf '\377\n\\x')" data/bytes
	chown -h 77:88 data/dangling
	# Hard links: across directories, of what has attributes, of a symlink, of a FIFO.
	ln usr/bin/caps2 data/caps-too
	ln data/rich usr/rich-too
	ln -P data/dangling usr/dangling-too
	ln data/fifo usr/fifo-too
	ln usr/bin/suid "usr/lib/$(head -c 255 /dev/zero | tr '\0' h)"
}

make_names()
{
	local name deep=names

	mkdir names
	for name in $'invalid-\xff\xfe' $'nfd-e\xcc\x81' $'nfc-\xc3\xa9' $'new\nline' $'tab\t\e[1m' \
		'back\slash' 'back\x41' -rf ' ' 'two  spaces ' '*' '$HOME' '#' '"quoted'"'" \
		"$(head -c 255 /dev/zero | tr '\0' n)" "$(head -c 127 /dev/zero | tr '\0' '\377')x"; do
		printf '%s' "$name" >"names/$name"
		ln -s -- "$name" "names/to-${name:0:200}"
	done
	for name in $(seq 40); do
		deep+=/directory-with-a-long-name-$name
	done
	mkdir -p "$deep"
	echo deep >"$deep/bottom"
	ln "$deep/bottom" "$deep/also"
}

# Times last: 1 ns, the second before 2038's end and the one after, a far future, and directories'.
make_times()
{
	find . -mindepth 1 -depth -exec touch -h -d '2021-02-03 04:05:06.789012345Z' {} +
	touch -d @0.000000001 data/nothing
	touch -d @2147483648.999999999 data/none
	touch -d @4102444800.5 data/random
	touch -h -d @1234567890.1 data/dangling data/fifo
	touch -d @1600000000.123456789 data/empty data
}

make_tree()
{
	(
		cd "$1"
		umask 022
		make_files
		make_special
		make_names
		make_times
		chown 7:9 .
		chmod 0751 .
		setfattr -n user.root -v r .
		touch -d @1500000000 .
	)
}

# describe DIR: all that lstat, listxattr and reading tell. Of directories neither size nor links:
# these are the file system's. Nor the times of those that engines write to: the archive has none.
describe()
(
	cd "$1"
	find . \( -path . -o -path ./dev -o -path ./etc -o -path ./proc -o -path ./sys \) \
		-printf '%p %y%m %U:%G\0' -o -printf '%p %y%m %U:%G %T@ %l\0' | sort -z | tr '\n\0' '?\n'
	find . -type d -o -printf '%p %s %n\0' | sort -z | tr '\n\0' '?\n'
	find . \( -type b -o -type c \) -exec stat -c '%n %t,%T' {} + | sort
	find . -type f -print0 | sort -z | xargs -0 sha256sum
	find . ! -type l -print0 | sort -z | xargs -0 getfattr -h -d -e hex --absolute-names \
		-m '^(user\.|security\.capability|system\.posix_acl)'
	# Which names are one file.
	find . ! -type d -links +1 -printf '%i %p\0' | tr '\n\0' '?\n' | sort -k 2 | awk '{
		file = $1
		sub(/^[0-9]+ /, "")
		if (!(file in first))
			first[file] = $0
		print $0 " is " first[file]
	}'
)

# describe_image IMAGE: its layers, joined as the engine joins them.
describe_image()
{
	local upper lower

	upper=$(docker image inspect -f '{{.GraphDriver.Data.UpperDir}}' "$1")
	lower=$(docker image inspect -f '{{.GraphDriver.Data.LowerDir}}' "$1" | grep -v 'no value' || true)
	mkdir -p none joined
	# shellcheck disable=SC2016
	unshare -m bash -euc '
		mount -t overlay -o "ro,lowerdir=$1" overlay joined
		. "$TOP/tests/e2e/test_metadata.sh"
		describe joined' bash "$upper${lower:+:$lower}:$PWD/none"
}

# list_of DIR: every path in it, each byte escaped.
list_of()
{
	find "$1" -printf '/%P\0' | od -An -v -tx1 -w1 | awk '
		$1 == "00" { print ""; next }
		{ printf "\\x%s", $1 }'
}

# From a directory into the engine, and from there into the engine again: nothing is lost.
test_metadata_round_trip()
{
	mkdir tree
	make_tree tree
	describe tree >expected
	list_of tree >list
	expect 0 "$MICROPACK" pack list --root tree -o out.tar
	docker import out.tar micropack-e2e/metadata:1 >/dev/null
	describe_image micropack-e2e/metadata:1 >original
	diff -a expected original
	expect 0 "$MICROPACK" pack list --image micropack-e2e/metadata:1 --source overlay -o other.tar
	cmp out.tar other.tar
	# Each file once, links as links.
	[ "$(tar -tvf out.tar | grep -c ' link to ')" -eq 6 ] || fail "hard links are doubled"
	docker rmi micropack-e2e/metadata:1 >/dev/null
}

# A path through symlinked directories: the links stay links, and nothing is there twice.
test_metadata_symlinked_parents()
{
	mkdir -p tree/usr/lib/real tree/opt
	(
		cd tree
		ln -s usr/lib lib
		ln -s /lib/real usr/lib/absolute
		ln -s ../lib/../../usr opt/up
		echo data >usr/lib/real/file
		ln usr/lib/real/file usr/lib/real/other
		chown -h 5:6 lib
		touch -h -d @1000000000.5 lib
	)
	printf '/lib/absolute/file\n/opt/up/lib/real/file\n' >list
	expect 0 "$MICROPACK" pack list --root tree -o out.tar
	tar -tf out.tar >names
	printf '%s\n' dev/ lib opt/ opt/up proc/ sys/ tmp/ usr/ usr/lib/ usr/lib/absolute \
		usr/lib/real/ usr/lib/real/file | diff - names
	tar --full-time -tvf out.tar lib |
		grep -qE '^lrwxrwxrwx 5/6 +0 2001-09-09 01:46:40.5 lib -> usr/lib$'
	# The other name is not packed, so that this is no link to it.
	docker import out.tar micropack-e2e/parents:1 >/dev/null
	describe_image micropack-e2e/parents:1 >image
	grep -q '^./usr/lib/real/file 5 1$' <(tr '?' '\n' <image)
	docker rmi micropack-e2e/parents:1 >/dev/null
}

# Times before 1970 and attributes without a value are in the archive, as GNU tar and bsdtar find
# there; an engine takes neither (Go's archive/tar reads such a record as none at all).
test_metadata_that_engines_lose()
{
	local tar

	mkdir -p tree gnu bsd
	echo old >tree/old
	echo older >tree/older
	echo empty >tree/empty
	setfattr -n user.empty tree/empty
	touch -d @-5.25 tree/old
	touch -d @-1000000000 tree/older
	list_of tree >list
	expect 0 "$MICROPACK" pack list --root tree -o out.tar
	tar --xattrs --xattrs-include='*' -C gnu -xpf out.tar old older empty 2>/dev/null
	bsdtar --xattrs -C bsd -xpf out.tar old older empty
	for tar in gnu bsd; do
		[ "$(stat -c %Y $tar/older)" = -1000000000 ]
		getfattr --absolute-names -n user.empty $tar/empty >/dev/null
	done
	# bsdtar adds the fraction to the negative seconds, where POSIX means a decimal number.
	[ "$(stat -c %.2Y gnu/old)" = -5.25 ]
	docker import out.tar micropack-e2e/lost:1 >/dev/null
	describe_image micropack-e2e/lost:1 >image
	! grep -q ' -5.2\| -1000000000\|user.empty' image
	docker rmi micropack-e2e/lost:1 >/dev/null
}

# Larger than a header's octal digits can say, and full of holes: through the engine byte by byte.
test_metadata_sparse()
{
	mkdir tree
	truncate -s 1100M tree/sparse
	printf island | dd of=tree/sparse bs=1 seek=700000001 conv=notrunc status=none
	printf /sparse >list
	expect 0 "$MICROPACK" pack list --root tree -o out.tar
	says "'/sparse': 1153429504 bytes of holes are left out"
	[ "$(stat -c %s out.tar)" -lt 20000 ]
	docker import out.tar micropack-e2e/sparse:1 >/dev/null
	describe_image micropack-e2e/sparse:1 >image
	grep -qx "$(sha256sum <tree/sparse | cut -d' ' -f1)  ./sparse" image
	docker rmi micropack-e2e/sparse:1 >/dev/null
}
