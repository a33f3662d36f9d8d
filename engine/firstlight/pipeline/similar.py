"""Items near one item: by what they are, and by how people use them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Candidates, ItemTable
from firstlight.errors import PluginError
from firstlight.plugins import Attempt
from firstlight.roles import Component, ItemVectors

CONTENT = "content"
"""The source where no component has item vectors."""

_BLOCK = 50_000

Vectors = Callable[[NDArray[np.int32]], NDArray[np.float32]]
"""Positions (n,) to vectors (n, D)."""


class Similarity:
    """Nearness of items: the mean of two cosines.

    One of content vectors less their mean over the bundle, so that what most items share counts little; one of the
    vectors of the first component that offers them (:class:`firstlight.roles.ItemVectors`), less theirs. A new item
    has no past, but it has content, and the vector which that component predicts from it. ``source`` names the
    component, ``"content"`` where none has vectors.
    """

    def __init__(self, items: ItemTable, components: Mapping[str, Component]) -> None:
        offering = {name: c.item_vectors for name, c in components.items() if isinstance(c, ItemVectors)}
        self.source = next(iter(offering), CONTENT)
        self._items = items
        self._content = _Space(items.content, items)
        self._learnt = _Space(partial(_checked, offering[self.source]), items) if offering else None

    def nearest(
        self, position: int, limit: int, *, hidden: NDArray[np.int32], attempt: Attempt
    ) -> tuple[Candidates, str]:
        """The ``limit`` items nearest to the one at ``position``, (1, L), without itself and ``hidden`` ones.

        Exact, in blocks of 50,000 items; ties by position. Then what they were placed by: ``source``, or ``"content"``
        alone where ``attempt`` leaves that component out.
        """
        size, source = self._items.size, CONTENT
        cosines = self._content.cosines(position, size)
        if self._learnt is not None:
            learnt = attempt(self.source, "item_vectors", partial(self._learnt.cosines, position, size))
            if learnt is not None:
                cosines, source = np.mean([cosines, learnt], axis=0), self.source
        values = cosines.astype(np.float32)[None]
        values[0, hidden[hidden < size]] = -np.inf
        values[0, position] = -np.inf
        return Candidates.best(values, limit), source


class _Space:
    """One way to place items as vectors."""

    def __init__(self, vectors: Vectors, items: ItemTable) -> None:
        self._vectors = vectors
        self._items = items

    @cached_property
    def _mean(self) -> NDArray[np.float64]:
        total = np.zeros(self._vectors(np.zeros(0, np.int32)).shape[1])
        for block in _blocks(self._items.base_size):
            total += self._vectors(block).sum(axis=0, dtype=np.float64)
        return total / max(self._items.base_size, 1)

    def cosines(self, position: int, size: int) -> NDArray[np.float64]:
        """Of the item at ``position`` with each of the first ``size``, 0 where a vector is nothing but mean."""
        return np.concatenate([self._of_block(position, block) for block in _blocks(size)])

    def _of_block(self, position: int, block: NDArray[np.int32]) -> NDArray[np.float64]:
        asked = self._vectors(np.array([position], np.int32))[0] - self._mean
        others = self._vectors(block) - self._mean
        lengths: NDArray[np.float64] = np.linalg.norm(others, axis=1) * np.linalg.norm(asked)
        products: NDArray[np.float64] = others @ asked
        return np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 1e-12)


def _checked(vectors: Vectors, positions: NDArray[np.int32]) -> NDArray[np.float32]:
    found = np.asarray(vectors(positions))
    if found.ndim != 2 or len(found) != len(positions) or not np.isfinite(found).all():
        raise PluginError(f"item vectors {found.shape} are not of finite numbers, one row for each of {len(positions)}")
    return found


def _blocks(size: int) -> Iterator[NDArray[np.int32]]:
    return (np.arange(start, min(start + _BLOCK, size), dtype=np.int32) for start in range(0, size, _BLOCK))
