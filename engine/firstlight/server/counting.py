"""Histograms that are counted in memory first: to write every observation where a scrape sees it costs much more."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from prometheus_client import Histogram


class Observations:
    """Of one series, since they were last handed on. ``bounds``: upper ones, ascending."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class CountedHistogram(Histogram):
    """Takes many observations at once."""

    def add(self, observed: Observations) -> None:
        """``observed`` with the bounds of this histogram."""
        self._sum.inc(observed.total)
        for bucket, count in zip(self._buckets, observed.counts, strict=True):
            if count:
                bucket.inc(count)
