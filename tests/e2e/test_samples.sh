# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The five samples, from image to proven image.

# What an image and its packed form must have in common: the configuration, and for each packed path
# what tar lists of it.
same_config()
{
	config_of "$1" >config.before
	config_of "$2" >config.after
	diff config.before config.after
}

# One member a line; null and empty are the same thing.
config_of()
{
	local member

	for member in Env Cmd Entrypoint User WorkingDir ExposedPorts Volumes Labels StopSignal \
		Healthcheck Shell OnBuild; do
		docker image inspect -f "$member {{json .Config.$member}}" "$1" |
			sed -E 's/ (null|\[\]|\{\}|"")$/ -/'
	done
}

# list IMAGE: mode, owner, size, time, name and link of each path, but for those that the engine makes
# or touches in every container, mount points, which a packed image always has, and package records.
list()
{
	export_of "$1" tar -tv --numeric-owner --full-time >listing
	sed 's|/$||' listing |
		grep -vE ' (dev|proc|sys|tmp|etc|\.dockerenv|dev/.*|etc/(hostname|hosts|resolv.conf|mtab.*)|var/lib/dpkg/status\.d(/.*)?)$' |
		sort
}

same_metadata()
{
	list "$1" | sort >list.before
	list "$2" | sort >list.after
	# Every line of the packed image is a line of the original.
	comm -13 list.before list.after >list.differs
	[ ! -s list.differs ] || {
		cat list.differs
		fail "differs from the original"
	}
}

pack_sample()
{
	local name=$1 image=micropack-sample/$1
	local before

	before=$(containers)
	shift
	expect 0 "$MICROPACK" "$image" -o out.d "$@"
	cat out err
	prints "× smaller, and it passes the same tests"
	[ -s out.d/trace.jsonl ] && [ -s out.d/rootfs.tar ] && [ -s out.d/Dockerfile ]
	[ ! -e out.d/verify.jsonl ]
	[ "$(containers)" = "$before" ] || fail "containers are left behind"
	same_config "$image" "$image:latest-micro"
	same_metadata "$image" "$image:latest-micro"
	[ "$(first_op out.d/trace.jsonl)" = exec ] || fail "the first event is no exec"
	[ "$(docker image inspect -f '{{.Size}}' "$image")" -gt \
		"$(docker image inspect -f '{{.Size}}' "$image:latest-micro")" ]
}

test_sample_hello_static()
{
	pack_sample hello-static --run Ann --run Bob
	prints "Hello, Bob!"
	[ "$(docker run --rm micropack-sample/hello-static:latest-micro Eve)" = "Hello, Eve!" ]
}

test_sample_plugin()
{
	pack_sample plugin --tests "$(sample_tests plugin)"
}

test_sample_nginx()
{
	pack_sample nginx --tests "$(sample_tests nginx)"
	# What the run uploaded is not there, the directory for it is, with its owner.
	in_archive out.d/rootfs.tar var/lib/nginx
	! tar -tf out.d/rootfs.tar | grep -E '^var/lib/nginx/body/.' || fail "data of the run"
}

test_sample_redis()
{
	pack_sample redis --tests "$(sample_tests redis)"
	in_archive out.d/rootfs.tar data
	! tar -tf out.d/rootfs.tar | grep -E '^data/.|dump.rdb' || fail "data of the run is packed"
}

test_sample_flask()
{
	pack_sample flask --tests "$(sample_tests flask)"
}

# The same image built from the Dockerfile that was written, and its tests.
test_sample_built_from_dockerfile()
{
	local image=micropack-sample/plugin

	pack_sample plugin --tests "$(sample_tests plugin)"
	DOCKER_BUILDKIT=0 docker build -q -t micropack-e2e/built:1 out.d
	same_config "$image" micropack-e2e/built:1
	list "$image:latest-micro" >loaded
	list micropack-e2e/built:1 >built
	diff loaded built
	expect 0 "$MICROPACK" micropack-e2e/built:1 --tests "$(sample_tests plugin)" -o again.d \
		--no-verify
	docker rmi micropack-e2e/built:1 micropack-e2e/built:1-micro >/dev/null
}

test_same_bytes_every_time()
{
	local image=micropack-sample/redis

	expect 0 "$MICROPACK" trace "$image" --tests "$(sample_tests redis)" -o trace.jsonl
	expect 0 "$MICROPACK" pack trace.jsonl --image "$image" -o one.tar
	expect 0 "$MICROPACK" pack trace.jsonl --image "$image" -o two.tar
	cmp one.tar two.tar
	expect 0 "$MICROPACK" pack trace.jsonl --image "$image" --source overlay -o overlay.tar
	cmp one.tar overlay.tar
	# Each export is of another container.
	expect 0 "$MICROPACK" pack trace.jsonl --image "$image" --source export -o three.tar
	sleep 1.1
	expect 0 "$MICROPACK" pack trace.jsonl --image "$image" --source export -o four.tar
	cmp three.tar four.tar
	# Of time an export has whole seconds, and none where the engine made something.
	for source in one three; do
		tar -tv --numeric-owner --full-time -f $source.tar |
			sed -E 's/(:[0-9]{2})(\.[0-9]+)? +/\1 /' | grep -vE ' (etc|dev|proc|sys)/$' |
			sort >$source.list
	done
	diff one.list three.list
	entries one.tar >one.names
	entries three.tar | diff one.names -
}
