"""The ranking problem that hyper-parameters are chosen on: what validation users went on to like.

As in the new-user protocol: the first interactions of a user may be shown, the positives after them are to be found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Histories, Queries, TrainingData

POOL = 10
CUT = 10
_DISCOUNTS = 1 / np.log2(np.arange(2, CUT + 2))
_MAX_CELLS = 20_000_000


@dataclass(frozen=True, slots=True)
class HeldOut:
    """``queries``: B validation users with their profile and what is shown; ``relevant`` bool (B, N)."""

    queries: Queries
    relevant: NDArray[np.bool_]


def pool_sizes(histories: Histories) -> NDArray[np.int64]:
    """int64 (B,): how many of each row's first interactions may be shown and are never to be found."""
    return np.minimum(POOL, histories.lengths // 2)


def held_out(data: TrainingData, *, shown: int) -> HeldOut:
    """Validation users by profile and first ``shown`` interactions, with the positives that follow.

    The first ``POOL`` interactions, or the first half of a shorter history, are never targets, so that targets do not
    depend on ``shown``; without times the order is a seeded shuffle. Users without a target are left out; at most as
    many users as fit 2·10⁷ cells are used.
    """
    items = len(data.dataset.item_ids)
    rows = data.validation[: max(1, _MAX_CELLS // max(items, 1))]
    histories = data.dataset.histories.take(rows)
    if not data.dataset.schema.has_times:
        histories = histories.shuffled(seed=0)
    pool = pool_sizes(histories)[histories.rows]
    training = data.dataset.histories.take(data.training)
    seen = np.bincount(training.items, minlength=items) > 0
    target = (
        histories.positive(data.dataset.schema.positive_value) & (histories.ranks() >= pool) & seen[histories.items]
    )
    relevant = np.zeros((len(rows), items), bool)
    relevant[histories.rows[target], histories.items[target]] = True
    kept = np.flatnonzero(relevant.any(axis=1))
    history = histories.keep(histories.ranks() < np.minimum(pool, shown))
    return HeldOut(Queries(data.profiles[rows], history).take(kept), relevant[kept])


def best_columns(values: NDArray[np.floating]) -> NDArray[np.int64]:
    """int64 (B, 10 or C): the columns of the highest ``values`` (B, C), best first. Fast: ties may go by any order."""
    cut = min(CUT, values.shape[1])
    top = np.argpartition(-values, cut - 1, axis=1)[:, :cut]
    order = np.argsort(-np.take_along_axis(values, top, axis=1), axis=1, kind="stable")
    return np.take_along_axis(top, order, axis=1)


def ndcg_of_columns(
    columns: NDArray[np.int64], relevant: NDArray[np.bool_], ideal: NDArray[np.float64]
) -> NDArray[np.float64]:
    """NDCG@10 (B,) of :func:`best_columns` where ``relevant`` (B, C) is to be found; ``ideal`` (B,): the best DCG."""
    hits = np.take_along_axis(relevant, columns, axis=1)
    return np.asarray(hits @ _DISCOUNTS[: columns.shape[1]] / ideal)


def ideal_dcg(total: NDArray[np.integer]) -> NDArray[np.float64]:
    """The DCG@10 (B,) of lists that find all of ``total`` (B,); that of one where there is nothing to find."""
    return np.asarray(np.cumsum(_DISCOUNTS)[np.clip(total, 1, CUT) - 1])


def ndcg(values: NDArray[np.floating], problem: HeldOut, *, cut: int = CUT) -> float:
    """Mean NDCG@``cut`` of dense ``values`` (B, N), binary gains, history items excluded; 0 without users."""
    if not len(problem.relevant):
        return 0.0
    histories = problem.queries.histories
    values = values.astype(np.float64)
    values[histories.rows, histories.items] = -np.inf
    cut = min(cut, values.shape[1])
    top = np.argsort(-values, axis=1, kind="stable")[:, :cut]
    discounts = 1 / np.log2(np.arange(2, cut + 2))
    gained = (np.take_along_axis(problem.relevant, top, axis=1) * discounts).sum(axis=1)
    ideal = np.cumsum(discounts)[np.minimum(problem.relevant.sum(axis=1), cut) - 1]
    return float((gained / ideal).mean())
