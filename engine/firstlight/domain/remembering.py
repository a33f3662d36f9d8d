"""What a component works out about a batch of queries, kept while that batch is proposed for, scored and explained."""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

from firstlight.domain.items import ItemTable
from firstlight.domain.query import Queries

T = TypeVar("T")


class Remembered(Generic[T]):
    """``make(queries, *arrays)``, worked out again only for other objects, or where live items changed.

    So nobody may write to ``arrays`` after asking about them. Safe to share among threads: each reads and writes one
    tuple.
    """

    def __init__(self, make: Callable[..., T], items: ItemTable) -> None:
        self._make = make
        self._items = items
        self._last: tuple[tuple[object, ...], T] | None = None

    def __call__(self, queries: Queries, *arrays: NDArray[Any]) -> T:
        """What ``make`` says about ``queries`` and, say, the positions asked for."""
        asked, last = (self._items.live_content, queries, *arrays), self._last
        if last is None or not all(map(is_, asked, last[0])):
            last = (asked, self._make(queries, *arrays))
            self._last = last
        return last[1]
