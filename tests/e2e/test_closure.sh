# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What kept programs need, against the only one who knows: the image's own dynamic loader.

# reference ROOT LEAST: each of its dynamic files, at least so many, needs just what the loader says.
reference()
{
	make -s -C "$TOP" build/release/tests/closure/reference
	"$TOP/build/release/tests/closure/reference" "$1" >out || {
		cat out >&2
		fail "$1: micropack and the loader differ"
	}
	tail -n 1 out
	[ "$(tail -n 1 out | cut -d' ' -f1)" -ge "$2" ] || fail "$1: only $(tail -n 1 out)"
}

unpack()
{
	mkdir "$2"
	export_of "$1" tar -C "$2" -xp --numeric-owner --exclude='dev/*' \
		--exclude='usr/share/*' --exclude='*.py' --exclude='*.pyc'
}

test_closure_of_samples_is_what_their_loader_lists()
{
	local name

	for name in nginx redis flask plugin; do
		unpack "micropack-sample/$name" "$name"
		reference "$name" 500
		rm -rf "$name"
	done
	unpack micropack-sample/hello-static static
	reference static 0
}

# A program and two libraries, one of which needs the other: COMPILER ROOT DIR [FLAG...]
make_app()
{
	local compiler=$1 root=$2 dir=$3

	shift 3
	mkdir -p "$root$dir/lib"
	echo 'int deep(void) { return 1; }' >deep.c
	echo 'int deep(void); int middle(void) { return deep(); }' >middle.c
	echo 'int middle(void); int main(void) { return middle() - 1; }' >main.c
	$compiler -shared -fPIC -Wl,-soname,libdeep.so.1 -o "$root$dir/lib/libdeep.so.1" deep.c
	$compiler -shared -fPIC -Wl,-soname,libmiddle.so.1 -o "$root$dir/lib/libmiddle.so.1" middle.c \
		"$root$dir/lib/libdeep.so.1"
	$compiler -o "$root$dir/app" main.c "$root$dir/lib/libmiddle.so.1" \
		-Wl,--allow-shlib-undefined,--no-as-needed "$@"
}

# Debian's musl, its glibc for two machines, and programs of each, in one image.
test_closure_of_several_c_libraries_in_one_image()
{
	local file

	mkdir -p root/lib/x86_64-linux-musl root/lib/x86_64-linux-gnu root/lib64 root/etc
	cp -a /etc/ld-musl-x86_64.* root/etc
	cp -a /lib/ld-musl-x86_64.so.1 root/lib
	cp -a /lib/x86_64-linux-musl/libc.so root/lib/x86_64-linux-musl
	cp -L /lib64/ld-linux-x86-64.so.2 root/lib64
	for file in libc.so.6 ld-linux-x86-64.so.2; do
		cp -L "/lib/x86_64-linux-gnu/$file" root/lib/x86_64-linux-gnu
	done
	mkdir root/lib32
	cp -L /lib/ld-linux.so.2 root/lib
	cp -L /lib32/libc.so.6 /lib32/ld-linux.so.2 root/lib32
	# shellcheck disable=SC2016
	{
		make_app musl-gcc root /opt/musl '-Wl,-rpath,$ORIGIN/lib'
		make_app musl-gcc root /opt/inherit '-Wl,-rpath,/opt/inherit/lib:/none'
		make_app musl-gcc root /opt/token '-Wl,-rpath,$ORIGIN/lib:/opt/$LIB'
		make_app musl-gcc root /opt/lost
		make_app cc root /opt/runpath '-Wl,--enable-new-dtags,-rpath,$ORIGIN/lib'
		make_app cc root /opt/rpath '-Wl,--disable-new-dtags,-rpath,$ORIGIN/lib'
		make_app cc root /opt/nodeflib '-Wl,-z,nodefaultlib,--disable-new-dtags,-rpath,$ORIGIN/lib'
		make_app 'cc -m32' root /opt/i386 -Wl,--disable-new-dtags,-rpath,/opt/i386/lib
	}
	reference root 20
	# $ORIGIN is taken from /proc, which is not there.
	chroot root /opt/inherit/app
	chroot root /opt/i386/app
}

# in_packed LIST COMMAND...: runs it in what is packed of this host by that list.
in_packed()
{
	rm -rf packed
	mkdir packed
	printf '%s\n' "$1" >list
	shift
	"$MICROPACK" pack -q list --root / -o packed.tar >/dev/null
	tar -C packed -xf packed.tar
	chroot packed "$@"
}

# glibc ends a process that cancels a thread and has no libgcc_s.so.1.
test_closure_has_what_cancellation_needs()
{
	cat >cancel.c <<-'END'
		#include <pthread.h>
		#include <unistd.h>
		static void *wait(void *p) { for (;;) pause(); return p; }
		int main(void)
		{
			pthread_t thread;
			void *result;
			if (pthread_create(&thread, 0, wait, 0) || pthread_cancel(thread) ||
			    pthread_join(thread, &result))
				return 1;
			return result == PTHREAD_CANCELED ? 0 : 2;
		}
	END
	cc -o cancel cancel.c -pthread
	in_packed "$PWD/cancel" "$PWD/cancel"
	find packed -name 'libgcc_s.so.1' | grep -q . || fail "it is there by chance"
	rm packed"$(readlink -f /lib/x86_64-linux-gnu/libgcc_s.so.1)"
	! chroot packed "$PWD/cancel" 2>/dev/null || fail "it does not need libgcc_s.so.1"
}

# A conversion by a module that needs a library of its own.
test_closure_has_the_modules_of_iconv()
{
	printf '\xa4\xa2' >euc
	in_packed /usr/bin/iconv /usr/bin/iconv -f EUC-JP -t UTF-8 <euc >utf8
	[ "$(cat utf8)" = あ ] || fail "$(od -c utf8)"
}

test_closure_has_the_services_of_names()
{
	in_packed "$(printf '/usr/bin/getent\n/etc/passwd')" /usr/bin/getent passwd root >out
	prints 'root:x:0:0:'
	in_archive packed.tar etc/nsswitch.conf
}

# Error for a list, with every directory; but not where the trace has the file itself.
test_closure_names_a_missing_library()
{
	cc -shared -Wl,-soname,libgone.so.7 -o libgone.so -x c /dev/null
	echo 'int main(void) { return 0; }' |
		cc -x c -o needy - -x none -Wl,--no-as-needed ./libgone.so -Wl,-rpath,/opt/no/lib
	echo "$PWD/needy" >list
	refuses 7 "not in the image: libgone.so.7 needed by $PWD/needy (searched: /opt/no/lib, " \
		"$MICROPACK" pack list --root / -o out.d
	"$MICROPACK" trace -q -o trace.jsonl -- cat needy >/dev/null
	expect 0 "$MICROPACK" pack trace.jsonl --root / -o needy.tar
	says "not needed by this run: libgone.so.7 needed by $PWD/needy"
	in_archive needy.tar "${PWD#/}/needy"
}
