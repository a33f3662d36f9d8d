"""Weights by direct search on NDCG@10: what is served is what is optimised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstlight.learning import best_columns, ideal_dcg, ndcg_of_columns

STEPS = (0.05, 0.15, 0.4, 1.0)
ROUNDS = 8
NARROW = 30
OUTSIDE = np.float32(-1e9)
"""The score of a candidate that is out of the race."""


@dataclass(frozen=True, slots=True)
class Problem:
    """``scores`` float32 (S, B, C), the prior first; ``relevant`` bool (B, C); ``ideal`` (B,): the best DCG."""

    scores: NDArray[np.float32]
    relevant: NDArray[np.bool_]
    ideal: NDArray[np.float64]

    @classmethod
    def of(
        cls, scores: NDArray[np.float32], real: NDArray[np.bool_], relevant: NDArray[np.bool_], total: NDArray[np.int64]
    ) -> Problem:
        """Queries with something to find; candidates that no component ranks highly are left out, for speed."""
        kept = total > 0
        scores, real, relevant, total = scores[:, kept], real[kept], relevant[kept], total[kept]
        scores = np.where(real, scores, OUTSIDE)
        columns = _promising(scores)
        scores = np.take_along_axis(scores, columns[None], axis=2)
        return cls(scores, np.take_along_axis(relevant & real, columns, axis=1), ideal_dcg(total))

    def __len__(self) -> int:
        return len(self.ideal)

    def take(self, rows: NDArray[np.bool_]) -> Problem:
        """Only the queries where ``rows`` (B,) is true."""
        return Problem(self.scores[:, rows], self.relevant[rows], self.ideal[rows])

    def ndcg(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """NDCG@10 of each query under ``values`` (B, C)."""
        return ndcg_of_columns(best_columns(values), self.relevant, self.ideal)

    def fused(self, weights: NDArray[np.float64]) -> NDArray[np.float32]:
        """Σ weight · score, (B, C)."""
        return np.asarray(np.einsum("s,sbc->bc", weights.astype(np.float32), self.scores))


def climb(problem: Problem) -> NDArray[np.float64]:
    """Weights (S,), at least 0 and summing to 1, that a hill climb from the prior alone reaches.

    A step mixes a share of one component into the sum (forward selection with replacement: Caruana et al., "Ensemble
    selection from libraries of models", ICML 2004, with step sizes); the best of all steps is taken while one helps.
    """
    size = len(problem.scores)
    corner = np.eye(size)
    weights: NDArray[np.float64] = corner[0]
    values = problem.scores[0].copy()
    best = float(problem.ndcg(values).mean())
    for _ in range(ROUNDS):
        found: tuple[float, int, float] | None = None
        for s in range(size):
            if weights[s] == 1.0:
                continue
            towards = problem.scores[s] - values
            for step in STEPS:
                quality = float(problem.ndcg(values + np.float32(step) * towards).mean())
                if quality > best + 1e-6:
                    best, found = quality, (quality, s, step)
        if found is None:
            break
        _, s, step = found
        weights = np.asarray((1 - step) * weights + step * corner[s])
        values = problem.fused(weights)
    return weights


def _promising(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """int64 (B, C'): the columns that some component, or the mean of all, puts among its best, ascending."""
    width = scores.shape[2]
    if width <= NARROW:
        return np.broadcast_to(np.arange(width), scores.shape[1:])
    chosen = np.zeros(scores.shape[1:], np.bool_)
    for values in (*scores, scores.mean(axis=0)):
        np.put_along_axis(chosen, np.argpartition(-values, NARROW - 1, axis=1)[:, :NARROW], True, axis=1)
    most = int(chosen.sum(axis=1).max(initial=0))
    columns = np.argsort(~chosen, axis=1, kind="stable")[:, :most]
    return np.sort(columns, axis=1)
