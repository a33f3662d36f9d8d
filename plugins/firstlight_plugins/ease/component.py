"""Serves the weights: a history adds up its items' rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import sparse

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
    Totals,
    TrainingData,
)
from firstlight_plugins.ease.evidence import strengths
from firstlight_plugins.ease.rows import Floats, totals, votes

_FILES = ("values", "items", "offsets")


class EaseSettings(BaseModel):
    """``ease``: up to ``dense_items`` items are solved as a whole, which takes N² memory and N³ time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dense_items: int = Field(default=10_000, gt=0)


class Ease:
    """Score of item i: Σ over the history's items j of strength(j) · weights[j, i].

    The weights are those of the regression of every item on all others; a strength says how an interaction counts, by
    its age and by whether the item was liked. Known where an item of the history counts and both have interactions.
    """

    requires: Sequence[str] = ()
    weights: sparse.csr_array
    """csr float32 (N, N), after ``fit`` or ``load``: row j is what item j in a history adds to every item."""

    def __init__(self, settings: EaseSettings | None = None) -> None:
        self.settings = settings or EaseSettings()

    def fit(self, data: TrainingData, options: FitOptions) -> Metrics:
        """Solve; penalties, strengths and targets are chosen on the validation users."""
        from firstlight_plugins.ease.training import learn  # noqa: PLC0415  # only training needs it

        learnt = learn(data, options, dense_items=self.settings.dense_items)
        choice, positive_value = learnt.choice, data.dataset.schema.positive_value
        self._start(data.items, learnt.weights, choice.disliked, choice.recency, positive_value)
        return learnt.metrics

    def export(self, directory: Path) -> None:
        """Rows of weights, ``values.npy``, ``items.npy`` and ``offsets.npy`` (N + 1,), and ``ease.json``."""
        arrays = (self.weights.data, self.weights.indices, self.weights.indptr)
        for name, array in zip(_FILES, arrays, strict=True):
            np.save(directory / f"{name}.npy", array, allow_pickle=False)
        state = {"disliked": self._disliked, "recency": self._recency, "positive_value": self._positive_value}
        (directory / "ease.json").write_text(json.dumps(state), encoding="utf-8")

    def load(self, directory: Path, runtime: Runtime) -> None:
        """Map the exported arrays."""
        state = json.loads((directory / "ease.json").read_text(encoding="utf-8"))
        size = runtime.items.base_size
        weights = sparse.csr_array(tuple(runtime.array(directory / f"{n}.npy") for n in _FILES), (size, size))
        self._start(
            runtime.items,
            weights,
            float(state["disliked"]),
            float(state["recency"]),
            float(state["positive_value"]),
        )

    def history_weights(self, histories: Histories) -> Floats:
        """float32 (n,): how much each interaction counts; 0 for what this component does not know."""
        return strengths(
            histories,
            self._items.base_counts > 0,
            positive_value=self._positive_value,
            disliked=self._disliked,
            recency=self._recency,
        )

    def score(self, queries: Queries, positions: NDArray[np.int32]) -> Scores:
        """Known where an interaction of the history counts and the candidate has interactions."""
        values = np.zeros(positions.shape, np.float32)
        known = (positions >= 0) & (self._items.counts(positions) > 0)
        for row, added in enumerate(self._totals(queries)):
            known[row] &= added is not None
            if added is not None:
                values[row] = added.at(positions[row])
        return Scores(np.where(known, values, 0), known)

    def generate(self, queries: Queries, limit: int) -> Candidates:
        """The items that the history adds most to; none for an empty history."""
        return Totals.proposed(self._totals(queries), min(limit, self._items.base_size))

    def explain(self, queries: Queries, positions: NDArray[np.int32]) -> list[list[Reason | None]]:
        """The liked history item that adds most to an item's score; None where no liked one adds to it."""
        reasons: list[list[Reason | None]] = []
        for row, (items, counts, liked) in enumerate(self._histories(queries)):
            mine = items[liked]
            if not len(mine):
                reasons.append([None] * positions.shape[1])
                continue
            parts = votes(self.weights, mine).parts(positions[row], self._items.base_size) * counts[liked][:, None]
            reasons.append(
                [
                    Reason(ReasonCode.SIMILAR_TO_HISTORY, int(mine[b])) if parts[b, c] > 0 else None
                    for c, b in enumerate(parts.argmax(axis=0))
                ]
            )
        return reasons

    def _start(
        self, items: ItemTable, weights: sparse.csr_array, disliked: float, recency: float, positive_value: float
    ) -> None:
        self._items, self.weights = items, weights
        self._disliked, self._recency, self._positive_value = disliked, recency, positive_value
        self._histories, self._totals = Remembered(self._split, items), Remembered(self._added, items)

    def _added(self, queries: Queries) -> list[Totals | None]:
        """Per query what its history adds to every item; None where nothing of it counts."""
        rows = self._histories(queries)
        return [totals(self.weights, items, counts) if len(items) else None for items, counts, _ in rows]

    def _split(self, queries: Queries) -> list[tuple[NDArray[Any], ...]]:
        """Per query: the items that count, how much, and which are liked."""
        counts = self.history_weights(queries.histories)
        mask = counts > 0
        histories = queries.histories.keep(mask)
        return histories.split(histories.items, counts[mask], histories.positive(self._positive_value))
