# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Careless users and hostile surroundings: what is written stays whole, what is started ends.

# A warning must not go into the archive because its descriptor is number 2.
test_hostile_closed_descriptors()
{
	mkdir root
	: >root/.wh.name
	printf '/.wh.name\n' >list
	expect 0 "$MICROPACK" pack list --root root -o whole.tar
	expect 0 sh -c 'exec "$0" "$@" <&- 2>&-' "$MICROPACK" pack list --root root -o closed.tar
	cmp whole.tar closed.tar
	expect 1 sh -c 'exec "$0" "$@" <&- >&-' "$MICROPACK" pack list --root root -o closed.tar
	says 'write to standard output'
	cmp whole.tar closed.tar
	expect 1 sh -c 'exec "$0" "$@" <&- >&- 2>&-' "$MICROPACK" trace -o t.jsonl -- true
	expect 0 "$MICROPACK" pack t.jsonl --root / -o t.tar
}

test_hostile_output_is_no_directory()
{
	: >file
	ln -s nowhere dangling
	expect 2 "$MICROPACK" micropack-sample/hello-static -o file
	says "create directory 'file'"
	one_line
	expect 2 "$MICROPACK" micropack-sample/hello-static -o dangling
	says "create directory 'dangling'"
	[ ! -e nowhere ]
}

test_hostile_output_without_a_name()
{
	expect 1 "$MICROPACK" trace -o '' -- touch ran
	says "create ''"
	[ ! -e ran ]
}
