"""Reasons by leaving out: what an item's score loses when one liked item is taken from the history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from firstlight import Queries, Reason, ReasonCode

NEWEST = 10
"""How many of the newest liked items are tried."""

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


class Fallback(Protocol):
    """Explains what is left: the popularity prior."""

    def explain(self, queries: Queries, positions: NDArray[np.int32]) -> list[list[Reason | None]]:
        """B lists of C reasons."""
        ...


@dataclass(frozen=True, slots=True)
class Occlusion:
    """Scores without each of the newest liked items, else asks the prior."""

    scorer: Scorer
    prior: Fallback
    positive_value: float

    def explain(self, queries: Queries, positions: NDArray[np.int32]) -> list[list[Reason | None]]:
        """Reasons for ``positions`` (B, C), each true for this score: without its item the candidate scores lower."""
        history, loss = self._losses(queries, positions)
        reasons = self.prior.explain(queries, positions)
        for row, column in np.argwhere((positions >= 0) & (loss >= NOTABLE)).tolist():
            reasons[row][column] = Reason(ReasonCode.SIMILAR_TO_HISTORY, history_position=int(history[row, column]))
        return reasons

    def _losses(self, queries: Queries, positions: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """(B, C) each: the liked item that a candidate would miss most, and what it would lose without it."""
        histories = queries.histories
        liked = histories.keep(histories.positive(self.positive_value)).newest(NEWEST)
        rows, items = liked.rows, liked.items
        best, loss = np.full(positions.shape, -1, np.int32), np.zeros(positions.shape, np.float32)
        if not len(rows):
            return best, loss
        without = queries.take(rows)
        removed = items[without.histories.rows]
        without = replace(without, histories=without.histories.keep(without.histories.items != removed))
        change = self.scorer.states(queries)[rows] - self.scorer.states(without)
        for row, item, lost in zip(rows, items, self.scorer.residuals(change, positions[rows]), strict=True):
            more = lost > loss[row]
            best[row, more] = item
            loss[row, more] = lost[more]
        return best, loss
