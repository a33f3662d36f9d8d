"""The part ``freshness``: how soon what one worker took shows in the answers of another one."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack

import catalogues
import numpy as np
from goals import SMALL, Goal
from parts import Found, Part, Run
from serving import ALL_CORES, serving
from table import Table

from firstlight.client import Client
from firstlight.v1.recommendation_pb2 import Scenario

PAUSE_S = 0.002
LONGEST_S = 10.0
WRITES, WRITES_QUICK = 300, 5
INTERACTIONS = Goal("interaction acknowledged → visible in another worker", "p99 ≤ 250 ms")
UPSERTS = Goal("item upserted → recommended", "p99 ≤ 1 s")
MOST_MS = {INTERACTIONS.name: 250, UPSERTS.name: 1_000}


def freshness(run: Run) -> Found:
    """Two workers, each asked at a port of its own; their home is a copy that may be written to."""
    home = shutil.copytree(catalogues.catalogue(run.cache, SMALL).home, run.work / "home")
    writes = WRITES_QUICK if run.quick else WRITES
    with serving(home, workers=2, worker_ports=True, cores=ALL_CORES) as server, ExitStack() as stack:
        one, other = (stack.enter_context(Client.connect(each, timeout_s=20)) for each in server.own_addresses)
        for client in (one, other):
            client.recommend()
        found = {
            "interaction acknowledged → visible, same worker": _interactions(one, one, writes),
            INTERACTIONS.name: _interactions(one, other, writes),
            UPSERTS.name: _items(one, other, writes),
        }
    p99s = {name: float(np.percentile(times, 99)) for name, times in found.items()}
    goals = [one.met(f"p99 {p99s[one.name]:,.0f} ms", p99s[one.name] <= MOST_MS[one.name]) for one in PART.goals]
    rows = [
        (name, *(f"{value:,.1f}" for value in (*np.percentile(times, [50, 99]), max(times))))
        for name, times in found.items()
    ]
    return Found(goals, [Table(f"Freshness, ms, {writes} writes of each kind", ["", "p50", "p99", "longest"], rows)])


def _interactions(one: Client, other: Client, writes: int) -> list[float]:
    """A user whom the other worker knows as new, until it does no longer: 0 where its next answer does not."""
    times = []
    for n in range(writes):
        user = f"seen-{n}-{one is other}"
        other.recommend(user, limit=1)
        one.write_interactions([{"user_id": user, "item_id": "1", "value": 5.0}])
        times.append(_waited_ms(lambda user=user: _known(other, user)))
    return times


def _items(one: Client, other: Client, writes: int) -> list[float]:
    """An item that the other worker does not recommend, until it does."""
    times = []
    for n in range(writes):
        item = f"novelty-{n}"
        one.upsert_items({item: {"genres": ["Comedy", "Romance"], "title": f"Novelty {n}", "year": 1998}})
        times.append(_waited_ms(lambda item=item: item in {i.item_id for i in other.recommend(limit=1000).items}))
        one.delete_items([item])
    return times


def _known(client: Client, user: str) -> bool:
    """Whether the answer knows of an interaction."""
    return client.recommend(user, limit=1).scenario != Scenario.SCENARIO_NEW_USER


def _waited_ms(condition: Callable[[], bool]) -> float:
    """Milliseconds until ``condition`` holds, 0 where it does when it is first looked at."""
    began = time.perf_counter()
    if condition():
        return 0.0
    while not condition():
        if time.perf_counter() - began > LONGEST_S:
            raise RuntimeError(f"not visible within {LONGEST_S:g} s")
        time.sleep(PAUSE_S)
    return (time.perf_counter() - began) * 1000


PART = Part([INTERACTIONS, UPSERTS], freshness)
