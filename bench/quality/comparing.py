"""Figures over all folds: means, intervals, paired differences and ratios, resampling users."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from asking import Answer
from peers import RANDOM

from firstlight.training.metrics import RESAMPLES, Array, interval

Key = tuple[str, int | None]
"""A slice and the interactions shown, None where they vary."""


@dataclass(frozen=True)
class Line:
    """One strategy in one slice: all folds' users together. ``by_fold``: the mean NDCG@10 of each fold."""

    users: np.ndarray
    ndcg: Array
    recall: Array
    by_fold: Array
    new_share: float
    target_share: float

    @classmethod
    def of(cls, folds: Iterable[Answer]) -> Line:
        """From one answer a fold."""
        folds = list(folds)
        return cls(
            np.concatenate([a.users for a in folds]),
            np.concatenate([a.ndcg for a in folds]),
            np.concatenate([a.recall for a in folds]),
            np.array([a.ndcg.mean() for a in folds]),
            float(np.mean([a.new_share for a in folds])),
            float(np.mean([a.target_share for a in folds])),
        )

    @property
    def mean(self) -> float:
        """NDCG@10."""
        return float(self.ndcg.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % bootstrap interval."""
        return interval(self.ndcg, self.users)


Slices = Mapping[Key, Mapping[str, Line]]
"""By slice, then by strategy."""


def best(lines: Mapping[str, Line]) -> str:
    """The strategy with the highest NDCG@10, empty for none; a random order does not count."""
    return max(lines.keys() - {RANDOM}, key=lambda name: (lines[name].mean, name), default="")


def difference(ours: Line, theirs: Line) -> tuple[float, float, float]:
    """``ours`` less ``theirs`` and its 95 % interval, paired by user.

    Raises:
        ValueError: they answered different questions.
    """
    if not np.array_equal(ours.users, theirs.users):
        raise ValueError("strategies were asked about different users")
    gap = ours.ndcg - theirs.ndcg
    return float(gap.mean()), *interval(gap, ours.users)


@dataclass(frozen=True)
class Ratio:
    """Of two means, with its 95 % bootstrap interval, paired by user."""

    value: float
    low: float
    high: float


def ratio(ours: Line, theirs: Line, floor: Line | None = None, *, seed: int = 0) -> Ratio:
    """``ours`` / ``theirs``, both less ``floor`` where there is one; all asked about the same users.

    Raises:
        ValueError: they answered different questions.
    """
    lines = [ours, theirs, *([floor] if floor else [])]
    if not all(np.array_equal(line.users, ours.users) for line in lines):
        raise ValueError("strategies were asked about different users")
    member = np.unique(ours.users, return_inverse=True)[1]
    sums = np.stack([np.bincount(member, weights=line.ndcg) for line in lines])
    rng = np.random.default_rng(seed)
    size = sums.shape[1]
    draws = np.stack([sums[:, rng.integers(0, size, size)].sum(axis=1) for _ in range(RESAMPLES)])

    def of(totals: Array) -> Array:
        below = totals[..., 2] if floor else 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((totals[..., 0] - below) / (totals[..., 1] - below))

    low, high = np.nanquantile(of(draws), [0.025, 0.975])
    return Ratio(float(of(sums.sum(axis=1))), float(low), float(high))
