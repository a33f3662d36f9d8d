"""Learns the weights between items; everything that can be chosen is chosen on the validation users."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace

import numpy as np
from scipy import sparse

from firstlight import FitOptions, TrainingData
from firstlight.learning import walk
from firstlight_plugins.ease.choosing import LADDERS, TIMED, Choice
from firstlight_plugins.ease.evidence import matrix, strengths
from firstlight_plugins.ease.pairs import Pairs
from firstlight_plugins.ease.problems import COLUMNS, Problems
from firstlight_plugins.ease.rows import Floats, strongest
from firstlight_plugins.ease.solving import Nearest, Solver, Whole

WIDTHS = (50, 100, 200, 400, 800, 1_600)
UNTRIED_WIDTH = 1_000
LOSS = 0.001
SEARCH_SHARE = 0.5
"""Of the time budget, for choosing."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """``weights`` csr float32 (N, N): row j is what item j in a history adds to every item."""

    weights: sparse.csr_array
    choice: Choice
    metrics: dict[str, float]


def learn(data: TrainingData, options: FitOptions, *, dense_items: int) -> Learnt:
    """Choose without the validation users, then solve with all users.

    Catalogues of up to ``dense_items`` are solved as a whole, larger ones item by item. The choice is made item by item
    above ``COLUMNS`` already: only those that are ranked need be solved then.
    """
    items = len(data.dataset.item_ids)
    dense, whole = items <= dense_items, items <= min(dense_items, COLUMNS)
    search = _Search(data, dense=dense, whole=whole)
    end = np.inf if options.time_budget_s is None else time.monotonic() + SEARCH_SHARE * options.time_budget_s
    choice, quality = walk(search.start, LADDERS, search.names, search.quality, stop=lambda: time.monotonic() > end)
    options.progress("ease", 0.6)
    width = search.width(choice)
    options.progress("ease", 0.7)
    del search
    solver = solver_of(Pairs.of(data.dataset, disliked=choice.disliked, dense=dense), choice, whole=dense)
    weights = strongest(all_weights(solver, choice), width)
    options.progress("ease", 1.0)
    return Learnt(weights, choice, {"validation_ndcg": quality, "weights_per_item": float(width)} | asdict(choice))


class _Search:
    """Quality of a choice on the validation users, learnt from the others.

    ``start`` and ``names``: where the walk begins, and the settings that the data can tell about.
    """

    def __init__(self, data: TrainingData, *, dense: bool, whole: bool) -> None:
        schema = data.dataset.schema
        self._problems, self._dense, self._whole = Problems.of(data), dense, whole
        self._dataset = self._problems.training
        self._known = self._dataset.counts() > 0
        self._pairs: dict[float, Pairs] = {}
        self._solvers: dict[tuple[float, ...], Solver] = {}
        absent = () if schema.has_times else TIMED
        if self._dataset.histories.positive(schema.positive_value).all():
            absent = ("disliked", *absent)
        self.names = tuple(name for name in LADDERS if name not in absent)
        self.start = replace(Choice(), **dict.fromkeys(absent, 0.0))

    def quality(self, choice: Choice) -> float:
        """As :meth:`Problems.quality`."""
        solver, columns, shown = self._solver(choice), self._problems.columns, self._shown(choice)
        found = solver.scores(shown, columns, choice.later)
        if choice.following:
            found += choice.following * (shown @ solver.followers[:, columns]).toarray()
        return self._quality(found)

    def width(self, choice: Choice) -> int:
        """The fewest weights an item that lose at most ``LOSS`` of the quality; not tried above ``COLUMNS`` items."""
        if not self._whole:
            return UNTRIED_WIDTH
        weights, columns, shown = all_weights(self._solver(choice), choice), self._problems.columns, self._shown(choice)
        least = (1 - LOSS) * self._quality(np.asarray(shown @ weights[:, columns]))
        for width in WIDTHS:
            if width >= len(self._known):
                break
            if self._quality((shown @ strongest(weights, width)[:, columns]).toarray()) >= least:
                return width
        return len(self._known)

    def _quality(self, scores: Floats) -> float:
        return self._problems.quality(np.split(scores, np.cumsum([len(h) for h in self._problems.histories])[:-1]))

    def _solver(self, choice: Choice) -> Solver:
        """The last pairs and the last solver are kept: most settings need no new ones."""
        key = (choice.ridge, choice.dropout, choice.disliked)
        if key not in self._solvers:
            self._solvers.clear()  # before the next one takes memory
            if choice.disliked not in self._pairs:
                self._pairs.clear()
                self._pairs[choice.disliked] = Pairs.of(self._dataset, disliked=choice.disliked, dense=self._dense)
            self._solvers[key] = solver_of(self._pairs[choice.disliked], choice, whole=self._whole)
        return self._solvers[key]

    def _shown(self, choice: Choice) -> sparse.csr_array:
        """The histories of all problems as rows of strengths."""
        parts = []
        for histories in self._problems.histories:
            values = strengths(
                histories,
                self._known,
                positive_value=self._dataset.schema.positive_value,
                disliked=choice.disliked,
                recency=choice.recency,
            )
            parts.append(matrix(histories, values, len(self._known)))
        return sparse.csr_array(sparse.vstack(parts, format="csr"))


def solver_of(pairs: Pairs, choice: Choice, *, whole: bool) -> Solver:
    """The solver of all items at once if ``whole``, else item by item."""
    made = Whole if whole else Nearest
    return made(pairs, ridge=choice.ridge, dropout=choice.dropout)


def all_weights(solver: Solver, choice: Choice) -> Floats | sparse.csr_array:
    """B + ``following`` · F, (N, N)."""
    found = solver.weights(choice.later)
    return found + choice.following * solver.followers if choice.following else found
