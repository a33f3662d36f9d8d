"""How long the stages of an answer take."""

from __future__ import annotations

from time import perf_counter

Timing = tuple[str, str, float, float]
"""A stage, the component whose call it was (empty: the engine's own), when it began and when it ended, in seconds of
``time.perf_counter``. A plain tuple: each answer makes some dozens."""


class Stopwatch:
    """Stages one after another, and calls of components within them."""

    __slots__ = ("_at", "timings")

    def __init__(self) -> None:
        self.timings: list[Timing] = []
        self._at = perf_counter()

    def lap(self, stage: str, *, ended: float | None = None) -> None:
        """``stage`` began where the last one ended and ended now, or at ``ended``; the next one begins now."""
        now = perf_counter()
        self.timings.append((stage, "", self._at, now if ended is None else ended))
        self._at = now

    def called(self, component: str, operation: str, began: float) -> None:
        """A call of ``component`` that ``began`` then ends now."""
        self.timings.append((operation, component, began, perf_counter()))
