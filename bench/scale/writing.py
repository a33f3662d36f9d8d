"""The tables, and RESULTS.md."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from growth import exponents, goals
from measuring import Measurement
from table import Table

PLOT = "growth.png"
STAGES = ("read", "cross-fit", "fusion", "refit", "export", "parity", "activate")
INTRODUCTION = (
    "`make bench-scale`: generated data ([how](generating.py)), imported into a new SQLite home, then a whole training "
    "run on the CPU: read, cross-fit, fusion, refit, export, parity, gate. Import and training are processes of their "
    "own; memory is the peak of the resident set. Goals of time count the whole training run; the import is beside it."
)


def tables(measured: Sequence[Measurement]) -> list[Table]:
    """Goals, sizes, stages of training, exponents."""
    words = {True: "yes", False: "no", None: "open"}
    labels = list(dict.fromkeys(one.plan.label for one in measured))
    slopes = {label: exponents(measured, label) for label in labels}
    reached = [[goal.name, goal.goal, goal.reached, words[goal.done]] for goal in goals(measured)]
    return [
        Table("Goals", ["", "goal", "reached", ""], reached),
        Table(
            "Sizes",
            ["preset", "interactions", "users", "items", "import s", "import MiB", "training s", "training MiB",
             "bundle MiB"],
            [_size(one) for one in measured],
        ),
        Table(
            "Seconds of a training run, by stage",
            ["preset", "interactions", *STAGES],
            [
                [one.plan.label, f"{one.interactions:,}", *_numbers(one.train["stages"].get(s, 0.0) for s in STAGES)]
                for one in measured
                if not one.error
            ],
        ),
        Table(
            "Exponents: 1 is linear",
            ["preset", *slopes[labels[0]]],
            [[label, *_slopes(slopes[label].values())] for label in labels],
        ),
    ]  # fmt: skip


def write(folder: Path, measured: Sequence[Measurement], *, plot: bool) -> None:
    """RESULTS.md; ``plot``: whether there is one."""
    machines = dict.fromkeys(one.machine for one in measured)
    parts = ["# How training grows with the data", INTRODUCTION]
    parts += [f"![time and memory]({PLOT})"] if plot else []
    parts += [table.markdown() for table in tables(measured)]
    parts += [f"Measured on {text}." for text in machines]
    (folder / "RESULTS.md").write_text("\n\n".join(parts) + "\n", "utf-8")


def _size(one: Measurement) -> list[str]:
    row = [one.plan.label, f"{one.interactions or one.plan.size:,}", f"{one.users:,}", f"{one.items:,}"]
    row += _numbers([one.import_["seconds"], one.import_["peak_mib"]]) if one.import_ else ["–", "–"]
    if one.error:
        return [*row, one.error, "–", "–"]
    return [*row, *_numbers([one.train["seconds"], one.train["peak_mib"], one.train["bundle_mib"]])]


def _numbers(values: Iterable[float]) -> list[str]:
    return [f"{value:,.1f}" if value < 10 else f"{value:,.0f}" for value in values]


def _slopes(values: Iterable[float]) -> list[str]:
    return ["–" if math.isnan(value) else f"{value:.2f}" for value in values]
