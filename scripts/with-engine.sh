#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs COMMAND with DOCKER_HOST set to an engine that answers: the one it names already, the machine's
# own, or a private one under DIR, which is ended afterwards.
# usage: with-engine.sh DIR COMMAND ARGUMENT...
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$1
shift

if [ -z "${DOCKER_HOST:-}" ]; then
	trap '"$here/engine.sh" stop "$dir"' EXIT
fi
# After a signal the shell still waits for COMMAND, which has had it too, and cleans up.
trap : INT TERM
DOCKER_HOST=$("$here/engine.sh" start "$dir")
export DOCKER_HOST
"$@"
