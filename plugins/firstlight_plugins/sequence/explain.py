"""Reasons by leaving out: what an item's score loses when one piece of evidence is taken away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from firstlight import Queries, Reason, ReasonCode, Scores

NEWEST = 10
"""How many of the newest positive history entries are tried."""

NOTABLE = 0.02
"""A smaller loss (in log odds) is no reason to name."""


class Scorer(Protocol):
    """The explained component."""

    def states(self, queries: Queries) -> NDArray[np.float32]:
        """float32 (B, d)."""
        ...

    def residuals(self, states: NDArray[np.float32], positions: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32 (B, C)."""
        ...

    def score(self, queries: Queries, positions: NDArray[np.int32]) -> Scores:
        """Values (B, C)."""
        ...


class Fallback(Protocol):
    """Explains what is left: the popularity prior."""

    def explain(self, queries: Queries, positions: NDArray[np.int32]) -> list[list[Reason | None]]:
        """B lists of C reasons."""
        ...


@dataclass(frozen=True, slots=True)
class Occlusion:
    """Scores without each of the newest liked items, else without each profile value, else asks the prior."""

    scorer: Scorer
    prior: Fallback
    profile_names: Sequence[str]
    positive_value: float

    def explain(self, queries: Queries, positions: NDArray[np.int32]) -> list[list[Reason | None]]:
        """Reasons for ``positions`` (B, C), each true for this score: without its evidence the item scores lower."""
        history, history_loss = self._history(queries, positions)
        column, column_loss = self._profile(queries, positions)
        rest = self.prior.explain(queries, positions)

        def one(b: int, c: int) -> Reason | None:
            if positions[b, c] < 0:
                return None
            if history_loss[b, c] >= NOTABLE:
                return Reason(ReasonCode.SIMILAR_TO_HISTORY, history_position=int(history[b, c]))
            if column_loss[b, c] >= NOTABLE:
                return Reason(ReasonCode.MATCHES_PROFILE, attribute=self.profile_names[column[b, c]])
            return rest[b][c]

        return [[one(b, c) for c in range(positions.shape[1])] for b in range(len(positions))]

    def _history(self, queries: Queries, positions: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """(B, C) each: the liked item that an item would miss most, and what it would lose without it."""
        histories = queries.histories
        liked = histories.keep(histories.positive(self.positive_value)).newest(NEWEST)
        rows, items = liked.rows, liked.items
        without = queries.take(rows)
        removed = items[without.histories.rows]
        without = replace(without, histories=without.histories.keep(without.histories.items != removed))
        shape = positions.shape
        best, loss = np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
        if not len(rows):
            return best, loss
        change = self.scorer.states(queries)[rows] - self.scorer.states(without)
        return _largest(rows, items, self.scorer.residuals(change, positions[rows]), best, loss)

    def _profile(self, queries: Queries, positions: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """(B, C) each: the profile column that an item would miss most, and what it would lose without it."""
        rows, columns = np.nonzero(queries.profiles)
        without = queries.take(rows)
        profiles = without.profiles.copy()
        profiles[np.arange(len(rows)), columns] = 0
        shape = positions.shape
        best, loss = np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
        if not len(rows):
            return best, loss
        full = self.scorer.score(queries, positions).values[rows]
        losses = full - self.scorer.score(replace(without, profiles=profiles), positions[rows]).values
        return _largest(rows, columns.astype(np.int32), losses, best, loss)


def _largest(
    rows: NDArray[np.int64],
    names: NDArray[np.int32],
    losses: NDArray[np.float32],
    best: NDArray[np.int32],
    loss: NDArray[np.float32],
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """For each query and candidate the name with the largest positive loss; ``losses`` (R, C), ``rows`` (R,)."""
    for row, name, lost in zip(rows, names, losses, strict=True):
        more = lost > loss[row]
        best[row, more] = name
        loss[row, more] = lost[more]
    return best, loss
