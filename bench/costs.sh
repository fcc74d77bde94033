#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What tracing costs those who are traced and those who are not, as ratios inside one run: part of
# `make bench`. Needs root, the samples, and an engine on this host at DOCKER_HOST.
#
# The method. One container runs and does nothing; a load is started in it by `docker exec`, through
# bench/measure, which is in the container and takes the time from fork to wait there: nothing of
# the engine is in it. By turns micropack is not there, or armed for the container (trace
# --container ID --attach): anew for each run, so that nothing is known to the tracer already. The
# first run of a load only warms up the caches. Each trace must have the load in it, or there is no
# figure. A ratio is that of the medians; beside it is that of the least times, which differs where
# the machine was busy with something else.
#
# Other tracers get the same loads:
#
#   strace    By -p it would not reach what `docker exec` starts, and it has --seccomp-bpf only for
#             what it starts itself. So strace, on the host, starts nsenter, which enters the
#             container's namespaces and runs measure and the load there; its own start is not in
#             the time. What is run so is not under the engine's seccomp filter, which makes every
#             system call slower: it is compared with the same run without strace.
#   bpftrace  Records opens only, of the whole host. Armed or not as micropack is.
#
# A fact about the kernel that explains most of what others than the traced pay: tracepoints of
# system calls cost nothing while nobody uses any. With the first user, of whichever call, the
# kernel sets a flag in each thread of the host (kernel/tracepoint.c, syscall_regfunc()), and with
# it every system call begins and ends by the slow way, even where a program does nothing at all.
# On a virtual machine with Linux 6.18 that was about 100 ns a call for a program on sys_exit, which
# is for all calls, and more than half of it for one on the tracepoint of openat alone: the choice of
# sys_exit costs the rest. The table of getppid says it for this machine; nobody else may use a
# tracepoint of system calls meanwhile.
#
# In the environment: ROUNDS (5), COMPARE_ROUNDS (2: of the other tracers), STORM ("64 100000":
# processes, and files of each), PARTS (loads compare calls servers memory storm), MICROPACK.
set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C # numbers have a point
micropack=${MICROPACK:-build/release/micropack}
rounds=${ROUNDS:-5}
compare_rounds=${COMPARE_ROUNDS:-2}
storm=${STORM:-64 100000}
work=$(mktemp -d)
containers=()
helper= # the one tracer that runs beside us

cleanup()
{
	# By SIGTERM: a shell's background jobs ignore SIGINT, and micropack leaves that so.
	[ -z "$helper" ] || { kill "$helper" && wait "$helper"; } 2>/dev/null || true
	[ ${#containers[@]} -eq 0 ] || docker rm -f "${containers[@]}" >/dev/null 2>&1 || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

die()
{
	echo "bench: $*" >&2
	exit 1
}

note()
{
	echo "  note: $*"
}

median()
{
	sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

least()
{
	sort -n "$1" | head -n 1
}

greatest()
{
	sort -n "$1" | tail -n 1
}

ratio()
{
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'
}

# ratio_of FILE FILE: of the medians of what was measured; "-" where it was not.
ratio_of()
{
	if [ -s "$work/$1" ]; then
		ratio "$(median "$work/$1")" "$(median "$work/$2")"
	else
		echo -
	fi
}

# ---- loads ---------------------------------------------------------------------------------------

loads='find true python dd stats other-stats threads openclose'

load_title()
{
	case $1 in
	find) echo 'find + cat: /usr /etc /lib /var' ;;
	true) echo '2,000 x /bin/true' ;;
	python) echo 'python imports 200 modules' ;;
	dd) echo 'dd bs=1 count=300k' ;;
	stats) echo '200k failing stats' ;;
	other-stats) echo '  each of another name' ;;
	threads) echo '8 threads x 2,000 opens' ;;
	openclose) echo '500k x open, close of a file' ;;
	esac
}

load_aim()
{
	case $1 in
	openclose) echo 1.5 ;;
	other-stats) echo - ;;
	*) echo 1.10 ;;
	esac
}

