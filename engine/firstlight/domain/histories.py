"""What a batch of users did, oldest first: a ragged array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Histories:
    """B histories in one flat array each; row b is ``[offsets[b], offsets[b + 1])``.

    ``offsets`` int64 (B + 1,); ``items`` int32 (n,) item positions; ``values`` float32 (n,), NaN where an
    interaction has no value; ``types`` int16 (n,) index into ``Schema.types``; ``times`` int64 (n,) microseconds
    since 1970, 0 where unknown. Within a row interactions are ordered by time, ties by item position.
    """

    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    values: NDArray[np.float32]
    types: NDArray[np.int16]
    times: NDArray[np.int64]

    @classmethod
    def empty(cls, rows: int) -> Histories:
        """``rows`` users who did nothing."""
        return cls.from_rows([[] for _ in range(rows)])

    @classmethod
    def from_rows(
        cls,
        items: Sequence[Sequence[int]],
        values: Sequence[Sequence[float]] | None = None,
        types: Sequence[Sequence[int]] | None = None,
        times: Sequence[Sequence[int]] | None = None,
    ) -> Histories:
        """From nested sequences, one inner sequence a user; what is missing becomes NaN, type 0 and time 0."""
        offsets = np.zeros(len(items) + 1, np.int64)
        np.cumsum([len(row) for row in items], out=offsets[1:])
        size = int(offsets[-1])

        def flat(rows: Sequence[Sequence[float]] | None, default: float, dtype: type) -> NDArray[np.generic]:
            if rows is None:
                return np.full(size, default, dtype)
            return np.fromiter((x for row in rows for x in row), dtype, count=size)

        return cls(
            offsets,
            flat(items, 0, np.int32),  # type: ignore[arg-type]  # numpy cannot tell dtype from a value
            flat(values, np.nan, np.float32),  # type: ignore[arg-type]
            flat(types, 0, np.int16),  # type: ignore[arg-type]
            flat(times, 0, np.int64),  # type: ignore[arg-type]
        )

    @classmethod
    def from_events(
        cls,
        rows: NDArray[np.integer],
        items: NDArray[np.integer],
        values: NDArray[np.floating],
        types: NDArray[np.integer],
        times: NDArray[np.integer],
        *,
        size: int,
    ) -> Histories:
        """From flat, unordered events of ``size`` users: sorted by user, then time, then item position."""
        order = np.lexsort((items, times, rows))
        offsets = np.zeros(size + 1, np.int64)
        np.cumsum(np.bincount(rows, minlength=size), out=offsets[1:])
        return cls(
            offsets,
            items[order].astype(np.int32),
            values[order].astype(np.float32),
            types[order].astype(np.int16),
            times[order].astype(np.int64),
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Interactions per row, int64 (B,)."""
        return self.offsets[1:] - self.offsets[:-1]

    @property
    def rows(self) -> NDArray[np.int64]:
        """The row each flat entry belongs to, int64 (n,)."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def positive(self, threshold: float) -> NDArray[np.bool_]:
        """bool (n,): entries without a value, or with a value of at least ``threshold``."""
        return np.isnan(self.values) | (self.values >= threshold)

    def of(self, row: int) -> NDArray[np.int32]:
        """Item positions of one row, oldest first."""
        return self.items[self.offsets[row] : self.offsets[row + 1]]

    def keep(self, mask: NDArray[np.bool_]) -> Histories:
        """The same rows with only the entries where ``mask`` (n,) is true; these histories themselves where all are."""
        if mask.all():
            return self
        offsets = np.concatenate([[0], np.cumsum(mask, dtype=np.int64)])[self.offsets]
        return Histories(offsets, self.items[mask], self.values[mask], self.types[mask], self.times[mask])

    def take(self, rows: NDArray[np.integer]) -> Histories:
        """The given rows, in the given order."""
        lengths = self.lengths[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        index = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - self.offsets[:-1][rows], lengths)
        return Histories(offsets, self.items[index], self.values[index], self.types[index], self.times[index])

    def ages(self) -> NDArray[np.int64]:
        """int64 (n,): 0 for a row's newest entry, 1 for the one before it, ..."""
        return self.offsets[1:][self.rows] - 1 - np.arange(len(self.items))

    def ranks(self) -> NDArray[np.int64]:
        """int64 (n,): 0 for a row's oldest entry, 1 for the next, ..."""
        return np.arange(len(self.items)) - self.offsets[:-1][self.rows]

    def newest(self, count: int) -> Histories:
        """The last ``count`` entries of each row."""
        return self.keep(self.ages() < count)

    def oldest(self, count: int) -> Histories:
        """The first ``count`` entries of each row."""
        return self.keep(self.ranks() < count)

    def distinct(self) -> Histories:
        """The newest entry of each item in each row, order kept."""
        keys = np.sort(self.rows << 32 | self.items.astype(np.uint32))
        return self.keep(self.last_of_each()) if (keys[1:] == keys[:-1]).any() else self

    def last_of_each(self) -> NDArray[np.bool_]:
        """bool (n,): whether an entry is the newest of its item in its row."""
        order = np.lexsort((np.arange(len(self.items)), self.items, self.rows))
        last = np.ones(len(order), bool)
        last[:-1] = (np.diff(self.items[order]) != 0) | (np.diff(self.rows[order]) != 0)
        mask = np.zeros(len(order), bool)
        mask[order[last]] = True
        return mask

    def holding(self, positions: NDArray[np.integer]) -> NDArray[np.bool_]:
        """bool (B, C): whether each of ``positions`` (B, C) is among the items of its row."""
        width = 2 + max(int(positions.max(initial=0)), int(self.items.max(initial=0)))
        keys = np.arange(len(positions))[:, None] * width + positions + 1
        return np.asarray(np.isin(keys, self.rows * width + self.items + 1))

    def split(self, *arrays: NDArray[Any]) -> list[tuple[NDArray[Any], ...]]:
        """Each row's part of every one of ``arrays`` (n,)."""
        return [tuple(array[a:b] for array in arrays) for a, b in pairwise(self.offsets.tolist())]

    def shuffled(self, seed: int) -> Histories:
        """Each row in a seeded random order: for histories whose order carries no meaning."""
        order = np.lexsort((np.random.default_rng(seed).random(len(self.items)), self.rows))
        return Histories(self.offsets, self.items[order], self.values[order], self.types[order], self.times[order])

    def padded(self, length: int) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int16]]:
        """The newest ``length`` entries as dense (B, length) arrays, oldest first, left-aligned.

        Items are padded with −1, values with NaN, types with 0.
        """
        cut = self.newest(length)
        at = (cut.rows, cut.ranks())
        items = np.full((len(self), length), -1, np.int32)
        values = np.full((len(self), length), np.nan, np.float32)
        types = np.zeros((len(self), length), np.int16)
        items[at], values[at], types[at] = cut.items, cut.values, cut.types
        return items, values, types
