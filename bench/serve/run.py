"""How fast it serves, beside an echo in the same run: ``make bench-serve``.

Prints one table of the figures to reach and those behind it, and writes RESULTS.md to ``--out``; what RESULTS.md holds
below its heading "What was tried" is kept by hand and stays. Homes are kept under ``--cache`` by the hash of the code
they depend on. ``--quick`` takes short rounds of a small catalogue alone: whether it works, not how fast it is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import catalogues
import driving
from asking import CACHED, ROUTES, dataset, requests
from goals import LARGE, MIDDLE, SMALL
from measuring import Measured, Plan, first_answer, measure
from profiling import stages
from rich.console import Console
from writing import tables, write

HERE = Path(__file__).parent
NOTES = "## What was tried"


def log(text: str) -> None:
    """A line with the time of day."""
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Measure, print, write; the exit code is 1 where a program is missing."""
    given = arguments()
    if lacking := driving.missing():
        print(f"not installed: {', '.join(lacking)} (h2load is in Debian's nghttp2-client)", file=sys.stderr)
        return 1
    measured: dict[int, Measured] = {}
    profiles: dict[str, dict[str, float]] = {}
    start_s = None
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as name:
        work = Path(name)
        binary = driving.build(work)
        for items in given.items:
            log(f"{items:,} items: the catalogue")
            settings = catalogues.catalogue(given.cache, items)
            log(f"{items:,} items: serving")
            main_one = items == MIDDLE or given.quick
            plan = Plan(given.rounds, given.seconds, latencies=main_one, new_users=main_one)
            measured[items] = measure(settings, items, plan, binary, work)
            if main_one:
                start_s = first_answer(settings, given.rounds)
                data = dataset(settings)
                profiles |= {
                    f"Microseconds by stage, {route}, {CACHED}, {items:,} items": stages(
                        settings, requests(data, CACHED, route), given.rounds
                    )
                    for route in ROUTES
                }
    found = tables(measured, start_s, profiles)
    console = Console(width=None if sys.stdout.isatty() else 180)
    for table in found:
        table.show(console)
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / "RESULTS.md"
    kept = path.read_text("utf-8").partition(NOTES)[2] if path.exists() else ""
    write(path, found, NOTES + kept if kept else "")
    return 0


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=_sizes, default=(SMALL, MIDDLE, LARGE), help="catalogues, between commas")
    parser.add_argument("--rounds", type=int, default=5, help="of server and echo by turns")
    parser.add_argument("--seconds", type=int, default=4, help="of each round")
    parser.add_argument("--quick", action="store_true", help="one short round of the smallest catalogue")
    parser.add_argument("--cache", type=Path, default=Path(".cache/bench-serve"), help="where homes are kept")
    parser.add_argument("--out", type=Path, default=HERE, help="where RESULTS.md goes")
    given = parser.parse_args()
    if given.quick:
        given.items, given.rounds, given.seconds = given.items[:1], 1, 1
    return given


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
