"""Content into the teacher's space: a ridge from features to what the teacher says of each item."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firstlight import Histories
from firstlight_plugins.projection.choosing import Choice
from firstlight_plugins.projection.teacher import Array, Teacher, matrix, teach


class Fit:
    """Codes of the items in ``histories``: what each of them, in a history, adds to the weight of every feature.

    ``rows`` int64 (n,): the items, of W, that the ridge is learnt from, with ``features`` (n, F) at scale 1 and of
    ``kinds`` (F,). ``votes`` (W,): likes of each item, ``likes`` (U,) of each user. What the last choice shares with
    the next one is kept.
    """

    def __init__(
        self,
        histories: Histories,
        positive: NDArray[np.bool_],
        votes: Array,
        *,
        rows: NDArray[np.int64],
        features: Array,
        kinds: NDArray[np.int64],
        dense_items: int,
    ) -> None:
        self.histories, self.positive, self.votes = histories, positive, votes
        self.likes = np.bincount(histories.rows[positive], minlength=len(histories)).astype(np.float64)
        self._rows, self._features, self._kinds, self._dense_items = rows, features, kinds, dense_items
        self._gram = features.T @ features
        self._teacher: tuple[tuple[float, float], Teacher] | None = None
        self._carried: tuple[tuple[float, float, float], tuple[Array, Array]] | None = None

    def codes(self, choice: Choice) -> tuple[Array, Array]:
        """Two factors, (W, r) and (r, K), of B[:, rows] · diag(damping) · Φ · (ΦᵀΦ + ridge)⁻¹: a row is an item's code.

        K features have a kind that ``choice`` gives a weight.
        """
        scales = choice.blocks[self._kinds]
        kept = scales > 0
        left, right = self._carry(choice)
        return left, np.asarray(np.linalg.solve(self.gram(choice), (right[:, kept] * scales[kept]).T).T)

    def gram(self, choice: Choice) -> Array:
        """ΦᵀΦ + ridge, (K, K)."""
        scales = choice.blocks[self._kinds]
        kept = scales > 0
        gram = self._gram[np.ix_(kept, kept)] * scales[kept] * scales[kept][:, None]
        return np.asarray(gram + choice.ridge * np.eye(len(gram)))

    def _carry(self, choice: Choice) -> tuple[Array, Array]:
        key = (choice.teacher_ridge, choice.disliked)
        if self._teacher is None or self._teacher[0] != key:
            self._teacher = self._carried = None  # before the next one takes memory
            shown = matrix(self.histories, np.where(self.positive, 1.0, choice.disliked), len(self.votes))
            chosen = matrix(self.histories, self.positive.astype(np.float64), len(self.votes))
            self._teacher = (key, teach(shown, chosen, choice.teacher_ridge, dense_items=self._dense_items))
        whole = (*key, choice.damping)
        if self._carried is None or self._carried[0] != whole:
            targets = self._features * choice.damped(self.votes)[self._rows, None]
            self._carried = (whole, self._teacher[1].carry(targets, self._rows))
        return self._carried[1]
