#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The nginx sample from image to proven image: `make demo`. The engine is the one that answers, or a
# private one under build/engine, which is ended afterwards.
set -eu
cd "$(dirname "$0")/.."

# shellcheck disable=SC2317
cleanup()
{
	scripts/engine.sh stop build/engine
}
trap cleanup EXIT

DOCKER_HOST=$(scripts/engine.sh start build/engine)
export DOCKER_HOST
scripts/sample-images.sh nginx
echo "+ micropack micropack-sample/nginx --tests samples/nginx/tests.sh -o build/demo" >&2
build/release/micropack micropack-sample/nginx --tests samples/nginx/tests.sh -o build/demo