# The load, for sh in the container.
load_command()
{
	case $1 in
	find) echo 'find /usr/ /etc/ /lib/ /var/ -xdev -type f -exec cat {} + >/dev/null' ;;
	true) echo 'i=0; while [ $i -lt 2000 ]; do /bin/true; i=$((i + 1)); done' ;;
	python) echo 'exec python3 -W ignore /bench/imports.py' ;;
	dd) echo 'exec dd if=/dev/zero of=/dev/null bs=1 count=300k status=none' ;;
	stats) echo 'exec /bench/loads stats 200000 1000' ;;
	other-stats) echo 'exec /bench/loads stats 200000 200000' ;;
	threads) echo 'exec /bench/loads opens 8 2000' ;;
	openclose) echo 'exec /bench/loads openclose 500000' ;;
	esac
}

# The program that a trace of the load must have.
load_program()
{
	case $1 in
	find) echo /usr/bin/cat ;;
	true) echo /usr/bin/true ;;
	python) echo /usr/bin/python3 ;;
	dd) echo /usr/bin/dd ;;
	*) echo /bench/loads ;;
	esac
}

# measured COMMAND...: the milliseconds that measure, which is in it, says on standard error.
measured()
{
	"$@" >/dev/null 2>"$work/errors" || die "'$*' failed: $(tail -n 3 "$work/errors")"
	grep -E '^[0-9.]+ [0-9]+$' "$work/errors" | tail -n 1 | cut -d ' ' -f 1 | grep . ||
		die "'$*' was not measured: $(tail -n 3 "$work/errors")"
}

in_container()
{
	measured docker exec "$idle" /bench/measure sh -c "$(load_command "$1")"
}

start_idle()
{
	idle=$(docker run -d --network none --user 0 --entrypoint sleep -v "$work/bin:/bench:ro" \
		micropack-sample/flask infinity)
	containers+=("$idle")
	idle_pid=$(docker inspect -f '{{.State.Pid}}' "$idle")
}

# ---- tracers -------------------------------------------------------------------------------------

# Programs on tracepoints, other than ours: they cost every system call of either side.
warn_of_others()
{
	local bpftool n

	bpftool=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v bpftool) || return 0
	sleep 0.5 # the kernel keeps programs for a moment after their end
	n=$("$bpftool" prog show 2>/dev/null |
		grep -cE '^[0-9]+: (tracing|raw_tracepoint|tracepoint) ') || true
	[ "${n:-0}" -eq 0 ] ||
		note "others trace here ($n programs on tracepoints): what is native may not be"
}

# await COMMAND...: until it succeeds or the helper has ended.
await()
{
	local try

	for ((try = 0; try < 300; try++)); do
		"$@" && return 0
		kill -0 "$helper" 2>/dev/null || break
		sleep 0.1
	done
	die "a tracer did not start: $(tail -n 3 "$work/helper.err" 2>&1)"
}

is_following()
{
	grep -qs '^micropack: following' "$work/helper.err"
}

# arm CONTAINER
arm()
{
	# What the one before has said must be gone at once, not when the next begins.
	rm -f "$work/trace.jsonl" "$work/helper.err"
	"$micropack" trace --container "$1" --attach -o "$work/trace.jsonl" \
		>/dev/null 2>"$work/helper.err" &
	helper=$!
	await is_following
}

# disarm PROGRAM: the trace must have it.
disarm()
{
	local pid=$helper lost

	kill "$pid"
	wait "$pid" || die "micropack failed: $(tail -n 3 "$work/helper.err")"
	helper=
	grep -qF "\"real\":\"$1\"" "$work/trace.jsonl" || grep -qF "\"path\":\"$1\"" "$work/trace.jsonl" ||
		die "the traced load is not in the trace: $1"
	lost=$(trailer_losses "$work/trace.jsonl")
	[ -z "$lost" ] || echo "$lost" >>"$work/losses"
}

trailer_count()
{
	tail -n 1 "$1" | sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p"
}

# What the trace lacks, in words; nothing when it is complete.
trailer_losses()
{
	local name n

	for name in dropped truncated unread untracked; do
		n=$(trailer_count "$1" $name)
		[ "$n" = 0 ] || echo "${n:-?} $name"
	done | paste -s -d ,
}

say_losses()
{
	[ -s "$work/losses" ] || return 0
	note "traces that are incomplete: $(sort "$work/losses" | uniq -c | awk '{ $1 = $1 " x"; print }' |
		paste -s -d ';')"
	rm "$work/losses"
}

# ---- what is traced ------------------------------------------------------------------------------

