"""The Python side of bench/clients: slices of calls in a closed loop, through the client or the bare stub.

Both make their message in each call, as a caller would.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
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


class Slice:
    """The calls of one line of the standard input."""

    def __init__(self, seconds: float) -> None:
        self._start = time.perf_counter()
        self._end = self._start + seconds
        self._latencies_ms: list[float] = []
        self._errors = 0

    def goes_on(self) -> bool:
        """Whether another call begins."""
        return time.perf_counter() < self._end

    def add(self, began: float) -> None:
        """A call that began then and ends now."""
        self._latencies_ms.append(round(1000 * (time.perf_counter() - began), 3))

    def failed(self) -> None:
        """A call that failed."""
        self._errors += 1

    def print(self) -> None:
        """What is known once all calls have ended."""
        seconds = round(time.perf_counter() - self._start, 4)
        told = {"seconds": seconds, "latencies_ms": self._latencies_ms, "errors": self._errors}
        print(json.dumps(told), flush=True)


def run(given: argparse.Namespace) -> None:
    """One line for each line ``MODE SECONDS`` of the standard input."""
    request = RecommendRequest.FromString(given.request.read_bytes())
    query = request.query
    fields = {"user_id": query.user_id, "limit": query.limit}
    if query.history or query.profile:
        raise ValueError("the benchmark's query has a user and a limit, and no more")
    if given.aio:
        asyncio.run(_waiting(given, fields))
    else:
        _blocking(given, fields)


def _blocking(given: argparse.Namespace, fields: dict[str, Any]) -> None:
    def loop(call: Callable[[], object], tally: Slice) -> None:
        while tally.goes_on():
            began = time.perf_counter()
            try:
                call()
                tally.add(began)
            except Exception:
                tally.failed()

    with (
        ThreadPoolExecutor(given.in_flight) as threads,
        Client.connect(given.server) as client,
        grpc.insecure_channel(given.server) as channel,
    ):
        stub = RecommendationServiceStub(channel)
        calls: dict[str, Callable[[], object]] = {
            "client": lambda: client.recommend(**fields),
            "bare": lambda: stub.Recommend(RecommendRequest(query=Query(**fields)), timeout=10),
        }
        for line in sys.stdin:
            mode, seconds = line.split()
            tally = Slice(float(seconds))
            list(threads.map(loop, [calls[mode]] * given.in_flight, [tally] * given.in_flight))
            tally.print()


async def _waiting(given: argparse.Namespace, fields: dict[str, Any]) -> None:
    async def loop(call: Callable[[], Awaitable[object]], tally: Slice) -> None:
        while tally.goes_on():
            began = time.perf_counter()
            try:
                await call()
                tally.add(began)
            except Exception:
                tally.failed()

    async with AsyncClient.connect(given.server) as client, grpc.aio.insecure_channel(given.server) as channel:
        stub: Any = RecommendationServiceStub(channel)
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "client": lambda: client.recommend(**fields),
            "bare": lambda: stub.Recommend(RecommendRequest(query=Query(**fields)), timeout=10),
        }
        while line := await asyncio.to_thread(sys.stdin.readline):
            mode, seconds = line.split()
            tally = Slice(float(seconds))
            await asyncio.gather(*[loop(calls[mode], tally) for _ in range(given.in_flight)])
            tally.print()
