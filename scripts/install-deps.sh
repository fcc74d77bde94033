#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Install through apt what building, testing and demonstrating micropack needs.
# Installs only what is missing; when nothing is, it touches neither network nor package lists.

set -euo pipefail

usage()
{
	cat <<'END'
usage: install-deps.sh [--kernels] [--fuzz] [--bench] [--list]

Installs the missing packages that micropack is built and tested with (Debian 12, Ubuntu 24.04).
  --kernels   also what booting other kernels needs (make check-kernels)
  --fuzz      also what fuzzing needs (make fuzz)
  --bench     also what measuring uses (make bench)
  --list      print the names of all of them for this distribution, one per line, and exit
  --help      this text
END
}

die()
{
	echo "install-deps.sh: error: $*" >&2
	exit 1
}

os_field()
{
	# shellcheck disable=SC1091
	(. /etc/os-release && eval "printf '%s' \"\${$1:-}\"")
}

# "a|b" in the lists below: b does as well, a is installed when neither is there.
packages()
{
	local id version

	id=$(os_field ID)
	version=$(os_field VERSION_ID)

	# libc6-dev and linux-libc-dev are only recommended by gcc and clang.
	printf '%s\n' gcc libc6-dev linux-libc-dev make 'pkg-config|pkgconf' clang
	printf '%s\n' libbpf-dev libelf-dev libarchive-dev zlib1g-dev libzstd-dev \
		'libcurl4-openssl-dev|libcurl4-gnutls-dev|libcurl4-nss-dev' libssl-dev libjansson-dev \
		libsqlite3-dev \
		libcriterion-dev

	case $id in
	ubuntu)
		# 24.04 has bpftool as /usr/lib/linux-tools/*/bpftool; later ones have the package.
		if [ "${version%%.*}" -ge 25 ] 2>/dev/null; then
			echo bpftool
		else
			printf '%s\n' linux-tools-common linux-tools-generic
		fi
		;;
	*)
		echo bpftool
		;;
	esac

	# The engine and what a private one, its base image and the samples' tests need.
	echo docker.io
	if [ "$id" = debian ] && [ "${version%%.*}" -ge 13 ] 2>/dev/null; then
		echo docker-cli
	fi
	printf '%s\n' iptables iproute2 debootstrap debian-archive-keyring ca-certificates curl

	# Docker refuses to start a container on a kernel with AppArmor when the parser is missing.
	if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; then
		echo apparmor
	fi

	# Tests of 32-bit calls: a C library for them. Tests of musl's loader: Debian's musl.
	if [ "$(dpkg --print-architecture)" = amd64 ]; then
		echo gcc-multilib
	fi
	echo musl-tools

	printf '%s\n' strace valgrind attr libarchive-tools libcap2-bin docker-registry jq mandoc procps \
		skopeo zstd faketime rpm time

	if [ -n "$kernels" ]; then
		printf '%s\n' qemu-system-x86 cpio busybox-static binutils
	fi
	# gcc brings its own sanitizer runtimes, clang does not; libFuzzer is with them.
	if [ -n "$fuzz" ]; then
		echo libclang-rt-dev
	fi
	if [ -n "$bench" ]; then
		printf '%s\n' strace bpftrace wrk redis-tools binutils libtree pax-utils python3-pyelftools
	fi
}

is_installed()
{
	local name names

	IFS='|' read -r -a names <<<"$1"
	for name in "${names[@]}"; do
		if [ "$(dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | head -n 1)" = installed ]; then
			return 0
		fi
	done

	# An engine that came from elsewhere (docker-ce) must not be replaced.
	case $1 in
	docker.io) PATH=$PATH:/usr/sbin:/sbin command -v dockerd >/dev/null ;;
	docker-cli) command -v docker >/dev/null ;;
	*) return 1 ;;
	esac
}

has_candidate()
{
	# Not "grep -q": it would close the pipe on apt-cache.
	apt-cache policy "$1" 2>/dev/null | grep '^  Candidate: [^(]' >/dev/null
}

apt_get()
{
	apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@" </dev/null >&2
}

# Without systemd, invoke-rc.d would run init scripts and leave daemons behind.
# Where nothing regulates that yet, say no for the time of the installation.
policy=/usr/sbin/policy-rc.d
policy_is_ours=
forbid_services()
{
	if [ -d /run/systemd/system ] || [ -e $policy ] || [ -L $policy ]; then
		return
	fi
	policy_is_ours=1
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
}

cleanup()
{
	if [ -n "$policy_is_ours" ]; then
		rm -f $policy
	fi
}

list=
kernels=
fuzz=
bench=
for option in "$@"; do
	case $option in
	--list) list=1 ;;
	--kernels) kernels=1 ;;
	--fuzz) fuzz=1 ;;
	--bench) bench=1 ;;
	--help | -h)
		usage
		exit 0
		;;
	*)
		usage >&2
		exit 2
		;;
	esac
done

[ -r /etc/os-release ] || die "cannot read /etc/os-release: which distribution is this?"
if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	die "this system ($(os_field ID)) has no apt: install by hand what 'install-deps.sh' names in its source"
fi

mapfile -t wanted < <(packages)

if [ -n "$list" ]; then
	printf '%s\n' "${wanted[@]%%|*}"
	exit 0
fi

missing=()
for package in "${wanted[@]}"; do
	is_installed "$package" || missing+=("${package%%|*}")
done
if [ ${#missing[@]} -eq 0 ]; then
	exit 0
fi

[ "$(id -u)" -eq 0 ] || die "installing ${missing[*]} needs root: run with sudo"

export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
forbid_services

echo "install-deps.sh: installing ${missing[*]}" >&2
updated=
for package in "${missing[@]}"; do
	if ! has_candidate "$package"; then
		# One unreachable third-party source must not stop us: the next check decides.
		apt_get update || true
		updated=1
		break
	fi
done
for package in "${missing[@]}"; do
	has_candidate "$package" || die "apt knows no package '$package': check the network and apt's sources (Ubuntu: enable universe)"
done

if ! apt_get install --no-install-recommends "${missing[@]}"; then
	# Old lists name versions that the mirror has dropped.
	[ -z "$updated" ] || die "apt-get could not install ${missing[*]}: see its messages above"
	apt_get update || true
	apt_get install --no-install-recommends "${missing[@]}" ||
		die "apt-get could not install ${missing[*]}: see its messages above"
fi
