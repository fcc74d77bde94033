#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The checks of the flask sample. micropack says where the container is.

set -eu
base=http://${MICROPACK_HOST:?}:${MICROPACK_PORT_8000:?}

fail()
{
	echo "flask: FAILED: $*" >&2
	exit 1
}

# expect NAME STATUS PATTERN PATH: the body has to match the shell pattern.
expect()
{
	local got body

	got=$(curl -sS -m 20 -w '\n%{http_code}' "$base$4") || fail "$1: no answer from $4"
	body=${got%$'\n'*}
	[ "${got##*$'\n'}" = "$2" ] || fail "$1: expected status $2, got ${got##*$'\n'}"
	# shellcheck disable=SC2053 # a pattern it is
	[[ $body == $3 ]] || fail "$1: unexpected body: $body"
	echo "flask: ok: $1"
}

# A published port may accept before the program behind it listens.
until curl -s -m 5 -o /dev/null "$base/" || [ $SECONDS -ge 10 ]; do
	sleep 0.1
done

expect "a template" 200 '*<h1>Good day, Ann!</h1>*' '/?name=Ann'
expect "a template escapes" 200 '*&lt;b&gt;*' '/?name=%3Cb%3E'
expect "JSON" 200 '{"answer":42,"items":\["a","b"\],"unit":*}*' /json
expect "a static file" 200 '*.detail*' /static/style.css
expect "SHA-256" 200 '*"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"*' '/digest/sha256?text=hello'
expect "BLAKE2" 200 '*"algorithm":"blake2b"*' '/digest/blake2b?text=hello'
expect "no such digest" 404 '*Not found*/digest/nosuch*' /digest/nosuch
expect "TLS with the system's certificates" 200 '*"OpenSSL *"trusts":true*' /tls
expect "a library of SQL" 200 '{"median":3.0}*' '/median?of=9,1,3'
expect "a time zone" 200 '*2024-07-01T14:00:00+02:00*' /time/Europe/Paris
expect "a time zone on the other side" 200 '*2024-07-02T02:00:00+14:00*' /time/Pacific/Kiritimati
expect "no such time zone" 404 '*Not found*' /time/Europe/Nowhere
expect "a missing page" 404 '*Not found*/missing*' /missing
expect "a broken template" 500 '*Something broke*TemplateSyntaxError*' /broken
