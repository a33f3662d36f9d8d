"""What is stored about users, kept in memory for those who asked last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from firstlight.domain import HistoryEntry, Query
from firstlight.pipeline.placing import UserState
from firstlight.pipeline.preparing import MAX_GIVEN_HISTORY
from firstlight.store import Store

Key = tuple[str, str]
"""Catalogue and user id."""

_TRIES = 3


class UserCache:
    """User states by (catalogue, user), the ``size`` last used. Safe to share among threads.

    A user nobody stored has an empty state, which is kept too.
    """

    def __init__(self, store: Store, size: int) -> None:
        self._store = store
        self._size = size
        self._states: OrderedDict[Key, UserState] = OrderedDict()
        self._lock = threading.Lock()
        self._loading: list[set[Key]] = []
        """For each load under way, the users that changed meanwhile."""

    def missing(self, catalog_id: str, queries: Iterable[Query]) -> list[str]:
        """Users of ``queries`` whose state is not here, each once."""
        with self._lock:
            asked = dict.fromkeys(query.user_id for query in queries if query.user_id)
            return [user_id for user_id in asked if (catalog_id, user_id) not in self._states]

    def get(self, catalog_id: str, queries: Iterable[Query]) -> dict[str, UserState]:
        """States of those users of ``queries`` who are here."""
        found: dict[str, UserState] = {}
        with self._lock:
            for query in queries:
                state = self._states.get((catalog_id, query.user_id)) if query.user_id else None
                if query.user_id and state is not None:
                    self._states.move_to_end((catalog_id, query.user_id))
                    found[query.user_id] = state
        return found

    def load(self, catalog_id: str, user_ids: Sequence[str]) -> dict[str, UserState]:
        """Read ``user_ids`` from the store and keep them; what changes while it is read is read again."""
        found: dict[str, UserState] = {}
        for _ in range(_TRIES):
            wanted = [user_id for user_id in user_ids if user_id not in found]
            if not wanted:
                break
            with self._watching() as changed:
                read = self._read(catalog_id, wanted)
                with self._lock:
                    fresh = {u: state for u, state in read.items() if (catalog_id, u) not in changed}
                    self._states.update({(catalog_id, user_id): state for user_id, state in fresh.items()})
                    while len(self._states) > self._size:
                        self._states.popitem(last=False)
            found |= fresh
        return found

    def forget(self, catalog_id: str, user_id: str) -> None:
        """The store knows something newer about this user."""
        key = (catalog_id, user_id)
        with self._lock:
            self._states.pop(key, None)
            for changed in self._loading:
                changed.add(key)

    @contextmanager
    def _watching(self) -> Iterator[set[Key]]:
        changed: set[Key] = set()
        with self._lock:
            self._loading.append(changed)
        try:
            yield changed
        finally:
            with self._lock:
                self._loading = [other for other in self._loading if other is not changed]

    def _read(self, catalog_id: str, user_ids: Sequence[str]) -> dict[str, UserState]:
        users = self._store.get_users(catalog_id, user_ids)
        return {u: UserState(users[u].attributes if u in users else {}, self._history(catalog_id, u)) for u in user_ids}

    def _history(self, catalog_id: str, user_id: str) -> tuple[HistoryEntry, ...]:
        """Far more than are used: what was seen long ago is still left out of answers."""
        stored = self._store.list_interactions(catalog_id, user_id, limit=MAX_GIVEN_HISTORY)
        return tuple(HistoryEntry(one.item_id, one.value, one.type, one.time_us) for one in stored)
