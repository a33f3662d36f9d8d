"""Reasons by leaving out: what an item's score loses when one piece of evidence is taken away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
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

    def encode(self, queries: Queries) -> NDArray[np.float32]:
        """The same, of queries that are asked about once."""
        ...

    def item_vectors(self, positions: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32 (B, C, d)."""
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
        column, column_loss = self._profile(queries, np.where(history_loss < NOTABLE, positions, -1).astype(np.int32))
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
        without = queries.take(liked.rows)
        removed = liked.items[without.histories.rows]
        without = replace(without, histories=without.histories.keep(without.histories.items != removed))
        change = self.scorer.states(queries)[liked.rows] - self.scorer.encode(without)
        vectors = self.scorer.item_vectors(positions)
        losses = [change[a:b] @ vectors[row].T for row, (a, b) in enumerate(pairwise(liked.offsets.tolist()))]
        return _largest(liked.items, losses, positions.shape)

    def _profile(self, queries: Queries, positions: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """(B, C) each: the profile column that an item would miss most, and what it would lose without it."""
        asked = (positions >= 0).any(axis=1, keepdims=True)
        rows, columns = np.nonzero(np.where(asked, queries.profiles, 0))
        if not len(rows):
            return np.full(positions.shape, -1, np.int32), np.zeros(positions.shape, np.float32)
        without = queries.take(rows)
        profiles = without.profiles.copy()
        profiles[np.arange(len(rows)), columns] = 0
        full = self.scorer.score(queries, positions).values[rows]
        losses = full - self.scorer.score(replace(without, profiles=profiles), positions[rows]).values
        by_query = np.split(losses, np.searchsorted(rows, np.arange(1, len(positions))))
        return _largest(columns.astype(np.int32), by_query, positions.shape)


def _largest(
    names: NDArray[np.int32], losses: Sequence[NDArray[np.float32]], shape: tuple[int, ...]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """(B, C) each: the name with the largest loss, and that; of B queries' ``losses``, (R, C) for R names each."""
    best, loss = np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
    start = 0
    for row, lost in enumerate(losses):
        if len(lost):
            best[row], loss[row] = names[start : start + len(lost)][lost.argmax(axis=0)], lost.max(axis=0)
        start += len(lost)
    return best, loss
