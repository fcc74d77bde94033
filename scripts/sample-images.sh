#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Build the images of samples/ into the engine at DOCKER_HOST, as micropack-sample/NAME:latest.

set -euo pipefail

usage()
{
	cat <<'END'
usage: sample-images.sh [NAME...]

Builds the named samples, or all of them, as micropack-sample/NAME:latest.

  MICROPACK_CACHE_DIR  where base-image.sh keeps the base image (/var/cache/micropack)
END
}

die()
{
	echo "sample-images.sh: error: $*" >&2
	exit 1
}

log=
cleanup()
{
	if [ -n "$log" ]; then
		rm -f "$log"
	fi
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

scripts=$(cd "$(dirname "$0")" && pwd -P)
samples=$(cd "$scripts/../samples" && pwd -P)

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
	for dockerfile in "$samples"/*/Dockerfile; do
		name=${dockerfile%/Dockerfile}
		names+=("${name##*/}")
	done
fi
for name in "${names[@]}"; do
	if [ -z "$name" ] || [[ $name == */* ]] || [ ! -f "$samples/$name/Dockerfile" ]; then
		die "there is no sample '$name' in $samples"
	fi
done

"$scripts/base-image.sh" ${MICROPACK_CACHE_DIR:+"$MICROPACK_CACHE_DIR"}

# Every engine has the classic builder; BuildKit needs a client with a plugin.
export DOCKER_BUILDKIT=${DOCKER_BUILDKIT:-0}
log=$(mktemp)
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for name in "${names[@]}"; do
	began=$SECONDS
	if ! docker build -t "micropack-sample/$name:latest" "$samples/$name" >"$log" 2>&1 </dev/null; then
		tail -n 30 "$log" >&2
		die "building the sample '$name' failed: see the lines above"
	fi
	bytes=$(docker image inspect -f '{{.Size}}' "micropack-sample/$name:latest")
	tenths=$(((bytes + 50000) / 100000))
	printf 'micropack-sample/%s:latest  %s MB  %s s\n' "$name" \
		"$((tenths / 10)).$((tenths % 10))" $((SECONDS - began))
done
