"""Where the microseconds of a request go: one process, one query at a time, every guarded call timed."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any, TypeVar

from firstlight.pipeline import Isolation, Recommendation, Recommender
from firstlight.pipeline.isolation import Batch
from firstlight.plugins import load_plugins
from firstlight.server import from_proto, to_proto
from firstlight.server.checks import Checks
from firstlight.settings import Settings
from firstlight.store import open_store
from firstlight.v1.recommendation_service_pb2 import RecommendRequest, RecommendResponse

T = TypeVar("T")
READ, WRITE, REST = "read the request", "write the response", "everything between"
DEADLINE_S = 5.0


class Watch(dict[str, float]):
    """Seconds by stage."""

    def timed(self, stage: str, function: Callable[[], T]) -> T:
        """What ``function`` returns; its time is added to ``stage``."""
        start = time.perf_counter()
        found = function()
        self[stage] = self.get(stage, 0.0) + time.perf_counter() - start
        return found


class TimedIsolation(Isolation):
    """The guard as it is, with a watch on every call."""

    watch: Watch

    def batch(self, absent: Mapping[str, str], *, remaining_s: float | None = None) -> Batch:
        """Guarded calls that are timed."""
        return TimedBatch(self, absent, remaining_s)


class TimedBatch(Batch):
    """Calls whose time is kept by component and operation."""

    def __call__(self, component: str, operation: str, function: Callable[[], T], *, named: bool = True) -> T | None:
        call = super().__call__
        watch = self._isolation.watch  # type: ignore[attr-defined]  # made by TimedIsolation
        return watch.timed(f"{component}: {operation}", lambda: call(component, operation, function, named=named))


class TimedRecommender(Recommender):
    """One whose engines are timed."""

    def _isolation(self) -> Isolation:
        return TimedIsolation(self._plugins, self._settings.isolation)


def stages(settings: Settings, asked: Sequence[RecommendRequest], rounds: int) -> dict[str, float]:
    """Microseconds a request by stage, the least of ``rounds``: what it takes when nothing comes between."""
    with closing(open_store(settings)) as store:
        recommender = TimedRecommender(store, settings, load_plugins(settings.plugin_rules))
        isolation = recommender.load("default").isolation
        assert isinstance(isolation, TimedIsolation)
        least: dict[str, float] = defaultdict(lambda: float("inf"))
        for _ in range(rounds + 1):  # the first only warms
            isolation.watch = watch = Watch()
            start = time.perf_counter()
            for request in asked:
                _answer(recommender, request, watch)
            whole = time.perf_counter() - start
            watch[REST] = whole - sum(watch.values())
            for stage, seconds in watch.items():
                least[stage] = min(least[stage], seconds / len(asked) * 1e6)
        return dict(least)


def _answer(recommender: Recommender, request: RecommendRequest, watch: Watch) -> None:
    query = watch.timed(READ, lambda: _read(request))
    (answer,) = recommender.recommend("default", [query], remaining_s=DEADLINE_S)
    watch.timed(WRITE, lambda: _write(answer))


def _read(request: RecommendRequest) -> Any:
    with Checks() as checks:
        return from_proto.query(request.query, "query", checks)


def _write(answer: Recommendation) -> bytes:
    return RecommendResponse(recommendation=to_proto.recommendation(answer)).SerializeToString()
