# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Package records for scanners, and the SPDX document, against what dpkg, rpm and sha256sum say.

# pack_files IMAGE FILE...: into rootfs.tar, unpacked in root.
pack_files()
{
	local image=$1

	shift
	printf '%s\n' "$@" >files.txt
	expect 0 "$MICROPACK" pack files.txt --image "$image" -o rootfs.tar
	rm -rf root
	mkdir root
	tar -xpf rootfs.tar -C root
}

# What is not true of an SPDX 2.3 document: https://spdx.github.io/spdx-spec/v2.3/
spdx_errors()
{
	jq -r '
		def no(f; text): if f then empty else text end;
		def id: type == "string" and test("^SPDXRef-[A-Za-z0-9.-]+$");
		def hex(n): type == "string" and test("^[0-9a-f]{\(n)}$");
		([.SPDXID, .packages[].SPDXID, .files[].SPDXID]) as $ids
		| ($ids | map({ key: ., value: true }) | from_entries) as $known
		| no(.spdxVersion == "SPDX-2.3"; "spdxVersion"),
		no(.dataLicense == "CC0-1.0"; "dataLicense"),
		no(.SPDXID == "SPDXRef-DOCUMENT"; "SPDXID"),
		no(.name | type == "string" and length > 0; "name"),
		no(.documentNamespace | test("^https://[^# ]+$"); "documentNamespace"),
		no(.creationInfo.created | test("^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$"); "created"),
		no(.creationInfo.creators | length > 0 and all(test("^(Tool|Person|Organization): ."));
			"creators"),
		no($ids | all(id); "an ID that is none"),
		no(($known | length) == ($ids | length); "an ID twice"),
		(.packages[] | .name as $name
			| no($name | length > 0; "package without a name"),
			no(.downloadLocation == "NOASSERTION"; "\($name): downloadLocation"),
			no(.supplier | test("^(NOASSERTION$|(Person|Organization): .)"); "\($name): supplier"),
			no(.filesAnalyzed == has("packageVerificationCode"); "\($name): filesAnalyzed"),
			no((.filesAnalyzed | not) or
				(.packageVerificationCode.packageVerificationCodeValue | hex(40));
				"\($name): verification code"),
			no((.externalRefs // []) | all(.referenceCategory == "PACKAGE-MANAGER" and
				.referenceType == "purl" and
				(.referenceLocator | test("^pkg:(deb|apk|rpm)/[^/@?]+/[^/@?]+@[^/@?]+"))); "\($name): purl")),
		(.files[] | .fileName as $name
			| no($name | startswith("./"); "\($name): name"),
			no(.checksums | map(.algorithm) == ["SHA1", "SHA256"]; "\($name): checksums"),
			no(.checksums[0].checksumValue | hex(40); "\($name): SHA1"),
			no(.checksums[1].checksumValue | hex(64); "\($name): SHA256")),
		(.relationships[]
			| no($known[.spdxElementId] and $known[.relatedSpdxElement]; "unknown ID in \(.)"),
			no(.relationshipType | IN("DESCRIBES", "CONTAINS"); "relationship \(.)")),
		no([.relationships[] | select(.relationshipType == "DESCRIBES")] | length == 1; "DESCRIBES"),
		no([.relationships[].relatedSpdxElement] | sort == ($ids[1:] | sort);
			"not everything is contained once")' "$1"
}

valid_spdx()
{
	local errors

	errors=$(spdx_errors "$1")
	[ -z "$errors" ] || fail "$1: $errors"
}

# "PATH PACKAGE" of each file that a package other than the archive itself contains.
spdx_owners()
{
	jq -r '(.packages | map({ key: .SPDXID, value: .name }) | from_entries) as $names
		| (.files | map({ key: .SPDXID, value: .fileName[1:] }) | from_entries) as $files
		| .relationships[] | select($files[.relatedSpdxElement] and .spdxElementId != "SPDXRef-Package-0")
		| "\($files[.relatedSpdxElement]) \($names[.spdxElementId])"' "$1" | sort
}

