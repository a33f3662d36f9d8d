"""Scores an item by its similarity to what a user liked and, weighted less, to what the user disliked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from firstlight import (
    Candidates,
    FitOptions,
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
from firstlight_plugins.neighbours.similarity import Lists

_FILES = ("liked_items", "liked_values", "disliked_items", "disliked_values")


class NeighboursSettings(BaseModel):
    """``neighbours``: how many are kept for each item."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    neighbours: int = Field(default=200, gt=0)


class Neighbours:
    """Score of item i: Σ over liked history items j of s(i, j) + w · Σ over disliked ones of t(i, j).

    s(i, j) says how many of those who liked j went on to like i, t(i, j) the same of those who disliked j: a disliked
    item is evidence of what crosses a user's way. Nothing is known without history, nor of items nobody is known for.
    """

    requires: Sequence[str] = ()

    def __init__(self, settings: NeighboursSettings | None = None) -> None:
        self.settings = settings or NeighboursSettings()

    def fit(self, data: TrainingData, options: FitOptions) -> Metrics:  # noqa: ARG002  # nothing here is random
        """Count who chose what after what; shrinkage and w are chosen on the validation users."""
        from firstlight_plugins.neighbours.training import learn  # noqa: PLC0415  # only training needs it

        learnt = learn(data, neighbours=self.settings.neighbours)
        self._start(data.items, learnt.liked, learnt.disliked, learnt.weight, data.dataset.schema.positive_value)
        return learnt.metrics

    def export(self, directory: Path) -> None:
        """Neighbours and similarities of both kinds, (N, K) each, and ``neighbours.json``."""
        arrays = (self._liked.items, self._liked.values, self._disliked.items, self._disliked.values)
        for name, array in zip(_FILES, arrays, strict=True):
            np.save(directory / f"{name}.npy", array, allow_pickle=False)
        state = {"disliked_weight": self._weight, "positive_value": self._positive_value}
        (directory / "neighbours.json").write_text(json.dumps(state), encoding="utf-8")

    def load(self, directory: Path, runtime: Runtime) -> None:
        """Map the exported arrays."""
        state = json.loads((directory / "neighbours.json").read_text(encoding="utf-8"))
        liked_items, liked_values, disliked_items, disliked_values = (
            runtime.array(directory / f"{name}.npy") for name in _FILES
        )
        self._start(
            runtime.items,
            Lists(liked_items, liked_values),  # type: ignore[arg-type]  # int32 and float32 by export
            Lists(disliked_items, disliked_values),  # type: ignore[arg-type]
            float(state["disliked_weight"]),
            float(state["positive_value"]),
        )

    def score(self, queries: Queries, positions: NDArray[np.int32]) -> Scores:
        """Known where the history holds a bundle item and the candidate is a neighbour of any item."""
        values = np.zeros(positions.shape, np.float32)
        known = np.zeros(positions.shape, bool)
        here = (positions >= 0) & (positions < self._items.base_size)
        for row, totals in enumerate(self._totals(queries)):
            if totals is not None:
                known[row] = here[row] & self._reachable[np.where(here[row], positions[row], 0)]
                values[row] = totals.at(positions[row])
        return Scores(np.where(known, values, 0), known)

    def generate(self, queries: Queries, limit: int) -> Candidates:
        """The most similar items; none for an empty history."""
        return Totals.proposed(self._totals(queries), min(limit, self._items.base_size))

    def explain(self, queries: Queries, positions: NDArray[np.int32]) -> list[list[Reason | None]]:
        """The liked history item that adds most to an item's score; None where no liked one adds to it."""
        reasons: list[list[Reason | None]] = []
        for row, (items, _, liked) in enumerate(self._histories(queries)):
            mine = items[liked]
            if not len(mine):
                reasons.append([None] * positions.shape[1])
                continue
            parts = self._liked.votes(mine, np.ones(len(mine), np.float32)).parts(positions[row], self._items.base_size)
            best = parts.argmax(axis=0)
            reasons.append(
                [
                    Reason(ReasonCode.SIMILAR_TO_HISTORY, int(mine[b])) if parts[b, c] > 0 else None
                    for c, b in enumerate(best)
                ]
            )
        return reasons

    def _start(self, items: ItemTable, liked: Lists, disliked: Lists, weight: float, positive_value: float) -> None:
        self._items, self._liked, self._disliked = items, liked, disliked
        self._weight, self._positive_value = weight, positive_value
        self._reachable = np.zeros(items.base_size + 1, bool)
        self._reachable[liked.items] = True
        if weight > 0:
            self._reachable[disliked.items] = True
        self._reachable = self._reachable[:-1]  # the last entry stands for the padding −1
        self._histories, self._totals = Remembered(self._split, items), Remembered(self._added, items)

    def _split(self, queries: Queries) -> list[tuple[NDArray[Any], ...]]:
        """Per query: distinct bundle items, their weights, and which are liked."""
        histories = queries.histories
        histories = histories.keep((histories.items >= 0) & (histories.items < self._items.base_size)).distinct()
        liked = histories.positive(self._positive_value)
        weights = np.where(liked, 1.0, self._weight).astype(np.float32)
        return histories.split(histories.items, weights, liked)

    def _added(self, queries: Queries) -> list[Totals | None]:
        """Per query what its history adds to every item; None where it holds no bundle item."""
        return [self._total(*row) if len(row[0]) else None for row in self._histories(queries)]

    def _total(self, items: NDArray[np.int32], weights: NDArray[np.float32], liked: NDArray[np.bool_]) -> Totals:
        votes = self._liked.votes(items[liked], weights[liked])
        if self._weight > 0 and not liked.all():
            votes = votes.beside(self._disliked.votes(items[~liked], weights[~liked]))
        return votes.totals(self._items.base_size)
