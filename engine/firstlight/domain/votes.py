"""What a history says of other items, one sparse list for each of its items, and what that adds up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstlight.domain.query import Candidates

_STRIPES = 8
"""For each wanted one, so that two of them are rarely in one stripe."""


@dataclass(frozen=True, slots=True)
class Votes:
    """The lists of n history items of one user over N items, one after the other.

    ``items`` int32 (m,), each at most once in a list, −1 where a list is shorter than its place; ``values`` float32
    (m,); ``lengths`` int64 (n,).
    """

    items: NDArray[np.int32]
    values: NDArray[np.float32]
    lengths: NDArray[np.int64]

    def beside(self, more: Votes) -> Votes:
        """These lists, then those of ``more``."""
        pairs = ((getattr(one, name) for one in (self, more)) for name in self.__slots__)
        return Votes(*(np.concatenate(tuple(pair)) for pair in pairs))

    def totals(self, size: int) -> Totals:
        """Summed by item, of ``size`` N."""
        total = np.zeros(size + 1, np.float32)  # the last one is what −1 adds to
        np.add.at(total, self.items, self.values)  # half the time of np.bincount, which converts both
        return Totals.of(total[:-1])

    def parts(self, candidates: NDArray[np.int32], size: int) -> NDArray[np.float32]:
        """float32 (n, C): what each list says of ``candidates`` (C,), of which none but −1 comes twice."""
        out = np.zeros((len(self.lengths), len(candidates)), np.float32)
        columns = np.argsort(candidates)
        columns = columns[(candidates[columns] >= 0) & (candidates[columns] < size)]
        wanted = np.zeros(size + 1, np.bool_)
        wanted[candidates[columns]] = True
        hits = np.flatnonzero(wanted.take(self.items))  # few: only these are looked up
        lists = np.searchsorted(np.cumsum(self.lengths), hits, side="right")
        out[lists, columns[np.searchsorted(candidates[columns], self.items[hits])]] = self.values[hits]
        return out


@dataclass(frozen=True, slots=True)
class Totals:
    """Numbers of the few items that are not 0: ``items`` int32 (m,), ascending, and ``values`` float32 (m,)."""

    items: NDArray[np.int32]
    values: NDArray[np.float32]

    @classmethod
    def of(cls, numbers: NDArray[np.float32]) -> Totals:
        """Those of ``numbers`` (N,) that are not 0."""
        items = np.flatnonzero(numbers != 0)
        return cls(items.astype(np.int32), numbers.take(items))

    def at(self, positions: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32 (C,) of ``positions`` (C,)."""
        if not len(self.items):
            return np.zeros(len(positions), np.float32)
        places = np.minimum(np.searchsorted(self.items, positions), len(self.items) - 1)
        return np.where(self.items[places] == positions, self.values[places], np.float32(0))

    @classmethod
    def proposed(cls, rows: Sequence[Totals | None], limit: int) -> Candidates:
        """The :meth:`best` of each of B ``rows``, (B, ``limit``); nothing where there are no totals."""
        nothing = cls(np.zeros(0, np.int32), np.zeros(0, np.float32))
        return Candidates.stacked([(totals or nothing).best(limit) for totals in rows], limit)

    def best(self, limit: int) -> Candidates:
        """The up to ``limit`` highest above 0, as the one row (1, L)."""
        near = np.flatnonzero((self.values >= self._floor(limit)) & (self.values > 0))
        near = near[np.argsort(-self.values[near], kind="stable")[:limit]]
        return Candidates(self.items[near][None], self.values[near][None])

    def _floor(self, limit: int) -> np.float32:
        """What the ``limit`` highest reach and few others: of stripes of all numbers, the ``limit``-th highest peak."""
        height = len(self.values) // (_STRIPES * limit) if limit > 0 else 0
        if not height:
            return np.float32(0)
        peaks = self.values[: len(self.values) // height * height].reshape(height, -1).max(axis=0)
        return np.float32(np.partition(peaks, -limit)[-limit])
