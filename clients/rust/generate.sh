#!/usr/bin/env bash
# Writes the Rust stubs of protos/ into the directory $1, by default their committed place.
set -euo pipefail
cd "$(dirname "$0")"
out=${1:-$PWD/src/v1}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/firstlight/cargo}
image=$(mktemp -d)
trap 'rm -rf "$image"' EXIT

touch generator/src/*.rs # a build that another checkout left looks fresh to cargo
mkdir -p "$out"
npx --yes @bufbuild/buf@1.75.0 build ../../protos -o "$image/protos.binpb"
cargo run --quiet --manifest-path generator/Cargo.toml -- "$image/protos.binpb" "$out"
