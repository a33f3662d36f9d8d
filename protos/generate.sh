#!/usr/bin/env bash
# Generates the Python stubs in engine/firstlight/v1 from protos/. With --check: fails where the committed ones differ.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${VENV:-.venv}/bin
out=engine
if [ "${1:-}" = --check ]; then
  out=$(mktemp -d)
  trap 'rm -rf "$out"' EXIT
fi

mkdir -p "$out/firstlight/v1"
find "$out/firstlight/v1" -name '*_pb2*' -delete
PATH="$bin:$PATH" "$bin/python" -m grpc_tools.protoc -I protos \
  --python_out="$out" --mypy_out="quiet:$out" --grpc_python_out="$out" --mypy_grpc_out="quiet:$out" \
  protos/firstlight/v1/*.proto
find "$out/firstlight/v1" -name '*_pb2_grpc.py*' | while read -r stub; do
  grep -q '_SERVICE\|Stub' "$stub" || rm "$stub" # a file without a service has nothing to generate here
done

if [ "$out" != engine ]; then
  diff -r -x __init__.py -x __pycache__ engine/firstlight/v1 "$out/firstlight/v1" ||
    { echo "the stubs are older than the protos: run make protos" >&2; exit 1; }
fi
