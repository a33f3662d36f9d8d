"""Quality by amount of evidence, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from firstlight.cli.output import table

Rows = Sequence[Mapping[str, Any]]
"""Rows of an evaluation as JSON: slice_name, shown, strategy, users, ndcg, ndcg_interval, recall, ..."""


def show_quality(out: Console, rows: Rows) -> None:
    """Print a table for each slice: a line a strategy, a column for each number of interactions shown."""
    if not rows:
        out.print("Nobody held out has enough interactions to be asked about: nothing was measured")
    for name in dict.fromkeys(row["slice_name"] for row in rows):
        part = [row for row in rows if row["slice_name"] == name]
        cells = {(row["strategy"], row["shown"]): row for row in part}
        shown = list(dict.fromkeys(row["shown"] for row in part))
        users = max(row["users"] for row in part)
        lines = [
            (strategy, *(_cell(cells.get((strategy, k))) for k in shown))
            for strategy in dict.fromkeys(row["strategy"] for row in part)
        ]
        columns = ["" if k is None else f"k = {k}" for k in shown]
        title = f"{name}: NDCG@10 / Recall@20, {users} users" + (", by interactions known" if shown != [None] else "")
        out.print(table("strategy", *(f"{column}>" for column in columns), rows=lines, title=title))


def _cell(row: Mapping[str, Any] | None) -> str:
    return "–" if row is None else f"{row['ndcg']:.3f} / {row['recall']:.3f}"
