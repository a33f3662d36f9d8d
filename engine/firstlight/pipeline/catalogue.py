"""The items of a loaded bundle by id: its own, those added since, and those taken away."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from firstlight.bundle import IdTable
from firstlight.domain import ItemTable

IDS_KEPT = 65_536
"""Ids that are kept as strings: those of the items that are shown most."""


class Catalogue:
    """Ids of positions 0 … N + M − 1 and back, and tombstones.

    One writer at a time; readers need no lock, because an id is there before its position and positions never move.
    """

    def __init__(self, ids: IdTable, items: ItemTable) -> None:
        self.items = items
        self.removed = np.zeros(0, np.int32)
        """Positions that must not be shown, ascending."""
        self.version = 0
        """Rises when items are added: ids that had no position may have one."""
        self._ids = ids
        self._live_ids: list[str] = []
        self._live: dict[str, int] = {}
        self.id_of = lru_cache(IDS_KEPT)(partial(_id_at, ids, self._live_ids))
        """The id at a position."""

    def position_of(self, ids: Sequence[str]) -> NDArray[np.int32]:
        """int32: positions of ``ids``, removed ones included; −1 where there is no such item."""
        if not ids:
            return np.zeros(0, np.int32)
        found = self._ids.position_of(ids)
        if self._live:
            for n in np.flatnonzero(found < 0):
                found[n] = self._live.get(ids[int(n)], -1)
        return found

    def newest_live(self, limit: int) -> list[str]:
        """Ids of the ``limit`` live items that came last, removed ones included, oldest first."""
        return self._live_ids[max(0, len(self._live_ids) - limit) :]

    def put(self, ids: Sequence[str], content: NDArray[np.float32]) -> NDArray[np.int32]:
        """Add items with ``content`` (M, C), or change those that are there; their positions, int32 (M,).

        An item of the bundle keeps its trained vectors until the next training; a removed one is back.
        """
        last = {one: n for n, one in enumerate(ids)}
        positions = self.position_of(list(last))
        new = {one: n for (one, n), position in zip(last.items(), positions, strict=True) if position < 0}
        for (_, n), position in zip(last.items(), positions, strict=True):
            if position >= self.items.base_size and (self.items.content(np.array([position]))[0] != content[n]).any():
                self.items.replace_live(int(position), content[n])
        if new:
            start = self.items.size
            self._live_ids += list(new)
            self.items.append(content[list(new.values())])
            self._live.update({one: start + n for n, one in enumerate(new)})
            self.version += 1
        found = self.position_of(ids)
        self.removed = np.setdiff1d(self.removed, found)
        return found

    def remove(self, ids: Sequence[str]) -> None:
        """Show none of ``ids`` any more; unknown ones are ignored."""
        found = self.position_of(ids)
        self.removed = np.union1d(self.removed, found[found >= 0])


def _id_at(ids: IdTable, live_ids: Sequence[str], position: int) -> str:
    return ids.id_of(position) if position < len(ids) else live_ids[position - len(ids)]
