"""From ranked candidates to lists: order, cut, sources and reasons."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Queries, Ranked, RankingInputs
from firstlight.errors import PluginError
from firstlight.pipeline.explaining import explain, lifts, text_of
from firstlight.pipeline.model import Model, OnError
from firstlight.pipeline.preparing import Prepared
from firstlight.pipeline.results import Degradation, DegradationReason, RecommendedItem
from firstlight.plugins import Plugins
from firstlight.roles import Reranker

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Faults:
    """What failed while a batch was answered. ``absent``: components that could not even be loaded, and why."""

    absent: Mapping[str, str]
    errors: dict[str, Exception] = field(default_factory=dict)

    def add(self, component: str, error: Exception) -> None:
        """An ``OnError``; the first error of a component counts."""
        self.errors.setdefault(component, error)

    @property
    def degradations(self) -> tuple[Degradation, ...]:
        """One for each component that was left out; exception texts stay in the log, as they may hold internals."""
        failed = {name: f"component {name} failed and was left out" for name in self.errors}
        details = {name: f"component {name} {why}" for name, why in self.absent.items()} | failed
        return tuple(Degradation(DegradationReason.COMPONENT_FAILED, name, text) for name, text in details.items())

    def tell(self, plugins: Plugins, catalog_id: str) -> None:
        """Log each error and tell observers."""
        for name, error in self.errors.items():
            log.warning("component %s failed and was left out: %s", name, error, exc_info=error)
            plugins.observe("firstlight_component_error", catalog_id=catalog_id, component=name, error=error)


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
    on_error: OnError,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Columns of the candidates in their final order and the positions there, (B, K); K the largest limit.

    Ties go by position; positions beyond a row's own limit are −1. Rerankers see all candidates, best first, one after
    the other; a failing one is skipped and reported.
    """
    columns = np.argsort(-ranked.values, axis=1, kind="stable")
    for name, reranker in rerankers.items():
        positions = np.take_along_axis(inputs.positions, columns, axis=1)
        values = np.take_along_axis(ranked.values, columns, axis=1)
        try:
            moved = _checked(name, reranker.rerank(prepared.queries, positions, values), positions)
        except Exception as error:  # whatever a plugin raises, the ranker's order stands
            on_error(name, error)
        else:
            columns = np.take_along_axis(columns, moved, axis=1)
    padding = np.take_along_axis(inputs.positions, columns, axis=1) < 0
    columns = np.take_along_axis(columns, np.argsort(padding, axis=1, kind="stable"), axis=1)
    columns = columns[:, : int(prepared.limits.max(initial=0))]
    positions = np.take_along_axis(inputs.positions, columns, axis=1)
    within = np.arange(columns.shape[1]) < prepared.limits[:, None]
    return columns, np.where(within, positions, -1).astype(np.int32)


def answer(
    model: Model,
    queries: Queries,
    inputs: RankingInputs,
    ranked: Ranked,
    *,
    columns: NDArray[np.int64],
    positions: NDArray[np.int32],
    id_of: Callable[[int], str],
    on_error: OnError,
) -> list[ShownList]:
    """The items at ``columns`` (B, K), which are ``positions`` (B, K) or −1, as lists.

    An item's source is the component that lifts it most above the row's average candidate; a list's strategy is the
    one with the largest sum of lifts.
    """
    shown = positions >= 0
    values = np.take_along_axis(ranked.values, columns, axis=1)
    lifted = lifts(inputs, ranked, columns)
    sources = lifted.argmax(axis=0)
    reasons = explain(model, queries, positions, sources, id_of=id_of, on_error=on_error)
    totals = np.where(np.isfinite(lifted) & shown, lifted, 0).sum(axis=2)
    lists = []
    for row in range(len(positions)):
        items = []
        for column in np.flatnonzero(shown[row]):
            source = model.names[sources[row, column]]
            reason = reasons[row][column]
            items.append(
                RecommendedItem(
                    item_id=id_of(int(positions[row, column])),
                    score=float(values[row, column]),
                    source=source,
                    reason=reason,
                    reason_text=text_of(reason, source),
                )
            )
        lists.append(ShownList(tuple(items), model.names[int(totals[:, row].argmax())]))
    return lists


def _checked(name: str, moved: NDArray[np.int64], positions: NDArray[np.int32]) -> NDArray[np.int64]:
    if moved.shape != positions.shape or (np.sort(moved, axis=1) != np.arange(positions.shape[1])).any():
        raise PluginError(f"reranker {name!r} answered no permutation of each row")
    return moved
