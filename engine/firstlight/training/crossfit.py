"""Cross-fitting: what each component says about users and items it has never seen, and what of it to trust."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import FEW_SHOT_LIMIT, Dataset, Histories, Queries, RankingExamples, Route
from firstlight.features import FeatureEncoders
from firstlight.learning.heldout import POOL
from firstlight.pipeline import Model
from firstlight.pipeline.model import NEW_ITEMS
from firstlight.pipeline.routes import FAST, FULL, FastPlan
from firstlight.roles import Progress, Ranker
from firstlight.training.blocks import LATEST_PART, Block, deal, kept_users, remaining, stable_hash
from firstlight.training.fitting import Fitted
from firstlight.training.gate import LEAST_USERS
from firstlight.training.metrics import NDCG_CUT, RECALL_CUT, Array, ndcg, recall
from firstlight.training.problems import (
    FUSION,
    Problem,
    component_values,
    distinct,
    earlier,
    in_time_order,
    latest,
    propose,
    without_history,
)
from firstlight.training.results import DIGITS, SliceResult

SHOWN = (0, 1, 3, 5, 10)
NEW_USER, NEW_ITEM, WARM = "new-user", "new-item", "warm"
ASKED = 2_000
"""Held-out users of one fit that are asked; enough to tell half a percent, and to fit in memory."""
TRAINED_USERS = 500
"""Users of the fit itself that are asked."""

FitBlock = Callable[[Dataset, int, int], Fitted]
"""``fit_block(dataset, number, of)``."""


@dataclass(frozen=True, slots=True)
class CrossFit:
    """By route: the ranker learnt. Its metrics, and per-user results of it (cross-validated) and of each component."""

    rankers: Mapping[Route, Ranker]
    metrics: Mapping[str, float] = field(default_factory=dict)
    results: tuple[SliceResult, ...] = ()

    @property
    def fast_quality(self) -> dict[int, float]:
        """What ``Routes.quality`` says: by number of interactions, the worst slice asked there of 30 users or more."""
        found: dict[int, float] = {}
        for result in self.results:
            if FAST in result.ndcg and len(result.users) >= LEAST_USERS:
                shown = result.name.partition("k=")[2]
                knot = int(shown) if shown else FEW_SHOT_LIMIT + 1
                share = float(result.ndcg[FAST].mean()) / max(float(result.ndcg[FUSION].mean()), 1e-9)
                found[knot] = min(found.get(knot, np.inf), share)
        return {knot: round(found[knot], DIGITS) for knot in sorted(found)}


@dataclass(frozen=True, slots=True)
class Example:
    """Ranking problems of one slice with their user hashes; ``new_targets`` (B,): how many targets are new items.

    ``routes``: the problem as each route meets it; candidates that a route does not propose are padding there.
    """

    routes: Mapping[Route, RankingExamples]
    users: NDArray[np.uint64]
    new_targets: NDArray[np.int64]

    def of_half(self, half: int) -> Example:
        """Only the users of one half: hashes that are even, or odd."""
        rows = np.flatnonzero(self.users % np.uint64(2) == half)
        routes = {route: examples.take(rows) for route, examples in self.routes.items()}
        return Example(routes, self.users[rows], self.new_targets[rows])


def cross_fit(
    dataset: Dataset,
    fit_block: FitBlock,
    make_ranker: Callable[[], Ranker],
    *,
    fast: FastPlan,
    catalog_id: str,
    seed: int,
    progress: Progress,
) -> CrossFit:
    """Hold out each block once, score its users and items, and learn a ranker for each route from all of it.

    One fit yields new users, new items, both at once, and what users it knows did last. ``fast``: of the
    fast route, which is not there where a fit has no components for it.
    """
    dataset = in_time_order(dataset, seed)
    blocks = deal(catalog_id, dataset)
    gathered: list[Example] = []
    for number, block in enumerate(blocks):
        fitted = fit_block(remaining(dataset, block), number, len(blocks))
        gathered += block_examples(dataset, block, fitted, fast=fast, catalog_id=catalog_id)
    progress("fusion", 0.0)
    results = validated(gathered, make_ranker, seed, progress)
    rankers, metrics = _rankers(gathered, make_ranker, seed, lambda _, share: progress("fusion", (2 + share) / 3))
    progress("fusion", 1.0)
    return CrossFit(rankers, metrics, results)


def block_examples(
    dataset: Dataset, block: Block, fitted: Fitted, *, fast: FastPlan | None = None, catalog_id: str
) -> list[Example]:
    """Everything one fit can be asked: users it has never seen, then users it knows, then those about new items alone.

    A new item has everything that will be done with it ahead of it, an old one what is left: of what known users
    like, all that was hidden counts, and of the rest the newest tenth.
    """
    model = fitted.model()
    quick = fast.of(model) if fast else None
    met = dataset.counts() > 0
    problems = {f"{NEW_USER} k={k}": held_out_problem(dataset, block, fitted.encoders, k, catalog_id) for k in SHOWN}
    problems[WARM] = known_users_problem(
        dataset, block, fitted, catalog_id, lambda h: latest(h, LATEST_PART) | block.hidden[h.items]
    )
    out = [_example(name, p, model, quick, met) for name, p in problems.items() if len(p)]
    asked = known_users_problem(dataset, block, fitted, catalog_id, lambda h: block.hidden[h.items])
    if len(asked):
        new = np.flatnonzero(block.hidden & met).astype(np.int32)[-NEW_ITEMS:]
        out.append(_example(NEW_ITEM, asked, model, quick, met, only=new))
    return out


def held_out_problem(dataset: Dataset, block: Block, encoders: FeatureEncoders, k: int, catalog_id: str) -> Problem:
    """The block's users by profile and first ``k`` interactions with items the fit knows; positives later are targets.

    As in the new-user protocol the first 10 are never targets, so that targets do not depend on k; a user with fewer
    than 20 keeps half of them.
    """
    order = np.argsort(stable_hash(catalog_id, "user", [dataset.user_ids[row] for row in block.users]), kind="stable")
    held = dataset.select_users(np.sort(block.users[order[:ASKED]]))
    histories = held.histories
    visible = ~block.hidden[histories.items]
    pool = np.bincount(histories.rows[visible], minlength=len(histories)) // 2
    pool = np.minimum(pool, POOL)
    place = earlier(histories, visible)
    late = place >= pool[histories.rows]
    targets = histories.keep(late & histories.positive(dataset.schema.positive_value))
    queries = Queries(
        encoders.profiles(held.user_attributes), histories.keep(visible & (place < k)), held.user_attributes
    )
    users = stable_hash(catalog_id, "user", held.user_ids)
    problem = Problem(queries, distinct(targets, histories.keep(visible & ~late)), users)
    return problem.take(np.flatnonzero(pool >= k)).solvable()


def known_users_problem(
    dataset: Dataset, block: Block, fitted: Fitted, catalog_id: str, wanted: Callable[[Histories], NDArray[np.bool_]]
) -> Problem:
    """Users the fit knows, with all it knows about them; positives that are ``wanted`` (n,) are targets."""
    seen = fitted.data.dataset
    whole = dataset.histories.take(kept_users(dataset, block))
    targets = whole.keep(whole.positive(dataset.schema.positive_value) & wanted(whole))
    queries = Queries(fitted.data.profiles, seen.histories, seen.user_attributes)
    users = stable_hash(catalog_id, "user", seen.user_ids)
    problem = Problem(queries, distinct(targets, queries.histories), users).solvable()
    return problem.take(np.sort(np.argsort(problem.users, kind="stable")[:TRAINED_USERS]))


def _example(
    name: str,
    problem: Problem,
    model: Model,
    quick: Model | None,
    met: NDArray[np.bool_],
    *,
    only: NDArray[np.int32] | None = None,
) -> Example:
    """What generators propose, or ``only`` (C,), less the histories and less items nobody has ``met`` (N,): who knows.

    Targets outside of them are counted but not added: added, they would teach that unpopular items are liked.
    ``quick``: the components of the fast route, whose own proposals it ranks.
    """
    queries, targets = problem.queries, problem.targets
    proposed = propose(model, queries) if only is None else np.tile(only, (len(queries), 1))
    positions = np.where(met[proposed], without_history(proposed, queries), -1).astype(np.int32)
    inputs = replace(model.inputs(queries, positions), novelty=None)
    examples = RankingExamples(name, inputs, targets.holding(positions), targets.lengths.astype(np.int32))
    routes: dict[Route, RankingExamples] = {FULL: examples}
    if quick is not None:
        inside = positions >= 0 if only is not None else _among(positions, propose(quick, queries))
        routes[FAST] = replace(
            examples, inputs=inputs.of(quick.names).only(inside), relevant=examples.relevant & inside
        )
    new = np.bincount(targets.rows[model.items.counts(targets.items) == 0], minlength=len(problem))
    return Example(routes, problem.users.astype(np.uint64), new)


def _among(positions: NDArray[np.int32], others: NDArray[np.int32]) -> NDArray[np.bool_]:
    """bool (B, C): whether each of ``positions`` (B, C) is in the same row of ``others`` (B, C')."""
    stride = 2 + max(int(positions.max(initial=0)), int(others.max(initial=0)))
    rows = np.arange(len(positions))[:, None] * stride + 1
    return np.asarray(np.isin(positions + rows, others + rows) & (positions >= 0))


def _rankers(
    gathered: Sequence[Example], make_ranker: Callable[[], Ranker], seed: int, progress: Progress
) -> tuple[dict[Route, Ranker], dict[str, float]]:
    """A ranker for each route that all of ``gathered`` know, and its metrics; those of the fast one under its name."""
    rankers: dict[Route, Ranker] = {}
    metrics: dict[str, float] = {}
    routes = [
        route for route in (FULL, FAST) if route == FULL or (gathered and all(route in e.routes for e in gathered))
    ]
    for n, route in enumerate(routes):
        rankers[route] = make_ranker()

        def report(_stage: str, share: float, n: int = n) -> None:
            progress("fusion", (n + share) / len(routes))

        examples = [e.routes[route] for e in gathered if len(e.users)]
        found = rankers[route].fit(examples, seed=seed, progress=report)
        metrics |= {name if route == FULL else f"{route} {name}": float(value) for name, value in found.items()}
    return rankers, metrics


def validated(
    gathered: Sequence[Example], make_ranker: Callable[[], Ranker], seed: int, progress: Progress
) -> tuple[SliceResult, ...]:
    """Results of every slice; each half of the users is ranked by a ranker learnt on the other half."""
    parts: dict[str, list[SliceResult]] = {}
    for half in (0, 1):
        there, here = ([e.of_half(side) for e in gathered] for side in (1 - half, half))

        def report(_stage: str, share: float, half: int = half) -> None:
            progress("fusion", (half + share) / 3)

        rankers, _ = _rankers(there, make_ranker, seed, report)
        for example in here:
            for name, new in _slices(example.routes[FULL].slice_name):
                result = _result(name, example, rankers, new=new)
                if len(result.users):
                    parts.setdefault(name, []).append(result)
    return tuple(SliceResult.joined(found) for found in parts.values())


def _slices(name: str) -> list[tuple[str, bool]]:
    """The slices that examples are evidence for, and whether each is about new items."""
    if name in (WARM, NEW_ITEM):
        return [(name, name == NEW_ITEM)]
    both = [(name.replace(NEW_USER, f"{NEW_USER} × {NEW_ITEM}"), True)]
    return [(name, False), *(both if name.endswith(("k=0", "k=10")) else [])]


def _result(name: str, example: Example, rankers: Mapping[Route, Ranker], *, new: bool) -> SliceResult:
    """Quality of each route and of each component on new items alone, or on the items the fit knows."""
    examples = example.routes[FULL]
    total = example.new_targets if new else examples.total_relevant - example.new_targets
    rows = np.flatnonzero(total)
    inside = (examples.inputs.counts == 0) == new
    inputs = examples.inputs.only(inside).take(rows)
    relevant, total = (examples.relevant & inside)[rows], total[rows]
    values = {FUSION: rankers[FULL].rank(inputs).values}
    if FAST in rankers:
        values[FAST] = rankers[FAST].rank(example.routes[FAST].inputs.only(inside).take(rows)).values
    values |= component_values(inputs)
    quality = {strategy: _quality(found, relevant, total) for strategy, found in values.items()}
    return SliceResult(
        name,
        example.users[rows],
        {strategy: q[0] for strategy, q in quality.items()},
        {strategy: q[1] for strategy, q in quality.items()},
    )


def _quality(values: NDArray[np.float32], relevant: NDArray[np.bool_], total: NDArray[np.int64]) -> tuple[Array, Array]:
    order = np.argsort(-values, axis=1, kind="stable")[:, : max(NDCG_CUT, RECALL_CUT)]
    hits = np.take_along_axis(relevant & np.isfinite(values), order, axis=1)
    return ndcg(hits, total), recall(hits, total)
