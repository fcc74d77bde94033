# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Traces as files: merge, diff, import. But for the last two tests no engine and no
# BPF are needed.

header='{"micropack_trace":1,"source":"container","image":"app:1","image_id":"sha256:1"}'
trailer()
{
	echo "{\"events\":$1,\"dropped\":${2:-0},\"truncated\":0,\"unread\":0,\"untracked\":0}"
}

# trace_of FILE PATH...: a complete trace of opens.
trace_of()
{
	local file=$1 path times=

	shift
	for path in "$@"; do
		times+=,$((RANDOM + 1))
	done
	{
		echo "${header%\}},\"first_ns\":[${times#,}]}"
		for path in "$@"; do
			echo "{\"op\":\"open\",\"path\":\"$path\"}"
		done
		trailer $#
	} >"$file"
}

# same_events A B: all but the headers.
same_events()
{
	tail -n +2 "$1" >"$1.events"
	tail -n +2 "$2" | cmp "$1.events" -
}

test_traces_merge()
{
	trace_of a /x /a /common
	trace_of b /common /b
	trace_of c /c /a
	expect 0 "$MICROPACK" merge a b c -o abc
	prints abc
	expect 0 "$MICROPACK" merge c a b a -o cab
	cmp abc cab
	expect 0 "$MICROPACK" merge a b -o ab
	expect 0 "$MICROPACK" merge --output ab.c ab c
	cmp abc ab.c
	expect 0 "$MICROPACK" merge a -o one
	expect 0 "$MICROPACK" merge a a -o two
	cmp one two
	[ "$(grep -o '"path":"[^"]*"' abc | tr '\n' ' ')" = \
		'"path":"/a" "path":"/b" "path":"/c" "path":"/common" "path":"/x" ' ]
	tail -n 1 abc | grep -qF '"events":5,"dropped":0'
	expect 0 "$MICROPACK" merge a b -o a
	cmp a ab
}

# What is written depends on the set of events alone, whoever wrote what is read, and when.
test_traces_canonical()
{
	trace_of a /c /a /b
	{
		echo "$header"
		for path in /b /a /b /c; do
			echo "{\"op\":\"open\",\"path\":\"$path\",\"first_ns\":$RANDOM}"
		done
		trailer 4
	} >older
	expect 0 "$MICROPACK" merge a -o one
	expect 0 "$MICROPACK" merge older -o other
	same_events one other
	[ "$(sed -n 2p one)" = '{"op":"open","path":"/a"}' ]
	[ "$(jq -rs '.[0].first_ns | length' one)" = 3 ]
	! tail -n +2 one | grep -q first_ns || fail 'a time in an event'
	expect 0 "$MICROPACK" diff a older
	sed 2s/}/,\"first_ns\":1}/ one >both
	expect 1 "$MICROPACK" merge both -o out.d
	says "'both' line 2: 'first_ns' is in the header already"
	sed '2d' one | sed 's/"events":3/"events":2/' >more-times
	expect 1 "$MICROPACK" merge more-times -o out.d
	says "'more-times' line 4: the header has 3 times, the trace has 2 events"
	head -n 2 one >cut.jsonl
	expect 0 "$MICROPACK" merge cut.jsonl -o merged
	[ "$(jq -rs '.[0].first_ns | length' merged)" = 1 ]
}

test_traces_merge_refused()
{
	trace_of a /a
	sed 's/sha256:1/sha256:2/' a >other
	expect 2 "$MICROPACK" merge a other -o out.d
	says "'a' and 'other' are traces of different images: sha256:1 and sha256:2"
	one_line
	expect 2 "$MICROPACK" merge a missing -o out.d
	says "open 'missing': No such file"
	expect 1 "$MICROPACK" merge a /dev/null -o out.d
	says "'/dev/null' is not a micropack trace"
	sed 's/open/opened/' a >bad
	expect 1 "$MICROPACK" merge a bad -o out.d
	says "'bad' line 2: unknown op 'opened'"
	expect 2 "$MICROPACK" merge a
	says '-o FILE, are needed'
	expect 2 "$MICROPACK" merge -o out.d
	[ ! -e out.d ]
	expect 1 "$MICROPACK" merge a -o /dev/full
	says 'No space left on device'
}

# What one input lacks, the union lacks, however it is packed.
test_traces_merge_incomplete()
{
	trace_of a /etc/passwd
	head -n -1 a >cut.jsonl
	sed 's/"dropped":0/"dropped":3/' a >lossy
	for incomplete in cut.jsonl lossy; do
		expect 0 "$MICROPACK" merge a $incomplete -o merged
		says "'pack' will refuse it"
		expect 6 "$MICROPACK" pack merged --root / -o rootfs.tar
		[ ! -e rootfs.tar ]
	done
	expect 0 "$MICROPACK" merge lossy lossy -o merged
	tail -n 1 merged | grep -qF '"dropped":3'
	expect 0 "$MICROPACK" merge lossy cut.jsonl -o merged
	! grep -q '"events"' merged || fail 'a trailer'
}

test_traces_diff()
{
	trace_of a /b /a /gone
	trace_of b /a /new /b
	expect 0 "$MICROPACK" diff a a
	[ ! -s out ]
	expect 1 "$MICROPACK" diff a b
	[ ! -s err ]
	printf '%s\tapp:1\n' '--- a' '+++ b' >expected
	printf '%s\n' '-open /gone -> ?' '+open /new -> ?' >>expected
	diff expected out
	head -n -1 a >cut.jsonl
	expect 1 "$MICROPACK" diff a cut.jsonl
	[ "$(tail -n 2 out)" = "$(printf '%s\n' '-complete' '+incomplete: no trailer')" ]
	expect 1 "$MICROPACK" diff --json a b
	jq -e '(.equal == false) and ([.removed[].path] == ["/gone"]) and
		([.added[].path] == ["/new"]) and (.before.trace == "a") and .before.complete and
		(.after.image_id == "sha256:1")' out >/dev/null
	expect 0 "$MICROPACK" diff a a --json
	prints '"equal": true'
	# 1 is for traces that differ.
	expect 2 "$MICROPACK" diff a missing
	expect 2 "$MICROPACK" diff a /dev/null
	one_line
	expect 2 "$MICROPACK" diff a
	expect 2 "$MICROPACK" diff a b a
}

test_traces_import()
{
	mkdir -p root/etc root/bin
	echo data >root/etc/data
	printf '#!/bin/program\n' >root/bin/script
	echo program >root/bin/program
	printf '# paths\n/etc/data\n/bin/script\n' >list
	expect 0 "$MICROPACK" import --format list list
	prints trace.jsonl
	[ ! -s err ]
	head -n 1 trace.jsonl | grep -qF '"source":"import"'
	cp list list.before
	expect 2 "$MICROPACK" import --format list list -o ./list
	says "FILE 'list' and -o './list' are the same place"
	cmp list list.before
	expect 0 "$MICROPACK" pack trace.jsonl --root root -o rootfs.tar
	in_archive rootfs.tar etc/data
	printf '%s\n' 'Attaching 6 probes...' 'PID    COMM               FD ERR PATH' \
		'12     a b                 3   0 /etc/data' '12     a                   4   0 rel' >opens
	expect 0 "$MICROPACK" import --format bpftrace opens -o opens.jsonl
	says '1 unread'
	expect 6 "$MICROPACK" pack opens.jsonl --root root -o opens.tar
	expect 0 "$MICROPACK" pack opens.jsonl --root root -o opens.tar --incomplete=ok
	printf '%s\n' 'openat SUCCESS /etc/data' 'execve SUCCESS /bin/script' >sysdig
	expect 0 "$MICROPACK" import sysdig --format=sysdig -o sysdig.jsonl
	expect 0 "$MICROPACK" pack sysdig.jsonl --root root -o sysdig.tar
	# A list and a record of the same paths are packed alike.
	cmp sysdig.tar rootfs.tar
}

test_traces_import_refused()
{
	printf '/a\nb\n' >list
	expect 1 "$MICROPACK" import --format list list -o out.d
	says "'list' line 2: 'b' is not an absolute path"
	one_line
	expect 1 "$MICROPACK" import --format strace list -o out.d
	says "'list' line 1: no line of strace's: '/a'"
	expect 2 "$MICROPACK" import --format truss list -o out.d
	says 'strace, bpftrace, sysdig or list'
	expect 2 "$MICROPACK" import list
	says '--format FORMAT'
	expect 2 "$MICROPACK" import --format list missing
	says "open 'missing'"
	expect 2 "$MICROPACK" import --format list list -w /
	expect 2 "$MICROPACK" import --format strace list -w relative
	[ ! -e out.d ]
	[ ! -e trace.jsonl ]
}

# A program under strace becomes a root file system in which it does the same.
test_traces_import_strace()
{
	local job='cd /etc; cat debian_version passwd | sort; cd ..; (cd usr/share; ls -d .)'

	command -v strace >/dev/null || fail 'strace is needed'
	sh -c "$job" >expected
	strace -f -y -o with-y sh -c "$job" >/dev/null
	strace -f -o plain sh -c "$job" >/dev/null
	strace -f sh -c "$job" >/dev/null 2>terminal
	for record in with-y plain terminal; do
		expect 0 "$MICROPACK" import --format strace $record -o $record.jsonl -w "$PWD"
		[ ! -s err ] || fail "$record: $(cat err)"
	done
	expect 0 "$MICROPACK" diff plain.jsonl terminal.jsonl
	grep -qF '"path":"/etc/debian_version","real":"/etc/debian_version"' with-y.jsonl
	expect 0 "$MICROPACK" pack with-y.jsonl --root / -o rootfs.tar
	expect 0 "$MICROPACK" pack plain.jsonl --root / -o plain.tar
	mkdir root
	tar -xpf rootfs.tar -C root
	chroot root sh -c "$job" | cmp - expected
	# Followed no further than its first process, it is incomplete.
	strace -y -o unfollowed sh -c "$job" >/dev/null
	expect 0 "$MICROPACK" import --format strace unfollowed
	says 'processes not followed'
	head -c 20000 with-y | head -n -1 >cut.txt
	expect 0 "$MICROPACK" import --format strace cut.txt
	says 'processes not followed'
}

# What strace resolves is in the trace of the same program.
test_traces_import_against_trace()
{
	strace -f -y -o strace.txt sort /etc/passwd >/dev/null
	expect 0 "$MICROPACK" import --format strace strace.txt -o imported.jsonl
	expect 0 "$MICROPACK" trace -o traced.jsonl -- sort /etc/passwd
	expect 0 "$MICROPACK" merge imported.jsonl traced.jsonl -o merged.jsonl
	head -n 1 merged.jsonl | grep -qF '"source":"command"'
	grep -o '"op":"open","path":"[^"]*"' imported.jsonl | sort -u >by-strace
	grep -o '"op":"open","path":"[^"]*"' traced.jsonl | sort -u >by-micropack
	[ -s by-strace ]
	[ -z "$(comm -23 by-strace by-micropack)" ] || fail "$(comm -23 by-strace by-micropack)"
}

# Two runs that do the same: the same bytes, but for the header.
test_traces_same_run_same_bytes()
{
	printf 'one\ntwo\n' >data
	for i in 1 2 3; do
		expect 0 "$MICROPACK" trace -o $i.jsonl -- \
			sh -c 'sort data; cat data missing; ls / >/dev/null; cd /etc; sort <passwd >/dev/null'
		expect 0 "$MICROPACK" trace micropack-sample/hello-static --run Ann --run Bob -o h$i.jsonl
	done
	same_events 1.jsonl 2.jsonl
	same_events 1.jsonl 3.jsonl
	same_events h1.jsonl h2.jsonl
	same_events h1.jsonl h3.jsonl
	! cmp -s 1.jsonl 2.jsonl || fail 'the same times'
}
