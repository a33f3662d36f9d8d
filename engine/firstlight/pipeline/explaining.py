"""Which component an item owes its place to, and why."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Queries, Ranked, RankingInputs, Reason, ReasonCode
from firstlight.errors import PluginError
from firstlight.pipeline.model import Model
from firstlight.pipeline.results import ShownReason
from firstlight.plugins import Attempt
from firstlight.roles import Component

KEPT = 65_536
"""Reasons and their texts that are kept: most items are shown to many, for the same few reasons."""


def lifts(inputs: RankingInputs, ranked: Ranked, columns: NDArray[np.int64]) -> NDArray[np.float32]:
    """How far each component lifts the item in each of ``columns`` (B, K) above the row's average candidate.

    float32 (S, B, K): a component's contribution less the mean of its contributions to the row's candidates, so that
    a component which says the same about every item lifts none; −inf where it does not know the item.
    """
    real = inputs.positions >= 0
    mean = np.where(real, ranked.contributions, np.float32(0)).sum(axis=2) / np.maximum(real.sum(axis=1), 1)
    rows = np.arange(len(columns))[:, None]
    above = ranked.contributions[:, rows, columns] - mean[:, :, None]
    return np.where(inputs.known[:, rows, columns], above, -np.inf).astype(np.float32)


def explain(
    model: Model,
    queries: Queries,
    positions: NDArray[np.int32],
    sources: NDArray[np.int64],
    *,
    show: Callable[[Reason], ShownReason],
    attempt: Attempt,
) -> list[list[ShownReason | None]]:
    """The reason for each of ``positions`` (B, K), given by its source: ``sources`` (B, K) indexes the components.

    ``show``: :func:`shown` of the catalogue, which most reasons have met before.
    """
    reasons: list[list[ShownReason | None]] = [[None] * positions.shape[1] for _ in range(len(positions))]
    for s, (name, component) in enumerate(model.components.items()):
        mine = (sources == s) & (positions >= 0)
        rows = mine.any(axis=1).nonzero()[0]
        if not len(rows):
            continue
        asked = np.where(mine, positions, np.int32(-1))[rows]
        given = attempt(name, "explain", partial(_explain, name, component, queries.take(rows), asked))
        if given is None:  # an item without a reason is better than no item
            continue
        for n, column in zip(*(places.tolist() for places in (asked >= 0).nonzero()), strict=True):
            reason = given[n][column]
            if reason is not None:
                reasons[rows[n]][column] = show(reason)
    return reasons


_TEXTS = {
    ReasonCode.POPULAR: "popular with everybody",
    ReasonCode.POPULAR_IN_SEGMENT: "popular with {attribute}",
    ReasonCode.SIMILAR_TO_HISTORY: "similar to {item}",
    ReasonCode.MATCHES_PROFILE: "suits {attribute}",
    ReasonCode.MATCHES_CONTENT: "liked for {attribute}",
}


@lru_cache(KEPT)
def text_of(reason: ShownReason | None, source: str) -> str:
    """The reason as a line of English; the source where there is none."""
    if reason is None:
        return f"suggested by {source}"
    attribute = reason.attribute.replace("=", " ", 1)
    evidence = attribute or ("its content" if reason.code == ReasonCode.MATCHES_CONTENT else "the profile")
    return _TEXTS[reason.code].format(attribute=evidence, item=reason.history_item_id or "the history")


def shown(reason: Reason, id_of: Callable[[int], str]) -> ShownReason:
    """``reason`` with the history item's id."""
    history = id_of(reason.history_position) if reason.history_position >= 0 else ""
    return ShownReason(ReasonCode(reason.code), history, reason.attribute)


def _explain(
    name: str, component: Component, queries: Queries, positions: NDArray[np.int32]
) -> list[list[Reason | None]]:
    given, (rows, columns) = component.explain(queries, positions), positions.shape
    if len(given) != rows or any(len(row) != columns for row in given):
        raise PluginError(f"component {name!r} gave reasons of another shape than {positions.shape}")
    if not set(map(type, chain.from_iterable(given))) <= {Reason, type(None)}:
        raise PluginError(f"component {name!r} gave a reason that is none")
    return given
