"""The item table that every model reads: bundle items first, live items after them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class ItemTable:
    """Content vectors and interaction counts by item position.

    Positions 0 … N−1 are the bundle's items (arrays may be memory-mapped), N … are live items, appended while
    serving. Appending replaces the live arrays and never moves a position, so readers need no lock.
    """

    __slots__ = ("_live_content", "_novelty", "base_content", "base_counts")

    def __init__(self, content: NDArray[np.float32], counts: NDArray[np.int32]) -> None:
        """``content`` float32 (N, C), ``counts`` int32 (N,)."""
        self.base_content = content
        self.base_counts = counts
        self._live_content = np.zeros((0, content.shape[1]), np.float32)
        self._novelty: float | None = None

    @property
    def base_size(self) -> int:
        """N: items the bundle was built with."""
        return len(self.base_counts)

    @property
    def size(self) -> int:
        """N plus the live items."""
        return self.base_size + len(self._live_content)

    @property
    def live_content(self) -> NDArray[np.float32]:
        """float32 (M, C): content of positions N … N + M − 1."""
        return self._live_content

    def append(self, content: NDArray[np.float32]) -> NDArray[np.int32]:
        """Add live items with ``content`` (M, C); returns their positions, int32 (M,)."""
        start = self.size
        self._live_content = np.concatenate([self._live_content, content.astype(np.float32)])
        return np.arange(start, self.size, dtype=np.int32)

    def replace_live(self, position: int, content: NDArray[np.float32]) -> None:
        """New ``content`` (C,) for a live item whose attributes changed."""
        copy = self._live_content.copy()
        copy[position - self.base_size] = content
        self._live_content = copy

    @property
    def novelty(self) -> float:
        """How likely a bundle item without interactions is new, rather than known to all and wanted by nobody.

        As many of them are unwanted as a sample of this size leaves unseen by chance: f₁² / (2 f₂), where f₁ and f₂
        items were seen once and twice (Chao, 1984, "Nonparametric estimation of the number of classes in a
        population"). What exceeds that has had no chance yet. 1 without such items.
        """
        if self._novelty is None:
            unseen, once, twice = np.bincount(np.minimum(self.base_counts, 3), minlength=4)[:3].tolist()
            unwanted = once * once / (2 * twice) if twice else once * (once - 1) / 2
            self._novelty = max(0.0, 1.0 - unwanted / unseen) if unseen else 1.0
        return self._novelty

    def content(self, positions: NDArray[np.integer]) -> NDArray[np.float32]:
        """float32 (..., C) of ``positions`` (...); −1 gives zeros."""
        return rows_of(self.base_content, self._live_content, positions)

    def counts(self, positions: NDArray[np.integer]) -> NDArray[np.int32]:
        """int32 (...): training interactions of ``positions``; 0 for live items and −1."""
        if not self.base_size:
            return np.zeros(positions.shape, np.int32)
        found = self.base_counts.take(positions, mode="clip").astype(np.int32, copy=False)
        if _leave(positions, self.base_size):
            found[(positions < 0) | (positions >= self.base_size)] = 0
        return found


def rows_of(
    base: NDArray[np.float32], live: NDArray[np.float32], positions: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Rows (..., D) of a table in two parts, ``base`` (N, D) and ``live`` (M, D); −1 gives zeros."""
    size = len(base)
    if not len(base):
        base = np.zeros((1, base.shape[1]), np.float32)
    out = base.take(positions, axis=0, mode="clip").astype(np.float32, copy=False)  # several times as fast as base[...]
    if _leave(positions, size):
        out[positions < 0] = 0.0
        beyond = positions >= size
        out[beyond] = live[positions[beyond] - size]
    return out


def products_of(
    base: NDArray[np.float32], live: NDArray[np.float32], positions: NDArray[np.integer], vectors: NDArray[np.float32]
) -> NDArray[np.float32]:
    """float32 (B, C): the :func:`rows_of` each query's ``positions`` (B, C) times its vector of ``vectors`` (B, D)."""
    size = len(base)
    out = np.zeros(positions.shape, np.float32)
    if size:
        rows = np.empty((positions.shape[1], base.shape[1]), np.float32)  # of one query at a time: they stay in cache
        for at, vector, products in zip(positions, vectors, out, strict=True):
            base.take(at, axis=0, mode="clip", out=rows).dot(vector, out=products)
    if _leave(positions, size):
        out[positions < 0] = 0.0
        beyond = positions >= size
        for row in np.flatnonzero(beyond.any(axis=1)):
            out[row, beyond[row]] = live[positions[row, beyond[row]] - size] @ vectors[row]
    return out


def _leave(positions: NDArray[np.integer], size: int) -> bool:
    """Whether any of ``positions`` is not among 0 … ``size`` − 1: negative ones are large when read as unsigned."""
    return bool(positions.size) and bool(positions.view(f"u{positions.itemsize}").max() >= size)
