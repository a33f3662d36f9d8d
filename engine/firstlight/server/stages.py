"""How long the stages of answers take, and the calls of components within them."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from firstlight.pipeline import Timing
from firstlight.server.counting import CountedHistogram, Observations

BOUNDS_S = (
    *(0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5),
    *(0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
)


_STAGES = CountedHistogram(
    "firstlight_stage_duration_seconds",
    "Seconds that a stage of answering took, once for all calls that are answered together.",
    ["stage"],
    buckets=BOUNDS_S,
)
_COMPONENTS = CountedHistogram(
    "firstlight_component_duration_seconds",
    "Seconds that a call of a component took within a stage.",
    ["component", "operation"],
    buckets=BOUNDS_S,
)


class StageTimes:
    """Counts timings; safe to share among threads."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Observations] = {}
        self._lock = threading.Lock()

    def add(self, timings: Iterable[Timing]) -> None:
        """Count each."""
        with self._lock:
            kept = self._kept
            for stage, component, began, ended in timings:
                observed = kept.get((stage, component))
                if observed is None:
                    observed = kept[stage, component] = Observations(BOUNDS_S)
                observed.observe(ended - began)

    def flush(self) -> None:
        """Hand what was counted since the last time to the histograms."""
        with self._lock:
            counted, self._kept = self._kept, {}
        for (stage, component), observed in counted.items():
            histogram = _COMPONENTS.labels(component, stage) if component else _STAGES.labels(stage)
            histogram.add(observed)
