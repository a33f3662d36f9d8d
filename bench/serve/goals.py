"""The figures to reach: the words of one, and those that loads alone tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from asking import CACHED, NEW
from measuring import Measured

SMALL, MIDDLE, LARGE = 1_682, 100_000, 1_000_000
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Goal:
    """``done``: None where it was not measured."""

    name: str
    goal: str
    reached: str = NOT_MEASURED
    done: bool | None = None

    def met(self, reached: str, done: bool) -> Goal:
        """It, measured."""
        return replace(self, reached=reached, done=done)


def goals(measured: Mapping[int, Measured], start_s: float | None) -> list[Goal]:
    """Those of loads, in order; ``start_s``: to the first answer at 100,000 items."""
    middle = measured.get(MIDDLE)
    return [
        _share("`fast`, 100,000 items, cached user", middle, CACHED, "fast", 0.50),
        _share("`full`, 100,000 items, cached user", middle, CACHED, "full", 0.25),
        _share("`fast`, 100,000 items, new user, all inline", middle, NEW, "fast", 0.25),
        _share("`full`, 100,000 items, new user, all inline", middle, NEW, "full", 0.15),
        *(_latency(middle, route) for route in ("fast", "full")),
        _fall(measured.get(SMALL), measured.get(LARGE)),
        _at_most("start to the first answer, 100,000 items", "≤ 5 s", start_s, "{:.1f} s", lambda s: s <= 5),
    ]


def _share(name: str, found: Measured | None, who: str, route: str, least: float) -> Goal:
    load = found.loads.get((who, route)) if found else None
    ratio = load.ratio if load else None
    return _at_most(name, f"≥ {least:.2f} × echo", ratio, "{:.3f} × echo", lambda ratio: ratio >= least)


def _latency(found: Measured | None, route: str) -> Goal:
    latency = found.latencies.get((CACHED, route)) if found else None
    ratio = latency.ratio if latency else None
    name = f"p99 at half its own capacity, `{route}`, 100,000 items"
    return _at_most(name, "≤ 3 × echo's", ratio, "{:.1f} × echo's", lambda ratio: ratio <= 3)


def _fall(small: Measured | None, large: Measured | None) -> Goal:
    both = small and large and (small.loads[CACHED, "fast"].ratio, large.loads[CACHED, "fast"].ratio)
    fall = 1 - both[1] / both[0] if both else None
    name = "`fast` throughput from 1,682 to 1,000,000 items"
    return _at_most(name, "falls by ≤ 65 %", fall, "falls by {:.0%}", lambda fall: fall <= 0.65)


def _at_most(name: str, goal: str, value: float | None, text: str, reached: Callable[[float], bool]) -> Goal:
    one = Goal(name, goal)
    return one if value is None else one.met(text.format(value), reached(value))
