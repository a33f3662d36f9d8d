"""Item-item similarity: sparse co-occurrence, shrunk, the strongest neighbours of each item kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from firstlight import Votes

BLOCK = 2_000


@dataclass(frozen=True, slots=True)
class Lists:
    """Row j: the items most similar to j. ``items`` int32 (N, K) padded with −1, ``values`` float32 (N, K)."""

    items: NDArray[np.int32]
    values: NDArray[np.float32]

    def votes(self, history: NDArray[np.int32], weights: NDArray[np.float32]) -> Votes:
        """The rows of ``history`` (n,), each times its weight (n,)."""
        items, values = self.items.take(history, axis=0), self.values.take(history, axis=0)
        return Votes(items.ravel(), (values * weights[:, None]).ravel(), np.full(len(history), items.shape[1]))


def similar_items(
    shown: sparse.csr_array, chosen: sparse.csr_array, *, shrinkages: Sequence[float], neighbours: int
) -> list[Lists]:
    """For each item j of ``shown`` (U, N) the items i of ``chosen`` (U, N) of highest c_ij / (√(c_i c_j) + shrinkage).

    c_ij sums over users the product of the two weights, c_i and c_j sum one of them: the cosine of two sets, shrunk
    towards 0 where few users stand behind it. One result a shrinkage.
    """
    size = chosen.shape[1]
    width = min(neighbours, size)
    found = [Lists(np.full((size, width), -1, np.int32), np.zeros((size, width), np.float32)) for _ in shrinkages]
    left, right = (np.sqrt(np.asarray(m.sum(axis=0)).ravel()) for m in (shown, chosen))
    columns = shown.T.tocsr()
    for start in range(0, size, BLOCK):
        product = (columns[start : start + BLOCK] @ chosen).tocsr()
        for row, (begin, end) in enumerate(pairwise(product.indptr), start):
            others, counts = product.indices[begin:end], product.data[begin:end]
            for lists, shrinkage in zip(found, shrinkages, strict=True):
                values = counts / (left[row] * right[others] + shrinkage)
                values[others == row] = 0
                top = np.argpartition(-values, width - 1)[:width] if len(values) > width else np.arange(len(values))
                top = top[np.lexsort((others[top], -values[top]))]
                top = top[values[top] > 0]
                lists.items[row, : len(top)], lists.values[row, : len(top)] = others[top], values[top]
    return found
