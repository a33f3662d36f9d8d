"""The part ``overload``: five times what a server can do, offered in an open loop."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import catalogues
import driving
from asking import CACHED, ROUTES, Asked, dataset, requests, write
from driving import Callers
from goals import MIDDLE, Goal
from parts import Found, Part, Run, log
from serving import Server, serving
from table import Table

from firstlight.settings import Settings

CALLERS = Callers(32, 1)
DEADLINE_S, TIMES, SECONDS = 1.0, 5.0, 30.0
RECOVERY_S = 2.0
NORMAL_S = 5.0
"""How long half of the peak is offered, before and after."""

CALMEST = 2.0
"""After the overload p99 may be this many times what it was before: one short run differs from another."""

HEEDLESS, OBEYING = "callers who go on", "callers who obey push-back"
OPTIONS: dict[str, tuple[str, ...]] = {HEEDLESS: (), OBEYING: ("-obey",)}


@dataclass(frozen=True)
class Stress:
    """A second: ``offered``, ``answered`` within the deadline, ``held`` back by callers who obey; ``counts`` by status.

    ``peak``: in a closed loop over as many connections. ``lag_ms``: p99 of how late the generator was to begin a call;
    where that is not small, less was offered. ``recovered``: whether half of the peak was answered as before, two
    seconds later. ``growth_mb``: private memory.
    """

    peak: float
    offered: float
    answered: float
    held: float
    counts: Mapping[str, float]
    p50_ms: float
    p99_ms: float
    lag_ms: float
    recovered: bool
    growth_mb: float


def overload(run: Run) -> Found:
    """Both routes, callers of both kinds."""
    items = run.size(MIDDLE)
    settings = catalogues.catalogue(run.cache, items)
    found = {route: _route(run, settings, items, route) for route in ROUTES}
    return Found(goals(found), [_table(found, items)])


def goals(found: Mapping[str, Mapping[str, Stress]]) -> list[Goal]:
    """Two of each route, where its stresses by who calls are ``found``."""
    made = []
    for route in ROUTES:
        name = f"{TIMES:.0f} × peak offered, `{route}`, 100,000 items"
        going = Goal(name, "≥ 80 % of peak answered, p99 ≤ 250 ms, normal 2 s later, ≤ 100 MB more")
        obeying = Goal(f"{name}, {OBEYING}", "≥ 90 % of peak answered")
        if route in found:
            one, other = found[route][HEEDLESS], found[route][OBEYING]
            calm = one.p99_ms <= 250 and one.recovered and one.growth_mb <= 100
            going = going.met(_words(one), one.answered >= 0.8 * one.peak and calm)
            obeying = obeying.met(_words(other), other.answered >= 0.9 * other.peak)
        made += [going, obeying]
    return made


def _words(one: Stress) -> str:
    again = "normal" if one.recovered else "not normal"
    return f"{one.answered / one.peak:.0%}, p99 {one.p99_ms:.0f} ms, {again}, {one.growth_mb:+.0f} MB"


def _route(run: Run, settings: Settings, items: int, route: str) -> dict[str, Stress]:
    asked = requests(dataset(settings), CACHED, route)
    files = write(asked, run.work, f"overload-{route}")
    with serving(settings.home) as server:
        server.warm(asked)
        peak: float = driving.closed(run.generator, server, files, NORMAL_S, CALLERS)["per_second"]
        log(f"{items:,} items: {TIMES:.0f} × {peak:,.0f} calls a second, {route}")
        return {who: _stress(run, server, files, peak, *options) for who, options in OPTIONS.items()}


def _stress(run: Run, server: Server, files: Asked, peak: float, *options: str) -> Stress:
    seconds = run.seconds if run.quick else SECONDS
    before, memory = _offered(run, server, files, NORMAL_S, peak / 2), server.memory().private
    told = _offered(run, server, files, seconds, TIMES * peak, *options)
    time.sleep(RECOVERY_S)
    after = _offered(run, server, files, NORMAL_S, peak / 2)
    # Of the time in which calls began: the generator's own counts the way of the last ones to their deadline, too.
    a_second = {code: count / seconds for code, count in told["counts"].items()}
    held = told["held"] / seconds
    return Stress(
        peak=peak,
        offered=sum(a_second.values()) + held,
        answered=a_second.get("OK", 0.0),
        held=held,
        counts=a_second,
        p50_ms=told["p50_ms"],
        p99_ms=told["p99_ms"],
        lag_ms=told["lag_p99_ms"],
        recovered=set(after["counts"]) == {"OK"} and after["p99_ms"] <= CALMEST * before["p99_ms"],
        growth_mb=server.memory().private - memory,
    )


def _offered(run: Run, server: Server, files: Asked, seconds: float, rate: float, *options: str) -> dict[str, Any]:
    deadline = ("-deadline", f"{DEADLINE_S}s")
    return driving.open_loop(run.generator, server, files, seconds, rate, *deadline, *options, callers=CALLERS)


def _table(found: Mapping[str, Mapping[str, Stress]], items: int) -> Table:
    rows = []
    for route, stresses in found.items():
        for who, one in stresses.items():
            failed = ", ".join(f"{code} {n:,.0f}" for code, n in sorted(one.counts.items()) if code != "OK")
            rates = (f"{rate:,.0f}" for rate in (one.peak, one.offered, one.held, one.answered))
            times = (f"{ms:.0f}" for ms in (one.p50_ms, one.p99_ms, one.lag_ms))
            rows.append((who, route, *rates, failed, *times))
    return Table(
        f"Overload, calls a second, {items:,} items",
        ["", "route", "peak", "offered", "held", "answered", "failed", "p50 ms", "p99 ms", "lag ms"],
        rows,
        "32 connections, 1 s deadlines. Held: not made by callers who were pushed back. Lag: p99 of how late the "
        "generator was to begin a call; where it is not small, less was offered than five times the peak.",
    )


PART = Part(goals({}), overload)
