# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# How containers begin and end: none is too short, and who is the main process is told right.

# An image with one static program: it opens what it is told to, one after the other; for "-" it
# waits, "life" is /data/first the first time and /data/second from then on.
life_image()
{
	mkdir -p root/bin root/data
	compile_static root/bin/app '
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *path = argv[i];

		if (strcmp(path, "-") == 0)
			for (;;)
				pause();
		if (strcmp(path, "life") == 0)
			path = open("/data/mark", O_CREAT | O_EXCL, 0600) < 0 ? "/data/second"
									      : "/data/first";
		if (open(path, O_RDONLY) < 0)
			return 1;
	}
	return 0;
}'
	for name in one two three first second main exec; do
		echo $name >root/data/$name
	done
	image_of "$1" root 'ENTRYPOINT ["/bin/app"]'
}

# opened TRACE: each file in /data that was there, and the session of it.
opened()
{
	jq -r 'select(.op == "open" and (.errno | not) and .path != "/data/mark") |
		"\(.path) \(.session // 0)"' "$1" | sort
}

is_complete()
{
	jq -es '.[-1] | has("events") and .dropped + .truncated + .unread + .untracked == 0' \
		"$1" >/dev/null || fail "$1 is not complete: $(tail -n 1 "$1")"
}

test_lifecycle_short()
{
	local image=micropack-e2e/short:1 runs=${MICROPACK_TEST_RUNS:-40} run

	life_image $image
	printf '%s\n' '/data/one 0' '/data/three 0' '/data/two 0' >expected
	for run in $(seq "$runs"); do
		expect 0 "$MICROPACK" trace $image -o trace.jsonl -- /data/one /data/two /data/three
		is_complete trace.jsonl
		opened trace.jsonl | diff expected - || fail "run $run of $runs"
		[ "$(first_op trace.jsonl)" = exec ] || fail "run $run does not begin with the exec"
	done
	docker rmi $image >/dev/null
}

# What the container does after a restart is traced as what it did before.
test_lifecycle_restart()
{
	local image=micropack-e2e/restart:1

	life_image $image
	cat >tests.sh <<'END'
#!/bin/sh
set -e
until docker diff "$MICROPACK_CONTAINER" | grep -q /data/mark; do sleep 0.1; done
docker exec "$MICROPACK_CONTAINER" /bin/app /data/one
docker restart -t 0 "$MICROPACK_CONTAINER"
docker exec "$MICROPACK_CONTAINER" /bin/app /data/two
docker restart -t 0 "$MICROPACK_CONTAINER"
docker exec "$MICROPACK_CONTAINER" /bin/app /data/three
END
	chmod +x tests.sh
	expect 0 "$MICROPACK" trace $image --tests ./tests.sh -o trace.jsonl -- life -
	is_complete trace.jsonl
	printf '%s\n' '/data/first 0' '/data/one 1' '/data/second 0' '/data/three 1' '/data/two 1' \
		>expected
	opened trace.jsonl | diff expected -
	docker rmi $image >/dev/null
}

# enter ID: `docker exec` as soon as the engine lets it.
enter()
{
	until docker exec "$1" /bin/app /data/exec 2>/dev/null; do
		! docker inspect "$1" 2>&1 | grep -q 'No such' || return 1
	done
}

# An exec session that is started while the container is being started is none of the main process.
test_lifecycle_exec_at_start()
{
	local image=micropack-e2e/enter:1

	life_image $image
	export -f enter
	cat >tests.sh <<'END'
#!/bin/bash
set -e
for _ in 1 2 3 4 5 6; do
	docker kill "$MICROPACK_CONTAINER"
	docker wait "$MICROPACK_CONTAINER"
	enter "$MICROPACK_CONTAINER" &
	docker start "$MICROPACK_CONTAINER"
	wait $!
done
wait_for=100
until [ -e entered ] || [ $((wait_for--)) -eq 0 ]; do sleep 0.1; done
[ -e entered ]
END
	chmod +x tests.sh
	# The first time from the moment of its creation; what is begun here ends with the test.
	docker events --filter type=container --filter event=create --format '{{.ID}}' >created &
	trap 'kill $(jobs -p)' EXIT
	(until [ -s created ]; do sleep 0.01; done; enter "$(head -n 1 created)" && : >entered) &
	expect 0 "$MICROPACK" trace $image --tests ./tests.sh -o trace.jsonl -- /data/main -
	[ -s created ] || fail "the container's creation was not seen"
	is_complete trace.jsonl
	printf '%s\n' '/data/exec 1' '/data/main 0' >expected
	opened trace.jsonl | diff expected -
	docker rmi $image >/dev/null
}
