"""What the choices are measured on: users who are nearly new, beside popularity, and users who are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firstlight import Dataset, Histories, Queries, TrainingData
from firstlight.learning import HeldOut, held_out, ndcg, place_weights
from firstlight_plugins.ease.rows import Floats

SHOWN = (1, 3, 5, 10)
LATEST_PART = 5
LEAST_INTERACTIONS = 3
"""From here on the latest fifth is at least one interaction."""
USERS = 500
CELLS = 10_000_000
COLUMNS = 3_000
SHARES = (0.5, 2.0, 8.0)
"""Weights of standardised scores that are tried beside log popularity."""


@dataclass(frozen=True, slots=True)
class Problem:
    """B queries ranked among C items: their whole ``histories``, and the ``question`` in terms of the C columns."""

    histories: Histories
    question: HeldOut


@dataclass(frozen=True, slots=True)
class Problems:
    """Validation users with a ``few`` interactions shown, and ``known`` ones with all but their latest fifth shown.

    ``columns`` int64 (C,): the items ranked; ``prior`` (C,): their log popularity. ``training``: what may be learnt
    from, without the validation users and without what is to be found.
    """

    training: Dataset
    few: tuple[Problem, ...]
    known: Problem
    columns: NDArray[np.int64]
    prior: Floats

    @classmethod
    def of(cls, data: TrainingData) -> Problems:
        """All items are ranked; above ``COLUMNS``, so many of the targets and of the most popular others."""
        few = [_first(held_out(data, shown=shown)) for shown in SHOWN]
        training, known = _hide_latest(data)
        votes = _votes(training)
        wanted = np.any([problem.relevant.any(axis=0) for problem in (*few, known)], axis=0)
        order = np.lexsort((-votes, ~wanted))
        columns = np.sort(order[:COLUMNS])
        return cls(
            training,
            tuple(_among(problem, columns) for problem in few),
            _among(known, columns),
            columns,
            np.log1p(votes[columns]).astype(np.float32),
        )

    @property
    def histories(self) -> tuple[Histories, ...]:
        """What is shown in each problem."""
        return tuple(problem.histories for problem in (*self.few, self.known))

    def quality(self, scores: Sequence[Floats]) -> float:
        """NDCG@10, its mean over the two kinds of users; ``scores`` (B, C) for each of ``histories``.

        The fusion always has popularity at hand, so for users of few interactions what counts is what scores add to
        it, at the weight that suits them best.
        """
        few = []
        for problem, found in zip(self.few, scores[:-1], strict=True):
            scaled = found / max(float(found.std()), 1e-9) if found.size else found
            few.append(max(ndcg(self.prior + share * scaled, problem.question) for share in SHARES))
        return float((np.mean(few) + ndcg(scores[-1], self.known.question)) / 2)


def _hide_latest(data: TrainingData) -> tuple[Dataset, HeldOut]:
    """The training users, some without the latest fifth of their interactions, and the question what these were."""
    dataset = data.dataset.select_users(data.training)
    items = len(dataset.item_ids)
    if not dataset.schema.has_times:
        dataset = replace(dataset, histories=dataset.histories.shuffled(seed=0))
    histories = dataset.histories
    asked = min(USERS, len(histories) // 2, max(1, CELLS // max(items, 1)))
    rows = np.unique(np.linspace(0, len(histories) - 1, asked).astype(np.int64))
    latest_count = np.maximum(histories.lengths // LATEST_PART, histories.lengths >= LEAST_INTERACTIONS)
    hidden = np.isin(histories.rows, rows) & (histories.ages() < latest_count[histories.rows])
    training = replace(dataset, histories=histories.keep(~hidden))
    history, latest = training.histories.take(rows), histories.keep(hidden).take(rows)
    target = latest.positive(dataset.schema.positive_value) & (training.counts() > 0)[latest.items]
    relevant = np.zeros((len(rows), items), bool)
    relevant[latest.rows[target], latest.items[target]] = True
    relevant[history.rows, history.items] = False
    kept = np.flatnonzero(relevant.any(axis=1))
    return training, HeldOut(Queries(data.profiles[data.training[rows]], history).take(kept), relevant[kept])


def _first(problem: HeldOut) -> HeldOut:
    rows = np.arange(min(USERS, len(problem.queries)))
    return HeldOut(problem.queries.take(rows), problem.relevant[rows])


def _votes(dataset: Dataset) -> NDArray[np.float64]:
    """Place weights of likes by item, (N,)."""
    weights = place_weights(dataset.histories, ordered=dataset.schema.has_times)
    liked = dataset.histories.positive(dataset.schema.positive_value)
    votes = np.bincount(dataset.histories.items, weights * liked, minlength=len(dataset.item_ids))
    return votes.astype(np.float64, copy=False)


def _among(problem: HeldOut, columns: NDArray[np.int64]) -> Problem:
    """``problem`` with only the items ``columns``, numbered 0, 1, ... in its question."""
    place = np.full(problem.relevant.shape[1], -1, np.int32)
    place[columns] = np.arange(len(columns))
    histories = problem.queries.histories
    inside = histories.keep(place[histories.items] >= 0)
    numbered = Histories(inside.offsets, place[inside.items], inside.values, inside.types, inside.times)
    return Problem(histories, HeldOut(Queries(problem.queries.profiles, numbered), problem.relevant[:, columns]))
