#!/usr/bin/env bash
# Generates the stubs from ../../protos into src/gen, or into the folder given (an absolute path).
set -euo pipefail
cd "$(dirname "$0")"
out=${1:-$PWD/src/gen}
make -s node_modules/.stamp
rm -rf "$out"/{firstlight,google} "$out"/index*.ts
PATH="$PWD/node_modules/.bin:$PATH" npx --yes @bufbuild/buf@1.75.0 generate ../../protos --template buf.gen.yaml --output "$out"
