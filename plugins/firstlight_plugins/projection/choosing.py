"""The settings that are learnt, and the ladders on which they are searched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firstlight_plugins.projection.features import BIAS, CATEGORY, DENSE, PAIR, SMOOTH

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Choice:
    """What is chosen on hidden items.

    ``curves``, ``pairs``, ``dense``: weights of blocks of φ. ``ridge``: of the map from content, ``prior_ridge`` the
    same for the prior; ``teacher_ridge``. ``damping``: how little an item's popularity counts in what the map learns.
    ``disliked``, ``prior``, ``kept`` as in :class:`Numbers`; ``profile``: how far a profile moves the prior.
    ``item_ridge``, in units of the users' mean z², and ``item_target`` as in :class:`ItemFolding`.
    """

    curves: float = 1.0
    pairs: float = 0.3
    dense: float = 0.0
    ridge: float = 100.0
    prior_ridge: float = 100.0
    teacher_ridge: float = 100.0
    disliked: float = 0.3
    damping: float = 0.25
    profile: float = 1.0
    prior: float = 10.0
    kept: float = 0.0
    item_ridge: float = 3.0
    item_target: float = 5.0

    @property
    def of_prior(self) -> Choice:
        """The settings that the prior is learnt with."""
        return replace(self, ridge=self.prior_ridge)

    @property
    def blocks(self) -> Array:
        """The weight of each kind of feature."""
        weights = np.zeros(5)
        weights[[BIAS, CATEGORY, DENSE, PAIR, SMOOTH]] = 1.0, 1.0, self.dense, self.pairs, self.curves
        return weights

    def damped(self, votes: Array) -> Array:
        """((votes + 1) / their mean) ^ −``damping``, (W,): what the teacher's word on each item is multiplied by."""
        return np.asarray(((votes + 1) / mean_of(votes)) ** -self.damping)

    def prior_weight(self, likes: Array) -> Array:
        """As :meth:`Numbers.prior_weight`, not yet divided by the mean number of likes."""
        return self.prior + self.kept * likes


LADDERS: Mapping[str, tuple[float, ...]] = {
    "ridge": (10.0, 30.0, 100.0, 300.0),
    "prior_ridge": (30.0, 100.0, 300.0, 1_000.0),
    "curves": (0.0, 0.5, 1.0),
    "pairs": (0.0, 0.3, 0.6),
    "dense": (0.0, 0.3, 1.0),
    "damping": (0.0, 0.25, 0.5),
    "disliked": (-0.3, 0.0, 0.3, 0.6),
    "teacher_ridge": (10.0, 30.0, 100.0, 300.0, 1_000.0),
    "profile": (0.0, 0.5, 1.0),
    "prior": (1.0, 3.0, 10.0, 30.0),
    "kept": (0.0, 0.3, 1.0),
    "item_ridge": (1.0, 3.0, 10.0, 30.0, np.inf),
    "item_target": (3.0, 5.0, 8.0),
}
"""Values in order, for each setting."""

BY_HISTORY = ("curves", "pairs", "dense", "ridge", "damping", "disliked", "teacher_ridge")
BY_PROFILE, BY_FEW, BY_ALL, BY_FIRST_LIKES = (
    ("prior_ridge", "profile"),
    ("prior",),
    ("kept",),
    ("item_ridge", "item_target"),
)
"""Settings in the order of the walk, by what they are chosen on."""


def mean_of(counts: Array) -> float:
    """The mean, at least 1."""
    return max(float(counts.mean()), 1.0) if len(counts) else 1.0
