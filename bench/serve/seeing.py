"""How soon what one worker took shows in the answers of another one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import grpc
import psutil

from firstlight.client import Client
from firstlight.v1.recommendation_pb2 import Scenario

PAUSE_S = 0.002
LONGEST_S = 10.0
OWN_GOAL_MS, OTHER_GOAL_MS, ITEM_GOAL_MS = 0.0, 250.0, 1_000.0

Figure = tuple[str, list[float], float]
"""What was waited for, the milliseconds of each time, and how many they may be."""


def visibility(address: str, writes: int) -> Iterator[Figure]:
    """Interactions in the worker that took them and in the other one, then items in the other one."""
    with ExitStack() as stack:
        one, other = clients_of_two_workers(address, stack)
        for client in (one, other):
            client.recommend()
        yield "interaction acknowledged to visible, same worker", interactions(one, one, writes), OWN_GOAL_MS
        yield "interaction acknowledged to visible, other worker", interactions(one, other, writes), OTHER_GOAL_MS
        yield "item upserted to recommended, other worker", items(one, other, writes), ITEM_GOAL_MS


def clients_of_two_workers(address: str, stack: ExitStack) -> tuple[Client, Client]:
    """Two clients, connected to different workers: the kernel deals connections, so ask until it dealt both."""
    found: dict[int, Client] = {}
    port = int(address.rpartition(":")[2])
    before = connections(port)
    for _ in range(64):
        # A subchannel pool of its own, or all clients would share one connection.
        channel = grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)])
        client = stack.enter_context(Client(channel, address=address, timeout_s=20))
        client.health()
        now = connections(port)
        (worker,) = (pid for pid, count in now.items() if count > before.get(pid, 0))
        found.setdefault(worker, client)
        before = now
        if len(found) == 2:
            one, other = found.values()
            return one, other
    raise RuntimeError("64 connections went to one worker")


def connections(port: int) -> dict[int, int]:
    """Established connections to ``port`` by the process that accepted them."""
    counts: dict[int, int] = {}
    for each in psutil.net_connections("tcp"):
        if each.status == psutil.CONN_ESTABLISHED and each.laddr.port == port and each.pid:
            counts[each.pid] = counts.get(each.pid, 0) + 1
    return counts


def listening(address: str) -> set[int]:
    """The processes that accept connections there."""
    port = int(address.rpartition(":")[2])
    found = psutil.net_connections("tcp")
    return {each.pid for each in found if each.status == psutil.CONN_LISTEN and each.laddr.port == port and each.pid}


def interactions(one: Client, other: Client, writes: int) -> list[float]:
    """A user whom the other worker knows as new, until it does no longer: 0 where its next answer does not."""
    times = []
    for n in range(writes):
        user = f"seen-{n}-{one is other}"
        other.recommend(user, limit=1)
        write(one, user)
        times.append(waited_ms(lambda user=user: is_known(other, user)))
    return times


def items(one: Client, other: Client, writes: int) -> list[float]:
    """An item that the other worker does not recommend, until it does."""
    times = []
    for n in range(writes):
        item = f"novelty-{n}"
        one.upsert_items({item: {"genres": "loud|new", "title": f"novelty {n}"}})
        times.append(waited_ms(lambda item=item: item in {i.item_id for i in other.recommend(limit=1000).items}))
        one.delete_items([item])
    return times


def write(client: Client, user: str) -> None:
    """One interaction of ``user``."""
    client.write_interactions([{"user_id": user, "item_id": "item-01", "value": 5.0}])


def is_known(client: Client, user: str) -> bool:
    """Whether the answer knows of an interaction."""
    return client.recommend(user, limit=1).scenario != Scenario.SCENARIO_NEW_USER


def waited_ms(condition: Callable[[], bool]) -> float:
    """Milliseconds until ``condition`` holds, 0 where it does when it is first looked at."""
    began = time.perf_counter()
    if condition():
        return 0.0
    while not condition():
        if time.perf_counter() - began > LONGEST_S:
            raise RuntimeError(f"not visible within {LONGEST_S:g} s")
        time.sleep(PAUSE_S)
    return (time.perf_counter() - began) * 1000
