#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: BSD-2-Clause
#
# The first process of the guest that tests/kernels/run.sh starts: the tests of the tracer, on a
# kernel of its own with control groups v2. What it has to say goes to the console; the last line
# that begins with "guest: " has the counts.

if [ "$1" != moved ]; then
	# An installed system has its root on a file system that is mounted over the first one.
	/bin/busybox mkdir -p /moved
	/bin/busybox mount -t tmpfs -o mode=755 tmpfs /moved
	/bin/busybox tar -C / -cf - bin init lib lib64 usr micropack | /bin/busybox tar -C /moved -xf -
	exec /bin/busybox switch_root /moved /init moved
fi

/bin/busybox --install -s /bin
export PATH=/bin:/micropack HOME=/ MP_TEST_MUST_RUN=bpf LC_ALL=C.UTF-8 MICROPACK_TEST_RUNS=5
mkdir -p /proc /sys /dev /tmp /etc /root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/shm
mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tracefs tracefs /sys/kernel/tracing
ip link set lo up 2>/dev/null
exec </dev/null >/dev/console 2>&1

passed=0
failed=0

ok()
{
	echo "ok      $1"
	passed=$((passed + 1))
}

# fail WHAT FILE: the file says more.
fail()
{
	echo "FAILED  $1"
	sed 's/^/        /' "$2"
	failed=$((failed + 1))
}

echo "kernel  $(uname -r)"

# doctor ends in 4, for want of an engine; the row about tracing is what matters.
micropack doctor >/tmp/doctor 2>&1
for row in kernel BTF privileges tracing; do
	if grep -q "^ok  *$row " /tmp/doctor; then
		ok "doctor: $row"
	else
		fail "doctor: $row" /tmp/doctor
		micropack doctor --verbose 2>&1 | tail -n 60
	fi
done

# A command of this host.
mkdir -p /srv/there
cd /srv || exit 1
echo something >./read
ln -s read link
micropack trace -o /tmp/trace.jsonl -- /bin/busybox sh -c \
	'cat link; echo x >made; cat missing; cd there && cat ../read; [ -e /nowhere/at/all ]
	mv ../made ../moved; (exec ls /srv/there)' >/tmp/trace.log 2>&1
status=$?
cat /tmp/trace.jsonl >>/tmp/trace.log
if [ $status -eq 0 ]; then
	ok "trace: exit status"
else
	fail "trace: exit status is $status" /tmp/trace.log
fi

# expect WHAT TEXT: a line of the trace begins with that.
expect()
{
	if grep -qF "$2" /tmp/trace.jsonl; then
		ok "trace: $1"
	else
		fail "trace: $1: no $2" /tmp/trace.log
	fi
}

expect 'header' "{\"micropack_trace\":1,\"source\":\"command\",\"arch\":\"x86_64\",\"kernel\":\"$(uname -r)\""
expect 'the exec, of a program from outside' '{"op":"exec","path":"/bin/busybox","real":"/bin/busybox"}'
expect 'times in the header' ',"first_ns":['
expect 'a symbolic link' '{"op":"open","path":"/srv/link","real":"/srv/read","exe":"/bin/busybox"'
expect 'a new file' '{"op":"open","path":"/srv/made","real":"/srv/made","flags":["write","create","created"],"exe":"/bin/busybox"'
expect 'a missing file' '{"op":"open","path":"/srv/missing","errno":"ENOENT","exe":"/bin/busybox"'
expect 'a change of directory' '{"op":"chdir","path":"/srv/there","real":"/srv/there","flags":["dir"],"exe":"/bin/busybox"'
expect 'a relative path' '{"op":"open","path":"/srv/there/../read","real":"/srv/read","exe":"/bin/busybox"'
expect 'a missing folder' '{"op":"stat","path":"/nowhere/at/all","errno":"ENOENT","exe":"/bin/busybox"'
expect 'a rename, from' '{"op":"remove","path":"/srv/there/../made"'
expect 'a rename, to' '{"op":"create","path":"/srv/there/../moved"'
expect 'a listing' '{"op":"open","path":"/srv/there","real":"/srv/there","flags":["dir"],"exe":"/bin/busybox"'
expect 'the names in it' '{"op":"list","path":"/srv/there","real":"/srv/there","flags":["dir"],"exe":"/bin/busybox"'
expect 'nothing is lost' '"dropped":0,"truncated":0,"unread":0,"untracked":0}'
cd / || exit 1

# The unit tests of the tracer.
/micropack/run-unit.sh /micropack/test_* 2>&1 | tee /tmp/unit
line=$(tail -n 1 /tmp/unit)
case $line in
*' passed, '*' failed')
	passed=$((passed + ${line%% passed*}))
	line=${line#*, }
	failed=$((failed + ${line%% failed*}))
	;;
*)
	failed=$((failed + 1))
	;;
esac

if dmesg | grep -E 'BUG:|WARNING:|Oops|soft lockup|rcu.*stall'; then
	echo "FAILED  the kernel complains"
	failed=$((failed + 1))
fi
echo "guest: $passed passed, $failed failed"
sync
reboot -f
