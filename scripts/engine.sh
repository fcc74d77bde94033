#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Find a Docker engine, or run a private one whose every trace is under one directory.
#
# The private engine has its own bridge, addresses and containerd name space, and leaves Docker's
# iptables chains alone: dockerd empties those when it starts, and they may be another engine's.

set -euo pipefail

start_timeout_s=60
stop_timeout_s=40

usage()
{
	cat <<'END'
usage: engine.sh start DIR
       engine.sh stop DIR

start  prints the DOCKER_HOST of an engine that answers: the one that DOCKER_HOST names, else the
       machine's own, else a private dockerd that keeps everything under DIR
stop   ends the private engine of DIR and what it left; its images stay in DIR for the next start,
       the networks that were made in it do not

  MICROPACK_PRIVATE_ENGINE=1  start: do not look for an engine that is there
END
}

die()
{
	echo "engine.sh: error: $*" >&2
	exit 1
}

say()
{
	echo "engine.sh: $*" >&2
}

answers()
{
	local reply

	if command -v docker >/dev/null; then
		timeout 5 docker -H "$1" version >/dev/null 2>&1 </dev/null
		return
	fi
	[ "${1#unix://}" != "$1" ] || return 1
	reply=$(curl -s -m 5 --unix-socket "${1#unix://}" http://localhost/_ping 2>/dev/null) && [ "$reply" = OK ]
}

# ---- the private engine's names -----------------------------------------------------------------

name_everything()
{
	if ! mkdir -p "$1" 2>/dev/null || ! dir=$(cd "$1" && pwd -P); then
		die "cannot make the directory '$1'"
	fi
	case $dir in
	*[:,]*) die "the directory '$dir' has a ':' or ',' in its name, which dockerd cannot use" ;;
	esac
	id=$(printf '%s' "$dir" | sha256sum | cut -c 1-10)
	data=$dir/data
	log=$dir/dockerd.log
	pidfile=$dir/dockerd.pid
	bridge=mp-$id
	namespace=micropack-$id

	# A socket's path has at most 107 bytes, and containerd makes some below the exec root.
	run=$dir
	short=
	if [ ${#dir} -gt 64 ] || [[ $dir == *[!A-Za-z0-9_./-]* ]]; then
		run=/run/micropack-$id
		short=1
	fi
	exec_root=$run/exec
	socket=$run/docker.sock
}

# The PID of DIR's dockerd, if it lives. A PID file may be stale and its PID somebody else's.
private_pid()
{
	local pid argv i

	pid=$(cat "$pidfile" 2>/dev/null) || return 1
	[[ $pid =~ ^[0-9]+$ ]] || return 1
	mapfile -d '' -t argv 2>/dev/null <"/proc/$pid/cmdline" || return 1
	# A zombie has no arguments.
	[ ${#argv[@]} -gt 0 ] && [ "${argv[0]##*/}" = dockerd ] || return 1
	for ((i = 1; i < ${#argv[@]}; i++)); do
		if [ "${argv[i - 1]}" = --data-root ] && [ "${argv[i]}" = "$data" ]; then
			echo "$pid"
			return 0
		fi
	done
	return 1
}

lock()
{
	exec 9>"$dir/.engine.lock"
	flock -w 120 9 || die "another engine.sh has been busy in '$dir' for two minutes"
}

# ---- network ------------------------------------------------------------------------------------

to_int()
{
	local a b c d

	IFS=. read -r a b c d <<<"$1"
	echo $(((${a:-0} << 24) + (${b:-0} << 16) + (${c:-0} << 8) + ${d:-0}))
}

# Does a route other than the default one overlap $1, a /16?
overlaps_route()
{
	local want to len bits

	want=$(to_int "$1")
	while read -r to; do
		len=32
		[[ $to == */* ]] && len=${to#*/}
		[ "$len" -lt 16 ] || len=16
		bits=$((0xffffffff << (32 - len) & 0xffffffff))
		if [ $(($(to_int "${to%/*}") & bits)) -eq $((want & bits)) ]; then
			return 0
		fi
	done < <(ip -4 route show | awk '$1 ~ /^[0-9]/ { print $1 }')
	return 1
}

choose_subnet()
{
	local start i candidate

	start=$((0x${id:0:6}))
	for ((i = 0; i < 128; i++)); do
		candidate=10.$((64 + (start + i) % 128)).0.0
		overlaps_route "$candidate" || break
		candidate=
	done
	for ((i = 0; i < 16 && ${#candidate} == 0; i++)); do
		candidate=172.$((31 - i)).0.0
		overlaps_route "$candidate" || break
		candidate=
	done
	[ -n "$candidate" ] || die "no free private network is left on this machine"
	echo "${candidate%.0.0}"
}

rule()
{
	iptables -w "$@" -m comment --comment "$namespace" 2>>"$log"
}

network_up()
{
	command -v ip >/dev/null || die "the ip command is missing: run scripts/install-deps.sh"
	network_down
	net=$(choose_subnet)
	if ! ip link add name "$bridge" type bridge 2>>"$log" ||
		! ip addr add "$net.0.1/17" dev "$bridge" 2>>"$log" ||
		! ip link set "$bridge" up 2>>"$log"; then
		die "cannot make the network bridge '$bridge': see $log"
	fi
	if ! rule -t nat -I POSTROUTING -s "$net.0.0/16" ! -d "$net.0.0/16" -j MASQUERADE ||
		! rule -I FORWARD -s "$net.0.0/16" -j ACCEPT ||
		! rule -I FORWARD -d "$net.0.0/16" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; then
		say "warning: iptables refused a rule, so containers will not reach outside networks: see $log"
	fi
}

network_down()
{
	local table line
	local -a words

	if command -v iptables >/dev/null; then
		for table in nat filter; do
			while read -r line; do
				read -r -a words <<<"$line"
				iptables -w -t $table -D "${words[@]:1}" || true
			done < <(iptables -w -t $table -S 2>/dev/null | grep -- "--comment \"\?$namespace\"\? ")
		done
	fi
	# The bridges of the networks that its user made.
	for line in "$bridge" $(grep -aoE '"BridgeName":"br-[0-9a-f]{12}"' "$data/network/files/local-kv.db" \
		2>/dev/null | cut -d '"' -f 4 | sort -u); do
		if [ -e "/sys/class/net/$line" ]; then
			ip link delete "$line" || true
		fi
	done
	# A dockerd with an address pool of its own that finds its former default network here deletes
	# docker0, whosoever that is (daemon/daemon_unix.go: "clear stale bridge network").
	rm -rf "$data/network"
}

# ---- what an engine leaves ----------------------------------------------------------------------

# containerd and its shims name the exec root or the name space in their command lines.
leftover_pids()
{
	local p argv

	for p in /proc/[0-9]*; do
		argv=$(tr '\0' ' ' 2>/dev/null <"$p/cmdline") || continue
		case $argv in
		*containerd*"$exec_root/containerd/"* | *containerd-shim*" $namespace "*) echo "${p#/proc/}" ;;
		esac
	done
}

kill_leftovers()
{
	local pid child try
	local -a pids children

	for ((try = 0; try < 50; try++)); do
		mapfile -t pids < <(leftover_pids)
		[ ${#pids[@]} -gt 0 ] || return 0
		for pid in "${pids[@]}"; do
			# A shim's children are its containers' first processes.
			case $(cat "/proc/$pid/comm" 2>/dev/null) in
			containerd-shim*)
				read -r -d '' -a children < <(cat "/proc/$pid/task/"*/children 2>/dev/null) || true
				for child in "${children[@]}"; do
					kill -KILL "$child" 2>/dev/null || true
				done
				;;
			esac
			if [ $try -lt 20 ]; then
				kill -TERM "$pid" 2>/dev/null || true
			else
				kill -KILL "$pid" 2>/dev/null || true
			fi
		done
		sleep 0.1
	done
	return 1
}

# Mount points under $1, the deepest first.
mounts_under()
{
	local point

	while read -r point; do
		printf -v point '%b' "$point"
		case $point in
		"$1"/*) printf '%s\n' "$point" ;;
		esac
	done < <(awk '{ print $5 }' /proc/self/mountinfo) | tac
}

unmount_under()
{
	local point

	while read -r point; do
		umount "$point" 2>/dev/null || umount -l "$point" 2>/dev/null || true
	done < <(mounts_under "$1")
	[ -z "$(mounts_under "$1")" ]
}

clear_leftovers()
{
	kill_leftovers || die "processes of the private engine in '$dir' do not end: $(leftover_pids | tr '\n' ' ')"
	unmount_under "$dir" || die "cannot unmount what is mounted under '$dir'"
	if [ -n "$short" ]; then
		unmount_under "$run" || die "cannot unmount what is mounted under '$run'"
		rm -rf --one-file-system "$run"
	fi
	rm -rf --one-file-system "$exec_root"
	rm -f "$socket" "$pidfile"
	network_down
}

# ---- start and stop -----------------------------------------------------------------------------

launch()
{
	(
		# Nothing of the caller's may be held open: a pipe's reader would wait for dockerd.
		for fd in /proc/self/fd/*; do
			fd=${fd##*/}
			case $fd in
			0 | 1 | 2 | 255) ;;
			*) eval "exec $fd>&-" ;;
			esac
		done
		cd /
		umask 022
		exec setsid dockerd --config-file "$dir/daemon.json" --data-root "$data" --exec-root "$exec_root" \
			--pidfile "$pidfile" -H "unix://$socket" --bridge "$bridge" --iptables=false \
			--default-address-pool "base=$net.128.0/17,size=24" \
			--containerd-namespace "$namespace" --containerd-plugins-namespace "$namespace-plugins"
	) </dev/null >>"$log" 2>&1 &
	launched=$!
}

give_up()
{
	say "the last lines of $log:"
	tail -n 8 "$log" >&2
	stop_engine
	die "$1"
}

wait_until_it_answers()
{
	local deadline=$((SECONDS + start_timeout_s))

	until answers "unix://$socket"; do
		if [ -n "${launched:-}" ] && ! kill -0 "$launched" 2>/dev/null; then
			give_up "the private engine in '$dir' ended at once"
		fi
		if [ $SECONDS -ge $deadline ]; then
			give_up "the private engine in '$dir' does not answer after $start_timeout_s s"
		fi
		sleep 0.2
	done
}

start_engine()
{
	if private_pid >/dev/null; then
		wait_until_it_answers
		return
	fi

	command -v dockerd >/dev/null ||
		die "no engine answers, and dockerd is not installed to start one: run scripts/install-deps.sh"
	: >"$log"
	clear_leftovers
	if [ -n "$short" ]; then
		mkdir -m 700 "$run" || die "cannot make the directory '$run'"
	fi
	# /etc/docker/daemon.json is for the machine's own engine.
	echo '{}' >"$dir/daemon.json"
	network_up
	launch
	wait_until_it_answers
}

stop_engine()
{
	local pid i

	if pid=$(private_pid); then
		kill -TERM "$pid" 2>/dev/null || true
		for ((i = 0; i < stop_timeout_s * 10; i++)); do
			private_pid >/dev/null || break
			sleep 0.1
		done
		if private_pid >/dev/null; then
			say "warning: dockerd (PID $pid) does not end by itself after $stop_timeout_s s: killed"
			kill -KILL "$pid" 2>/dev/null || true
			sleep 0.5
		fi
	fi
	clear_leftovers
}

case ${1:-} in
--help | -h)
	usage
	exit 0
	;;
esac
if [ $# -ne 2 ] || [ -z "$2" ]; then
	usage >&2
	exit 2
fi

PATH=$PATH:/usr/sbin:/sbin
case $1 in
start)
	if [ "${MICROPACK_PRIVATE_ENGINE:-}" != 1 ]; then
		if [ -n "${DOCKER_HOST:-}" ]; then
			if answers "$DOCKER_HOST"; then
				echo "$DOCKER_HOST"
				exit 0
			fi
			say "warning: no engine answers at DOCKER_HOST=$DOCKER_HOST"
		fi
		if answers unix:///var/run/docker.sock; then
			echo unix:///var/run/docker.sock
			exit 0
		fi
	fi
	[ "$(id -u)" -eq 0 ] || die "no engine answers, and starting a private one needs root: run with sudo"
	name_everything "$2"
	lock
	start_engine
	echo "unix://$socket"
	;;
stop)
	if [ ! -d "$2" ]; then
		exit 0
	fi
	[ "$(id -u)" -eq 0 ] || die "stopping a private engine needs root: run with sudo"
	name_everything "$2"
	lock
	stop_engine
	;;
*)
	usage >&2
	exit 2
	;;
esac
