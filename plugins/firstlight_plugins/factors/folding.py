"""Folding in: a user nobody trained on, solved from a history."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from firstlight import Histories
from firstlight_plugins.factors.als import Entries, solve, systems

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
        entries = self.entries(histories)
        return solve(entries, self.factors, self.gram, self._ridges(entries), self.centre).astype(np.float32)

    def parts(self, history: Histories, candidates: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32 (n, C): what each of the n interactions of one user adds to each candidate's score."""
        entries = self.entries(history)
        matrix = systems(entries, self.factors, self.gram, self._ridges(entries))[0]
        shares = np.linalg.solve(matrix, self.factors[candidates].T)
        return np.asarray((self.factors[history.items] @ shares) * entries.pulls.data[:, None], np.float32)

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
        if self.explicit:
            residuals = self._above_items(histories) - self.user_levels(histories)[histories.rows]
            targets, weights = np.nan_to_num(residuals), (~np.isnan(residuals)).astype(np.float32)
        else:
            positive = histories.positive(self.positive_value)
            targets, weights = positive.astype(np.float32), np.where(positive, 1, self.disliked_weight)
        weights = (weights * self.strength).astype(np.float32)
        return Entries.of(targets, weights, histories.items, histories.offsets, len(self.factors))

    def _ridges(self, entries: Entries) -> NDArray[np.float32]:
        return (self.ridge * (entries.mass + self.background * len(self.factors)) + 1e-6).astype(np.float32)
