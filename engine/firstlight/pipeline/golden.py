"""Golden queries: chosen and answered when a bundle is written, asked again where it is to answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstlight.bundle import Bundle, Golden, GoldenAnswer
from firstlight.bundle.golden import LISTED
from firstlight.domain import Candidates, Queries, Route
from firstlight.errors import CorruptBundleError
from firstlight.features import FeatureEncoders
from firstlight.pipeline.loading import ComponentSettings, load_model
from firstlight.pipeline.model import Model, attempt_quietly
from firstlight.pipeline.routes import FAST, FULL, Routes
from firstlight.plugins import Attempt, Plugins

QUERIES = 40
"""Users who become golden queries, spread evenly over all."""

SHOWN = (0, 1, 3, 10, 20)
"""How many of their newest interactions these show, in turn."""

STRANGERS = 4
"""Of so many one shows no profile."""

TOLERANCE = 0.02
"""The largest difference between two scores that are the same, in standard deviations of a route's scores.

A graph in 8 bits rounds otherwise on another processor; another weight moves scores by much more.
"""

LEAST = 1e-4
"""A smaller difference is none, however much alike the scores are."""

ALIKE = 0.9
"""The least share of places in the lists that hold the same score: an index may miss an item in a near tie."""


@dataclass(frozen=True)
class AskGolden:
    """Makes the golden queries of a bundle out of ``users``: item positions and profile columns, no id and no time."""

    users: Queries
    encoders: FeatureEncoders
    plugins: Plugins
    settings: ComponentSettings = field(default_factory=dict)

    def __call__(self, path: Path) -> Golden:
        """Those of the bundle whose files are in ``path``, with what it answers."""
        bundle = Bundle.open(path, verify=False)
        routes = load_model(bundle, self.encoders, self.plugins, self.settings).routes
        queries = chosen(self.users)
        answers: list[dict[Route, GoldenAnswer]] = [{} for _ in range(len(queries))]
        for route, model in _models(routes):
            positions, scores = _lists(model, queries, attempt_quietly)
            for answer, items, values in zip(answers, positions, scores, strict=True):
                real = items >= 0
                answer[route] = GoldenAnswer(items=tuple(items[real].tolist()), scores=tuple(values[real].tolist()))
        return Golden.of(queries, answers)


def chosen(users: Queries) -> Queries:
    """Up to 40 of ``users``, some as strangers and some as newcomers."""
    rows = np.unique(np.linspace(0, len(users) - 1, min(QUERIES, len(users))).astype(np.int64))
    number = np.arange(len(rows))
    histories = users.histories.take(rows)
    shown = histories.keep(histories.ages() < np.array(SHOWN)[number % len(SHOWN)][histories.rows])
    profiles = np.where((number % STRANGERS == STRANGERS - 1)[:, None], np.float32(0), users.profiles[rows])
    return Queries(profiles, replace(shown, times=np.zeros_like(shown.times)))


def check_golden(bundle_id: str, golden: Golden, routes: Routes, *, attempt: Attempt, compare: bool) -> None:
    """Ask each route of a bundle without live items its golden queries.

    ``compare``: whether the answers must be those that were stored, as they must where the same components answer.

    Raises:
        CorruptBundleError: an answer is another one, or misses a route; what ``attempt`` raises.
    """
    queries = golden.to_queries(len(routes.full.profile_fields))
    for route, model in _models(routes):
        _, found = _lists(model, queries, attempt)
        if not compare:
            continue
        positions, scores = golden.answers(route)
        real = positions >= 0
        if not real.any():
            raise _differs(bundle_id, route, "it has no answers")
        allowed = max(TOLERANCE * float(scores[real].std()), LEAST)
        worst = float(np.abs(_scores(model, queries, positions, attempt) - scores)[real].max())
        if worst > allowed:
            raise _differs(bundle_id, route, f"a score differs by {worst:.3g}, and {allowed:.3g} are allowed")
        alike = float((np.abs(found - scores) <= allowed)[real].mean())
        if alike < ALIKE:
            raise _differs(bundle_id, route, f"only {alike:.0%} of the places in its lists are as they were")


def _models(routes: Routes) -> Iterator[tuple[Route, Model]]:
    yield FULL, routes.full
    if routes.fast is not None:
        yield FAST, routes.fast


def _lists(model: Model, queries: Queries, attempt: Attempt) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The best items (B, 10) of each query, padded with −1, and their scores, best first."""
    positions = model.candidates(queries, attempt=attempt)
    best = Candidates.best(model.rank(queries, positions, attempt=attempt).values, LISTED, positions=positions)
    listed = np.full((len(queries), LISTED), -1, np.int32)
    listed[:, : best.positions.shape[1]] = best.positions
    return listed, _scores(model, queries, listed, attempt)


def _scores(model: Model, queries: Queries, positions: NDArray[np.int32], attempt: Attempt) -> NDArray[np.float32]:
    """Of ``positions`` (B, C) ranked by themselves; 0 where there is no item."""
    values = model.rank(queries, positions, attempt=attempt).values
    return np.where(positions >= 0, values, np.float32(0))


def _differs(bundle_id: str, route: Route, how: str) -> CorruptBundleError:
    return CorruptBundleError(
        f"bundle {bundle_id} answers its golden queries otherwise than when it was written ({route} route: {how})",
        metadata={"bundle_id": bundle_id, "route": route},
    )
