"""One case asked of one product: every strategy's lists and what they are worth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Dataset, Queries
from firstlight.evaluation.metrics import PluggedMetrics
from firstlight.evaluation.protocols import Case
from firstlight.pipeline.routes import FAST
from firstlight.training import Product
from firstlight.training.metrics import NDCG_CUT, Array
from firstlight.training.problems import FUSION, Problem, Quality, component_values, without_history

PLAIN = "popularity, plain"
"""Number of positive interactions in training, the same list for everybody: computed here, not by the product."""

MAX_CELLS = 2_000_000
DENSE_LIMIT = 50_000
"""Up to this many items each component ranks the whole catalogue; above, what the generators propose."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One strategy in one case: ``users`` (B,), NDCG@10 and recall@20 (B,), the items in any top 10, and s and t.

    ``new_share``: held-out items' share of the top 10 (s); ``target_share``: their share of the targets (t); both NaN
    where no items are held out or nothing else is ranked. ``metrics``: (B,) by the name of a plugin's metric.
    """

    users: NDArray[np.int64]
    ndcg: Array
    recall: Array
    shown: NDArray[np.int32]
    new_share: float
    target_share: float
    metrics: Mapping[str, Array] = field(default_factory=dict)


def measure(
    case: Case, product: Product, training: Dataset, metrics: PluggedMetrics | None = None
) -> dict[str, Measured]:
    """Every strategy that knows anything in ``case``, by name: the routes, each component, plain popularity.

    A route ranks what serving would rank: the generators' proposals less the history; or the given items. The
    others rank the whole catalogue. Strategies that know nothing anywhere are left out. ``metrics`` are asked about the
    same lists.
    """
    metrics = metrics or PluggedMetrics()
    counts = training.counts()
    positive = training.histories.positive(training.schema.positive_value)
    votes = np.bincount(training.histories.items[positive], minlength=len(training.item_ids)).astype(np.float32)
    found: dict[str, list[Quality]] = {}
    plugged: dict[str, list[Mapping[str, Array]]] = {}
    for problem in _batches(case, product):
        for strategy, quality in _ask(case, product, votes, problem).items():
            found.setdefault(strategy, []).append(quality)
            plugged.setdefault(strategy, []).append(metrics.measure(quality.lists, problem.targets, counts))
    return {
        strategy: _measured(case, parts, _joined(plugged[strategy], metrics.metrics))
        for strategy, parts in found.items()
        if any((part.lists >= 0).any() for part in parts)
    }


def _joined(parts: list[Mapping[str, Array]], names: Iterable[str]) -> dict[str, Array]:
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def _batches(case: Case, product: Product) -> Iterator[Problem]:
    items = product.model.items.size if case.only is None else len(case.only)
    size = max(1, MAX_CELLS // max(1, min(items, DENSE_LIMIT)))
    queries = Queries(product.encoders.profiles(case.attributes), case.histories, tuple(case.attributes))
    whole = Problem(queries, case.targets, case.users)
    for start in range(0, len(whole), size):
        yield whole.take(np.arange(start, min(start + size, len(whole))))


def _ask(case: Case, product: Product, votes: NDArray[np.float32], problem: Problem) -> Mapping[str, Quality]:
    model, queries = product.model, problem.queries
    proposed = _everywhere(case.only, problem) if case.only is not None else model.candidates(queries)
    served = without_history(proposed, queries)
    everything = served
    if case.only is None and model.items.size <= DENSE_LIMIT:
        everything = without_history(_everywhere(np.arange(model.items.size, dtype=np.int32), problem), queries)
    inputs = model.inputs(queries, everything)
    values = {name: (scores, everything) for name, scores in component_values(inputs).items()}
    values[FUSION] = (model.rank(queries, served).values, served)
    if (fast := product.routes.fast) is not None:
        proposed = served if case.only is not None else without_history(fast.candidates(queries), queries)
        values[FAST] = (fast.rank(queries, proposed).values, proposed)
    if case.only is None:
        values[PLAIN] = (np.where(everything >= 0, votes[everything], -np.inf).astype(np.float32), everything)
    return {name: Quality.of(*found, problem.targets) for name, found in values.items()}


def _everywhere(items: NDArray[np.int32], problem: Problem) -> NDArray[np.int32]:
    return np.broadcast_to(items, (len(problem), len(items)))


def _measured(case: Case, parts: list[Quality], metrics: Mapping[str, Array]) -> Measured:
    lists = np.concatenate([part.lists for part in parts])[:, :NDCG_CUT]
    new_share = target_share = float("nan")
    if case.new is not None and case.only is None:
        shown = lists >= 0
        new_share = float((case.new[lists] & shown).sum() / max(1, shown.sum()))
        target_share = float(case.new[case.targets.items].mean())
    return Measured(
        users=case.users,
        ndcg=np.concatenate([part.ndcg for part in parts]),
        recall=np.concatenate([part.recall for part in parts]),
        shown=np.setdiff1d(lists, [-1]).astype(np.int32),
        new_share=new_share,
        target_share=target_share,
        metrics=metrics,
    )
