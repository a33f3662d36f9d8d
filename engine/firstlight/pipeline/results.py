"""What the pipeline answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, NamedTuple

from firstlight.domain import ReasonCode, Route, Scenario
from firstlight.pipeline.stopwatch import Timing


class DegradationReason(IntEnum):
    """Why an answer is less than it could be; ``firstlight.v1.Degradation.Reason`` has the same names and numbers."""

    COMPONENT_FAILED = 1
    """A component failed and was left out."""
    UNKNOWN_ATTRIBUTE = 2
    """A profile attribute that the bundle does not know was ignored."""
    UNKNOWN_ITEM = 3
    """History, context or candidate items that the bundle does not know were ignored."""
    HISTORY_TRUNCATED = 4
    """Only the newest 1,000 history entries were used."""
    LIMIT_CUT = 5
    """The limit was above 1,000 and was cut to it."""
    USER_STATE_UNAVAILABLE = 6
    """What is stored about the user could not be read in time; the answer uses the request alone."""
    LIST_SHORT = 7
    """Fewer items than asked for may be shown."""
    COMPONENT_TIMED_OUT = 8
    """A component did not answer within its share of the deadline and was left out."""
    COMPONENT_QUARANTINED = 9
    """A component failed too often lately and is left out until a probe of it passes."""
    COMPONENT_ABSENT = 10
    """A component of the bundle is not installed, or could not be loaded."""


@dataclass(frozen=True, slots=True)
class Degradation:
    """One thing left out of an answer. ``component``: its name, empty where none is concerned."""

    reason: DegradationReason
    component: str = ""
    detail: str = ""


class ShownReason(NamedTuple):
    """Why an item is in the list, with its evidence: a history item's id or an attribute such as ``gender=F``."""

    code: ReasonCode
    history_item_id: str = ""
    attribute: str = ""


class RecommendedItem(NamedTuple):
    """One row of a list. ``source``: the component that lifted the item most above the other candidates.

    ``reason`` is that component's, true for its score of this item; None where it gives none.
    """

    item_id: str
    score: float
    source: str
    reason: ShownReason | None = None
    reason_text: str = ""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The answer to one query, best first.

    ``strategy``: the component behind most of the list; ``route``: which components were asked, empty where
    routes do not matter; ``attribution_token``: opaque, ties later interactions to this list; ``timings``: the stages
    of the batch that it was computed in.
    """

    items: tuple[RecommendedItem, ...]
    scenario: Scenario
    strategy: str
    bundle_id: str
    attribution_token: str
    route: Route | Literal[""] = ""
    degraded: tuple[Degradation, ...] = ()
    timings: Sequence[Timing] = field(default=(), compare=False, repr=False)
