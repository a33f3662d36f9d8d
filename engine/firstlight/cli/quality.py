"""Quality by amount of evidence, as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from rich.console import Console

from firstlight.cli.output import table

Rows = Sequence[Mapping[str, Any]]
"""Rows of an evaluation as JSON: slice_name, shown, strategy, users, ndcg, ndcg_interval, recall, ..., metrics."""


def show_quality(out: Console, rows: Rows) -> None:
    """Print a table for each slice: a line a strategy, a column for each number of interactions shown."""
    if not rows:
        out.print("Nobody held out has enough interactions to be asked about: nothing was measured")
    for name, part in _slices(rows):
        users = max(row["users"] for row in part)
        title = f"{name}: NDCG@10 / Recall@20, {users} users"
        _show(out, part, title, lambda row: f"{row['ndcg']:.3f} / {row['recall']:.3f}")


def show_metrics(out: Console, rows: Rows, metrics: Mapping[str, bool]) -> None:
    """The same tables of plugins' ``metrics``; True where higher is better (↑)."""
    for metric, higher_is_better in metrics.items():
        for name, part in _slices(rows):
            _show(out, part, f"{name}: {metric} {'↑' if higher_is_better else '↓'}", partial(_metric, metric))


def _slices(rows: Rows) -> list[tuple[str, Rows]]:
    names = dict.fromkeys(row["slice_name"] for row in rows)
    return [(name, [row for row in rows if row["slice_name"] == name]) for name in names]


def _show(out: Console, rows: Rows, title: str, cell: Callable[[Mapping[str, Any]], str]) -> None:
    cells = {(row["strategy"], row["shown"]): cell(row) for row in rows}
    shown = list(dict.fromkeys(row["shown"] for row in rows))
    lines = [
        (strategy, *(cells.get((strategy, k), "–") for k in shown))
        for strategy in dict.fromkeys(row["strategy"] for row in rows)
    ]
    columns = ["" if k is None else f"k = {k}" for k in shown]
    title += ", by interactions known" if shown != [None] else ""
    out.print(table("strategy", *(f"{column}>" for column in columns), rows=lines, title=title))


def _metric(name: str, row: Mapping[str, Any]) -> str:
    value = row["metrics"][name]["value"]
    return "–" if value is None else f"{value:.4g}"
