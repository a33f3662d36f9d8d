"""The part ``writes``: how fast a server keeps interactions.

A server on a home of its own, whose SQLite database (WAL, ``synchronous=FULL``) already holds a million interactions
with ids of the kind that is written. Callers in this process send requests made beforehand over several connections.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import grpc
import grpc.aio
import numpy as np
from events import MILLISECOND, MakeId, drawn, fill, ordered_id, random_id, requests
from goals import Goal
from parts import Found, Part, Run, log
from serving import ALL_CORES, OWN_CONNECTION, Server, serving
from table import Table

from firstlight.settings import init_home

METHOD = "/firstlight.v1.InteractionService/BatchWriteInteractions"
BATCH, BATCHES_IN_FLIGHT, SINGLES_IN_FLIGHT, CONNECTIONS = 500, 8, 32, 4
STORED, STORED_QUICK = 1_000_000, 10_000
WARM_UP_S, SECONDS = 1.0, 10.0
MOST = {BATCH: 100, 1: 5_000}
"""Requests of this size that are made for each second: more than are answered."""
IDS: dict[str, MakeId] = {"time-ordered": ordered_id, "random": random_id}
BATCHES = Goal("durable writes, batches of 500", "≥ 20,000 interactions/s")
SINGLES = Goal("durable writes, singles under 32 callers", "≥ 1,000/s")
LEAST = {BATCH: 20_000, 1: 1_000}


@dataclass(frozen=True)
class Load:
    """Of one workload: interactions a second, times of calls in ms, and cores the server used."""

    ids: str
    size: int
    rate: float
    calls_ms: list[float]
    cores: float
    commit_ms: float

    def row(self) -> tuple[str, ...]:
        """As text."""
        times = [*np.percentile(self.calls_ms, [50, 99]), max(self.calls_ms), self.commit_ms]
        return (
            f"{f'batches of {self.size}' if self.size > 1 else 'singles'}, {self.ids} ids",
            f"{self.rate:,.0f}",
            *(f"{one:,.0f}" for one in times),
            f"{self.cores:.2f}",
            f"{1e6 * self.cores / self.rate:,.0f}",
        )


def writes(run: Run) -> Found:
    """Batches, then singles, with ids of each kind."""
    random.seed(0)
    loads = [load for ids in IDS for load in _loads(run, ids)]
    ordered = {load.size: load.rate for load in loads if load.ids == "time-ordered"}
    goals = [
        goal.met(f"{ordered[size]:,.0f}/s", ordered[size] >= LEAST[size])
        for goal, size in ((BATCHES, BATCH), (SINGLES, 1))
    ]
    head = ["", "interactions/s", "call p50 ms", "p99", "longest", "longest transaction so far ms", "cores", "µs each"]
    return Found(goals, [Table("Durable writes", head, [load.row() for load in loads])])


def _loads(run: Run, ids: str) -> Iterator[Load]:
    stored, seconds = (STORED_QUICK, 1.0) if run.quick else (STORED, SECONDS)
    log(f"writes with {ids} ids beside {stored:,}")
    home = run.work / ids
    events = drawn(IDS[ids], time.time_ns() // 1000 - stored * MILLISECOND)
    fill(init_home(home), events, stored)
    with serving(home, cores=ALL_CORES) as server:
        for size, in_flight in ((BATCH, BATCHES_IN_FLIGHT), (1, SINGLES_IN_FLIGHT)):
            bodies = requests(events, size, int(MOST[size] * (seconds + WARM_UP_S)))
            cpu_s, began = server.cpu_s(), time.perf_counter()
            times_ms = asyncio.run(_drive(server, iter(bodies), in_flight, seconds))
            cores = (server.cpu_s() - cpu_s) / (time.perf_counter() - began)
            longest_ms = 1000 * server.metric("firstlight_longest_transaction_seconds")
            yield Load(ids, size, len(times_ms) * size / seconds, times_ms, cores, longest_ms)


async def _drive(server: Server, bodies: Iterator[bytes], in_flight: int, seconds: float) -> list[float]:
    """Send ``bodies`` in closed loops; the ms of each call that began and ended within ``seconds``, after a warm-up."""
    channels = [grpc.aio.insecure_channel(server.address, OWN_CONNECTION) for _ in range(CONNECTIONS)]
    calls: list[tuple[float, float]] = []
    start = time.perf_counter() + WARM_UP_S
    end = start + seconds

    async def caller(n: int) -> None:
        call = channels[n % CONNECTIONS].unary_unary(METHOD)
        while (began := time.perf_counter()) < end:
            await call(next(bodies), timeout=60)
            calls.append((began, time.perf_counter()))

    await asyncio.gather(*map(caller, range(in_flight)))
    await asyncio.gather(*(channel.close() for channel in channels))
    return [1000 * (ended - began) for began, ended in calls if start <= began and ended <= end]


PART = Part([BATCHES, SINGLES], writes)
