"""What is measured of one catalogue, server and echo by turns so that both meet the same machine."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import driving
from asking import CACHED, NEW, ROUTES, dataset, requests, write
from serving import Memory, Server, echoing, serving

from firstlight.settings import Settings


@dataclass(frozen=True)
class Plan:
    """How long to measure; ``latencies`` and ``new_users`` only where they are asked for."""

    rounds: int
    seconds: int
    latencies: bool = False
    new_users: bool = False


@dataclass(frozen=True)
class Load:
    """Medians of a question's rounds. ``checked``: calls a second by our generator, over many users."""

    per_second: float
    echo_per_second: float
    ratio: float
    cpu_ms: float
    echo_cpu_ms: float
    checked: float
    degraded: float


@dataclass(frozen=True)
class Latency:
    """Medians of p50, p95 and p99 in ms at ``rate`` calls a second, half of what the server can do.

    ``refused``: the share of calls, of which there should be none, that were not answered.
    """

    rate: float
    server: tuple[float, float, float]
    echo: tuple[float, float, float]
    refused: float = 0.0

    @property
    def ratio(self) -> float:
        """p99 of the server over that of the echo."""
        return self.server[2] / self.echo[2]


@dataclass
class Measured:
    """Of a catalogue with ``items``. ``loads`` and ``latencies`` by who asks and route."""

    items: int
    memory: Memory
    loads: dict[tuple[str, str], Load] = field(default_factory=dict)
    latencies: dict[tuple[str, str], Latency] = field(default_factory=dict)


def measure(settings: Settings, items: int, plan: Plan, binary: Path, work: Path) -> Measured:
    """Serve ``settings`` and drive it."""
    data = dataset(settings)
    sample = requests(data, CACHED, "full")[0]
    with serving(settings.home) as server, echoing(server.answer(sample), work) as echo:
        found = Measured(items, server.memory())
        for who in (CACHED, NEW) if plan.new_users else (CACHED,):
            for route in ROUTES:
                asked = requests(data, who, route)
                server.warm(asked)
                files = write(asked, work, f"{who}-{route}".replace(" ", "-"))
                found.loads[who, route] = load = _load(server, echo, files, plan, binary)
                if plan.latencies:
                    found.latencies[who, route] = _latency(server, echo, files, plan, binary, rate=load.checked / 2)
        found.memory = server.memory()
    return found


def first_answer(settings: Settings, rounds: int) -> float:
    """Seconds from the start of a server to its first answer, the median of ``rounds``."""
    sample = requests(dataset(settings), CACHED, "fast")[0]
    times = []
    for _ in range(rounds):
        with serving(settings.home) as server:
            server.answer(sample)
            times.append(time.monotonic() - server.started)
    return statistics.median(times)


def _load(server: Server, echo: Server, files: driving.Asked, plan: Plan, binary: Path) -> Load:
    pairs = [
        (driving.h2load(server, files, plan.seconds), driving.h2load(echo, files, plan.seconds))
        for _ in range(plan.rounds)
    ]
    checked = driving.closed(binary, server, files, plan.seconds)
    ours, theirs = zip(*pairs, strict=True)
    return Load(
        per_second=statistics.median(one.per_second for one in ours),
        echo_per_second=statistics.median(one.per_second for one in theirs),
        ratio=statistics.median(one.per_second / other.per_second for one, other in pairs),
        cpu_ms=statistics.median(one.cpu_ms for one in ours),
        echo_cpu_ms=statistics.median(one.cpu_ms for one in theirs),
        checked=checked["per_second"],
        degraded=checked["degraded"] / checked["counts"]["OK"],
    )


def _latency(server: Server, echo: Server, files: driving.Asked, plan: Plan, binary: Path, *, rate: float) -> Latency:
    told: dict[Server, list[tuple[float, ...]]] = {server: [], echo: []}
    counts: Counter[str] = Counter()
    for round_ in range(plan.rounds):
        for one, kept in told.items():
            found = driving.open_loop(binary, one, files, plan.seconds, rate, seed=round_)
            kept.append(tuple(found[f"{share}_ms"] for share in ("p50", "p95", "p99")))
            if one is server:
                counts.update(found["counts"])
    return Latency(rate, _medians(told[server]), _medians(told[echo]), 1 - counts["OK"] / counts.total())


def _medians(rows: Sequence[tuple[float, ...]]) -> tuple[float, float, float]:
    p50, p95, p99 = (statistics.median(column) for column in zip(*rows, strict=True))
    return p50, p95, p99
