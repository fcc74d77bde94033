#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The checks of the nginx sample. micropack says where the container is.

set -eu
http=http://${MICROPACK_HOST:?}:${MICROPACK_PORT_80:?}
https=https://$MICROPACK_HOST:${MICROPACK_PORT_443:?}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

fail()
{
	echo "nginx: FAILED: $*" >&2
	exit 1
}

ok()
{
	echo "nginx: ok: $*"
}

# get NAME STATUS [CURL OPTIONS] URL: leaves the answer in $tmp/headers and $tmp/body.
get()
{
	local name=$1 status=$2 got

	shift 2
	got=$(curl -sS -m 20 -D "$tmp/headers" -o "$tmp/body" -w '%{http_code}' "$@") || fail "$name: no answer"
	[ "$got" = "$status" ] || fail "$name: expected status $status, got $got"
}

has()
{
	grep -qi -- "$3" "$tmp/$2" || fail "$1: '$3' is not in the answer's $2"
}

# A published port may accept before the program behind it listens.
until curl -s -m 2 -o /dev/null "$http/" || [ $SECONDS -ge 10 ]; do
	sleep 0.1
done

get "index" 200 "$http/"
has "index" body 'It is served by nginx'
has "index" headers '^content-type: text/html'
ok "index"

get "missing page" 404 "$http/missing"
has "missing page" body 'nobody took it'
ok "missing page has its own page"

get "redirect" 301 "$http/old"
has "redirect" headers '^location: http://.*/index.html'
get "redirect followed" 200 -L --connect-to "::$MICROPACK_HOST:$MICROPACK_PORT_80" "$http/old"
has "redirect followed" body 'It is served by nginx'
ok "redirect"

get "gzip" 200 -H 'Accept-Encoding: gzip' "$http/style.css"
has "gzip" headers '^content-encoding: gzip'
get "gzip" 200 --compressed "$http/style.css"
has "gzip" body 'font-family'
ok "gzip"

get "TLS" 200 -k "$https/"
has "TLS" body 'It is served by nginx'
get "TLS 1.2" 200 -k --tls-max 1.2 "$https/"
get "TLS, missing page" 404 -k "$https/missing"
has "TLS, missing page" body 'nobody took it'
ok "TLS"

head -c 4000000 /dev/zero >"$tmp/upload"
get "large upload" 200 -H 'Expect:' --data-binary "@$tmp/upload" "$http/upload"
has "large upload" body 'received 4000000 bytes'
ok "large upload goes through a file"
