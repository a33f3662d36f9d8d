#!/usr/bin/env bash
# Generates the stubs of protos/ into the directory OUT (default: the committed ones in v1/).
# Usage: generate.sh [OUT]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:-$here/v1}
tools=${XDG_CACHE_HOME:-$HOME/.cache}/firstlight/go/bin

# From outside the module: the generators are no dependency of the client.
cd "$here/../../protos"
mkdir -p "$tools" "$out"
GOBIN=$tools GOWORK=off go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
GOBIN=$tools GOWORK=off go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2

find "$out" -maxdepth 1 -name '*.pb.go' -delete # a file whose proto is gone must not stay
PATH=$tools:$PATH npx --yes @bufbuild/buf@1.75.0 generate --template "$here/buf.gen.yaml" --output "$out"
