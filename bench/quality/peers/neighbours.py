"""Peers by similarity of items: cosine of who liked them, EASE, cosine of content."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from peers.part import Asked, Matrix, Part, features, unit_rows

TIE = 1e-6
"""Share of the score that popularity has: it decides where a history says nothing."""


def popularity_ties(part: Part) -> Matrix:
    """(N,): from 0 to ``TIE``, by votes."""
    return np.asarray(TIE * part.votes / max(1.0, part.votes.max(initial=0.0)), np.float32)


class ItemKnn:
    """Sum of the cosines between an item and those the user liked; ``neighbours`` a row, ``shrink`` in the cosine."""

    def __init__(self, neighbours: int, shrink: float) -> None:
        self.neighbours, self.shrink = neighbours, shrink

    def fit(self, part: Part, seed: int) -> None:
        both = sparse.csr_matrix(part.positives.T @ part.positives)
        both.setdiag(0)
        both.eliminate_zeros()
        length = np.sqrt(part.votes)
        rows = np.repeat(np.arange(both.shape[0]), np.diff(both.indptr))
        both.data = (both.data / (length[rows] * length[both.indices] + self.shrink)).astype(np.float32)
        self._similar = nearest(both, self.neighbours)
        self._ties = popularity_ties(part)

    def score(self, asked: Asked) -> Matrix:
        return np.asarray((asked.positives @ self._similar).toarray() + self._ties)


def nearest(similar: sparse.csr_matrix, neighbours: int) -> sparse.csr_matrix:
    """``similar`` (N, N) with the greatest ``neighbours`` entries of each row; those of one row tie by column."""
    rows = np.repeat(np.arange(similar.shape[0]), np.diff(similar.indptr))
    order = np.lexsort((similar.indices, -similar.data, rows))
    place = np.arange(len(order)) - similar.indptr[:-1][rows[order]]
    kept = np.sort(order[place < neighbours])
    return sparse.csr_matrix((similar.data[kept], (rows[kept], similar.indices[kept])), similar.shape)


class Ease:
    """Steck 2019: B = I − P / diag(P) with P = (XᵀX + λI)⁻¹; a score is x · B."""

    def __init__(self, penalty: float) -> None:
        self.penalty = penalty

    def fit(self, part: Part, seed: int) -> None:
        gram = (part.positives.T @ part.positives).toarray().astype(np.float64)
        gram[np.diag_indices_from(gram)] += self.penalty
        inverse = np.linalg.inv(gram)
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0)
        self._weights = weights.astype(np.float32)
        self._ties = popularity_ties(part)

    def score(self, asked: Asked) -> Matrix:
        return np.asarray(asked.positives @ self._weights + self._ties)


class ContentKnn:
    """Mean cosine between an item's attributes and those of what the user liked; ``rare`` columns may weigh more."""

    def __init__(self, words: float, rare: bool) -> None:
        self.words, self.rare = words, rare

    def fit(self, part: Part, seed: int) -> None:
        table = features(part, self.words)
        if self.rare:
            holders = np.maximum(1, (table[part.seen] != 0).sum(axis=0))
            table = table @ sparse.diags_array(np.log(1 + part.seen.sum() / np.asarray(holders).ravel()))
        self._table = unit_rows(sparse.csr_matrix(table, dtype=np.float32))

    def score(self, asked: Asked) -> Matrix:
        return np.asarray((asked.positives @ self._table @ self._table.T).toarray())
