"""How fast a server keeps interactions, and how soon they show: ``python bench/serve/writes.py``.

A real server on a home of its own, whose SQLite database (WAL, ``synchronous=FULL``) already holds a million
interactions with ids of the kind that is written. A generator in another process drives it over several connections,
with requests made beforehand. Then two workers: what one of them took, the other one is asked for until it answers
accordingly. Prints a table and writes it as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import sqlite3
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import psutil
from rich.console import Console
from rich.table import Table
from seeing import listening, visibility

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "conformance"))

from home import make_home, serving

from firstlight.domain import Interaction
from firstlight.settings import Settings, init_home
from firstlight.store import open_store
from firstlight.v1 import interaction_pb2
from firstlight.v1.interaction_service_pb2 import BatchWriteInteractionsRequest as Request

METHOD = "/firstlight.v1.InteractionService/BatchWriteInteractions"
CATALOG = "writes"
USERS, ITEMS, TYPES = 50_000, 10_000, ("view", "buy")
BATCH, BATCHES_IN_FLIGHT, SINGLES_IN_FLIGHT, CONNECTIONS = 500, 8, 32, 4
WARM_UP_S = 1.0
MILLISECOND = 1_000


@dataclass(frozen=True)
class Row:
    """One line: ``figure`` in ``unit``; ``goal`` is None where there is none."""

    what: str
    figure: float
    unit: str
    goal: str = ""
    reached: bool | None = None
    details: str = ""


def ordered_id(milliseconds: int) -> str:
    """A UUIDv7 (RFC 9562): 48 bits of time, then chance."""
    number = milliseconds << 80 | 7 << 76 | random.getrandbits(12) << 64 | 2 << 62 | random.getrandbits(62)
    return str(uuid.UUID(int=number))


def random_id(_milliseconds: int) -> str:
    """A UUIDv4."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


MakeId = Callable[[int], str]


def drawn(make_id: MakeId, start_us: int) -> Iterator[Interaction]:
    """Interactions without end, one a millisecond."""
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


def message(one: Interaction) -> interaction_pb2.Interaction:
    """What a client sends."""
    made = interaction_pb2.Interaction(
        user_id=one.user_id, item_id=one.item_id, value=one.value, type=one.type, interaction_id=one.interaction_id
    )
    assert one.time_us is not None
    made.time.FromMicroseconds(one.time_us)
    return made


def fill(settings: Settings, events: Iterator[Interaction], count: int) -> None:
    """Write ``count`` interactions into the store of a home."""
    store = open_store(settings)
    for start in range(0, count, 10_000):
        store.write_interactions(CATALOG, [next(events) for _ in range(min(10_000, count - start))])
    store.close()


async def drive(address: str, requests: Iterator[bytes], in_flight: int, seconds: float) -> list[tuple[float, float]]:
    """Send ``requests`` in closed loops for ``seconds``; when each answered call began, and how long it took."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(address, options) for _ in range(CONNECTIONS)]
    calls: list[tuple[float, float]] = []
    end = time.perf_counter() + WARM_UP_S + seconds

    async def caller(n: int) -> None:
        call = channels[n % CONNECTIONS].unary_unary(METHOD)
        while (began := time.perf_counter()) < end:
            await call(next(requests), timeout=60)
            calls.append((began, time.perf_counter() - began))

    await asyncio.gather(*map(caller, range(in_flight)))
    await asyncio.gather(*(channel.close() for channel in channels))
    return [(began, took) for began, took in calls if end - seconds <= began and began + took <= end]


def percentile(values: list[float], share: float) -> float:
    """The value that a share of ``values`` does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measured(
    what: str, address: str, requests: list[bytes], *, size: int, in_flight: int, seconds: float, goal: float
) -> Row:
    """One workload."""
    cpu_s, began = server_cpu_s(address), time.perf_counter()
    calls = asyncio.run(drive(address, iter(requests), in_flight, seconds))
    cpus = (server_cpu_s(address) - cpu_s) / (time.perf_counter() - began)
    took = [one * 1000 for _, one in calls]
    rate = len(calls) * size / seconds
    details = (
        f"{len(calls):,} calls, p50 {percentile(took, 0.5):.1f} ms, p99 {percentile(took, 0.99):.1f} ms, "
        f"longest {max(took):.0f} ms; server used {cpus:.2f} cores, {cpus * 1e6 / rate:.0f} µs for each"
    )
    return Row(what, rate, "interactions/s", f">= {goal:,.0f}" if goal else "", rate >= goal if goal else None, details)