measure_loads()
{
	local load round

	echo "== traced loads, in one container, by turns: median (least) of $rounds, ms"
	warn_of_others
	printf '%-34s %19s %19s %6s %7s  %s\n' load native traced ratio 'of least' aim
	for load in $loads; do
		in_container "$load" >/dev/null
		for ((round = 0; round < rounds; round++)); do
			in_container "$load" >>"$work/native.$load"
			arm "$idle"
			in_container "$load" >>"$work/traced.$load"
			disarm "$(load_program "$load")"
		done
		print_load "$load"
	done
	say_losses
}

print_load()
{
	local n=$work/native.$1 t=$work/traced.$1

	printf '%-34s %8.1f (%8.1f) %8.1f (%8.1f) %6s %7s   %s\n' "$(load_title "$1")" \
		"$(median "$n")" "$(least "$n")" "$(median "$t")" "$(least "$t")" \
		"$(ratio "$(median "$t")" "$(median "$n")")" "$(ratio "$(least "$t")" "$(least "$n")")" \
		"$(load_aim "$1")"
}

# by_nsenter LOAD TRACER...: the tracer starts it.
by_nsenter()
{
	local load=$1

	shift
	measured "$@" nsenter -t "$idle_pid" -m -p -u -i -n -- \
		/bench/measure sh -c "$(load_command "$load")"
}

# An attached tracepoint is one file descriptor: there are some, and as many as half a second ago.
bpftrace_is_attached()
{
	local before now

	before=$(find "/proc/$helper/fd" -lname '*perf_event*' 2>/dev/null | wc -l)
	sleep 0.5
	now=$(find "/proc/$helper/fd" -lname '*perf_event*' 2>/dev/null | wc -l)
	[ "$before" -gt 4 ] && [ "$before" -eq "$now" ]
}

# bpftrace asks for unlimited locked memory and complains where that is not allowed. Nothing follows
# from it since Linux 5.11, which counts a program's memory elsewhere.
arm_bpftrace()
{
	BPFTRACE_STRLEN=200 bpftrace -e '
		tracepoint:syscalls:sys_enter_open,
		tracepoint:syscalls:sys_enter_openat { @name[tid] = args->filename; }
		tracepoint:syscalls:sys_exit_open,
		tracepoint:syscalls:sys_exit_openat /@name[tid]/ {
			printf("%d %s %d %s\n", pid, comm, args->ret, str(@name[tid]));
			delete(@name[tid]);
		}' >"$work/bpftrace.out" 2>"$work/helper.err" &
	helper=$!
	await bpftrace_is_attached
}

disarm_bpftrace()
{
	local pid=$helper

	kill "$pid"
	wait "$pid" || die "bpftrace failed: $(tail -n 3 "$work/helper.err")"
	helper=
	grep -qF ' measure ' "$work/bpftrace.out" || grep -qF ld.so.cache "$work/bpftrace.out" ||
		note "bpftrace recorded nothing of the load"
	cat "$work/bpftrace.out" "$work/helper.err" | sed -n 's/.*Lost \([0-9]*\) events.*/\1/p' >>"$work/bpftrace.lost"
}

# Says why bpftrace cannot run here; nothing where it can.
bpftrace_trouble()
{
	command -v bpftrace >/dev/null || {
		echo 'it is not installed'
		return
	}
	bpftrace -e 'tracepoint:syscalls:sys_enter_openat { exit(); } interval:s:1 { exit(); }' \
		>"$work/bpftrace.try" 2>&1 || tail -n 1 "$work/bpftrace.try"
}

compare_load()
{
	local load=$1 round

	in_container "$load" >/dev/null
	for ((round = 0; round < compare_rounds; round++)); do
		by_nsenter "$load" >>"$work/nsenter.$load"
		by_nsenter "$load" strace -f -qq -e trace=file -o "$work/strace.log" \
			>>"$work/strace.$load"
		by_nsenter "$load" strace -f --seccomp-bpf -qq -e trace=file -o "$work/strace.log" \
			>>"$work/seccomp.$load"
		in_container "$load" >>"$work/exec.$load"
		[ -z "$can_bpftrace" ] || {
			arm_bpftrace
			in_container "$load" >>"$work/bpftrace.$load"
			disarm_bpftrace
		}
	done
}

