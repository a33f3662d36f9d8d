"""How training time and peak memory grow with the data: ``make bench-scale``.

For each size: generated data (``generating.py``) as Parquet, imported into a new home with SQLite, then one training
run with everything in it, on the CPU; each step in a process of its own (``steps.py``), which tells its seconds and the
peak of its resident memory. The goals take three runs::

    run.py                                                                             # the curve, preset small
    run.py --preset base --sizes 100000,1000000 --time-budget 15
    run.py --closed-forms-only --sizes 10000000

Prints tables and writes RESULTS.md and a plot to ``--out``, of all that was measured so far and kept there in
``measurements.json``; measuring again replaces. The exit code is 1 where a step failed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # what benchmarks share

from drawing import draw
from measuring import Measurement, Plan, keep, measure
from rich.console import Console
from writing import PLOT, tables, write

HERE = Path(__file__).parent
SIZES = (100_000, 300_000, 1_000_000, 3_000_000)
LEAST = 500


def main() -> int:
    """Measure, print, write."""
    given = arguments()
    every: list[Measurement] = []
    failed = False
    for size in given.sizes:
        plan = Plan(size, given.preset, given.closed_forms_only, given.time_budget)
        measured = measure(plan, given.work / f"{size}")
        failed = failed or bool(measured.error)
        every = keep(given.out / "measurements.json", measured)
        write(given.out, every, plot=draw(every, given.out / PLOT))
        print(f"{size:,}: {measured.error or 'done'}", file=sys.stderr, flush=True)
    console = Console(width=None if sys.stdout.isatty() else 200)
    for table in tables(every):
        table.show(console)
    return 1 if failed else 0


def sizes(text: str) -> list[int]:
    """Whole numbers between commas.

    Raises:
        ValueError: something else, or too small a number.
    """
    found = [int(part) for part in text.split(",")]
    if min(found) < LEAST:
        raise ValueError(text)
    return found


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=sizes, default=SIZES, help=f"interactions, {LEAST} or more, between commas")
    parser.add_argument("--preset", choices=("small", "base", "large"), default="small")
    parser.add_argument("--time-budget", type=float, metavar="MIN", help="of a training run; default: none")
    parser.add_argument("--closed-forms-only", action="store_true", help="without sequence and student")
    parser.add_argument("--work", type=Path, default=Path(".cache/bench-scale"), help="files while it runs")
    parser.add_argument("--out", type=Path, default=HERE, help="where RESULTS.md and the plot go")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
