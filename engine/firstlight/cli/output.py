"""What commands print: results on stdout, progress on stderr, tables that fit 100 columns."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from firstlight.roles import Progress as OnProgress

WIDTH = 100
"""Columns where the output is no terminal, and the most used where it is one."""


def console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr, at most :data:`WIDTH` columns wide."""
    out = Console(stderr=stderr, highlight=False)
    out.width = min(out.width, WIDTH) if out.is_terminal else WIDTH
    return out


def print_json(data: object) -> None:
    """One JSON document on stdout."""
    print(json.dumps(data, ensure_ascii=False, indent=2, default=str))


def table(*columns: str, rows: Iterable[Sequence[object]], title: str | None = None) -> Table:
    """A plain table; columns that end in ``>`` are right-aligned."""
    out = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for name in columns:
        out.add_column(name.rstrip(">"), justify="right" if name.endswith(">") else "left", overflow="fold")
    for row in rows:
        out.add_row(*(str(cell) for cell in row))
    return out


def show_table(*columns: str, rows: Sequence[Sequence[object]], empty: str) -> None:
    """Print a table, or the sentence ``empty`` where there are no rows."""
    out = console()
    out.print(table(*columns, rows=rows) if rows else empty)


@contextmanager
def progress_groups() -> Iterator[Callable[[str], OnProgress]]:
    """Bars for work that runs at the same time: each label gives a callback ``(stage, share)`` of its own.

    A bar a stage; a line a stage where stderr is no terminal. Callbacks may come from several threads.
    """
    err = console(stderr=True)
    if not err.is_terminal:
        start = time.monotonic()
        yield lambda label: _StageLines(err, label, start)
        return
    bars = Progress(
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        console=err,
    )
    with bars:
        yield lambda label: _StageBars(bars, label)


@contextmanager
def progress_bars() -> Iterator[OnProgress]:
    """The callback of one piece of work."""
    with progress_groups() as group:
        yield group("")


class _StageBars:
    def __init__(self, bars: Progress, label: str) -> None:
        self._bars = bars
        self._label = label
        self._tasks: dict[str, TaskID] = {}
        self._current: str | None = None

    def __call__(self, stage: str, share: float) -> None:
        if stage != self._current and self._current is not None:
            self._bars.update(self._tasks[self._current], completed=1.0)
        self._current = stage
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(self._label + stage, total=1.0)
        self._bars.update(self._tasks[stage], completed=min(max(share, 0.0), 1.0))


class _StageLines:
    def __init__(self, out: Console, label: str, start: float) -> None:
        self._out = out
        self._label = label
        self._start = start
        self._stage: str | None = None

    def __call__(self, stage: str, _share: float) -> None:
        if stage != self._stage:
            self._stage = stage
            self._out.print(f"[{time.monotonic() - self._start:6.1f} s] {self._label}{stage}", markup=False)


def fields(rows: dict[str, Any]) -> None:
    """Print ``name  value`` lines."""
    out = Table(box=None, pad_edge=False, show_header=False)
    out.add_column(style="dim")
    out.add_column(overflow="fold")
    for name, value in rows.items():
        out.add_row(name, str(value))
    console().print(out)
