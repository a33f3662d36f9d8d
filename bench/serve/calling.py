"""Callers whose answers are kept, for what a server must never do while it is called."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import grpc.aio
from parts import log
from serving import OWN_CONNECTION, Server

from firstlight.v1.recommendation_pb2 import Recommendation
from firstlight.v1.recommendation_service_pb2 import RecommendRequest
from firstlight.v1.recommendation_service_pb2_grpc import RecommendationServiceStub

CALLERS, PAUSE_S = 8, 0.05


@dataclass(frozen=True)
class Call:
    """``answer``: None where it failed; ``user``: the number of its request."""

    user: int
    began: float
    took_ms: float
    answer: Recommendation | None


@dataclass
class Callers:
    """Several that call without retries, each over a connection of its own, with a pause after each answer."""

    server: Server
    asked: Sequence[RecommendRequest]
    calls: list[Call] = field(default_factory=list)
    done: bool = False

    async def run(self) -> None:
        """Until :attr:`done`."""
        await asyncio.gather(*map(self._call, range(CALLERS)))

    async def _call(self, caller: int) -> None:
        async with grpc.aio.insecure_channel(self.server.address, OWN_CONNECTION) as channel:
            stub = RecommendationServiceStub(channel)
            user = caller
            while not self.done:
                began, answer = time.perf_counter(), None
                try:
                    answer = (await stub.Recommend(self.asked[user], timeout=10)).recommendation
                except grpc.aio.AioRpcError as error:
                    log(f"a call failed: {error.code().name} {error.details()}")
                self.calls.append(Call(user, began, 1000 * (time.perf_counter() - began), answer))
                user = (user + CALLERS) % len(self.asked)
                await asyncio.sleep(PAUSE_S)
