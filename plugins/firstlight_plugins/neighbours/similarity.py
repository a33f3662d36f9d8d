"""Item-item similarity: sparse co-occurrence, shrunk, the strongest neighbours of each item kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

BLOCK = 2_000


@dataclass(frozen=True, slots=True)
class Lists:
    """Row j: the items most similar to j. ``items`` int32 (N, K) padded with −1, ``values`` float32 (N, K)."""

    items: NDArray[np.int32]
    values: NDArray[np.float32]

    def weigh(self, history: NDArray[np.int32], weights: NDArray[np.float32], size: int) -> NDArray[np.float64]:
        """Summed similarity to a history (n,) with ``weights`` (n,), for all ``size`` items."""
        columns = self.items[history]
        values = self.values[history] * weights[:, None]
        return np.bincount(columns.ravel() + 1, values.ravel(), minlength=size + 1)[1:].astype(np.float64, copy=False)

    def contributions(self, history: NDArray[np.int32], candidates: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32 (n, C): similarity of each candidate to each history item."""
        out = np.zeros((len(history), len(candidates)), np.float32)
        for row, item in enumerate(history):
            mine = self.items[item]
            order = np.argsort(mine, kind="stable")
            at = order[np.searchsorted(mine, candidates, sorter=order).clip(max=len(mine) - 1)]
            out[row] = np.where((mine[at] == candidates) & (candidates >= 0), self.values[item][at], 0)
        return out


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
