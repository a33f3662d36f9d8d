"""Serves Q: a user's vector is solved from the history, and an item's score is an inner product."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from firstlight import (
    Candidates,
    FitOptions,
    Histories,
    ItemTable,
    Metrics,
    Queries,
    Reason,
    ReasonCode,
    Remembered,
    Runtime,
    Scores,
    TrainingData,
    VectorIndex,
)
from firstlight_plugins.factors.folding import Folding

DENSE_LIMIT = 50_000
SPARE = 4
"""How many times as many are searched where some of those found have no interactions: few are, as theirs score 0."""


class FactorsSettings(BaseModel):
    """``objective``: rank by what is chosen (``implicit``) or predict values (``explicit``); ``embedding_size``: d."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    objective: Literal["implicit", "explicit"] = "implicit"
    embedding_size: int = Field(default=32, gt=0)
    iterations: int = Field(default=5, gt=0)


class Factors:
    """Score of item i: u · qᵢ, plus the item's own level with the explicit objective.

    u solves the least squares problem of the user's own history, pulled towards the average user. Nothing is known
    without history, nor of items without interactions.
    """

    requires: Sequence[str] = ()

    def __init__(self, settings: FactorsSettings | None = None) -> None:
        self.settings = settings or FactorsSettings()

    def fit(self, data: TrainingData, options: FitOptions) -> Metrics:
        """Alternating least squares; how a new user is folded in is chosen on the validation users."""
        from firstlight_plugins.factors.training import learn  # noqa: PLC0415  # only training needs it

        learnt = learn(data, self.settings, seed=options.seed, progress=options.progress)
        self._start(data.items, learnt.folding, None)
        return learnt.metrics

    def export(self, directory: Path) -> None:
        """``factors.npy`` Q (N, d), ``levels.npy`` (N,), ``centre.npy`` (d,) and ``factors.json``."""
        self._folding.save(directory)

    def load(self, directory: Path, runtime: Runtime) -> None:
        """Map the exported arrays."""
        state = json.loads((directory / "factors.json").read_text(encoding="utf-8"))
        arrays: dict[str, Any] = {name: runtime.array(directory / f"{name}.npy") for name in Folding.ARRAYS}
        folding = Folding(**arrays, **state)
        large = runtime.items.base_size > DENSE_LIMIT
        self._start(runtime.items, folding, runtime.index(_augmented(folding)) if large else None)

    def score(self, queries: Queries, positions: NDArray[np.int32]) -> Scores:
        """Known where the history holds a bundle item and the candidate has interactions."""
        histories = self._histories(queries)
        users = self._users(queries)
        known = (self._items.counts(positions) > 0) & (histories.lengths > 0)[:, None]
        at = np.where(known, positions, 0)
        values = np.zeros(positions.shape, np.float32)
        for row, user in enumerate(users):
            values[row] = self._folding.factors.take(at[row], axis=0) @ user + self._folding.levels.take(at[row])
        return Scores(np.where(known, values, 0), known)

    def generate(self, queries: Queries, limit: int) -> Candidates:
        """The highest scores among items with interactions; none for an empty history."""
        histories = self._histories(queries)
        users = self._users(queries)
        limit = min(limit, self._items.base_size)
        if self._index is not None and limit:
            augmented = np.concatenate([users, np.ones((len(users), 1), np.float32)], axis=1)
            found = self._index.search(augmented, limit)
            if not self._items.counts(found.positions).all():
                found = self._index.search(augmented, limit * SPARE)
                values = np.where(self._items.counts(found.positions) > 0, found.scores, -np.inf)
                found = Candidates.best(values, limit, positions=found.positions)
        else:
            met, folding = self._items.base_counts > 0, self._folding
            rows = (np.where(met, folding.factors @ user + folding.levels, -np.inf) for user in users)
            found = Candidates.stacked([Candidates.best(row[None], limit) for row in rows], limit)
        empty = (histories.lengths == 0)[:, None]
        return Candidates(
            np.where(empty, -1, found.positions).astype(np.int32), np.where(empty, 0, found.scores).astype(np.float32)
        )

    def explain(self, queries: Queries, positions: NDArray[np.int32]) -> list[list[Reason | None]]:
        """The history item that adds most to an item's score: u is linear in what the history pulls towards.

        The decomposition is that of Hu, Koren and Volinsky (2008), section 5. None where no history item adds.
        """
        histories = self._histories(queries)
        known = (self._items.counts(positions) > 0) & (histories.lengths > 0)[:, None]
        reasons: list[list[Reason | None]] = []
        for row in range(len(queries)):
            history = histories.of(row)
            best = np.zeros(positions.shape[1], np.int64)
            gain = np.zeros(positions.shape[1], np.float32)
            if len(history):
                parts = self._folding.parts(histories.take(np.array([row])), np.where(known[row], positions[row], 0))
                best, gain = parts.argmax(axis=0), parts.max(axis=0)
            reasons.append(
                [
                    Reason(ReasonCode.SIMILAR_TO_HISTORY, int(history[b])) if known[row, c] and gain[c] > 0 else None
                    for c, b in enumerate(best)
                ]
            )
        return reasons

    def _start(self, items: ItemTable, folding: Folding, index: VectorIndex | None) -> None:
        self._items, self._folding, self._index = items, folding, index
        self._histories = Remembered(self._met, items)
        self._users = Remembered(lambda queries: folding.users(self._histories(queries)), items)

    def _met(self, queries: Queries) -> Histories:
        """Distinct bundle items that training saw."""
        histories = queries.histories
        return histories.keep(self._items.counts(histories.items) > 0).distinct()


def _augmented(folding: Folding) -> NDArray[np.float32]:
    return np.concatenate([folding.factors, folding.levels[:, None]], axis=1)
