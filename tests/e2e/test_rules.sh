# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What a person says about what is kept: rules, plans, and the question why.

# rules_image NAME: a server-less image whose program reads what is in a directory.
rules_image()
{
	mkdir -p root/etc/app.d root/usr/bin root/usr/share/zone/Europe root/usr/share/doc/app root/mnt \
		root/data root/proc root/sys root/dev
	compile_static root/usr/bin/app '
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
int main(void)
{
	struct stat st;
	DIR *dir = opendir("/etc/app.d");
	while (dir && readdir(dir))
		;
	close(open("/etc/app.conf", O_RDONLY));
	stat("/etc/looked-at", &st);
	open("/etc/app.conf/below", O_RDONLY);
	stat("/etc/none/below", &st);
	close(open("/mnt/shared", O_RDONLY));
	close(open("/etc/hosts", O_RDONLY));
	close(open("/data/made", O_CREAT | O_WRONLY, 0600));
	return open("/etc/blocker/x", O_RDONLY) >= 0;
}'
	ln -s app root/usr/bin/tool
	ln -s usr/bin root/bin
	for name in app.conf looked-at blocker hosts app.d/one app.d/two; do
		echo "$name of the image" >root/etc/$name
	done
	echo shadowed >root/mnt/shared
	echo oslo >root/usr/share/zone/Europe/Oslo
	echo utc >root/usr/share/zone/UTC
	echo doc >root/usr/share/doc/app/copyright
	image_of "$1" root 'ENTRYPOINT ["/usr/bin/app"]'
}

test_rules_trace_and_plan()
{
	local image=micropack-e2e/rules:1

	rules_image "$image"
	mkdir mnt
	echo theirs >mnt/shared
	expect 0 "$MICROPACK" "$image" -v "$PWD/mnt:/mnt" -o out.d --keep '/usr/share/{zone/**,none}' \
		--drop '/usr/share/zone/UTC'
	in_archive out.d/rootfs.tar usr/share/zone/Europe/Oslo
	not_in_archive out.d/rootfs.tar usr/share/zone/UTC
	in_archive out.d/rootfs.tar etc/app.d
	not_in_archive out.d/rootfs.tar etc/app.d/one
	# A path failed since this is no directory: it still is none.
	in_archive out.d/rootfs.tar etc/blocker
	# Not the image's, though the image has files of these names.
	not_in_archive out.d/rootfs.tar mnt/shared
	in_archive out.d/rootfs.tar mnt
	not_in_archive out.d/rootfs.tar etc/hosts

	# The plan, as it was written, is the same archive.
	expect 0 "$MICROPACK" pack --from-plan out.d/plan.txt --image "$image" -o same.tar
	cmp same.tar out.d/rootfs.tar
	head -n 1 out.d/plan.txt | grep -qF -- "$(docker image inspect -f '{{.Id}}' "$image")"
	# Edited, it is what it says.
	grep -v '^/etc/blocker' out.d/plan.txt >less.txt
	echo /bin/tool >>less.txt
	expect 0 "$MICROPACK" pack --from-plan less.txt --image "$image" -o less.tar
	[ "$(entries less.tar)" = "$( (entries same.tar | grep -vx etc/blocker; printf 'bin\nusr/bin/tool\n') | sort -u)" ]
	# A plan alone packs nothing.
	rm -rf pack && mkdir pack && cd pack
	expect 0 "$MICROPACK" pack ../out.d/trace.jsonl --image "$image" --keep-listed \
		--stat-only=empty --plan plan.txt
	[ "$(ls)" = "$(printf 'err\nout\nplan.txt\n')" ]
	grep -q '^/etc/app.d/one	file	23	rule		--keep-listed$' plan.txt
	grep -q '^/etc/looked-at	empty-file	0	traced$' plan.txt
	expect 0 "$MICROPACK" pack --from-plan plan.txt --image "$image"
	expect 0 "$MICROPACK" pack ../out.d/trace.jsonl --image "$image" --keep-listed \
		--stat-only=empty -o direct.tar
	cmp rootfs.tar direct.tar
	[ "$(tar -tvf direct.tar etc/looked-at | awk '{ print $3 }')" = 0 ]
	expect 0 "$MICROPACK" pack ../out.d/trace.jsonl --image "$image" --stat-only=drop -o drop.tar
	not_in_archive drop.tar etc/looked-at
	docker rmi "$image" "$image-micro" >/dev/null
}

