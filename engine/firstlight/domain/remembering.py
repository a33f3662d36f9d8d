"""What a component works out about a batch of queries, kept while that batch is proposed for, scored and explained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from firstlight.domain.items import ItemTable
from firstlight.domain.query import Queries

T = TypeVar("T")


class Remembered(Generic[T]):
    """``make(queries)``, worked out again only for another :class:`Queries` object, or where live items changed.

    Safe to share among threads: each reads and writes one tuple.
    """

    def __init__(self, make: Callable[[Queries], T], items: ItemTable) -> None:
        self._make = make
        self._items = items
        self._last: tuple[Queries, object, T] | None = None

    def __call__(self, queries: Queries) -> T:
        """What ``make`` says about ``queries``."""
        last, live = self._last, self._items.live_content
        if last is None or last[0] is not queries or last[1] is not live:
            last = (queries, live, self._make(queries))
            self._last = last
        return last[2]
