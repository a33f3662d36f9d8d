"""An interaction as a row: what makes two of them the same, and all there is to them."""

from __future__ import annotations

from hashlib import blake2b

from firstlight.domain import Interaction

COLUMNS = ("user_id", "item_id", "type", "value", "time_us", "interaction_id", "attribution_token")

Values = tuple[str, str, str, float | None, int | None, str, str]
"""``COLUMNS`` of an interaction: all but its key."""


def values_of(one: Interaction) -> Values:
    """The whole interaction."""
    return (one.user_id, one.item_id, one.type, one.value, one.time_us, one.interaction_id, one.attribution_token)


def key_of(one: Interaction) -> bytes:
    """The ``interaction_id``, else the time, with a digest of user, item and type.

    Keys compare as ids do, and as times do, so that what comes in the order of time goes to the end of the index.
    Random ids go all over it, and writing them takes longer the larger it is. The first byte tells the kinds apart; the
    parts that are digested cannot run together, as ids hold no control characters.
    """
    if one.interaction_id:
        return b"i" + one.interaction_id.encode()
    who = blake2b(f"{one.user_id}\n{one.item_id}\n{one.type}".encode(), digest_size=16).digest()
    return b"n" + who if one.time_us is None else b"t" + (one.time_us + 2**63).to_bytes(8, "big") + who
