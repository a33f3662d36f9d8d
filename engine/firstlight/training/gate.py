"""Whether a new bundle may take over: it must not be worse than the active one anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from firstlight.pipeline.model import FLOOR
from firstlight.training.metrics import Array, interval
from firstlight.training.problems import FUSION
from firstlight.training.results import SliceResult

NEW_ITEM = "new-item"
"""Part of the name of every slice of new items."""

LEAST_USERS = 30
"""Users a slice needs to be judged."""

LUCK, LUCK_NEW_ITEM = 0.025, 0.15
"""Differences, as shares of the old NDCG@10, that another seed alone makes: everywhere, and in slices of new items.

A bootstrap over users cannot know them: all users are asked of one training. Measured between ten seeds on MovieLens
100K, whole and in part, and on generated data; all users rank the same few new items, so luck there is larger.
"""

FIRST, PASSED, REFUSED = "first", "passed", "refused"
WORSE, BETTER, EVEN = "worse", "better", "no difference shown"


@dataclass(frozen=True, slots=True)
class Comparison:
    """NDCG@10 of one slice over ``users``: means of the ``new`` and the ``old``, their difference and its interval.

    ``low`` and ``high``: of the paired bootstrap, at the confidence that :meth:`of` says. ``luck``: the difference that
    another seed alone may make. ``worse``: the interval lies below −``luck``.
    """

    slice_name: str
    users: int
    new: float
    old: float
    difference: float
    low: float
    high: float
    luck: float
    worse: bool

    @classmethod
    def of(cls, slice_name: str, new: Array, old: Array, *, share: float = 0.0, together: int = 1) -> Comparison:
        """From two values a user, (n,) each; so many intervals ``together`` hold all their means with 95 % confidence.

        Each is at 1 − 5 % / ``together`` (Bonferroni). ``share``: luck as a share of the old mean.
        """
        low, high = interval(new - old, level=1 - 0.05 / together)
        mean, before = float(new.mean()), float(old.mean())
        luck = share * before
        return cls(slice_name, len(new), mean, before, mean - before, low, high, luck, high < -luck)

    @property
    def verdict(self) -> str:
        """``worse``, ``better`` or ``no difference shown``."""
        return WORSE if self.worse else BETTER if self.low > self.luck else EVEN


@dataclass(frozen=True, slots=True)
class Gate:
    """``decision``: ``first`` (nothing to compare with), ``passed`` or ``refused``; ``reason`` in one line.

    ``comparisons``: with the active bundle; ``warnings``: slices where the bundle is below its own floor.
    """

    decision: str
    reason: str
    comparisons: tuple[Comparison, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether the bundle may be activated."""
        return self.decision != REFUSED

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def judge(new: Sequence[SliceResult], active: Sequence[SliceResult] | None) -> Gate:
    """Compare per-user results of a new bundle with the ``active`` one's, None where no bundle is active."""
    warnings = tuple(_weak(new))
    if active is None:
        return Gate(FIRST, "the catalogue's first bundle", warnings=warnings)
    comparisons = compare(new, active)
    worse = [c for c in comparisons if c.worse]
    if worse:
        most = min(worse, key=lambda c: c.difference)
        reason = (
            f"worse than the active bundle in {len(worse)} of {len(comparisons)} slices, most in {most.slice_name!r}: "
            f"NDCG@10 {most.difference:+.4f} (interval {most.low:+.4f} to {most.high:+.4f}, {most.users} users)"
        )
        return Gate(REFUSED, reason, comparisons, warnings)
    reason = f"not worse than the active bundle in any of {len(comparisons)} slices"
    return Gate(PASSED, reason, comparisons, warnings)


def compare(new: Sequence[SliceResult], old: Sequence[SliceResult]) -> tuple[Comparison, ...]:
    """``new`` with ``old``, user by user, in every slice of both with 30 shared users or more.

    The intervals hold in all slices together: each at 95 %, nine slices would now and then find something worse in a
    bundle that is as good. Nor is a difference that another seed makes a loss: what is served is fitted once more.
    """
    known = {result.name: result for result in old}
    pairs = [(result.name, *_paired(result, known[result.name])) for result in new if result.name in known]
    judged = [pair for pair in pairs if len(pair[1]) >= LEAST_USERS]
    return tuple(Comparison.of(*pair, share=_luck(pair[0]), together=len(judged)) for pair in judged)


def _luck(slice_name: str) -> float:
    return LUCK_NEW_ITEM if NEW_ITEM in slice_name else LUCK


def _paired(new: SliceResult, old: SliceResult) -> tuple[Array, Array]:
    """NDCG@10 (n,) of the fusion in both, of the users that both have."""
    _, ours, theirs = np.intersect1d(new.users, old.users, assume_unique=True, return_indices=True)
    return new.ndcg[FUSION][ours], old.ndcg[FUSION][theirs]


def _weak(results: Sequence[SliceResult]) -> list[str]:
    """One line for each slice that is below popularity beyond doubt, or too small to tell."""
    lines = []
    judged = [result for result in results if len(result.users) >= LEAST_USERS]
    if not judged:
        lines.append(f"no slice has {LEAST_USERS} users: quality is not measured")
    for result in judged:
        if FLOOR in result.ndcg:
            floor = Comparison.of(result.name, result.ndcg[FUSION], result.ndcg[FLOOR])
            if floor.worse:
                lines.append(f"below popularity in {result.name!r}: NDCG@10 {floor.difference:+.4f}")
    return lines
