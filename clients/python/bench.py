"""The Python side of bench/clients: a closed loop of unary ``Recommend``, through the client or the bare stub.

Both make their message in each call, as a caller would.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import grpc.aio

from firstlight.client import AsyncClient, Client
from firstlight.v1.recommendation_pb2 import Query
from firstlight.v1.recommendation_service_pb2 import RecommendRequest
from firstlight.v1.recommendation_service_pb2_grpc import RecommendationServiceStub

WARM_UP_S = 0.5


class Tally:
    """Latencies of the calls that began after the warm-up."""

    def __init__(self, seconds: float) -> None:
        self._start = time.perf_counter() + WARM_UP_S
        self._end = self._start + seconds
        self._last = self._start
        self._latencies: list[float] = []
        self._errors = 0

    def goes_on(self) -> bool:
        """Whether another call begins."""
        return time.perf_counter() < self._end

    def add(self, began: float) -> None:
        """A call that began then and ends now."""
        if began >= self._start:
            self._last = time.perf_counter()
            self._latencies.append(self._last - began)

    def failed(self) -> None:
        """A call that failed."""
        self._errors += 1

    def to_json(self) -> dict[str, Any]:
        """What the runner prints."""
        ordered = sorted(self._latencies) or [0.0]

        def percentile(share: float) -> float:
            return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)

        return {
            "calls": len(self._latencies),
            "seconds": round(self._last - self._start, 3),
            "p50_ms": percentile(0.5),
            "p99_ms": percentile(0.99),
            "errors": self._errors,
        }


def run(given: argparse.Namespace) -> dict[str, Any]:
    """The figures of one run."""
    request = RecommendRequest.FromString(given.request.read_bytes())
    query = request.query
    fields = {"user_id": query.user_id, "limit": query.limit}
    if query.history or query.profile:
        raise ValueError("the benchmark's query has a user and a limit, and no more")
    if given.aio:
        return asyncio.run(_waiting(given, fields))
    return _blocking(given, fields)


def _blocking(given: argparse.Namespace, fields: dict[str, Any]) -> dict[str, Any]:
    tally = Tally(given.seconds)

    def loop(call: Callable[[], object]) -> None:
        while tally.goes_on():
            began = time.perf_counter()
            try:
                call()
                tally.add(began)
            except Exception:
                tally.failed()

    with ThreadPoolExecutor(given.in_flight) as threads:
        if given.mode == "client":
            with Client.connect(given.server) as client:
                list(threads.map(loop, [lambda: client.recommend(**fields)] * given.in_flight))
        else:
            with grpc.insecure_channel(given.server) as channel:
                stub = RecommendationServiceStub(channel)
                call = lambda: stub.Recommend(RecommendRequest(query=Query(**fields)), timeout=10)  # noqa: E731
                list(threads.map(loop, [call] * given.in_flight))
    return tally.to_json()


async def _waiting(given: argparse.Namespace, fields: dict[str, Any]) -> dict[str, Any]:
    tally = Tally(given.seconds)

    async def loop(call: Callable[[], Awaitable[object]]) -> None:
        while tally.goes_on():
            began = time.perf_counter()
            try:
                await call()
                tally.add(began)
            except Exception:
                tally.failed()

    if given.mode == "client":
        async with AsyncClient.connect(given.server) as client:
            await asyncio.gather(*[loop(lambda: client.recommend(**fields)) for _ in range(given.in_flight)])
    else:
        async with grpc.aio.insecure_channel(given.server) as channel:
            stub: Any = RecommendationServiceStub(channel)
            call = lambda: stub.Recommend(RecommendRequest(query=Query(**fields)), timeout=10)  # noqa: E731
            await asyncio.gather(*[loop(call) for _ in range(given.in_flight)])
    return tally.to_json()
