"""How long the stages of answers take, counted in memory first: Prometheus' histograms cost more than some stages."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable

from prometheus_client import Histogram

from firstlight.pipeline import Timing

BOUNDS_S = (
    *(0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5),
    *(0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
)


class _Counted(Histogram):
    """Takes many observations at once."""

    def add(self, counts: list[int], total_s: float) -> None:
        """``counts``: one for each of :data:`BOUNDS_S` and one for what is above them."""
        self._sum.inc(total_s)
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)


_STAGES = _Counted(
    "firstlight_stage_duration_seconds",
    "Seconds that a stage of answering took, once for all calls that are answered together.",
    ["stage"],
    buckets=BOUNDS_S,
)
_COMPONENTS = _Counted(
    "firstlight_component_duration_seconds",
    "Seconds that a call of a component took within a stage.",
    ["component", "operation"],
    buckets=BOUNDS_S,
)


class _Times:
    __slots__ = ("counts", "total_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.total_s = 0.0


class StageTimes:
    """Counts timings; safe to share among threads."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Times] = {}
        self._lock = threading.Lock()

    def add(self, timings: Iterable[Timing]) -> None:
        """Count each."""
        with self._lock:
            kept = self._kept
            for stage, component, began, ended in timings:
                times = kept.get((stage, component))
                if times is None:
                    times = kept[stage, component] = _Times()
                took_s = ended - began
                times.counts[bisect_left(BOUNDS_S, took_s)] += 1
                times.total_s += took_s

    def flush(self) -> None:
        """Hand what was counted since the last time to the histograms."""
        with self._lock:
            counted, self._kept = self._kept, {}
        for (stage, component), times in counted.items():
            histogram = _COMPONENTS.labels(component, stage) if component else _STAGES.labels(stage)
            histogram.add(times.counts, times.total_s)
