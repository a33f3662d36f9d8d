"""Interactions without end, with ids of two kinds, and the requests that bring them."""

from __future__ import annotations

import random
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice

from firstlight.domain import Interaction
from firstlight.settings import Settings
from firstlight.store import open_store
from firstlight.v1 import interaction_pb2
from firstlight.v1.interaction_service_pb2 import BatchWriteInteractionsRequest

CATALOG = "writes"
USERS, ITEMS, TYPES = 50_000, 10_000, ("view", "buy")
MILLISECOND = 1_000

MakeId = Callable[[int], str]
"""An id from the milliseconds since 1970."""


def ordered_id(milliseconds: int) -> str:
    """A UUIDv7 (RFC 9562): 48 bits of time, then chance."""
    number = milliseconds << 80 | 7 << 76 | random.getrandbits(12) << 64 | 2 << 62 | random.getrandbits(62)
    return str(uuid.UUID(int=number))


def random_id(_milliseconds: int) -> str:
    """A UUIDv4."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def drawn(make_id: MakeId, start_us: int) -> Iterator[Interaction]:
    """One a millisecond."""
    for n in range(sys.maxsize):
        time_us = start_us + n * MILLISECOND
        yield Interaction(
            f"user-{random.randrange(USERS)}",
            f"item-{random.randrange(ITEMS)}",
            float(random.randint(1, 5)),
            random.choice(TYPES),
            time_us,
            make_id(time_us // MILLISECOND),
        )


def fill(settings: Settings, events: Iterator[Interaction], count: int) -> None:
    """Write ``count`` interactions into the store of a home."""
    with closing(open_store(settings)) as store:
        for start in range(0, count, 10_000):
            store.write_interactions(CATALOG, list(islice(events, min(10_000, count - start))))


def requests(events: Iterator[Interaction], size: int, count: int) -> list[bytes]:
    """``count`` requests of ``size`` interactions, serialised."""
    return [
        BatchWriteInteractionsRequest(
            catalog_id=CATALOG, interactions=map(_message, islice(events, size))
        ).SerializeToString()
        for _ in range(count)
    ]


def _message(one: Interaction) -> interaction_pb2.Interaction:
    made = interaction_pb2.Interaction(
        user_id=one.user_id, item_id=one.item_id, value=one.value, type=one.type, interaction_id=one.interaction_id
    )
    assert one.time_us is not None
    made.time.FromMicroseconds(one.time_us)
    return made
