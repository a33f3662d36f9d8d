"""The learnt weights as sparse rows: what is kept of each, and what a history adds up to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from firstlight import Totals, Votes

Floats = NDArray[np.float32]
BLOCK = 1_000


def strongest(weights: Floats | sparse.csr_array, width: int) -> sparse.csr_array:
    """Of each row of ``weights`` (N, N) the ``width`` entries farthest from 0: csr float32, int32 columns ascending."""
    parts = [sparse.csr_array((0, weights.shape[1]), dtype=np.float32)]
    for start in range(0, weights.shape[0], BLOCK):
        block = weights[start : start + BLOCK]
        parts.append(_of_sparse(block, width) if sparse.issparse(block) else _of_dense(np.asarray(block), width))
    found = sparse.vstack(parts, format="csr")
    # Both int32, as scipy keeps both as wide as the wider: a million rows of a thousand are still within it.
    return sparse.csr_array((found.data, found.indices.astype(np.int32), found.indptr.astype(np.int32)), found.shape)


def _of_dense(block: Floats, width: int) -> sparse.csr_array:
    size = block.shape[1]
    if width >= size:
        return sparse.csr_array(block)
    top = np.sort(np.argpartition(-np.abs(block), width, axis=1)[:, :width], axis=1)
    offsets = np.arange(len(block) + 1) * width
    found = sparse.csr_array((np.take_along_axis(block, top, axis=1).ravel(), top.ravel(), offsets), block.shape)
    found.eliminate_zeros()
    return found


def _of_sparse(block: sparse.csr_array, width: int) -> sparse.csr_array:
    block.sort_indices()
    kept = np.ones(block.nnz, bool)
    for row in np.flatnonzero(np.diff(block.indptr) > width):
        here = slice(block.indptr[row], block.indptr[row + 1])
        kept[here] = False
        kept[here.start + np.argpartition(-np.abs(block.data[here]), width)[:width]] = True
    offsets = np.concatenate([[0], np.cumsum(kept)])[block.indptr]
    return sparse.csr_array((block.data[kept], block.indices[kept], offsets), block.shape)


def votes(weights: sparse.csr_array, history: NDArray[np.int32]) -> Votes:
    """The rows of ``history`` (n,)."""
    rows = weights[history]
    return Votes(rows.indices, rows.data, np.diff(rows.indptr))


def totals(weights: sparse.csr_array, history: NDArray[np.int32], strengths: Floats) -> Totals:
    """The rows of ``history`` (n,), each times its strength (n,), summed."""
    return Totals.of(weights[history].T @ strengths)
