"""The part ``loads``: throughput, latency, memory and stages of one worker, for each catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import catalogues
from asking import CACHED, ROUTES, dataset, requests
from goals import MIDDLE, goals
from measuring import Measured, Plan, first_answer, measure
from parts import Found, Part, Run, log
from profiling import stages
from table import Table


def loads(run: Run) -> Found:
    """All of it."""
    measured: dict[int, Measured] = {}
    profiles: dict[str, dict[str, float]] = {}
    start_s = None
    for items in run.items:
        log(f"{items:,} items: the catalogue")
        settings = catalogues.catalogue(run.cache, items)
        log(f"{items:,} items: serving")
        main_one = items == MIDDLE or run.quick
        plan = Plan(run.rounds, run.seconds, latencies=main_one, new_users=main_one)
        measured[items] = measure(settings, items, plan, run.generator, run.work)
        if main_one:
            start_s = first_answer(settings, run.rounds)
            data = dataset(settings)
            profiles |= {
                f"Microseconds by stage, {route}, {CACHED}, {items:,} items": stages(
                    settings, requests(data, CACHED, route), run.rounds
                )
                for route in ROUTES
            }
    return Found(goals(measured, start_s), tables(measured, profiles))


def tables(measured: Mapping[int, Measured], profiles: Mapping[str, Mapping[str, float]]) -> list[Table]:
    """Loads, latencies, memory, µs per stage."""
    return [
        Table(
            "Closed loop",
            ["", "items", "route", "calls/s", "echo calls/s", "ratio", "CPU ms", "echo CPU ms", "checked calls/s"],
            list(_loads(measured.values())),
        ),
        Table(
            "Open loop at half of its own capacity, ms",
            ["", "items", "route", "calls/s", "refused", "p50", "p95", "p99", "echo p50", "echo p95", "echo p99"],
            list(_latencies(measured.values())),
        ),
        Table(
            "Memory of one worker, MiB; private: what it wrote itself, files it maps alone are in its PSS",
            ["items", "PSS", "private"],
            [(f"{one.items:,}", f"{one.memory.pss:,.0f}", f"{one.memory.private:,.0f}") for one in measured.values()],
        ),
        *(_stages(title, found) for title, found in profiles.items()),
    ]


def _loads(measured: Iterable[Measured]) -> Iterable[tuple[str, ...]]:
    for one in measured:
        for (who, route), load in one.loads.items():
            rates = (f"{load.per_second:,.0f}", f"{load.echo_per_second:,.0f}", f"{load.ratio:.3f}")
            used = (f"{load.cpu_ms:.2f}", f"{load.echo_cpu_ms:.2f}")
            yield who, f"{one.items:,}", route, *rates, *used, f"{load.checked:,.0f}"


def _latencies(measured: Iterable[Measured]) -> Iterable[tuple[str, ...]]:
    for one in measured:
        for (who, route), found in one.latencies.items():
            times = (f"{value:.1f}" for value in (*found.server, *found.echo))
            yield who, f"{one.items:,}", route, f"{found.rate:,.0f}", f"{found.refused:.2%}", *times


def _stages(title: str, found: Mapping[str, float]) -> Table:
    rows = [(stage, f"{us:,.0f}") for stage, us in sorted(found.items(), key=lambda one: -one[1])]
    return Table(title, ["stage", "µs"], [*rows, ("sum", f"{sum(found.values()):,.0f}")])


PART = Part(goals({}, None), loads)