compare_others()
{
	local load trouble can_bpftrace=1

	echo "== the same loads under other tracers: ratio of medians of $compare_rounds"
	warn_of_others
	trouble=$(bpftrace_trouble)
	[ -z "$trouble" ] || {
		can_bpftrace=
		note "bpftrace cannot run here: $trouble"
	}
	printf '%-34s %9s %13s %13s %10s\n' load micropack 'strace file' '--seccomp-bpf' bpftrace
	: >"$work/bpftrace.lost"
	for load in $loads; do
		compare_load "$load"
		printf '%-34s %9s %13s %13s %10s\n' "$(load_title "$load")" \
			"$(ratio_of "traced.$load" "native.$load")" \
			"$(ratio_of "strace.$load" "nsenter.$load")" \
			"$(ratio_of "seccomp.$load" "nsenter.$load")" \
			"$(ratio_of "bpftrace.$load" "exec.$load")"
	done
	note "bpftrace records opens alone, and lost $(awk '{ n += $1 } END { print n + 0 }' \
		"$work/bpftrace.lost") of them"
}

# ---- what is not traced --------------------------------------------------------------------------

calls=5000000

getppid()
{
	measured "$work/bin/measure" "$work/bin/loads" getppid $calls
}

# with_hook KIND
with_hook()
{
	local ms

	coproc HOOK { exec "$work/bin/hook" "$1" 2>"$work/hook.err"; }
	# shellcheck disable=SC2153
	local pid=$HOOK_PID to=${HOOK[1]} line=
	read -r line <&"${HOOK[0]}" || true
	[ "$line" = ready ] || die "the empty program: $(cat "$work/hook.err")"
	ms=$(getppid)
	exec {to}>&-
	wait "$pid" || true
	echo "$ms"
}

print_call()
{
	local native=$work/getppid.native file=$work/getppid.$2

	printf '%-42s %8.1f (%6.1f) %6s %9s   %s\n' "$1" \
		"$(awk -v ms="$(median "$file")" -v n=$calls 'BEGIN { print ms * 1e6 / n }')" \
		"$(awk -v ms="$(least "$file")" -v n=$calls 'BEGIN { print ms * 1e6 / n }')" \
		"$(ratio "$(median "$file")" "$(median "$native")")" \
		"$(ratio "$(least "$file")" "$(least "$native")")" "$3"
}

measure_calls()
{
	local round

	echo "== a call that names no path (getppid) of a process that is not traced, by turns:" \
		"median (least) of $rounds, ns"
	warn_of_others
	getppid >/dev/null
	for ((round = 0; round < rounds; round++)); do
		getppid >>"$work/getppid.native"
		arm "$idle"
		getppid >>"$work/getppid.armed"
		# To see that it was armed.
		docker exec "$idle" /bin/true
		disarm /usr/bin/true
		with_hook raw >>"$work/getppid.raw"
		with_hook call >>"$work/getppid.call"
	done
	printf '%-42s %17s %6s %9s   %s\n' '' ns ratio 'of least' aim
	print_call 'nobody traces' native -
	print_call 'micropack is armed for a container' armed 1.7
	print_call 'an empty program on sys_exit' raw -
	print_call 'an empty program on sys_exit_openat' call -
	warn_of_others
	note "an empty program costs each call of the host $(awk -v a="$(median "$work/getppid.raw")" \
		-v b="$(median "$work/getppid.native")" -v n=$calls 'BEGIN { printf "%.0f", (a - b) * 1e6 / n }') ns"
}

# ---- servers -------------------------------------------------------------------------------------

# start_server NAME PORT: $server and $address
start_server()
{
	local try port=$2

	server=$(docker run -d "micropack-sample/$1")
	containers+=("$server")
	address=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$server")
	for ((try = 0; try < 100; try++)); do
		(exec 3<>"/dev/tcp/$address/$port") 2>/dev/null && return 0
		sleep 0.1
	done
	die "the $1 sample does not answer at $address:$port"
}

# Requests a second, by a client on this host that talks to the container itself.
rate()
{
	case $1 in
	redis) redis-benchmark -h "$address" -t get -n 200000 -c 50 -q |
		tr '\r' '\n' | sed -n 's/^GET: \([0-9.]*\) requests per second.*/\1/p' | tail -n 1 ;;
	nginx) wrk -t 2 -c 32 -d 4s "http://$address/" | sed -n 's|^Requests/sec: *\([0-9.]*\)$|\1|p' ;;
	esac
}

