#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The data directory may be a volume that root owns: hand it over, then become redis.
set -e

if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
	find . ! -user redis -exec chown redis '{}' +
	exec setpriv --reuid redis --regid redis --init-groups "$0" "$@"
fi

umask 077
exec "$@"
