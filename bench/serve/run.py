"""How fast it serves, beside an echo in the same run: ``make bench-serve``.

Prints the figures to reach and tables of those behind them, and writes RESULTS.md to ``--out``; what that holds below
its heading "What was tried" is kept by hand and stays. ``--only`` measures some of the parts; the others keep what
``measurements.json`` beside it tells of them. Homes are kept under ``--cache`` by the hash of the code they depend on.
``--quick`` takes short rounds of small catalogues, and reaches no figure: whether it works, not how fast it is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # what benchmarks share

import driving
import freshness
import loads
import memory
import overload
import swaps
import workers
import writes
from goals import LARGE, MIDDLE, SMALL
from parts import Run, keep, log, read
from rich.console import Console
from writing import figures, write

HERE = Path(__file__).parent
PARTS = {
    "loads": loads.PART,
    "workers": workers.PART,
    "memory": memory.PART,
    "freshness": freshness.PART,
    "writes": writes.PART,
    "swaps": swaps.PART,
    "overload": overload.PART,
}


def main() -> int:
    """Measure, write and print; the exit code is 1 where a program is missing."""
    given = arguments()
    if lacking := driving.missing():
        print(f"not installed: {', '.join(lacking)} (h2load is in Debian's nghttp2-client)", file=sys.stderr)
        return 1
    given.out.mkdir(parents=True, exist_ok=True)
    kept = given.out / "measurements.json"
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as name:
        generator = driving.build(Path(name))
        run = Run(given.items, given.rounds, given.seconds, given.quick, given.cache, Path(name), generator)
        for part in given.only:
            log(part)
            with tempfile.TemporaryDirectory(prefix=f"{part}-", dir=name) as work:
                measured = PARTS[part].measure(replace(run, work=Path(work)))
            keep(kept, part, replace(measured, goals=PARTS[part].goals) if given.quick else measured)
            write(given.out / "RESULTS.md", PARTS, read(kept))
    found = read(kept)
    console = Console(width=None if sys.stdout.isatty() else 180)
    for table in (figures(PARTS, found), *(table for part in given.only for table in found[part].tables)):
        table.show(console)
    return 0


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=_parts, default=tuple(PARTS), help=f"of {','.join(PARTS)}, between commas")
    parser.add_argument("--items", type=_sizes, default=(SMALL, MIDDLE, LARGE), help="catalogues, between commas")
    parser.add_argument("--rounds", type=int, default=5, help="of server and echo by turns")
    parser.add_argument("--seconds", type=int, default=4, help="of each round")
    parser.add_argument("--quick", action="store_true", help="one short round of the smallest catalogue")
    parser.add_argument("--cache", type=Path, default=Path(".cache/bench-serve"), help="where homes are kept")
    parser.add_argument("--out", type=Path, help="where RESULTS.md goes; default: here, .cache/bench-quick if quick")
    given = parser.parse_args()
    if given.quick:
        given.items, given.rounds, given.seconds = given.items[:1], 1, 1
    given.out = given.out or (Path(".cache/bench-quick") if given.quick else HERE)
    return given


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _parts(text: str) -> tuple[str, ...]:
    found = tuple(text.split(","))
    if unknown := set(found) - set(PARTS):
        raise argparse.ArgumentTypeError(f"no such part: {', '.join(sorted(unknown))}")
    return found


if __name__ == "__main__":
    sys.exit(main())
