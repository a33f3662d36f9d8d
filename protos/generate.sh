#!/usr/bin/env bash
# Generates every committed stub from protos/ and copies service_config.json to every client that ships it.
# With --check: changes nothing, and fails where what is committed differs.
# Needs npx (buf runs by it, with local plugins only) and, for each client, its language's tools. Java's stubs are made
# by its own build; its Calls.java is committed.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
bin=$root/${VENV:-.venv}/bin
check=${1:-}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

command -v npx >/dev/null || { echo "protos/generate.sh needs npx, which comes with npm" >&2; exit 1; }

# Where each client keeps its stubs, and nothing but its stubs: a folder, or a file.
declare -A stubs=([go]=clients/go/v1 [typescript]=clients/typescript/src/gen [rust]=clients/rust/src/v1
  [java]=clients/java/src/main/java/dev/firstlight/client/Calls.java)

python_stubs() { # python_stubs OUT
  (cd protos && PATH="$bin:$PATH" npx --yes @bufbuild/buf@1.75.0 generate --output "$1")
  # The typing plugin makes an empty file for a proto without a service; the module it would type is not there.
  for typed in "$1"/firstlight/v1/*_pb2_grpc.pyi; do
    [ -e "${typed%i}" ] || rm "$typed"
  done
}

replace() { # replace NEW OLD: NEW becomes OLD, or with --check must equal it; what is written by hand stays
  if [ -n "$check" ]; then
    diff -r -x __init__.py -x __pycache__ "$2" "$1" >&2 || { echo "$2 is older than protos/: run make protos" >&2; failed=1; }
  elif [ -d "$1" ]; then
    mkdir -p "$2"
    find "$2" -type f ! -name __init__.py -delete
    cp -R "$1/." "$2"
  else
    cp "$1" "$2"
  fi
}

failed=
python_stubs "$tmp/python"
replace "$tmp/python/firstlight/v1" engine/firstlight/v1
for language in "${!stubs[@]}"; do
  if [ -x "clients/$language/generate.sh" ]; then
    "clients/$language/generate.sh" "$tmp/$language"
    replace "$tmp/$language" "${stubs[$language]}"
  fi
done
while read -r copy; do
  replace protos/service_config.json "$copy"
done < <(find engine clients -name service_config.json -not -path '*/node_modules/*' -not -path '*/target/*' -not -path '*/dist/*')
[ -z "$failed" ]
