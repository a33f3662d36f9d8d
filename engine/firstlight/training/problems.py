"""Ranking problems: what a query shows, and what is to be found."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Dataset, Histories, Queries, RankingInputs
from firstlight.pipeline import Model
from firstlight.training.metrics import NDCG_CUT, RECALL_CUT, Array, held_by, ndcg, recall, top_lists

FUSION = "fusion"
BATCH = 256
"""Queries that are asked at once."""


@dataclass(frozen=True, slots=True)
class Problem:
    """B queries, the items to find in each (``targets``, one row a query), and whose query each is.

    ``users`` (B,) identifies the user of each query.
    """

    queries: Queries
    targets: Histories
    users: NDArray[np.generic]

    def __len__(self) -> int:
        return len(self.queries)

    def take(self, rows: NDArray[np.integer]) -> Problem:
        """The given problems, in the given order."""
        return Problem(self.queries.take(rows), self.targets.take(rows), self.users[rows])

    def solvable(self) -> Problem:
        """Only the problems with something to find."""
        return self.take(np.flatnonzero(self.targets.lengths))


def in_time_order(dataset: Dataset, seed: int) -> Dataset:
    """``dataset`` as it is where interactions have times, else with each history in a seeded random order."""
    if dataset.schema.has_times:
        return dataset
    return replace(dataset, histories=dataset.histories.shuffled(seed))


def earlier(histories: Histories, counted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """int64 (n,): how many ``counted`` (n,) interactions of the same row come before each one."""
    before = np.concatenate([[0], np.cumsum(counted)])
    return np.asarray(before[:-1] - before[histories.offsets[:-1]][histories.rows])


def latest(histories: Histories, part: int, *, round_up: bool = False) -> NDArray[np.bool_]:
    """bool (n,): the newest 1 / ``part`` of each row's interactions, rounded down or up.

    The only interaction of a row is never among them.
    """
    lengths = histories.lengths
    count = np.where(lengths > 1, -(-lengths // part) if round_up else lengths // part, 0)
    return np.asarray(histories.ages() < count[histories.rows])


def without_history(positions: NDArray[np.int32], queries: Queries) -> NDArray[np.int32]:
    """``positions`` (B, C) with the items of each query's history replaced by −1."""
    return np.where(queries.histories.holding(positions), -1, positions).astype(np.int32)


def propose(model: Model, queries: Queries) -> NDArray[np.int32]:
    """``model.candidates`` in batches: int32 (B, C), so that no generator scores everything for everybody at once."""
    parts = [
        model.candidates(queries.take(np.arange(start, min(start + BATCH, len(queries)))))
        for start in range(0, len(queries), BATCH)
    ]
    out = np.full((len(queries), max((part.shape[1] for part in parts), default=0)), -1, np.int32)
    for n, part in enumerate(parts):
        out[n * BATCH : n * BATCH + len(part), : part.shape[1]] = part
    return out


def distinct(targets: Histories, given: Histories) -> Histories:
    """``targets`` with each item once a row, and without the items that the same row of ``given`` holds."""
    return targets.keep(~held_by(targets, given)).distinct()


def component_values(inputs: RankingInputs) -> dict[str, NDArray[np.float32]]:
    """Scores (B, C) of each component that knows anything here, −inf where it does not."""
    return {
        name: np.where(inputs.known[s], inputs.scores[s], -np.inf).astype(np.float32)
        for s, name in enumerate(inputs.names)
        if inputs.known[s].any()
    }


@dataclass(frozen=True, slots=True)
class Quality:
    """NDCG@10 and recall@20 of B lists, (B,) each; ``lists`` int32 (B, 20) padded with −1."""

    ndcg: Array
    recall: Array
    lists: NDArray[np.int32]

    @classmethod
    def of(cls, values: NDArray[np.float32], positions: NDArray[np.int32], targets: Histories) -> Quality:
        """Quality of ``positions`` (B, C) ordered by ``values`` (B, C)."""
        lists = top_lists(values, positions, max(NDCG_CUT, RECALL_CUT))
        hits = targets.holding(lists)
        return cls(ndcg(hits, targets.lengths), recall(hits, targets.lengths), lists)
