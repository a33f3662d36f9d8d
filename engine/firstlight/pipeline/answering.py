"""From ranked candidates to lists: order, cut, sources and reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Queries, Ranked, RankingInputs, Reason
from firstlight.errors import PluginError
from firstlight.pipeline.explaining import explain, lifts, text_of
from firstlight.pipeline.model import Model
from firstlight.pipeline.preparing import Prepared
from firstlight.pipeline.results import RecommendedItem, ShownReason
from firstlight.plugins import Attempt
from firstlight.roles import Reranker


@dataclass(frozen=True, slots=True)
class ShownList:
    """One row's list and the component behind most of it."""

    items: tuple[RecommendedItem, ...]
    strategy: str


def order(
    prepared: Prepared,
    inputs: RankingInputs,
    ranked: Ranked,
    rerankers: Mapping[str, Reranker],
    *,
    attempt: Attempt,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Columns of the candidates in their final order and the positions there, (B, K); K the largest limit.

    Ties go by position; positions beyond a row's own limit are −1. Rerankers see all candidates, best first, one after
    the other; a failing one is skipped.
    """
    most = int(prepared.limits.max(initial=0))
    falling = -ranked.values if rerankers else _best_alone(ranked.values, most)
    columns = falling.argsort(axis=1, kind="stable")  # padding is −inf: it comes last
    rows = np.arange(len(columns))[:, None]
    for name, reranker in rerankers.items():
        positions, values = inputs.positions[rows, columns], ranked.values[rows, columns]
        moved = attempt(name, "rerank", partial(_rerank, name, reranker, prepared.queries, positions, values))
        if moved is not None:
            columns = columns[rows, moved]
    if rerankers:  # wherever they moved the padding
        columns = columns[rows, np.argsort(inputs.positions[rows, columns] < 0, axis=1, kind="stable")]
    columns = columns[:, :most]
    positions = inputs.positions[rows, columns]
    within = np.arange(columns.shape[1]) < prepared.limits[:, None]
    return columns, np.where(within, positions, np.int32(-1))


def answer(
    model: Model,
    queries: Queries,
    inputs: RankingInputs,
    ranked: Ranked,
    *,
    columns: NDArray[np.int64],
    positions: NDArray[np.int32],
    id_of: Callable[[int], str],
    show: Callable[[Reason], ShownReason],
    attempt: Attempt,
) -> list[ShownList]:
    """The items at ``columns`` (B, K), which are ``positions`` (B, K) or −1, as lists.

    An item's source is the component that lifts it most above the row's average candidate; a list's strategy is the
    one with the largest sum of lifts.
    """
    shown = positions >= 0
    values = ranked.values[np.arange(len(columns))[:, None], columns]
    lifted = lifts(inputs, ranked, columns)
    sources = lifted.argmax(axis=0)
    reasons = explain(model, queries, positions, sources, show=show, attempt=attempt)
    totals = np.where(np.isfinite(lifted) & shown, lifted, np.float32(0)).sum(axis=2)
    lengths = np.count_nonzero(shown, axis=1)
    rows = zip(*(found.tolist() for found in (lengths, positions, values, sources)), reasons, strict=True)
    items = []
    for length, row, scores, by, why in rows:  # plain numbers: numpy's cost more to handle one by one
        behind = [model.names[n] for n in by]
        parts = zip(map(id_of, row[:length]), scores, behind, why, map(text_of, why, behind), strict=False)
        items.append(tuple(map(RecommendedItem._make, parts)))
    return [ShownList(row, model.names[most]) for row, most in zip(items, totals.argmax(axis=0).tolist(), strict=True)]


def _best_alone(values: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    """−``values`` (B, C) where among a row's ``most`` highest, ∞ elsewhere: equal numbers are sorted in no time."""
    width = values.shape[1]
    if not 0 < most < width:
        return -values
    least = np.partition(values, width - most, axis=1)[:, width - most, None]
    return np.where(values < least, np.float32(np.inf), -values)


def _rerank(
    name: str, reranker: Reranker, queries: Queries, positions: NDArray[np.int32], values: NDArray[np.float32]
) -> NDArray[np.int64]:
    moved = np.asarray(reranker.rerank(queries, positions, values))
    if moved.shape != positions.shape or (np.sort(moved, axis=1) != np.arange(positions.shape[1])).any():
        raise PluginError(f"reranker {name!r} answered no permutation of each row")
    return moved