# The same of the files in ./root by the image's own dpkg, which knows them by their names before
# /usr was merged too.
dpkg_owners()
{
	# shellcheck disable=SC2016
	(cd root && find . -type f ! -path './var/lib/dpkg/*' ! -path ./usr/lib/os-release -printf '/%P\n') |
		docker run --rm -i --entrypoint /bin/bash "$1" -c 'while read -r file; do
			owner=$(dpkg -S "$file" 2>/dev/null || dpkg -S "${file#/usr}" 2>/dev/null) || continue
			owner=${owner%%: *}
			echo "$file ${owner%%:*}"
		done' | sort
}

# The checksums in the document are those of the files, and of each package the code of them.
true_checksums()
{
	jq -r '.files[] | "\(.checksums[1].checksumValue)  \(.fileName)"' "$1" |
		(cd root && sha256sum --quiet -c) || fail "SHA256"
	jq -r '.files[] | "\(.checksums[0].checksumValue)  \(.fileName)"' "$1" |
		(cd root && sha1sum --quiet -c) || fail "SHA1"
	[ "$(jq -r '.files[].fileName' "$1" | sort)" = "$(cd root && find . -type f | sort)" ] ||
		fail "not the files of the archive"
	jq -r '(.files | map({ key: .SPDXID, value: .checksums[0].checksumValue }) | from_entries) as $sums
		| .packages[] | select(.filesAnalyzed) | .SPDXID as $id
		| .packageVerificationCode.packageVerificationCodeValue' "$1" >codes
	jq -r '(.files | map({ key: .SPDXID, value: .checksums[0].checksumValue }) | from_entries) as $sums
		| (.relationships | group_by(.spdxElementId)
			| map({ key: .[0].spdxElementId,
				value: [.[] | $sums[.relatedSpdxElement] // empty] | sort | add })
			| from_entries) as $joined
		| .packages[] | select(.filesAnalyzed) | $joined[.SPDXID]' "$1" | while read -r joined; do
		printf %s "$joined" | sha1sum | cut -d' ' -f1
	done | cmp - codes || fail "verification codes"
}

test_packages_debian()
{
	local image=micropack-sample/nginx admin=admin

	pack_files "$image" /usr/sbin/nginx /bin/sh /bin/cat /etc/nginx/nginx.conf /etc/passwd \
		/usr/bin/perl /usr/share/doc/gzip/copyright
	valid_spdx rootfs.spdx.json
	true_checksums rootfs.spdx.json
	spdx_owners rootfs.spdx.json >ours
	dpkg_owners "$image" | grep -v '/copyright ' >theirs
	[ "$(wc -l <ours)" -ge 10 ]
	diff theirs ours
	# What a scanner finds: each owner, with the version that the image's dpkg says, and no other.
	mkdir -p $admin/info $admin/updates
	find root/var/lib/dpkg/status.d -type f ! -name '*.md5sums' | sort | while read -r file; do
		cat "$file"
		echo
	done >$admin/status
	# shellcheck disable=SC2016
	dpkg-query --admindir=$admin -W -f '${Package} ${Version}\n' | sort >records
	[ "$(cut -d' ' -f1 records)" = "$(cut -d' ' -f2 ours | sort -u)" ]
	# shellcheck disable=SC2016
	docker run --rm --entrypoint dpkg-query "$image" -W -f '${Package} ${Version}\n' | sort |
		comm -13 - records | grep . && fail "not the image's versions"
	jq -r '.packages[1:][] | "\(.name) \(.versionInfo)"' rootfs.spdx.json | diff records -
	(cd root && cat var/lib/dpkg/status.d/*.md5sums | md5sum --quiet -c)
	# /etc/os-release through its symlink.
	grep -q '^ID=debian' root/etc/os-release
	jq -e '.packages[1].externalRefs[0].referenceLocator | endswith("&distro=debian-12")' \
		rootfs.spdx.json >/dev/null
	[ ! -e root/var/lib/dpkg/status ]
}

# The same from each source, and again; its time is that of the image, or as asked for.
test_packages_deterministic()
{
	local image=micropack-sample/plugin source part

	pack_files "$image" /bin/cat /etc/debian_version
	for source in overlay export; do
		mkdir $source
		expect 0 "$MICROPACK" pack files.txt --image "$image" --source $source -o $source/rootfs.tar
		for part in '.packages[1:]' .files .relationships; do
			[ "$(jq -c "$part" rootfs.spdx.json)" = "$(jq -c "$part" $source/rootfs.spdx.json)" ] ||
				fail "$source: $part"
		done
	done
	# An export stream has no fractions of seconds, so that the archive is another one.
	cmp rootfs.tar overlay/rootfs.tar
	cmp rootfs.spdx.json overlay/rootfs.spdx.json
	[ "$(jq -r .creationInfo.created rootfs.spdx.json)" = \
		"$(docker image inspect -f '{{.Created}}' "$image" | sed 's/\.[0-9]*Z/Z/')" ]
	SOURCE_DATE_EPOCH=1700000000 expect 0 "$MICROPACK" pack files.txt --image "$image" -o dated.tar
	[ "$(jq -r .creationInfo.created dated.spdx.json)" = 2023-11-14T22:13:20Z ]
	# The same but for times, of which none is later.
	diff <(tar --numeric-owner -tvf rootfs.tar | awk '{ $4 = $5 = ""; print }') \
		<(tar --numeric-owner -tvf dated.tar | awk '{ $4 = $5 = ""; print }')
	tar --utc --full-time -tvf dated.tar | awk '{ print $4 " " $5 }' | sort | tail -n 1 >latest
	[[ ! $(cat latest) > "2023-11-14 22:13:20" ]] || fail "$(cat latest)"
}

test_packages_left_out()
{
	local image=micropack-sample/plugin

	printf '/bin/cat\n' >files.txt
	expect 0 "$MICROPACK" pack files.txt --image "$image" -o bare.tar --no-package-db
	[ ! -e bare.spdx.json ]
	! entries bare.tar | grep -E 'dpkg|os-release' || fail "records in spite of --no-package-db"
	expect 0 "$MICROPACK" pack files.txt --image "$image" -o /dev/null
	[ ! -e /dev/null.spdx.json ]
	# A list that has the database gets it as it is.
	printf '/bin/cat\n/var/lib/dpkg/status\n' >files.txt
	expect 0 "$MICROPACK" pack files.txt --image "$image" -o used.tar
	tar -xOf used.tar var/lib/dpkg/status >status
	docker run --rm --entrypoint cat "$image" /var/lib/dpkg/status | cmp - status
	! entries used.tar | grep status.d || fail "records beside the database itself"
	# An archive that is not written leaves no document.
	printf '/no/such/file\n' >files.txt
	expect 7 "$MICROPACK" pack files.txt --image "$image" -o failed.tar
	[ ! -e failed.spdx.json ]
}

# An rpm database that rpm made: no records, but the document has the packages.
test_packages_rpm()
{
	cat >test.spec <<-'END'
		Name: mp-test
		Version: 1.0
		Release: 2
		Epoch: 3
		Summary: t
		License: MIT
		BuildArch: noarch
		%description
		t
		%install
		mkdir -p %{buildroot}/opt
		echo one >%{buildroot}/opt/one
		echo two >%{buildroot}/opt/two
		%files
		/opt/one
		/opt/two
	END
	rpmbuild -bb --quiet --define "_topdir $PWD/build" test.spec >/dev/null 2>&1
	mkdir -p image/etc
	printf 'ID=fedora\nVERSION_ID=40\n' >image/etc/os-release
	rpm --root "$PWD/image" --dbpath /var/lib/rpm --nodeps -i build/RPMS/noarch/*.rpm 2>/dev/null
	rpm --root "$PWD/image" --dbpath /var/lib/rpm -ql mp-test 2>/dev/null | grep -qx /opt/one
	printf '/opt/one\n' >files.txt
	expect 0 "$MICROPACK" pack files.txt --root image -o rootfs.tar
	mkdir root
	tar -xpf rootfs.tar -C root
	valid_spdx rootfs.spdx.json
	true_checksums rootfs.spdx.json
	[ "$(spdx_owners rootfs.spdx.json)" = '/opt/one mp-test' ]
	[ "$(jq -r '.packages[1] | "\(.versionInfo) \(.externalRefs[0].referenceLocator)"' rootfs.spdx.json)" = \
		'3:1.0-2 pkg:rpm/fedora/mp-test@1.0-2?arch=noarch&distro=fedora-40&epoch=3' ]
	in_archive rootfs.tar etc/os-release
	not_in_archive rootfs.tar var/lib/rpm/rpmdb.sqlite
}
