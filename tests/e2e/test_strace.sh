# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The same run of the same container, recorded by strace inside of it and by micropack from outside:
# both have to tell the same. strace comes along in a folder, with its libraries and their loader, so
# that it runs in any image, one without a libc too. With -D it is the sample that stays process 1,
# as without strace: it gets the signals, and its end is the container's.

guest=/.strace

# Only the kernel knows these: what is a directory, a script, on a mount, made by the open …
seen_by_kernel='["dir","deleted","foreign","script","mounted","located","created","attached"]'

# strace_folder: ./guest, writable for whichever user the image has.
strace_folder()
{
	local strace library

	strace=$(command -v strace) || fail 'strace is needed'
	mkdir guest
	cp -L "$strace" guest/strace
	for library in $(ldd "$strace" | grep -o '/[^ ]*'); do
		cp -L "$library" guest/
	done
	mv guest/ld-*.so* guest/loader
	chmod 755 guest/*
	mkdir guest/log
	chmod 1777 guest/log
}

# both_record SAMPLE [OPTION...]: leaves traced.jsonl, and imported.jsonl of strace's log.
both_record()
{
	local image=micropack-sample/$1 workdir words

	shift
	strace_folder
	mapfile -t words < <(docker image inspect "$image" |
		jq -r '.[0].Config | (.Entrypoint // []) + (.Cmd // []) | .[]')
	workdir=$(docker image inspect -f '{{.Config.WorkingDir}}' "$image")
	# A process that strace has not seen the end of, as of threads at the end of process 1, is told
	# by import as not followed; both have seen the same of it.
	expect 0 "$MICROPACK" trace "$image" "$@" --cap-add SYS_PTRACE -o traced.jsonl \
		-v "$PWD/guest:$guest:ro" -v "$PWD/guest/log:$guest/log" --entrypoint $guest/loader \
		-- --library-path $guest $guest/strace -D -f -y \
		-e trace=%file,%desc,%process,%network -o $guest/log/log -- "${words[@]}"
	! grep '^micropack: warning' err || fail 'the trace is not whole'
	expect 0 "$MICROPACK" import --format strace -w "${workdir:-/}" guest/log/log \
		-o imported.jsonl
}

# events FILTER TRACE: what was done, to which path, with which result: a line each.
events()
{
	jq -r "select(.op) | $1 | [.op, .path, .errno // \"\",
		((.flags // []) - $seen_by_kernel | join(\",\"))] | @tsv" "$2" | sort -u
}

reals()
{
	jq -r 'select(.op == "open" and .real) | [.path, .real] | @tsv' "$1" | sort -u
}

# none_in FILE WHAT: or it is shown.
none_in()
{
	[ ! -s "$1" ] || fail "$2: $(cat "$1")"
}

# What strace has resolved micropack has too, with the same result, and the same file behind it.
strace_is_in_micropack()
{
	events . imported.jsonl >by-strace
	[ "$(wc -l <by-strace)" -ge "$1" ] || fail "strace has seen little: $(cat by-strace)"
	events . traced.jsonl | comm -23 by-strace - >only-strace
	none_in only-strace 'only strace has seen'
	reals imported.jsonl >reals-by-strace
	reals traced.jsonl | comm -23 reals-by-strace - >only-strace
	none_in only-strace 'of these strace has seen other files'
}

# Whatever descriptor the sample has used, by the name that strace has put to it: it is of a file that
# micropack has seen to be opened. Standard input was opened by the engine: /dev/null. (A name with a
# backslash is one that strace has escaped; the events above have those.)
descriptors_are_in_micropack()
{
	grep -oE '[0-9]</[^<>\\]*>' guest/log/log | sed 's/^[0-9]<//; s/>$//' | sort -u |
		grep -vx /dev/null >descriptors
	[ -s descriptors ]
	jq -r 'select(.real) | .real' traced.jsonl | sort -u | comm -23 descriptors - >only-strace
	none_in only-strace 'descriptors of files that micropack has not seen'
}

# And the reverse, but for:
#   - what strace did itself, before it executed the sample and beside it
#   - health checks (session 1), which the engine starts beside it
#   - the interpreter of a script: only the kernel has named that
micropack_is_in_strace()
{
	events "select((.exe // \"\" | startswith(\"$guest/\") | not) or .op == \"exec\") |
		select((.session // 0) == 0 and (.path | startswith(\"$guest/\") | not)) |
		select(.flags // [] | index(\"script\") | not)" traced.jsonl |
		comm -13 by-strace - >only-micropack
	none_in only-micropack 'only micropack has seen'
}

# compare_sample PATHS SAMPLE [OPTION...]: strace has to see as many paths at least.
compare_sample()
{
	local least=$1

	shift
	both_record "$@"
	strace_is_in_micropack "$least"
	descriptors_are_in_micropack
	micropack_is_in_strace
}

test_strace_hello_static()
{
	compare_sample 3 hello-static
}

test_strace_plugin()
{
	compare_sample 30 plugin --tests "$(sample_tests plugin)"
}

test_strace_nginx()
{
	compare_sample 40 nginx --tests "$(sample_tests nginx)"
}

test_strace_redis()
{
	compare_sample 60 redis --tests "$(sample_tests redis)"
}

test_strace_flask()
{
	compare_sample 500 flask --tests "$(sample_tests flask)"
}