def server_cpu_s(address: str) -> float:
    """Processor time of the processes that listen there."""
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in listening(address))


def requests_of(events: Iterator[Interaction], size: int, count: int) -> list[bytes]:
    """``count`` requests of ``size`` interactions, serialised."""
    return [
        Request(catalog_id=CATALOG, interactions=[message(next(events)) for _ in range(size)]).SerializeToString()
        for _ in range(count)
    ]


def workload(folder: Path, name: str, make_id: MakeId, given: argparse.Namespace) -> Iterator[Row]:
    """Batches and single writes with ids of one kind, on a home of their own."""
    home = folder / name
    events = drawn(make_id, time.time_ns() // 1000 - given.stored * MILLISECOND)
    fill(init_home(home), events, given.stored)
    (home / "logs").mkdir(exist_ok=True)
    batches = requests_of(events, BATCH, int(given.most_batches * (given.seconds + WARM_UP_S)))
    singles = requests_of(events, 1, int(given.most_singles * (given.seconds + WARM_UP_S)))
    goals = (20_000.0, 1_000.0) if make_id is ordered_id else (0.0, 0.0)
    with serving(home, workers=given.workers) as address:
        title = f"batches of {BATCH}, {name} ids"
        yield measured(
            title, address, batches, size=BATCH, in_flight=BATCHES_IN_FLIGHT, seconds=given.seconds, goal=goals[0]
        )
        title = f"single writes, {SINGLES_IN_FLIGHT} callers, {name} ids"
        yield measured(
            title, address, singles, size=1, in_flight=SINGLES_IN_FLIGHT, seconds=given.seconds, goal=goals[1]
        )
        wal = home / "firstlight.db-wal"
        yield Row(f"WAL afterwards, {name} ids", wal.stat().st_size / 2**20, "MiB")


def seen(folder: Path, given: argparse.Namespace) -> Iterator[Row]:
    """How soon a write shows."""
    home = folder / "seeing"
    make_home(home)
    with serving(home, workers=2) as address:
        for what, times_ms, goal_ms in visibility(address, given.writes):
            p99 = percentile(times_ms, 0.99)
            details = f"{len(times_ms)} writes, p50 {percentile(times_ms, 0.5):.1f} ms, longest {max(times_ms):.0f} ms"
            yield Row(what, p99, "ms (p99)", f"<= {goal_ms:g}", p99 <= goal_ms, details)


def main() -> int:
    """Measure, print, write; the exit code is 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stored", type=int, default=1_000_000, help="interactions that are there before")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each workload")
    parser.add_argument("--writes", type=int, default=300, help="writes that are waited for in another worker")
    parser.add_argument("--workers", type=int, default=1, help="workers of the server that is written to")
    parser.add_argument("--most-batches", type=int, default=100, help="requests made beforehand for each second")
    parser.add_argument("--most-singles", type=int, default=5_000, help="the same of single writes")
    parser.add_argument("--json", type=Path, default=Path(".cache/bench-writes.json"), help="where the table goes")
    given = parser.parse_args()
    random.seed(0)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="bench-writes-") as name:
        for kind, make_id in (("time-ordered", ordered_id), ("random", random_id)):
            rows += workload(Path(name), kind, make_id, given)
        rows += seen(Path(name), given)
    show(rows)
    machine: dict[str, Any] = {"cores": os.cpu_count(), "machine": platform.machine(), "sqlite": sqlite3.sqlite_version}
    given.json.parent.mkdir(parents=True, exist_ok=True)
    document = {"stored": given.stored, "workers": given.workers, "machine": machine, "rows": [asdict(r) for r in rows]}
    given.json.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    return 1 if any(row.reached is False for row in rows) else 0


def show(rows: list[Row]) -> None:
    """The table."""
    table = Table("what", "figure", "unit", "goal", "reached", "details", title="Writes")
    for row in rows:
        reached = "" if row.reached is None else "yes" if row.reached else "NO"
        table.add_row(row.what, f"{row.figure:,.0f}", row.unit, row.goal, reached, row.details)
    Console(width=None if sys.stdout.isatty() else 170).print(table)


if __name__ == "__main__":
    sys.exit(main())
