#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The nginx sample from image to proven image, with the engine at DOCKER_HOST: `make demo`.
set -eu
cd "$(dirname "$0")/.."

scripts/sample-images.sh nginx
echo "+ micropack micropack-sample/nginx --tests samples/nginx/tests.sh -o build/demo" >&2
build/release/micropack micropack-sample/nginx --tests samples/nginx/tests.sh -o build/demo
