"""What a student is asked while it learns: some interactions are shown, the others are to be found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firstlight import Histories, Queries, TrainingData
from firstlight.learning import place_weights, pool_sizes
from firstlight_plugins.student.teacher import DENSE_ITEMS, Teacher, proposed

EMPTY_SHARE = 0.15
SUBSET_SHARE = 0.3
VALUE_DROPOUT = 0.1
MAX_ENTRIES = 1_000
MAX_TARGETS = 300
NEGATIVES = 1_000
"""Drawn for each batch of a catalogue that is too large to be ranked whole."""

States = Callable[[Queries], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Lesson:
    """B users and C candidates of each.

    ``shown``: what the student sees beside the ``rows``' profiles. ``positions`` int32 (B, C); ``excluded`` bool
    (B, C): shown already, there twice, or padding. ``targets`` int64 (B, T): columns to be found, with their
    ``weights``, 0 for padding. ``correction`` (C,): log of how often a drawn candidate was expected, 0 for the others.
    ``prior`` float32 (B, C). The teacher's part: ``shares`` float32 (B, C), log shares, and ``states`` (B, E); (B, 0)
    where nobody teaches.
    """

    rows: NDArray[np.int64]
    shown: Histories
    positions: NDArray[np.int32]
    excluded: NDArray[np.bool_]
    targets: NDArray[np.int64]
    weights: NDArray[np.float32]
    correction: NDArray[np.float32]
    prior: NDArray[np.float32]
    shares: NDArray[np.float32]
    states: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Desk:
    """Deals lessons. ``teacher``'s first component is the prior; ``states``: that of a component that has states."""

    data: TrainingData
    teacher: Teacher
    states: States | None
    max_shown: int

    def draw(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Lesson:
        """k is 0 for 15 % of users, else log-uniform up to ``max_shown``, always leaving something to find.

        With times most users show their first k interactions, as a new user is met in life, the others k random ones.
        The teacher sees what the student sees, but for one value in ten, which is forgotten.
        """
        ordered = self.data.dataset.schema.has_times
        most = np.clip(np.minimum(self.data.dataset.histories.lengths[rows], MAX_ENTRIES) - 1, 0, self.max_shown)
        shown = np.floor(np.exp(rng.random(len(rows)) * np.log(most + 1))).astype(np.int64)
        shown = np.where(rng.random(len(rows)) < EMPTY_SHARE, 0, np.minimum(shown, most))
        subset = rng.random(len(rows)) < (SUBSET_SHARE if ordered else 1.0)
        lesson = self._lesson(rows, shown, subset, rng)
        queries = Queries(self.data.profiles[rows], lesson.shown)
        shares = self.teacher.log_shares(queries, lesson.positions, lesson.excluded)
        states = self.states(queries) if self.states else lesson.states
        forgotten = rng.random(len(lesson.shown.values)) < VALUE_DROPOUT
        values = np.where(forgotten, np.float32(np.nan), lesson.shown.values)
        return replace(lesson, shares=shares, states=states, shown=replace(lesson.shown, values=values))

    def fixed(self, rows: NDArray[np.int64], shown: int, seed: int) -> Lesson:
        """The new-user protocol: the first ``shown`` of a pool of 10, or half a shorter history; no teacher."""
        pool = pool_sizes(self.data.dataset.histories.take(rows))
        subset = np.full(len(rows), not self.data.dataset.schema.has_times)
        return self._lesson(rows, np.minimum(pool, shown), subset, np.random.default_rng(seed))

    def _lesson(
        self, rows: NDArray[np.int64], shown: NDArray[np.int64], subset: NDArray[np.bool_], rng: np.random.Generator
    ) -> Lesson:
        schema = self.data.dataset.schema
        histories = self.data.dataset.histories.take(rows).newest(MAX_ENTRIES)
        row, place = histories.rows, histories.ranks()
        keys = np.where(subset[row], rng.random(len(row)), place)
        drawn = np.empty(len(row), np.int64)
        drawn[np.lexsort((keys, row))] = place
        seen = drawn < shown[row]
        key = row * np.int64(1 << 32) + histories.items
        wanted = histories.positive(schema.positive_value) & ~np.isin(key, key[seen])
        wanted &= subset[row] | (place >= pool_sizes(histories)[row])
        weights = place_weights(histories, ordered=schema.has_times)
        found, history = histories.keep(wanted), histories.keep(seen)
        late = found.ages() < MAX_TARGETS
        found, weights = found.keep(late), weights[wanted][late]
        at = (found.rows, found.ranks())
        width = max(1, int(found.lengths.max(initial=0)))
        items, padded = np.full((len(rows), width), -1, np.int32), np.zeros((len(rows), width), np.float32)
        items[at], padded[at] = found.items, weights
        queries = Queries(self.data.profiles[rows], history)
        positions, correction = self._candidates(queries, items, rng)
        excluded = (positions < 0) | queries.histories.holding(positions)
        targets = np.maximum(items, 0).astype(np.int64)
        if correction.any():
            excluded |= _repeated(positions, drawn=NEGATIVES)
            targets = np.tile(np.arange(width), (len(rows), 1))
        prior = self.teacher.components[0].score(queries, positions).values
        nothing = np.zeros((len(rows), 0), np.float32)
        return Lesson(rows, history, positions, excluded, targets, padded, correction, prior, nothing, nothing)

    def _candidates(
        self, queries: Queries, targets: NDArray[np.int32], rng: np.random.Generator
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """All items of a small catalogue; else the ``targets``, what the components propose, and a draw."""
        items = self.data.items.base_size
        if items <= DENSE_ITEMS:
            return proposed(self.teacher.components, queries, items), np.zeros(items, np.float32)
        draws = (self.data.items.base_counts + 1.0) ** 0.75
        draws /= draws.sum()
        negatives = rng.choice(items, NEGATIVES, p=draws)
        certain = [targets, proposed(self.teacher.components, queries, items)]
        shared = np.broadcast_to(negatives.astype(np.int32), (len(queries), NEGATIVES))
        positions = np.concatenate([*certain, shared], axis=1)
        correction = np.zeros(positions.shape[1], np.float32)
        correction[-NEGATIVES:] = np.log(draws[negatives] * NEGATIVES)
        return positions, correction


def _repeated(positions: NDArray[np.int32], *, drawn: int) -> NDArray[np.bool_]:
    """bool (B, C): candidates that an earlier column of the row holds; the last ``drawn`` may repeat each other."""
    certain = positions.shape[1] - drawn
    out = np.zeros(positions.shape, np.bool_)
    for row, items in enumerate(positions):
        first = np.unique(items[:certain], return_index=True)[1]
        out[row, :certain] = True
        out[row, first] = False
        out[row, certain:] = np.isin(items[certain:], items[:certain])
    return out
