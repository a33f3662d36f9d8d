#!/usr/bin/env bash
# Writes the methods of the Java client, one for each rpc of protos/, into the file OUT (default: the committed one).
# Its stubs are made by its own build. Usage: generate.sh [OUT]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python3 "$here/generate.py" "${1:-$here/src/main/java/dev/firstlight/client/Calls.java}"
