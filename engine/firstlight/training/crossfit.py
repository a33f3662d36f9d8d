"""Cross-fitting: what each component says about users and items it has never seen, and what of it to trust."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Dataset, Histories, Queries, RankingExamples
from firstlight.features import FeatureEncoders
from firstlight.learning.heldout import POOL
from firstlight.pipeline import Model
from firstlight.pipeline.model import NEW_ITEMS
from firstlight.roles import Progress, Ranker
from firstlight.training.blocks import LATEST_PART, Block, deal, kept_users, remaining, stable_hash
from firstlight.training.fitting import Fitted
from firstlight.training.metrics import NDCG_CUT, RECALL_CUT, Array, members, ndcg, recall
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
from firstlight.training.results import SliceResult

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
    """The ranker learnt, its metrics, and per-user results of it (cross-validated) and of each component."""

    ranker: Ranker
    metrics: Mapping[str, float] = field(default_factory=dict)
    results: tuple[SliceResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """Ranking problems of one slice with their user hashes; ``new_targets`` (B,): how many targets are new items."""

    examples: RankingExamples
    users: NDArray[np.uint64]
    new_targets: NDArray[np.int64]

    def of_half(self, half: int) -> Example:
        """Only the users of one half: hashes that are even, or odd."""
        rows = np.flatnonzero(self.users % np.uint64(2) == half)
        return Example(self.examples.take(rows), self.users[rows], self.new_targets[rows])


def cross_fit(
    dataset: Dataset,
    fit_block: FitBlock,
    make_ranker: Callable[[], Ranker],
    *,
    catalog_id: str,
    seed: int,
    progress: Progress,
) -> CrossFit:
    """Hold out each block once, score its users and items, and learn the ranker from all of it.

    One fit yields new users, new items, both at once, and what users it knows did last.
    """
    dataset = in_time_order(dataset, seed)
    blocks = deal(catalog_id, dataset)
    gathered: list[Example] = []
    for number, block in enumerate(blocks):
        fitted = fit_block(remaining(dataset, block), number, len(blocks))
        gathered += block_examples(dataset, block, fitted, catalog_id=catalog_id)
    progress("fusion", 0.0)
    examples = [e.examples for e in gathered]
    results = _validated(gathered, make_ranker, seed, progress)
    ranker = make_ranker()
    metrics = ranker.fit(examples, seed=seed, progress=lambda _, share: progress("fusion", (2 + share) / 3))
    progress("fusion", 1.0)
    return CrossFit(ranker, dict(metrics), results)


def block_examples(dataset: Dataset, block: Block, fitted: Fitted, *, catalog_id: str) -> list[Example]:
    """Everything one fit can be asked: users it has never seen, then users it knows, then those about new items alone.

    Known users' new items count in their newest tenth only, so that they are as large a share of the targets as of
    what users do: else the ranker would learn to fill every list with them. Among new items alone, all count.
    """
    model = fitted.model()
    met = dataset.counts() > 0
    problems = {f"{NEW_USER} k={k}": held_out_problem(dataset, block, fitted.encoders, k, catalog_id) for k in SHOWN}
    problems[WARM] = known_users_problem(dataset, block, fitted, catalog_id, lambda h: latest(h, LATEST_PART))
    out = [_example(name, model, p, propose(model, p.queries), met) for name, p in problems.items() if len(p)]
    asked = known_users_problem(dataset, block, fitted, catalog_id, lambda h: block.hidden[h.items])
    if len(asked):
        new = np.flatnonzero(block.hidden & met).astype(np.int32)[-NEW_ITEMS:]
        out.append(_example(NEW_ITEM, model, asked, np.tile(new, (len(asked), 1)), met))
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


def _example(name: str, model: Model, problem: Problem, proposed: NDArray[np.int32], met: NDArray[np.bool_]) -> Example:
    """``proposed`` (B, C) less the histories and less items nobody has ``met`` (N,), liked or not: who knows.

    Targets outside of them are counted but not added: added, they would teach that unpopular items are liked.
    """
    queries, targets = problem.queries, problem.targets
    positions = np.where(met[proposed], without_history(proposed, queries), -1).astype(np.int32)
    examples = RankingExamples(
        name, model.inputs(queries, positions), members(positions, targets), targets.lengths.astype(np.int32)
    )
    new = np.bincount(targets.rows[model.items.counts(targets.items) == 0], minlength=len(problem))
    return Example(examples, problem.users.astype(np.uint64), new)


def _validated(
    gathered: Sequence[Example], make_ranker: Callable[[], Ranker], seed: int, progress: Progress
) -> tuple[SliceResult, ...]:
    """Results of every slice; each half of the users is ranked by a ranker learnt on the other half."""
    parts: dict[str, list[SliceResult]] = {}
    for half in (0, 1):
        ranker = make_ranker()
        there, here = ([e.of_half(side) for e in gathered] for side in (1 - half, half))

        def report(_stage: str, share: float, half: int = half) -> None:
            progress("fusion", (half + share) / 3)

        ranker.fit([e.examples for e in there if len(e.users)], seed=seed, progress=report)
        for example in here:
            for name, new in _slices(example.examples.slice_name):
                result = _result(name, example, ranker, new=new)
                if len(result.users):
                    parts.setdefault(name, []).append(result)
    return tuple(SliceResult.joined(found) for found in parts.values())


def _slices(name: str) -> list[tuple[str, bool]]:
    """The slices that examples are evidence for, and whether each is about new items."""
    if name in (WARM, NEW_ITEM):
        return [(name, name == NEW_ITEM)]
    both = [(name.replace(NEW_USER, f"{NEW_USER} × {NEW_ITEM}"), True)]
    return [(name, False), *(both if name.endswith(("k=0", "k=10")) else [])]


def _result(name: str, example: Example, ranker: Ranker, *, new: bool) -> SliceResult:
    """Quality of the ranker and of each component on new items alone, or on the items the fit knows."""
    examples = example.examples
    total = example.new_targets if new else examples.total_relevant - example.new_targets
    rows = np.flatnonzero(total)
    inside = (examples.inputs.counts == 0) == new
    inputs = examples.inputs.only(inside).take(rows)
    relevant, total = (examples.relevant & inside)[rows], total[rows]
    values = {FUSION: ranker.rank(inputs).values, **component_values(inputs)}
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
