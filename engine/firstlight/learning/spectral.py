"""Where training starts: item codes from the leading singular vectors of who chose what.

With codes from here an untrained encoder is already a low-rank item-item model, which a small data set could not
teach a network that starts from noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from firstlight.domain import Histories

USER_SHRINK = 20.0
ITEM_SHRINK = 20.0
CONTENT_RIDGE = 3.0
LENGTH = 0.55
_OVERSAMPLE = 16
_ITERATIONS = 4


def item_codes(votes: Histories, *, items: int, width: int, seed: int) -> NDArray[np.float32]:
    """float32 (N, ``width``): rows of root mean square length 0.55, zero for items without ``votes``.

    Randomised SVD (Halko et al. 2011) of Z = (R − n pᵀ) / √(n + 20) / (c + 20): R the votes (U, N), n and c their
    number by user and by item, p the share of each item, so that popularity itself is not learnt again.
    """
    matrix = sparse.csr_array((np.ones(len(votes.items)), votes.items, votes.offsets), (len(votes), items))
    by_user = np.asarray(matrix.sum(axis=1), np.float64).ravel()
    by_item = np.asarray(matrix.sum(axis=0), np.float64).ravel()
    share = by_item / max(by_item.sum(), 1.0)
    row, column = 1 / np.sqrt(by_user + USER_SHRINK), 1 / (by_item + ITEM_SHRINK)

    def forward(block: NDArray[np.float64]) -> NDArray[np.float64]:
        scaled = column[:, None] * block
        return np.asarray(row[:, None] * (matrix @ scaled - np.outer(by_user, share @ scaled)))

    def backward(block: NDArray[np.float64]) -> NDArray[np.float64]:
        scaled = row[:, None] * block
        return np.asarray(column[:, None] * (matrix.T @ scaled - np.outer(share, by_user @ scaled)))

    rank = min(width + _OVERSAMPLE, items, len(votes))
    found = np.zeros((items, width), np.float32)
    if not len(votes.items):
        return found
    basis = np.random.default_rng(seed).standard_normal((items, rank))
    for _ in range(_ITERATIONS):
        basis, _ = np.linalg.qr(backward(forward(basis)))
    _, values, vectors = np.linalg.svd(forward(basis), full_matrices=False)
    rank = min(width, len(values))
    found[:, :rank] = (basis @ vectors[:rank].T) * values[:rank]
    found[by_item == 0] = 0
    length = np.sqrt((found.astype(np.float64) ** 2).sum() / (by_item > 0).sum())
    found *= np.float32(LENGTH / max(length, 1e-12))
    return found


def content_codes(
    content: NDArray[np.float32], codes: NDArray[np.float32], counts: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Ridge of ``codes`` (N, d) on ``content`` (N, C), items weighing n / (n + 20): float32 (C, d)."""
    weights = (counts / (counts + ITEM_SHRINK))[:, None]
    features = content.astype(np.float64)
    gram = features.T @ (weights * features) + CONTENT_RIDGE * np.eye(content.shape[1])
    return np.asarray(np.linalg.solve(gram, features.T @ (weights * codes)), np.float32)
