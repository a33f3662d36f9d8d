"""What a history says of other items, one sparse list for each of its items, and what that adds up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstlight.domain.query import Candidates


@dataclass(frozen=True, slots=True)
class Votes:
    """The lists of n history items of one user over N items, one after the other.

    ``items`` int32 (m,), each at most once in a list; ``values`` float32 (m,); ``lengths`` int64 (n,).
    """

    items: NDArray[np.int32]
    values: NDArray[np.float32]
    lengths: NDArray[np.int64]

    @classmethod
    def of(cls, lists: Sequence[tuple[NDArray[np.int32], NDArray[np.float32]]], weights: NDArray[np.float32]) -> Votes:
        """``lists`` of items and values, each value times the list's weight of ``weights`` (n,)."""
        lengths = np.array([len(items) for items, _ in lists], np.int64)
        items = np.concatenate([np.zeros(0, np.int32), *(items for items, _ in lists)])
        values = np.concatenate([np.zeros(0, np.float32), *(values for _, values in lists)])
        return cls(items, values * np.repeat(weights, lengths), lengths)

    def beside(self, more: Votes) -> Votes:
        """These lists, then those of ``more``."""
        pairs = ((getattr(one, name) for one in (self, more)) for name in self.__slots__)
        return Votes(*(np.concatenate(tuple(pair)) for pair in pairs))

    def totals(self, size: int) -> Totals:
        """Summed by item, of ``size`` N."""
        total = np.zeros(size, np.float32)
        np.add.at(total, self.items, self.values)  # half the time of np.bincount, which converts both
        items = np.flatnonzero(total != 0)
        return Totals(items.astype(np.int32), total.take(items))

    def parts(self, candidates: NDArray[np.int32], size: int) -> NDArray[np.float32]:
        """float32 (n, C): what each list says of ``candidates`` (C,), of which none but −1 comes twice."""
        out = np.zeros((len(self.lengths), len(candidates)), np.float32)
        inside = np.flatnonzero((candidates >= 0) & (candidates < size))
        column = np.zeros(size, np.int32)
        column[candidates[inside]] = 1 + inside
        found = column[self.items]
        hits = np.flatnonzero(found)
        out[np.searchsorted(np.cumsum(self.lengths), hits, side="right"), found[hits] - 1] = self.values[hits]
        return out


@dataclass(frozen=True, slots=True)
class Totals:
    """Numbers of the few items that are not 0: ``items`` int32 (m,), ascending, and ``values`` float32 (m,)."""

    items: NDArray[np.int32]
    values: NDArray[np.float32]

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
        least = np.float32(0)
        if len(self.values) > limit > 0:  # finding the value is faster than finding its place
            least = max(least, np.partition(self.values, -limit)[-limit])
        near = np.flatnonzero((self.values >= least) & (self.values > 0))
        return Candidates.best(self.values[near][None], limit, positions=self.items[near])
