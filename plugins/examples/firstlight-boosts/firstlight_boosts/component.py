"""Business rules by item attribute: places up or down, to the end, or at most so many near the top."""

from __future__ import annotations

import logging
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from firstlight import ItemTable, Queries

log = logging.getLogger(__name__)


class Rule(BaseModel):
    """What happens to the items where ``where`` holds: exactly one of ``boost``, ``bury`` and ``cap``.

    ``where``: a content column, such as ``genre=comedy``. ``boost``: places up, or down where negative. ``bury``: to
    the end of the list. ``cap``: at most so many among the first ``within``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    where: str
    boost: int | None = None
    bury: bool = False
    cap: int | None = Field(default=None, ge=0)
    within: int = Field(default=10, ge=1)

    @model_validator(mode="after")
    def _one_effect(self) -> Self:
        if (self.boost is not None) + self.bury + (self.cap is not None) != 1:
            raise ValueError("a rule has exactly one of boost, bury and cap")
        return self


class BoostsSettings(BaseModel):
    """``[plugins.boosts]``: the rules, applied one after the other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[Rule, ...] = ()


class Boosts:
    """Moves items by rule and never drops one: a list stays as long as it was."""

    def __init__(self, settings: BoostsSettings | None = None) -> None:
        self.settings = settings or BoostsSettings()
        self._items = ItemTable(np.zeros((0, 0), np.float32), np.zeros(0, np.int32))
        self._rules: list[tuple[Rule, int]] = []

    def use_items(self, items: ItemTable, content_names: tuple[str, ...]) -> None:
        """Find the column of each rule; a rule about an attribute that no item has moves nothing."""
        self._items, self._rules = items, []
        for rule in self.settings.rules:
            if rule.where in content_names:
                self._rules.append((rule, content_names.index(rule.where)))
            else:
                log.warning("no item has %r: its rule in [plugins.boosts] moves nothing", rule.where)

    def rerank(self, queries: Queries, positions: NDArray[np.int32], values: NDArray[np.float32]) -> NDArray[np.int64]:
        """int64 (B, C): the ranker's order, each rule applied to what the rules before it made of it."""
        order = np.broadcast_to(np.arange(positions.shape[1]), positions.shape)
        if not self._rules or not positions.size:
            return order.copy()
        content = self._items.content(positions)
        for rule, column in self._rules:
            meant = np.take_along_axis(content[..., column] > 0, order, axis=1)
            padding = np.take_along_axis(positions, order, axis=1) < 0
            keys = np.where(padding, np.inf, _places(rule, meant))
            order = np.take_along_axis(order, np.argsort(keys, axis=1, kind="stable"), axis=1)
        return order


def _places(rule: Rule, meant: NDArray[np.bool_]) -> NDArray[np.float64]:
    """float64 (B, C): where each item wants to be, given that those ``meant`` (B, C) are moved."""
    places = np.broadcast_to(np.arange(meant.shape[1], dtype=np.float64), meant.shape)
    if rule.boost is not None:
        # Half a place more settles the tie with the item that is there, in favour of the one that moves.
        return np.where(meant, places - rule.boost - 0.5 * np.sign(rule.boost), places)
    if rule.bury:
        return np.where(meant, places + meant.shape[1], places)
    spare = meant & (np.cumsum(meant, axis=1) > (rule.cap or 0))
    top = ~spare & (np.cumsum(~spare, axis=1) <= rule.within)
    return np.where(top, places - meant.shape[1], places)
