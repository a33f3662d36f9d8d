"""Training problems made from histories: some interactions are shown, the others are to be found."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firstlight import Histories
from firstlight.learning import place_weights, pool_sizes

EMPTY_SHARE = 0.15
SUBSET_SHARE = 0.3
VALUE_DROPOUT = 0.1
MAX_ENTRIES = 1000


@dataclass(frozen=True, slots=True)
class Problem:
    """B users: what is shown of them, and targets (B, T) with their ``weights`` and ``values``; weight 0 pads."""

    rows: NDArray[np.int64]
    shown: Histories
    targets: NDArray[np.int64]
    weights: NDArray[np.float32]
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sampler:
    """Deals problems from ``histories`` of all users.

    With times (``ordered``) most problems show the first k interactions and ask for what followed, as a new user is
    met in life; the others show a random subset. A user's first interactions are mostly what is shown to everybody, so
    as targets they weigh r / (r + 5), r being their place. ``valued``: targets are all interactions with a value,
    instead of the positive ones.
    """

    histories: Histories
    positive_value: float
    ordered: bool
    max_shown: int
    valued: bool = False

    def draw(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Problem:
        """k is 0 for 15 % of users, else log-uniform up to ``max_shown``, always leaving something to find.

        One shown value in ten is forgotten, for a query may hold interactions without one.
        """
        lengths = np.minimum(self.histories.lengths[rows], MAX_ENTRIES)
        most = np.clip(lengths - 1, 0, self.max_shown)
        shown = np.floor(np.exp(rng.random(len(rows)) * np.log(most + 1))).astype(np.int64)
        shown = np.where(rng.random(len(rows)) < EMPTY_SHARE, 0, np.minimum(shown, most))
        subset = rng.random(len(rows)) < (SUBSET_SHARE if self.ordered else 1.0)
        return _forget_values(self._problem(rows, shown, subset, rng), rng)

    def fixed(self, rows: NDArray[np.int64], shown: int, seed: int) -> Problem:
        """The new-user protocol: the first ``shown`` of a pool of 10, or half a shorter history; targets after it."""
        pool = pool_sizes(self.histories.take(rows))
        subset = np.full(len(rows), not self.ordered)
        return self._problem(rows, np.minimum(pool, shown), subset, np.random.default_rng(seed))

    def _problem(
        self, rows: NDArray[np.int64], shown: NDArray[np.int64], subset: NDArray[np.bool_], rng: np.random.Generator
    ) -> Problem:
        histories = self.histories.take(rows).newest(MAX_ENTRIES)
        row, place = histories.rows, histories.ranks()
        keys = np.where(subset[row], rng.random(len(row)), place)
        drawn = np.empty(len(row), np.int64)
        drawn[np.lexsort((keys, row))] = place
        seen = drawn < shown[row]
        pool = pool_sizes(histories)
        wanted = ~np.isnan(histories.values) if self.valued else histories.positive(self.positive_value)
        key = row * np.int64(1 << 32) + histories.items
        target = wanted & ~np.isin(key, key[seen]) & (subset[row] | (place >= pool[row]))
        weights = place_weights(histories, ordered=self.ordered)
        found = histories.keep(target)
        shape = (len(rows), max(1, int(found.lengths.max(initial=0))))
        at = (found.rows, found.ranks())
        targets, values = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
        padded = np.zeros(shape, np.float32)
        targets[at], values[at], padded[at] = found.items, found.values, weights[target]
        return Problem(rows, histories.keep(seen), targets, padded, values)


def _forget_values(problem: Problem, rng: np.random.Generator) -> Problem:
    shown = problem.shown
    values = np.where(rng.random(len(shown.values)) < VALUE_DROPOUT, np.float32(np.nan), shown.values)
    return replace(problem, shown=replace(shown, values=values))
