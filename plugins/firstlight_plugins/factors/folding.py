"""Folding in: a user nobody trained on, solved from a history."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from firstlight import Histories
from firstlight_plugins.factors.als import Entries

LEVEL_SHRINKAGE = 5.0
"""Values at mean 0 that an item's or a user's own level is weighed against."""


@dataclass(frozen=True)
class Folding:
    """What turns a history into a user's vector.

    ``factors`` float32 Q (N, d); ``levels`` float32 (N,): what every user gives an item, 0 with the implicit objective;
    ``centre`` float32 (d,): the average user. ``strength`` multiplies the weight of each interaction, ``ridge`` pulls
    towards the centre; ``background`` as in :mod:`firstlight_plugins.factors.als`. Implicit: a positive is a 1, and
    with ``disliked_weight`` anything else a 0. Explicit: the value less ``mean``, the item's level and the user's.
    """

    ARRAYS: ClassVar[tuple[str, ...]] = ("factors", "levels", "centre")

    factors: NDArray[np.float32]
    levels: NDArray[np.float32]
    centre: NDArray[np.float32]
    explicit: bool
    positive_value: float
    mean: float
    background: float
    ridge: float
    strength: float
    disliked_weight: float
    gram: NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "gram", (self.background * self.factors.T @ self.factors).astype(np.float32))

    def save(self, directory: Path) -> None:
        """``factors.npy``, ``levels.npy``, ``centre.npy``; the numbers in ``factors.json``."""
        for name in self.ARRAYS:
            np.save(directory / f"{name}.npy", getattr(self, name), allow_pickle=False)
        numbers = ("explicit", "positive_value", "mean", "background", "ridge", "strength", "disliked_weight")
        state = {name: getattr(self, name) for name in numbers}
        (directory / "factors.json").write_text(json.dumps(state), encoding="utf-8")

    def users(self, histories: Histories) -> NDArray[np.float32]:
        """Vectors float32 (B, d) of users with these histories."""
        out = np.empty((len(histories), len(self.centre)), np.float32)
        for row, (items, targets, weights) in enumerate(histories.split(histories.items, *self._cells(histories))):
            factors = self.factors.take(items, axis=0)
            pull = (targets * weights) @ factors + self._ridge(weights) * self.centre
            out[row] = np.linalg.solve(self._system(factors, weights), pull)
        return out

    def parts(self, history: Histories, candidates: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32 (n, C): what each of the n interactions of one user adds to each candidate's score."""
        targets, weights = self._cells(history)
        factors = self.factors.take(history.items, axis=0)
        shares = np.linalg.solve(self._system(factors, weights), self.factors.take(candidates, axis=0).T)
        return np.asarray((factors @ shares) * (targets * weights)[:, None], np.float32)

    def user_levels(self, histories: Histories) -> NDArray[np.float32]:
        """float32 (B,): how far each user's values lie above those of the items' levels, shrunk towards 0."""
        above = self._above_items(histories)
        known = ~np.isnan(above)
        counts = np.bincount(histories.rows[known], minlength=len(histories))
        totals = np.bincount(histories.rows[known], above[known], minlength=len(histories))
        return (totals / (counts + LEVEL_SHRINKAGE)).astype(np.float32)

    def _above_items(self, histories: Histories) -> NDArray[np.float32]:
        return np.asarray(histories.values - self.mean - self.levels[histories.items], np.float32)

    def entries(self, histories: Histories) -> Entries:
        """What each user's history pulls towards, and how hard."""
        return Entries.of(*self._cells(histories), histories.items, histories.offsets, len(self.factors))

    def _cells(self, histories: Histories) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Targets and weights, (n,) each, of the interactions."""
        if self.explicit:
            residuals = self._above_items(histories) - self.user_levels(histories)[histories.rows]
            targets, weights = np.nan_to_num(residuals), (~np.isnan(residuals)).astype(np.float32)
        else:
            positive = histories.positive(self.positive_value)
            targets, weights = positive.astype(np.float32), np.where(positive, 1, self.disliked_weight)
        return targets, (weights * self.strength).astype(np.float32)

    def _ridge(self, weights: NDArray[np.float32]) -> np.float32:
        return np.float32(self.ridge * (weights.sum() + self.background * len(self.factors)) + 1e-6)

    def _system(self, factors: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """The matrix (d, d) of the normal equations of one user with these ``factors`` (n, d)."""
        found = np.asarray((factors.T * weights) @ factors + self.gram, np.float32)
        found.ravel()[:: len(found) + 1] += self._ridge(weights)
        return found