# Each answer, from what the main command leaves behind, and with the image.
test_rules_explain()
{
	local image=micropack-e2e/explain:1

	rules_image "$image"
	mkdir mnt
	echo theirs >mnt/shared
	expect 0 "$MICROPACK" "$image" -v "$PWD/mnt:/mnt" --no-image --drop /usr/share/doc
	expect 0 "$MICROPACK" explain /usr/bin/app /etc/app.conf
	prints '  /etc/app.conf: traced: open by /usr/bin/app'
	expect 1 "$MICROPACK" explain /usr/bin/app /data/made /usr/share/doc/app /usr/share/zone/UTC
	prints 'the run wrote or created it'
	prints 'dropped by --drop /usr/share/doc'
	prints 'nothing that is kept needs it'
	expect 1 "$MICROPACK" explain --json --image "$image" /nope /mnt/shared /etc/hosts /proc/1 \
		/usr/share/zone/UTC /data/made
	[ "$(jq -r '.[].verdict' out | tr '\n' ' ')" = 'absent mounted never never unused created ' ]
	# What somebody took out, as far as the trace and the image can tell.
	grep -v '^/etc/app.conf' micropack-out/plan.txt >less.txt
	expect 1 "$MICROPACK" explain /etc/app.conf --plan less.txt
	prints 'not in the plan; with --trace and --image there is more to say'
	expect 1 "$MICROPACK" explain /etc/app.conf --plan less.txt --trace micropack-out/trace.jsonl
	prints 'not in the plan, but in the trace; with --image there is more to say'
	expect 1 "$MICROPACK" explain /etc/app.conf --plan less.txt --image "$image" \
		--trace micropack-out/trace.jsonl
	prints 'its line was taken out'
	# Planned anew, with other rules.
	expect 0 "$MICROPACK" explain /usr/bin/tool --trace micropack-out/trace.jsonl --image "$image" \
		--keep-exe tool
	prints '  /usr/bin/tool -> app: kept by rule (--keep-exe tool)'
	expect 2 "$MICROPACK" explain /bin/tool --keep-exe tool
	says '--keep-exe is for planning'
	expect 2 "$MICROPACK" explain --plan out /x
	says "out:1: not a plan"
	expect 2 "$MICROPACK" explain relative
	says "'relative' is not an absolute path"
	docker rmi "$image" >/dev/null
}

# A shell with what is needed to look around: in the packed image it works.
test_rules_shell()
{
	expect 0 "$MICROPACK" pack <(echo /etc/debian_version) --image debian:bookworm-slim \
		--keep-shell --keep-package tzdata --keep-exe sort -o rootfs.tar
	in_archive rootfs.tar usr/share/zoneinfo/Europe/Oslo
	docker import rootfs.tar micropack-e2e/shell:1 >/dev/null
	[ "$(docker run --rm micropack-e2e/shell:1 sh -c 'ls /etc/debian_version | sort; cat /etc/debian_version')" = \
		"$(docker run --rm debian:bookworm-slim sh -c 'echo /etc/debian_version; cat /etc/debian_version')" ]
	docker rmi micropack-e2e/shell:1 >/dev/null
}

# What is wrong is said before anything is written.
test_rules_refused()
{
	mkdir -p dir/usr/share/zoneinfo dir/proc
	echo /usr >list
	printf '/usr/share/zoneinfo\n/usr/share/nothing\n' >patterns
	refuses 7 "there is no '/usr/share/zoneinfos', but '/usr/share/zoneinfo'" \
		"$MICROPACK" pack list --root dir -o out.d --keep /usr/share/zoneinfos
	refuses 7 'patterns:2: --keep /usr/share/nothing: nothing in the image matches' \
		"$MICROPACK" pack list --root dir -o out.d --keep @patterns
	refuses 7 '--drop /opt/*: nothing in the image matches' \
		"$MICROPACK" pack list --root dir -o out.d --drop '/opt/*'
	refuses 2 'cannot be dropped' "$MICROPACK" pack list --root dir -o out.d --drop /proc
	refuses 7 '--keep-exe nano: the image has no such program' \
		"$MICROPACK" pack list --root dir -o out.d --keep-exe nano
	refuses 7 '--keep-package nano: ' "$MICROPACK" pack list --root dir -o out.d --keep-package nano
	refuses 7 '--keep-shell: the image has no /bin/sh' \
		"$MICROPACK" pack list --root dir -o out.d --keep-shell
	refuses 2 "--keep: 'usr': a pattern begins with '/'" \
		"$MICROPACK" pack list --root dir -o out.d --keep usr
	refuses 2 "--stat-only 'some'" "$MICROPACK" pack list --root dir -o out.d --stat-only=some
	refuses 2 'open' "$MICROPACK" pack list --root dir -o out.d --keep @none
	refuses 2 '--keep is for planning' \
		"$MICROPACK" pack --from-plan list --root dir -o out.d --keep /usr
	refuses 1 'list:1: not a plan' "$MICROPACK" pack --from-plan list --root dir -o out.d
	printf '#micropack-plan\t1\n/usr\n/usr/sha' >cut
	refuses 1 'cut:3: cut short' "$MICROPACK" pack --from-plan cut --root dir -o out.d
	refuses 2 '--from-plan' "$MICROPACK" pack cut --root dir -o out.d
	# The main command refuses before it traces.
	refuses 2 "'/[': malformed [...]" "$MICROPACK" debian:bookworm-slim -o out.d --keep '/[' -- true
}

# A whole tree of many files: memory grows by little for each.
test_rules_large()
{
	mkdir dir
	(cd dir && seq -f 'd%03g' 1 100 | xargs mkdir && seq 1 20000 |
		awk '{ printf "d%03d/a-file-with-a-name-of-some-length-%d\n", $1 % 100 + 1, $1 }' | xargs touch)
	echo /d001 >list
	expect 0 /usr/bin/time -f '%M' "$MICROPACK" pack list --root dir --keep '/d002' --plan plan.txt
	small=$(tail -n 1 err)
	expect 0 /usr/bin/time -f '%M' "$MICROPACK" pack list --root dir --keep '/**' --plan plan.txt
	[ "$(wc -l <plan.txt)" -eq 20106 ]
	# 100,000 files, and what else there is, have to fit into 64 MiB.
	[ $(($(tail -n 1 err) - small)) -lt 10000 ] || fail "$small, then $(tail -n 1 err) kB"
}
