"""Peers in the space of implicit's ALS: fold-in of users, and a ridge that places new items."""

from __future__ import annotations

import warnings

import numpy as np

from peers.neighbours import popularity_ties
from peers.part import Asked, Matrix, Part
from peers.ridge import predict

ITERATIONS = 15


class Als:
    """Implicit ALS on positives; a user is folded in from the history (``recalculate_user``)."""

    def __init__(self, factors: int, regularization: float, alpha: float) -> None:
        self.factors, self.regularization, self.alpha = factors, regularization, alpha

    def fit(self, part: Part, seed: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of threads that are limited already
            from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415

            self._model = AlternatingLeastSquares(
                factors=self.factors,
                regularization=self.regularization,
                alpha=self.alpha,
                iterations=ITERATIONS,
                num_threads=1,
                random_state=seed,
            )
            self._model.fit(part.positives, show_progress=False)
        self._items = np.asarray(self._model.item_factors)
        self._ties = popularity_ties(part)

    def score(self, asked: Asked) -> Matrix:
        return np.asarray(self.users(asked) @ self._items.T + self._ties)

    def users(self, asked: Asked) -> Matrix:
        """(B, factors)."""
        return np.asarray(self._model.recalculate_user(np.arange(len(asked)), asked.positives))


class AlsRidge(Als):
    """ALS with new items placed by a ridge from attributes to item factors; ``scale`` weighs their scores."""

    def __init__(
        self, factors: int, regularization: float, alpha: float, *, penalty: float, words: float, scale: float = 1.0
    ) -> None:
        super().__init__(factors, regularization, alpha)
        self.penalty, self.words, self.scale = penalty, words, scale

    def fit(self, part: Part, seed: int) -> None:
        super().fit(part, seed)
        placed = predict(part, self._items, penalty=self.penalty, words=self.words)
        self._items = np.where(part.seen[:, None], self._items, self.scale * placed).astype(np.float32)
