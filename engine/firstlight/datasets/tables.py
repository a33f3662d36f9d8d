"""What every reader makes of a file, and which endings of file names are read without plugins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from firstlight.datasets.rejects import Reject

PARQUET = (".parquet", ".pq")
JSON_LINES = (".jsonl", ".ndjson", ".json")
BUILT_IN_SUFFIXES = (*PARQUET, *JSON_LINES, ".csv", ".tsv", ".txt")
"""Endings that no plugin can take. Files with others that nobody reads are taken for delimited text."""


def is_built_in(path: Path) -> bool:
    """Whether ``path`` is read without plugins, whatever they register."""
    return path.name.lower().endswith(BUILT_IN_SUFFIXES)


@dataclass(frozen=True)
class Table:
    """The readable rows of a file. Columns are strings (all of a CSV), numbers, truth values, times, or lists.

    ``lines``: where each row is, see :class:`Reject`; ``rejects``: rows that could not be read; ``left_out``: columns
    that could not be, with the reason.
    """

    path: Path
    frame: pl.DataFrame
    lines: Sequence[int]
    rejects: tuple[Reject, ...] = ()
    left_out: tuple[str, ...] = ()

    def reject(self, row: int, reason: str) -> Reject:
        """Leave out row number ``row`` of the frame."""
        content = {name: value for name, value in self.frame.row(row, named=True).items() if value is not None}
        return Reject(str(self.path), self.lines[row], reason, content)


def series(name: str, values: Sequence[Any]) -> pl.Series:
    """A column of JSON values. A mixture becomes text, as does what no column type fits."""
    types = {type(value) for value in values if value is not None}
    if types <= {int, float} and float in types:
        return pl.Series(name, values, pl.Float64, strict=False)
    if types == {int} and all(value is None or abs(value) < 1 << 63 for value in values):
        return pl.Series(name, values, pl.Int64)
    if types == {bool}:
        return pl.Series(name, values, pl.Boolean)
    if types == {list}:
        parts = {type(part) for value in values for part in value or ()}
        if parts <= {str}:
            return pl.Series(name, values, pl.List(pl.String))
        if parts <= {int, float}:
            return pl.Series(name, values, pl.List(pl.Float64), strict=False)
    texts = [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
    return pl.Series(name, [text or None for text in texts], pl.String)
