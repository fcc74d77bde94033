#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Make sure that the cache has Debian's kernels of the named series (5.10, 6.1 …), each as
# CACHE_DIR/SERIES/vmlinuz with its package's name and version beside it in CACHE_DIR/SERIES/package.

set -euo pipefail

suites='bullseye bookworm trixie'
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

usage()
{
	cat <<'END'
usage: fetch.sh CACHE_DIR SERIES...

Downloads Debian's newest kernels of these series into CACHE_DIR, those that it does not have yet.
Exit status 1: at least one cannot be had; stderr says which, and why.

  MICROPACK_DEBIAN_MIRROR           mirror of the archive; default: where apt has Debian from
  MICROPACK_DEBIAN_SECURITY_MIRROR  mirror of the security archive; the same
END
}

say()
{
	echo "fetch.sh: $*" >&2
}

die()
{
	say "error: $*"
	exit 1
}

case ${1:-} in
--help | -h)
	usage
	exit 0
	;;
esac
if [ $# -lt 2 ]; then
	usage >&2
	exit 2
fi

# repository LABEL: where apt has the repository with that label from.
repository()
{
	local from

	# shellcheck disable=SC2016 # apt expands $(REPO_URI), not the shell
	from=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
		"Label: $1" 'Component: main' 2>/dev/null | sort -u | head -n 1)
	echo "${from%/}"
}

write_sources()
{
	local mirror security suite

	mirror=${MICROPACK_DEBIAN_MIRROR:-$(repository Debian)}
	security=${MICROPACK_DEBIAN_SECURITY_MIRROR:-$(repository Debian-Security)}
	[ -n "$mirror" ] || die "apt has no Debian mirror here: set MICROPACK_DEBIAN_MIRROR"
	[ -r $keyring ] || die "'$keyring' is missing: install debian-archive-keyring"
	for suite in $suites; do
		echo "deb [signed-by=$keyring] $mirror $suite main"
		[ -z "$security" ] || echo "deb [signed-by=$keyring] $security $suite-security main"
	done
}

# apt with lists of our own: those of this host are left alone.
apt_with()
{
	local command=$1

	shift
	"$command" -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" \
		-o APT::Sandbox::User=root "$@" </dev/null
}

update_lists()
{
	[ ! -e "$work/lists" ] || return 0
	mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
	# A suite that the mirror does not have any more must not hide the others.
	apt_with apt-get update -o APT::Update::Error-Mode=any >"$work/log" 2>&1 ||
		grep '^[EW]: ' "$work/log" | sed 's/^/fetch.sh: /' >&2
}

# have SERIES: get it unless it is there.
have()
{
	local series=$1 version package

	[ ! -s "$cache/$series/vmlinuz" ] || return 0
	update_lists
	version=$(apt_with apt-cache madison linux-image-amd64 2>/dev/null |
		awk -v series="$series." '$1 == "linux-image-amd64" && index($3, series) == 1 { print $3 }' |
		sort -V | tail -n 1)
	if [ -z "$version" ]; then
		say "no kernel $series in the lists that could be had"
		return 1
	fi
	package=$(apt_with apt-cache show "linux-image-amd64=$version" |
		sed -n 's/^Depends: *\(linux-image-[^ ,]*\).*/\1/p' | head -n 1)
	say "downloading $package $version"
	rm -rf "${work:?}/deb"
	mkdir "$work/deb"
	if ! (cd "$work/deb" && apt_with apt-get download "$package=$version" >"$work/log" 2>&1); then
		sed 's/^/fetch.sh: /' "$work/log" >&2
		say "$package $version cannot be downloaded"
		return 1
	fi
	dpkg-deb --fsys-tarfile "$work"/deb/*.deb |
		tar -x --to-stdout --wildcards './boot/vmlinuz-*' >"$work/vmlinuz" || return 1
	mkdir -p "$cache/$series"
	echo "$package $version" >"$cache/$series/package"
	mv -f "$work/vmlinuz" "$cache/$series/vmlinuz"
}

umask 022
mkdir -p "$1" || die "cannot make the directory '$1'"
cache=$(cd "$1" && pwd -P)
shift
work=$(mktemp -d "$cache/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
write_sources >"$work/sources.list"

status=0
for series in "$@"; do
	have "$series" || status=1
done
exit $status
