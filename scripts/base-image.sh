#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Make sure that the engine at DOCKER_HOST has debian:bookworm-slim: pulled where a registry answers,
# else made with debootstrap and imported. One that was made is kept in CACHE_DIR for the next engine.

set -euo pipefail

image=debian:bookworm-slim
suite=bookworm
kept=$suite-slim-2.tar # its number: what is in it has changed
pull_timeout_s=${MICROPACK_PULL_TIMEOUT:-8}

usage()
{
	cat <<END
usage: base-image.sh [CACHE_DIR]

Makes sure that the engine at DOCKER_HOST has the image debian:bookworm-slim.
CACHE_DIR (default /var/cache/micropack) keeps $kept when it had to be made.

  MICROPACK_PULL_TIMEOUT   seconds that 'docker pull' may take (8; 0 does not try)
  MICROPACK_DEBIAN_MIRROR  mirror for debootstrap
END
}

die()
{
	echo "base-image.sh: error: $*" >&2
	exit 1
}

say()
{
	echo "base-image.sh: $*" >&2
}

work=
cleanup()
{
	if [ -n "$work" ]; then
		# debootstrap unmounts these itself, unless it was interrupted.
		umount "$work/root/proc" "$work/root/sys" 2>/dev/null || true
		rm -rf --one-file-system "$work"
	fi
}

# The mirror: the user's, or one that apt has this suite from. Empty: debootstrap's own default.
mirror()
{
	local m

	if [ -n "${MICROPACK_DEBIAN_MIRROR:-}" ]; then
		echo "$MICROPACK_DEBIAN_MIRROR"
		return
	fi
	# shellcheck disable=SC2016 # apt expands $(REPO_URI), not the shell
	for m in $(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
		"Codename: $suite" 'Component: main' 2>/dev/null); do
		case $m in
		http://* | https://*)
			if curl -fsIL -m 10 -o /dev/null "${m%/}/dists/$suite/InRelease" 2>/dev/null; then
				echo "${m%/}"
				return
			fi
			;;
		esac
	done
}

# What the published slim image has beside the minimal base.
slim_down()
{
	local root=$1

	cat >"$root/etc/dpkg/dpkg.cfg.d/docker" <<-'END'
		# Documentation is of no use in a container; licences stay.
		path-exclude /usr/share/doc/*
		path-include /usr/share/doc/*/copyright
		path-exclude /usr/share/groff/*
		path-exclude /usr/share/info/*
		path-exclude /usr/share/linda/*
		path-exclude /usr/share/lintian/*
		path-exclude /usr/share/locale/*
		path-exclude /usr/share/man/*
		force-unsafe-io
	END
	cat >"$root/etc/apt/apt.conf.d/docker" <<-'END'
		DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
		Dir::Cache::pkgcache "";
		Dir::Cache::srcpkgcache "";
		Acquire::GzipIndexes "true";
		Acquire::Languages "none";
		Apt::AutoRemove::SuggestsImportant "false";
	END
	# Package scripts must not start daemons while an image is built.
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"

	find "$root/usr/share/doc" -mindepth 1 \( -type f -o -type l \) ! -name copyright -delete
	find "$root/usr/share/doc" -mindepth 1 -type d -empty -delete
	rm -rf "$root"/usr/share/{groff,info,linda,lintian,locale,man}/*
	rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/cache/debconf/*-old
	rm -rf "$root"/var/cache/ldconfig/* "$root"/var/lib/dpkg/*-old "$root"/debootstrap
	rm -f "$root"/var/cache/apt/archives/*.deb "$root"/var/log/bootstrap.log \
		"$root"/var/log/dpkg.log "$root"/var/log/alternatives.log
	rm -rf "$root"/var/log/apt/* "$root"/tmp/* "$root"/run/*

	# The host's own, copied in for the time of the bootstrap.
	: >"$root/etc/resolv.conf"
	: >"$root/etc/hostname"
}

make_tar()
{
	local cache=$1 from

	command -v debootstrap >/dev/null || die "making $image needs debootstrap: run scripts/install-deps.sh"
	[ "$(id -u)" -eq 0 ] || die "making $image with debootstrap needs root: run with sudo"

	work=$(mktemp -d "$cache/base.XXXXXX")
	mkdir -m 755 "$work/root"
	from=$(mirror)
	say "making $image with debootstrap (about half a minute, kept in $cache)"
	if ! debootstrap --variant=minbase "$suite" "$work/root" ${from:+"$from"} >"$work/log" 2>&1 </dev/null; then
		tail -n 15 "$work/log" >&2
		die "debootstrap of $suite failed: check the network, or set MICROPACK_DEBIAN_MIRROR"
	fi
	slim_down "$work/root"

	# Times in whole seconds, as in images that a builder has made: an export tells no others.
	tar --create --file "$work/base.tar" --numeric-owner --xattrs --xattrs-include='*' \
		--pax-option=delete=atime,delete=ctime,delete=mtime \
		--sort=name --one-file-system --exclude='./proc/*' --exclude='./sys/*' \
		--exclude='./dev/*' -C "$work/root" .
	mv -f "$work/base.tar" "$cache/$kept"
	cleanup
	work=
}

case ${1:-} in
--help | -h)
	usage
	exit 0
	;;
-*)
	usage >&2
	exit 2
	;;
esac
if [ $# -gt 1 ]; then
	usage >&2
	exit 2
fi

umask 022
command -v docker >/dev/null || die "the docker client is missing: run scripts/install-deps.sh"
timeout 20 docker version >/dev/null 2>&1 </dev/null ||
	die "no engine answers at ${DOCKER_HOST:-the default socket}: start one with scripts/engine.sh"

if docker image inspect "$image" >/dev/null 2>&1; then
	exit 0
fi
if [ "$pull_timeout_s" -gt 0 ] && timeout "$pull_timeout_s" docker pull -q "$image" >/dev/null 2>&1 </dev/null; then
	say "pulled $image"
	exit 0
fi

cache=${1:-/var/cache/micropack}
mkdir -p "$cache" || die "cannot make the directory '$cache'"
cache=$(cd "$cache" && pwd -P)
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Two at once would do the same work twice.
exec 9>"$cache/.base-image.lock"
flock -w 300 9 || die "another base-image.sh has been busy in '$cache' for five minutes"

if docker image inspect "$image" >/dev/null 2>&1; then
	exit 0
fi
[ -s "$cache/$kept" ] || make_tar "$cache"
docker import --change 'CMD ["bash"]' \
	--change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
	"$cache/$kept" "$image" >/dev/null ||
	die "the engine could not import '$cache/$kept'"
say "imported $image from $cache/$kept"
