# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Every system call that takes a path, made in a container (tests/tracer/probe/rows.h). The image
# holds nothing but the probe and its files, in a layer below the container's own.

completeness_image()
{
	mkdir -p image/work image/out
	cc -std=gnu11 -D_GNU_SOURCE -O2 -static -pthread -o image/probe "$TOP"/tests/tracer/probe/*.c
	# Nothing of what it makes there says where that is.
	"$PWD/image/probe" prepare-short "$PWD/image/work"
	image_of "$1" image 'CMD ["/probe", "run", "/work", "/out/results"]'
}

# completeness_of IMAGE LEAST [OPTION...]: traces it, and wants everything of at least LEAST rows.
completeness_of()
{
	local image=$1 least=$2 ring=yes

	shift 2
	mkdir -p out.d
	rm -f out.d/results
	expect 0 "$MICROPACK" trace "$image" -v "$PWD/out.d:/out" -o trace.jsonl "$@"
	# Before Linux 5.19 it is not known what became of a request to io_uring.
	[ "$(printf '%s\n' 5.19 "$(uname -r)" | sort -V | head -n 1)" = 5.19 ] || ring=no
	jq -rn --slurpfile trace trace.jsonl --rawfile rows out.d/results --arg ring $ring \
		-f "$TOP/tests/e2e/completeness.jq" >lacking
	cut -f 2 out.d/results | sort | uniq -c
	diff <("$PWD/image/probe" list "$PWD/image/work" | cut -f 1) <(cut -f 1 out.d/results)
	[ "$(grep -cP '^[^\t]*\tdone\t' out.d/results)" -ge "$least" ] || fail "$(cat out.d/results)"
	[ ! -s lacking ] || fail "$(cut -c 1-500 lacking)"
	[ $ring = no ] || [ ! -s err ] || fail "$(cat err)"
}

test_completeness_container()
{
	completeness_image e2e-completeness
	completeness_of e2e-completeness 200
	docker rmi -f e2e-completeness >/dev/null
}

# What only a powerful container may: mounts, handles, fanotify.
test_completeness_capable_container()
{
	completeness_image e2e-completeness-capable
	completeness_of e2e-completeness-capable 230 --cap-add SYS_ADMIN --cap-add DAC_READ_SEARCH
	docker rmi -f e2e-completeness-capable >/dev/null
}
outcomes()
{
	cut -f 1,2,8 "$1" | grep -v ^open-below-file
}

# In the packed image every call ends as it did in the original; but of what is no folder on the way to
# a path nothing is kept, so that the path is missing altogether.
test_completeness_packed()
{
	completeness_image e2e-completeness-packed
	mkdir first second
	expect 0 "$MICROPACK" trace e2e-completeness-packed -v "$PWD/first:/out" -o trace.jsonl
	expect 0 "$MICROPACK" pack trace.jsonl --image e2e-completeness-packed -o rootfs.tar
	docker import rootfs.tar e2e-completeness-packed:micro >/dev/null
	docker run --rm -v "$PWD/second:/out" e2e-completeness-packed:micro \
		/probe run /work /out/results || true
	docker rmi -f e2e-completeness-packed e2e-completeness-packed:micro >/dev/null
	diff <(outcomes first/results) <(outcomes second/results)
}
