"""How time and memory grow with the data, and the goals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from measuring import Measurement, Plan

CURVE = Plan(0).label
"""The label of the plans that the growth is judged by: preset small, everything, no budget."""
LONGEST_S = {100_000: 5 * 60, 1_000_000: 15 * 60}
"""By interactions: how long training with preset base may take on two cores."""
SMALLEST, LARGEST = 100_000, 3_000_000
"""The sizes that the growth is judged between."""
CLOSED_FORMS = 10_000_000
"""Interactions with which import and closed forms work."""


@dataclass(frozen=True)
class Goal:
    """``done``: None where it was not measured."""

    name: str
    goal: str
    reached: str
    done: bool | None


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The slope of log(value) over log(size) by least squares: 1 is linear. NaN below two sizes."""
    if len(set(sizes)) < 2:
        return math.nan
    x, y = [math.log(size) for size in sizes], [math.log(value) for value in values]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    rise = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return rise / sum((a - mean_x) ** 2 for a in x)


def curve(measured: Sequence[Measurement], label: str = CURVE) -> list[Measurement]:
    """What succeeded under ``label``, by size."""
    return sorted((one for one in measured if one.plan.label == label and not one.error), key=lambda m: m.plan.size)


def exponents(measured: Sequence[Measurement], label: str = CURVE) -> dict[str, float]:
    """Of the seconds and the peak memory of ``import`` and ``train``."""
    along = curve(measured, label)
    sizes = [one.interactions for one in along]
    return {
        f"{step} {unit}": exponent(sizes, [told(one)[key] for one in along])
        for step, told in (("import", lambda m: m.import_), ("train", lambda m: m.train))
        for unit, key in (("seconds", "seconds"), ("memory", "peak_mib"))
    }


def goals(measured: Sequence[Measurement]) -> list[Goal]:
    """Every goal, in the order of its size."""
    found = [_longest(measured, size) for size in LONGEST_S]
    slopes = exponents(measured)
    sizes = [one.plan.size for one in curve(measured)]
    spans = bool(sizes) and min(sizes) <= SMALLEST and max(sizes) >= LARGEST
    for unit in ("seconds", "memory"):
        slope = slopes[f"train {unit}"]
        reached = "–" if math.isnan(slope) else f"{slope:.2f} over {sizes[0]:,} to {sizes[-1]:,}"
        name = f"exponent of training, {unit}, preset small"
        found.append(Goal(name, "≤ 1.00", reached, slope <= 1 if spans else None))
    closed = [one for one in measured if one.plan.size == CLOSED_FORMS]
    told = "; ".join(one.error or _told(one) for one in closed) or "–"
    done = any(not one.error for one in closed) if closed else None
    found.append(Goal(f"import and closed forms at {CLOSED_FORMS:,}", "done", told, done))
    return found


def _longest(measured: Sequence[Measurement], size: int) -> Goal:
    """The goal of the whole product with preset base; of several budgets the best."""
    runs = [m for m in measured if (m.plan.size, m.plan.preset) == (size, "base") and not m.plan.closed_forms_only]
    times = [one.train["seconds"] for one in runs if not one.error]
    told = f"{min(times):,.0f} s" if times else "; ".join(one.error for one in runs) or "–"
    done = bool(times) and min(times) <= LONGEST_S[size] if runs else None
    return Goal(f"training at {size:,}, preset base", f"≤ {LONGEST_S[size]:,} s", told, done)


def _told(one: Measurement) -> str:
    return f"import {one.import_['seconds']:,.0f} s, training {one.train['seconds']:,.0f} s"
