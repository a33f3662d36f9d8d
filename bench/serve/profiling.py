"""Where the microseconds of a request go: one process, one query at a time, every call of a component timed."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, TypeVar

from firstlight.pipeline import Recommendation, Recommender
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
        self.add(stage, time.perf_counter() - start)
        return found

    def add(self, stage: str, seconds: float) -> None:
        """More of ``stage``."""
        self[stage] = self.get(stage, 0.0) + seconds


def stages(settings: Settings, asked: Sequence[RecommendRequest], rounds: int) -> dict[str, float]:
    """Microseconds a request by stage, the least of ``rounds``: what it takes when nothing comes between."""
    with closing(open_store(settings)) as store:
        recommender = Recommender(store, settings, load_plugins(settings.plugin_rules))
        least: dict[str, float] = defaultdict(lambda: float("inf"))
        for _ in range(rounds + 1):  # the first only warms
            watch = Watch()
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
    for operation, component, began, ended in answer.timings:
        if component:
            watch.add(f"{component}: {operation}", ended - began)
    watch.timed(WRITE, lambda: _write(answer))


def _read(request: RecommendRequest) -> Any:
    with Checks() as checks:
        return from_proto.query(request.query, "query", checks)


def _write(answer: Recommendation) -> bytes:
    return RecommendResponse(recommendation=to_proto.recommendation(answer)).SerializeToString()