# measure_server NAME PORT PROGRAM TITLE: its traces must have the program, or a file that it serves.
measure_server()
{
	local name=$1 program=$3 round file n t

	start_server "$name" "$2"
	rate "$name" >/dev/null
	for ((round = 0; round < rounds; round++)); do
		rate "$name" >>"$work/$name.native"
		arm "$server"
		rate "$name" >>"$work/$name.traced"
		disarm "$program"
	done
	docker rm -f "$server" >/dev/null
	n=$work/$name.native
	t=$work/$name.traced
	for file in "$n" "$t"; do
		[ "$(wc -l <"$file")" -eq "$rounds" ] || die "the $name benchmark gave no figure"
	done
	printf '%-34s %8.0f (%8.0f) %8.0f (%8.0f) %6s %7s   %s\n' "$4" \
		"$(median "$n")" "$(greatest "$n")" "$(median "$t")" "$(greatest "$t")" \
		"$(ratio "$(median "$n")" "$(median "$t")")" \
		"$(ratio "$(greatest "$n")" "$(greatest "$t")")" 1.02
}

measure_servers()
{
	echo "== servers, attached while they run, by turns: median (greatest) of $rounds, requests a second"
	warn_of_others
	printf '%-34s %19s %19s %6s %7s  %s\n' load native traced ratio 'of best' aim
	measure_server redis 6379 /usr/bin/redis-check-rdb 'redis-benchmark: GET'
	measure_server nginx 80 /srv/www/index.html 'wrk: a page of nginx'
	say_losses
}

# ---- the tracer itself ---------------------------------------------------------------------------

measure_memory()
{
	local kib

	echo "== the tracer's peak memory"
	"$work/bin/measure" "$micropack" trace -q micropack-sample/nginx --tests samples/nginx/tests.sh \
		-o "$work/nginx.jsonl" >/dev/null 2>"$work/errors" ||
		die "tracing the nginx sample failed: $(tail -n 3 "$work/errors")"
	kib=$(tail -n 1 "$work/errors" | cut -d ' ' -f 2)
	printf '%-34s %6d KiB  (at most 32768)\n' 'nginx sample, or a test of it' "$kib"
}

# storm_under NAME OPTION...
storm_under()
{
	local name=$1 file=$work/storm.jsonl seconds ms kib

	shift
	rm -f "$file"
	# shellcheck disable=SC2086
	seconds=$("$work/bin/measure" "$micropack" trace -q "$@" -o "$file" -- \
		"$work/bin/storm" $storm 2>"$work/errors" | head -n 1)
	[ -s "$file" ] || die "tracing the storm failed: $(tail -n 3 "$work/errors")"
	read -r ms kib < <(tail -n 1 "$work/errors")
	printf '%-22s %8.2f %8.2f %10d %9d %8d  %s\n' "$name" "$seconds" \
		"$(awk -v ms="$ms" 'BEGIN { print ms / 1000 }')" \
		"$(grep -c '"path":"/nonexistent-storm/' "$file")" "$(trailer_count "$file" dropped)" \
		$((kib / 1024)) "$(trailer_losses "$file" | sed 's/^$/complete/; s/^[0-9?]/incomplete: &/')"
	rm -f "$file"
}

measure_storm()
{
	# shellcheck disable=SC2086
	set -- $storm
	echo "== a storm: $1 processes open $2 files each, no two the same: $(($1 * $2)) events"
	warn_of_others
	printf '%-22s %8s %8s %10s %9s %8s\n' '' seconds 'in all' recorded dropped 'peak MiB'
	printf '%-22s %8.2f\n' untraced "$("$work/bin/storm" "$1" "$2")"
	storm_under 'default buffer'
	storm_under '--buffer-size 256M' --buffer-size 256M
}

# ---- all of it -----------------------------------------------------------------------------------

for program in measure loads storm hook; do
	mkdir -p "$work/bin"
	cc -O2 -std=gnu11 -D_GNU_SOURCE -static -pthread -o "$work/bin/$program" bench/$program.c
done
cp bench/imports.py "$work/bin"
chmod -R go+rX "$work"
start_idle
for part in ${PARTS:-loads compare calls servers memory storm}; do
	case $part in
	loads) measure_loads ;;
	compare) compare_others ;;
	calls) measure_calls ;;
	servers) measure_servers ;;
	memory) measure_memory ;;
	storm) measure_storm ;;
	*) die "PARTS: there is no '$part'" ;;
	esac
done
