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

LEAST_USERS = 30
"""Users a slice needs to be judged."""

FIRST, PASSED, REFUSED = "first", "passed", "refused"


@dataclass(frozen=True, slots=True)
class Comparison:
    """NDCG@10 of one slice over ``users``: the mean ``difference`` and its 95 % paired bootstrap interval.

    ``worse``: the interval lies below 0.
    """

    slice_name: str
    users: int
    difference: float
    low: float
    high: float
    worse: bool

    @classmethod
    def of(cls, slice_name: str, differences: Array) -> Comparison:
        """From one difference a user."""
        low, high = interval(differences)
        return cls(slice_name, len(differences), float(differences.mean()), low, high, high < 0)


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
    known = {result.name: result for result in active}
    found = [_compare(result, known[result.name]) for result in new if result.name in known]
    comparisons = tuple(c for c in found if c is not None)
    worse = [c for c in comparisons if c.worse]
    if worse:
        most = min(worse, key=lambda c: c.difference)
        reason = (
            f"worse than the active bundle in {len(worse)} of {len(comparisons)} slices, most in {most.slice_name!r}: "
            f"NDCG@10 {most.difference:+.4f} (95 % interval {most.low:+.4f} to {most.high:+.4f}, {most.users} users)"
        )
        return Gate(REFUSED, reason, comparisons, warnings)
    reason = f"not worse than the active bundle in any of {len(comparisons)} slices"
    return Gate(PASSED, reason, comparisons, warnings)


def _compare(new: SliceResult, old: SliceResult) -> Comparison | None:
    _, ours, theirs = np.intersect1d(new.users, old.users, assume_unique=True, return_indices=True)
    if len(ours) < LEAST_USERS:
        return None
    return Comparison.of(new.name, new.ndcg[FUSION][ours] - old.ndcg[FUSION][theirs])


def _weak(results: Sequence[SliceResult]) -> list[str]:
    """One line for each slice that is below popularity beyond doubt, or too small to tell."""
    lines = []
    judged = [result for result in results if len(result.users) >= LEAST_USERS]
    if not judged:
        lines.append(f"no slice has {LEAST_USERS} users: quality is not measured")
    for result in judged:
        if FLOOR in result.ndcg:
            floor = Comparison.of(result.name, result.ndcg[FUSION] - result.ndcg[FLOOR])
            if floor.worse:
                lines.append(f"below popularity in {result.name!r}: NDCG@10 {floor.difference:+.4f}")
    return lines
