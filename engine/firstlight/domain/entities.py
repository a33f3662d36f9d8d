"""Users, items and interactions with string ids: how they enter and leave."""

from __future__ import annotations

from dataclasses import dataclass, field

from firstlight.domain.schema import Attributes


@dataclass(frozen=True, slots=True)
class Item:
    """Something that can be recommended."""

    item_id: str
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who asks."""

    user_id: str
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Interaction:
    """What a user did with an item.

    Its identity is ``interaction_id``, else (user, item, type, time); without a time, a later one replaces it.
    ``time_us``: microseconds since 1970.
    """

    user_id: str
    item_id: str
    value: float | None = None
    type: str = ""
    time_us: int | None = None
    interaction_id: str = ""
    attribution_token: str = ""
