"""The early interactions of live items: whom each has met so far, told to components that can use it at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import ItemTable, Queries
from firstlight.errors import PluginError
from firstlight.plugins import Attempt
from firstlight.roles import Component, FoldsInItems

MOST_ITEMS = 500
"""Live items, the newest ones, whose interactions count before the next training."""

MOST_USERS = 64
"""Users of one live item who count: those who met it last."""

_NOBODY = np.zeros((0, 0), np.float32)


@dataclass(frozen=True, slots=True)
class Meeting:
    """A user's newest interaction with the live item at ``position``; ``time_us`` is 0 where it is unknown."""

    position: int
    user_id: str
    time_us: int
    positive: bool


class Early:
    """What components that fold items in know of the live items of one engine. One writer at a time.

    It depends on the newest of what was heard alone, and not on the order in which it was.
    """

    def __init__(self, components: Mapping[str, Component], items: ItemTable) -> None:
        self._folding = {name: c for name, c in components.items() if isinstance(c, FoldsInItems)}
        self._items = items
        # By component, position and user.
        self._met: dict[str, dict[int, dict[str, tuple[Meeting, NDArray[np.float32]]]]] = {n: {} for n in self._folding}

    def __bool__(self) -> bool:
        """Whether any component listens."""
        return bool(self._folding)

    def users_of(self, positions: Collection[int]) -> set[str]:
        """Who counts for one of ``positions``."""
        return {u for met in self._met.values() for position in positions for u in met.get(position, ())}

    def hear(
        self,
        user_ids: Collection[str],
        meetings: Sequence[Meeting],
        queries: Queries,
        removed: NDArray[np.int32],
        attempt: Attempt,
    ) -> None:
        """``meetings`` (n) is all there is between the users ``user_ids`` and live items; nothing else holds any more.

        ``queries`` (n): the user of each meeting, with the whole history. Of that, live items that were ``removed`` do
        not count, as an engine that is opened now would not know them.
        """
        histories = queries.histories
        position = np.array([one.position for one in meetings], np.int32)
        counted = (histories.items < self._items.base_size) | ~np.isin(histories.items, removed)
        counted &= histories.items != position[histories.rows]
        queries = replace(queries, histories=histories.keep(counted))
        oldest = max(self._items.base_size, self._items.size - MOST_ITEMS)
        for name, component in self._folding.items():
            leanings = (
                attempt(name, "user_leanings", partial(_leanings, name, component, queries)) if meetings else None
            )
            met = self._met[name]
            touched = {p for p, users in met.items() if p < oldest or not users.keys().isdisjoint(user_ids)}
            for p in touched:
                met[p] = {} if p < oldest else {u: one for u, one in met[p].items() if u not in user_ids}
            for meeting, leaning in zip(meetings, leanings, strict=True) if leanings is not None else ():
                if meeting.position >= oldest:
                    met.setdefault(meeting.position, {})[meeting.user_id] = (meeting, leaning.copy())
                    touched.add(meeting.position)
            self._move(name, touched, attempt)

    def move(self, positions: Collection[int], attempt: Attempt) -> None:
        """The content of ``positions`` has changed."""
        for name, met in self._met.items():
            self._move(name, met.keys() & positions, attempt)

    def _move(self, name: str, positions: Iterable[int], attempt: Attempt) -> None:
        met = self._met[name]
        for position in sorted(positions):
            newest = sorted(met[position].values(), key=lambda one: (one[0].time_us, one[0].user_id))[-MOST_USERS:]
            met[position] = {meeting.user_id: (meeting, leaning) for meeting, leaning in newest}
            leanings = np.stack([leaning for _, leaning in newest]) if newest else _NOBODY
            positive = np.array([meeting.positive for meeting, _ in newest], np.bool_)
            attempt(name, "move_item", partial(self._folding[name].move_item, position, leanings, positive))
            if not newest:
                del met[position]


def _leanings(name: str, component: FoldsInItems, queries: Queries) -> NDArray[np.float32]:
    found = np.asarray(component.user_leanings(queries), np.float32)
    if found.ndim != 2 or len(found) != len(queries) or not np.isfinite(found).all():
        raise PluginError(f"component {name!r} answered no finite leanings ({len(queries)}, d)")
    return found
