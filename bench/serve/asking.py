"""What is asked: real users, known to the server or told in the request, as messages and as files for generators."""

from __future__ import annotations

import struct
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from google.protobuf.proto import serialize_length_prefixed

from firstlight.client.values import pack_all
from firstlight.domain import Dataset
from firstlight.settings import Settings
from firstlight.store import open_store
from firstlight.v1.recommendation_pb2 import HistoryEntry, Query, Route
from firstlight.v1.recommendation_service_pb2 import RecommendRequest

LIMIT = 20
SHOWN = 10
USERS = 200
ROUTES: dict[str, Route] = {"fast": Route.ROUTE_FAST, "full": Route.ROUTE_FULL}
CACHED, NEW = "cached user", "new user"


@dataclass(frozen=True)
class Asked:
    """Requests in two files: ``one`` as the body of a gRPC call, for h2load; ``many``, each after its length."""

    one: Path
    many: Path


def dataset(settings: Settings) -> Dataset:
    """The stored users and what they did."""
    with closing(open_store(settings)) as store:
        return store.load_dataset("default")


def requests(data: Dataset, who: str, route: str) -> list[RecommendRequest]:
    """Of 200 users: by their id, or with their attributes and their last 10 interactions and without it.

    The first is of the user with the median number of interactions.
    """
    lengths = data.histories.lengths
    order = np.argsort(lengths, kind="stable")
    rows = [int(order[len(order) // 2]), *np.random.default_rng(0).permutation(len(lengths))[: USERS - 1].tolist()]
    return [RecommendRequest(query=_query(data, row, who, ROUTES[route])) for row in rows]


def write(asked: list[RecommendRequest], folder: Path, name: str) -> Asked:
    """The files of ``asked`` in ``folder``."""
    found = Asked(folder / f"{name}.body", folder / f"{name}.binpb")
    body = asked[0].SerializeToString()
    found.one.write_bytes(struct.pack(">?I", False, len(body)) + body)
    with found.many.open("wb") as file:
        for request in asked:
            serialize_length_prefixed(request, file)
    return found


def _query(data: Dataset, row: int, who: str, route: Route) -> Query:
    if who == CACHED:
        return Query(user_id=data.user_ids[row], limit=LIMIT, route=route)
    histories = data.histories
    start, end = histories.offsets[row : row + 2]
    last = range(max(int(start), int(end) - SHOWN), int(end))
    history = [HistoryEntry(item_id=data.item_ids[histories.items[n]], value=float(histories.values[n])) for n in last]
    return Query(profile=pack_all(data.user_attributes[row]), history=history, limit=LIMIT, route=route)
