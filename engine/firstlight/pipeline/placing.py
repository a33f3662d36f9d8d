"""Histories with string ids to arrays of positions; what is stored about a user is placed once and kept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Attributes, Histories, HistoryEntry
from firstlight.pipeline.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Placed:
    """n interactions, oldest first: ``items`` int32, −1 where there is no such item, the rest as in ``Histories``."""

    items: NDArray[np.int32]
    values: NDArray[np.float32]
    types: NDArray[np.int16]
    times: NDArray[np.int64]

    @classmethod
    def of(cls, entries: Sequence[HistoryEntry], items: NDArray[np.int32], types: Mapping[str, int]) -> Placed:
        """``entries`` at ``items`` (n,); a type that the schema does not know is its first."""
        return cls(
            items,
            np.array([math.nan if e.value is None else e.value for e in entries], np.float32),
            np.array([types.get(e.type, 0) for e in entries], np.int16),
            np.array([e.time_us or 0 for e in entries], np.int64),
        )

    def then(self, newer: Placed) -> Placed:
        """Both, one after the other."""
        if not len(newer.items):
            return self
        pairs = ((getattr(one, name) for one in (self, newer)) for name in self.__slots__)
        return Placed(*(np.concatenate(tuple(pair)) for pair in pairs))

    def known(self, most: int) -> Placed:
        """Of the newest ``most`` those that have a position."""
        mask = self.items >= 0
        mask[: max(0, len(mask) - most)] = False
        return self if mask.all() else Placed(*(getattr(self, name)[mask] for name in self.__slots__))


def histories(rows: Sequence[Placed]) -> Histories:
    """``rows`` as one ragged array, one row a query."""
    if not rows:
        return Histories.empty(0)
    if len(rows) == 1:
        (row,) = rows
        return Histories(np.array([0, len(row.items)]), row.items, row.values, row.types, row.times)
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row.items) for row in rows], out=offsets[1:])
    return Histories(offsets, *(np.concatenate([getattr(row, name) for row in rows]) for name in Placed.__slots__))


@dataclass(frozen=True, slots=True)
class UserState:
    """What is stored about a user: attributes, and the newest 100,000 interactions, oldest first."""

    attributes: Attributes = field(default_factory=dict)
    history: tuple[HistoryEntry, ...] = ()
    _placed: tuple[ref[Catalogue], int, Placed] | None = field(default=None, init=False, compare=False, repr=False)

    def placed(self, catalogue: Catalogue, types: Mapping[str, int]) -> Placed:
        """The history in ``catalogue``, looked up once until items are added there."""
        kept, version = self._placed, catalogue.version
        if kept is None or kept[0]() is not catalogue or kept[1] != version:
            items = catalogue.position_of([entry.item_id for entry in self.history])
            kept = (ref(catalogue), version, Placed.of(self.history, items, types))
            object.__setattr__(self, "_placed", kept)  # of what never changes: who comes second writes the same
        return kept[2]
