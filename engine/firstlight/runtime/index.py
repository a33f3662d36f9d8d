"""Maximum inner product search: exact while that is fast, in clusters above."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Candidates

EXACT_LIMIT = 200_000
"""Up to this many vectors every one is compared."""

PROBES = 32
_SAMPLE_PER_CLUSTER = 50


class FaissIndex:
    """A :class:`firstlight.roles.VectorIndex`. Exact up to 200,000 vectors, else inverted lists probed 32 deep."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        table = np.ascontiguousarray(vectors, np.float32)
        size, width = table.shape
        self._index: Any = faiss.IndexFlatIP(width) if size <= EXACT_LIMIT else _clustered(table)
        self._index.add(table)
        self._size = size

    def search(self, queries: NDArray[np.float32], limit: int) -> Candidates:
        """The ``limit`` highest inner products for each of (B, D) queries, best first, padded with −1."""
        limit = min(limit, self._size)
        if limit < 1 or not len(queries):
            return Candidates(np.zeros((len(queries), 0), np.int32), np.zeros((len(queries), 0), np.float32))
        scores, positions = self._index.search(np.ascontiguousarray(queries, np.float32), limit)
        found = positions >= 0
        return Candidates(positions.astype(np.int32), np.where(found, scores, 0).astype(np.float32))


def _clustered(table: NDArray[np.float32]) -> Any:
    size, width = table.shape
    clusters = int(4 * np.sqrt(size))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, clusters, faiss.METRIC_INNER_PRODUCT)
    index.nprobe = PROBES
    index.train(table[:: max(1, size // (_SAMPLE_PER_CLUSTER * clusters))])
    return index


def open_index(vectors: NDArray[np.float32]) -> FaissIndex:
    """An index over ``vectors`` (N, D)."""
    return FaissIndex(vectors)
