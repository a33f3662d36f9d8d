"""Starts the conformance cases or the benchmark with the Python client; prints JSON, one object on a line."""

from __future__ import annotations

import argparse
from pathlib import Path

import bench
import conformance


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--aio", action="store_true", help="use the asyncio client")
    commands = parser.add_subparsers(required=True)
    cases = commands.add_parser("conformance")
    cases.set_defaults(run=conformance.run)
    cases.add_argument("--cases", type=Path, required=True)
    cases.add_argument("--server", required=True)
    cases.add_argument("--faults", type=lambda text: text.split(","), required=True)
    cases.add_argument("--tls", required=True)
    cases.add_argument("--ca", required=True)
    cases.add_argument("--run", dest="run_id", required=True)
    timing = commands.add_parser("bench")
    timing.set_defaults(run=bench.run)
    timing.add_argument("--server", required=True)
    timing.add_argument("--in-flight", type=int, default=16)
    timing.add_argument("--request", type=Path, required=True)
    given = parser.parse_args()
    given.run(given)


if __name__ == "__main__":
    main()
