"""Encoders of one attribute each: a list of its values in, some float32 columns out. None encodes as zeros.

Every block is a frozen dataclass of plain values, so its JSON is its state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Attribute, Attributes, AttributeValue, Kind
from firstlight.domain.values import convert

Values = Sequence[AttributeValue | None]


def tokens(value: AttributeValue | None) -> tuple[str, ...]:
    """The categories in one value: none, one, or those of a multi-valued attribute."""
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, tuple) else (str(value),)


def number(value: AttributeValue | None) -> float:
    """A number as it is, a time as a year with its fraction, NaN where there is nothing."""
    if value is None:
        return np.nan
    if isinstance(value, datetime):
        return value.year + (value.timetuple().tm_yday - 1) / 366
    return float(value)  # type: ignore[arg-type]  # numeric kinds hold numbers only


def frequent(values: Values, least: int) -> Iterator[tuple[int, str]]:
    """(holders, token) of each token held by at least ``least`` values."""
    held = Counter(token for value in values for token in set(tokens(value)))
    return ((count, token) for token, count in held.items() if count >= least)


@dataclass(frozen=True)
class OneHot:
    """One column a category; several may hold for a multi-valued attribute, none for an unknown category."""

    field: str
    vocabulary: tuple[str, ...]

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {token: n for n, token in enumerate(self.vocabulary)}

    @property
    def names(self) -> tuple[str, ...]:
        """``field=category``, one a column."""
        return tuple(f"{self.field}={token}" for token in self.vocabulary)

    def encode(self, values: Values) -> NDArray[np.float32]:
        """float32 (n, columns)."""
        out = np.zeros((len(values), len(self.vocabulary)), np.float32)
        for row, value in enumerate(values):
            for token in tokens(value):
                column = self._columns.get(token)
                if column is not None:
                    out[row, column] = 1.0
        return out


@dataclass(frozen=True)
class Bands:
    """One column a quantile band of a number. ``edges``: inner limits, each the first value of the band above it."""

    field: str
    edges: tuple[float, ...]
    labels: tuple[str, ...]

    @classmethod
    def fit(cls, field: str, values: Values, bands: int) -> Bands | None:
        """About ``bands`` bands of equal count; None where there are not two different numbers."""
        numbers = np.array([number(v) for v in values])
        numbers = np.sort(numbers[np.isfinite(numbers)])
        distinct = np.unique(numbers)
        if len(distinct) < 2:
            return None
        if len(distinct) <= bands:
            edges = distinct[1:]
        else:
            starts = np.unique(numbers[len(numbers) * np.arange(1, bands) // bands])
            edges = starts[starts > distinct[0]]
        whole = bool((distinct == np.floor(distinct)).all())
        inner = [_range(distinct, low, high, whole) for low, high in pairwise(edges)]
        below = distinct[distinct < edges[0]].max()
        labels = (f"≤{_short(below)}" if whole else f"<{_short(edges[0])}", *inner, f"≥{_short(edges[-1])}")
        return cls(field, tuple(float(e) for e in edges), labels)

    @property
    def names(self) -> tuple[str, ...]:
        """``age=25–31``, one a band."""
        return tuple(f"{self.field}={label}" for label in self.labels)

    def encode(self, values: Values) -> NDArray[np.float32]:
        """float32 (n, bands): 1 in the band that holds the value."""
        numbers = np.array([number(v) for v in values])
        out = np.zeros((len(values), len(self.labels)), np.float32)
        known = np.flatnonzero(np.isfinite(numbers))
        out[known, np.searchsorted(self.edges, numbers[known], side="right")] = 1.0
        return out


def _range(distinct: NDArray[np.float64], low: float, high: float, whole: bool) -> str:
    if not whole:
        return f"{_short(low)}–{_short(high)}"
    last = distinct[distinct < high].max()
    return _short(low) if last == low else f"{_short(low)}–{_short(last)}"


def _short(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.4g}"


@dataclass(frozen=True)
class Standard:
    """One column: (value − mean) / deviation, cut to ±3."""

    field: str
    mean: float
    deviation: float

    @classmethod
    def fit(cls, field: str, values: Values) -> Standard | None:
        """None where there are not two different numbers."""
        numbers = np.array([number(v) for v in values])
        numbers = numbers[np.isfinite(numbers)]
        if len(numbers) < 2 or numbers.std() == 0:
            return None
        return cls(field, float(numbers.mean()), float(numbers.std()))

    @property
    def names(self) -> tuple[str, ...]:
        """The attribute's own name."""
        return (self.field,)

    def encode(self, values: Values) -> NDArray[np.float32]:
        """float32 (n, 1)."""
        numbers = np.array([number(v) for v in values], np.float64).reshape(-1, 1)
        scaled = np.clip((numbers - self.mean) / self.deviation, -3, 3)
        return np.nan_to_num(scaled).astype(np.float32)


def values_of(schema: Sequence[Attribute], rows: Sequence[Attributes]) -> dict[str, list[AttributeValue | None]]:
    """Converted values by attribute; all text attributes together, joined, under :func:`text_field`."""
    columns: dict[str, list[AttributeValue | None]] = {
        a.name: [None if row.get(a.name) is None else convert(row[a.name], a) for row in rows]
        for a in schema
        if a.kind not in (Kind.ID, Kind.IGNORE)
    }
    texts = [columns[a.name] for a in schema if a.kind is Kind.TEXT]
    if texts:
        columns[text_field(schema)] = [" ".join(str(t) for t in row if t) for row in zip(*texts, strict=True)]
    return columns


def text_field(schema: Sequence[Attribute]) -> str:
    """The name of all text attributes together, empty for none."""
    return "+".join(a.name for a in schema if a.kind is Kind.TEXT)
